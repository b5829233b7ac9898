/* SPDX-License-Identifier: Apache-2.0
 *
 * Events while the database's server is away: where the store does not take one within its time, it is kept in
 * the spool (store/spool.h) instead, its turn is taken back without a word, and from then on events go there at
 * once, in the order they came, until all of it is in the database again. There each becomes a row by its key,
 * so that what was kept twice, or taken twice, is one; and an open row's turn is taken up like after a restart.
 *
 * Only of gateways that can tell their members (gateway_ops.waits), and only where the store is a server: a
 * file's disk is the spool's disk. Loop thread; [waits] needs a coroutine.
 */
#ifndef TURN_SPOOL_H
#define TURN_SPOOL_H

#include "base/map.h"
#include "store/batch.h"
#include "store/spool.h"

struct engine;
struct engine_incoming;
struct event;
struct plugin_set;
struct store;
struct turn;

/* Members' deletions are remembered for so long, and a spool's events are younger. */
#define TURN_SPOOL_OLD_MS (INT64_C(30) * 24 * 3600 * 1000)

/* The engine's part. */
struct turn_spool {
    struct store_spool *file; /* NULL: there is none                                              */
    struct map keys;          /* of events that are in it or on their way                         */
    struct map changed;       /* key -> the event as it is now; an empty one: it was taken back   */
    uint64_t kept;            /* since it was empty                                               */
    uint64_t lost;            /* since the start                                                  */
    uint64_t tried;           /* loop_now() of the last attempt to take it up                     */
    uint64_t held_ms;         /* loop_now() since when one waits for what came before; 0: none is */
    bool draining, full;      /* full: it was said                                                */
};

/* What is done with the records of others (store_spool_kind): adds to the batch, or nothing. */
typedef void (*turn_spool_other)(void *arg, struct store_batch *batch,
                                 const struct spool_record *record);

/* ---- at the start: before the engine is there, into rows that it takes up with what a stop left. [waits] */
troupe_status turn_spool_take_up(struct store *store, struct store_spool *file,
                                 const struct plugin_set *set, turn_spool_other other, void *arg,
                                 struct error *err);

/* ---- while the engine runs ---- */

void turn_spool_clear(struct turn_spool *spool);
/* Whether events of this gateway are kept. */
bool turn_spool_serves(const struct engine *engine, const struct engine_incoming *incoming);
/* Something waits there already. */
bool turn_spool_holds(const struct engine *engine);
/* That, or the store would not take an event now. */
bool turn_spool_wanted(const struct engine *engine);
/* Keeps the event of a turn (NULL: it has none yet), and of one for its observers; told by turn_stored, and
 * the incoming one is freed. False: it is not kept, and nothing was done. */
bool turn_spool_put(struct engine *engine, struct engine_incoming *incoming, struct turn *turn,
                    struct turn *twin);
/* Keeps the events of which nobody knows whether the store has them, too: found there, they are done. */
void turn_spool_copy(struct engine *engine);
/* An event in the spool was changed, or taken back (`event` NULL). False: it is not there. */
bool turn_spool_change(struct engine *engine, const char *source, const char *source_id,
                       const struct event *event);
/* What is in it is taken up as soon as the store works. */
void turn_spool_wake(struct engine *engine);
/* Adds to a deletion that nothing of the member's of before `asked_ms` comes out of a spool any more, of whichever
 * host. */
void turn_spool_forget(struct engine *engine, struct store_batch *batch, const char *member,
                       int64_t asked_ms);

#endif
