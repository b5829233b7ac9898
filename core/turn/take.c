/* SPDX-License-Identifier: Apache-2.0
 *
 * Events that the host makes itself, because something is due: the event and the claim on what is due
 * are one commit, and only then does its turn begin. Nobody waits on the other side, so what cannot be
 * stored is not told to anybody: it is due still.
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

#include <string.h>

struct taking {
    struct engine *engine;
    struct event *event;
    int64_t id;
    size_t row;
    void (*over)(void *arg, troupe_status status);
    void *arg;
};

static void begin(struct taking *taking)
{
    struct engine *engine = taking->engine;
    struct turn *turn = turn_new(engine, taking->event, taking->id);

    turn->over = taking->over;
    turn->over_arg = taking->arg;
    turn_take_stages(turn, engine->set);
    turn_trace_add(&turn->trace, "schedule", "due", "job %s", taking->event->source_id);
    turn_engine_admit(engine, turn);
}

static void taken(void *arg, struct store_batch *batch, troupe_status status,
                  const struct error *err)
{
    struct taking *taking = arg;
    struct engine *engine = taking->engine;

    (void)err;
    if (status == TROUPE_OK && !store_batch_changes(batch, taking->row))
        status = TROUPE_CONFLICT; /* it ran before its job was restored from a copy */
    else if (status == TROUPE_OK && (engine->stopping || engine->closing))
        status = TROUPE_CANCELED; /* it is owed: the next process takes it up */
    if (status == TROUPE_OK) {
        begin(taking);
    } else {
        event_unref(taking->event);
        taking->over(taking->arg, status);
    }
    mem_free(taking);
    turn_engine_release(engine);
}

troupe_status turn_engine_take(struct engine *engine, struct event *event,
                               struct store_batch *claim,
                               void (*over)(void *arg, troupe_status status), void *arg,
                               struct error *err)
{
    _cleanup_mem_ char *payload = NULL;
    struct taking *taking;
    troupe_status status;

    if (engine->admission.draining || engine->closing)
        return error_set(err, TROUPE_UNAVAILABLE, "nothing is taken in while the host drains");
    taking = mem_zero(1, sizeof(*taking));
    *taking = (struct taking){engine, event, turn_engine_next_event(engine), 0, over, arg};
    payload = event_print(event);
    taking->row = store_batch_add(
        claim,
        STORE_SQL(SQL_TURN_INTAKE, store_int(taking->id), store_text(event->source),
                  store_text(event->source_id), store_text(event->account),
                  store_text(event->guild), store_text(event->channel), store_text(event->member),
                  store_text(event->kind), store_text(payload),
                  store_int((int64_t)engine->set->number),
                  store_text(turn_stage_names(engine->set, event)), store_int(clock_wall_ms())));
    status = store_submit(engine->store, claim, taken, taking, err);
    if (status < 0) {
        mem_free(taking);
        return status;
    }
    engine->stats.events++;
    turn_engine_hold(engine);
    return TROUPE_OK;
}

size_t turn_engine_places(const struct engine *engine)
{
    return engine->admission.concurrent;
}

struct gateway *turn_engine_gateway(struct engine *engine, size_t index)
{
    return index < engine->gateways.count ? engine->gateways.entries[index].value : NULL;
}

const char *turn_engine_origin(const char *source)
{
    return strncmp(source, ENGINE_SCHEDULE, sizeof(ENGINE_SCHEDULE) - 1)
               ? source
               : source + sizeof(ENGINE_SCHEDULE) - 1;
}
