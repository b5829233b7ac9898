/* SPDX-License-Identifier: Apache-2.0
 *
 * Intake: one coroutine takes events in the order they came, gives them to the store in one batch
 * with all that comes before the store hands that on, and their turns to admission, without waiting
 * for the disk. From that batch's commit on an event is owed; nothing of its turn is durable or
 * visible before it.
 */
#include "turn/engine_private.h"
#include "turn/gate.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"
#include "turn/wait.h"

#include <string.h>

#define HOLD_MS 1000 /* beyond the store's own patience, until what it tells is here */

void turn_intake_settled(struct engine *engine, struct gateway *gateway)
{
    int64_t seq = gateway ? gateway->submitted : 0;

    if (seq <= 0 || !gateway->ops->stored || engine->closing)
        return;
    /* They came in order, so the first that is under way is the lowest. */
    list_for_each (link, &engine->incoming) {
        const struct engine_incoming *incoming = container_of(link, struct engine_incoming, link);

        if (incoming->gateway == gateway && incoming->event->seq > 0) {
            seq = incoming->event->seq - 1;
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
    engine->apart -= incoming->apart;
    turn_intake_settled(engine, incoming->gateway);
    event_unref(incoming->event);
    mem_free(incoming);
    turn_engine_check_idle(engine);
}

void turn_incoming_apart(struct engine_incoming *incoming)
{
    incoming->apart = true;
    incoming->engine->apart++;
}

/* The number that may be stored with the event: not one of what is stored apart, and later. */
static int64_t seq_beside(const struct engine_incoming *incoming)
{
    const struct engine *engine = incoming->engine;
    int64_t seq = incoming->event->seq;

    if (engine->apart)
        list_for_each (link, &engine->incoming) {
            const struct engine_incoming *other = container_of(link, struct engine_incoming, link);

            if (other->apart && other->gateway == incoming->gateway && other->event->seq > 0 &&
                other->event->seq <= seq)
                seq = other->event->seq - 1;
        }
    return seq;
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

/* What observers were owed cannot be taken, and there is nobody to be told but the operator. */
static void lose(struct engine_incoming *incoming, const char *code)
{
    struct engine *engine = incoming->engine;
    uint64_t fresh;

    engine->stats.observed_lost++;
    if (turn_loss_tell(&engine->seen.lost, engine, engine->stats.observed_lost, &fresh))
        log_error("intake", "%llu messages that observers are owed could not be taken: %s",
                  (unsigned long long)fresh, code);
    turn_incoming_free(incoming);
}

/* For what could not even be stored: said at once, since nothing will remember it. */
void turn_incoming_refuse(struct engine_incoming *incoming, const char *code, const char *text)
{
    static const struct co_owner owner = {"core:intake", 0};

    if (incoming->event->flags & EVENT_OBSERVED) {
        lose(incoming, code);
        return;
    }
    incoming->engine->stats.refused++;
    log_warn("intake", "event %s of %s refused: %s", incoming->event->source_id,
             incoming->event->source, code);
    incoming->refusal = text;
    if (co_spawn(&incoming->engine->scope, &owner, refuse_main, incoming) < 0)
        turn_incoming_free(incoming);
}

struct engine_incoming *turn_incoming_new(struct engine *engine, struct event *event)
{
    struct engine_incoming *incoming = mem_zero(1, sizeof(*incoming));

    incoming->engine = engine;
    incoming->event = event;
    incoming->gateway = event->gateway;
    if (event->flags & EVENT_OBSERVED)
        event->gateway = NULL; /* nobody hears of it */
    list_append(&engine->incoming, &incoming->link);
    return incoming;
}

static void run_builtin(struct engine *engine, struct event *event)
{
    struct turn *turn;

    if (engine->builtins >= ENGINE_BUILTINS_MAX) {
        turn_incoming_refuse(turn_incoming_new(engine, event), "too_many_commands",
                             "too many commands at once; please try again in a moment");
        return;
    }
    turn = turn_new(engine, event, 0);
    turn_builtin_hold(turn);
    if (turn_gate_passes(turn)) { /* else it only says so, and takes no place from anybody */
        turn->builtin = true;
        engine->builtins++;
    }
    turn_start(turn);
}

static void to_intake(struct engine *engine, struct event *event)
{
    struct engine_incoming *incoming = turn_incoming_new(engine, event);

    if (chan_try_send(engine->intake, incoming) < 0)
        turn_incoming_refuse(incoming, "intake_full",
                             "too many messages at once; please send this one again in a minute");
}

/* Its number in the gateway's order holds that back until it is stored. */
static struct event *observed_from(const struct event *event)
{
    struct event *twin = event_observed(event);

    twin->gateway = event->gateway;
    return twin;
}

void turn_engine_submit(struct engine *engine, struct event *event)
{
    engine->stats.events++;
    if (event->gateway && event->seq > 0)
        event->gateway->submitted = event->seq;
    if (!strcmp(event->kind, "press")) {
        turn_engine_press(engine, event);
        return;
    }
    if (!(event->flags & (EVENT_ADDRESSED | EVENT_OBSERVED))) {
        turn_intake_settled(engine, event->gateway);
        event_unref(event);
        return;
    }
    if (engine->closing) {
        turn_incoming_refuse(turn_incoming_new(engine, event), "stopping", ENGINE_STOPPING);
        return;
    }
    if (!(event->flags & EVENT_OBSERVED) && turn_is_builtin(engine->set, event)) {
        /* /stop and its like work while everything else waits, and owe nothing to the store. */
        if (turn_is_watched(engine->set, event))
            to_intake(engine, observed_from(event));
        run_builtin(engine, event);
        return;
    }
    to_intake(engine, event);
}

/* ---- storing -------------------------------------------------------------------------------- */

/* A batch of events on its way to the store; their turns run already. It takes in what comes until
 * the store hands it on. A message that addresses the bot and is owed to observers, too, is two. */
struct turn_gathering {
    struct engine *engine;
    struct store_batch *batch; /* the store's; until it is told */
    size_t count, bytes;
    struct stored_event {
        struct engine_incoming *incoming; /* NULL: of the one before */
        struct event *event;
        struct turn *turn; /* stays until it is told */
        int64_t id;
        size_t row;
    } events[2 * ENGINE_INTAKE_BATCH];
};

/* It waits elsewhere for a store that does not work; but one that is refused has its end already. */
static bool is_spooled(struct engine *engine, const struct stored_event *event,
                       const struct stored_event *twin)
{
    const struct turn *turn = event->turn;

    return event->incoming && turn_spool_serves(engine, event->incoming) &&
           !(turn->state && !strcmp(turn->state, "refused")) &&
           turn_spool_put(engine, event->incoming, event->turn, twin ? twin->turn : NULL);
}

/* The event's number is known before the event is stored, so its turn can begin at once: whatever
 * the turn writes stands behind this batch in the store's queue, and each of its batches asks
 * whether the event is there. */
static void stored(void *arg, struct store_batch *batch, troupe_status status,
                   const struct error *err)
{
    struct turn_gathering *storing = arg;
    struct engine *engine = storing->engine;
    bool away = status < 0 && store_status_passes(status);
    size_t unstored = 0;

    for (size_t i = 0; i < storing->count; i++) {
        struct stored_event *event = &storing->events[i];
        const struct stored_event *twin =
            i + 1 < storing->count && !event[1].incoming ? event + 1 : NULL;

        if (away && is_spooled(engine, event, twin)) {
            i += twin != NULL;
            continue;
        }
        unstored += status < 0;
        turn_stored(event->turn, status < 0                                   ? TURN_UNSTORED
                                 : store_batch_changes(batch, event->row) > 0 ? TURN_STORED
                                                                              : TURN_DUPLICATE);
        if (event->incoming)
            turn_incoming_free(event->incoming);
    }
    if (unstored)
        log_error("intake", "%zu events could not be stored: %s", unstored, err->text);
    if (--engine->gathered == 0)
        engine->spool.held_ms = 0;
    mem_free(storing);
    turn_engine_release(engine);
}

static size_t add_event(struct turn_gathering *storing, const struct event *event, int64_t id)
{
    _cleanup_mem_ char *payload = event_print(event);
    struct engine *engine = storing->engine;

    storing->bytes += strlen(payload);
    return store_batch_add(storing->batch,
                           STORE_SQL(SQL_TURN_INTAKE, store_int(id), store_text(event->source),
                                     store_text(event->source_id), store_text(event->account),
                                     store_text(event->guild), store_text(event->channel),
                                     store_text(event->member), store_text(event->kind),
                                     store_text(payload), store_int((int64_t)engine->set->number),
                                     store_text(turn_stage_names(engine->set, event)),
                                     store_int(clock_wall_ms())));
}

/* The last event of each gateway tells how far its seq is stored with this batch. A second later would
 * not do: a command that comes twice is acknowledged twice, a message counts twice against limits. */
static void add_seqs(const struct turn_gathering *storing)
{
    for (size_t i = 0; i < storing->count; i++) {
        const struct engine_incoming *incoming = storing->events[i].incoming;
        struct gateway *gateway = incoming ? incoming->gateway : NULL;
        int64_t seq;
        bool last = gateway && gateway->ops->taken && incoming->event->seq > 0;

        for (size_t j = i + 1; last && j < storing->count; j++) {
            const struct engine_incoming *later = storing->events[j].incoming;

            last = !later || later->gateway != gateway || later->event->seq <= 0;
        }
        if (last && (seq = seq_beside(incoming)) > 0)
            gateway->ops->taken(gateway, seq, storing->batch);
    }
}

static void closing(void *arg, struct store_batch *batch)
{
    struct turn_gathering *storing = arg;

    (void)batch;
    if (storing->engine->open == storing)
        storing->engine->open = NULL;
    add_seqs(storing);
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

static void forget(struct engine *engine, const struct event *event)
{
    _cleanup_mem_ char *key = mem_printf("%s\n%s", event->source, event->source_id);

    map_remove(&engine->recent, key);
}

/* What the events so far are stored with, or a new one. */
static struct turn_gathering *storing_of(struct engine *engine)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct turn_gathering *storing = engine->open;
    struct error err;

    if (storing && storing->count + 2 <= 2 * ENGINE_INTAKE_BATCH &&
        storing->bytes < ENGINE_INTAKE_BYTES)
        return storing;
    batch = store_batch_new();
    storing = mem_alloc(sizeof(*storing)); /* the events are written as they come */
    storing->engine = engine;
    storing->batch = batch;
    storing->count = storing->bytes = 0;
    if (store_submit_open(engine->store, batch, closing, stored, storing, &err) < 0) {
        log_error("intake", "events cannot be stored: %s", err.text);
        mem_free(storing);
        return NULL;
    }
    turn_engine_hold(engine);
    engine->gathered++;
    engine->open = storing;
    return storing;
}

static void begin_turn(struct turn_gathering *storing, struct stored_event *stored_event)
{
    struct engine *engine = storing->engine;
    struct event *event = stored_event->event;
    struct turn *turn = turn_new(engine, event, stored_event->id);

    turn->storing = true;
    turn_take_stages(turn, engine->set);
    stored_event->turn = turn;
    turn_trace_add(&turn->trace, "intake", "taken", "event of %s, %zu bytes", event->source,
                   event->content_len);
    turn_engine_admit(engine, turn);
}

static void add(struct turn_gathering *storing, struct engine_incoming *incoming,
                struct event *event)
{
    struct stored_event *stored_event = &storing->events[storing->count++];

    stored_event->incoming = incoming;
    stored_event->event = event;
    stored_event->id = turn_engine_next_event(storing->engine);
    stored_event->row = add_event(storing, event, stored_event->id);
    begin_turn(storing, stored_event);
}

/* What the store has not told about may have to wait elsewhere, too, and came before. That is known once the
 * store's patience is over, except of a transaction of which nobody knows whether it is there: for that one a
 * minute may pass, in which what came next would be nowhere, so it goes first. [waits] */
static void await_gathered(struct engine *engine)
{
    struct turn_spool *spool = &engine->spool;
    struct store_stats stats;

    if (!engine->gathered)
        return;
    store_stats(engine->store, &stats);
    if (!spool->held_ms)
        spool->held_ms = loop_now(engine->loop);
    while (engine->gathered && !engine->closing &&
           loop_now(engine->loop) < spool->held_ms + stats.away_ms + HOLD_MS)
        if (co_sleep(1) < 0)
            break;
    if (engine->gathered && !engine->closing)
        turn_spool_copy(engine); /* in its place, before what comes next */
}

/* Behind what waits elsewhere already. Its limits count now, as they would have; its place is another
 * matter, then. False: it is not kept there. [waits] */
static bool to_spool(struct engine *engine, struct engine_incoming *incoming)
{
    struct turn *turn;

    await_gathered(engine);
    if (!turn_spool_wanted(engine))
        return false; /* it was away for a moment only */
    if (incoming->event->flags & EVENT_OBSERVED)
        return turn_spool_put(engine, incoming, NULL, NULL);
    turn = turn_new(engine, event_ref(incoming->event), 0);
    if (!turn_gate_passes(turn)) {
        turn_start(turn); /* only to say it */
        turn_incoming_free(incoming);
        return true;
    }
    turn_dispose(turn);
    return turn_spool_put(engine, incoming, NULL, NULL);
}

static void take_in(struct engine *engine, struct engine_incoming *incoming)
{
    struct event *event = incoming->event;
    struct turn_gathering *storing;

    if (seen_before(engine, event)) {
        engine->stats.duplicates++;
        turn_incoming_free(incoming);
        return;
    }
    if (turn_spool_serves(engine, incoming) && turn_spool_wanted(engine) &&
        to_spool(engine, incoming))
        return;
    storing = storing_of(engine);
    if (!storing && turn_spool_serves(engine, incoming) &&
        turn_spool_put(engine, incoming, NULL, NULL))
        return;
    if (!storing) {
        forget(engine, event); /* it may come again */
        turn_incoming_refuse(incoming, "storage_unavailable", ENGINE_NO_STORAGE);
        return;
    }
    incoming->stored = true;
    add(storing, incoming, event_ref(event));
    if (turn_is_watched(engine->set, event))
        add(storing, NULL, event_observed(event));
}

troupe_status turn_intake_main(void *arg)
{
    struct engine *engine = arg;
    void *item;

    while (chan_recv(engine->intake, 0, &item) == TROUPE_OK)
        take_in(engine, item);
    return TROUPE_OK;
}
