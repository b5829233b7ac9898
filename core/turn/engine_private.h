/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's own state, shared by the files of core/turn and by core/host.
 */
#ifndef TURN_ENGINE_PRIVATE_H
#define TURN_ENGINE_PRIVATE_H

#include "loop/chan.h"
#include "loop/op.h"
#include "loop/scope.h"
#include "plugin/set.h"
#include "store/store.h"
#include "turn/budget.h"
#include "turn/budget_stop.h"
#include "turn/budget_tell.h"
#include "turn/erase.h"
#include "turn/limits.h"
#include "turn/seen.h"
#include "turn/settings.h"
#include "turn/spool.h"
#include "turn/turn.h"

#define ENGINE_INTAKE_MAX   1000       /* events between a gateway and the store               */
#define ENGINE_INTAKE_BATCH 100        /* events of one batch                                  */
#define ENGINE_INTAKE_BYTES (1u << 20) /* of their payloads; above it a batch takes no more */
#define ENGINE_BUILTINS_MAX 100        /* of the core's own commands that run at a time         */
#define ENGINE_SEEN_MAX     256        /* messages that are observed from memory at a time     */
#define ENGINE_OWED_MAX     256        /* observers' turns that run at a time                   */
#define ENGINE_OWED_QUEUE   1000       /* of them that wait in memory; the rest waits as rows   */
#define ENGINE_BLAMES_MAX   2          /* crashes of one agent that are blamed on an event    */
#define ENGINE_ATTEMPTS_MAX 100        /* runs of an event; then the next such crash is its end */
#define ENGINE_RECENT       4096       /* events that are known without asking the store       */
#define ENGINE_BUDGET_BOT   "bot" /* the id of the one scope that every reservation counts in */
#define ENGINE_PARK_MS      30000 /* a sleep beyond it parks                               */
#define ENGINE_STORE_MS     10000 /* a commit or query of the engine itself               */
#define ENGINE_NO_STORAGE   "I can't take that now: the storage does not work. Please try again later"
#define ENGINE_TOO_LONG     "that took too long, so I stopped; please try again in a moment"
#define ENGINE_STOPPING     "I am being stopped for maintenance; please ask again in a few minutes"

/* What observers are owed and what is not in memory, because too much is: rows above `last_taken`,
 * up to `last` known to be stored. While there are any, new ones go behind them. */
struct turn_left {
    size_t count;
    int64_t last_taken, last;
    bool taking;
};

struct engine {
    struct engine_options options;
    struct loop *loop;
    struct store *store;
    struct cache *cache; /* NULL: there is none */
    unsigned telling;    /* limits_share.h: that wait for it now */
    struct sched *sched;
    struct plugin_set *set; /* current, pinned */
    struct turn_admission admission;
    struct turn_admission observed; /* of the turns of observers: they hold nobody up */
    struct turn_left left;
    struct turn_seen_pool seen;
    struct turn_budget_limits budget;
    struct turn_budget_aliases aliases;
    struct turn_budget_told refused;
    bool merge; /* [admission] merge */
    struct turn_settings settings;
    int64_t settings_count, settings_sum; /* of the rows, with several hosts on the database */
    struct turn_limits limits;
    struct turn_erase erase;
    struct map bot_turns;   /* channel -> int64_t: guard.c */
    struct map told;        /* channels that were told of a pause */
    uint64_t denied_minute; /* audit.c: of which minute are */
    unsigned denied;        /* so many rows                 */
    uint64_t first_text_ms, total_ms, park_ms;
    struct list_link turns;      /* every turn that exists                                     */
    struct map numbered;         /* the newest of each number but 0; its key is the int64_t    */
    struct list_link incoming;   /* events that are no turn yet: queued, being stored, refused */
    size_t in_flight;            /* batches that will be told                                  */
    struct scope scope;          /* intake and small writes                                    */
    struct chan *intake;         /* of struct engine_incoming                                  */
    struct turn_gathering *open; /* takes more events until the store has it; NULL: none does  */
    size_t gathered;             /* of them that the store has not told about                  */
    struct turn_spool spool;
    size_t builtins;   /* of the core's own commands running                         */
    size_t apart;      /* of incoming                                                */
    int64_t inherited; /* the last event of an earlier process                       */
    /* Numbers that were given out. */
    int64_t last_event, last_reservation, last_wait;
    struct loop_task park_task;
    bool park_posted;
    struct loop_timer due; /* the earliest wait that is over                             */
    int64_t next_due;      /* wall clock; 0: none                                        */
    struct map gateways;   /* name -> struct gateway that came                           */
    struct map recent;     /* "source\nid" of the last ENGINE_RECENT events              */
    char **recent_keys;    /* the same as a ring                                         */
    size_t recent_next;
    struct map recovered; /* gateway's name -> int64_t: the last inherited event taken up */
    unsigned recovering;
    uint64_t calls;                     /* numbers calls from the shell */
    int64_t attached_bytes;             /* of files that go with answers, as file_bytes: attach.c */
    int64_t attach_begun, attach_ended; /* bytes of them that were ever on their way to the store */
    int64_t file_bytes; /* of events' files in the store, at most; below 0: not counted yet */
    struct engine_stats stats;
    /* Draining and closing. */
    bool stopping;         /* drained for good */
    bool closing;          /* the engine's own coroutines end: nothing is taken in any more */
    struct list_link late; /* ends that the store did not take: late.c                  */
    size_t late_count;
    struct loop_timer grace;
    struct op *closed; /* completed when the scope is empty */
    void (*idle)(void *arg);
    void *idle_arg;
    struct loop_task idle_task;
    bool idle_posted;
};

