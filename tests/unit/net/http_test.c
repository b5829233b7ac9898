/* SPDX-License-Identifier: Apache-2.0 */
#include "net_fixture.h"

#include "net/http_poll.h"

#include <poll.h>

#define CHAT                                                                                       \
    "{\"model\":\"fake-1\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static struct http_request chat_request(const char *url)
{
    return (struct http_request){
        .url = url, .body = CHAT, .body_len = strlen(CHAT), .trust = HTTP_TRUST_CONFIGURED};
}

/* Reads to the end; the status is the end's. */
static troupe_status read_all(struct http_stream *stream, struct buf *ret, struct error *err)
{
    const char *data;
    size_t len;
    troupe_status status;

    while ((status = http_read(stream, &data, &len, 0, err)) == TROUPE_OK)
        buf_append(ret, data, len);
    return status;
}

/* ---- whole and streamed -------------------------------------------------------------------- */

static troupe_status whole_body(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/_echo?a=1");
    const struct http_header headers[] = {{"X-One", "1"}, {"X-Empty", ""}};
    struct http_request request = net_get(url);
    struct http_response response = {0};
    _cleanup_json_ json_t *echo = NULL;

    request.method = "PUT";
    request.body = "some text";
    request.body_len = 9;
    request.headers = headers;
    request.header_count = 2;
    assert_status(http_fetch(net->client, &request, &response, NULL), TROUPE_OK);
    assert_int_equal(response.status, 200);
    assert_string_equal(http_response_header(&response, "content-TYPE"), "application/json");
    assert_null(http_response_header(&response, "X-Missing"));
    assert_status(json_parse(response.body.data, response.body.len, &echo, NULL), TROUPE_OK);
    assert_string_equal(json_get_str(echo, "method", ""), "PUT");
    assert_string_equal(json_get_str(echo, "query", ""), "a=1");
    assert_string_equal(json_get_str(echo, "body", ""), "some text");
    assert_non_null(strstr(response.body.data, "X-One"));
    assert_non_null(strstr(response.body.data, "X-Empty"));
    assert_null(strstr(response.body.data, "Expect"));
    http_response_clear(&response);
    return TROUPE_OK;
}

static void a_whole_exchange_carries_method_headers_and_body(void **state)
{
    (void)state;
    net_run(NULL, NULL, whole_body);
}

static troupe_status streamed_body(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/v1/chat/completions");
    struct http_request request = chat_request(url);
    _cleanup_http_ struct http_stream *endless = NULL, *whole = NULL;
    _cleanup_buf_ struct buf body = BUF_INIT;
    struct error err = {0};
    const char *data;
    size_t len;

    /* The first words are read though the server never sends the last. */
    assert_status(http_open(net->client, &request, &endless, &err), TROUPE_OK);
    assert_int_equal(http_stream_status(endless), 200);
    assert_non_null(strstr(http_stream_header(endless, "Content-Type"), "event-stream"));
    assert_status(http_read(endless, &data, &len, 0, &err), TROUPE_OK);
    assert_memory_equal(data, "data: {", 7);
    assert_status(http_open(net->client, &request, &whole, &err), TROUPE_OK);
    assert_status(read_all(whole, &body, &err), TROUPE_END);
    assert_non_null(strstr(buf_text(&body), "[DONE]"));
    assert_status(http_read(whole, &data, &len, 0, &err), TROUPE_END);
    return TROUPE_OK;
}

static void a_stream_is_read_while_it_comes(void **state)
{
    (void)state;
    net_run(NULL, "[{\"times\":1,\"fault\":\"hang_mid_stream\"},{\"delay_ms\":5}]", streamed_body);
}

static troupe_status error_answer(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/v1/chat/completions");
    struct http_request request = chat_request(url);
    struct http_response response = {0};

    assert_status(http_fetch(net->client, &request, &response, NULL), TROUPE_OK);
    assert_int_equal(response.status, 429);
    assert_string_equal(http_response_header(&response, "Retry-After"), "7");
    assert_non_null(strstr(response.body.data, "rate_limit_exceeded"));
    http_response_clear(&response);
    return TROUPE_OK;
}

