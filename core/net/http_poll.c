/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_poll.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* libcurl says what it waits for. A descriptor may be another connection's by now. */
static int watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct http_poll *poll = arg;
    struct epoll_event event = {.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                                          (what & CURL_POLL_OUT ? EPOLLOUT : 0u),
                                .data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(poll->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (epoll_ctl(poll->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
        (void)epoll_ctl(poll->epoll, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(poll->multi, fd, poll);
    return 0;
}

troupe_status http_poll_open(struct http_poll *poll, CURLM *multi, struct error *err)
{
    struct epoll_event event = {.events = EPOLLIN};

    poll->multi = multi;
    poll->count = 0;
    poll->epoll = epoll_create1(EPOLL_CLOEXEC);
    poll->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    event.data.fd = poll->event;
    if (poll->epoll < 0 || poll->event < 0 ||
        epoll_ctl(poll->epoll, EPOLL_CTL_ADD, poll->event, &event) < 0) {
        troupe_status status = error_set(err, TROUPE_LIMIT,
                                         "the HTTP thread has nothing to wait with: %s; raise the "
                                         "limit of open files",
                                         strerror(errno));

        http_poll_close(poll);
        return status;
    }
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, poll);
    return TROUPE_OK;
}

void http_poll_close(struct http_poll *poll)
{
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
static long own_time(const struct http_poll *poll)
{
    long ms = -1;

    curl_multi_timeout(poll->multi, &ms);
    return ms;
}

void http_poll_run(struct http_poll *poll)
{
    int running, count = poll->count;

    poll->count = 0;
    for (int i = 0; i < count; i++) {
        const struct epoll_event *event = &poll->events[i];

        if (event->data.fd == poll->event)
            continue;
        curl_multi_socket_action(poll->multi, event->data.fd,
                                 (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                                     (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                                     (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
                                 &running);
    }
    if (own_time(poll) == 0)
        curl_multi_socket_action(poll->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

void http_poll_wait(struct http_poll *poll, uint64_t most_ms)
{
    long own = own_time(poll);
    int ms = most_ms < INT32_MAX ? (int)most_ms : INT32_MAX;

    if (own >= 0 && own < ms)
        ms = (int)own;
    poll->count = epoll_wait(poll->epoll, poll->events, HTTP_POLL_EVENTS, ms);
    /* Now, and not later: whoever wakes us from here on has something that nobody has looked at yet. */
    for (int i = 0; i < poll->count; i++) {
        uint64_t wakes;

        if (poll->events[i].data.fd == poll->event)
            (void)!read(poll->event, &wakes, sizeof(wakes));
    }
}
