/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine takes events from gateways to answers: it stores what is owed, admits it in order and
 * fairly, runs the pipeline of the current generation and leaves a trace of every decision. One for
 * the process. Loop thread only; functions marked [waits] need a coroutine.
 */
#ifndef TURN_ENGINE_H
#define TURN_ENGINE_H

#include "base/error.h"
#include "base/json.h"
#include "gateway/gateway.h"
#include "gateway/seen.h"
#include "loop/loop.h"

#include <troupe/turn.h>

struct engine;
struct http_client;
struct plugin_agent;
struct plugin_set;
struct pool;
struct sched;
struct cache;
struct store;
struct store_batch;
struct store_spool;
struct spool_record;

/* What a report to the bot's owner is of: what comes every hour must not keep the others from being told. */
enum turn_report {
    TURN_REPORT_PLAIN,
    TURN_REPORT_HOUR, /* a cap of an hour: a mark of it is passed, or it refuses */
    TURN_REPORT_CAP   /* the same of a day or a month                            */
};

/* A turn has ended: for logs and figures. Texts are borrowed, none is what somebody wrote. */
struct turn_figures {
    int64_t id; /* 0: one of the core's own commands */
    const struct event *event;
    const char *state, *reason;
    const char *stage, *agent, *plugin; /* the last that worked at it; NULL: none did */
    const char *what;                   /* the last that money was reserved for; "" : nothing */
    int64_t cost_micros;
    uint64_t units_in, units_out; /* as the agents count them; 0 with what no unit is known of */
    uint64_t total_ms;            /* from the event's coming, or its being taken up again */
    uint64_t work_ms;             /* of these, from the start of its work                 */
    int64_t first_text_ms;        /* from the event's coming to the first text; -1: none  */
    bool resumed;
};

struct engine_options {
    struct loop *loop;
    struct store *store;
    struct cache *cache; /* NULL: there is none */
    struct http_client *http;
    struct pool *pool;                   /* for what computes long or blocks */
    const troupe_turn_table *turn_table; /* core/host's */
    uint64_t park_ms;                    /* a stage that sleeps longer is put aside; 0: 30 s */
    /* Called at the end of each turn that came to one. May be NULL; must not wait. */
    void (*ended)(void *arg, const struct turn_figures *figures);
    /* An agent has noted a value of its metric `index`; labels as many as it has. The same, and `ended_arg`. */
    void (*measured)(void *arg, const struct plugin_agent *agent, size_t index,
                     const char *const *labels, double value);
    void *ended_arg;
    /* Where events wait while the store's server is away (turn/spool.h); NULL: nowhere. What it has of others is
     * added to a batch by `spooled`. */
    struct store_spool *spool;
    void (*spooled)(void *arg, struct store_batch *batch, const struct spool_record *record);
    void *spooled_arg;
    /* An agent was switched off until the next reload, and is told why. The same. */
    void (*switched_off)(void *arg, const struct plugin_agent *agent);
    void *switched_off_arg;
    /* Something that the bot's owner should hear of, which the log has already. The same. */
    void (*report)(void *arg, enum turn_report kind, const char *text);
    void *report_arg;
};

/* Looks up what an earlier process left. [waits] */
troupe_status turn_engine_new(const struct engine_options *options, struct engine **ret,
                              struct error *err);
/* Ends the engine's own coroutines; no turn runs any more (turn_engine_drain). Gateways outlive
 * it. [waits] */
void turn_engine_close(struct engine *engine);
/* After turn_engine_close and outside coroutines. NULL is fine. */
void turn_engine_free(struct engine *engine);

/* Makes `set` (with its compiled pipelines) the current generation: turns that start from now on
 * use it, running ones keep theirs. Takes over the caller's pin. */
void turn_engine_publish(struct engine *engine, struct plugin_set *set);
struct plugin_set *turn_engine_set(struct engine *engine); /* the current one, not pinned */

/* An event came in. Owed ones are on their way to the store before their turn begins, and nothing of
 * it leaves before they are there; a source_id that was seen before is ignored. Takes over the reference. The answer comes through the event's gateway, always: an
 * answer, or a sentence that says why not. With EVENT_OBSERVED nobody hears anything: observers that
 * are owed it get a turn. */
void turn_engine_submit(struct engine *engine, struct event *event);
/* A number, or yes as 1, of one of the core's own sections, as people have set it for the event; `floor`:
 * what the files say. */
int64_t turn_engine_setting(const struct engine *engine, const struct event *event,
                            const char *section, const char *key, int64_t floor);
/* A message that addressed the bot has no answer, and no turn that would tell why: keeps the reason for
 * turn_engine_why. One that is in the store stays as it is there. */
void turn_engine_note(struct engine *engine, const struct event *event, const char *reason,
                      const char *sentence);
/* The message of an event was changed: `event` is what it is now. A turn that has not begun takes it;
 * another one keeps what it began with, or has said. Takes over the reference. */
void turn_engine_revise(struct engine *engine, struct event *event);
/* It was taken back: its turn ends without a word, and what was shown of its answer goes. */
void turn_engine_retract(struct engine *engine, const char *source, const char *source_id);
/* A member's message that addresses nobody here. Observers that want to see it begin at once, from
 * memory, at most ENGINE_SEEN_MAX messages at a time: what is above is dropped and counted. True
 * where others are owed it: it is to be submitted with EVENT_OBSERVED. */
