/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.sql/1": the agent's own tables. The namespace is the agent's name and the scope comes from
 * the turn's event; the store keeps a statement inside both.
 */
#include "host/host_table.h"

#include "base/mem.h"
#include "store/store.h"
#include "turn/engine_private.h"
#include "turn/pack.h"

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

/* A result of so many cells, on the frame; the cells are the caller's to fill. */
static troupe_status rows_new(struct turn_frame *frame, uint64_t count, uint32_t columns,
                              size_t bytes, troupe_rows **ret)
{
    size_t cells = (size_t)count * columns;
    troupe_rows *made;
    troupe_status status = host_hold(frame, sizeof(*made) + cells * sizeof(troupe_value) + bytes);

    if (status < 0)
        return status;
    made = mem_zero(1, sizeof(*made));
    made->count = count;
    made->columns = columns;
    made->cells = mem_zero(cells + 1, sizeof(*made->cells));
    turn_frame_own(frame, &made->resource, rows_release);
    *ret = made;
    return TROUPE_OK;
}

static void pack_rows(struct buf *out, const troupe_rows *rows)
{
    pack_int(out, (int64_t)rows->count);
    pack_int(out, rows->columns);
    for (size_t i = 0; i < rows->count * rows->columns && out->len <= RECORD_NOTE_MAX; i++) {
        const troupe_value *cell = &rows->cells[i];

        pack_int(out, cell->type);
        if (cell->type == TROUPE_TYPE_STRING || cell->type == TROUPE_TYPE_BLOB)
            pack_bytes(out, cell->u.s.ptr, (size_t)cell->u.s.len);
        else
            pack_int(out, cell->u.i); /* a number's bytes, of either type */
    }
}

/* The rows that an earlier run saw; their texts are the record's, which outlives the frame. */
static troupe_status replay_rows(struct record_call *call, troupe_rows **ret)
{
    struct unpack in = {call->row->result.data, call->row->result.len, false};
    troupe_status status = turn_record_status(call);
    uint64_t count;
    uint32_t columns;

    if (status < 0)
        return status;
    count = (uint64_t)unpack_int(&in);
    columns = (uint32_t)unpack_int(&in);
    if (count > STORE_ROWS_MAX || columns > call->row->result.len)
        in.bad = true;
    status = rows_new(call->frame, in.bad ? 0 : count, in.bad ? 0 : columns, in.left, ret);
    if (status < 0)
        return status;
    for (size_t i = 0; i < (*ret)->count * (*ret)->columns; i++) {
        troupe_value *cell = &(*ret)->cells[i];
        size_t len;

        cell->type = (uint32_t)unpack_int(&in);
        if (cell->type == TROUPE_TYPE_STRING || cell->type == TROUPE_TYPE_BLOB) {
            cell->u.s.ptr = unpack_bytes(&in, &len);
            cell->u.s.len = len;
        } else {
            cell->u.i = unpack_int(&in);
        }
    }
    if (!in.bad)
        return TROUPE_OK;
    turn_diverge(call->frame->turn, "the rows of a query cannot be read");
    return TROUPE_CANCELED;
}

static int64_t hash_params(int64_t hash, const struct store_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hash = turn_record_hash_int(hash, values[i].type);
        hash = turn_record_hash_int(hash, values[i].integer);
        hash = turn_record_hash(hash, &values[i].real, sizeof(values[i].real));
        hash = turn_record_hash(hash, values[i].data, values[i].len);
    }
    return hash;
}

static troupe_status run_query(struct turn_frame *frame, const struct store_statement *statement,
                               troupe_rows **ret)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    size_t cells, bytes = 0;
    struct error err;
    troupe_rows *made;
    troupe_status status = store_query(frame->turn->engine->store, statement, 0, &rows, &err);

    if (status < 0)
        return turn_frame_error(frame, status, "sql.storage", "%s", err.text);
    cells = rows->count * rows->columns;
    for (size_t i = 0; i < cells; i++)
        bytes += store_cell(rows, i / rows->columns, i % rows->columns)->len;
    status = rows_new(frame, rows->count, (uint32_t)rows->columns, bytes, &made);
    if (status < 0)
        return status;
    for (size_t i = 0; i < cells; i++)
        made->cells[i] = from_store(store_cell(rows, i / rows->columns, i % rows->columns));
    made->rows = rows;
    rows = NULL;
    *ret = made;
    return TROUPE_OK;
}

static troupe_status query(troupe_turn *turn, const char *sql, const troupe_value *params,
                           uint32_t count, troupe_rows **ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct store_scope scope = host_scope(frame);
    struct store_statement statement = {
        .sql = sql, .ns = frame->agent->name, .scope = &scope, .expect = STORE_ANY};
    _cleanup_mem_ struct store_value *values = NULL;
    _cleanup_buf_ struct buf packed = BUF_INIT;
    struct record_call call = {0};
    troupe_status status = host_need(frame, "sql");

    if (status == TROUPE_OK)
        status = params_of(frame, (troupe_array){params, count, sizeof(*params)}, &values);
    if (status < 0)
        return status;
    status = turn_record_begin(
        &call, frame, "sql.query",
        hash_params(turn_record_hash_text(RECORD_HASH_START, sql), values, count));
    if (status == RECORD_REPLAYED)
        return replay_rows(&call, ret);
    if (status < 0)
        return status;
    statement.params = values;
    statement.param_count = count;
    status = run_query(frame, &statement, ret);
    if (status == TROUPE_OK)
        pack_rows(&packed, *ret);
    return turn_record_note(&call, status, buf_text(&packed), packed.len);
}

static troupe_status commit(troupe_turn *turn, const troupe_statement *statements, uint32_t count)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct store_scope scope = host_scope(frame);
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct record_call call = {0};
    int64_t hash = RECORD_HASH_START;
    troupe_status status = host_need(frame, "sql");

    if (status == TROUPE_OK)
        status = host_bytes(frame, statements, count, UINT32_MAX, "the statements");
    if (status < 0)
        return status;
    if (count > STATEMENTS_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "sql.statements",
                                "a commit takes at most %d statements", STATEMENTS_MAX);
    if (!frame->batch)
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
        store_batch_add(frame->batch ? frame->batch : batch, &statement);
        hash = turn_record_hash_int(turn_record_hash_text(hash, statement.sql), statement.expect);
        hash = hash_params(hash, values, statement.param_count);
    }
    if (frame->batch) {
        frame->batch_hash = turn_record_hash_int(frame->batch_hash, hash);
        return TROUPE_OK;
    }
    status = turn_record_begin(&call, frame, "sql.commit", hash);
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    return status < 0 ? status : turn_record_commit(&call, batch, "sql.storage", NULL, 0);
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
