/* SPDX-License-Identifier: Apache-2.0
 *
 * What a server sends, cut into lines as libcurl hands it over, and the address it redirects to:
 * headers until the first blank line, body after it. Bounds are asserted, not only memory.
 */
#include "base/mem.h"
#include "net/http_private.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const struct http_head *head)
{
    if (head->count > HTTP_HEADERS_MAX || head->status < 0 || head->status > 9999)
        abort();
    for (size_t i = 0; i < head->count; i++) {
        if (!head->headers[i].name || !head->headers[i].value)
            abort();
    }
}

static void follow(struct http_transfer *transfer)
{
    struct http_url base = {0}, next = {0};
    struct error err = {0};

    if (http_url_parse("https://example.org/a/b?c", NULL, &base, NULL) != TROUPE_OK)
        abort();
    if (http_url_parse(transfer->location, &base, &next, &err) == TROUPE_OK) {
        /* Whatever was written there, it stays within http and carries no user. */
        if ((strncmp(next.text, "http://", 7) != 0 && strncmp(next.text, "https://", 8) != 0) ||
            !*http_url_label(&next))
            abort();
        http_url_clear(&next);
    } else if (!*err.text) {
        abort();
    }
    http_url_clear(&base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_thread thread;
    struct http_stream stream = {0};
    struct http_transfer transfer = {.thread = &thread,
                                     .stream = &stream,
                                     .max_body = 1000,
                                     .redirects = true,
                                     .redirects_left = 1,
                                     .gzip = true,
                                     .method = "GET"};
    char *text = mem_strndup((const char *)data, size);
    size_t at = 0;

    list_init(&thread.touched);
    while (at < size && !transfer.head_done) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t len = end ? (size_t)(end - text) - at + 1 : size - at;

        if (http_receive_header(text + at, 1, len, &transfer) != len)
            break;
        at += len;
    }
    if (transfer.head)
        check_head(transfer.head);
    if (transfer.head_done && !transfer.failure && at < size)
        (void)http_receive_body(text + at, 1, size - at, &transfer);
    if (transfer.body_seen > transfer.max_body ||
        (transfer.arrived ? transfer.arrived->len : 0) != transfer.body_seen)
        abort();
    if (transfer.location)
        follow(&transfer);
    http_head_free(transfer.head);
    mem_free(transfer.location);
    mem_free(transfer.failure);
    http_news_free(transfer.arrived);
    mem_free(text);
    return 0;
}
