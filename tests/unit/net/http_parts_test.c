/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies that are sent in parts, from where they are.
 */
#include "net_fixture.h"

#include "base/base64.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE ((size_t)6 * 1024 * 1024) /* above what sockets hold on the way */

static const char *const more[] = {"", "{\"picture\":\"", "\",\"other\":\"", "\"}"};

/* ---- a server that answers when it likes --------------------------------------------------- */

struct exchange {
    const char *head; /* goes out before the body was read */
    const char *rest; /* … and after that                  */
    struct buf got;   /* the body                          */
    sem_t *go;        /* waited for between head and body; NULL: nothing is */
};

struct early {
    int fd;
    uint16_t port;
    pthread_t thread;
    struct exchange exchanges[2]; /* a connection each; without an answer: none more */
};

static void tell(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until so many bytes are there; false where they do not come. */
static bool read_up_to(int fd, struct buf *got, size_t len)
{
    char piece[4096];

    while (got->len < len) {
        ssize_t n = recv(fd, piece, sizeof(piece), 0);

        if (n <= 0)
            return false;
        buf_append(got, piece, (size_t)n);
    }
    return true;
}

static void serve_one(int fd, struct exchange *exchange)
{
    struct buf *got = &exchange->got;
    const char *body = NULL, *length;

    while (!body && read_up_to(fd, got, got->len + 1))
        body = strstr(buf_text(got), "\r\n\r\n");
    length = strcasestr(buf_text(got), "Content-Length: ");
    if (body && length) {
        size_t head = (size_t)(body + 4 - buf_text(got));

        tell(fd, exchange->head);
        while (exchange->go && sem_wait(exchange->go) < 0 && errno == EINTR)
            ;
        read_up_to(fd, got, head + (size_t)strtoull(length + 16, NULL, 10));
        buf_shift(got, head);
        tell(fd, exchange->rest);
    }
}

static void *serve(void *arg)
{
    struct early *early = arg;

    for (size_t i = 0; i < 2 && early->exchanges[i].rest; i++) {
        int fd = accept(early->fd, NULL, NULL);

        serve_one(fd, &early->exchanges[i]);
        close(fd);
    }
    return NULL;
}

static void early_start(struct early *early)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);

    early->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(early->fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(early->fd, 8), 0);
    assert_int_equal(getsockname(early->fd, (struct sockaddr *)&at, &len), 0);
    early->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&early->thread, NULL, serve, early), 0);
}

static void early_stop(struct early *early)
{
    close(early->fd);
    buf_clear(&early->exchanges[0].got);
    buf_clear(&early->exchanges[1].got);
}

/* What came in the n-th exchange, once all have ended. */
static void assert_got(struct early *early, size_t n, const struct buf *whole)
{
    const struct buf *got = &early->exchanges[n].got;

    assert_int_equal(got->len, whole->len);
    assert_memory_equal(got->data, whole->data, whole->len);
}

/* ---- bodies -------------------------------------------------------------------------------- */

static char *noise(size_t len)
{
    char *data = mem_alloc(len);
    uint32_t x = 1;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (char)(x >> 24);
    }
    return data;
}

static void put_whole(const struct http_part *parts, size_t count, struct buf *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].base64)
            base64_put(ret, parts[i].data, parts[i].len);
        else
            buf_append(ret, parts[i].data, parts[i].len);
    }
}

static struct http_part text_part(const char *text)
{
    return (struct http_part){text, strlen(text), false};
}

static uint64_t copied(const struct net *net)
{
    struct http_client_stats stats;

    http_client_stats(net->client, &stats);
    return stats.copied;
}

static troupe_status many_lengths(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/_echo"), *data = noise(200000);
    const size_t lengths[] = {0, 1, 2, 3, 4, 5, 49151, 49152, 49153, 100000, 200000};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        const struct http_part parts[] = {
            text_part(more[i % 4]),   {data, lengths[i], true},        text_part(more[2]),
            {data, lengths[i], true}, {data + 1, i > 0 ? 1 : 0, true}, text_part("end")};
        struct http_request request = net_get(url);
        struct http_response response = {0};
        _cleanup_buf_ struct buf whole = BUF_INIT;
        _cleanup_json_ json_t *echo = NULL;
        struct error err = {0};

        request.parts = parts;
        request.part_count = 6;
        put_whole(parts, 6, &whole);
        assert_status(http_fetch(net->client, &request, &response, &err), TROUPE_OK);
        assert_status(json_parse(response.body.data, response.body.len, &echo, &err), TROUPE_OK);
        assert_string_equal(json_get_str(echo, "method", ""), "POST");
        assert_string_equal(json_get_str(echo, "body", ""), buf_text(&whole));
        http_response_clear(&response);
    }
    assert_int_equal(copied(net), 0);
    return TROUPE_OK;
}

static void parts_arrive_as_one_body_and_are_not_copied(void **state)
{
    (void)state;
    net_run(NULL, NULL, many_lengths);
}

static troupe_status refused(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/_echo");
    const struct http_part part = text_part("a"), endless[] = {{"", SIZE_MAX, true}};
    struct http_request request = net_get(url);
    struct http_stream *stream = NULL;
    struct error err = {0};

    request.parts = &part;
    request.part_count = 1;
    request.body = "b";
    request.body_len = 1;
    assert_status(http_open(net->client, &request, &stream, &err), TROUPE_ARGUMENT);
    request.body = NULL;
    request.method = "GET";
    assert_status(http_open(net->client, &request, &stream, &err), TROUPE_ARGUMENT);
    request.method = NULL;
    request.parts = endless;
    assert_status(http_open(net->client, &request, &stream, &err), TROUPE_ARGUMENT);
    return TROUPE_OK;
}

