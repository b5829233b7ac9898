/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's extensions in the child: the same tables, each member one call.
 */
#include "plugin/guest.h"

#include "base/mem.h"

#include <string.h>

/* ---- troupe.kv/1 ----------------------------------------------------------------------------- */

static void put_key(struct buf *args, uint32_t scope, const char *key)
{
    wire_put_int(args, scope);
    wire_put_text(args, key);
}

static troupe_status kv_get(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    put_key(&args, scope, key);
    wire_put_int(&args, ret != NULL);
    status = guest_call(t, WIRE_DO_KV_GET, &args);
    if (status >= 0 && ret)
        *ret = guest_take(t);
    return status;
}

static troupe_status kv_put(troupe_turn *turn, uint32_t scope, const char *key, troupe_str value,
                            uint64_t ttl_ms)
{
    struct buf args = BUF_INIT;

    put_key(&args, scope, key);
    wire_put_bytes(&args, value.ptr, value.len);
    wire_put_int(&args, (int64_t)ttl_ms);
    return guest_call(guest_turn_of(turn), WIRE_DO_KV_PUT, &args);
}

static troupe_status kv_remove(troupe_turn *turn, uint32_t scope, const char *key)
{
    struct buf args = BUF_INIT;

    put_key(&args, scope, key);
    return guest_call(guest_turn_of(turn), WIRE_DO_KV_REMOVE, &args);
}

static const troupe_kv_v1 kv_table = {
    .size = sizeof(kv_table), .get = kv_get, .put = kv_put, .remove = kv_remove};

/* ---- troupe.sql/1 ---------------------------------------------------------------------------- */

struct troupe_rows {
    uint64_t count;
    uint32_t columns;
    troupe_value *cells;
};

static void put_params(struct buf *args, troupe_array params)
{
    wire_put_int(args, params.ptr ? params.count : 0);
    for (uint32_t i = 0; params.ptr && i < params.count; i++)
        wire_put_value(args, TROUPE_AT(params, troupe_value, i));
}

static troupe_status sql_query(troupe_turn *turn, const char *sql, const troupe_value *params,
                               uint32_t count, troupe_rows **ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_rows *rows;
    size_t cells;
    troupe_status status;

    if (count && !params)
        return TROUPE_ARGUMENT;
    wire_put_text(&args, sql);
    put_params(&args, (troupe_array){params, count, sizeof(*params)});
    status = guest_call(t, WIRE_DO_SQL_QUERY, &args);
    if (status < 0)
        return status;
    rows = arena_alloc(&t->arena, sizeof(*rows));
    rows->count = (uint64_t)wire_take_int(&t->in);
    rows->columns = (uint32_t)wire_take_int(&t->in);
    cells = (size_t)rows->count * rows->columns;
    rows->cells = arena_alloc(&t->arena, (cells + 1) * sizeof(*rows->cells));
    for (size_t i = 0; i < cells; i++) {
        rows->cells[i] = wire_take_value(&t->in);
        if (rows->cells[i].type == TROUPE_TYPE_STRING || rows->cells[i].type == TROUPE_TYPE_BLOB)
            rows->cells[i].u.s = guest_keep(t, rows->cells[i].u.s);
    }
    *ret = rows;
    return status;
}