bool turn_engine_seen(struct engine *engine, const struct gateway_seen *message);
/* Something of the host's own is due: `event` and the statements of `claim`, whose guards say whose it
 * is, are one commit, and then the turn begins, beyond the bounds of admission. `over` is called once,
 * on the loop and not inside this call: TROUPE_OK once the turn has ended or is parked;
 * TROUPE_CONFLICT where it is not ours or was taken before; else what the store said. On TROUPE_OK the
 * reference is taken over; otherwise nothing is stored and `over` is not called. */
troupe_status turn_engine_take(struct engine *engine, struct event *event,
                               struct store_batch *claim,
                               void (*over)(void *arg, troupe_status status), void *arg,
                               struct error *err);
/* Sources of such events: this and the name of the gateway that answers. */
#define ENGINE_SCHEDULE "schedule/"
/* The gateway's name in a source, with or without that. */
const char *turn_engine_origin(const char *source);
/* Turns that may run at a time. */
size_t turn_engine_places(const struct engine *engine);
/* Settings that another host has changed count here, too, and what a deletion wants ended is ended (erase_end.h).
 * [waits] */
troupe_status turn_engine_refresh(struct engine *engine, struct error *err);
/* Whether a host that is gone has left something open in the database that this one shares with it. [waits] */
troupe_status turn_engine_left_behind(struct engine *engine, bool *ret, struct error *err);
/* Takes all of that over, `deliver` what is to go out before turns go on that may have begun it. [waits] */
troupe_status turn_engine_adopt(struct engine *engine,
                                troupe_status (*deliver)(void *arg, struct error *err), void *arg,
                                struct error *err);
/* Those that came (turn_engine_recover) one by one; NULL behind the last. */
struct gateway *turn_engine_gateway(struct engine *engine, size_t index);
/* Who keeps jobs, for core/host; NULL: nobody does. */
void turn_engine_set_sched(struct engine *engine, struct sched *sched);
struct sched *turn_engine_sched(const struct engine *engine);

/* What a crash or stop left open: `gateway` takes the events whose `source` matches its name; others
 * wait for theirs. After the first publish, as often as a gateway likes; an event is taken up once
 * in the life of a process. The gateway delivers by itself what is owed already. [waits] */
troupe_status turn_engine_recover(struct engine *engine, struct gateway *gateway,
                                  struct error *err);
/* A crash of the host (by the watchdog or the fault handler) or of an isolated agent's process (by the
 * page it shares) was blamed on a turn while `plugin` ran. An event whose turns were blamed twice in a
 * row for the same one, or once more after 100 runs, is not taken up again: it is dead, and its member
 * is told. Restarts that nobody is blamed for never count. [waits] */
troupe_status turn_engine_blame(struct engine *engine, int64_t turn_id, const char *plugin,
                                struct error *err);

/* Calls a declared function from the shell, with arguments as JSON object. `ret_text` and
 * `ret_json` (either may come back NULL) are freed with mem_free. [waits] */
troupe_status turn_engine_call(struct engine *engine, const char *name, const char *json_args,
                               uint64_t deadline, char **ret_text, char **ret_json,
                               struct error *err);
/* The same with files: an argument that is one names it by its place, from 1. */
struct engine_file {
    const char *name, *data;
    size_t len;
};
troupe_status turn_engine_call_with(struct engine *engine, const char *name, const char *json_args,
                                    const struct engine_file *files, size_t file_count,
                                    uint64_t deadline, char **ret_text, char **ret_json,
                                    struct error *err);
/* The trace of a turn or, by the source's id, of a message; "last" is the newest. [waits] */
troupe_status turn_engine_why(struct engine *engine, const char *id, json_t **ret,
                              struct error *err);
/* The same as lines for people. mem_free. [waits] */
troupe_status turn_engine_why_text(struct engine *engine, const char *id, char **ret,
                                   struct error *err);

/* Ends what runs for a channel: the running and the queued turns of it. Returns how many; none
 * where `channel` is NULL. Turns that wait for somebody there are told so a moment later: their
 * question returns TROUPE_CANCELED. */
size_t turn_engine_stop_channel(struct engine *engine, const char *channel);
/* The same of one member's turns; NULL: of everybody's. */
size_t turn_engine_stop_member(struct engine *engine, const char *channel, const char *member);
/* From now on nothing new is admitted (it is refused with a sentence); `idle` is called on the loop
 * when the last turn has ended, or at once. After `grace_ms` the rest is cancelled. `idle` NULL: a
 * pause, which may be taken back; with `idle` it is for good, and later calls change nothing. */
void turn_engine_drain(struct engine *engine, uint64_t grace_ms, void (*idle)(void *arg),
                       void *arg);

/* Takes new events again. TROUPE_BUSY where the drain is for good. */
troupe_status turn_engine_resume(struct engine *engine);

struct engine_stats {
    size_t running, queued;
    uint64_t events, answered, refused, failed, duplicates;
    /* Of observers: messages seen from memory and those dropped, and the turns of what is owed. */
    uint64_t seen, seen_dropped, observed, observed_lost;
    size_t seen_running, observed_running, observed_queued;
    size_t concurrent_max;
    uint32_t generation;
    int64_t cap_micros;
    size_t settings, settings_ignored;  /* rows above the files, and those no table understands */
    const char *settings_ignored_names; /* the first of these; the engine's */
    bool draining;                      /* nothing new is admitted */
    size_t spooled;                     /* events that wait in the spool */
    uint64_t spool_lost;                /* that it did not take         */
};
void turn_engine_stats(const struct engine *engine, struct engine_stats *ret);

#endif
