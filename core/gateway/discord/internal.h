/* SPDX-License-Identifier: Apache-2.0
 *
 * The Discord gateway inside: discord.c has its life, start.c what is asked at the start, dispatch.c
 * what comes in, resume.c what the next process goes on from, piece.c, answer.c and ending.c what goes
 * out, say.c what is said beside it, typing.c the signs of work, press.c interactions.
 */
#ifndef GATEWAY_DISCORD_INTERNAL_H
#define GATEWAY_DISCORD_INTERNAL_H

#include "base/list.h"
#include "gateway/command.h"
#include "gateway/discord/discord.h"
#include "gateway/discord/fetch.h"
#include "gateway/discord/outbox.h"
#include "gateway/discord/rest.h"
#include "gateway/discord/rights.h"
#include "gateway/discord/route.h"
#include "gateway/discord/seq.h"
#include "gateway/discord/session.h"
#include "gateway/gateway.h"
#include "loop/scope.h"
#include "store/spool.h"
#include "store/store.h"

enum discord_content { DISCORD_CONTENT_AUTO, DISCORD_CONTENT_YES, DISCORD_CONTENT_NO };
enum discord_stream { DISCORD_STREAM_EDITS, DISCORD_STREAM_PARTIAL, DISCORD_STREAM_OFF };

enum discord_commands_place {
    DISCORD_COMMANDS_GLOBAL,
    DISCORD_COMMANDS_GUILD,
    DISCORD_COMMANDS_OFF,
};

/* Slash commands; see register.c. */
/* For whom commands are registered. */
struct discord_commands_at {
    enum discord_commands_place place;
    char guild[24]; /* "" where it is all */
};

struct discord_commands {
    struct gateway_commands *all;   /* of the current set; NULL: not known */
    struct discord_commands_at at;  /* where they are to be                */
    struct discord_commands_at old; /* where this process has put them     */
    bool placed;                    /* it has                              */
    bool stale, busy;               /* there is something to register; somebody is at it */
    size_t registered;              /* of the last list that Discord has                 */
    uint64_t overwrites;
    char *left_out; /* a line each; NULL: nothing */
    char why[512];  /* it is not registered */
};

#define DISCORD_ORIGINALS_MAX 1024
#define DISCORD_CHAIN_MAX     5 /* messages of a chain of replies, the quoted one among them */

struct discord {
    struct gateway gateway; /* first: the engine hands this back */
    struct discord_options options;
    struct loop *loop;
    struct store *store;
    char *token, *api, *ca_file, *proxy;
    int compress;          /* enum discord_compress */
    unsigned global_limit; /* UINT_MAX: none        */
    /* [discord], as of the last reload. */
    enum discord_content content;
    enum discord_stream stream;
    uint64_t first_text_ms, edit_ms;
    uint64_t
        settle_ms; /* how long the end of an answer waits for a message that is being created */
    char *prefix;  /* [discord] prefix                              */
    char *report_channel; /* [discord] report_channel; NULL: none */
    struct discord_reports {
        struct discord_reports_of {
            unsigned count; /* since … */
            uint64_t began;
        } of[DISCORD_REPORT_KINDS];
    } reports;
    bool acknowledge;
    struct {
        bool again, rate, stop;
    } offers;         /* [discord] buttons */
    size_t code_file; /* units of a block of code that goes out as a file; 0: none does */
    struct discord_threading threading;
    uint64_t *thread_places; /* behind threading.places */
    struct map threads;      /* of the bot's, by the id's bytes; threads.c */
    uint64_t *thread_ring;   /* the same, oldest at thread_next */
    size_t thread_next;
    struct discord_said *said; /* chain.c: messages of the last minutes */
    size_t said_next;
    struct discord_fetch_rules fetch;
    char *cdn;       /* behind fetch.cdn */
    bool own_owners; /* named in the file: the application's do not count */
    struct discord_route_rules rules;
    /* Parts. */
    struct discord_rest *rest;
    struct discord_outbox *outbox;
    struct discord_session *session;
    struct scope scope; /* root: start-up and small tasks */
    struct op *closed, *waiter;
    /* What the start found out. */
    char self[24], application[24];
    char *name;
    uint64_t *owners; /* behind rules.owners */
    bool application_known;
    bool refused;     /* the token is no good, or Discord says that trying again is none */
    bool quiet;       /* no event is taken any more                                       */
    char why[512];    /* what holds up the start, or ended it; "" where nothing does       */
    char notice[256]; /* what the owner should know; "" where there is nothing            */
    size_t guilds;
    /* Up to where events are taken. */
    struct discord_rights rights;
    struct discord_seq seq;
    int64_t pressed;              /* mark of a press whose number is not stored yet; 0: none */
    struct discord_resume resume; /* the session; seq: the newest that is stored, or on its way */
    struct loop_timer timer;
    unsigned writes;              /* of the store that are under way                */
    size_t ending;                /* answers between their last batch and its outcome */
    struct discord_answer *ahead; /* that is to go ahead, see ahead.c; NULL: none */
    struct loop_task ahead_task;
    bool ahead_posted;
    bool seq_writing;   /* of these, the timer's                          */
    bool session_stale; /* `resume` is to be stored, by a coroutine of its own */
    bool session_writing;
    struct discord_commands commands;
    struct list_link answers, works, presses, openings, waits;
    size_t waiting; /* of `waits` */
    struct {
        uint64_t identified_ms; /* clock_ms() of the last identify in the spool; 0: none */
        unsigned identifies, ticks;
    } spool;
    /* The last turns whose deferred response is a message now. */
    int64_t originals[DISCORD_ORIGINALS_MAX];
    size_t original_next;
    uint64_t dispatched, owed, seen, ignored;
};