static troupe_status sql_commit(troupe_turn *turn, const troupe_statement *statements,
                                uint32_t count)
{
    struct buf args = BUF_INIT;

    if (count && !statements)
        return TROUPE_ARGUMENT;
    wire_put_int(&args, count);
    for (uint32_t i = 0; i < count; i++) {
        if (statements[i].params.count && !statements[i].params.ptr) {
            buf_clear(&args);
            return TROUPE_ARGUMENT;
        }
        wire_put_text(&args, statements[i].sql);
        wire_put_int(&args, statements[i].expect);
        put_params(&args, statements[i].params);
    }
    return guest_call(guest_turn_of(turn), WIRE_DO_SQL_COMMIT, &args);
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

static const troupe_sql_v1 sql_table = {.size = sizeof(sql_table),
                                        .query = sql_query,
                                        .commit = sql_commit,
                                        .row_count = row_count,
                                        .column_count = column_count,
                                        .cell = cell};

/* ---- troupe.http/1 --------------------------------------------------------------------------- */

struct troupe_http {
    struct guest_turn *turn;
    int64_t handle;
    uint32_t status;
    struct buf *chunk;
};

static troupe_status http_open(troupe_turn *turn, const troupe_http_request *request,
                               troupe_http **ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_http *http;
    troupe_status status;

    if (!request || (request->headers.count && !request->headers.ptr))
        return TROUPE_ARGUMENT;
    wire_put_text(&args, request->method);
    wire_put_bytes(&args, request->url.ptr, request->url.len);
    wire_put_int(&args, request->headers.ptr ? request->headers.count : 0);
    for (uint32_t i = 0; request->headers.ptr && i < request->headers.count; i++) {
        const troupe_header *header = TROUPE_AT(request->headers, troupe_header, i);

        wire_put_bytes(&args, header->name.ptr, header->name.len);
        wire_put_bytes(&args, header->value.ptr, header->value.len);
    }
    wire_put_bytes(&args, request->body.ptr, request->body.len);
    wire_put_int(&args, request->connect_ms);
    wire_put_int(&args, request->first_byte_ms);
    wire_put_int(&args, request->idle_ms);
    wire_put_int(&args, request->total_ms);
    wire_put_int(&args, (int64_t)request->max_body);
    wire_put_int(&args, (int64_t)request->reservation);
    status = guest_call(t, WIRE_DO_HTTP_OPEN, &args);
    if (status < 0)
        return status;
    http = arena_alloc(&t->arena, sizeof(*http));
    http->turn = t;
    http->handle = wire_take_int(&t->in);
    http->status = (uint32_t)wire_take_int(&t->in);
    http->chunk = guest_chunk(t);
    *ret = http;
    return status;
}

static uint32_t http_status(const troupe_http *http)
{
    return http->status;
}

static troupe_status http_header(const troupe_http *http, const char *name, troupe_str *ret)
{
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_int(&args, http->handle);
    wire_put_text(&args, name);
    status = guest_call(http->turn, WIRE_DO_HTTP_HEADER, &args);
    if (status >= 0)
        *ret = guest_take(http->turn);
    return status;
}

static troupe_status http_read_within(troupe_turn *turn, troupe_http *http, uint32_t ms,
                                      troupe_str *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_int(&args, http ? http->handle : 0);
    wire_put_int(&args, ms);
    status = guest_call(t, WIRE_DO_HTTP_READ, &args);
    if (status >= 0 && http)
        *ret = guest_take_chunk(t, http->chunk);
    return status;
}

static troupe_status http_read(troupe_turn *turn, troupe_http *http, troupe_str *ret)
{
    return http_read_within(turn, http, 0, ret);
}

static troupe_status http_gather(troupe_turn *turn, troupe_http *http, uint32_t ms)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, http ? http->handle : 0);
    wire_put_int(&args, ms);
    return guest_call(guest_turn_of(turn), WIRE_DO_HTTP_GATHER, &args);
}

static void http_close(troupe_turn *turn, troupe_http *http)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, http ? http->handle : 0);
    (void)guest_call(guest_turn_of(turn), WIRE_DO_HTTP_CLOSE, &args);
}

/* Ends before `open_parts`: to the host the bytes go by the wire anyway. */
static const troupe_http_v1 http_table = {.size = offsetof(troupe_http_v1, open_parts),
                                          .open = http_open,
                                          .status = http_status,
                                          .header = http_header,
                                          .read = http_read,
                                          .close = http_close,
                                          .read_within = http_read_within,
                                          .gather = http_gather};

