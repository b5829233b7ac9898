/* SPDX-License-Identifier: Apache-2.0
 *
 * One shard's session with the Discord gateway (v10): connect, identify or resume, heartbeats,
 * every opcode and close code. It keeps the connection up for as long as that makes sense and never
 * closes with 1000 or 1001 unless it is stopped for good, because those end the session. A close
 * code that means "do not come back" (4004, 4010-4014) ends it with a sentence that names the remedy.
 * Loop thread.
 *
 * After a loss the first attempt is made at once. Attempts that fail are paused between, from 0.5 s
 * doubling to 60 s with jitter; a minute of health takes that back. A session whose own address fails
 * three times is resumed at the base URL, and given up for a new one when that answers but does not
 * resume twice: at most 120 s where the base URL works. While nothing can be reached the session is
 * kept.
 */
#ifndef GATEWAY_DISCORD_SESSION_H
#define GATEWAY_DISCORD_SESSION_H

#include "base/error.h"
#include "gateway/discord/scan.h"
#include "loop/loop.h"

#include <stdbool.h>

#define DISCORD_IDENTIFIES_MAX 900 /* in 24 h; Discord resets the token at 1,000 */

/* What survives a restart. */
struct discord_resume {
    char session_id[128]; /* "": none, identify                  */
    char url[256];        /* resume_gateway_url                  */
    int64_t seq;          /* newest that was taken; -1: none     */
};

enum discord_phase {
    DISCORD_CONNECTING,
    DISCORD_WAITING, /* backing off; the reason is in the status */
    DISCORD_READY,
    DISCORD_ENDED, /* fatal, or stopped                        */
};

/* Called on the loop thread. They must not wait, but for the two marked [waits], and must not stop or
 * free the session; discord_session_send is fine. */
struct discord_session_handler {
    /* An event (op 0) as it came, READY and RESUMED, too; `json` is valid, and may be changed, until
     * return. Its seq counts as taken when the call returns. After a resume events may come twice. */
    void (*dispatch)(void *arg, const struct discord_scan *scan, char *json, size_t len);
    /* Everything that had arrived was handed out. */
    void (*drained)(void *arg);
    /* Session id or URL changed (READY, or the session was lost): to be stored. */
    void (*changed)(void *arg, const struct discord_resume *resume);
    /* Before an identify leaves: counts it, durably (discord_store_identify). TROUPE_LIMIT: no more in
     * these 24 h; TROUPE_BUSY: another one of the account is less than 5 s old; both say in
     * `ret_wait_ms` when to ask again. After any other failure the identify does not leave, and is
     * tried again after a pause. It has 20 s. [waits] */
    troupe_status (*identify)(void *arg, uint64_t *ret_wait_ms, struct error *err);
    /* Where to connect without a session, or where the session's own address failed: URL without
     * query, as GET /gateway gives it. It has as long as the attempt to connect, 20 s. [waits] */
    troupe_status (*base_url)(void *arg, char ret[256], struct error *err);
    /* For status, log and health: phase changes and what went wrong, in words. DISCORD_ENDED comes
     * before `fatal`. */
    void (*phase)(void *arg, enum discord_phase phase, const char *why);
    /* It is over and is not tried again: `code` of the close (4004 …) or 0. */
    void (*fatal)(void *arg, int code, const char *sentence);
};

struct discord_session_options {
    const char *token;
    uint32_t intents;
    unsigned shard, shard_count;
    const char *ca_file, *proxy;
    int compress; /* enum discord_compress, the first choice; falls back where it is not there,
                             and is plain for ws:// to this machine                            */
    bool compress_local; /* not there: for tests                                              */
    uint64_t self;       /* the bot's user id, 0 until READY told it */
    struct discord_resume resume; /* of an earlier process */
    /* For tests: factor on the session's own waits (not on Discord's), 1 where 0. */
    double time_scale;
};

struct discord_session;

/* Begins to connect. Everything is copied. */
struct discord_session *discord_session_new(struct loop *loop,
                                            const struct discord_session_options *options,
                                            const struct discord_session_handler *handler,
                                            void *arg);
/* Of the next identify; may be called while that waits for leave (handler.identify). */
void discord_session_intents(struct discord_session *session, uint32_t intents);
/* Ends it. `keep`: another process goes on with the session (the connection is dropped without
 * 1000). [waits, at most 2 s] */
void discord_session_stop(struct discord_session *session, bool keep);
/* It was stopped; NULL is fine. Its memory goes when the loop has turned. */
void discord_session_free(struct discord_session *session);

/* A command of the gateway's (op 3, 8 …) as whole payload, at most 4,096 bytes, else TROUPE_LIMIT;
 * within 120 a minute, of which heartbeats keep their share: TROUPE_BUSY above. TROUPE_UNAVAILABLE
 * while the session is not ready. */
troupe_status discord_session_send(struct discord_session *session, const char *json, size_t len);

struct discord_session_stats {
    enum discord_phase phase;
    int64_t seq;
    uint64_t events, bytes, connects, resumes, identifies, zombies, heartbeats;
    int64_t last_event_ms; /* loop_now() of the last event; liveness is events, not heartbeats */
    uint32_t latency_ms;   /* heartbeat to ACK */
    char why[256];
};
void discord_session_stats(const struct discord_session *session,
                           struct discord_session_stats *ret);

#endif
