/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_poll.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAKE 0 /* of no pool */

troupe_status http_poll_open(struct http_poll *poll, size_t transfers, struct error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WAKE};
    troupe_status status;

    poll->count = 0;
    poll->pools = (struct http_pools){0};
    poll->epoll = epoll_create1(EPOLL_CLOEXEC);
    poll->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (poll->epoll < 0 || poll->event < 0 ||
        epoll_ctl(poll->epoll, EPOLL_CTL_ADD, poll->event, &event) < 0) {
        status = error_set(err, TROUPE_LIMIT,
                           "the HTTP thread has nothing to wait with: %s; raise the limit of open "
                           "files",
                           strerror(errno));
    } else {
        status = http_pools_init(&poll->pools, transfers, poll->epoll, err);
    }
    if (status != TROUPE_OK)
        http_poll_close(poll);
    return status;
}

void http_poll_close(struct http_poll *poll)
{
    http_pools_clear(&poll->pools);
    if (poll->epoll >= 0)
        close(poll->epoll);
    if (poll->event >= 0)
        close(poll->event);
    poll->epoll = poll->event = -1;
}

void http_poll_wake(void *poll)
{
    const uint64_t one = 1;
    ssize_t n;

    do
        n = write(((struct http_poll *)poll)->event, &one, sizeof(one));
    while (n < 0 && errno == EINTR); /* a full counter is a wake, too */
}

/* How long libcurl itself would wait at most; -1: for as long as nothing comes. */
static long own_time(const struct http_pool *pool)
{
    long ms = -1;

    curl_multi_timeout(pool->multi, &ms);
    return ms;
}

static void tell(const struct http_poll *poll, const struct epoll_event *event)
{
    const struct http_pool *pool = http_pools_find(&poll->pools, (uint32_t)(event->data.u64 >> 32));
    int running;

    if (pool)
        curl_multi_socket_action(pool->multi, (curl_socket_t)(uint32_t)event->data.u64,
                                 (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                                     (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                                     (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
                                 &running);
}

void http_poll_run(struct http_poll *poll)
{
    const struct http_pool *pool;
    int running, count = poll->count;

    poll->count = 0;
    for (int i = 0; i < count; i++)
        tell(poll, &poll->events[i]);
    for (size_t at = 0; (pool = http_pools_next(&poll->pools, &at)) != NULL;)
        if (own_time(pool) == 0)
            curl_multi_socket_action(pool->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

void http_poll_wait(struct http_poll *poll, uint64_t most_ms)
{
    int ms = most_ms < INT32_MAX ? (int)most_ms : INT32_MAX;
    const struct http_pool *pool;

    for (size_t at = 0; ms > 0 && (pool = http_pools_next(&poll->pools, &at)) != NULL;) {
        long own = own_time(pool);

        if (own >= 0 && own < ms)
            ms = (int)own;
    }
    poll->count = epoll_wait(poll->epoll, poll->events, HTTP_POLL_EVENTS, ms);
    /* Now, and not later: whoever wakes us from here on has something that nobody has looked at yet. */
    for (int i = 0; i < poll->count; i++) {
        uint64_t wakes;

        if (poll->events[i].data.u64 == WAKE)
            (void)!read(poll->event, &wakes, sizeof(wakes));
    }
}
