/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests without a coroutine, and requests that must not leave twice. The server of the second
 * kind answers the first request of each connection and closes after it has read the second one:
 * what libcurl repeats by itself, unless it was told not to.
 */
#include "net_fixture.h"

#include "loop/latch.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a server that swallows ------------------------------------------------------------------ */

struct swallow {
    int fd, port;
    pthread_t thread;
    atomic_int requests, current; /* current: the connection that is served */
};

/* Reads one request with its body; false when the connection ended. */
static bool read_request(int fd)
{
    char text[4096] = "";
    size_t len = 0;

    for (;;) {
        char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        ssize_t n;

        if (end && len >= (size_t)(end + 4 - text) + (length ? strtoul(length + 16, NULL, 10) : 0))
            return true;
        n = read(fd, text + len, sizeof(text) - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
    }
}

static void *swallow_main(void *arg)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct swallow *server = arg;
    int fd;

    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        atomic_store(&server->current, fd);
        for (int n = 0; n < 2 && read_request(fd); n++) {
            atomic_fetch_add(&server->requests, 1);
            if (n == 0 && write(fd, answer, sizeof(answer) - 1) < 0)
                break;
        }
        close(fd);
    }
    return NULL;
}

static void swallow_start(struct swallow *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    atomic_init(&server->requests, 0);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->fd, 16), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, swallow_main, server), 0);
}

static void swallow_stop(struct swallow *server)
{
    shutdown(server->fd, SHUT_RDWR);
    shutdown(atomic_load(&server->current), SHUT_RDWR); /* kept by libcurl; served to its end */
    pthread_join(server->thread, NULL);
    close(server->fd);
}

static troupe_status post(struct net *net, int port, const char *body, bool once)
{
    _cleanup_mem_ char *url = mem_printf("http://127.0.0.1:%d/pay", port);
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .body = body,
                                   .body_len = body ? strlen(body) : 0,
                                   .trust = HTTP_TRUST_CONFIGURED,
                                   .once = once};
    struct http_response response = {0};
    struct error err = {0};
    troupe_status status = http_fetch(net->client, &request, &response, &err);

    http_response_clear(&response);
    return status;
}

static const char *swallowed_body;

static troupe_status swallowed(void *arg)
{
    struct net *net = arg;
    struct swallow server;

    swallow_start(&server);
    assert_status(post(net, server.port, swallowed_body, true), TROUPE_OK);
    assert_status(post(net, server.port, swallowed_body, true), TROUPE_IO);
    assert_int_equal(atomic_load(&server.requests), 2);
    /* The next one has a connection of its own again, and libcurl's help where it is welcome. */
    assert_status(post(net, server.port, swallowed_body, true), TROUPE_OK);
    assert_status(post(net, server.port, swallowed_body, false), TROUPE_OK);
    assert_int_equal(atomic_load(&server.requests), 5);
    swallow_stop(&server);
    return TROUPE_OK;
}

static void what_leaves_once_is_never_repeated_on_another_connection(void **state)
{
    (void)state;
    swallowed_body = "{\"model\":\"dear\"}";
    net_run(NULL, NULL, swallowed);
    swallowed_body = NULL;
    net_run(NULL, NULL, swallowed);
}

/* ---- submitted calls ------------------------------------------------------------------------- */

struct ended {
    int count;
    troupe_status status;
    int http;
    size_t len;
    bool left, typed;
};

static void note(void *arg, troupe_status status, const struct http_response *response, bool left,
                 const struct error *err)
{
    struct ended *ended = arg;

    ended->count++;
    ended->status = status;
    ended->left = left;
    if (response) {
        ended->http = response->status;
        ended->len = response->body.len;
        ended->typed = http_response_header(response, "Content-Type") != NULL;
    } else {
        assert_int_equal(err->status, status);
    }
}

static void submit(struct net *net, const char *url, size_t max_body, struct ended *ended,
                   struct http_call **ret)
{
    struct http_request request = {
        .url = url, .trust = HTTP_TRUST_CONFIGURED, .max_body = max_body};
    struct error err = {0};

    assert_status(http_submit(net->client, &request, note, ended, ret, &err), TROUPE_OK);
    assert_int_equal(ended->count, 0);
}

static void wait_for(struct ended *ended)
{
    uint64_t until = co_after(NET_PATIENCE_MS);

    while (ended->count == 0 && co_after(0) < until)
        co_sleep(1);
}

