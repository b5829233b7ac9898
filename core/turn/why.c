/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/why.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "turn/engine_private.h"
#include "turn/span.h"
#include "turn/sql/call.h"
#include "turn/sql/turn.h"

#include <stdio.h>
#include <string.h>

enum {
    COL_ID,
    COL_SOURCE,
    COL_SOURCE_ID,
    COL_CHANNEL,
    COL_PIPELINE,
    COL_STATE,
    COL_REASON,
    COL_SENTENCE,
    COL_TRACE,
    COL_COST,
    COL_GENERATION,
    COL_STARTED,
    COL_FINISHED,
    COL_ATTEMPTS,
    COL_BLAMES,
    COL_BLAMED
};

static json_t *column(const struct store_rows *rows, size_t index)
{
    const char *text = store_cell_text(rows, 0, index, NULL);
    json_t *value = text ? json_string(text) : NULL;

    return value ? value : json_null();
}

static json_t *parsed(const struct store_rows *rows, size_t index)
{
    const struct store_value *cell = store_cell(rows, 0, index);
    json_t *value = NULL;

    if (cell->type != STORE_TEXT || json_parse(cell->data, cell->len, &value, NULL) < 0)
        return json_null();
    return value;
}

/* What it asked of the host, as far as that was kept: "stage a 0#3 kv.put". */
static json_t *read_calls(struct engine *engine, int64_t id)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    json_t *list = json_array();

    if (store_query(engine->store, STORE_SQL(SQL_CALL_LIST, store_int(id)),
                    turn_engine_soon(engine), &rows, NULL) < 0)
        return list;
    for (size_t i = 0; i < rows->count; i++) {
        char at[200];

        snprintf(at, sizeof(at), "%s %s#%lld", store_cell_text(rows, i, 0, ""),
                 store_cell_text(rows, i, 1, ""), (long long)store_cell_int(rows, i, 2, 0));
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s}", "at", at, "kind",
                                        store_cell_text(rows, i, 3, ""), "state",
                                        store_cell_text(rows, i, 4, ""), "status",
                                        status_name((troupe_status)store_cell_int(rows, i, 5, 0))));
    }
    return list;
}

/* What of its answer could not be delivered, and why. */
static json_t *read_undelivered(struct engine *engine, int64_t id)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    json_t *list = json_array();

    if (store_query(engine->store, STORE_SQL(SQL_TURN_UNDELIVERED, store_int(id)),
                    turn_engine_soon(engine), &rows, NULL) < 0)
        return list;
    for (size_t i = 0; i < rows->count; i++)
        json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "part",
                                              (json_int_t)store_cell_int(rows, i, 1, 0), "state",
                                              store_cell_text(rows, i, 2, ""), "why",
                                              store_cell_text(rows, i, 3, "")));
    return list;
}

troupe_status turn_why_json(struct engine *engine, const char *id, const char *channel,
                            const char *asker, json_t **ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    bool last = !strcmp(id, "last");
    const struct store_statement *statement =
        last ? STORE_SQL(SQL_TURN_WHY_LAST, store_text(channel), store_text(asker))
             : STORE_SQL(SQL_TURN_WHY_ID, store_int((int64_t)event_id_number(id)), store_text(id),
                         store_text(channel), store_text(asker));
    troupe_status status =
        store_query(engine->store, statement, turn_engine_soon(engine), &rows, err);

    if (status < 0)
        return status;
    if (!rows->count)
        return last
                   ? error_set(err, TROUPE_NOT_FOUND, "nothing was answered here yet")
                   : error_set(err, TROUPE_NOT_FOUND,
                               "there is no turn or message \"%.40s\"; \"last\" is the newest", id);
    *ret = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "turn",
                     (json_int_t)store_cell_int(rows, 0, COL_ID, 0), "source",
                     column(rows, COL_SOURCE), "message", column(rows, COL_SOURCE_ID), "channel",
                     column(rows, COL_CHANNEL), "pipeline", parsed(rows, COL_PIPELINE), "state",
                     column(rows, COL_STATE), "reason", column(rows, COL_REASON), "sentence",
                     column(rows, COL_SENTENCE), "trace", parsed(rows, COL_TRACE), "cost_micros",
                     (json_int_t)store_cell_int(rows, 0, COL_COST, 0), "generation",
                     (json_int_t)store_cell_int(rows, 0, COL_GENERATION, 0), "started_ms",
                     (json_int_t)store_cell_int(rows, 0, COL_STARTED, 0), "finished_ms",
                     (json_int_t)store_cell_int(rows, 0, COL_FINISHED, 0));
    json_object_set_new(*ret, "attempts",
                        json_integer((json_int_t)store_cell_int(rows, 0, COL_ATTEMPTS, 0)));
    json_object_set_new(*ret, "blames",
                        json_integer((json_int_t)store_cell_int(rows, 0, COL_BLAMES, 0)));
    json_object_set_new(*ret, "blamed", column(rows, COL_BLAMED));
    json_object_set_new(*ret, "undelivered",
                        read_undelivered(engine, store_cell_int(rows, 0, COL_ID, 0)));
    json_object_set_new(*ret, "calls", read_calls(engine, store_cell_int(rows, 0, COL_ID, 0)));
    return TROUPE_OK;
}