static void an_http_error_is_an_answer_with_its_headers(void **state)
{
    (void)state;
    net_run(NULL, "[{\"fault\":\"status\",\"status\":429,\"retry_after\":\"7\"}]", error_answer);
}

static troupe_status packed_body(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/v1/chat/completions");
    struct http_request request = chat_request(url);
    struct http_response response = {0};

    request.gzip = true;
    assert_status(http_fetch(net->client, &request, &response, NULL), TROUPE_OK);
    assert_string_equal(http_response_header(&response, "Content-Encoding"), "gzip");
    assert_non_null(strstr(response.body.data, "[DONE]"));
    http_response_clear(&response);
    return TROUPE_OK;
}

static void a_packed_answer_is_unpacked(void **state)
{
    (void)state;
    net_run(NULL, "[{\"fault\":\"gzip\"}]", packed_body);
}

/* ---- bounds -------------------------------------------------------------------------------- */

static troupe_status slow_reader(void *arg)
{
    enum { ALL = 10000000 };
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/_bytes/10000000");
    struct http_request request = net_get(url);
    _cleanup_http_ struct http_stream *stream = NULL;
    struct http_client_stats stats = {0};
    struct error err = {0};
    size_t seen = 0, len;
    troupe_status status;
    const char *data;

    assert_status(http_open(net->client, &request, &stream, &err), TROUPE_OK);
    while (stats.paused == 0) { /* nobody reads, so the thread has to stop the sender */
        assert_status(co_sleep(2), TROUPE_OK);
        http_client_stats(net->client, &stats);
    }
    while ((status = http_read(stream, &data, &len, 0, &err)) == TROUPE_OK) {
        for (size_t i = 0; i < len; i++, seen++) {
            if (data[i] != (char)('0' + seen % 10))
                fail_msg("byte %zu is wrong", seen);
        }
        co_pass();
    }
    assert_status(status, TROUPE_END);
    assert_int_equal(seen, ALL);
    http_client_stats(net->client, &stats);
    assert_true(stats.buffered_peak <= HTTP_BUFFERED_MAX);
    return TROUPE_OK;
}

static void a_slow_reader_holds_the_sender_back(void **state)
{
    (void)state;
    net_run(NULL, NULL, slow_reader);
}

/* A reader that gives up while the transfer is paused. */
static troupe_status paused_then_closed(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/_bytes/10000000");
    struct http_request request = net_get(url);
    struct http_client_stats stats = {0};
    struct http_stream *stream = NULL;

    assert_status(http_open(net->client, &request, &stream, NULL), TROUPE_OK);
    while (stats.paused == 0) {
        assert_status(co_sleep(2), TROUPE_OK);
        http_client_stats(net->client, &stats);
    }
    http_close(stream);
    net_wait_idle(net);
    return TROUPE_OK;
}

static void closing_a_paused_stream_ends_its_transfer(void **state)
{
    (void)state;
    net_run(NULL, NULL, paused_then_closed);
}

static troupe_status too_large(void *arg)
{
    static const char *const paths[] = {"/_bytes/100001", "/_gzip/50000000",
                                        "/v1/chat/completions"};
    struct net *net = arg;

    for (size_t i = 0; i < 3; i++) {
        _cleanup_mem_ char *url = net_url(net, paths[i]);
        struct http_request request = i == 2 ? chat_request(url) : net_get(url);
        struct http_response response = {0};
        struct error err = {0};

        request.max_body = 100000;
        request.gzip = i == 1;
        assert_status(http_fetch(net->client, &request, &response, &err), TROUPE_LIMIT);
        assert_non_null(strstr(err.text, "100000"));
    }
    return TROUPE_OK;
}

static void a_body_above_its_bound_is_refused_announced_packed_or_endless(void **state)
{
    (void)state;
    net_run(NULL, "[{\"fault\":\"huge_body\"}]", too_large);
}

