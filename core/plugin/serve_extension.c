/* SPDX-License-Identifier: Apache-2.0
 *
 * The same as serve.c for what is an extension: asked for by its id, as a plugin would.
 */
#include "plugin/isolate.h"

#include "base/mem.h"
#include "plugin/set.h"

#include <string.h>

#define STATEMENTS_MAX 64
#define PARAMS_MAX     128
#define HEADERS_MAX    64

static void put_str(struct buf *out, troupe_str text)
{
    wire_put_bytes(out, text.ptr ? text.ptr : "", text.ptr ? text.len : 0);
}

/* ---- troupe.kv/1 ----------------------------------------------------------------------------- */

static troupe_status do_kv(troupe_turn *turn, uint32_t what, struct wire_in *in, struct buf *out)
{
    const troupe_kv_v1 *kv = turn->api->get_extension(turn, TROUPE_KV);
    uint32_t scope = (uint32_t)wire_take_count(in, UINT32_MAX);
    const char *key = wire_take_text(in);
    troupe_str value = {NULL, 0};
    troupe_status status;
    uint64_t ttl = 0;
    bool wanted = false;

    if (what == WIRE_DO_KV_PUT) {
        value = wire_take_str(in);
        ttl = (uint64_t)wire_take_int(in);
    } else if (what == WIRE_DO_KV_GET) {
        wanted = wire_take_int(in) != 0;
    }
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!kv || !key)
        return kv ? TROUPE_ARGUMENT : TROUPE_UNSUPPORTED;
    switch (what) {
    case WIRE_DO_KV_PUT: return kv->put(turn, scope, key, value, ttl);
    case WIRE_DO_KV_REMOVE: return kv->remove(turn, scope, key);
    default:
        status = kv->get(turn, scope, key, wanted ? &value : NULL);
        if (status >= 0)
            put_str(out, value);
        return status;
    }
}

/* ---- troupe.sql/1 ---------------------------------------------------------------------------- */

static uint32_t take_params(struct wire_in *in, troupe_value params[PARAMS_MAX])
{
    uint32_t count = (uint32_t)wire_take_count(in, PARAMS_MAX);

    for (uint32_t i = 0; i < count; i++)
        params[i] = wire_take_value(in);
    return count;
}

static troupe_status do_query(troupe_turn *turn, struct wire_in *in, struct buf *out)
{
    const troupe_sql_v1 *sql = turn->api->get_extension(turn, TROUPE_SQL);
    const char *text = wire_take_text(in);
    troupe_value params[PARAMS_MAX];
    uint32_t count = take_params(in, params), columns;
    troupe_rows *rows = NULL;
    uint64_t lines;
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!sql || !text)
        return sql ? TROUPE_ARGUMENT : TROUPE_UNSUPPORTED;
    status = sql->query(turn, text, params, count, &rows);
    if (status < 0)
        return status;
    lines = sql->row_count(rows);
    columns = sql->column_count(rows);
    wire_put_int(out, (int64_t)lines);
    wire_put_int(out, columns);
    for (uint64_t row = 0; row < lines; row++)
        for (uint32_t column = 0; column < columns; column++)
            wire_put_value(out, sql->cell(rows, row, column));
    return status;
}

static troupe_status do_commit(troupe_turn *turn, struct wire_in *in)
{
    const troupe_sql_v1 *sql = turn->api->get_extension(turn, TROUPE_SQL);
    uint32_t count = (uint32_t)wire_take_count(in, STATEMENTS_MAX + 1);
    _cleanup_mem_ troupe_statement *statements = mem_zero(count + 1, sizeof(*statements));
    _cleanup_mem_ troupe_value *params = mem_zero((size_t)count * PARAMS_MAX + 1, sizeof(*params));
    bool whole = true;

    for (uint32_t i = 0; i < count; i++) {
        troupe_value *own = params + (size_t)i * PARAMS_MAX;

        statements[i].sql = wire_take_text(in);
        statements[i].expect = wire_take_int(in);
        statements[i].params = (troupe_array){own, take_params(in, own), (uint32_t)sizeof(*own)};
        whole &= statements[i].sql != NULL;
    }
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!sql || !whole)
        return sql ? TROUPE_ARGUMENT : TROUPE_UNSUPPORTED;
    return sql->commit(turn, statements, count);
}

