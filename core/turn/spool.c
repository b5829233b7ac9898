/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/spool.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/engine_private.h"
#include "turn/spool_rows.h"
#include "turn/sql/turn.h"

#include <inttypes.h>
#include <string.h>

#define LOOK_MS  100  /* between two looks whether the store works                */
#define AGAIN_MS 1000 /* after an attempt that failed                             */
#define TRY_MS   5000 /* between two attempts while the store says that it is away  */

static void changed_free(void *event)
{
    event_unref(event);
}

void turn_spool_clear(struct turn_spool *spool)
{
    map_clear(&spool->keys);
    map_clear_with(&spool->changed, changed_free);
}

/* ---- in ---------------------------------------------------------------------------------------- */

bool turn_spool_holds(const struct engine *engine)
{
    return engine->spool.file && !store_spool_is_empty(engine->spool.file);
}

bool turn_spool_wanted(const struct engine *engine)
{
    struct store_stats stats;

    if (turn_spool_holds(engine))
        return true;
    store_stats(engine->store, &stats);
    return stats.degraded;
}

bool turn_spool_serves(const struct engine *engine, const struct engine_incoming *incoming)
{
    return engine->spool.file && store_is_shared(engine->store) && !engine->closing &&
           incoming->gateway && incoming->gateway->ops->waits;
}

struct putting {
    struct engine *engine;
    struct engine_incoming *incoming;
    struct turn *turn, *twin; /* NULL: none */
};

static void tell_turns(const struct putting *putting, enum turn_storing outcome)
{
    if (putting->turn)
        turn_stored(putting->turn, outcome);
    if (putting->twin)
        turn_stored(putting->twin, outcome);
}

static void not_kept(struct putting *putting, const struct error *err)
{
    struct engine *engine = putting->engine;
    const struct event *event = putting->incoming->event;
    _cleanup_mem_ char *key = turn_spool_key(event->source, event->source_id);

    log_error("spool", "event %s of %s cannot be kept: %s", event->source_id, event->source,
              err->text);
    engine->spool.lost++;
    map_remove(&engine->spool.keys, key);
    if (!putting->turn) {
        turn_incoming_refuse(putting->incoming, "storage_unavailable", ENGINE_NO_STORAGE);
        return;
    }
    tell_turns(putting, TURN_UNSTORED);
    turn_incoming_free(putting->incoming);
}

static void put(void *arg, troupe_status status, const struct error *err)
{
    struct putting *putting = arg;
    struct engine *engine = putting->engine;
    struct engine_incoming *incoming = putting->incoming;

    if (status < 0) {
        not_kept(putting, err);
    } else {
        if (!engine->spool.kept++) {
            engine->spool.tried = loop_now(engine->loop);
            log_warn("spool", "the database is away: events are kept in a file until it is back");
        }
        tell_turns(putting, TURN_SPOOLED);
        if (!(incoming->event->flags & EVENT_OBSERVED))
            incoming->gateway->ops->waits(incoming->gateway, incoming->event, true);
        turn_incoming_free(incoming);
        turn_spool_wake(engine);
    }
    mem_free(putting);
    turn_engine_release(engine);
}

bool turn_spool_put(struct engine *engine, struct engine_incoming *incoming, struct turn *turn,
                    struct turn *twin)
{
    struct turn_spool *spool = &engine->spool;
    const struct event *event = incoming->event;
    _cleanup_mem_ char *payload = event_print(event);
    _cleanup_mem_ char *key = turn_spool_key(event->source, event->source_id);
    struct putting *putting = mem_zero(1, sizeof(*putting));
    struct error err;

    *putting = (struct putting){engine, incoming, turn, twin};
    if (store_spool_put(spool->file, STORE_SPOOL_EVENT, payload, strlen(payload), put, putting,
                        &err) < 0) {
        if (!spool->full)
            log_error("spool", "events are refused while the database is away: %s", err.text);
        spool->full = true;
        spool->lost++;
        mem_free(putting);
        return false;
    }
    map_set(&spool->keys, key, spool);
    turn_engine_hold(engine);
    return true;
}

void turn_spool_copy(struct engine *engine)
{
    list_for_each (link, &engine->incoming) {
        struct engine_incoming *incoming = container_of(link, struct engine_incoming, link);
        _cleanup_mem_ char *payload = NULL;
        struct error err;

        if (!incoming->stored || incoming->copied || !turn_spool_serves(engine, incoming))
            continue;
        payload = event_print(incoming->event);
        if (store_spool_put(engine->spool.file, STORE_SPOOL_EVENT, payload, strlen(payload), NULL,
                            NULL, &err) < 0) {
            log_warn("spool", "an event that may not be stored is not kept: %s", err.text);
            return;
        }
        incoming->copied = true;
    }
}

