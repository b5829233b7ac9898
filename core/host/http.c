/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.http/1": where a plugin may go, and the one place where its secrets are put into a
 * request. A secret travels only to an origin that the same agent's config names as an endpoint.
 */
#include "host/host_table.h"
#include "host/paid.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/http.h"
#include "turn/engine_private.h"
#include "turn/pack.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REQUESTS_MAX 8
#define HEADERS_MAX  32
#define HEADER_MAX   16384       /* bytes of a header's name or value */
#define BODY_MAX     (64u << 20) /* bytes of a request's body         */
#define KEPT_HEADERS 16384       /* bytes of an answer's headers that a replay has               */
#define KEPT_BODY    (1u << 20)  /* of the body of an answer that is not asked for twice        */
#define BODY_FIRST   4000        /* for which there is room at once, as most streams bring it    */

/* What stands before the path. */
struct origin {
    char scheme[8], host[256], port[8];
};

/* How a request is recorded. */
enum class {
    CLASS_NOTED,   /* GET and HEAD: may be asked again                    */
    CLASS_OUTSIDE, /* what it did cannot be found out after a crash       */
    CLASS_PAID     /* it spends a reservation: another attempt has its own */
};

struct troupe_http {
    struct turn_resource resource;
    struct turn_frame *frame;
    struct http_stream *stream; /* NULL: replayed */
    struct record_call call;
    enum class class;
    int64_t reservation; /* that it really spends */
    uint32_t status;
    struct buf headers; /* name NUL value NUL …                                 */
    struct buf body;    /* a replayed one                                       */
    struct buf row;     /* what will be noted, with the body so far             */
    /* Where in it stand how the body ended, its length, and the body. */
    size_t row_end, row_len, row_body;
    size_t max_kept;
    bool noted;
    bool given;        /* the replayed body, in one chunk                       */
    troupe_status end; /* how the body ended, or how the last read of it failed */
};

static void copy_part(CURLU *url, CURLUPart part, unsigned flags, char *out, size_t size)
{
    char *text = NULL;

    out[0] = '\0';
    if (curl_url_get(url, part, &text, flags) == CURLUE_OK && strlen(text) < size)
        snprintf(out, size, "%s", text);
    curl_free(text);
}

static bool origin_of(const char *text, struct origin *ret)
{
    CURLU *url = curl_url();
    bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;

    if (good) {
        copy_part(url, CURLUPART_SCHEME, 0, ret->scheme, sizeof(ret->scheme));
        copy_part(url, CURLUPART_HOST, 0, ret->host, sizeof(ret->host));
        copy_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, ret->port, sizeof(ret->port));
        good = ret->scheme[0] && ret->host[0] && ret->port[0];
    }
    curl_url_cleanup(url);
    return good;
}

static bool same_origin(const struct origin *a, const struct origin *b)
{
    return !strcasecmp(a->scheme, b->scheme) && !strcasecmp(a->host, b->host) &&
           !strcmp(a->port, b->port);
}

static bool is_endpoint(const struct plugin_agent *agent, const struct origin *origin)
{
    const char *url;
    struct origin own;

    for (size_t i = 0; (url = plugin_agent_endpoint(agent, i)); i++)
        if (origin_of(url, &own) && same_origin(&own, origin))
            return true;
    return false;
}

#define AUTHORITY "abcdefghijklmnopqrstuvwxyz0123456789.-:"
#define PLAIN     AUTHORITY "ABCDEFGHIJKLMNOPQRSTUVWXYZ/_~?=&%+,"

/* Whether the text is an endpoint's up to the path, and behind that nothing stands that could mean something
 * else: then it need not be taken apart, as hardly any needs to be. */
static bool goes_on_from(const char *text, const char *endpoint)
{
    const char *host = strstr(endpoint, "://");
    size_t len, authority;

    if (!host)
        return false;
    host += 3;
    authority = strspn(host, AUTHORITY);
    len = (size_t)(host - endpoint) + authority;
    return authority > 0 && (endpoint[len] == '/' || endpoint[len] == '\0') &&
           strncmp(text, endpoint, len) == 0 && text[len] == '/' &&
           text[len + strspn(text + len, PLAIN)] == '\0';
}