static troupe_status just_fits(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/_bytes/100000");
    struct http_request request = net_get(url);
    struct http_response response = {0};

    request.max_body = 100000;
    assert_status(http_fetch(net->client, &request, &response, NULL), TROUPE_OK);
    assert_int_equal(response.body.len, 100000);
    http_response_clear(&response);
    return TROUPE_OK;
}

static void a_body_of_exactly_the_bound_is_taken(void **state)
{
    (void)state;
    net_run(NULL, NULL, just_fits);
}

static troupe_status head_only(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/_bytes/100000");
    struct http_request request = net_get(url);
    struct http_response response = {0};

    request.method = "HEAD";
    request.max_body = 10; /* the length that HEAD tells of is no body */
    assert_status(http_fetch(net->client, &request, &response, NULL), TROUPE_OK);
    assert_string_equal(http_response_header(&response, "Content-Length"), "100000");
    assert_int_equal(response.body.len, 0);
    http_response_clear(&response);
    assert_int_equal(net_stat(net, "connections"), 1);
    return TROUPE_OK;
}

static void head_brings_headers_and_no_body(void **state)
{
    (void)state;
    net_run(NULL, NULL, head_only);
}

static troupe_status too_many(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/v1/chat/completions");
    struct http_request request = chat_request(url);
    struct http_stream *streams[2], *third = NULL;
    struct error err = {0};

    for (int i = 0; i < 2; i++)
        assert_status(http_open(net->client, &request, &streams[i], NULL), TROUPE_OK);
    assert_status(http_open(net->client, &request, &third, &err), TROUPE_BUSY);
    assert_null(third);
    http_close(streams[0]);
    assert_status(http_open(net->client, &request, &third, &err), TROUPE_OK);
    http_close(third);
    http_close(streams[1]);
    return TROUPE_OK;
}

static void requests_above_max_transfers_are_refused(void **state)
{
    const struct http_client_options options = {.max_transfers = 2};

    (void)state;
    net_run(&options, "[{\"fault\":\"hang_mid_stream\"}]", too_many);
}

/* ---- connections --------------------------------------------------------------------------- */

static troupe_status reuse(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/v1/models");
    struct http_client_stats stats;

    for (int i = 0; i < 20; i++) {
        struct http_request request = net_get(url);
        struct http_response response = {0};

        assert_status(http_fetch(net->client, &request, &response, NULL), TROUPE_OK);
        http_response_clear(&response);
    }
    http_client_stats(net->client, &stats);
    assert_int_equal(stats.requests, 20);
    assert_int_equal(stats.connections, 1);
    assert_int_equal(net_stat(net, "connections"), 1);
    return TROUPE_OK;
}

static void requests_one_after_another_share_a_connection(void **state)
{
    (void)state;
    net_run(NULL, NULL, reuse);
}

enum { MANY = 100 };

struct crowd {
    struct net *net;
    int open, good;
};

static troupe_status one_of_many(void *arg)
{
    struct crowd *crowd = arg;
    _cleanup_mem_ char *url = net_url(crowd->net, "/v1/chat/completions");
    struct http_request request = chat_request(url);
    _cleanup_http_ struct http_stream *stream = NULL;
    _cleanup_buf_ struct buf body = BUF_INIT;

    assert_status(http_open(crowd->net->client, &request, &stream, NULL), TROUPE_OK);
    crowd->open++;
    while (crowd->open < MANY) /* all are open before the first one reads on */
        assert_status(co_sleep(2), TROUPE_OK);
    assert_status(read_all(stream, &body, NULL), TROUPE_END);
    assert_non_null(strstr(buf_text(&body), "[DONE]"));
    crowd->good++;
    return TROUPE_OK;
}

static troupe_status many_streams(void *arg)
{
    struct crowd crowd = {.net = arg};
    SCOPE(scope, 0);

    for (int i = 0; i < MANY; i++)
        assert_status(co_spawn(&scope, NULL, one_of_many, &crowd), TROUPE_OK);
    assert_status(scope_close(&scope), TROUPE_OK);
    assert_int_equal(crowd.good, MANY);
    return TROUPE_OK;
}