/* ---- start.c --------------------------------------------------------------------------------- */

/* Begins to ask who we are and what the application may have. */
void discord_ask(struct discord *discord);
uint32_t discord_intents(struct discord *discord);
/* The session's question for an address. [waits] */
troupe_status discord_base_url(void *discord, char ret[256], struct error *err);
/* What an answer, or READY, says about the bot's user and application. */
void discord_account(struct discord *discord, const json_t *user);
void discord_application(struct discord *discord, const json_t *application);

/* ---- dispatch.c ------------------------------------------------------------------------------ */

void discord_dispatch(void *discord, const struct discord_scan *scan, char *json, size_t len);

/* ---- threads.c ------------------------------------------------------------------------------- */

/* What earlier processes knew. [waits] */
void discord_threads_load(struct discord *discord);
/* From now on the thread's messages are for the bot. */
void discord_threads_add(struct discord *discord, uint64_t thread);
void discord_threads_configure(struct discord *discord, const struct config_section *section);
void discord_threads_clear(struct discord *discord);

/* ---- chain.c --------------------------------------------------------------------------------- */

/* gateway_ops.chain. */
troupe_status discord_chain(struct gateway *gateway, const struct event *event, char **ret);
/* A message that need not be asked for; one that was deleted. */
void discord_chain_note(struct discord *discord, const struct event *event);
void discord_chain_forget(struct discord *discord, const char *id);
void discord_chain_clear(struct discord *discord);

/* ---- typing.c -------------------------------------------------------------------------------- */

void discord_typing_set(struct discord *discord, const struct event *event, bool on);
/* Something of its answer was written: it is alive. */
void discord_typing_progress(struct discord *discord, const struct event *event);
void discord_typing_clear(struct discord *discord); /* REST is gone already */

/* ---- waits.c --------------------------------------------------------------------------------- */

void discord_waits(struct gateway *gateway, const struct event *event, bool on);
void discord_waits_clear(struct discord *discord); /* REST is gone already */
/* gateway_ops.patience. [waits] */
troupe_status discord_patience(struct gateway *gateway, const struct event *event,
                               const char *text);

/* ---- spool.c --------------------------------------------------------------------------------- */

/* The store is away, and there is a spool. */
bool discord_spool_needed(const struct discord *discord);
void discord_spool_session(struct discord *discord);
void discord_spool_tick(struct discord *discord); /* each second */
/* As discord_store_identify. [waits] */
troupe_status discord_spool_identify(struct discord *discord, uint64_t *ret_wait_ms,
                                     struct error *err);

/* ---- press.c --------------------------------------------------------------------------------- */

/* An interaction came: it is acknowledged in time, whatever becomes of it. */
void discord_press_open(struct discord *discord, const struct event *event);
/* The engine has those up to `seq`: they are acknowledged now. */
void discord_press_taken(struct discord *discord, int64_t seq);
/* A sentence to who pressed, alone. [waits] */
troupe_status discord_press_tell(struct discord *discord, const struct event *event,
                                 const char *text);
/* The same without waiting, as the first answer to it. */
void discord_press_refuse(struct discord *discord, const struct event *event, int callback,
                          const char *text);
