/* SPDX-License-Identifier: Apache-2.0
 *
 * Intake: one coroutine takes events in the order they came, hands all that wait to the store in one
 * batch and their turns to admission, without waiting for the disk. From that batch's commit on an
 * event is owed; nothing of its turn is durable or visible before it.
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

#include <string.h>

void turn_incoming_free(void *item)
{
    struct engine_incoming *incoming = item;
    struct engine *engine = incoming->engine;

    list_remove(&incoming->link);
    event_unref(incoming->event);
    mem_free(incoming);
    turn_engine_check_idle(engine);
}

static troupe_status refuse_main(void *arg)
{
    struct engine_incoming *incoming = arg;
    struct event *event = incoming->event;

    if (event->gateway)
        event->gateway->ops->notice(event->gateway, event, incoming->refusal, true);
    turn_incoming_free(incoming);
    return TROUPE_OK;
}

/* For what could not even be stored: said at once, since nothing will remember it. */
static void refuse(struct engine_incoming *incoming, const char *code, const char *text)
{
    static const struct co_owner owner = {"core:intake", 0};

    incoming->engine->stats.refused++;
    log_warn("intake", "event %s of %s refused: %s", incoming->event->source_id,
             incoming->event->source, code);
    incoming->refusal = text;
    if (co_spawn(&incoming->engine->scope, &owner, refuse_main, incoming) < 0)
        turn_incoming_free(incoming);
}

static struct engine_incoming *incoming_new(struct engine *engine, struct event *event)
{
    struct engine_incoming *incoming = mem_zero(1, sizeof(*incoming));

    incoming->engine = engine;
    incoming->event = event;
    list_append(&engine->incoming, &incoming->link);
    return incoming;
}

static void run_builtin(struct engine *engine, struct event *event)
{
    struct turn *turn;

    if (engine->builtins >= ENGINE_BUILTINS_MAX) {
        refuse(incoming_new(engine, event), "too_many_commands",
               "too many commands at once; please try again in a moment");
        return;
    }
    turn = turn_new(engine, event, 0);
    turn->builtin = true;
    engine->builtins++;
    turn_start(turn);
}

void turn_engine_submit(struct engine *engine, struct event *event)
{
    struct engine_incoming *incoming;

    engine->stats.events++;
    if (!(event->flags & EVENT_ADDRESSED)) {
        event_unref(event);
        return;
    }
    if (engine->closing) {
        refuse(incoming_new(engine, event), "stopping", ENGINE_STOPPING);
        return;
    }
    if (turn_is_builtin(engine->set, event)) {
        /* /stop and its like work while everything else waits, and owe nothing to the store. */
        run_builtin(engine, event);
        return;
    }
    incoming = incoming_new(engine, event);
    if (chan_try_send(engine->intake, incoming) < 0)
        refuse(incoming, "intake_full",
               "too many messages at once; please send this one again in a minute");
}

/* ---- storing -------------------------------------------------------------------------------- */

/* A batch of events on its way to the store; their turns run already. */
struct storing {
    struct list_link link; /* in engine->storing */
    struct engine *engine;
    size_t count;
    struct stored_event {
        struct turn *turn; /* stays until it is told */
        size_t row;
    } events[ENGINE_INTAKE_BATCH];
    size_t gateway_count;
    struct stored_gateway {
        struct gateway *gateway; /* NULL: it went meanwhile */
        int64_t seq;
    } gateways[ENGINE_INTAKE_BATCH];
};

/* The event's number is known before the event is stored, so its turn can begin at once: whatever
 * the turn writes stands behind this batch in the store's queue, and each of its batches asks
 * whether the event is there. */
static void stored(void *arg, struct store_batch *batch, troupe_status status,
                   const struct error *err)
{
    struct storing *storing = arg;
    struct engine *engine = storing->engine;

    if (status < 0)
        log_error("intake", "%zu events could not be stored: %s", storing->count, err->text);
    for (size_t i = 0; i < storing->count; i++)
        turn_stored(storing->events[i].turn,
                    status < 0                                               ? TURN_UNSTORED
                    : store_batch_changes(batch, storing->events[i].row) > 0 ? TURN_STORED
                                                                             : TURN_DUPLICATE);
    for (size_t i = 0; i < storing->gateway_count; i++) {
        struct gateway *gateway = storing->gateways[i].gateway;

        if (gateway && gateway->ops->stored)
            gateway->ops->stored(gateway, storing->gateways[i].seq);
    }
    list_remove(&storing->link);
    mem_free(storing);
    turn_engine_release(engine);
}