static troupe_status many_streams_again(void *arg)
{
    struct net *net = arg;

    for (int i = 0; i < 3; i++)
        assert_status(many_streams(net), TROUPE_OK);
    assert_int_equal(net_stat(net, "connections"), MANY);
    return TROUPE_OK;
}

static void a_hundred_streams_run_at_once_and_their_connections_are_used_again(void **state)
{
    (void)state;
    net_run(NULL, "[{\"delay_ms\": 5, \"answer_repeat\": 4}]", many_streams_again);
}

/* ---- cancellation -------------------------------------------------------------------------- */

static bool words_arrived;

static troupe_status read_until_cancelled(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/v1/chat/completions");
    struct http_request request = chat_request(url);
    _cleanup_http_ struct http_stream *stream = NULL;
    _cleanup_buf_ struct buf body = BUF_INIT;
    struct error err = {0};
    const char *data;
    size_t len;

    assert_status(http_open(net->client, &request, &stream, &err), TROUPE_OK);
    assert_status(http_read(stream, &data, &len, 0, &err), TROUPE_OK);
    words_arrived = true;
    assert_status(read_all(stream, &body, &err), TROUPE_CANCELED);
    return TROUPE_CANCELED;
}

static troupe_status open_until_cancelled(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/v1/models");
    struct http_request request = net_get(url);
    struct http_stream *stream = NULL;
    struct error err = {0};

    assert_status(http_open(net->client, &request, &stream, &err), TROUPE_CANCELED);
    assert_null(stream);
    return TROUPE_CANCELED;
}

/* Cancels `fn` once its request hangs in the fake; the connection must then be gone there, too. */
static void cancel_when_it_hangs(struct net *net, co_fn fn, int64_t hanging)
{
    uint64_t until = co_after(NET_PATIENCE_MS);
    int64_t aborted = net_stat(net, "aborted");
    struct scope scope;

    scope_open(&scope, 0);
    assert_status(co_spawn(&scope, NULL, fn, net), TROUPE_OK);
    while ((net_stat(net, "faults") < hanging || !words_arrived) && loop_now(net->loop) < until)
        co_sleep(5);
    scope_cancel(&scope, TROUPE_CANCELED);
    assert_status(scope_close(&scope), TROUPE_CANCELED);
    net_wait_idle(net);
    while (net_stat(net, "aborted") == aborted && loop_now(net->loop) < until)
        co_sleep(5);
    assert_int_equal(net_stat(net, "aborted"), aborted + 1);
}

static troupe_status cancel_both(void *arg)
{
    cancel_when_it_hangs(arg, read_until_cancelled, 1);
    cancel_when_it_hangs(arg, open_until_cancelled, 2);
    return TROUPE_OK;
}

static void cancelling_the_coroutine_aborts_the_transfer(void **state)
{
    (void)state;
    net_run(NULL,
            "[{\"fault\":\"hang_mid_stream\"},"
            " {\"endpoint\":\"models\",\"fault\":\"hang_before_headers\"}]",
            cancel_both);
}

static troupe_status read_with_own_deadline(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/v1/chat/completions");
    struct http_request request = chat_request(url);
    _cleanup_http_ struct http_stream *stream = NULL;
    _cleanup_buf_ struct buf body = BUF_INIT;
    unsigned waits = 0;
    troupe_status status;
    const char *data;
    size_t len;

    assert_status(http_open(net->client, &request, &stream, NULL), TROUPE_OK);
    while ((status = http_read(stream, &data, &len, co_after(20), NULL)) != TROUPE_END) {
        if (status == TROUPE_DEADLINE)
            waits++;
        else
            buf_append(&body, data, len);
    }
    assert_true(waits > 0);
    assert_non_null(strstr(buf_text(&body), "[DONE]"));
    return TROUPE_OK;
}

static void reading_goes_on_after_a_deadline_of_the_reader(void **state)
{
    (void)state;
    net_run(NULL, "[{\"delay_ms\": 100}]", read_with_own_deadline);
}

/* Opens one and reads its first words, after which it gathers for a second. */
static struct http_stream *open_gathering(struct net *net, const char *path, bool chat)
{
    _cleanup_mem_ char *url = net_url(net, path);
    struct http_request request = chat ? chat_request(url) : net_get(url);
    struct http_stream *stream = NULL;
    const char *data;
    size_t len;