static bool names_endpoint(const struct plugin_agent *agent, const char *text)
{
    const char *url;

    for (size_t i = 0; (url = plugin_agent_endpoint(agent, i)); i++)
        if (goes_on_from(text, url))
            return true;
    return false;
}

/* [http] allow_private: HOST or HOST:PORT that the operator opened for every agent. */
static bool allowed_private(const struct turn *turn, const struct origin *origin)
{
    const struct config_list *list =
        config_list(config_section(turn->set->config, "http", NULL), "allow_private");
    char with_port[300];

    snprintf(with_port, sizeof(with_port), "%s:%s", origin->host, origin->port);
    for (size_t i = 0; i < list->count; i++)
        if (!strcasecmp(list->items[i], origin->host) || !strcasecmp(list->items[i], with_port))
            return true;
    return false;
}

/* Whether the agent may go there, and how far the address is trusted. */
static troupe_status judge(struct turn_frame *frame, const char *url, enum http_trust *ret_trust,
                           bool *ret_endpoint)
{
    char capability[300];
    struct origin origin;

    *ret_endpoint = names_endpoint(frame->agent, url);
    *ret_trust = HTTP_TRUST_CONFIGURED;
    if (*ret_endpoint)
        return TROUPE_OK;
    if (!origin_of(url, &origin))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "http.url", "this is no URL");
    *ret_endpoint = is_endpoint(frame->agent, &origin);
    if (*ret_endpoint)
        return TROUPE_OK;
    snprintf(capability, sizeof(capability), "http:%s", origin.host);
    if (!plugin_agent_can(frame->agent, capability))
        return turn_frame_error(frame, TROUPE_DENIED, "http.host",
                                "plugin \"%s\" may not reach \"%s\": it is neither an endpoint of "
                                "its config nor a declared capability \"http:%s\"",
                                frame->agent->manifest->id, origin.host, origin.host);
    if (!allowed_private(frame->turn, &origin))
        *ret_trust = HTTP_TRUST_UNTRUSTED;
    return TROUPE_OK;
}

/* Writes a header's value with its secrets filled in. */
static troupe_status fill_in(struct turn_frame *frame, troupe_str value, bool endpoint,
                             struct buf *out)
{
    static const char mark[] = "{secret:";
    const char *p = value.ptr, *end = value.len ? value.ptr + value.len : value.ptr;

    while (p < end) {
        const char *hit = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1), *stop, *secret;
        char key[64];

        if (!hit) {
            buf_append(out, p, (size_t)(end - p));
            break;
        }
        stop = memchr(hit, '}', (size_t)(end - hit));
        hit += sizeof(mark) - 1;
        if (!stop || (size_t)(stop - hit) >= sizeof(key))
            return turn_frame_error(frame, TROUPE_ARGUMENT, "http.secret",
                                    "a header holds an unfinished {secret:KEY}");
        buf_append(out, p, (size_t)(hit - (sizeof(mark) - 1) - p));
        snprintf(key, sizeof(key), "%.*s", (int)(stop - hit), hit);
        secret = plugin_agent_secret(frame->agent, key);
        if (!secret)
            return turn_frame_error(frame, TROUPE_NOT_FOUND, "http.secret",
                                    "the secret \"%s\" is not set in [agent %s]", key,
                                    frame->agent->name);
        if (!endpoint)
            return turn_frame_error(frame, TROUPE_DENIED, "http.secret",
                                    "the secret \"%s\" goes to endpoints of [agent %s] only", key,
                                    frame->agent->name);
        buf_puts(out, secret);
        p = stop + 1;
    }
    return TROUPE_OK;
}

static void headers_clear(struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *value = (char *)headers[i].value;

        explicit_bzero(value, strlen(value));
        mem_free(value);
        mem_free((char *)headers[i].name);
    }
}

