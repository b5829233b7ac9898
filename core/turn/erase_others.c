/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/erase_others.h"

#include "base/json.h"
#include "base/mem.h"
#include "turn/engine_private.h"
#include "turn/sql/erase.h"

#include <string.h>

#define TURNS 500 /* in one portion */

/* The first of them that the query tells; 0: there are none. */
static troupe_status first_of(struct engine *engine, const char *sql, int64_t *ret,
                              struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status =
        store_query(engine->store, &(struct store_statement){.sql = sql, .expect = STORE_ANY},
                    turn_engine_soon(engine), &rows, err);

    if (status == TROUPE_OK)
        *ret = store_cell_int(rows, 0, 0, 0);
    return status;
}

static troupe_status empty_texts(struct engine *engine, struct error *err)
{
    int64_t from = 0;
    troupe_status status = first_of(engine, SQL_ERASE_OTHERS_FROM, &from, err);

    for (; status == TROUPE_OK && from && from <= engine->last_event; from += TURNS) {
        struct store_value first = store_int(from), behind = store_int(from + TURNS);
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        store_batch_add(batch, STORE_SQL(SQL_ERASE_OTHERS, first, behind));
        store_batch_add(batch, STORE_SQL(SQL_ERASE_OTHERS_SHOWN, first, behind));
        status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    }
    return status;
}

/* Places of a trace where the host alone writes. */
static bool is_the_hosts(const char *at)
{
    static const char *const places[] = {"intake", "admission", "answer",  "chain",
                                         "files",  "schedule",  "recover", "replay",
                                         "turn",   "end",       "budget"};

    for (size_t i = 0; at && i < sizeof(places) / sizeof(places[0]); i++)
        if (!strcmp(at, places[i]))
            return true;
    return false;
}

char *turn_erase_words(const char *trace)
{
    _cleanup_json_ json_t *object = NULL;
    bool has = false;
    size_t i;
    json_t *entry;

    if (json_parse(trace, strlen(trace), &object, NULL) < 0)
        return NULL;
    json_array_foreach (json_object_get(object, "entries"), i, entry) {
        if (is_the_hosts(json_string_value(json_object_get(entry, "at"))))
            continue;
        has |= json_object_del(entry, "text") == 0;
    }
    return has ? json_print(object) : NULL;
}

static troupe_status empty_traces(struct engine *engine, struct error *err)
{
    int64_t from = 0;
    troupe_status status = first_of(engine, SQL_ERASE_OTHERS_FIRST, &from, err);

    for (; status == TROUPE_OK && from && from <= engine->last_event; from += TURNS) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        _cleanup_rows_ struct store_rows *rows = NULL;

        status = store_query(
            engine->store,
            STORE_SQL(SQL_ERASE_OTHERS_TRACES, store_int(from), store_int(from + TURNS)),
            turn_engine_soon(engine), &rows, err);
        for (size_t i = 0; status == TROUPE_OK && i < rows->count; i++) {
            _cleanup_mem_ char *trace = turn_erase_words(store_cell_text(rows, i, 1, ""));

            if (trace)
                store_batch_add(batch, STORE_SQL(SQL_ERASE_OTHERS_TRACE,
                                                 store_int(store_cell_int(rows, i, 0, 0)),
                                                 store_text(trace)));
        }
        if (status == TROUPE_OK && store_batch_count(batch))
            status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    }
    return status;
}

troupe_status turn_erase_others(struct engine *engine, struct error *err)
{
    troupe_status status = empty_texts(engine, err);

    return status < 0 ? status : empty_traces(engine, err);
}