/* ---- changes ----------------------------------------------------------------------------------- */

static void change(struct map *changed, const char *key, struct event *event)
{
    event_unref(map_set(changed, key, event));
}

static struct event *taken_back(void)
{
    return event_new(&(const struct event){.source = "", .source_id = "", .kind = ""});
}

bool turn_spool_change(struct engine *engine, const char *source, const char *source_id,
                       const struct event *event)
{
    struct turn_spool *spool = &engine->spool;
    _cleanup_mem_ char *key = turn_spool_key(source, source_id);
    _cleanup_mem_ char *payload = event ? event_print(event) : mem_strdup(key);
    struct error err;

    if (!map_get(&spool->keys, key))
        return false;
    change(&spool->changed, key, event ? event_ref((struct event *)event) : taken_back());
    if (store_spool_put(spool->file, event ? STORE_SPOOL_REVISE : STORE_SPOOL_RETRACT, payload,
                        strlen(payload), NULL, NULL, &err) < 0)
        log_warn("spool", "a changed message is not kept: %s", err.text);
    return true;
}

/* Those that a file has, before its events are made rows of: what was changed stands behind what it changes. */
static troupe_status read_changes(struct store_spool *file, struct map *changed, struct error *err)
{
    struct spool_portion portion = {.last = false};

    while (!portion.last) {
        troupe_status status = store_spool_read(file, portion.next, 0, &portion, err);

        if (status < 0)
            return status;
        for (size_t i = 0; i < portion.count; i++) {
            const struct spool_record *record = &portion.records[i];
            struct event *event = NULL;

            if (record->kind == STORE_SPOOL_RETRACT) {
                change(changed, record->data, taken_back());
            } else if (record->kind == STORE_SPOOL_REVISE &&
                       event_parse(record->data, record->len, &event, NULL) >= 0) {
                _cleanup_mem_ char *key = turn_spool_key(event->source, event->source_id);

                change(changed, key, event);
            }
        }
        spool_portion_clear(&portion);
    }
    return TROUPE_OK;
}

/* ---- out --------------------------------------------------------------------------------------- */

static troupe_status take_portions(const struct turn_spool_rows *rows, struct store_spool *file,
                                   uint64_t *ret_count, struct error *err)
{
    troupe_status status = TROUPE_OK;
    bool last = false;

    while (status == TROUPE_OK && !last) {
        struct turn_spooled spooled[SPOOL_PORTION_RECORDS];
        struct spool_portion portion;

        status = store_spool_read(file, 0, 0, &portion, err);
        if (status < 0)
            return status;
        last = portion.last;
        status = turn_spool_store(rows, &portion, spooled, err);
        for (size_t i = 0; i < portion.count; i++)
            *ret_count += spooled[i].made;
        turn_spooled_clear(spooled, portion.count);
        spool_portion_clear(&portion);
        if (status == TROUPE_OK)
            status = store_spool_take(file, portion.next, 0, err);
    }
    return status;
}

troupe_status turn_spool_take_up(struct store *store, struct store_spool *file,
                                 const struct plugin_set *set, turn_spool_other other, void *arg,
                                 struct error *err)
{
    const struct store_statement newest = {.sql = SQL_TURN_NEWEST, .expect = STORE_ANY};
    _cleanup_rows_ struct store_rows *found = NULL;
    struct turn_spool_rows rows = {.store = store, .set = set, .other = other, .arg = arg};
    struct map changed = {0};
    uint64_t count = 0;
    int64_t last;
    troupe_status status;

    if (store_spool_is_empty(file))
        return TROUPE_OK;
    status = store_query(store, &newest, 0, &found, err);
    if (status < 0)
        return status;
    last = store_cell_int(found, 0, 0, 0);
    rows.last = &last;
    rows.changed = &changed;
    status = read_changes(file, &changed, err);
    if (status == TROUPE_OK)
        status = take_portions(&rows, file, &count, err);
    map_clear_with(&changed, changed_free);
    if (count)
        log_info("spool", "%" PRIu64 " events that had waited for the database are in it", count);
    return status;
}

/* The turn of an event whose row was made, or had been before without anybody knowing. [waits] */
static troupe_status go_on(struct engine *engine, const struct turn_spooled *spooled, bool made,
                           int64_t id, const char *source_id, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status;

    if (made)
        return turn_engine_again(engine, id, NULL, err);
    status = store_query(
        engine->store,
        STORE_SQL(SQL_TURN_SPOOLED_OPEN, store_text(spooled->event->source), store_text(source_id)),
        turn_engine_soon(engine), &rows, err);
    if (status < 0 || !rows->count)
        return status;
    return turn_engine_again(engine, store_cell_int(rows, 0, 0, 0), NULL, err);
}