static troupe_status headers_of(struct turn_frame *frame, troupe_array list, bool endpoint,
                                struct http_header *out, size_t *ret_count)
{
    *ret_count = 0;
    if (list.count > HEADERS_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a request takes at most %d headers", HEADERS_MAX);
    if (list.count && !list.ptr)
        return host_bytes(frame, NULL, 1, 1, "the list of headers");
    for (uint32_t i = 0; i < list.count; i++) {
        const troupe_header *header = TROUPE_AT(list, troupe_header, i);
        struct buf value = BUF_INIT;
        troupe_status status =
            host_bytes(frame, header->name.ptr, header->name.len, HEADER_MAX, "a header's name");

        if (status == TROUPE_OK)
            status = host_bytes(frame, header->value.ptr, header->value.len, HEADER_MAX,
                                "a header's value");
        if (status == TROUPE_OK)
            status = fill_in(frame, header->value, endpoint, &value);
        if (status < 0) {
            if (value.data)
                explicit_bzero(value.data, value.cap);
            buf_clear(&value);
            return status;
        }
        out[*ret_count] = (struct http_header){
            mem_strndup(header->name.ptr, (size_t)header->name.len), buf_take(&value)};
        ++*ret_count;
    }
    return TROUPE_OK;
}

/* ---- the record ----------------------------------------------------------------------------- */

/* What stands in the record before the body, which comes behind it as it is read. */
static void begin_row(troupe_http *http)
{
    struct buf *row = &http->row;

    buf_reserve(row, http->headers.len + BODY_FIRST);
    pack_int(row, http->reservation);
    pack_int(row, http->status);
    http->row_end = row->len;
    pack_int(row, TROUPE_END);
    pack_bytes(row, buf_text(&http->headers), http->headers.len);
    http->row_len = row->len;
    pack_int(row, 0);
    http->row_body = row->len;
}

/* Keeps the answer once, as far as the plugin read it: at the end of the body, or where it closes. */
static troupe_status note(troupe_http *http, troupe_status end)
{
    troupe_status status;

    if (http->noted || !http->stream)
        return TROUPE_OK;
    http->noted = true;
    pack_set_int(&http->row, http->row_end, end);
    pack_set_int(&http->row, http->row_len, (int64_t)(http->row.len - http->row_body));
    status = turn_record_note_buf(&http->call, TROUPE_OK, &http->row, http->max_kept);
    if (http->class == CLASS_OUTSIDE && status == TROUPE_OK)
        turn_record_flush(http->frame->turn); /* the sooner, the smaller the doubt after a crash */
    return status;
}

static void http_release(struct turn_resource *resource)
{
    troupe_http *http = container_of(resource, troupe_http, resource);

    list_remove(&resource->link);
    http->frame->requests--;
    note(http, http->end < 0 ? http->end : TROUPE_END);
    http_close(http->stream);
    buf_clear(&http->headers);
    buf_clear(&http->body);
    buf_clear(&http->row);
    mem_free(http);
}

static troupe_http *http_new(struct record_call *call, struct http_stream *stream)
{
    troupe_http *http = mem_zero(1, sizeof(*http));

    http->frame = call->frame;
    http->call = *call;
    http->stream = stream;
    http->frame->requests++;
    turn_frame_own(http->frame, &http->resource, http_release);
    return http;
}

static void keep_headers(troupe_http *http)
{
    size_t count;
    const struct http_header *headers = http_stream_headers(http->stream, &count);

    for (size_t i = 0; i < count; i++) {
        size_t name = strlen(headers[i].name) + 1, value = strlen(headers[i].value) + 1;

        if (http->headers.len + name + value > KEPT_HEADERS)
            continue;
        buf_append(&http->headers, headers[i].name, name);
        buf_append(&http->headers, headers[i].value, value);
    }
}

/* The answer that an earlier run had. [waits] */
static troupe_status replay(struct record_call *call, int64_t reservation, troupe_http **ret)
{
    struct unpack in = {NULL, 0, false};
    struct error err;
    const char *data;
    troupe_http *http;
    int64_t spent;
    size_t len;
    troupe_status status = turn_record_status(call);

    if (status == TROUPE_INTERRUPTED)
        call->frame->turn->cut = true;
    if (status < 0)
        return status;
    status = turn_record_result(call, &in.at, &in.left, &err);
    if (status < 0)
        return turn_frame_error(call->frame, status, "http.storage", "%s", err.text);
    http = http_new(call, NULL);
    spent = unpack_int(&in);
    if (spent != reservation)
        turn_record_replace(call->frame->turn, reservation, spent);
    http->status = (uint32_t)unpack_int(&in);
    http->end = (troupe_status)unpack_int(&in);
    data = unpack_bytes(&in, &len);
    buf_append(&http->headers, data, len);
    data = unpack_bytes(&in, &len);
    buf_append(&http->body, data, len);
    if (in.bad) {
        turn_diverge(call->frame->turn, "the answer to a request cannot be read");
        return TROUPE_CANCELED;
    }
    *ret = http;
    return TROUPE_OK;
}

/* Nothing has left the machine where the request failed like this. */
static bool never_left(troupe_status status)
{
    return status == TROUPE_ARGUMENT || status == TROUPE_DENIED || status == TROUPE_UNAVAILABLE ||
           status == TROUPE_BUSY || status == TROUPE_FAILED;
}

static uint64_t deadline_of(const struct turn_frame *frame, uint32_t total_ms)
{
    uint64_t own = total_ms ? co_after(total_ms) : 0;

    return own && (!frame->turn->deadline || own < frame->turn->deadline) ? own
                                                                          : frame->turn->deadline;
}

/* ---- sending -------------------------------------------------------------------------------- */

/* What stands in the record before the first byte leaves. */
static troupe_status begin(struct record_call *call, enum class class, int64_t reservation,
                           struct host_paid *paid)
{
    struct turn_frame *frame = call->frame;
    struct error err;
    troupe_status status;