/* An event on its way to the store, or to its refusal. */
struct engine_incoming {
    struct list_link link;
    struct engine *engine;
    struct event *event;
    struct gateway *gateway; /* where it came from; NULL: from none */
    const char *refusal;     /* static */
    bool apart;  /* it is stored, or done, apart from the batches: none of them speaks for it */
    bool stored; /* with a batch that the store has not told about */
    bool copied; /* it is in the spool as well                     */
};
struct engine_incoming *turn_incoming_new(struct engine *engine, struct event *event);
void turn_incoming_free(void *incoming);
/* For what is kept nowhere: said at once, and freed. */
void turn_incoming_refuse(struct engine_incoming *incoming, const char *code, const char *text);
/* Tells the gateway up to which seq nothing of its is under way. */
void turn_intake_settled(struct engine *engine, struct gateway *gateway);

/* Counts a crash of an agent's process for the turn's event. [waits] */
void turn_engine_blame_turn(const struct turn *turn, const struct plugin_agent *agent);

/* Tells whoever drains, soon, once nothing is left. */
void turn_engine_check_idle(struct engine *engine);
/* A turn for the event (whose reference it takes over), known to the engine, not started. */
struct turn *turn_new(struct engine *engine, struct event *event, int64_t id);
/* The running one of that number, or NULL. */
/* The turn is found by this id from now on; 0: by none. */
void turn_set_id(struct turn *turn, int64_t id);
struct turn *turn_engine_turn(const struct engine *engine, int64_t id);
/* The engine stays while something that it handed to the store has not been told. */
void turn_engine_hold(struct engine *engine);
void turn_engine_release(struct engine *engine);
/* What became of the turn's event in the store. */
enum turn_storing { TURN_STORED, TURN_DUPLICATE, TURN_UNSTORED, TURN_SPOOLED };
void turn_stored(struct turn *turn, enum turn_storing outcome);
/* Tells the gateway that somebody is at it, not before the event is known to be new. */
void turn_show_working(struct turn *turn);
/* The names of the stages that the set has for the event, as a JSON list; the set's. */
const char *turn_stage_names(const struct plugin_set *set, const struct event *event);
void turn_take_stages(struct turn *turn, const struct plugin_set *set);
/* Adds the statement that stores them, for a turn that began on a newer set than it was taken. */
void turn_add_stages(const struct turn *turn, struct store_batch *batch);
/* Starts its coroutine, now or as soon as one is free: the set is pinned here. Whatever fails ends
 * in a sentence. */
