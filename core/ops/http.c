/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/http.h"

#include "base/mem.h"
#include "ops/http_private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the address ----------------------------------------------------------------------------- */

static bool is_loopback(const char *host, bool *ret_known)
{
    struct in_addr four;
    struct in6_addr six;

    *ret_known = true;
    if (inet_pton(AF_INET, host, &four) == 1)
        return (ntohl(four.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, host, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six);
    *ret_known = false;
    return false;
}

troupe_status ops_http_parse(const char *listen, bool allow_remote, struct ops_http_address *ret,
                             struct error *err)
{
    const char *colon = strrchr(listen, ':');
    struct ops_http_address address = {0};
    size_t len = colon ? (size_t)(colon - listen) : 0;
    bool known = false, loopback = false;
    unsigned long port = 0;
    char *end = NULL;

    if (len > 2 && listen[0] == '[' && listen[len - 1] == ']')
        snprintf(address.host, sizeof(address.host), "%.*s", (int)len - 2, listen + 1);
    else if (len && !memchr(listen, ':', len))
        snprintf(address.host, sizeof(address.host), "%.*s", (int)len, listen);
    if (address.host[0])
        loopback = is_loopback(address.host, &known);
    if (known && colon[1] >= '0' && colon[1] <= '9')
        port = strtoul(colon + 1, &end, 10);
    if (!end || *end || port > UINT16_MAX)
        return error_set(err, TROUPE_CONFIG,
                         "expected an address and a port as in \"127.0.0.1:9464\", got \"%s\"",
                         listen);
    if (!loopback && !allow_remote)
        return error_set(err, TROUPE_CONFIG,
                         "\"%s\" can be reached from other machines, and whoever reaches it may "
                         "read it; listen on 127.0.0.1 or set allow_remote = yes",
                         listen);
    address.port = (uint16_t)port;
    *ret = address;
    return TROUPE_OK;
}

/* ---- pages ----------------------------------------------------------------------------------- */

void ops_http_request_free(struct http_request *request)
{
    buf_clear(&request->reply.body);
    mem_free(request);
}

static void give_back(struct http_request *request)
{
    struct ops_http *http = request->http;

    pthread_mutex_lock(&http->lock);
    request->next = http->answered;
    http->answered = request;
    pthread_mutex_unlock(&http->lock);
    ops_http_wake(http);
}

static troupe_status make_page(void *arg)
{
    struct http_request *request = arg;

    request->page->run(request->http->arg, &request->reply);
    give_back(request);
    return TROUPE_OK;
}

void ops_http_take(struct loop_task *task)
{
    static const struct co_owner owner = {"core:http", 0};
    struct http_request *request = container_of(task, struct http_request, task);

    if (!atomic_load(&request->http->stopping) &&
        co_spawn(&request->http->scope, &owner, make_page, request) >= 0)
        return;
    request->reply.code = 503;
    buf_puts(&request->reply.body, "{\"status\":\"busy\"}\n");
    give_back(request);
}

static void pages_ended(struct scope *scope)
{
    struct ops_http *http = container_of(scope, struct ops_http, scope);

    if (http->made)
        op_complete(http->made, TROUPE_OK, NULL);
    http->made = NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void free_http(struct ops_http *http)
{
    pthread_mutex_destroy(&http->lock);
    mem_free(http);
}

troupe_status ops_http_start(struct loop *loop, const struct ops_http_address *address,
                             const struct ops_http_page *pages, size_t page_count, void *arg,
                             struct ops_http **ret, struct error *err)
{
    struct ops_http *http = mem_zero(1, sizeof(*http));
    troupe_status status;
    int rc;

    http->loop = loop;
    http->pages = pages;
    http->page_count = page_count;
    http->arg = arg;
    pthread_mutex_init(&http->lock, NULL);
    status = ops_http_open(http, address, err);
    if (status < 0) {
        free_http(http);
        return status;
    }
    scope_open_root(loop, &http->scope, 0, pages_ended);
    http->gone = op_new(loop, NULL);
    rc = pthread_create(&http->thread, NULL, ops_http_thread, http);
    if (rc) {
        op_complete(http->gone, TROUPE_OK, NULL);
        op_drop(http->gone);
        (void)scope_close(&http->scope);
        ops_http_close(http);
        free_http(http);
        return error_set(err, TROUPE_NOMEM, "the HTTP server cannot have a thread: %s",
                         strerror(rc));
    }
    *ret = http;
    return TROUPE_OK;
}

uint16_t ops_http_port(const struct ops_http *http)
{
    return http->port;
}

void ops_http_stop(struct ops_http *http)
{
    struct op *made;

    if (!http)
        return;
    atomic_store(&http->stopping, true); /* no page is begun from here on */
    co_shield(UINT32_MAX);
    if (http->scope.live) {
        made = op_new(http->loop, NULL);
        http->made = made;
        scope_cancel(&http->scope, TROUPE_CANCELED);
        (void)op_wait(made, 0, NULL);
        op_drop(made);
    }
    /* What the thread posted before its end has run when its end is told. */
    ops_http_wake(http);
    (void)op_wait(http->gone, 0, NULL);
    co_unshield();
    op_drop(http->gone);
    (void)pthread_join(http->thread, NULL);
    (void)scope_close(&http->scope);
    ops_http_close(http);
    free_http(http);
}