/* ---- troupe.http/1 --------------------------------------------------------------------------- */

static troupe_status do_http_open(struct isolate_call *call, struct wire_in *in, struct buf *out)
{
    troupe_turn *turn = call->turn;
    const troupe_http_v1 *api = turn->api->get_extension(turn, TROUPE_HTTP);
    troupe_http_request request = {.size = sizeof(request)};
    troupe_header headers[HEADERS_MAX];
    troupe_http *http = NULL;
    uint32_t count;
    int64_t handle;
    troupe_status status;

    request.method = wire_take_text(in);
    request.url = wire_take_str(in);
    count = (uint32_t)wire_take_count(in, HEADERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        headers[i].name = wire_take_str(in);
        headers[i].value = wire_take_str(in);
    }
    request.headers = (troupe_array){headers, count, (uint32_t)sizeof(*headers)};
    request.body = wire_take_str(in);
    request.connect_ms = (uint32_t)wire_take_count(in, UINT32_MAX);
    request.first_byte_ms = (uint32_t)wire_take_count(in, UINT32_MAX);
    request.idle_ms = (uint32_t)wire_take_count(in, UINT32_MAX);
    request.total_ms = (uint32_t)wire_take_count(in, UINT32_MAX);
    request.max_body = (uint64_t)wire_take_int(in);
    request.reservation = (uint64_t)wire_take_int(in);
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!api)
        return TROUPE_UNSUPPORTED;
    status = api->open(turn, &request, &http);
    if (status < 0)
        return status;
    handle = plugin_serve_keep(call, WIRE_DO_HTTP_OPEN, http);
    if (!handle) {
        api->close(turn, http);
        return TROUPE_LIMIT;
    }
    wire_put_int(out, handle);
    wire_put_int(out, api->status(http));
    return status;
}

static troupe_status do_http(struct isolate_call *call, uint32_t what, struct wire_in *in,
                             struct buf *out)
{
    troupe_turn *turn = call->turn;
    const troupe_http_v1 *api = turn->api->get_extension(turn, TROUPE_HTTP);
    int64_t handle = wire_take_int(in);
    troupe_http *http = plugin_serve_find(call, WIRE_DO_HTTP_OPEN, handle);
    const char *name = what == WIRE_DO_HTTP_HEADER ? wire_take_text(in) : NULL;
    bool timed = what == WIRE_DO_HTTP_READ || what == WIRE_DO_HTTP_GATHER;
    uint32_t ms = timed ? (uint32_t)wire_take_count(in, UINT32_MAX) : 0;
    troupe_str text = {NULL, 0};
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!api || !http || (what == WIRE_DO_HTTP_HEADER && !name))
        return api ? TROUPE_ARGUMENT : TROUPE_UNSUPPORTED;
    if (what == WIRE_DO_HTTP_CLOSE) {
        plugin_serve_drop(call, handle);
        api->close(turn, http);
        return TROUPE_OK;
    }
    if (what == WIRE_DO_HTTP_GATHER)
        return api->gather(turn, http, ms);
    if (what == WIRE_DO_HTTP_HEADER)
        status = api->header(http, name, &text);
    else
        status = ms ? api->read_within(turn, http, ms, &text) : api->read(turn, http, &text);
    if (status >= 0)
        put_str(out, text);
    return status;
}

/* ---- troupe.budget/1 ------------------------------------------------------------------------- */

static troupe_status do_reserve(troupe_turn *turn, uint32_t call, struct wire_in *in,
                                struct buf *out)
{
    const troupe_budget_v1 *budget = turn->api->get_extension(turn, TROUPE_BUDGET_EXTENSION);
    uint64_t worst = (uint64_t)wire_take_int(in), reservation = 0;
    const char *what = wire_take_text(in);
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!budget)
        return TROUPE_UNSUPPORTED;
    status = call == WIRE_DO_BUDGET_AT_OPEN
                 ? budget->reserve_at_open(turn, worst, what, &reservation)
                 : budget->reserve(turn, worst, what, &reservation);
    if (status == TROUPE_OK)
        wire_put_int(out, (int64_t)reservation);
    return status;
}