void turn_start(struct turn *turn);
/* Frees a turn whose own coroutine never ran; soon, not inside the call. */
void turn_dispose(struct turn *turn);
/* Puts it in its lane and starts what may start, or refuses it with a sentence. */
void turn_engine_admit(struct engine *engine, struct turn *turn);
/* Starts what may start now. */
void turn_engine_pump(struct engine *engine);
/* Ends a running or waiting turn from outside its coroutine. */
void turn_cancel(struct turn *turn, const char *reason, const char *sentence);
/* Takes along what else its member has written meanwhile (merge.c). [waits] */
void turn_merge(struct turn *turn);
/* The turn of that number waits, and its end is stored with another one. */
void turn_ended_by_another(struct engine *engine, int64_t id);
/* As a member's wish. */
void turn_stop(struct turn *turn);
/* The same for a message that was taken back: nothing is said, what was shown goes. */
void turn_withdraw(struct turn *turn);
/* Sums up what the turn has spent, where this run does not know all of it. [waits] */
void turn_read_cost(struct turn *turn);
/* The turn's coroutine has done all that is owed. */
void turn_engine_ended(struct turn *turn);
/* Tells the bot's owner, where somebody does that; the caller logs it, too. */
void turn_engine_report(const struct engine *engine, enum turn_report kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The turn is parked: it goes, and runs again at once where it was answered meanwhile. */
void turn_engine_put_aside(struct turn *turn);
/* A deadline for a write of the engine itself. */
static inline uint64_t turn_engine_soon(struct engine *engine)
{
    return loop_now(engine->loop) + ENGINE_STORE_MS;
}

/* Numbers that no event or reservation has yet, of this host or another. */
static inline int64_t turn_engine_next_event(struct engine *engine)
{
    return engine->last_event = store_next_id(engine->store, engine->last_event);
}

static inline int64_t turn_engine_next_reservation(struct engine *engine)
{
    return engine->last_reservation = store_next_id(engine->store, engine->last_reservation);
}

/* adopt.c: whether a press on a message of that turn is for this host to answer, and not for another on
 * the same database, which gets it as well. [waits] */
bool turn_engine_ours(struct engine *engine, int64_t turn_id);
/* wait.c: another host's waits have become ours. [waits] */
troupe_status turn_waits_look(struct engine *engine, struct error *err);

/* The observers' scope of a turn is empty. */
void turn_observers_ended(struct scope *scope);
/* wait.c */
void turn_wait_watch(struct engine *engine, int64_t due_ms);
void turn_waits_due(struct loop_timer *timer);
/* The end of a turn that could not be stored is stored when that works again; `told`: what the member
 * read in place of an answer, NULL where all of that was seen. */
void turn_end_late(struct turn *turn, const char *told);
/* Ends what parked turns of a channel wait for, soon: they run again and hear it. `member` NULL: of
 * everybody. */
void turn_waits_stop(struct engine *engine, const char *channel, const char *member);
/* Takes the turn of an open event up again; `gateway` NULL: the one of its source, where it came;
 * else it stays for that one's coming. [waits] */
troupe_status turn_engine_again(struct engine *engine, int64_t id, struct gateway *gateway,
                                struct error *err);
/* A stored event without its gateway. TROUPE_NOT_FOUND, TROUPE_DATA where it was swept. [waits] */
troupe_status turn_engine_event(struct engine *engine, int64_t id, struct event **ret,
                                struct error *err);
/* recover.c: what the engine must know before it takes in anything. [waits] */
troupe_status turn_recover_begin(struct engine *engine, struct error *err);
/* intake.c */
troupe_status turn_intake_main(void *engine);

/* owed.c: the work of a turn whose event is for observers alone. [waits] */
void turn_observe(struct turn *turn);
/* The observers' turn waits for its place, in memory or as a row. */
void turn_owed_admit(struct turn *turn);
/* Whether one that an earlier process left stays a row for now. */
bool turn_owed_leave_row(struct engine *engine, int64_t id);
/* What became of the row of an observers' turn. */
void turn_owed_stored(struct turn *turn, enum turn_storing outcome);
/* Takes up rows that were left, if there is room. */
void turn_owed_refill(struct engine *engine);
/* The turn of an open event's row, as SQL_TURN_OPEN_EVENTS gives it. */
struct turn *turn_of_row(struct engine *engine, struct event *event, const struct store_rows *rows,
                         size_t row);
/* Whether the message of an event is owed to observers as well. */
bool turn_is_watched(const struct plugin_set *set, const struct event *event);

/* intake.c: no batch stores the gateway's number beyond it, until turn_incoming_free. */
void turn_incoming_apart(struct engine_incoming *incoming);

/* command.c: whether a message is a command, and a built-in that must work at once. */
bool turn_is_command(const struct plugin_set *set, const struct event *event);
/* The name of the command that a message is; false where it is none. */
bool turn_command_name(const struct plugin_set *set, const struct event *event,
                       char ret[PLUGIN_TOOL_NAME + 1]);
bool turn_is_builtin(const struct plugin_set *set, const struct event *event);

/* chain.c: looks up what the message answers; false: the turn is to end. [waits] */
bool turn_chain_open(struct turn *turn);

/* note.c: an event that has ended before it was stored. */
struct turn_ended_event {
    int64_t id;
    const struct event *event;
    const char *payload;
    int64_t generation;
    const char *state, *reason, *sentence, *trace;
    int expect; /* of the batch: 1, where it may not be there already; else 0 */
};
void turn_engine_add_ended(struct store_batch *batch, const struct turn_ended_event *ended);

/* builtin.c, in this order: its gateway is held to it; its answer has a number; it is kept with its
 * messages [waits]; it comes no more. */
void turn_builtin_hold(struct turn *turn);
void turn_builtin_name(struct turn *turn);
void turn_builtin_keep(struct turn *turn, struct store_batch *batch);
void turn_builtin_settle(struct turn *turn);
/* Runs the command of turn->event and answers it. [waits] */
void turn_command(struct turn *turn);
/* False with a sentence while the agent is switched off. */
bool turn_agent_serves(const struct plugin_agent *agent, struct error *err);

#endif
