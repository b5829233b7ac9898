/* SPDX-License-Identifier: Apache-2.0
 *
 * A small bounded HTTP/1.1 server for the harness. It is written by hand because a fault needs the
 * raw wire: half a header, a byte a second, a reset inside a chunk are things that a proper server
 * library rightly refuses to send. It listens on 127.0.0.1 only.
 */
#ifndef FAKE_HTTP_H
#define FAKE_HTTP_H

#include "fake_plan.h"
#include "fake_rounds.h"
#include "fake_text.h"

#include <stdbool.h>
#include <uv.h>

#define FAKE_HEAD_MAX    ((size_t)64 * 1024)        /* request line and headers           */
#define FAKE_BODY_MAX    ((size_t)16 * 1024 * 1024) /* a larger one is answered with 413  */
#define FAKE_HEADERS_MAX 100
#define FAKE_PEERS_MAX   1024 /* a connection more is closed at once */

struct fake_header {
    const char *name, *value;
};

struct fake_request {
    const char *method;
    char *path;  /* without the query     */
    char *query; /* after the ?, or ""    */
    struct fake_header headers[FAKE_HEADERS_MAX];
    size_t header_count;
    const char *body; /* NUL after body_len */
    size_t body_len;
};

struct fake_server_stats {
    uint64_t connections, requests, faults, aborted; /* aborted: the client left first */
    uint64_t answering, answering_max;
    uint64_t billed, billed_in, billed_out; /* answers that began, and their tokens */
};

struct fake_server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    int port;
    size_t peers;
    struct fake_server_stats stats;
    /* Gives the plan of the answer; never NULL. */
    struct fake_plan *(*answer)(struct fake_server *server, const struct fake_request *request);
    void *arg;
    struct fake_rounds *rounds; /* NULL: not counted */
};

/* 0 or a negative libuv error. `port` 0: the kernel chooses; server->port tells. */
int fake_server_listen(struct fake_server *server, uv_loop_t *loop, int port);
/* Value of the header by name without regard to case, or NULL. */
const char *fake_request_header(const struct fake_request *request, const char *name);
const char *fake_reason(int status);

#endif
