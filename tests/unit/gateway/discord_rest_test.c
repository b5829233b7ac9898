/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests through the HTTP client to a server of the test's own, which answers each request as its
 * script says and keeps what it read.
 */
#include "../loop/loop_fixture.h"

#include "base/mem.h"
#include "gateway/discord/rest.h"
#include "net/http.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS_MAX 64
#define PATIENCE_MS  60000

/* In a coroutine a failed check ends the body with its place; cmocka must not jump between stacks. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__, #condition);                      \
            return TROUPE_FAILED;                                                                  \
        }                                                                                          \
    } while (0)

/* ---- the server: one connection at a time -------------------------------------------------- */

struct server {
    int fd, port, current;
    pthread_t thread;
    pthread_mutex_t lock;
    const char *const *script; /* answers in order, the last for all that follow; "": hang up */
    size_t count;
    char requests[REQUESTS_MAX][2048];
};

/* Reads one request with its body; false when the connection ended. */
static bool read_request(int fd, char *text, size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (;;) {
        char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        ssize_t n;

        if (end && len >= (size_t)(end + 4 - text) + (length ? strtoul(length + 16, NULL, 10) : 0))
            return true;
        n = read(fd, text + len, size - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
    }
}

/* The answer to this request; NULL: hang up. */
static const char *keep(struct server *server, const char *text)
{
    const char *answer;

    pthread_mutex_lock(&server->lock);
    if (server->count < REQUESTS_MAX)
        snprintf(server->requests[server->count++], sizeof(server->requests[0]), "%s", text);
    answer = server->script[0];
    if (server->script[1])
        server->script++;
    pthread_mutex_unlock(&server->lock);
    return *answer ? answer : NULL;
}

static void set_current(struct server *server, int fd)
{
    pthread_mutex_lock(&server->lock);
    server->current = fd;
    pthread_mutex_unlock(&server->lock);
}

static void *server_main(void *arg)
{
    struct server *server = arg;
    char text[2048];
    int fd;

    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        set_current(server, fd);
        while (read_request(fd, text, sizeof(text))) {
            const char *answer = keep(server, text);

            if (!answer || write(fd, answer, strlen(answer)) < 0)
                break;
        }
        set_current(server, -1);
        close(fd);
    }
    return NULL;
}

static void server_start(struct server *server, const char *const *script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    server->script = script;
    server->current = -1;
    pthread_mutex_init(&server->lock, NULL);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->fd, 16), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
}