void turn_intake_detach(struct engine *engine, const struct gateway *gateway)
{
    list_for_each (link, &engine->storing) {
        struct storing *storing = container_of(link, struct storing, link);

        for (size_t i = 0; i < storing->gateway_count; i++)
            if (storing->gateways[i].gateway == gateway)
                storing->gateways[i].gateway = NULL;
    }
}

static void count_gateway(struct storing *storing, const struct event *event)
{
    struct stored_gateway *last = storing->gateways + storing->gateway_count;

    if (!event->gateway)
        return;
    for (size_t i = 0; i < storing->gateway_count; i++)
        if (storing->gateways[i].gateway == event->gateway) {
            if (event->seq > storing->gateways[i].seq)
                storing->gateways[i].seq = event->seq;
            return;
        }
    *last = (struct stored_gateway){event->gateway, event->seq};
    storing->gateway_count++;
}

static size_t add_event(struct engine *engine, struct store_batch *batch, const struct event *event,
                        int64_t id)
{
    _cleanup_mem_ char *payload = event_print(event);

    return store_batch_add(
        batch, STORE_SQL(SQL_TURN_INTAKE, store_int(id), store_text(event->source),
                         store_text(event->source_id), store_text(event->account),
                         store_text(event->guild), store_text(event->channel),
                         store_text(event->member), store_text(event->kind), store_text(payload),
                         store_int((int64_t)engine->set->number),
                         store_text(turn_stage_names(engine->set, event)),
                         store_int(clock_wall_ms())));
}

/* Whether the event was taken a short while ago; keeps it in mind. What is older meets the key in
 * the store. */
static bool seen_before(struct engine *engine, const struct event *event)
{
    char *key = mem_printf("%s\n%s", event->source, event->source_id), **oldest;

    if (map_get(&engine->recent, key)) {
        mem_free(key);
        return true;
    }
    oldest = &engine->recent_keys[engine->recent_next];
    engine->recent_next = (engine->recent_next + 1) % ENGINE_RECENT;
    if (*oldest) {
        map_remove(&engine->recent, *oldest);
        mem_free(*oldest);
    }
    *oldest = key;
    map_set(&engine->recent, key, engine);
    return false;
}

static void start_turns(struct storing *storing, struct engine_incoming **items,
                        const int64_t *ids, size_t count)
{
    struct engine *engine = storing->engine;

    for (size_t i = 0; i < count; i++) {
        struct event *event = items[i]->event;
        struct turn *turn = turn_new(engine, event_ref(event), ids[i]);

        turn->storing = true;
        turn_take_stages(turn, engine->set);
        storing->events[i].turn = turn;
        turn_trace_add(&turn->trace, "intake", "taken", "event of %s, %zu bytes", event->source,
                       event->content_len);
        turn_engine_admit(engine, turn);
        turn_incoming_free(items[i]);
    }
}

static void take_in(struct engine *engine, struct engine_incoming **items, size_t count)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct storing *storing = mem_zero(1, sizeof(*storing));
    int64_t ids[ENGINE_INTAKE_BATCH];
    size_t fresh = 0;
    struct error err;

    storing->engine = engine;
    for (size_t i = 0; i < count; i++) {
        count_gateway(storing, items[i]->event);
        if (seen_before(engine, items[i]->event)) {
            engine->stats.duplicates++;
            turn_incoming_free(items[i]);
            continue;
        }
        ids[fresh] = ++engine->last_event;
        storing->events[fresh].row = add_event(engine, batch, items[i]->event, ids[fresh]);
        items[fresh++] = items[i];
    }
    for (size_t i = 0; i < storing->gateway_count; i++) {
        struct gateway *gateway = storing->gateways[i].gateway;

        if (gateway->ops->taken)
            gateway->ops->taken(gateway, storing->gateways[i].seq, batch);
    }
    storing->count = fresh;
    if (store_batch_count(batch) &&
        store_submit(engine->store, batch, stored, storing, &err) == TROUPE_OK) {
        turn_engine_hold(engine);
        list_append(&engine->storing, &storing->link);
        start_turns(storing, items, ids, fresh);
        return;
    }
    for (size_t i = 0; i < fresh; i++)
        refuse(items[i], "storage_unavailable", ENGINE_NO_STORAGE);
    mem_free(storing);
}

troupe_status turn_intake_main(void *arg)
{
    struct engine *engine = arg;

    for (;;) {
        struct engine_incoming *items[ENGINE_INTAKE_BATCH];
        size_t count = 0;
        void *item;
        troupe_status status = chan_recv(engine->intake, 0, &item);

        if (status < 0)
            return TROUPE_OK;
        items[count++] = item;
        while (count < ENGINE_INTAKE_BATCH && chan_count(engine->intake) &&
               chan_recv(engine->intake, 0, &item) == TROUPE_OK)
            items[count++] = item;
        take_in(engine, items, count);
    }
}
