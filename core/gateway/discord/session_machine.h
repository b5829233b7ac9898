/* SPDX-License-Identifier: Apache-2.0
 *
 * The state machine of a session (session.h): what to do at each opcode, close code and time. It
 * knows no socket and no clock, only the table of functions below, so a test drives every case with
 * a clock of its own. session.c is the driver. Loop thread; nothing here waits.
 *
 *     WAITING -> CONNECTING -> GREETING -> COUNTING -> IDENTIFYING -> LIVE
 *                                      \-> RESUMING ----------------/
 *     any -> WAITING when the connection is lost, any -> ENDED
 */
#ifndef GATEWAY_DISCORD_SESSION_MACHINE_H
#define GATEWAY_DISCORD_SESSION_MACHINE_H

#include "gateway/discord/close.h"
#include "gateway/discord/pace.h"
#include "gateway/discord/session.h"

#define DISCORD_PAYLOAD_MAX 4096 /* bytes of what is sent (gateway.mdx, "Sending Events") */

/* The world below; `io` is what discord_machine_init was given. None of them calls back into the
 * machine before it returns. */
struct discord_machine_io {
    uint64_t (*now)(void *io);  /* monotonic ms                                            */
    double (*random)(void *io); /* [0, 1)                                                  */
    /* Call discord_machine_alarm at `at`, once; replaces the one before. 0: never. */
    void (*alarm)(void *io, uint64_t at);
    /* Connect to `url` (without query), or to the base URL where NULL. By `deadline` it is answered
     * with discord_machine_connected, unless `close` comes first. */
    void (*connect)(void *io, const char *url, uint64_t deadline);
    troupe_status (*send)(void *io, const char *text, size_t len);
    /* Ends the connection, or the attempt at one: nothing of it is told any more. 1000 only for
     * good. */
    void (*close)(void *io, int code, const char *why);
    /* Ask the handler whether an identify may leave; answered with discord_machine_counted, unless
     * `close` comes first. */
    void (*count)(void *io);
};

enum discord_step {
    DISCORD_STEP_WAITING,
    DISCORD_STEP_CONNECTING,
    DISCORD_STEP_GREETING,    /* for HELLO */
    DISCORD_STEP_COUNTING,    /* for the handler's leave to identify */
    DISCORD_STEP_IDENTIFYING, /* for READY */
    DISCORD_STEP_RESUMING,    /* for RESUMED */
    DISCORD_STEP_LIVE,
    DISCORD_STEP_ENDED,
};

struct discord_machine {
    const struct discord_machine_io *io;
    void *io_arg;
    const struct discord_session_handler *handler;
    void *arg;
    char *token;
    uint32_t intents;
    unsigned shard, shard_count;
    uint64_t self;
    double scale;

    enum discord_step step;
    struct discord_resume resume; /* the session; seq is also the one that heartbeats tell */

    /* This connection. */
    bool on_base;     /* it goes to the base URL                          */
    bool greeted;     /* HELLO came                                       */
    bool sent_away;   /* Discord said that it is to end                   */
    bool progress;    /* an event came that was not here before           */
    bool repeated;    /* an event came that was here before, and was told */
    bool ack_pending; /* no ACK since the last heartbeat by the clock     */
    uint64_t beat_sent, next_beat;
    uint32_t interval;
    uint64_t live_since;
    struct discord_pace pace;

    /* Until something happens: connect (WAITING), or give up (the others; 0: never). */
    uint64_t deadline;

    unsigned failures;      /* in a row, for the pauses                                     */
    unsigned host_failures; /* at the session's own address                                 */
    unsigned base_failures; /* resuming at the base URL, which answered                     */
    unsigned identifies;    /* in a row, without a minute of health between                 */
    uint64_t last_identify; /* when one left, 0: never                                      */
    struct discord_session_stats stats;
};

/* Copies the options; begins nothing. */
void discord_machine_init(struct discord_machine *machine,
                          const struct discord_session_options *options,
                          const struct discord_machine_io *io, void *io_arg,
                          const struct discord_session_handler *handler, void *arg);
void discord_machine_clear(struct discord_machine *machine);
/* Begins to connect, with the next alarm. */
void discord_machine_start(struct discord_machine *machine);
/* Closes for good: with 1000, or where the session is kept in a way that Discord keeps it, too. */
void discord_machine_stop(struct discord_machine *machine, bool keep);

/* What the world says. */
void discord_machine_alarm(struct discord_machine *machine);
void discord_machine_connected(struct discord_machine *machine, troupe_status status,
                               const char *why);
void discord_machine_counted(struct discord_machine *machine, troupe_status status,
                             uint64_t wait_ms, const char *why);
/* One message, unpacked and with a NUL behind it. */
void discord_machine_message(struct discord_machine *machine, char *json, size_t len);
/* What came cannot be read: torn compression, above a bound. The connection is given up. */
void discord_machine_broken(struct discord_machine *machine, const char *why);
void discord_machine_closed(struct discord_machine *machine, int code, const char *reason);

troupe_status discord_machine_send(struct discord_machine *machine, const char *json, size_t len);

/* Between the parts of the machine: session_machine.c, session_receive.c, session_send.c. */

static inline uint64_t discord_machine_now(const struct discord_machine *machine)
{
    return machine->io->now(machine->io_arg);
}
/* The machine's own waits, as tests scale them. */
static inline uint64_t discord_machine_scaled(const struct discord_machine *machine, uint64_t ms)
{
    return (uint64_t)((double)ms * machine->scale);
}
static inline bool discord_machine_has_session(const struct discord_machine *machine)
{
    return machine->resume.session_id[0] != '\0';
}
static inline bool discord_machine_is_connected(const struct discord_machine *machine)
{
    return machine->step >= DISCORD_STEP_GREETING && machine->step <= DISCORD_STEP_LIVE;
}
/* Sets the alarm for what comes first. */
void discord_machine_arm(struct discord_machine *machine);
/* Closes the connection in a way that keeps the session at Discord's and goes on as `after` says. */
void discord_machine_drop(struct discord_machine *machine, enum discord_after after,
                          const char *format, ...) __attribute__((format(printf, 3, 4)));
/* READY or RESUMED came. */
void discord_machine_live(struct discord_machine *machine, const char *why);
/* `kept` > 0: only where so many sends of this minute stay free. */
void discord_machine_beat(struct discord_machine *machine, unsigned kept);
void discord_machine_say_resume(struct discord_machine *machine);
void discord_machine_say_identify(struct discord_machine *machine);
/* Never again: tells the handler why. The connection is closed already. */
void discord_machine_end(struct discord_machine *machine, int code, const char *sentence);

#define DISCORD_RESUME_MS 15000 /* to connect and resume, and between two events of a replay */
#define DISCORD_COUNT_MS  25000 /* for the handler to count an identify                      */

#endif