    assert_status(http_open(net->client, &request, &stream, NULL), TROUPE_OK);
    assert_status(http_read(stream, &data, &len, 0, NULL), TROUPE_OK);
    http_stream_gather(stream, HTTP_GATHER_MS_MAX);
    return stream;
}

static troupe_status gather_to_the_end(void *arg)
{
    struct net *net = arg;
    const uint64_t begun = loop_now(net->loop);
    _cleanup_http_ struct http_stream *stream = open_gathering(net, "/v1/chat/completions", true);
    _cleanup_buf_ struct buf body = BUF_INIT;
    struct http_client_stats stats;
    const char *data;
    size_t len;

    assert_status(http_read(stream, &data, &len, 0, NULL), TROUPE_OK);
    http_client_stats(net->client, &stats);
    /* Nothing was told before the end was, unless the answer took a second, as on a machine that is slow. */
    if (loop_now(net->loop) - begun < HTTP_GATHER_MS_MAX)
        assert_int_equal(stats.active, 0);
    buf_append(&body, data, len);
    assert_status(read_all(stream, &body, NULL), TROUPE_END);
    assert_non_null(strstr(buf_text(&body), "[DONE]"));
    return TROUPE_OK;
}

static void pieces_that_are_gathered_are_told_with_the_end(void **state)
{
    (void)state;
    net_run(NULL, "[{\"delay_ms\": 5, \"answer_repeat\": 2}]", gather_to_the_end);
}

static troupe_status gather_much(void *arg)
{
    struct net *net = arg;
    _cleanup_http_ struct http_stream *stream = open_gathering(net, "/_bytes/12000000", false);
    uint64_t begun = loop_now(net->loop);
    _cleanup_buf_ struct buf body = BUF_INIT;

    assert_status(read_all(stream, &body, NULL), TROUPE_END);
    /* Half of what may wait is told each time: a second for each of these would be a minute and a half. */
    assert_true(loop_now(net->loop) - begun < NET_PATIENCE_MS);
    return TROUPE_OK;
}

static void what_is_much_is_told_while_pieces_are_gathered(void **state)
{
    (void)state;
    net_run(NULL, NULL, gather_much);
}

static troupe_status gather_with_own_deadline(void *arg)
{
    struct net *net = arg;
    _cleanup_http_ struct http_stream *stream = open_gathering(net, "/v1/chat/completions", true);
    const char *data;
    size_t len;

    while (net_stat(net, "faults") < 1) /* all has come that ever does */
        co_sleep(5);
    (void)http_read(stream, &data, &len, co_after(20), NULL);
    assert_status(http_read(stream, &data, &len, co_after(20), NULL), TROUPE_DEADLINE);
    return TROUPE_OK;
}

static void a_reader_that_gathers_has_its_deadline(void **state)
{
    (void)state;
    net_run(NULL, "[{\"fault\":\"hang_mid_stream\"}]", gather_with_own_deadline);
}

/* A client that is freed with streams just closed and news under way leaks nothing (ASan). */
static troupe_status leave_at_once(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/_bytes/3000000");
    struct http_request request = net_get(url);

    for (int i = 0; i < 8; i++) {
        struct http_stream *stream = NULL;

        assert_status(http_open(net->client, &request, &stream, NULL), TROUPE_OK);
        http_close(stream);
    }
    return TROUPE_OK;
}

static void late_news_of_closed_streams_are_dropped(void **state)
{
    (void)state;
    net_run(NULL, NULL, leave_at_once);
}

static int init(void **state)
{
    (void)state;
    return http_global_init(NULL);
}

/* ---- gathering ------------------------------------------------------------------------------- */

enum { TELLING = 4, LONG = 40 }; /* streams, and how often each says what it has to say */

struct telling {
    struct net *net;
    size_t silent;      /* streams that stay open beside those that tell */
    uint32_t gather_ms; /* of the readers */
    size_t reads, events;
    uint64_t gathered, batches, waited;
};

