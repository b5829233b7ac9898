/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.http/1": how a request is checked, recorded and sent.
 */
#include "host/http_private.h"
#include "host/paid.h"

#include "base/mem.h"
#include "turn/engine_private.h"

#include <string.h>

#define REQUESTS_MAX 8
#define BODY_MAX     (64u << 20) /* bytes of a request's body         */

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

/* What stands in the record before the first byte leaves. */
static troupe_status begin(struct record_call *call, enum host_http_class class,
                           int64_t reservation, struct host_paid *paid)
{
    struct turn_frame *frame = call->frame;
    struct error err;
    troupe_status status;

    if (class == HOST_HTTP_NOTED)
        return TROUPE_OK;
    if (class == HOST_HTTP_PAID)
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
    enum host_http_class class = reservation ? HOST_HTTP_PAID
                                 : strcmp(out->method, "GET") && strcmp(out->method, "HEAD")
                                     ? HOST_HTTP_OUTSIDE
                                     : HOST_HTTP_NOTED;
    struct http_stream *stream = NULL;
    struct host_paid paid = {0};
    struct error err;
    troupe_status status = begin(call, class, reservation, &paid), marked;

    if (status < 0)
        return status;
    out->after = paid.latch;
    status = http_open(frame->turn->engine->options.http, out, &stream, &err);
    marked = class == HOST_HTTP_PAID ? host_paid_marked(call, &paid, status < 0) : TROUPE_OK;
    if (marked < 0) {
        http_close(stream);
        return marked;
    }
    if (status < 0) {
        turn_frame_error(frame, status, "http.failed", "%s", err.text);
        return class == HOST_HTTP_PAID && (paid.held || never_left(status))
                   ? host_paid_take_back(call, &paid, status)
                   : turn_record_note(call, status, NULL, 0);
    }
    *ret = host_http_take(call, stream, class, paid.spent);
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
    struct http_header headers[HOST_HTTP_HEADERS_MAX];
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
    status = host_http_reach(frame, url, &out.trust, &endpoint);
    if (status == TROUPE_OK)
        status = host_http_headers(frame, request->headers, endpoint, headers, &count);
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
            status = host_http_replay(&call, (int64_t)request->reservation, ret);
        else if (status == TROUPE_OK)
            status = send_request(&call, request, &out, ret);
    }
    host_http_headers_clear(headers, count);
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

const troupe_http_v1 *host_http_table(void)
{
    static const troupe_http_v1 table = {.size = sizeof(table),
                                         .open = do_open,
                                         .status = host_http_status,
                                         .header = host_http_header,
                                         .read = host_http_read,
                                         .close = host_http_close,
                                         .read_within = host_http_read_within,
                                         .gather = host_http_gather,
                                         .open_parts = do_open_parts};

    return &table;
}