/* ---- troupe.budget/1 ------------------------------------------------------------------------- */

static troupe_status reserve(troupe_turn *turn, uint32_t call, uint64_t worst_micros,
                             const char *what, uint64_t *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_int(&args, (int64_t)worst_micros);
    wire_put_text(&args, what);
    status = guest_call(t, call, &args);
    if (status == TROUPE_OK)
        *ret = (uint64_t)wire_take_int(&t->in);
    return status;
}

static troupe_status budget_reserve(troupe_turn *turn, uint64_t worst_micros, const char *what,
                                    uint64_t *ret)
{
    return reserve(turn, WIRE_DO_BUDGET_RESERVE, worst_micros, what, ret);
}

static troupe_status budget_at_open(troupe_turn *turn, uint64_t worst_micros, const char *what,
                                    uint64_t *ret)
{
    return reserve(turn, WIRE_DO_BUDGET_AT_OPEN, worst_micros, what, ret);
}

static troupe_status budget_settle(troupe_turn *turn, uint64_t reservation, uint64_t micros)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, (int64_t)reservation);
    wire_put_int(&args, (int64_t)micros);
    return guest_call(guest_turn_of(turn), WIRE_DO_BUDGET_SETTLE, &args);
}

static troupe_status budget_release(troupe_turn *turn, uint64_t reservation)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, (int64_t)reservation);
    return guest_call(guest_turn_of(turn), WIRE_DO_BUDGET_RELEASE, &args);
}

static void budget_used(troupe_turn *turn, uint64_t reservation, uint64_t in, uint64_t out)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, (int64_t)reservation);
    wire_put_int(&args, (int64_t)in);
    wire_put_int(&args, (int64_t)out);
    (void)guest_call(guest_turn_of(turn), WIRE_DO_BUDGET_USED, &args);
}

static const troupe_budget_v1 budget_table = {.size = sizeof(budget_table),
                                              .reserve = budget_reserve,
                                              .settle = budget_settle,
                                              .release = budget_release,
                                              .used = budget_used,
                                              .reserve_at_open = budget_at_open};

/* ---- troupe.work/1 ---------------------------------------------------------------------------
 * There is one thread. The work is done here, where the host says so: what else the agent does waits
 * meanwhile, and the host does not. */

static troupe_status work_run(troupe_turn *turn, troupe_work_fn fn, const void *in, uint64_t in_len,
                              void *out, uint64_t out_len)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct wire_head done = {.kind = WIRE_COMPUTED, .id = t->id};
    struct buf args = BUF_INIT, made = BUF_INIT;
    troupe_status status;
    troupe_str known;

    if (!fn || (!in && in_len) || (!out && out_len))
        return TROUPE_ARGUMENT;
    if (in_len > TROUPE_WORK_MAX || out_len > TROUPE_WORK_MAX)
        return TROUPE_LIMIT;
    wire_put_bytes(&args, in, in_len);
    wire_put_int(&args, (int64_t)out_len);
    status = guest_call(t, WIRE_DO_WORK, &args);
    if (t->got != WIRE_COMPUTE) {
        known = status >= 0 ? wire_take_str(&t->in) : (troupe_str){NULL, 0};
        if (known.ptr && known.len == out_len && out_len)
            memcpy(out, known.ptr, (size_t)out_len);
        return status;
    }
    if (out_len)
        memset(out, 0, (size_t)out_len);
    done.status = fn(&t->guest->agent->host, in, in_len, out, out_len);
    done.sequence = t->sequence;
    wire_put_bytes(&made, out, done.status < 0 ? 0 : out_len);
    guest_ask(t, &done, &made);
    buf_clear(&made);
    return t->got_status;
}

static const troupe_work_v1 work_table = {.size = sizeof(work_table), .run = work_run};

/* ---- troupe.schedule/1 ----------------------------------------------------------------------- */