static size_t count_events(const struct buf *body)
{
    const char *at = buf_text(body), *end = at + body->len;
    size_t count = 0;

    while ((at = memmem(at, (size_t)(end - at), "data:", 5))) {
        count++;
        at += 5;
    }
    return count;
}

static troupe_status read_telling(void *arg)
{
    struct telling *telling = arg;
    _cleanup_mem_ char *url = net_url(telling->net, "/v1/chat/completions");
    struct http_request request = chat_request(url);
    _cleanup_http_ struct http_stream *stream = NULL;
    _cleanup_buf_ struct buf body = BUF_INIT;
    struct error err = {0};
    troupe_status status;
    const char *data;
    size_t len;

    assert_status(http_open(telling->net->client, &request, &stream, &err), TROUPE_OK);
    while ((status = http_read(stream, &data, &len, 0, &err)) == TROUPE_OK) {
        if (telling->gather_ms && body.len == 0)
            http_stream_gather(stream, telling->gather_ms);
        telling->reads++;
        buf_append(&body, data, len);
    }
    assert_status(status, TROUPE_END);
    assert_non_null(strstr(buf_text(&body), "[DONE]"));
    telling->events += count_events(&body);
    return TROUPE_OK;
}

static troupe_status read_beside_silent_ones(void *arg)
{
    struct telling *telling = arg;
    _cleanup_mem_ char *url = net_url(telling->net, "/v1/chat/completions");
    struct http_request request = chat_request(url);
    struct http_stream *silent[HTTP_GATHER_FROM];
    struct http_client_stats before, after;
    struct scope scope;

    for (size_t i = 0; i < telling->silent; i++)
        assert_status(http_open(telling->net->client, &request, &silent[i], NULL), TROUPE_OK);
    http_client_stats(telling->net->client, &before);
    scope_open(&scope, 0);
    for (size_t i = 0; i < TELLING; i++)
        assert_status(co_spawn(&scope, NULL, read_telling, telling), TROUPE_OK);
    assert_status(scope_close(&scope), TROUPE_OK);
    http_client_stats(telling->net->client, &after);
    telling->gathered = after.gathered;
    telling->batches = after.batches - before.batches;
    telling->waited = after.waited;
    for (size_t i = 0; i < telling->silent; i++)
        http_close(silent[i]);
    return TROUPE_OK;
}

/* What comes is taken for the longest time allowed, so that it does not matter how fast the server tells. */
static struct telling gathered(size_t silent, uint32_t gather_us, uint32_t gather_ms)
{
    const struct http_client_options options = {.gather_us = gather_us};
    _cleanup_mem_ char *script = mem_printf(
        "[{\"times\":%zu,\"fault\":\"hang_mid_stream\"},{\"delay_ms\":1,\"answer\":\"so it "
        "is \",\"answer_repeat\":%d}]",
        silent, LONG);
    struct telling telling = {.silent = silent, .gather_ms = gather_ms};
    struct net net = {0};
    struct error err = {0};

    telling.net = &net;
    fake_llm_start(&net.fake, script);
    net.loop = fixture_new(NULL);
    if (http_client_new(net.loop, &options, &net.client, &err) != TROUPE_OK)
        fail_msg("http_client_new: %s", err.text);
    assert_status(fixture_run(net.loop, read_beside_silent_ones, &telling), TROUPE_OK);
    http_client_free(net.client);
    fixture_free(net.loop);
    fake_llm_stop(&net.fake);
    return telling;
}

static void pieces_of_many_streams_are_handed_on_together(void **state)
{
    const struct telling telling = gathered(HTTP_GATHER_FROM, HTTP_GATHER_MAX_US, 0);

    (void)state;
    assert_true(telling.events >= (size_t)TELLING * LONG * 3);
    assert_true(telling.gathered > 0);
    /* Some of one stream come as one, and what comes of several in one batch. */
    assert_true(telling.reads * 2 < telling.events);
    assert_true(telling.batches < telling.reads);
}