static troupe_status do_budget(troupe_turn *turn, uint32_t what, struct wire_in *in)
{
    const troupe_budget_v1 *budget = turn->api->get_extension(turn, TROUPE_BUDGET_EXTENSION);
    uint64_t reservation = (uint64_t)wire_take_int(in);
    uint64_t first = what == WIRE_DO_BUDGET_RELEASE ? 0 : (uint64_t)wire_take_int(in);
    uint64_t second = what == WIRE_DO_BUDGET_USED ? (uint64_t)wire_take_int(in) : 0;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!budget)
        return TROUPE_UNSUPPORTED;
    if (what == WIRE_DO_BUDGET_SETTLE)
        return budget->settle(turn, reservation, first);
    if (what == WIRE_DO_BUDGET_RELEASE)
        return budget->release(turn, reservation);
    budget->used(turn, reservation, first, second);
    return TROUPE_OK;
}

/* ---- troupe.work/1 --------------------------------------------------------------------------- */

static troupe_status compute(void *arg, void *out, uint64_t out_len)
{
    return plugin_isolate_compute(arg, out, out_len);
}

static troupe_status do_work(struct isolate_call *call, struct wire_in *in, struct buf *out)
{
    const struct plugin_elsewhere *elsewhere = call->isolate->manager->registry.elsewhere;
    troupe_str input = wire_take_str(in);
    uint64_t len = wire_take_count(in, TROUPE_WORK_MAX);
    _cleanup_mem_ void *made = NULL;
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!input.ptr && input.len)
        return TROUPE_ARGUMENT;
    if (!elsewhere || !call->turn->api->get_extension(call->turn, TROUPE_WORK))
        return TROUPE_UNSUPPORTED;
    made = mem_zero(1, (size_t)len + 1);
    status = elsewhere->work(call->turn, input.ptr, input.len, made, len, compute, call);
    /* After WIRE_COMPUTED the child has it already; in front of it it was recorded. */
    if (status >= 0)
        wire_put_bytes(out, made, len);
    return status;
}

/* ---- troupe.schedule/1 ----------------------------------------------------------------------- */

static void put_planned(struct buf *out, const troupe_planned *planned)
{
    wire_put_int(out, planned->recurring);
    wire_put_int(out, (int64_t)planned->id);
    wire_put_int(out, planned->next_ms);
    wire_put_int(out, (int64_t)planned->runs);
    put_str(out, planned->when);
    put_str(out, planned->local);
    put_str(out, planned->zone);
    put_str(out, planned->payload);
    put_str(out, planned->key);
    wire_put_int(out, (int64_t)planned->channel);
    wire_put_int(out, (int64_t)planned->member);
}

static troupe_status do_when(troupe_turn *turn, const troupe_schedule_v1 *schedule,
                             struct wire_in *in, struct buf *out)
{
    troupe_str text = wire_take_str(in), zone = wire_take_str(in);
    uint32_t where = (uint32_t)wire_take_count(in, UINT32_MAX);
    troupe_when when = {0};
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = schedule->look(turn, text, zone, where, &when);
    if (status < 0)
        return status;
    wire_put_int(out, when.recurring);
    wire_put_int(out, when.next_ms);
    put_str(out, when.text);
    put_str(out, when.local);
    wire_put_int(out, (int64_t)when.start);
    wire_put_int(out, (int64_t)when.end);
    return status;
}

static troupe_status do_add(troupe_turn *turn, const troupe_schedule_v1 *schedule,
                            struct wire_in *in, struct buf *out)
{
    troupe_job job = {.size = sizeof(job)};
    troupe_planned planned = {0};
    troupe_status status;