static void server_stop(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_mutex_lock(&server->lock);
    if (server->current >= 0)
        shutdown(server->current, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
    close(server->fd);
    pthread_mutex_destroy(&server->lock);
}

static size_t count_of(struct server *server)
{
    size_t count;

    pthread_mutex_lock(&server->lock);
    count = server->count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

/* ---- fixture ------------------------------------------------------------------------------- */

struct rig {
    struct server server;
    struct loop *loop;
    struct http_client *http;
    struct discord_rest *rest;
    bool lease_over; /* another host may do by now what a row of the outbox asks for */
};

static struct rig *rig;

static bool holds(void *arg)
{
    return !(*(struct rig **)arg)->lease_over;
}

static void rest_run(const char *const *script, co_fn body)
{
    struct discord_rest_options options = {
        .token = "t0ken-of-the-test", .connections = 1, .holds = holds, .holds_arg = &rig};
    struct error err = {0};
    char base[64];
    troupe_status status;

    rig = mem_zero(1, sizeof(*rig));
    server_start(&rig->server, script);
    rig->loop = fixture_new(NULL);
    if (http_client_new(rig->loop, NULL, &rig->http, &err) != TROUPE_OK)
        fail_msg("http_client_new: %s", err.text);
    snprintf(base, sizeof(base), "http://127.0.0.1:%d/api/v10", rig->server.port);
    options.base = base;
    options.http = rig->http;
    rig->rest = discord_rest_new(rig->loop, &options);
    status = fixture_run(rig->loop, body, NULL);
    discord_rest_free(rig->rest);
    for (int i = 0; i < 3; i++)
        loop_step(rig->loop, 0);
    http_client_free(rig->http);
    fixture_free(rig->loop);
    server_stop(&rig->server);
    mem_free(rig);
    assert_status(status, TROUPE_OK);
}

struct told {
    int count, http, code;
    troupe_status status;
    bool left;
    char text[256];
};

static void note(void *arg, troupe_status status, const struct discord_response *response,
                 const struct error *err)
{
    struct told *told = arg;

    told->count++;
    told->status = status;
    told->http = response->status;
    told->code = response->code;
    told->left = response->left;
    snprintf(told->text, sizeof(told->text), "%.255s", err->text);
}

static troupe_status send_one(const char *major, const char *body, bool repeatable,
                              struct told *told)
{
    char path[64];
    struct discord_request request = {.method = "POST",
                                      .route = "/channels/{channel}/messages",
                                      .path = path,
                                      .major = major,
                                      .body = body,
                                      .body_len = strlen(body),
                                      .priority = DISCORD_FINAL,
                                      .repeatable = repeatable};
    struct error err = {0};

    snprintf(path, sizeof(path), "/channels/%s/messages", major);
    return discord_rest_send(rig->rest, &request, note, told, &err);
}

static bool wait_told(const struct told *told)
{
    uint64_t until = co_after(PATIENCE_MS);

    while (told->count == 0 && co_after(0) < until)
        co_sleep(1);
    return told->count == 1;
}

#define OK(body)      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" body
#define EMPTY(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"

/* ---- tests --------------------------------------------------------------------------------- */

static troupe_status plain_main(void *arg)
{
    struct told told = {0};
    struct discord_request request = {.method = "GET",
                                      .route = "/users/@me",
                                      .path = "/users/@me",
                                      .priority = DISCORD_READING,
                                      .repeatable = true};
    _cleanup_json_ json_t *body = NULL;
    struct error err = {0};
    const char *seen = rig->server.requests[0];

    (void)arg;
    CHECK(send_one("1", "{\"a\":1}", true, &told) == TROUPE_OK);
    CHECK(told.count == 0);
    CHECK(wait_told(&told) && told.status == TROUPE_OK && told.http == 200 && told.left);
    CHECK(strstr(seen, "POST /api/v10/channels/1/messages HTTP/1.1\r\n") == seen);
    CHECK(strstr(seen, "\r\nAuthorization: Bot t0ken-of-the-test\r\n"));
    CHECK(strstr(seen, "\r\nUser-Agent: DiscordBot (https://"));
    CHECK(strstr(seen, "\r\nContent-Type: application/json\r\n"));
    CHECK(strstr(seen, "\r\n\r\n{\"a\":1}"));
    CHECK(discord_rest_call(rig->rest, &request, &body, &err) == TROUPE_OK);
    CHECK(json_get_int(body, "id", 0) == 7);
    request.no_auth = true;
    CHECK(discord_rest_call(rig->rest, &request, NULL, &err) == TROUPE_OK);
    CHECK(!strstr(rig->server.requests[2], "t0ken"));
    return TROUPE_OK;
}

static void a_request_carries_what_discord_demands(void **state)
{
    static const char *const script[] = {OK("{\"id\": 7 }"), NULL};

    (void)state;
    rest_run(script, plain_main);
}

static troupe_status limited_main(void *arg)
{
    struct told first = {0}, second = {0};
    struct discord_rest_stats stats;

    (void)arg;
    CHECK(send_one("1", "{}", false, &first) == TROUPE_OK);
    CHECK(send_one("1", "{}", false, &second) == TROUPE_OK);
    CHECK(wait_told(&first) && first.status == TROUPE_OK);
    CHECK(wait_told(&second) && second.status == TROUPE_OK);
    discord_rest_stats(rig->rest, &stats);
    CHECK(stats.limited == 1 && stats.sent == 3 && stats.waiting == 0 && stats.in_flight == 0);
    CHECK(count_of(&rig->server) == 3);
    return TROUPE_OK;
}

static void a_limited_request_is_sent_again_when_its_time_has_come(void **state)
{
    static const char *const script[] = {
        "HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Bucket: abc\r\nX-RateLimit-Limit: 1\r\n"
        "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset-After: 0.050\r\nX-RateLimit-Scope: user\r\n"
        "Content-Length: 36\r\n\r\n{\"retry_after\":0.050,\"global\":false}",
        OK("{\"id\": 7 }"), NULL};

    (void)state;
    rest_run(script, limited_main);
}

static troupe_status swallowed_main(void *arg)
{
    struct told warm = {0}, once = {0}, again = {0};

    (void)arg;
    CHECK(send_one("1", "{}", false, &warm) == TROUPE_OK);
    CHECK(wait_told(&warm) && warm.status == TROUPE_OK);
    CHECK(send_one("1", "{}", false, &once) == TROUPE_OK);
    CHECK(wait_told(&once) && once.status == TROUPE_MAYBE_DONE && once.left && once.http == 0);
    CHECK(count_of(&rig->server) == 2); /* and not a third time by a helpful library */
    CHECK(send_one("1", "{}", true, &again) == TROUPE_OK);
    CHECK(wait_told(&again) && again.status == TROUPE_OK);
    return TROUPE_OK;
}

static void a_request_that_was_swallowed_is_maybe_done_and_left_once(void **state)
{
    static const char *const script[] = {OK("{\"id\": 7 }"), "", OK("{\"id\": 7 }"), NULL};

    (void)state;
    rest_run(script, swallowed_main);
}

static troupe_status refused_main(void *arg)
{
    struct told denied = {0}, gone = {0}, wrong = {0};

    (void)arg;
    CHECK(send_one("1", "{}", true, &denied) == TROUPE_OK);
    CHECK(wait_told(&denied) && denied.status == TROUPE_DENIED);
    CHECK(denied.code == 50013 && strstr(denied.text, "No way") && strstr(denied.text, "50013"));
    CHECK(send_one("1", "{}", true, &gone) == TROUPE_OK);
    CHECK(wait_told(&gone) && gone.status == TROUPE_NOT_FOUND);
    CHECK(send_one("1", "{}", true, &wrong) == TROUPE_OK);
    CHECK(wait_told(&wrong) && wrong.status == TROUPE_ARGUMENT && wrong.http == 400);
    return TROUPE_OK;
}

static void refusals_end_with_their_status_and_reason(void **state)
{
    static const char *const script[] = {"HTTP/1.1 403 Forbidden\r\nContent-Length: "
                                         "33\r\n\r\n{\"code\":50013,\"message\":\"No way\"}",
                                         EMPTY("404 Not Found"), EMPTY("400 Bad Request"), NULL};

    (void)state;
    rest_run(script, refused_main);
}

static troupe_status token_main(void *arg)
{
    struct told told = {0}, waiting = {0}, late = {0};
    struct discord_rest_stats stats;

    (void)arg;
    CHECK(send_one("1", "{}", true, &told) == TROUPE_OK);
    CHECK(send_one("2", "{}", true, &waiting) == TROUPE_OK);
    CHECK(wait_told(&told) && told.status == TROUPE_DENIED);
    CHECK(wait_told(&waiting) && waiting.status == TROUPE_UNAVAILABLE);
    CHECK(strstr(waiting.text, "developer portal"));
    CHECK(send_one("3", "{}", true, &late) == TROUPE_UNAVAILABLE && late.count == 0);
    discord_rest_stats(rig->rest, &stats);
    CHECK(stats.stopped && strstr(stats.why, "[discord]") && !strstr(stats.why, "t0ken"));
    CHECK(count_of(&rig->server) == 1);
    return TROUPE_OK;
}

static void after_a_refused_token_nothing_is_sent_any_more(void **state)
{
    static const char *const script[] = {EMPTY("401 Unauthorized"), NULL};

    (void)state;
    rest_run(script, token_main);
}

static struct told left_over[3];

static troupe_status leave_main(void *arg)
{
    (void)arg;
    memset(left_over, 0, sizeof(left_over));
    for (int i = 0; i < 3; i++)
        CHECK(send_one("1", "{}", true, &left_over[i]) == TROUPE_OK);
    co_pass(); /* the first is on its way, or not: both are told of */
    return TROUPE_OK;
}

static void closing_tells_everybody_who_waits(void **state)
{
    static const char *const script[] = {OK("{\"id\": 7 }"), NULL};

    (void)state;
    rest_run(script, leave_main);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(left_over[i].count, 1);
        assert_true(left_over[i].status == TROUPE_CANCELED ||
                    left_over[i].status == TROUPE_MAYBE_DONE || left_over[i].status == TROUPE_OK);
    }
}

static int init(void **state)
{
    struct error err;

    (void)state;
    return http_global_init(&err) == TROUPE_OK ? 0 : -1;
}

static int cleanup(void **state)
{
    (void)state;
    http_global_cleanup();
    return 0;
}

static troupe_status lease_main(void *arg)
{
    struct told told[2] = {{0}, {0}};
    struct discord_request request = {.method = "POST",
                                      .route = "/channels/{channel}/messages",
                                      .path = "/channels/1/messages",
                                      .major = "1",
                                      .body = "{\"b\":1}",
                                      .body_len = 7,
                                      .priority = DISCORD_FINAL,
                                      .owned = true};

    (void)arg;
    rig->lease_over = true;
    CHECK(discord_rest_send(rig->rest, &request, note, &told[0], NULL) == TROUPE_OK);
    CHECK(wait_told(&told[0]) && told[0].status == TROUPE_UNAVAILABLE && !told[0].left);
    /* A sentence that no other host would say goes out all the same, and is the first. */
    CHECK(send_one("1", "{\"a\":1}", true, &told[1]) == TROUPE_OK);
    CHECK(wait_told(&told[1]) && told[1].status == TROUPE_OK);
    CHECK(strstr(rig->server.requests[0], "{\"a\":1}"));
    rig->lease_over = false;
    memset(told, 0, sizeof(told));
    CHECK(discord_rest_send(rig->rest, &request, note, &told[0], NULL) == TROUPE_OK);
    CHECK(wait_told(&told[0]) && told[0].status == TROUPE_OK);
    CHECK(strstr(rig->server.requests[1], "{\"b\":1}"));
    return TROUPE_OK;
}

static void what_another_host_may_do_by_now_is_not_sent(void **state)
{
    static const char *const script[] = {OK("{\"id\": 7 }"), NULL};

    (void)state;
    rest_run(script, lease_main);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_carries_what_discord_demands),
        cmocka_unit_test(a_limited_request_is_sent_again_when_its_time_has_come),
        cmocka_unit_test(a_request_that_was_swallowed_is_maybe_done_and_left_once),
        cmocka_unit_test(refusals_end_with_their_status_and_reason),
        cmocka_unit_test(after_a_refused_token_nothing_is_sent_any_more),
        cmocka_unit_test(what_another_host_may_do_by_now_is_not_sent),
        cmocka_unit_test(closing_tells_everybody_who_waits),
    };

    return cmocka_run_group_tests_name("gateway/discord_rest", tests, init, cleanup);
}