static void put_undelivered(struct buf *out, const json_t *why)
{
    const json_t *list = json_object_get(why, "undelivered"), *message;
    size_t i;

    json_array_foreach (list, i, message)
        buf_printf(out, "\nmessage %lld of the answer is %s: %s",
                   (long long)json_get_int(message, "part", 0) + 1,
                   strcmp(json_get_str(message, "state", ""), "failed") ? "not known to be there"
                                                                        : "not there",
                   json_get_str(message, "why", "?"));
}

/* How often it was taken up again, and the calls that are kept. */
static void put_record(struct buf *out, const json_t *why)
{
    int64_t attempts = json_get_int(why, "attempts", 0), blames = json_get_int(why, "blames", 0);
    const json_t *calls = json_object_get(why, "calls"), *call;
    size_t i;

    if (attempts == 1)
        buf_puts(out, "\ntaken up again once");
    else if (attempts)
        buf_printf(out, "\ntaken up again %lld times", (long long)attempts);
    if (blames)
        buf_printf(out, "\n%lld crashes blamed on it, the last in %s", (long long)blames,
                   json_get_str(why, "blamed", "?"));
    if (json_array_size(calls))
        buf_puts(out, "\ncalls that are kept:");
    json_array_foreach (calls, i, call) {
        const char *state = json_get_str(call, "state", "");
        const char *status = json_get_str(call, "status", "");

        buf_printf(out, "\n  %s %s", json_get_str(call, "at", "?"),
                   json_get_str(call, "kind", "?"));
        if (!strcmp(state, "begun"))
            buf_puts(out, ": begun");
        else if (strcmp(status, "ok"))
            buf_printf(out, ": %s", status);
    }
}

static void put_entries(struct buf *out, const json_t *trace)
{
    const json_t *entries = json_object_get(trace, "entries"), *entry;
    int64_t dropped = json_get_int(trace, "dropped", 0);
    size_t i;

    json_array_foreach (entries, i, entry) {
        const char *text = json_get_str(entry, "text", "");

        buf_printf(out, "\n%6lld ms  %s: %s%s%s", (long long)json_get_int(entry, "ms", 0),
                   json_get_str(entry, "at", "?"), json_get_str(entry, "code", "?"),
                   *text ? " — " : "", text);
    }
    if (dropped)
        buf_printf(out, "\n(%lld more steps are not kept)", (long long)dropped);
}

