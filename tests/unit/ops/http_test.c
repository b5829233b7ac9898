/* SPDX-License-Identifier: Apache-2.0
 *
 * The server of pages: where it listens, what it answers, and that it answers when the loop does
 * not.
 */
#include "tap.h"

#include "base/clock.h"
#include "base/mem.h"
#include "loop/scope.h"
#include "ops/http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the address ---- */

static void assert_address(const char *listen, bool remote, const char *host, unsigned port)
{
    struct ops_http_address address;
    struct error err = {0};

    assert_status(ops_http_parse(listen, remote, &address, &err), TROUPE_OK);
    assert_string_equal(address.host, host);
    assert_int_equal(address.port, port);
}

static void assert_refused(const char *listen, bool remote, const char *text)
{
    struct ops_http_address address;
    struct error err = {0};

    assert_status(ops_http_parse(listen, remote, &address, &err), TROUPE_CONFIG);
    assert_non_null(strstr(err.text, text));
}

static void only_loopback_unless_it_is_said(void **state)
{
    (void)state;
    assert_address("127.0.0.1:9464", false, "127.0.0.1", 9464);
    assert_address("127.8.9.1:0", false, "127.8.9.1", 0);
    assert_address("[::1]:65535", false, "::1", 65535);
    assert_address("0.0.0.0:9464", true, "0.0.0.0", 9464);
    assert_address("[2001:db8::1]:80", true, "2001:db8::1", 80);
    assert_refused("0.0.0.0:9464", false, "allow_remote = yes");
    assert_refused("192.168.1.4:9464", false, "allow_remote = yes");
    assert_refused("[::]:9464", false, "allow_remote = yes");
    assert_refused("[::ffff:10.0.0.1]:9464", false, "allow_remote = yes");
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      ":",
                                      ":9464",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:x",
                                      "::1:9464",
                                      "localhost:1",
                                      "[]:1",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "127.0.0.1: 1",
                                      "[::1:9",
                                      "[::1]9464",
                                      "127.1:9464",
                                      "127.0.0.1:9464/x",
                                      "[127.0.0.1:9464]"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(bad[i], true, "expected an address and a port");
}

/* ---- a server, and a client on a thread of its own ---- */

#define TEXT_MAX ((size_t)1 << 20)

struct fixture {
    struct loop *loop;
    struct ops_http *http;
    const char *request;
    char *text; /* what came back */
    size_t len;
    atomic_bool held; /* the loop hangs */
    pthread_t client;
    struct scope scope;
};

static void small(void *arg, struct ops_http_reply *reply)
{
    (void)arg;
    reply->type = "text/plain";
    buf_puts(&reply->body, "fine\n");
}

static void large(void *arg, struct ops_http_reply *reply)
{
    (void)arg;
    reply->code = 503;
    for (int i = 0; i < 30000; i++)
        buf_printf(&reply->body, "line %d\n", i);
}