static void a_body_that_is_whole_and_in_parts_is_refused(void **state)
{
    (void)state;
    net_run(NULL, NULL, refused);
}

/* ---- answers before the end ---------------------------------------------------------------- */

static struct http_request to_early(const struct early *early, char *url, size_t size,
                                    const struct http_part *parts, size_t count)
{
    snprintf(url, size, "http://127.0.0.1:%u/", early->port);
    return (struct http_request){
        .url = url, .parts = parts, .part_count = count, .trust = HTTP_TRUST_CONFIGURED};
}

static troupe_status answered_early(void *arg)
{
    struct net *net = arg;
    sem_t go;
    struct early early = {
        .exchanges = {{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok", BUF_INIT, &go}}};
    _cleanup_mem_ char *data = noise(LARGE);
    const struct http_part parts[] = {text_part(more[1]), {data, LARGE, true}, text_part(more[3])};
    _cleanup_buf_ struct buf whole = BUF_INIT;
    _cleanup_http_ struct http_stream *stream = NULL;
    struct http_request request;
    struct error err = {0};
    const char *got;
    char url[64];
    size_t len;

    put_whole(parts, 3, &whole);
    assert_int_equal(sem_init(&go, 0, 0), 0);
    early_start(&early);
    request = to_early(&early, url, sizeof(url), parts, 3);
    assert_status(http_open(net->client, &request, &stream, &err), TROUPE_OK);
    memset(data, 0, LARGE); /* it is ours again */
    sem_post(&go);
    assert_status(http_read(stream, &got, &len, 0, &err), TROUPE_OK);
    assert_memory_equal(got, "ok", 2);
    assert_status(http_read(stream, &got, &len, 0, &err), TROUPE_END);
    assert_true(copied(net) > 0);
    pthread_join(early.thread, NULL);
    assert_got(&early, 0, &whole);
    early_stop(&early);
    sem_destroy(&go);
    return TROUPE_OK;
}

static void what_an_early_answer_left_unsent_is_sent_after_it(void **state)
{
    (void)state;
    net_run(NULL, NULL, answered_early);
}

static troupe_status sent_on(void *arg)
{
    static const char elsewhere[] = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /again\r\n"
                                    "Content-Length: 0\r\nConnection: close\r\n\r\n",
                      nothing[] = "HTTP/1.1 204 No Content\r\n\r\n";
    struct net *net = arg;
    struct early early = {
        .exchanges = {{"", elsewhere, BUF_INIT, NULL}, {"", nothing, BUF_INIT, NULL}}};
    _cleanup_mem_ char *data = noise(100000);
    const struct http_part parts[] = {text_part(more[1]), {data, 100000, true}};
    _cleanup_buf_ struct buf whole = BUF_INIT;
    struct http_response response = {0};
    struct http_request request;
    struct error err = {0};
    char url[64];

    put_whole(parts, 2, &whole);
    early_start(&early);
    request = to_early(&early, url, sizeof(url), parts, 2);
    request.follow_redirects = 1;
    assert_status(http_fetch(net->client, &request, &response, &err), TROUPE_OK);
    assert_int_equal(response.status, 204);
    http_response_clear(&response);
    pthread_join(early.thread, NULL);
    assert_got(&early, 0, &whole);
    assert_got(&early, 1, &whole);
    assert_int_equal(copied(net), 0);
    early_stop(&early);
    return TROUPE_OK;
}

static void a_redirect_gets_the_parts_anew(void **state)
{
    (void)state;
    net_run(NULL, NULL, sent_on);
}

/* ---- given up ------------------------------------------------------------------------------ */

struct giving_up {
    struct net *net;
    char *data;
    const char *url;
};

static troupe_status sender(void *arg)
{
    struct giving_up *test = arg;
    const struct http_part parts[] = {{test->data, LARGE, true}};
    struct http_request request = net_get(test->url);
    struct http_stream *stream = NULL;

    request.parts = parts;
    request.part_count = 1;
    assert_status(http_open(test->net->client, &request, &stream, NULL), TROUPE_CANCELED);
    mem_free(test->data); /* nobody may read it any more */
    test->data = NULL;
    return TROUPE_OK;
}

static troupe_status give_up(void *arg)
{
    struct net *net = arg;
    struct early silent = {0}; /* takes connections, and answers nobody */
    char url[64];

    early_start(&silent);
    pthread_join(silent.thread, NULL);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", silent.port);
    for (uint64_t ms = 0; ms < 12; ms += 3) {
        struct giving_up test = {net, noise(LARGE), url};
        struct scope scope;

        scope_open(&scope, 0);
        assert_status(co_spawn(&scope, NULL, sender, &test), TROUPE_OK);
        co_sleep(ms + 1);
        scope_cancel(&scope, TROUPE_CANCELED);
        scope_close(&scope);
        assert_null(test.data);
    }
    net_wait_idle(net);
    assert_int_equal(copied(net), 0);
    early_stop(&silent);
    return TROUPE_OK;
}

static void whoever_is_called_off_has_its_parts_back(void **state)
{
    (void)state;
    net_run(NULL, NULL, give_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_arrive_as_one_body_and_are_not_copied),
        cmocka_unit_test(a_body_that_is_whole_and_in_parts_is_refused),
        cmocka_unit_test(what_an_early_answer_left_unsent_is_sent_after_it),
        cmocka_unit_test(a_redirect_gets_the_parts_anew),
        cmocka_unit_test(whoever_is_called_off_has_its_parts_back),
    };

    return cmocka_run_group_tests_name("net/http_parts", tests, net_group_begin, net_group_end);
}
