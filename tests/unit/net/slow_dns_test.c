/* SPDX-License-Identifier: Apache-2.0
 *
 * A resolver that does not answer. The program's own getaddrinfo takes the place of libc's for
 * libcurl; it returns only when the test lets it, which is after everything that must not wait for
 * it: so a client that did wait would hang here, and no clock is needed to see it.
 */
#include "net_fixture.h"

#include "net/ws.h"

#include <netdb.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool released;
static int asked, left;

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **ret)
{
    (void)node;
    (void)service;
    (void)hints;
    (void)ret;
    pthread_mutex_lock(&lock);
    asked++;
    while (!released)
        pthread_cond_wait(&changed, &lock);
    left++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return EAI_NONAME;
}

static int times_asked(void)
{
    int n;

    pthread_mutex_lock(&lock);
    n = asked;
    pthread_mutex_unlock(&lock);
    return n;
}

static void release_all(void)
{
    pthread_mutex_lock(&lock);
    released = true;
    pthread_cond_broadcast(&changed);
    while (left < asked)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static troupe_status fetch_slow(void *arg)
{
    struct net *net = arg;
    struct http_request request = net_get("http://slow.example/");
    struct http_response response = {0};

    return http_fetch(net->client, &request, &response, NULL);
}

static troupe_status connect_slow(void *arg)
{
    static const struct ws_handler handler = {0};
    struct net *net = arg;
    const struct ws_options options = {.url = "ws://slow.example/"};
    struct ws *ws;

    return ws_connect(net->loop, &options, &handler, NULL, &ws, NULL);
}

/* The same for a WebSocket, whose thread is joined each time. */
static troupe_status stuck_websocket(void *arg)
{
    static const struct ws_handler handler = {0};
    struct net *net = arg;
    const struct ws_options options = {.url = "ws://slow.example/", .deadline = co_after(100)};
    int before = times_asked();
    struct error err = {0};
    struct scope scope;
    struct ws *ws;

    assert_status(ws_connect(net->loop, &options, &handler, NULL, &ws, &err), TROUPE_DEADLINE);
    assert_non_null(strstr(err.text, "\"slow.example:80\" was not connected"));
    scope_open(&scope, 0);
    assert_status(co_spawn(&scope, NULL, connect_slow, net), TROUPE_OK);
    while (times_asked() < before + 2)
        assert_status(co_sleep(2), TROUPE_OK);
    scope_cancel(&scope, TROUPE_CANCELED);
    assert_status(scope_close(&scope), TROUPE_CANCELED);
    return TROUPE_OK;
}

static troupe_status stuck_resolver(void *arg)
{
    struct net *net = arg;
    struct http_request request = net_get("http://slow.example/");
    struct http_response response = {0};
    struct error err = {0};
    struct scope scope;

    /* The connect timeout ends it, and nothing has left, */
    request.connect_timeout_ms = 100;
    assert_status(http_fetch(net->client, &request, &response, &err), TROUPE_UNAVAILABLE);
    assert_non_null(strstr(err.text, "connecting to \"slow.example:80\""));
    /* the others are served, */
    assert_true(net_stat(net, "requests") > 0);
    /* and so does a cancellation in the middle. */
    scope_open(&scope, 0);
    assert_status(co_spawn(&scope, NULL, fetch_slow, net), TROUPE_OK);
    while (times_asked() < 2)
        assert_status(co_sleep(2), TROUPE_OK);
    scope_cancel(&scope, TROUPE_CANCELED);
    assert_status(scope_close(&scope), TROUPE_CANCELED);
    net_wait_idle(net);
    assert_true(net_stat(net, "requests") > 1);
    return stuck_websocket(net);
}

static void a_resolver_that_hangs_holds_up_nobody(void **state)
{
    (void)state;
    net_run(NULL, NULL, stuck_resolver); /* frees the client, too */
    release_all();
}

static int init(void **state)
{
    (void)state;
    return http_global_init(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resolver_that_hangs_holds_up_nobody),
    };

    /* No clean-up of libcurl: its detached resolver threads may be on their way out still. */
    return cmocka_run_group_tests_name("net/slow_dns", tests, init, NULL);
}