static void late(void *arg, struct ops_http_reply *reply)
{
    (void)arg;
    co_sleep(100000);
    buf_puts(&reply->body, "late");
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Sends the request and reads to the end of the connection; "" where it was refused. */
static void *client_main(void *arg)
{
    struct fixture *fixture = arg;
    int fd = connect_to(ops_http_port(fixture->http));
    ssize_t n = 1;

    fixture->len = 0;
    if (fd >= 0 && send(fd, fixture->request, strlen(fixture->request), MSG_NOSIGNAL) > 0)
        while (n > 0 && fixture->len < TEXT_MAX) {
            n = recv(fd, fixture->text + fixture->len, TEXT_MAX - fixture->len, 0);
            fixture->len += n > 0 ? (size_t)n : 0;
        }
    fixture->text[fixture->len] = '\0';
    if (fd >= 0)
        close(fd);
    atomic_store(&fixture->held, false);
    return NULL;
}

/* The answer to a request; the loop turns meanwhile, or hangs. */
static const char *ask(struct fixture *fixture, const char *request, bool hang)
{
    fixture->request = request;
    atomic_store(&fixture->held, true);
    assert_int_equal(pthread_create(&fixture->client, NULL, client_main, fixture), 0);
    while (atomic_load(&fixture->held)) {
        if (hang)
            poll(NULL, 0, 1);
        else
            loop_step(fixture->loop, 10);
    }
    pthread_join(fixture->client, NULL);
    return fixture->text;
}

static void run_until_empty(struct fixture *fixture)
{
    while (fixture->scope.live)
        loop_step(fixture->loop, 10);
}

static troupe_status stop_main(void *arg)
{
    struct fixture *fixture = arg;

    ops_http_stop(fixture->http);
    return TROUPE_OK;
}

static int setup(void **state)
{
    static const struct ops_http_page pages[] = {
        {"/small", small}, {"/large", large}, {"/late", late}};
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));
    struct ops_http_address address = {"127.0.0.1", 0};
    struct error err = {0};

    fixture->text = mem_alloc(TEXT_MAX + 1);
    assert_status(loop_new(NULL, &fixture->loop, &err), TROUPE_OK);
    scope_open_root(fixture->loop, &fixture->scope, 0, NULL);
    assert_status(ops_http_start(fixture->loop, &address, pages, 3, fixture, &fixture->http, &err),
                  TROUPE_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    static const struct co_owner owner = {"test", 0};
    struct fixture *fixture = *state;

    assert_status(co_spawn(&fixture->scope, &owner, stop_main, fixture), TROUPE_OK);
    run_until_empty(fixture);
    (void)scope_close(&fixture->scope);
    loop_free(fixture->loop);
    mem_free(fixture->text);
    mem_free(fixture);
    return 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void a_page_comes_whole(void **state)
{
    const char *text = ask(*state, GET("/small"), false);

    assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    assert_non_null(strstr(text, "content-type: text/plain\r\n"));
    assert_non_null(strstr(text, "content-length: 5\r\n"));
    assert_non_null(strstr(text, "\r\n\r\nfine\n"));
}

static void a_large_page_comes_whole_with_its_code(void **state)
{
    const char *text = ask(*state, GET("/large"), false);

    assert_int_equal(strncmp(text, "HTTP/1.1 503 ", 13), 0);
    assert_non_null(strstr(text, "\nline 15000\n"));
    assert_string_equal(text + strlen(text) - 11, "line 29999\n");
}

static void head_has_no_body(void **state)
{
    const char *text =
        ask(*state, "HEAD /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);

    assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

static void other_paths_and_methods_are_refused(void **state)
{
    static const char *const requests[][2] = {
        {GET("/"), "404"},
        {GET("/smal"), "404"},
        {GET("/small/x"), "404"},
        {"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n", "405"},
        {"GET /small HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n", "405"},
        {"DELETE /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "405"},
    };

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const char *text = ask(*state, requests[i][0], false);

        assert_int_equal(strncmp(text, "HTTP/1.1 ", 9), 0);
        assert_int_equal(strncmp(text + 9, requests[i][1], 3), 0);
        assert_null(strstr(text, "fine"));
    }
}

static void noise_gets_nothing_and_breaks_nothing(void **state)
{
    assert_null(strstr(ask(*state, "\x16\x03\x01 noise\r\n\r\n", false), "fine"));
    assert_null(strstr(ask(*state, "GET /small\r\n\r\n\r\n", false), "\r\n\r\nfine\nfine"));
    a_page_comes_whole(state);
}

static void a_hanging_loop_is_told_by_the_server(void **state)
{
    struct fixture *fixture = *state;
    const char *text = ask(fixture, GET("/small"), true);

    assert_int_equal(strncmp(text, "HTTP/1.1 503 ", 13), 0);
    assert_non_null(strstr(text, "the loop does not turn"));
    a_page_comes_whole(state); /* once it turns again */
}

static void a_page_that_takes_too_long_is_given_up(void **state)
{
    assert_int_equal(strncmp(ask(*state, GET("/late"), false), "HTTP/1.1 503 ", 13), 0);
    a_page_comes_whole(state);
    /* and the server can be stopped while one is being made */
}

static void too_many_clients_break_nothing(void **state)
{
    struct fixture *fixture = *state;
    int fds[4 * OPS_HTTP_CLIENTS];
    size_t count = sizeof(fds) / sizeof(fds[0]);

    for (size_t i = 0; i < count; i++)
        fds[i] = connect_to(ops_http_port(fixture->http));
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    a_page_comes_whole(state);
}

static void a_port_that_is_taken_is_said(void **state)
{
    struct fixture *fixture = *state;
    struct ops_http_address address = {"127.0.0.1", ops_http_port(fixture->http)};
    struct ops_http *other = NULL;
    struct error err = {0};

    assert_status(ops_http_start(fixture->loop, &address, NULL, 0, NULL, &other, &err),
                  TROUPE_UNAVAILABLE);
    assert_non_null(strstr(err.text, "is it in use"));
    assert_null(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_loopback_unless_it_is_said),
        cmocka_unit_test(what_is_no_address_is_refused),
        TEST(a_page_comes_whole),
        TEST(a_large_page_comes_whole_with_its_code),
        TEST(head_has_no_body),
        TEST(other_paths_and_methods_are_refused),
        TEST(noise_gets_nothing_and_breaks_nothing),
        TEST(a_hanging_loop_is_told_by_the_server),
        TEST(a_page_that_takes_too_long_is_given_up),
        TEST(too_many_clients_break_nothing),
        TEST(a_port_that_is_taken_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
