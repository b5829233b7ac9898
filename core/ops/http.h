/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages for monitoring over HTTP, by libwebsockets: GET and HEAD of a fixed list of paths, on loopback
 * unless the operator says otherwise. The server has a thread of its own and runs no code of ours but
 * the hand-over: a page is made in a coroutine on the loop. So /health can tell that the loop does
 * not turn, which a server on the loop could not: a page that is not there after OPS_HTTP_ANSWER_MS
 * is answered with 503 by the thread alone.
 *
 * Bounds: OPS_HTTP_CLIENTS connections, OPS_HTTP_ANSWER_MS for an answer, OPS_HTTP_IDLE_S for a
 * request to come and for an answer to be read. A request's body is not read. Loop thread; [waits]
 * needs a coroutine.
 */
#ifndef OPS_HTTP_H
#define OPS_HTTP_H

#include "base/buf.h"
#include "base/error.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

#define OPS_HTTP_CLIENTS   16
#define OPS_HTTP_ANSWER_MS 2000
#define OPS_HTTP_IDLE_S    10
#define OPS_HTTP_HOST_MAX  64

/* Where to listen. */
struct ops_http_address {
    char host[OPS_HTTP_HOST_MAX]; /* a literal address                */
    uint16_t port;                /* 0: any free one, see ops_http_port */
};
/* "127.0.0.1:9464" or "[::1]:9464". What is not loopback is TROUPE_CONFIG unless `allow_remote`. */
troupe_status ops_http_parse(const char *listen, bool allow_remote, struct ops_http_address *ret,
                             struct error *err);

/* What a page makes; 200 and no text before. */
struct ops_http_reply {
    unsigned code;
    const char *type; /* static */
    struct buf body;
};

struct ops_http_page {
    const char *path;
    void (*run)(void *arg, struct ops_http_reply *reply); /* [waits] */
};

struct ops_http;

/* Binds and starts the thread. `pages` are static. */
troupe_status ops_http_start(struct loop *loop, const struct ops_http_address *address,
                             const struct ops_http_page *pages, size_t page_count, void *arg,
                             struct ops_http **ret, struct error *err);
uint16_t ops_http_port(const struct ops_http *http);
/* Ends every connection and the thread. NULL is fine. [waits] */
void ops_http_stop(struct ops_http *http);

#endif
