/* SPDX-License-Identifier: Apache-2.0
 *
 * Intake: one coroutine takes events in the order they came, stores all that wait in one commit and
 * hands them to admission. From that commit on an event is owed.
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

#include <string.h>

void turn_intake_settled(struct engine *engine, struct gateway *gateway)
{
    int64_t seq = gateway ? gateway->submitted : 0;

    if (seq <= 0 || !gateway->ops->stored || engine->closing)
        return;
    /* They came in order, so the first that is under way is the lowest. */
    list_for_each (link, &engine->incoming) {
        const struct event *event = container_of(link, struct engine_incoming, link)->event;

        if (event->gateway == gateway && event->seq > 0) {
            seq = event->seq - 1;
            break;
        }
    }
    if (seq > 0)
        gateway->ops->stored(gateway, seq);
}

void turn_incoming_free(void *item)
{
    struct engine_incoming *incoming = item;
    struct engine *engine = incoming->engine;

    list_remove(&incoming->link);
    turn_intake_settled(engine, incoming->event->gateway);
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
    turn = turn_new(engine, event, 0, 0);
    turn->builtin = true;
    engine->builtins++;
    turn_start(turn);
}

void turn_engine_submit(struct engine *engine, struct event *event)
{
    struct engine_incoming *incoming;

    engine->stats.events++;
    if (event->gateway && event->seq > 0)
        event->gateway->submitted = event->seq;
    if (!(event->flags & EVENT_ADDRESSED)) {
        turn_intake_settled(engine, event->gateway);
        event_unref(event);
        return;
    }
    if (engine->closing) {
        refuse(incoming_new(engine, event), "stopping", ENGINE_STOPPING);
        return;
    }
    if (!strcmp(event->kind, "press")) {
        refuse(incoming_new(engine, event), "no_press", "nothing waits for that");
        return;
    }
    if (turn_is_builtin(engine->set, event)) {
        /* /stop and its like work while everything else waits, and owe nothing to the store. */
        turn_intake_settled(engine, event->gateway);
        run_builtin(engine, event);
        return;
    }
    incoming = incoming_new(engine, event);
    if (chan_try_send(engine->intake, incoming) < 0)
        refuse(incoming, "intake_full",
               "too many messages at once; please send this one again in a minute");
}

/* The statements of one event; the index of its turn's. */
static size_t add_event(struct store_batch *batch, const struct event *event)
{
    _cleanup_mem_ char *payload = event_print(event);
    struct store_value now = store_int(clock_wall_ms());

    store_batch_add(batch, STORE_SQL(SQL_TURN_INTAKE_EVENT, store_text(event->source),
                                     store_text(event->source_id), store_text(event->account),
                                     store_text(event->guild), store_text(event->channel),
                                     store_text(event->member), store_text(event->kind),
                                     store_text(payload), now));
    return store_batch_add(batch, STORE_SQL(SQL_TURN_INTAKE_TURN, store_text(event->source),
                                            store_text(event->source_id), now));
}

/* The last event of each gateway tells how far its seq is stored with this batch. */
static void add_seqs(struct store_batch *batch, struct engine_incoming **items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct gateway *gateway = items[i]->event->gateway;
        bool last = gateway && gateway->ops->taken && items[i]->event->seq > 0;

        for (size_t j = i + 1; last && j < count; j++)
            last = items[j]->event->gateway != gateway || items[j]->event->seq <= 0;
        if (last)
            gateway->ops->taken(gateway, items[i]->event->seq, batch);
    }
}

static void take_in(struct engine *engine, struct engine_incoming **items, size_t count)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    size_t rows[ENGINE_INTAKE_BATCH];
    struct error err;
    troupe_status status;

    for (size_t i = 0; i < count; i++)
        rows[i] = add_event(batch, items[i]->event);
    add_seqs(batch, items, count);
    status = store_commit(engine->store, batch, turn_engine_soon(engine), &err);
    if (status < 0)
        log_error("intake", "%zu events could not be stored: %s", count, err.text);
    for (size_t i = 0; i < count; i++) {
        const struct store_rows *row = status < 0 ? NULL : store_batch_result(batch, rows[i]);
        struct event *event = items[i]->event;

        if (status < 0) {
            refuse(items[i], "storage_unavailable",
                   "I can't take that now: the storage does not work. Please try again later");
            continue;
        }
        if (!row || !row->count) {
            engine->stats.duplicates++;
        } else {
            struct turn *turn = turn_new(engine, event_ref(event), store_cell_int(row, 0, 0, 0),
                                         store_cell_int(row, 0, 1, 0));

            turn_trace_add(&turn->trace, "intake", "stored", "event of %s, %zu bytes",
                           event->source, event->content_len);
            turn_engine_admit(engine, turn);
        }
        turn_incoming_free(items[i]);
    }
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