/* gateway_ops.form. [waits] */
troupe_status discord_press_form(struct gateway *gateway, const struct event *event,
                                 const struct gateway_form *form);
/* gateway_ops.leave */
void discord_press_leave(struct gateway *gateway, const struct event *event);
/* Whether it has no first answer yet: whoever asks gives it now. */
bool discord_press_settle(struct discord *discord, const struct event *event);
void discord_press_clear(struct discord *discord); /* REST is gone already */

/* ---- retire.c -------------------------------------------------------------------------------- */

/* The pressed message's buttons do nothing any more: gateway_ops.retire. */
void discord_retire(struct gateway *gateway, const struct event *event, const char *line);
/* Nor do those of a question that nobody answered: gateway_ops.expire. [waits] */
void discord_expire(struct gateway *gateway, const struct event *event, int64_t turn,
                    unsigned ordinal, const char *line);

/* ---- command.c ------------------------------------------------------------------------------- */

/* A slash command came: `interaction` becomes its event, which is acknowledged at once; what cannot be
 * taken is answered. NULL: there is nothing to submit. */
struct event *discord_command_take(struct discord *discord, const struct event *interaction,
                                   const char *data, size_t len);
/* The same for an option that is being typed: it is answered. */
void discord_command_complete_now(struct discord *discord, const struct event *interaction,
                                  const char *data, size_t len);
/* Whether the acknowledgement of the event is under way. */
bool discord_command_opening(void *discord, const struct event *event);
/* A sentence that nothing keeps, to who used the command, alone. [waits] */
troupe_status discord_command_tell(struct discord *discord, const struct event *event,
                                   const char *text, struct error *err);
/* Whether the deferred response of the turn's command is a message already; that it is one now. */
bool discord_original_used(const struct discord *discord, int64_t turn);
void discord_original_use(struct discord *discord, int64_t turn);
void discord_original_unuse(struct discord *discord, int64_t turn);
/* Learns that of the turns that an earlier process left. [waits] */
void discord_originals_load(struct discord *discord);

/* ---- answer.c -------------------------------------------------------------------------------- */

troupe_status discord_answer_begin(struct gateway *gateway, const struct event *event, int64_t turn,
                                   unsigned ordinal, enum gateway_kind kind, void **ret,
                                   struct error *err);
size_t discord_answer_shown(struct gateway *gateway, void *handle, const char **ret_text);
troupe_status discord_answer_write(struct gateway *gateway, void *handle, const char *text,
                                   size_t len);
troupe_status discord_answer_prepare(struct gateway *gateway, void *handle,
                                     const struct gateway_final *final, struct store_batch *batch,
                                     struct error *err);
void discord_answer_commit(struct gateway *gateway, void *handle);
void discord_answer_drop(struct gateway *gateway, void *handle);
void discord_answer_failed(struct gateway *gateway, void *handle);
void discord_ahead_clear(struct discord *discord); /* after discord_answer_clear */
void discord_answer_clear(struct discord *discord);

/* ---- report.c -------------------------------------------------------------------------------- */

/* Whether another report of the kind may be told at `now` (milliseconds of the loop); it then counts. */
bool discord_report_allowed(struct discord_reports *reports, enum discord_report_kind kind,
                            uint64_t now);

/* ---- say.c ----------------------------------------------------------------------------------- */

/* gateway_ops.notice. [waits] */
troupe_status discord_notice(struct gateway *gateway, const struct event *event, const char *text,
                             bool private);

/* ---- register.c ------------------------------------------------------------------------------ */

/* Has Discord know the commands, if it does not; in a coroutine of its own. */
void discord_register(struct discord *discord);
void discord_commands_configure(struct discord *discord, const struct config_section *section);
json_t *discord_commands_status(const struct discord *discord); /* the caller's */
void discord_commands_clear(struct discord *discord);

/* ---- resume.c -------------------------------------------------------------------------------- */

/* gateway_ops.taken and .stored; discord_session_handler.changed. */
void discord_taken(struct gateway *gateway, int64_t seq, struct store_batch *batch);
void discord_stored(struct gateway *gateway, int64_t seq);
void discord_session_changed(void *discord, const struct discord_resume *resume);
/* Stores the number where no event of the engine's took it along. */
void discord_store_newest(struct discord *discord);

/* ---- discord.c ------------------------------------------------------------------------------- */

/* Nothing that is tried again can help: says so once, and gives the session up. */
void discord_refuse(struct discord *discord, const char *sentence);
/* Something that was waited for at the start is there. */
void discord_wake(struct discord *discord);

#endif
