/* SPDX-License-Identifier: Apache-2.0
 *
 * What libcurl hands to us on its thread: header lines and pieces of the body. Returning a number
 * other than the size given stops the transfer; the reason then stands in `failure`.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/http_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_FIRST 24 /* of an answer; few have more, for which the array is made anew */

struct http_head *http_head_new(void)
{
    struct http_head *head = mem_zero(1, sizeof(*head));

    head->room = HEADERS_FIRST;
    head->headers = arena_alloc(&head->arena, head->room * sizeof(*head->headers));
    return head;
}

void http_head_free(struct http_head *head)
{
    if (!head)
        return;
    arena_clear(&head->arena);
    mem_free(head);
}

const char *http_header_find(const struct http_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(headers[i].name, name) == 0)
            return headers[i].value;
    }
    return NULL;
}

static void begin_head(struct http_transfer *transfer, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);

    if (!transfer->head || transfer->head->begun) { /* else the loop made it */
        http_head_free(transfer->head);
        transfer->head = http_head_new();
    }
    transfer->head->begun = true;
    for (const char *p = space ? space + 1 : NULL; p && p < line + len && *p >= '0' && *p <= '9';
         p++) {
        if (transfer->head->status < 1000)
            transfer->head->status = transfer->head->status * 10 + (*p - '0');
    }
}

static troupe_status add_header(struct http_transfer *transfer, const char *line, size_t len)
{
    struct http_head *head = transfer->head;
    const char *colon = memchr(line, ':', len);
    const char *value, *end = line + len;
    struct http_header *header;

    if (!colon || colon == line)
        return TROUPE_OK; /* a folded line; nothing that we read is ever folded */
    if (head->count == HTTP_HEADERS_MAX)
        return TROUPE_LIMIT;
    value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (head->count == head->room) {
        struct http_header *all =
            arena_alloc(&head->arena, HTTP_HEADERS_MAX * sizeof(*head->headers));

        memcpy(all, head->headers, head->count * sizeof(*all));
        head->headers = all;
        head->room = HTTP_HEADERS_MAX;
    }
    header = &head->headers[head->count++];
    header->name = arena_strndup(&head->arena, line, (size_t)(colon - line));
    header->value = arena_strndup(&head->arena, value, (size_t)(end - value));
    return TROUPE_OK;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* gzip in gzip multiplies the blow-up, and nobody honest sends it. */
static bool packed_twice(const struct http_head *head)
{
    size_t codings = 0;

    for (size_t i = 0; i < head->count; i++) {
        const char *value = head->headers[i].value;

        if (strcasecmp(head->headers[i].name, "Content-Encoding") == 0)
            codings += value && strchr(value, ',') ? 2 : 1;
    }
    return codings > 1;
}

/* The blank line: everything is known that decides what becomes of the body. */
static troupe_status end_head(struct http_transfer *transfer)
{
    struct http_head *head = transfer->head;
    const char *location = http_header_find(head->headers, head->count, "Location");
    const char *length = http_header_find(head->headers, head->count, "Content-Length");
    int64_t announced;

    if (head->status >= 100 && head->status < 200)
        return TROUPE_OK; /* interim: the next status line begins anew */
    transfer->head_done = true;
    if (location && transfer->redirects && is_redirect(head->status)) {
        if (transfer->redirects_left == 0)
            return error_set(http_transfer_failure(transfer), TROUPE_LIMIT,
                             "\"%s\" redirects too often", http_url_label(&transfer->url));
        transfer->location = mem_strdup(location);
        return TROUPE_OK;
    }
    if (length && strcmp(transfer->method, "HEAD") != 0 &&
        text_to_int(length, &announced) == TROUPE_OK && announced > 0 &&
        (uint64_t)announced > transfer->max_body)
        return error_set(http_transfer_failure(transfer), TROUPE_LIMIT,
                         "the answer of \"%s\" has %" PRId64 " bytes, %zu are allowed",
                         http_url_label(&transfer->url), announced, transfer->max_body);
    if (transfer->gzip && packed_twice(head))
        return error_set(http_transfer_failure(transfer), TROUPE_DATA,
                         "the answer of \"%s\" is packed twice", http_url_label(&transfer->url));
    return TROUPE_OK;
}

size_t http_receive_header(char *line, size_t size, size_t count, void *arg)
{
    struct http_transfer *transfer = arg;
    size_t given = size * count, len = given;

    http_transfer_touch(transfer);
    transfer->last_byte = clock_ms();
    if (!transfer->first_byte_seen) {
        transfer->first_byte_seen = true;
        http_transfer_expect(transfer); /* another bound holds from now on */
    }
    if (transfer->head_done)
        return given; /* trailers */
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    if (!transfer->head || !transfer->head->begun ||
        (len >= 5 && strncasecmp(line, "HTTP/", 5) == 0))
        begin_head(transfer, line, len);
    else if (len == 0)
        return end_head(transfer) == TROUPE_OK ? given : 0;
    else if (add_header(transfer, line, len) != TROUPE_OK)
        transfer->head->bytes = HTTP_HEADER_BYTES_MAX;
    transfer->head->bytes += given;
    if (transfer->head->bytes <= HTTP_HEADER_BYTES_MAX)
        return given;
    error_set(http_transfer_failure(transfer), TROUPE_LIMIT,
              "the headers of \"%s\" are above %zu bytes or %d lines",
              http_url_label(&transfer->url), HTTP_HEADER_BYTES_MAX, HTTP_HEADERS_MAX);
    return 0;
}

static void note_peak(struct http_counters *counters, size_t buffered)
{
    size_t peak = atomic_load_explicit(&counters->buffered_peak, memory_order_relaxed);

    if (buffered > peak) /* only this thread writes it */
        atomic_store_explicit(&counters->buffered_peak, buffered, memory_order_relaxed);
}

size_t http_receive_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_transfer *transfer = arg;
    struct http_stream *stream = transfer->stream;
    size_t len = size * count, buffered;

    transfer->last_byte = clock_ms();
    http_transfer_touch(transfer);
    if (transfer->location)
        return 0; /* the body of a redirect: the next hop begins now */
    if (len > transfer->max_body - transfer->body_seen) {
        error_set(http_transfer_failure(transfer), TROUPE_LIMIT,
                  "the answer of \"%s\" is larger than the %zu bytes allowed",
                  http_url_label(&transfer->url), transfer->max_body);
        return 0;
    }
    buffered = atomic_load(&stream->buffered);
    if (!stream->call && buffered > 0 && buffered + len > HTTP_BUFFERED_MAX) {
        transfer->paused = true;
        atomic_fetch_add_explicit(&transfer->thread->counters.paused, 1, memory_order_relaxed);
        atomic_store(&stream->paused, true);
        return CURL_WRITEFUNC_PAUSE; /* the thread looks again after this pass */
    }
    transfer->body_seen += len;
    buffered = atomic_fetch_add(&stream->buffered, len) + len;
    note_peak(&transfer->thread->counters, buffered);
    if (stream->call) {
        (void)buf_append(&transfer->pending, data, len);
        return len;
    }
    if (!transfer->arrived)
        transfer->arrived = http_news_take(&transfer->thread->spare);
    http_news_add(transfer->arrived, data, len);
    return len;
}