static troupe_status schedule_look(troupe_turn *turn, troupe_str text, troupe_str zone,
                                   uint32_t find, troupe_when *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_bytes(&args, text.ptr, text.len);
    wire_put_bytes(&args, zone.ptr, zone.len);
    wire_put_int(&args, find);
    status = guest_call(t, WIRE_DO_SCHEDULE_LOOK, &args);
    if (status < 0 || !ret)
        return status;
    ret->size = offsetof(troupe_when, end) + sizeof(ret->end);
    ret->recurring = (uint32_t)wire_take_int(&t->in);
    ret->next_ms = wire_take_int(&t->in);
    ret->text = guest_take(t);
    ret->local = guest_take(t);
    ret->start = (uint64_t)wire_take_int(&t->in);
    ret->end = (uint64_t)wire_take_int(&t->in);
    return status;
}

static void take_planned(struct guest_turn *t, troupe_planned *ret)
{
    ret->size = offsetof(troupe_planned, member) + sizeof(ret->member);
    ret->recurring = (uint32_t)wire_take_int(&t->in);
    ret->id = (uint64_t)wire_take_int(&t->in);
    ret->next_ms = wire_take_int(&t->in);
    ret->runs = (uint64_t)wire_take_int(&t->in);
    ret->when = guest_take(t);
    ret->local = guest_take(t);
    ret->zone = guest_take(t);
    ret->payload = guest_take(t);
    ret->key = guest_take(t);
    ret->channel = (uint64_t)wire_take_int(&t->in);
    ret->member = (uint64_t)wire_take_int(&t->in);
}

static troupe_status schedule_add(troupe_turn *turn, const troupe_job *job, troupe_planned *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    if (!job)
        return TROUPE_ARGUMENT;
    wire_put_int(&args, job->flags);
    wire_put_bytes(&args, job->when.ptr, job->when.len);
    wire_put_int(&args, job->at_ms);
    wire_put_bytes(&args, job->zone.ptr, job->zone.len);
    wire_put_bytes(&args, job->payload.ptr, job->payload.len);
    wire_put_bytes(&args, job->key.ptr, job->key.len);
    wire_put_int(&args, job->missed);
    wire_put_int(&args, job->within_ms);
    status = guest_call(t, WIRE_DO_SCHEDULE_ADD, &args);
    if (status >= 0 && ret)
        take_planned(t, ret);
    return status;
}

static troupe_status schedule_cancel(troupe_turn *turn, uint64_t id)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, (int64_t)id);
    return guest_call(guest_turn_of(turn), WIRE_DO_SCHEDULE_CANCEL, &args);
}

static troupe_status schedule_list(troupe_turn *turn, uint32_t scope, troupe_array *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_planned *items;
    uint64_t count;
    troupe_status status;

    wire_put_int(&args, scope);
    status = guest_call(t, WIRE_DO_SCHEDULE_LIST, &args);
    if (status < 0 || !ret)
        return status;
    count = wire_take_count(&t->in, 1000);
    items = arena_alloc(&t->arena, ((size_t)count + 1) * sizeof(*items));
    for (uint64_t i = 0; i < count; i++)
        take_planned(t, &items[i]);
    *ret = (troupe_array){items, (uint32_t)count, (uint32_t)sizeof(*items)};
    return status;
}

static const troupe_schedule_v1 schedule_table = {.size = sizeof(schedule_table),
                                                  .look = schedule_look,
                                                  .add = schedule_add,
                                                  .cancel = schedule_cancel,
                                                  .list = schedule_list};

/* ---- troupe.files/1 -------------------------------------------------------------------------- */

