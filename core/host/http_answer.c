/* SPDX-License-Identifier: Apache-2.0 */
#include "host/http_private.h"

#include "base/mem.h"
#include "turn/engine_private.h"
#include "turn/pack.h"

#include <string.h>
#include <strings.h>

#define KEPT_HEADERS 16384      /* bytes of an answer's headers that a replay has               */
#define KEPT_BODY    (1u << 20) /* of the body of an answer that is not asked for twice        */
#define BODY_FIRST   4000       /* for which there is room at once, as most streams bring it    */

struct troupe_http {
    struct turn_resource resource;
    struct turn_frame *frame;
    struct http_stream *stream; /* NULL: replayed */
    struct record_call call;
    enum host_http_class class;
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
    if (http->class == HOST_HTTP_OUTSIDE && status == TROUPE_OK)
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

troupe_http *host_http_take(struct record_call *call, struct http_stream *stream,
                            enum host_http_class class, int64_t spent)
{
    troupe_http *http = http_new(call, stream);

    http->class = class;
    http->reservation = spent;
    http->status = (uint32_t)http_stream_status(stream);
    http->max_kept = class == HOST_HTTP_NOTED ? RECORD_NOTE_MAX : KEPT_BODY + KEPT_HEADERS + 1024;
    keep_headers(http);
    begin_row(http);
    return http;
}

troupe_status host_http_replay(struct record_call *call, int64_t reservation, troupe_http **ret)
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

uint32_t host_http_status(const troupe_http *http)
{
    return http->status;
}

troupe_status host_http_header(const troupe_http *http, const char *name, troupe_str *ret)
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

troupe_status host_http_read_within(troupe_turn *turn, troupe_http *http, uint32_t ms,
                                    troupe_str *ret)
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

troupe_status host_http_read(troupe_turn *turn, troupe_http *http, troupe_str *ret)
{
    return host_http_read_within(turn, http, 0, ret);
}

troupe_status host_http_gather(troupe_turn *turn, troupe_http *http, uint32_t ms)
{
    troupe_status status = host_holds(turn_frame_of(turn), http ? &http->resource : NULL);

    if (!http || status < 0)
        return status;
    if (http->stream)
        http_stream_gather(http->stream, ms);
    return TROUPE_OK;
}

void host_http_close(troupe_turn *turn, troupe_http *http)
{
    if (host_holds(turn_frame_of(turn), http ? &http->resource : NULL) == TROUPE_OK && http)
        http_release(&http->resource);
}