    job.flags = (uint32_t)wire_take_count(in, UINT32_MAX);
    job.when = wire_take_str(in);
    job.at_ms = wire_take_int(in);
    job.zone = wire_take_str(in);
    job.payload = wire_take_str(in);
    job.key = wire_take_str(in);
    job.missed = (uint32_t)wire_take_count(in, UINT32_MAX);
    job.within_ms = wire_take_int(in);
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = schedule->add(turn, &job, &planned);
    if (status >= 0)
        put_planned(out, &planned);
    return status;
}

static troupe_status do_list(troupe_turn *turn, const troupe_schedule_v1 *schedule,
                             struct wire_in *in, struct buf *out)
{
    uint32_t scope = (uint32_t)wire_take_count(in, UINT32_MAX);
    troupe_array list = {0};
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = schedule->list(turn, scope, &list);
    if (status < 0)
        return status;
    wire_put_int(out, list.count);
    for (uint32_t i = 0; i < list.count; i++)
        put_planned(out, TROUPE_AT(list, troupe_planned, i));
    return status;
}

static troupe_status do_schedule(troupe_turn *turn, uint32_t what, struct wire_in *in,
                                 struct buf *out)
{
    const troupe_schedule_v1 *schedule = turn->api->get_extension(turn, TROUPE_SCHEDULE);
    uint64_t id;

    if (!schedule)
        return TROUPE_UNSUPPORTED;
    switch (what) {
    case WIRE_DO_SCHEDULE_LOOK: return do_when(turn, schedule, in, out);
    case WIRE_DO_SCHEDULE_ADD: return do_add(turn, schedule, in, out);
    case WIRE_DO_SCHEDULE_LIST: return do_list(turn, schedule, in, out);
    default:
        id = (uint64_t)wire_take_int(in);
        return wire_taken(in) ? schedule->cancel(turn, id) : ISOLATE_BROKEN;
    }
}

/* ---- troupe.files/1 -------------------------------------------------------------------------- */

static troupe_status do_files(troupe_turn *turn, uint32_t what, struct wire_in *in, struct buf *out)
{
    const troupe_files_v1 *files = turn->api->get_extension(turn, TROUPE_FILES);
    uint32_t index = (uint32_t)wire_take_count(in, UINT32_MAX);
    troupe_file file = {.size = sizeof(file)};
    troupe_str bytes = {NULL, 0};
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!files)
        return TROUPE_UNSUPPORTED;
    if (what == WIRE_DO_FILE_READ) {
        status = files->read(turn, index, &bytes);
        if (status >= 0)
            put_str(out, bytes);
        return status;
    }
    status = files->info(turn, index, &file);
    if (status < 0)
        return status;
    wire_put_int(out, file.kind);
    wire_put_int(out, (int64_t)file.bytes);
    wire_put_int(out, (int64_t)file.shown);
    put_str(out, file.name);
    put_str(out, file.type);
    return status;
}

/* ---- troupe.metrics/1 ------------------------------------------------------------------------ */

static troupe_status do_metric(troupe_turn *turn, struct wire_in *in)
{
    const troupe_metrics_v1 *metrics = turn->api->get_extension(turn, TROUPE_METRICS_EXTENSION);
    const char *name = wire_take_text(in), *label, *label2;
    int64_t bits = wire_take_int(in);
    double value;

    label = wire_take_text(in);
    label2 = wire_take_text(in);
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    memcpy(&value, &bits, sizeof(value));
    return metrics ? metrics->note(turn, name, value, label, label2) : TROUPE_UNSUPPORTED;
}

/* ---- troupe.trace/1 -------------------------------------------------------------------------- */