    if (class == CLASS_NOTED)
        return TROUPE_OK;
    if (class == CLASS_PAID)
        return host_paid_begin(call, reservation, paid);
    if (call->row) {
        if (!turn_record_repeatable(frame)) {
            frame->turn->record.maybe++;
            turn_frame_error(
                frame, TROUPE_MAYBE_DONE, "http.maybe_done",
                "the host was restarted after this had left; it may have happened, and "
                "its answer is not known");
            return turn_record_note(call, TROUPE_MAYBE_DONE, NULL, 0);
        }
        frame->turn->record.repeated++;
    }
    status = turn_record_begun(call, NULL, NULL, 0, &err);
    if (status >= 0)
        return status;
    turn_frame_error(frame, status, status == TROUPE_LIMIT ? "host.limit" : "http.storage", "%s",
                     err.text);
    return turn_record_note(call, status, NULL, 0);
}

static troupe_status send_request(struct record_call *call, const troupe_http_request *request,
                                  struct http_request *out, troupe_http **ret)
{
    struct turn_frame *frame = call->frame;
    int64_t reservation = (int64_t)request->reservation;
    enum class class = reservation                                                 ? CLASS_PAID
                       : strcmp(out->method, "GET") && strcmp(out->method, "HEAD") ? CLASS_OUTSIDE
                                                                                   : CLASS_NOTED;
    struct http_stream *stream = NULL;
    struct host_paid paid = {0};
    struct error err;
    troupe_status status = begin(call, class, reservation, &paid), marked;