static void pieces_of_few_streams_are_handed_on_at_once(void **state)
{
    const struct telling telling = gathered(HTTP_GATHER_FROM - 1 - TELLING, HTTP_GATHER_MAX_US, 0);

    (void)state;
    assert_true(telling.events >= (size_t)TELLING * LONG * 3);
    assert_int_equal(telling.gathered, 0);
}

static void small_pieces_of_many_streams_wait_in_the_socket_and_come_whole(void **state)
{
    const struct telling telling = gathered(HTTP_GATHER_FROM, 1, HTTP_GATHER_MS_MAX);

    (void)state;
    assert_int_equal(telling.events % TELLING, 0);
    assert_true(telling.events >= (size_t)TELLING * LONG * 3);
    assert_true(telling.waited > 0);
}

static void pieces_of_few_streams_or_for_a_hasty_reader_do_not_wait(void **state)
{
    const struct telling few = gathered(HTTP_GATHER_FROM - 1 - TELLING, 1, HTTP_GATHER_MS_MAX);
    const struct telling hasty = gathered(HTTP_GATHER_FROM, 1, 1);

    (void)state;
    assert_int_equal(few.waited, 0);
    assert_int_equal(hasty.waited, 0);
}

static int cleanup(void **state)
{
    (void)state;
    http_global_cleanup();
    return 0;
}

static bool is_woken(const struct http_poll *poll_of)
{
    struct pollfd fd = {.fd = poll_of->event, .events = POLLIN};

    return poll(&fd, 1, 0) == 1;
}

static void a_wake_behind_the_wait_is_left_for_the_next_one(void **state)
{
    static struct http_poll waits;
    struct error err;

    (void)state;
    assert_int_equal(http_poll_open(&waits, 1, &err), TROUPE_OK);
    http_poll_wake(&waits);
    http_poll_wait(&waits, 60000); /* at once */
    assert_false(is_woken(&waits));
    http_poll_wake(&waits); /* while the thread looks at what it was woken for */
    http_poll_run(&waits);
    assert_true(is_woken(&waits));
    http_poll_wait(&waits, 60000);
    assert_false(is_woken(&waits));
    http_poll_close(&waits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_exchange_carries_method_headers_and_body),
        cmocka_unit_test(a_stream_is_read_while_it_comes),
        cmocka_unit_test(an_http_error_is_an_answer_with_its_headers),
        cmocka_unit_test(a_packed_answer_is_unpacked),
        cmocka_unit_test(a_slow_reader_holds_the_sender_back),
        cmocka_unit_test(closing_a_paused_stream_ends_its_transfer),
        cmocka_unit_test(a_body_above_its_bound_is_refused_announced_packed_or_endless),
        cmocka_unit_test(a_body_of_exactly_the_bound_is_taken),
        cmocka_unit_test(head_brings_headers_and_no_body),
        cmocka_unit_test(requests_above_max_transfers_are_refused),
        cmocka_unit_test(requests_one_after_another_share_a_connection),
        cmocka_unit_test(a_hundred_streams_run_at_once_and_their_connections_are_used_again),
        cmocka_unit_test(cancelling_the_coroutine_aborts_the_transfer),
        cmocka_unit_test(reading_goes_on_after_a_deadline_of_the_reader),
        cmocka_unit_test(pieces_that_are_gathered_are_told_with_the_end),
        cmocka_unit_test(what_is_much_is_told_while_pieces_are_gathered),
        cmocka_unit_test(a_reader_that_gathers_has_its_deadline),
        cmocka_unit_test(late_news_of_closed_streams_are_dropped),
        cmocka_unit_test(a_wake_behind_the_wait_is_left_for_the_next_one),
        cmocka_unit_test(pieces_of_many_streams_are_handed_on_together),
        cmocka_unit_test(pieces_of_few_streams_are_handed_on_at_once),
        cmocka_unit_test(small_pieces_of_many_streams_wait_in_the_socket_and_come_whole),
        cmocka_unit_test(pieces_of_few_streams_or_for_a_hasty_reader_do_not_wait),
    };

    return cmocka_run_group_tests_name("net/http", tests, init, cleanup);
}