static troupe_status do_span(troupe_turn *turn, uint32_t what, struct wire_in *in, struct buf *out)
{
    const troupe_trace_v1 *trace = turn->api->get_extension(turn, TROUPE_TRACE_EXTENSION);
    troupe_span span = what == WIRE_DO_SPAN_BEGIN ? 0 : (troupe_span)wire_take_int(in);
    const char *name = what == WIRE_DO_SPAN_END ? NULL : wire_take_text(in);
    troupe_value value = {.type = TROUPE_TYPE_NULL};
    int64_t number = 0;
    troupe_status status;

    if (what == WIRE_DO_SPAN_SET)
        value = wire_take_value(in);
    else
        number = wire_take_int(in);
    if (!wire_taken(in) || number < INT32_MIN || number > INT32_MAX)
        return ISOLATE_BROKEN;
    if (!trace)
        return TROUPE_UNSUPPORTED;
    switch (what) {
    case WIRE_DO_SPAN_SET: return trace->set(turn, span, name, &value);
    case WIRE_DO_SPAN_END: return trace->end(turn, span, (troupe_status)number);
    default:
        status = trace->begin(turn, name, number ? &span : NULL);
        if (status >= 0)
            wire_put_int(out, (int64_t)span);
        return status;
    }
}

/* ---- troupe.vectors/1 ------------------------------------------------------------------------ */

#define VALUES_MAX 4096
#define HITS_MAX   100

/* Bytes of a message lie anywhere; NULL stays NULL, and what is no row of values has none. */
static uint32_t take_floats(struct wire_in *in, float **ret)
{
    uint64_t len;
    const char *data = wire_take_bytes(in, &len);

    if (!data || len % sizeof(float) || len > VALUES_MAX * sizeof(float))
        return 0;
    *ret = mem_copy(data, len);
    return (uint32_t)(len / sizeof(float));
}

static troupe_status do_search(troupe_turn *turn, const troupe_vectors_v1 *vectors, uint32_t scope,
                               struct wire_in *in, struct buf *out)
{
    _cleanup_mem_ float *values = NULL;
    uint32_t count = take_floats(in, &values);
    uint32_t most = (uint32_t)wire_take_count(in, UINT32_MAX);
    troupe_array hits = {NULL, 0, 0};
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = vectors->search(turn, scope, values, count, most, &hits);
    if (status < 0)
        return status;
    wire_put_int(out, hits.count);
    for (uint32_t i = 0; i < hits.count; i++) {
        const troupe_vector_hit *hit = TROUPE_AT(hits, troupe_vector_hit, i);

        put_str(out, hit->key);
        wire_put_bytes(out, &hit->score, sizeof(hit->score));
    }
    return status;
}

static troupe_status do_of_text(troupe_turn *turn, const troupe_vectors_v1 *vectors,
                                struct wire_in *in, struct buf *out)
{
    troupe_str text = wire_take_str(in);
    uint32_t count = (uint32_t)wire_take_count(in, UINT32_MAX);
    _cleanup_mem_ float *values = mem_alloc(VALUES_MAX * sizeof(*values));
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = vectors->of_text(turn, text, values, count);
    if (status >= 0)
        wire_put_bytes(out, values, count * sizeof(*values));
    return status;
}

static troupe_status do_vectors(troupe_turn *turn, uint32_t what, struct wire_in *in,
                                struct buf *out)
{
    const troupe_vectors_v1 *vectors = turn->api->get_extension(turn, TROUPE_VECTORS);
    _cleanup_mem_ float *values = NULL;
    uint32_t scope, count = 0;
    const char *key;

    if (!vectors)
        return TROUPE_UNSUPPORTED;
    if (what == WIRE_DO_VECTORS_OF_TEXT)
        return do_of_text(turn, vectors, in, out);
    scope = (uint32_t)wire_take_count(in, UINT32_MAX);
    if (what == WIRE_DO_VECTORS_SEARCH)
        return do_search(turn, vectors, scope, in, out);
    key = wire_take_text(in);
    if (what == WIRE_DO_VECTORS_PUT)
        count = take_floats(in, &values);
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    return what == WIRE_DO_VECTORS_PUT ? vectors->put(turn, scope, key, values, count)
                                       : vectors->remove(turn, scope, key);
}

/* ---- troupe.cache/1 -------------------------------------------------------------------------- */