    if (status < 0)
        return status;
    out->after = paid.latch;
    status = http_open(frame->turn->engine->options.http, out, &stream, &err);
    marked = class == CLASS_PAID ? host_paid_marked(call, &paid, status < 0) : TROUPE_OK;
    if (marked < 0) {
        http_close(stream);
        return marked;
    }
    if (status < 0) {
        turn_frame_error(frame, status, "http.failed", "%s", err.text);
        return class == CLASS_PAID && (paid.held || never_left(status))
                   ? host_paid_take_back(call, &paid, status)
                   : turn_record_note(call, status, NULL, 0);
    }
    *ret = http_new(call, stream);
    (*ret)->class = class;
    (*ret)->reservation = paid.spent;
    (*ret)->status = (uint32_t)http_stream_status(stream);
    (*ret)->max_kept = class == CLASS_NOTED ? RECORD_NOTE_MAX : KEPT_BODY + KEPT_HEADERS + 1024;
    keep_headers(*ret);
    begin_row(*ret);
    return TROUPE_OK;
}

static int64_t hash_request(const troupe_http_request *request, troupe_array parts,
                            const char *method)
{
    int64_t hash = turn_record_hash_text(RECORD_HASH_START, method);

    hash = turn_record_hash(hash, request->url.ptr, (size_t)request->url.len);
    hash = turn_record_hash(hash, request->body.ptr, (size_t)request->body.len);
    for (uint32_t i = 0; i < request->headers.count; i++) {
        const troupe_header *header = TROUPE_AT(request->headers, troupe_header, i);

        hash = turn_record_hash(hash, header->name.ptr, (size_t)header->name.len);
        hash = turn_record_hash(hash, header->value.ptr, (size_t)header->value.len);
    }
    for (uint32_t i = 0; i < parts.count; i++) {
        const troupe_http_part *part = TROUPE_AT(parts, troupe_http_part, i);

        hash = turn_record_hash_int(hash, part->as);
        hash = turn_record_hash(hash, part->bytes.ptr, (size_t)part->bytes.len);
    }
    return turn_record_hash_int(hash, (int64_t)request->reservation);
}

/* The parts as the client takes them, in the caller's arena. */
static troupe_status parts_of(struct turn_frame *frame, const troupe_http_request *request,
                              troupe_array list, struct arena *arena, struct http_request *out)
{
    struct http_part *parts;
    uint64_t left = BODY_MAX;

    if (request->body.len || !list.count || !list.ptr || list.count > TROUPE_HTTP_PARTS_MAX)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "http.parts",
                                "a body has 1 to %u parts, or is whole", TROUPE_HTTP_PARTS_MAX);
    parts = arena_alloc(arena, list.count * sizeof(*parts));
    for (uint32_t i = 0; i < list.count; i++) {
        const troupe_http_part *part = TROUPE_AT(list, troupe_http_part, i);
        const uint64_t most = part->as == TROUPE_HTTP_BASE64 ? left / 4 * 3 : left;
        troupe_status status = host_bytes(frame, part->bytes.ptr, part->bytes.len, most, "a body");

        if (status == TROUPE_OK && part->as > TROUPE_HTTP_BASE64)
            status = turn_frame_error(frame, TROUPE_ARGUMENT, "http.parts",
                                      "a part is sent plain or as base64");
        if (status < 0)
            return status;
        parts[i] = (struct http_part){part->bytes.ptr, (size_t)part->bytes.len,
                                      part->as == TROUPE_HTTP_BASE64};
        left -= part->as == TROUPE_HTTP_BASE64 ? (part->bytes.len + 2) / 3 * 4 : part->bytes.len;
    }
    out->parts = parts;
    out->part_count = list.count;
    return TROUPE_OK;
}

static troupe_status open_request(struct turn_frame *frame, const troupe_http_request *request,
                                  troupe_array parts, struct http_request *given, troupe_http **ret)
{
    const struct config_section *section = config_section(frame->turn->set->config, "http", NULL);
    _cleanup_mem_ char *url = NULL;
    struct http_header headers[HEADERS_MAX];
    struct http_request out = *given;
    struct record_call call = {0};
    size_t count = 0;
    bool endpoint;
    troupe_status status;

    if (!TROUPE_HAS(request, reservation))
        return turn_frame_error(frame, TROUPE_VERSION, "http.version", "the request is too short");
    if (frame->requests >= REQUESTS_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a stage has at most %d open requests", REQUESTS_MAX);
    status = host_bytes(frame, request->url.ptr, request->url.len, HTTP_URL_MAX, "a URL");
    if (status == TROUPE_OK)
        status = host_bytes(frame, request->body.ptr, request->body.len, BODY_MAX, "a body");
    if (status < 0)
        return status;
    url = mem_strndup(request->url.ptr, (size_t)request->url.len);
    out.url = url;
    out.method = request->method ? request->method : "GET";
    /* Booked or with an effect outside: what became of it must be told, not tried again unseen. */
    out.once = request->reservation || (strcmp(out.method, "GET") && strcmp(out.method, "HEAD"));
    if (strlen(url) != request->url.len)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "http.url", "this is no URL");
    status = judge(frame, url, &out.trust, &endpoint);
    if (status == TROUPE_OK)
        status = headers_of(frame, request->headers, endpoint, headers, &count);
    if (status == TROUPE_OK) {
        out.headers = headers;
        out.header_count = count;
        out.body = out.parts ? NULL : request->body.ptr;
        out.body_len = (size_t)request->body.len;
        out.connect_timeout_ms = request->connect_ms
                                     ? request->connect_ms
                                     : (uint32_t)config_ms(section, "connect_timeout");
        out.first_byte_timeout_ms = request->first_byte_ms;
        out.idle_timeout_ms = request->idle_ms;
        out.deadline = deadline_of(frame, request->total_ms);
        out.max_body = request->max_body ? (size_t)request->max_body
                                         : (size_t)config_bytes(section, "max_body");
        status = turn_record_begin(&call, frame, request->reservation ? "http.paid" : "http",
                                   hash_request(request, parts, out.method));
        if (status == RECORD_REPLAYED)
            status = replay(&call, (int64_t)request->reservation, ret);
        else if (status == TROUPE_OK)
            status = send_request(&call, request, &out, ret);
    }
    headers_clear(headers, count);
    return status;
}

