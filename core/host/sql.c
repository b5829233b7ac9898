/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.sql/1": the agent's own tables. The namespace is the agent's name and the scope comes from
 * the turn's event; the store keeps a statement inside both.
 */
#include "host/host_table.h"

#include "base/mem.h"
#include "store/store.h"
#include "turn/engine_private.h"

#define STATEMENTS_MAX 64
#define PARAMS_MAX     100

struct troupe_rows {
    struct turn_resource resource;
    uint64_t count;
    uint32_t columns;
    struct store_rows *rows;
    troupe_value *cells;
};

static void rows_release(struct turn_resource *resource)
{
    troupe_rows *rows = container_of(resource, troupe_rows, resource);

    store_rows_free(rows->rows);
    mem_free(rows->cells);
    mem_free(rows);
}

static troupe_status to_store(struct turn_frame *frame, const troupe_value *value,
                              struct store_value *ret)
{
    bool is_bytes = value->type == TROUPE_TYPE_BLOB || value->type == TROUPE_TYPE_STRING ||
                    value->type == TROUPE_TYPE_JSON;
    troupe_status status =
        is_bytes ? host_bytes(frame, value->u.s.ptr, value->u.s.len, STORE_BATCH_BYTES, "a value")
                 : TROUPE_OK;

    if (status < 0)
        return status;
    switch (value->type) {
    case TROUPE_TYPE_NULL: *ret = store_null(); return TROUPE_OK;
    case TROUPE_TYPE_BOOL:
    case TROUPE_TYPE_DURATION:
    case TROUPE_TYPE_SIZE:
    case TROUPE_TYPE_MONEY:
    case TROUPE_TYPE_INT: *ret = store_int(value->u.i); return TROUPE_OK;
    case TROUPE_TYPE_FLOAT: *ret = store_double(value->u.f); return TROUPE_OK;
    case TROUPE_TYPE_BLOB:
        *ret = store_blob(value->u.s.ptr, (size_t)value->u.s.len);
        return TROUPE_OK;
    case TROUPE_TYPE_STRING:
    case TROUPE_TYPE_JSON:
        *ret = store_textn(value->u.s.ptr ? value->u.s.ptr : "", (size_t)value->u.s.len);
        return TROUPE_OK;
    default:
        return turn_frame_error(frame, TROUPE_ARGUMENT, "sql.type",
                                "values of type %u cannot be stored; ids go as text", value->type);
    }
}

/* `ret` is the caller's, also on failure; mem_free. */
static troupe_status params_of(struct turn_frame *frame, troupe_array params,
                               struct store_value **ret)
{
    troupe_status status = host_bytes(frame, params.ptr, params.count, UINT32_MAX, "the values");

    if (status == TROUPE_OK && params.count > PARAMS_MAX)
        status = turn_frame_error(frame, TROUPE_LIMIT, "sql.params",
                                  "a statement takes at most %d values", PARAMS_MAX);
    if (status < 0)
        return status;
    *ret = mem_zero(params.count + 1, sizeof(**ret));
    for (uint32_t i = 0; status == TROUPE_OK && i < params.count; i++)
        status = to_store(frame, TROUPE_AT(params, troupe_value, i), &(*ret)[i]);
    return status;
}

static troupe_value from_store(const struct store_value *cell)
{
    troupe_value value = {TROUPE_TYPE_NULL, 0, {0}};

    switch (cell->type) {
    case STORE_INT:
        value.type = TROUPE_TYPE_INT;
        value.u.i = cell->integer;
        break;
    case STORE_DOUBLE:
        value.type = TROUPE_TYPE_FLOAT;
        value.u.f = cell->real;
        break;
    case STORE_TEXT:
    case STORE_BLOB:
        value.type = cell->type == STORE_TEXT ? TROUPE_TYPE_STRING : TROUPE_TYPE_BLOB;
        value.u.s = (troupe_str){cell->data ? cell->data : "", cell->len};
        break;
    case STORE_NULL:
    case STORE_ROWID: break;
    }
    return value;
}

static troupe_status query(troupe_turn *turn, const char *sql, const troupe_value *params,
                           uint32_t count, troupe_rows **ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct store_scope scope = host_scope(frame);
    struct store_statement statement = {
        .sql = sql, .ns = frame->agent->name, .scope = &scope, .expect = STORE_ANY};
    _cleanup_mem_ struct store_value *values = NULL;
    _cleanup_rows_ struct store_rows *rows = NULL;
    size_t cells, bytes = 0;
    struct error err;
    troupe_rows *made;
    troupe_status status = host_need(frame, "sql");

    if (status == TROUPE_OK)
        status = params_of(frame, (troupe_array){params, count, sizeof(*params)}, &values);
    if (status < 0)
        return status;
    statement.params = values;
    statement.param_count = count;
    status = store_query(frame->turn->engine->store, &statement, 0, &rows, &err);
    if (status < 0)
        return turn_frame_error(frame, status, "sql.storage", "%s", err.text);
    cells = rows->count * rows->columns;
    for (size_t i = 0; i < cells; i++)
        bytes += sizeof(troupe_value) + store_cell(rows, i / rows->columns, i % rows->columns)->len;
    status = host_hold(frame, sizeof(*made) + bytes);
    if (status < 0)
        return status;
    made = mem_zero(1, sizeof(*made));
    made->count = rows->count;
    made->columns = (uint32_t)rows->columns;
    made->cells = mem_zero(cells + 1, sizeof(*made->cells));
    for (size_t i = 0; i < cells; i++)
        made->cells[i] = from_store(store_cell(rows, i / rows->columns, i % rows->columns));
    made->rows = rows;
    rows = NULL;
    turn_frame_own(frame, &made->resource, rows_release);
    *ret = made;
    return TROUPE_OK;
}

static troupe_status commit(troupe_turn *turn, const troupe_statement *statements, uint32_t count)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct store_scope scope = host_scope(frame);
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct error err;
    troupe_status status = host_need(frame, "sql");

    if (status == TROUPE_OK)
        status = host_bytes(frame, statements, count, UINT32_MAX, "the statements");
    if (status < 0)
        return status;
    if (count > STATEMENTS_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "sql.statements",
                                "a commit takes at most %d statements", STATEMENTS_MAX);
    batch = store_batch_new();
    for (uint32_t i = 0; i < count; i++) {
        struct store_statement statement = {.sql = statements[i].sql,
                                            .ns = frame->agent->name,
                                            .scope = &scope,
                                            .expect = statements[i].expect,
                                            .param_count = statements[i].params.count};
        _cleanup_mem_ struct store_value *values = NULL;

        status = params_of(frame, statements[i].params, &values);
        if (status < 0)
            return status;
        statement.params = values;
        store_batch_add(batch, &statement);
    }
    status = store_commit(frame->turn->engine->store, batch, 0, &err);
    return status < 0 ? turn_frame_error(frame, status, "sql.storage", "%s", err.text) : status;
}

static uint64_t row_count(const troupe_rows *rows)
{
    return rows->count;
}

static uint32_t column_count(const troupe_rows *rows)
{
    return rows->columns;
}

static const troupe_value *cell(const troupe_rows *rows, uint64_t row, uint32_t column)
{
    if (row >= rows->count || column >= rows->columns)
        return NULL;
    return &rows->cells[row * rows->columns + column];
}

const troupe_sql_v1 *host_sql_table(void)
{
    static const troupe_sql_v1 table = {.size = sizeof(table),
                                        .query = query,
                                        .commit = commit,
                                        .row_count = row_count,
                                        .column_count = column_count,
                                        .cell = cell};

    return &table;
}