troupe_status turn_why_text(struct engine *engine, const char *id, const char *channel,
                            const char *asker, char **ret, struct error *err)
{
    _cleanup_json_ json_t *why = NULL;
    struct buf out = BUF_INIT;
    char stamp[CLOCK_ISO_SIZE];
    const char *sentence;
    int64_t started;
    troupe_status status = turn_why_json(engine, id, channel, asker, &why, err);

    if (status < 0)
        return status;
    started = json_get_int(why, "started_ms", 0);
    clock_iso(started, stamp);
    sentence = json_get_str(why, "sentence", "");
    buf_printf(&out, "turn %lld (message %s, %s): %s, %s", (long long)json_get_int(why, "turn", 0),
               json_get_str(why, "message", "?"), stamp, json_get_str(why, "state", "?"),
               json_get_str(why, "reason", "not ended yet"));
    if (json_get_int(why, "finished_ms", 0))
        buf_printf(&out, " after %lld ms",
                   (long long)(json_get_int(why, "finished_ms", 0) - started));
    buf_printf(&out, "; cost %.6f USD; generation %lld",
               (double)json_get_int(why, "cost_micros", 0) / 1e6,
               (long long)json_get_int(why, "generation", 0));
    if (*sentence)
        buf_printf(&out, "\n%s", sentence);
    put_undelivered(&out, why);
    put_entries(&out, json_object_get(why, "trace"));
    turn_spans_show(json_object_get(json_object_get(why, "trace"), "spans"), &out);
    put_record(&out, why);
    *ret = buf_take(&out);
    return TROUPE_OK;
}

troupe_status turn_engine_why(struct engine *engine, const char *id, json_t **ret,
                              struct error *err)
{
    return turn_why_json(engine, id, NULL, NULL, ret, err);
}

troupe_status turn_engine_why_text(struct engine *engine, const char *id, char **ret,
                                   struct error *err)
{
    return turn_why_text(engine, id, NULL, NULL, ret, err);
}

/* ---- following ------------------------------------------------------------------------------ */

#define TAIL_POLL_MS 250

static troupe_status tail_start(struct engine *engine, struct turn_tail *tail, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        engine->store,
        &(const struct store_statement){.sql = SQL_TURN_TAIL_START, .expect = STORE_ANY},
        turn_engine_soon(engine), &rows, err);

    if (status < 0)
        return status;
    /* Never zero, which would begin anew each time until the very first turn has ended. */
    tail->finished_ms = store_cell_int(rows, 0, 0, 0);
    tail->finished_ms += tail->finished_ms == 0;
    tail->id = store_cell_int(rows, 0, 1, 0);
    return TROUPE_OK;
}

static json_t *cell_string(const struct store_rows *rows, size_t row, size_t column)
{
    const char *text = store_cell_text(rows, row, column, NULL);

    return text ? json_string(text) : json_null();
}

static json_t *tail_entry(const struct store_rows *rows, size_t row)
{
    int64_t started = store_cell_int(rows, row, 8, 0), finished = store_cell_int(rows, row, 9, 0);

    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I}", "turn",
                     (json_int_t)store_cell_int(rows, row, 0, 0), "source",
                     cell_string(rows, row, 1), "message", cell_string(rows, row, 2), "channel",
                     cell_string(rows, row, 3), "member", cell_string(rows, row, 4), "state",
                     cell_string(rows, row, 5), "reason", cell_string(rows, row, 6), "cost_micros",
                     (json_int_t)store_cell_int(rows, row, 7, 0), "ms",
                     (json_int_t)(finished - started), "finished_ms", (json_int_t)finished);
}

troupe_status turn_tail_read(struct engine *engine, struct turn_tail *tail, uint64_t deadline,
                             json_t **ret, struct error *err)
{
    json_t *list;

    if (!tail->finished_ms) {
        troupe_status status = tail_start(engine, tail, err);

        if (status < 0)
            return status;
    }
    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        troupe_status status =
            store_query(engine->store,
                        STORE_SQL(SQL_TURN_TAIL, store_int(tail->finished_ms), store_int(tail->id)),
                        turn_engine_soon(engine), &rows, err);

        if (status < 0)
            return status;
        if (rows->count || loop_now(engine->loop) >= deadline) {
            list = json_array();
            for (size_t i = 0; i < rows->count; i++) {
                json_array_append_new(list, tail_entry(rows, i));
                tail->finished_ms = store_cell_int(rows, i, 9, 0);
                tail->id = store_cell_int(rows, i, 0, 0);
            }
            *ret = list;
            return TROUPE_OK;
        }
        status = co_sleep(TAIL_POLL_MS);
        if (status < 0)
            return error_set(err, status, "stopped following");
    }
}