static troupe_status do_cache(troupe_turn *turn, uint32_t what, struct wire_in *in, struct buf *out)
{
    const troupe_cache_v1 *cache = turn->api->get_extension(turn, TROUPE_CACHE);
    uint32_t scope = (uint32_t)wire_take_count(in, UINT32_MAX);
    const char *key = wire_take_text(in);
    troupe_str value = {NULL, 0};
    troupe_status status;
    uint64_t life = 0;

    if (what == WIRE_DO_CACHE_PUT) {
        value = wire_take_str(in);
        life = (uint64_t)wire_take_int(in);
    }
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!cache || !key)
        return cache ? TROUPE_ARGUMENT : TROUPE_UNSUPPORTED;
    if (what == WIRE_DO_CACHE_PUT)
        return cache->put(turn, scope, key, value, life);
    if (what == WIRE_DO_CACHE_REMOVE)
        return cache->remove(turn, scope, key);
    status = cache->get(turn, scope, key, &value);
    if (status >= 0)
        put_str(out, value);
    return status;
}

troupe_status plugin_serve_extension(struct isolate_call *call, uint32_t what, struct wire_in *in,
                                     struct buf *out)
{
    troupe_turn *turn = call->turn;

    switch ((enum wire_do)what) {
    case WIRE_DO_KV_GET:
    case WIRE_DO_KV_PUT:
    case WIRE_DO_KV_REMOVE: return do_kv(turn, what, in, out);
    case WIRE_DO_SQL_QUERY: return do_query(turn, in, out);
    case WIRE_DO_SQL_COMMIT: return do_commit(turn, in);
    case WIRE_DO_HTTP_OPEN: return do_http_open(call, in, out);
    case WIRE_DO_HTTP_HEADER:
    case WIRE_DO_HTTP_READ:
    case WIRE_DO_HTTP_GATHER:
    case WIRE_DO_HTTP_CLOSE: return do_http(call, what, in, out);
    case WIRE_DO_BUDGET_AT_OPEN:
    case WIRE_DO_BUDGET_RESERVE: return do_reserve(turn, what, in, out);
    case WIRE_DO_BUDGET_SETTLE:
    case WIRE_DO_BUDGET_RELEASE:
    case WIRE_DO_BUDGET_USED: return do_budget(turn, what, in);
    case WIRE_DO_WORK: return do_work(call, in, out);
    case WIRE_DO_SCHEDULE_LOOK:
    case WIRE_DO_SCHEDULE_ADD:
    case WIRE_DO_SCHEDULE_CANCEL:
    case WIRE_DO_SCHEDULE_LIST: return do_schedule(turn, what, in, out);
    case WIRE_DO_FILE_INFO:
    case WIRE_DO_FILE_READ: return do_files(turn, what, in, out);
    case WIRE_DO_METRIC: return do_metric(turn, in);
    case WIRE_DO_SPAN_BEGIN:
    case WIRE_DO_SPAN_SET:
    case WIRE_DO_SPAN_END: return do_span(turn, what, in, out);
    case WIRE_DO_VECTORS_PUT:
    case WIRE_DO_VECTORS_SEARCH:
    case WIRE_DO_VECTORS_REMOVE:
    case WIRE_DO_VECTORS_OF_TEXT: return do_vectors(turn, what, in, out);
    case WIRE_DO_CACHE_GET:
    case WIRE_DO_CACHE_PUT:
    case WIRE_DO_CACHE_REMOVE: return do_cache(turn, what, in, out);
    case WIRE_DO_TEXTS_PUT:
    case WIRE_DO_TEXTS_SEARCH:
    case WIRE_DO_TEXTS_REMOVE: return plugin_serve_texts(turn, what, in, out);
    case WIRE_DO_ATTACH: return plugin_serve_attach(turn, in);
    case WIRE_DO_BLOBS_PUT:
    case WIRE_DO_BLOBS_GET:
    case WIRE_DO_BLOBS_MORE:
    case WIRE_DO_BLOBS_READ:
    case WIRE_DO_BLOBS_INFO:
    case WIRE_DO_BLOBS_LIST:
    case WIRE_DO_BLOBS_REMOVE: return plugin_serve_blobs(call, what, in, out);
    default: return ISOLATE_BROKEN;
    }
}
