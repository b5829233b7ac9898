/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/spool_rows.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "loop/co.h"
#include "store/kv.h"
#include "turn/engine_private.h"
#include "turn/sql/turn.h"

#include <inttypes.h>
#include <string.h>

#define NS       "core"
#define STORE_MS 10000

char *turn_spool_key(const char *source, const char *source_id)
{
    return mem_printf("%s\n%s", source, source_id);
}

/* Of a member, in a name that tells nobody who it is at first sight. */
static char *erased_key(const char *member)
{
    uint64_t hash =
        hash_finish(hash_add(HASH_START, member ? member : "", strlen(member ? member : "")));

    return mem_printf("erased/%016" PRIx64, hash);
}

void turn_spool_forget(struct engine *engine, struct store_batch *batch, const char *member,
                       int64_t asked_ms)
{
    _cleanup_mem_ char *key = NULL;

    if (!store_is_shared(engine->store))
        return;
    key = erased_key(member);
    store_kv_put(batch, NS, "", key, "1", 1, asked_ms + TURN_SPOOL_OLD_MS);
}

static size_t add_row(const struct turn_spool_rows *rows, struct store_batch *batch, int64_t id,
                      const struct event *event)
{
    _cleanup_mem_ char *payload = event_print(event), *erased = erased_key(event->member);

    return store_batch_add(
        batch, STORE_SQL(SQL_TURN_SPOOLED, store_int(id), store_text(event->source),
                         store_text(event->source_id), store_text(event->account),
                         store_text(event->guild), store_text(event->channel),
                         store_text(event->member), store_text(event->kind), store_text(payload),
                         store_int((int64_t)rows->set->number),
                         store_text(turn_stage_names(rows->set, event)), store_int(clock_wall_ms()),
                         store_text(erased), store_int(event->time_ms + TURN_SPOOL_OLD_MS)));
}

static int64_t next_id(const struct turn_spool_rows *rows)
{
    return *rows->last = store_next_id(rows->store, *rows->last);
}

static void add_event(const struct turn_spool_rows *rows, struct store_batch *batch,
                      struct turn_spooled *spooled)
{
    spooled->id = next_id(rows);
    spooled->row = add_row(rows, batch, spooled->id, spooled->event);
    if (turn_is_watched(rows->set, spooled->event)) {
        struct event *twin = event_observed(spooled->event);

        spooled->twin = next_id(rows);
        spooled->twin_row = add_row(rows, batch, spooled->twin, twin);
        event_unref(twin);
    }
}

/* What another host may have answered, and forgotten since, is not answered again. */
static bool is_old(const struct turn_spool_rows *rows, const struct spool_record *record)
{
    int64_t keep = config_ms(config_section(rows->set->config, "store", NULL), "keep_traces");

    keep = keep < TURN_SPOOL_OLD_MS ? keep : TURN_SPOOL_OLD_MS;
    return record->time_ms < clock_wall_ms() - keep;
}

/* The event as its member left it. */
static void read_event(const struct turn_spool_rows *rows, const struct spool_record *record,
                       struct turn_spooled *ret)
{
    struct event *event = NULL, *now;
    struct error err;

    if (event_parse(record->data, record->len, &event, &err) < 0) {
        log_error("spool", "record %" PRIu64 " is no event and is lost: %s", record->number,
                  err.text);
        return;
    }
    ret->key = turn_spool_key(event->source, event->source_id);
    now = map_get(rows->changed, ret->key);
    if (is_old(rows, record)) {
        log_warn("spool", "event %s of %s is older than keep_traces and is not answered any more",
                 event->source_id, event->source);
    } else if (now && !*now->source_id) {
        ; /* taken back */
    } else if (now && strcmp(now->source_id, event->source_id) == 0) {
        ret->event = event_ref(now);
    } else {
        ret->event = event_ref(event);
    }
    event_unref(event);
}

void turn_spooled_clear(struct turn_spooled *spooled, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        event_unref(spooled[i].event);
        mem_free(spooled[i].key);
    }
}

static void add_record(const struct turn_spool_rows *rows, struct store_batch *batch,
                       const struct spool_record *record, struct turn_spooled *spooled)
{
    if (record->kind == STORE_SPOOL_EVENT && spooled->event)
        add_event(rows, batch, spooled);
    else if (rows->other && record->kind >= STORE_SPOOL_SESSION)
        rows->other(rows->arg, batch, record);
}

static void note_made(const struct store_batch *batch, struct turn_spooled *spooled)
{
    spooled->made = spooled->id && store_batch_changes(batch, spooled->row) > 0;
    spooled->twin_made = spooled->twin && store_batch_changes(batch, spooled->twin_row) > 0;
}

/* One by one, so that what is wrong costs nobody else his answer. */
static troupe_status store_apart(const struct turn_spool_rows *rows,
                                 const struct spool_portion *portion, struct turn_spooled *ret,
                                 struct error *err)
{
    for (size_t i = 0; i < portion->count; i++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        troupe_status status;

        add_record(rows, batch, &portion->records[i], &ret[i]);
        status = store_commit(rows->store, batch, co_after(STORE_MS), err);
        if (status < 0 && store_status_passes(status))
            return status;
        if (status < 0)
            log_error("spool", "record %" PRIu64 " is refused by the database and is lost: %s",
                      portion->records[i].number, err->text);
        else
            note_made(batch, &ret[i]);
    }
    return TROUPE_OK;
}

troupe_status turn_spool_store(const struct turn_spool_rows *rows,
                               const struct spool_portion *portion, struct turn_spooled *ret,
                               struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status;

    memset(ret, 0, portion->count * sizeof(*ret));
    for (size_t i = 0; i < portion->count; i++) {
        if (portion->records[i].kind == STORE_SPOOL_EVENT)
            read_event(rows, &portion->records[i], &ret[i]);
        add_record(rows, batch, &portion->records[i], &ret[i]);
    }
    status = store_commit(rows->store, batch, co_after(STORE_MS), err);
    if (status < 0)
        return store_status_passes(status) ? status : store_apart(rows, portion, ret, err);
    for (size_t i = 0; i < portion->count; i++)
        note_made(batch, &ret[i]);
    return TROUPE_OK;
}