static troupe_status file_info(troupe_turn *turn, uint32_t index, troupe_file *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    if (!ret || ret->size < sizeof(*ret))
        return TROUPE_ARGUMENT;
    wire_put_int(&args, index);
    status = guest_call(t, WIRE_DO_FILE_INFO, &args);
    if (status < 0)
        return status;
    ret->kind = (uint32_t)wire_take_int(&t->in);
    ret->bytes = (uint64_t)wire_take_int(&t->in);
    ret->shown = (uint64_t)wire_take_int(&t->in);
    ret->name = guest_take(t);
    ret->type = guest_take(t);
    return status;
}

static troupe_status file_read(troupe_turn *turn, uint32_t index, troupe_str *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_int(&args, index);
    status = guest_call(t, WIRE_DO_FILE_READ, &args);
    if (status >= 0)
        *ret = guest_take(t);
    return status;
}

static const troupe_files_v1 files_table = {
    .size = sizeof(files_table), .info = file_info, .read = file_read};

/* ---- troupe.metrics/1 ------------------------------------------------------------------------ */

static troupe_status metric_note(troupe_turn *turn, const char *name, double value,
                                 const char *label, const char *label2)
{
    struct buf args = BUF_INIT;
    int64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    wire_put_text(&args, name);
    wire_put_int(&args, bits);
    wire_put_text(&args, label);
    wire_put_text(&args, label2);
    return guest_call(guest_turn_of(turn), WIRE_DO_METRIC, &args);
}

static const troupe_metrics_v1 metrics_table = {.size = sizeof(metrics_table), .note = metric_note};

/* ---- troupe.trace/1 -------------------------------------------------------------------------- */

static troupe_status span_begin(troupe_turn *turn, const char *name, troupe_span *ret)
{
    struct guest_turn *own = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_text(&args, name);
    wire_put_int(&args, ret != NULL);
    status = guest_call(own, WIRE_DO_SPAN_BEGIN, &args);
    if (status >= 0 && ret)
        *ret = (troupe_span)wire_take_int(&own->in);
    return status;
}

static troupe_status span_set(troupe_turn *turn, troupe_span span, const char *key,
                              const troupe_value *value)
{
    const troupe_value none = {.type = TROUPE_TYPE_NULL};
    struct buf args = BUF_INIT;

    wire_put_int(&args, (int64_t)span);
    wire_put_text(&args, key);
    wire_put_value(&args, value ? value : &none);
    return guest_call(guest_turn_of(turn), WIRE_DO_SPAN_SET, &args);
}

static troupe_status span_end(troupe_turn *turn, troupe_span span, troupe_status outcome)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, (int64_t)span);
    wire_put_int(&args, outcome);
    return guest_call(guest_turn_of(turn), WIRE_DO_SPAN_END, &args);
}

static const troupe_trace_v1 trace_table = {
    .size = sizeof(trace_table), .begin = span_begin, .set = span_set, .end = span_end};

/* ---- troupe.vectors/1 ------------------------------------------------------------------------ */

static void put_floats(struct buf *args, const float *values, uint32_t count)
{
    wire_put_bytes(args, values, (uint64_t)count * sizeof(*values));
}

static troupe_status vectors_put(troupe_turn *turn, uint32_t scope, const char *key,
                                 const float *values, uint32_t count)
{
    struct buf args = BUF_INIT;

    put_key(&args, scope, key);
    put_floats(&args, values, count);
    return guest_call(guest_turn_of(turn), WIRE_DO_VECTORS_PUT, &args);
}

static troupe_status vectors_search(troupe_turn *turn, uint32_t scope, const float *values,
                                    uint32_t count, uint32_t most, troupe_array *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_vector_hit *hits;
    troupe_status status;
    uint64_t found, len;

    wire_put_int(&args, scope);
    put_floats(&args, values, count);
    wire_put_int(&args, ret ? most : 0);
    status = guest_call(t, WIRE_DO_VECTORS_SEARCH, &args);
    if (status < 0 || !ret)
        return status;
    found = wire_take_count(&t->in, 100);
    hits = arena_alloc(&t->arena, ((size_t)found + 1) * sizeof(*hits));
    for (uint64_t i = 0; i < found; i++) {
        const char *score;

        hits[i].key = guest_take(t);
        score = wire_take_bytes(&t->in, &len);
        hits[i].score = 0;
        if (score && len == sizeof(hits[i].score))
            memcpy(&hits[i].score, score, sizeof(hits[i].score));
    }
    *ret = (troupe_array){hits, (uint32_t)found, (uint32_t)sizeof(*hits)};
    return status;
}