static troupe_status do_open(troupe_turn *turn, const troupe_http_request *request,
                             troupe_http **ret)
{
    struct http_request out = {0};

    return open_request(turn_frame_of(turn), request, (troupe_array){0}, &out, ret);
}

static troupe_status do_open_parts(troupe_turn *turn, const troupe_http_request *request,
                                   troupe_array parts, troupe_http **ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct arena arena = {0};
    struct http_request out = {0};
    troupe_status status = TROUPE_HAS(request, reservation)
                               ? parts_of(frame, request, parts, &arena, &out)
                               : TROUPE_OK; /* which open_request refuses */

    if (status >= 0)
        status = open_request(frame, request, parts, &out, ret);
    arena_clear(&arena);
    return status;
}

static uint32_t get_status(const troupe_http *http)
{
    return http->status;
}

static troupe_status get_header(const troupe_http *http, const char *name, troupe_str *ret)
{
    const char *at = buf_text(&http->headers), *end = at + http->headers.len;

    while (at < end) {
        const char *value = at + strlen(at) + 1;

        if (!strcasecmp(at, name)) {
            *ret = (troupe_str){value, strlen(value)};
            return TROUPE_OK;
        }
        at = value + strlen(value) + 1;
    }
    return TROUPE_NOT_FOUND;
}

/* The whole body at once, then its end. */
static troupe_status read_replayed(troupe_http *http, troupe_str *ret)
{
    if (!http->given && http->body.len) {
        http->given = true;
        *ret = (troupe_str){http->body.data, http->body.len};
        return TROUPE_OK;
    }
    return http->end == TROUPE_END ? TROUPE_END
                                   : turn_frame_error(http->frame, http->end, "http.failed",
                                                      "the answer broke off before the restart");
}

static troupe_status read_within(troupe_turn *turn, troupe_http *http, uint32_t ms, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct error err;
    const char *data;
    size_t len;
    troupe_status status = host_holds(frame, http ? &http->resource : NULL);

    if (!http || status < 0)
        return status;
    if (!http->stream)
        return read_replayed(http, ret);
    status = http_read(http->stream, &data, &len, ms ? co_after(ms) : 0, &err);
    if (status == TROUPE_END) {
        troupe_status noted = note(http, status);

        return noted < 0 ? noted : status;
    }
    http->end = status;
    if (status < 0)
        return turn_frame_error(frame, status, "http.failed", "%s", err.text);
    if (!http->noted && http->row.len - http->row_body <= http->max_kept)
        buf_append(&http->row, data, len);
    *ret = (troupe_str){data, len};
    return TROUPE_OK;
}

static troupe_status do_read(troupe_turn *turn, troupe_http *http, troupe_str *ret)
{
    return read_within(turn, http, 0, ret);
}

static troupe_status do_gather(troupe_turn *turn, troupe_http *http, uint32_t ms)
{
    troupe_status status = host_holds(turn_frame_of(turn), http ? &http->resource : NULL);

    if (!http || status < 0)
        return status;
    if (http->stream)
        http_stream_gather(http->stream, ms);
    return TROUPE_OK;
}

static void do_close(troupe_turn *turn, troupe_http *http)
{
    if (host_holds(turn_frame_of(turn), http ? &http->resource : NULL) == TROUPE_OK && http)
        http_release(&http->resource);
}

const troupe_http_v1 *host_http_table(void)
{
    static const troupe_http_v1 table = {.size = sizeof(table),
                                         .open = do_open,
                                         .status = get_status,
                                         .header = get_header,
                                         .read = do_read,
                                         .close = do_close,
                                         .read_within = read_within,
                                         .gather = do_gather,
                                         .open_parts = do_open_parts};

    return &table;
}