static troupe_status whole(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/_stats");
    struct ended ended[200] = {{0}};

    for (size_t i = 0; i < 200; i++)
        submit(net, url, 0, &ended[i], NULL);
    for (size_t i = 0; i < 200; i++) {
        wait_for(&ended[i]);
        assert_int_equal(ended[i].count, 1);
        assert_status(ended[i].status, TROUPE_OK);
        assert_int_equal(ended[i].http, 200);
        assert_true(ended[i].len > 2 && ended[i].left && ended[i].typed);
    }
    return TROUPE_OK;
}

static void submitted_calls_bring_the_whole_answer_once(void **state)
{
    (void)state;
    net_run(NULL, NULL, whole);
}

static troupe_status failing(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *stats = net_url(net, "/_stats");
    struct ended refused = {0}, large = {0};

    submit(net, "http://127.0.0.1:1/", 0, &refused, NULL);
    submit(net, stats, 4, &large, NULL);
    wait_for(&refused);
    assert_status(refused.status, TROUPE_UNAVAILABLE);
    assert_false(refused.left);
    wait_for(&large);
    assert_status(large.status, TROUPE_LIMIT);
    assert_true(large.left);
    return TROUPE_OK;
}

static void a_failed_call_tells_whether_anything_left(void **state)
{
    (void)state;
    net_run(NULL, NULL, failing);
}

static troupe_status dropped(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/v1/models");
    struct ended ended = {0}, other = {0};
    struct http_call *call;

    submit(net, url, 0, &ended, &call);
    http_call_drop(call);
    submit(net, url, 0, &other, NULL);
    wait_for(&other);
    net_wait_idle(net);
    assert_int_equal(ended.count, 0);
    return TROUPE_OK;
}

static void a_dropped_call_is_never_heard_of_again(void **state)
{
    (void)state;
    net_run(NULL, NULL, dropped);
}

static void submit_after(struct net *net, int port, struct latch *latch, struct ended *ended,
                         struct http_call **ret)
{
    _cleanup_mem_ char *url = mem_printf("http://127.0.0.1:%d/", port);
    struct http_request request = {
        .url = url, .trust = HTTP_TRUST_CONFIGURED, .body = "x", .body_len = 1, .after = latch};
    struct error err = {0};

    assert_status(http_submit(net->client, &request, note, ended, ret, &err), TROUPE_OK);
}

static void *open_soon(void *latch)
{
    usleep(2000);
    latch_open(latch);
    latch_unref(latch);
    return NULL;
}

static troupe_status latched(void *arg)
{
    struct net *net = arg;
    struct latch *latch = latch_new(), *broken = latch_new(), *open = latch_new();
    struct ended held = {0}, never = {0}, at_once = {0}, dropped_one = {0};
    struct http_call *call;
    struct swallow server;
    pthread_t opener;

    swallow_start(&server);
    submit_after(net, server.port, latch, &held, NULL);
    submit_after(net, server.port, broken, &never, NULL);
    submit_after(net, server.port, broken, &dropped_one, &call);
    assert_status(co_sleep(20), TROUPE_OK);
    assert_int_equal(atomic_load(&server.requests), 0);
    http_call_drop(call);
    latch_break(broken);
    wait_for(&never);
    assert_status(never.status, TROUPE_CANCELED);
    assert_false(never.left);
    assert_int_equal(atomic_load(&server.requests), 0);
    assert_int_equal(pthread_create(&opener, NULL, open_soon, latch_ref(latch)), 0);
    wait_for(&held);
    pthread_join(opener, NULL);
    assert_status(held.status, TROUPE_OK);
    assert_int_equal(atomic_load(&server.requests), 1);
    latch_open(open);
    submit_after(net, server.port, open, &at_once, NULL);
    swallow_stop(&server);
    wait_for(&at_once);
    assert_int_equal(at_once.count, 1);
    assert_int_equal(dropped_one.count, 0);
    net_wait_idle(net);
    latch_unref(latch);
    latch_unref(broken);
    latch_unref(open);
    return TROUPE_OK;
}

static void what_waits_for_a_latch_leaves_when_it_opens_and_never_when_it_breaks(void **state)
{
    (void)state;
    net_run(NULL, NULL, latched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_leaves_once_is_never_repeated_on_another_connection),
        cmocka_unit_test(submitted_calls_bring_the_whole_answer_once),
        cmocka_unit_test(a_failed_call_tells_whether_anything_left),
        cmocka_unit_test(a_dropped_call_is_never_heard_of_again),
        cmocka_unit_test(what_waits_for_a_latch_leaves_when_it_opens_and_never_when_it_breaks),
    };

    return cmocka_run_group_tests_name("net/submit", tests, net_group_begin, net_group_end);
}
