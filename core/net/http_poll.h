/* SPDX-License-Identifier: Apache-2.0
 *
 * What the HTTP thread waits for: the sockets of its transfers, libcurl's own times and a wake from
 * another thread. libcurl's own wait looks at every transfer each time, which with hundreds of answers that
 * stream costs more than the answers; here only those are looked at where something came.
 */
#ifndef NET_HTTP_POLL_H
#define NET_HTTP_POLL_H

#include "net/http_pool.h"

#include <sys/epoll.h>

#define HTTP_POLL_EVENTS 128 /* that are taken at a time */

struct http_poll {
    struct http_pools pools;
    int epoll, event;
    struct epoll_event events[HTTP_POLL_EVENTS]; /* that came and were not told to libcurl yet */
    int count;
};

/* For `transfers` at once, which are no more in their pools at http_poll_close. */
troupe_status http_poll_open(struct http_poll *poll, size_t transfers, struct error *err);
void http_poll_close(struct http_poll *poll);
/* Ends a wait, or the next one: a wake counts until a wait has returned after it. What it is for is to be
 * looked at behind http_poll_wait. [any thread] */
void http_poll_wake(void *poll);
/* Lets libcurl do what it can with what came and what is due. */
void http_poll_run(struct http_poll *poll);
/* At most `most_ms`. */
void http_poll_wait(struct http_poll *poll, uint64_t most_ms);

#endif
