/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's own commands wait for nobody and ask nothing of the store, so that /stop works while
 * everything else stands still. Where the store works, what they answered is kept all the same, as an
 * event that has ended with its messages, before it is said. And where the medium can send events again
 * after a crash, it is held to that until then: a command that nothing remembers comes once more.
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

void turn_builtin_hold(struct turn *turn)
{
    struct event *event = turn->event;

    if (!event->gateway || !event->gateway->ops->stored || event->seq <= 0) {
        turn_intake_settled(turn->engine, event->gateway);
        return;
    }
    turn->held = turn_incoming_new(turn->engine, event_ref(event));
    turn_incoming_apart(turn->held);
}

void turn_builtin_settle(struct turn *turn)
{
    struct engine_incoming *held = turn->held;

    turn->held = NULL;
    if (held)
        turn_incoming_free(held);
}

void turn_builtin_name(struct turn *turn)
{
    if (turn->held)
        turn->id = turn_engine_next_event(turn->engine);
}

void turn_builtin_keep(struct turn *turn, struct store_batch *batch)
{
    struct engine *engine = turn->engine;
    _cleanup_mem_ char *trace = turn_trace_print(&turn->trace);
    _cleanup_mem_ char *payload = event_print(turn->event);
    struct store_stats stats;
    struct error err;
    troupe_status status;

    turn_engine_add_ended(batch, &(struct turn_ended_event){
                                     .id = turn->id,
                                     .event = turn->event,
                                     .payload = payload,
                                     .generation = (int64_t)turn->generation,
                                     .state = turn->state,
                                     .reason = turn->reason,
                                     .sentence = turn->sentence,
                                     .trace = trace,
                                     .expect = 1,
                                 });
    store_stats(engine->store, &stats);
    if (stats.degraded &&
        store_is_shared(engine->store)) /* nobody waits for a server that is away */
        status = error_set(&err, TROUPE_UNAVAILABLE, "the database is away");
    else
        status = store_commit(engine->store, batch, turn_engine_soon(engine), &err);
    turn->id = 0; /* for everybody else it is none that is owed */
    if (status == TROUPE_CONFLICT)
        turn->duplicate = true; /* an earlier process has answered it */
    else if (status < 0)
        log_warn("turn", "a command's answer is said and not kept: %s", err.text);
    turn_builtin_settle(turn);
}
