/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces that may wait for more of them stay in the kernel until there are some: an answer that streams comes
 * in pieces of some 200 bytes, and waking up for each is most of what receiving it takes. The socket's
 * low-water mark (SO_RCVLOWAT, socket(7), tcp(7)) says from how many bytes on it is readable; the end of a
 * connection always is. What a provider sends last (reason, usage, the end itself) is about as much as the
 * mark, so that nearly every end is told at once, and the others when a while has passed.
 *
 * Only where many are on their way, as elsewhere on this thread: with few, nobody would gain by it.
 */
#include "base/clock.h"
#include "net/http_private.h"

#include <sys/socket.h>

static bool set_mark(curl_socket_t fd, int bytes)
{
    return setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) == 0;
}

/* The socket of a transfer, as long as libcurl waits for something from it. It may be another one's next. */
void http_low_water_watch(CURL *easy, curl_socket_t fd, bool waits)
{
    struct http_transfer *transfer = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    if (!transfer)
        return; /* libcurl closes a connection that rested */
    http_low_water_lower(transfer);
    transfer->socket = waits ? fd : CURL_SOCKET_BAD;
}

void http_low_water_lower(struct http_transfer *transfer)
{
    if (!transfer->look_at)
        return;
    transfer->look_at = 0;
    list_remove(&transfer->low_water);
    (void)set_mark(transfer->socket, 1);
}

void http_low_water_raise(struct http_transfer *transfer, uint64_t now)
{
    struct http_thread *thread = transfer->thread;

    if (transfer->socket == CURL_SOCKET_BAD || transfer->paused || !transfer->body_seen ||
        !atomic_load_explicit(&transfer->stream->may_wait, memory_order_relaxed) ||
        atomic_load_explicit(&thread->counters.active, memory_order_relaxed) < HTTP_GATHER_FROM)
        return;
    if (!transfer->look_at && !set_mark(transfer->socket, HTTP_LOW_WATER))
        return;
    if (transfer->look_at)
        list_remove(&transfer->low_water);
    transfer->look_at = now + HTTP_LOW_WATER_MS;
    list_append(&thread->low_water, &transfer->low_water); /* all wait equally long */
    atomic_fetch_add_explicit(&thread->counters.waited, 1, memory_order_relaxed);
}

uint64_t http_low_water_due(const struct http_thread *thread)
{
    return list_empty(&thread->low_water)
               ? UINT64_MAX
               : container_of(thread->low_water.next, struct http_transfer, low_water)->look_at;
}

void http_low_water_look(struct http_thread *thread, uint64_t now)
{
    while (http_low_water_due(thread) <= now) {
        struct http_transfer *transfer =
            container_of(thread->low_water.next, struct http_transfer, low_water);
        const struct http_pool *pool = transfer->pool;
        curl_socket_t fd = transfer->socket;
        int running;

        /* Whatever comes next is told at once, even after a long silence. */
        http_low_water_lower(transfer);
        if (pool)
            curl_multi_socket_action(pool->multi, fd, CURL_CSELECT_IN, &running);
    }
}