static troupe_status go_on_both(struct engine *engine, const struct turn_spooled *spooled,
                                struct error *err)
{
    troupe_status status;

    if (!spooled->event)
        return TROUPE_OK;
    status = go_on(engine, spooled, spooled->made, spooled->id, spooled->event->source_id, err);
    if (status == TROUPE_OK && spooled->twin) {
        _cleanup_mem_ char *id = mem_printf("%s" EVENT_OBSERVED_SUFFIX, spooled->event->source_id);

        status = go_on(engine, spooled, spooled->twin_made, spooled->twin, id, err);
    }
    return status;
}

/* Its member has waited long enough, or for nothing. */
static void settle(struct engine *engine, const struct turn_spooled *spooled,
                   const struct spool_record *record)
{
    struct gateway *gateway;
    struct event *event = spooled->event ? event_ref(spooled->event) : NULL;

    if (!spooled->key)
        return;
    map_remove(&engine->spool.keys, spooled->key);
    event_unref(map_remove(&engine->spool.changed, spooled->key));
    if (!event && event_parse(record->data, record->len, &event, NULL) < 0)
        return;
    gateway = map_get(&engine->gateways, event->source);
    if (gateway && gateway->ops->waits && !(event->flags & EVENT_OBSERVED)) {
        gateway->ops->waits(gateway, event, false);
        if (!spooled->event && gateway->ops->working)
            gateway->ops->working(gateway, event, false);
    }
    event_unref(event);
}

/* Rows first, then turns, and only then it is taken: whatever ends between is done again, and found done. */
static troupe_status take_some(struct engine *engine, struct error *err)
{
    struct turn_spool_rows rows = {
        .store = engine->store,
        .set = engine->set,
        .last = &engine->last_event,
        .changed = &engine->spool.changed,
        .other = engine->options.spooled,
        .arg = engine->options.spooled_arg,
    };
    struct turn_spooled spooled[SPOOL_PORTION_RECORDS];
    struct spool_portion portion;
    troupe_status status = store_spool_read(engine->spool.file, 0, 0, &portion, err);

    if (status < 0)
        return status;
    status = turn_spool_store(&rows, &portion, spooled, err);
    for (size_t i = 0; i < portion.count && status == TROUPE_OK; i++)
        status = go_on_both(engine, &spooled[i], err);
    for (size_t i = 0; i < portion.count && status == TROUPE_OK; i++)
        settle(engine, &spooled[i], &portion.records[i]);
    turn_spooled_clear(spooled, portion.count);
    if (status == TROUPE_OK)
        status = store_spool_take(engine->spool.file, portion.next, 0, err);
    spool_portion_clear(&portion);
    return status;
}

/* What comes next finds a place. Where the last write of all failed, nobody else may try another one. */
static bool is_time(struct engine *engine)
{
    uint64_t now = loop_now(engine->loop);
    struct store_stats stats;

    if (engine->admission.draining || engine->recovering || engine->admission.queued)
        return false;
    store_stats(engine->store, &stats);
    if (stats.degraded && now < engine->spool.tried + TRY_MS)
        return false;
    engine->spool.tried = now;
    return true;
}

static troupe_status drain_main(void *arg)
{
    struct engine *engine = arg;
    struct turn_spool *spool = &engine->spool;
    bool failed = false;

    while (turn_spool_holds(engine) && !engine->closing && !engine->stopping) {
        struct error err;

        if (!is_time(engine)) {
            if (co_sleep(LOOK_MS) < 0)
                break;
            continue;
        }
        if (take_some(engine, &err) >= 0) {
            failed = false;
            if (co_pass() < 0)
                break;
            continue;
        }
        if (!failed && co_status() == TROUPE_OK)
            log_warn("spool", "what waits for the database is not taken up yet: %s", err.text);
        failed = true;
        if (co_sleep(AGAIN_MS) < 0)
            break;
    }
    spool->draining = false;
    if (!turn_spool_holds(engine)) {
        if (spool->kept)
            log_info("spool", "%" PRIu64 " events that had waited for the database are in it",
                     spool->kept);
        spool->kept = 0;
        spool->full = false;
    }
    return TROUPE_OK;
}

void turn_spool_wake(struct engine *engine)
{
    static const struct co_owner owner = {"core:spool", 0};

    if (engine->spool.draining || engine->closing || !turn_spool_holds(engine))
        return;
    engine->spool.draining = co_spawn(&engine->scope, &owner, drain_main, engine) == TROUPE_OK;
}