static troupe_status vectors_remove(troupe_turn *turn, uint32_t scope, const char *key)
{
    struct buf args = BUF_INIT;

    put_key(&args, scope, key);
    return guest_call(guest_turn_of(turn), WIRE_DO_VECTORS_REMOVE, &args);
}

static troupe_status vectors_of_text(troupe_turn *turn, troupe_str text, float *ret, uint32_t count)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    const char *values;
    troupe_status status;
    uint64_t len;

    wire_put_bytes(&args, text.ptr, text.len);
    wire_put_int(&args, ret ? count : 0);
    status = guest_call(t, WIRE_DO_VECTORS_OF_TEXT, &args);
    if (status < 0)
        return status;
    values = wire_take_bytes(&t->in, &len);
    if (!ret || !values || len != (uint64_t)count * sizeof(*ret))
        return TROUPE_DATA;
    memcpy(ret, values, len);
    return status;
}

static const troupe_vectors_v1 vectors_table = {.size = sizeof(vectors_table),
                                                .put = vectors_put,
                                                .search = vectors_search,
                                                .remove = vectors_remove,
                                                .of_text = vectors_of_text};

/* ---- troupe.cache/1 -------------------------------------------------------------------------- */

static troupe_status cache_get(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    put_key(&args, scope, key);
    status = guest_call(t, WIRE_DO_CACHE_GET, &args);
    if (status >= 0 && ret)
        *ret = guest_take(t);
    return status;
}

static troupe_status cache_put(troupe_turn *turn, uint32_t scope, const char *key, troupe_str value,
                               uint64_t life_ms)
{
    struct buf args = BUF_INIT;

    put_key(&args, scope, key);
    wire_put_bytes(&args, value.ptr, value.len);
    wire_put_int(&args, (int64_t)life_ms);
    return guest_call(guest_turn_of(turn), WIRE_DO_CACHE_PUT, &args);
}

static troupe_status cache_remove(troupe_turn *turn, uint32_t scope, const char *key)
{
    struct buf args = BUF_INIT;

    put_key(&args, scope, key);
    return guest_call(guest_turn_of(turn), WIRE_DO_CACHE_REMOVE, &args);
}

static const troupe_cache_v1 cache_table = {
    .size = sizeof(cache_table), .get = cache_get, .put = cache_put, .remove = cache_remove};

/* ---- by id ----------------------------------------------------------------------------------- */

const void *guest_extension(const char *id)
{
    static const struct plugin_extension known[] = {
        {TROUPE_KV, &kv_table},
        {TROUPE_SQL, &sql_table},
        {TROUPE_HTTP, &http_table},
        {TROUPE_BUDGET_EXTENSION, &budget_table},
        {TROUPE_WORK, &work_table},
        {TROUPE_SCHEDULE, &schedule_table},
        {TROUPE_FILES, &files_table},
        {TROUPE_METRICS_EXTENSION, &metrics_table},
        {TROUPE_TRACE_EXTENSION, &trace_table},
        {TROUPE_VECTORS, &vectors_table},
        {TROUPE_CACHE, &cache_table},
    };

    if (!strcmp(id, TROUPE_TEXTS))
        return guest_texts_table();
    if (!strcmp(id, TROUPE_ATTACH))
        return guest_attach_table();
    if (!strcmp(id, TROUPE_BLOBS))
        return guest_blobs_table();
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcmp(known[i].id, id))
            return known[i].table;
    return NULL;
}
