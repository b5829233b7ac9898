/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP server inside: http.c has the loop's side, http_thread.c libwebsockets and its thread.
 */
#ifndef OPS_HTTP_PRIVATE_H
#define OPS_HTTP_PRIVATE_H

#include "loop/op.h"
#include "loop/scope.h"
#include "ops/http.h"

#include <pthread.h>
#include <stdatomic.h>

struct lws;
struct lws_context;

struct ops_http {
    struct loop *loop;
    const struct ops_http_page *pages;
    size_t page_count;
    void *arg;
    uint16_t port;
    struct scope scope;      /* root: coroutines that make pages          */
    struct op *made;         /* while stopping: complete when it is empty */
    struct op *gone;         /* completed by the thread at its end        */
    struct lws_context *lws; /* the thread's, but for lws_cancel_service  */
    pthread_t thread;
    atomic_bool stopping;
    pthread_mutex_t lock;
    struct http_request *answered; /* by the loop; under the lock */
};

/* A request on its way to the loop and back. One side has it at a time; only `client` is the
 * thread's all the time. */
struct http_request {
    struct loop_task task;
    struct http_request *next;
    struct ops_http *http;
    const struct ops_http_page *page;
    struct lws *client; /* NULL: it left, or was told that this takes too long */
    struct ops_http_reply reply;
};

void ops_http_request_free(struct http_request *request);

/* ---- the thread's side ---- */

/* Binds; the thread is not there yet. */
troupe_status ops_http_open(struct ops_http *http, const struct ops_http_address *address,
                            struct error *err);
void ops_http_close(struct ops_http *http);
void *ops_http_thread(void *http);
/* Something was answered, or it is to stop. Any thread. */
void ops_http_wake(struct ops_http *http);

/* ---- the loop's side ---- */

/* The task of a request: makes its page and gives it back. */
void ops_http_take(struct loop_task *task);

#endif
