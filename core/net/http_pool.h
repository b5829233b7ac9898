/* SPDX-License-Identifier: Apache-2.0
 *
 * Where transfers run: a pool is a handle of libcurl's with the connections that it keeps. libcurl looks at
 * each connection of a handle when a request begins and again when it ends, and once a second it asks those that
 * rest, one system call each, whether they are still there: five hundred in one handle are 1.5 ms in which no
 * answer moves. So a pool takes few, and the first with room takes the next one: whatever the load, as few
 * pools as can be share the connections, and find them open.
 */
#ifndef NET_HTTP_POOL_H
#define NET_HTTP_POOL_H

#include "base/error.h"

#include <curl/curl.h>
#include <stdint.h>

#define HTTP_POOL_TRANSFERS 64 /* of a pool, and connections that it keeps                       */
#define HTTP_POOL_REST_MS   60000 /* a pool but the first that nobody used for so long is given up */

struct http_pool {
    CURLM *multi;
    int epoll;
    uint32_t number; /* its place + 1 */
    size_t active;
    uint64_t empty_since; /* clock_ms() */
};

/* Owned by the HTTP thread. A zeroed one may be cleared. */
struct http_pools {
    struct http_pool **places; /* NULL: an empty one */
    size_t count;
    size_t end; /* behind it all are empty */
    int epoll;
};

/* For `transfers` at once; the first pool is there then. `epoll` is the caller's, and outlives them. */
troupe_status http_pools_init(struct http_pools *pools, size_t transfers, int epoll,
                              struct error *err);
void http_pools_clear(struct http_pools *pools);
/* For one more transfer; NULL: no memory. */
struct http_pool *http_pools_take(struct http_pools *pools);
void http_pools_give(struct http_pool *pool, uint64_t now);
/* Gives up those that rest. */
void http_pools_tidy(struct http_pools *pools, uint64_t now);
/* By the number; NULL: it was given up. */
struct http_pool *http_pools_find(const struct http_pools *pools, uint32_t number);
/* The next in use from `*place` on, which moves behind it; NULL: there is none. */
struct http_pool *http_pools_next(const struct http_pools *pools, size_t *place);

#endif
