/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against a server on a thread, by plain TCP and by TLS. A test is a coroutine that
 * connects and then waits for what its client gathers.
 */
#include "../loop/loop_fixture.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "net/http.h"
#include "net/ws.h"
#include "ws_server.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 60000 /* no assertion depends on it */
#define LARGE       ((size_t)8 * 1024 * 1024)

static char certificate[] = "/tmp/troupe-ws-XXXXXX";

struct test {
    struct ws_server server;
    struct loop *loop;
    const char *ca_file;
    size_t max_message;
    uint64_t within_ms; /* of connecting; 0: the default */
    void (*on_message)(struct test *test, const char *text, size_t len);
    troupe_status (*body)(struct test *test);

    troupe_status connected;
    struct error err;
    struct ws *ws;
    struct buf log; /* of messages, each with a semicolon */
    size_t messages, bytes, drained;
    bool closed, stop;
    int code;
    char reason[128];
    size_t passes;
};

static void on_message(void *arg, bool binary, char *data, size_t len)
{
    struct test *test = arg;

    assert_false(test->closed);
    assert_int_equal(data[len], '\0');
    test->messages++;
    test->bytes += len;
    if (len < 1000)
        buf_printf(&test->log, "%s%s;", binary ? "binary " : "", data);
    if (test->on_message)
        test->on_message(test, data, len);
}

static void on_drained(void *arg)
{
    struct test *test = arg;

    assert_false(test->closed);
    test->drained++;
}

static void on_closed(void *arg, int code, const char *reason)
{
    struct test *test = arg;

    assert_false(test->closed);
    test->closed = true;
    test->code = code;
    snprintf(test->reason, sizeof(test->reason), "%s", reason);
}

static troupe_status body(void *arg)
{
    static const struct ws_handler handler = {on_message, on_drained, on_closed};
    struct test *test = arg;
    const struct ws_options options = {
        .url = test->server.url,
        .ca_file = test->ca_file,
        .deadline = test->within_ms ? co_after(test->within_ms) : 0,
        .max_message = test->max_message,
    };

    test->connected = ws_connect(test->loop, &options, &handler, test, &test->ws, &test->err);
    assert_int_equal(test->messages, 0); /* nothing is handed out inside */
    if (test->connected == TROUPE_OK && test->body)
        assert_status(test->body(test), TROUPE_OK);
    ws_free(test->ws);
    return TROUPE_OK;
}

static void run(struct test *test)
{
    ws_server_start(&test->server, certificate);
    test->loop = fixture_new(NULL);
    assert_status(fixture_run(test->loop, body, test), TROUPE_OK);
    fixture_free(test->loop);
    ws_server_stop(&test->server);
}

static void clear(struct test *test)
{
    buf_clear(&test->log);
}

/* Waits until `done` is true; the loop turns meanwhile. */
#define WAIT(done)                                                                                 \
    do {                                                                                           \
        uint64_t until_ = co_after(PATIENCE_MS);                                                   \
        while (!(done)) {                                                                          \
            if (loop_now(test->loop) > until_)                                                     \
                fail_msg("this never came: %s", #done);                                            \
            co_sleep(1);                                                                           \
        }                                                                                          \
    } while (0)

static troupe_status until_closed(struct test *test)
{
    WAIT(test->closed);
    return TROUPE_OK;
}

/* Each by plain TCP and by TLS. */
static struct test both(unsigned i, void (*script)(struct ws_server *server),
                        troupe_status (*test_body)(struct test *test))
{
    return (struct test){.server = {.tls = i == 1, .script = script},
                         .ca_file = i == 1 ? certificate : NULL,
                         .body = test_body};
}
#define FOR_BOTH(i) for (unsigned i = 0; i < 2; i++)

/* ---- talk ---------------------------------------------------------------------------------- */

static void echo(struct ws_server *server)
{
    char text[256];
    size_t len;

    while (ws_server_expect(server, text, sizeof(text), &len) == 1 && strcmp(text, "bye") != 0)
        ws_server_text(server, text);
    ws_server_frame(server, 0x88, "\x03\xe8gone", 6);
    if (ws_server_expect(server, text, sizeof(text), &len) == 8)
        snprintf(server->noted, sizeof(server->noted), "close %d, %zu bytes",
                 (unsigned char)text[0] << 8 | (unsigned char)text[1], len);
}

static troupe_status talk(struct test *test)
{
    assert_status(ws_send(test->ws, "one", 3), TROUPE_OK);
    WAIT(test->messages == 1);
    assert_status(ws_send(test->ws, "two", 3), TROUPE_OK);
    assert_status(ws_send(test->ws, "three", 5), TROUPE_OK);
    WAIT(test->messages == 3);
    assert_status(ws_send(test->ws, "bye", 3), TROUPE_OK);
    WAIT(test->closed);
    assert_status(ws_send(test->ws, "late", 4), TROUPE_CANCELED);
    ws_close(test->ws, 1000, NULL, 10); /* nothing is left to close */
    return TROUPE_OK;
}

static void both_sides_talk_and_close(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, echo, talk);

        setenv("http_proxy", "http://127.0.0.1:1", 1); /* is not for us */
        setenv("https_proxy", "http://127.0.0.1:1", 1);
        run(&test);
        unsetenv("http_proxy");
        unsetenv("https_proxy");
        assert_status(test.connected, TROUPE_OK);
        assert_string_equal(buf_text(&test.log), "one;two;three;");
        assert_true(test.drained >= 2);
        assert_int_equal(test.code, 1000);
        assert_string_equal(test.reason, "gone");
        assert_string_equal(test.server.noted, "close 1000, 2 bytes");
        assert_memory_equal(test.server.request, "GET /?v=10 HTTP/1.1\r\nHost: localhost:", 37);
        assert_non_null(strstr(test.server.request, "\r\nUser-Agent: troupe/"));
        clear(&test);
    }
}

static void what_came_with_the_handshake_is_not_lost(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, NULL, until_closed);

        test.server.early = "\x81\x05hello\x01\x02wo\x80\x03rld\x88\x00";
        test.server.early_len = 7 + 4 + 5 + 2;
        run(&test);
        assert_string_equal(buf_text(&test.log), "hello;world;");
        assert_int_equal(test.code, WS_NO_CODE);
        clear(&test);
    }
}

static void ping(struct ws_server *server)
{
    char text[256];

    ws_server_frame(server, 0x89, "are you there", 13);
    if (ws_server_expect(server, text, sizeof(text), NULL) == 10)
        snprintf(server->noted, sizeof(server->noted), "%s", text);
    ws_server_frame(server, 0x8a, "unasked", 7);
    ws_server_frame(server, 0x88, "", 0);
}

static void a_ping_is_answered(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, ping, until_closed);

        run(&test);
        assert_string_equal(test.server.noted, "are you there");
        assert_int_equal(test.messages, 0);
        clear(&test);
    }
}

/* ---- no connection ------------------------------------------------------------------------- */

static void expect_failure(struct test *test, troupe_status want, const char *text)
{
    run(test);
    assert_status(test->connected, want);
    assert_null(test->ws);
    if (!strstr(test->err.text, text))
        fail_msg("it says: %s", test->err.text);
    clear(test);
}

static void a_refused_upgrade_says_the_http_status(void **state)
{
    struct test test = {.server = {.answer = WS_ANSWER_REFUSE}};

    (void)state;
    expect_failure(&test, TROUPE_DATA, "403");
}

static void a_wrong_accept_is_refused(void **state)
{
    struct test test = {.server = {.answer = WS_ANSWER_WRONG_ACCEPT}};

    (void)state;
    expect_failure(&test, TROUPE_DATA, "Sec-WebSocket-Accept");
}

static void endless_headers_are_refused(void **state)
{
    struct test test = {.server = {.answer = WS_ANSWER_ENDLESS}};

    (void)state;
    expect_failure(&test, TROUPE_DATA, "above");
}

static void a_server_that_hangs_up_is_unavailable(void **state)
{
    struct test test = {.server = {.answer = WS_ANSWER_HANG_UP}};

    (void)state;
    expect_failure(&test, TROUPE_UNAVAILABLE, "closed");
}

static void a_slow_handshake_ends_at_the_deadline(void **state)
{
    static const enum ws_answer answers[] = {WS_ANSWER_NOTHING, WS_ANSWER_DRIP};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct test test = {.server = {.answer = answers[i]}, .within_ms = 200};

        /* It tells what was left when it began, which a busy machine makes less than that. */
        expect_failure(&test, TROUPE_DEADLINE, "was not connected within");
    }
}

static void nobody_there_is_unavailable(void **state)
{
    struct test test = {.server = {.answer = WS_ANSWER_REFUSE}};

    (void)state;
    ws_server_start(&test.server, NULL);
    ws_server_stop(&test.server);
    test.loop = fixture_new(NULL);
    assert_status(fixture_run(test.loop, body, &test), TROUPE_OK);
    fixture_free(test.loop);
    assert_status(test.connected, TROUPE_UNAVAILABLE);
}

static void an_unknown_certificate_is_refused(void **state)
{
    struct test test = {.server = {.tls = true}};

    (void)state;
    expect_failure(&test, TROUPE_FAILED, "certificate");
}

static void a_url_that_is_no_websockets_is_refused(void **state)
{
    static const char *const urls[] = {"http://localhost/",       "localhost", "", "ws://",
                                       "ws://user:pw@localhost/", "ws://a b/"};

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct test test = {0};

        snprintf(test.server.url, sizeof(test.server.url), "%s", urls[i]);
        test.loop = fixture_new(NULL);
        assert_status(fixture_run(test.loop, body, &test), TROUPE_OK);
        fixture_free(test.loop);
        assert_status(test.connected, TROUPE_ARGUMENT);
    }
}

static troupe_status connect_below(void *arg)
{
    (void)body(arg);
    return TROUPE_OK;
}

/* Ends the scope while its coroutine waits for a server that never answers. */
static troupe_status cancel_it(void *arg)
{
    const struct co_owner owner = {"test", 1};
    struct test *test = arg;
    struct scope scope;

    scope_open(&scope, 0);
    assert_status(co_spawn(&scope, &owner, connect_below, test), TROUPE_OK);
    co_sleep(20);
    scope_cancel(&scope, TROUPE_CANCELED);
    scope_close(&scope);
    return TROUPE_OK;
}

static void a_cancelled_connect_takes_its_thread_along(void **state)
{
    struct test test = {.server = {.answer = WS_ANSWER_NOTHING}};

    (void)state;
    ws_server_start(&test.server, NULL);
    test.loop = fixture_new(NULL);
    assert_status(fixture_run(test.loop, cancel_it, &test), TROUPE_OK);
    fixture_free(test.loop);
    ws_server_stop(&test.server);
    assert_status(test.connected, TROUPE_CANCELED);
}

/* ---- ends ---------------------------------------------------------------------------------- */

static void reset(struct ws_server *server)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};

    char text[16];

    /* A reset drops what was not read yet, so the client speaks once it is connected. */
    (void)ws_server_expect(server, text, sizeof(text), NULL);
    setsockopt(server->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    close(server->fd);
    server->fd = -1;
}

static troupe_status speak(struct test *test)
{
    assert_status(ws_send(test->ws, "here", 4), TROUPE_OK);
    return until_closed(test);
}

static void a_reset_is_a_lost_connection(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, reset, speak);

        run(&test);
        assert_int_equal(test.code, WS_LOST);
        assert_string_not_equal(test.reason, "");
        clear(&test);
    }
}

static void speak_and_reset(struct ws_server *server)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    char text[16];

    (void)ws_server_expect(server, text, sizeof(text), NULL);
    for (int i = 0; i < 100; i++)
        ws_server_text(server, "before");
    setsockopt(server->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    close(server->fd);
    server->fd = -1;
}

/* libuv does not poll any more once it saw the reset, whatever is still to be read. */
static void a_reset_behind_messages_is_not_missed(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, speak_and_reset, speak);

        run(&test);
        assert_int_equal(test.code, WS_LOST);
        clear(&test);
    }
}

static void hang_up(struct ws_server *server)
{
    ws_server_text(server, "before");
}

static void an_end_without_a_word_is_a_lost_connection(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, hang_up, until_closed);

        run(&test);
        assert_string_equal(buf_text(&test.log), "before;");
        assert_int_equal(test.code, WS_LOST);
        clear(&test);
    }
}

static void note_close(struct ws_server *server)
{
    char text[256];

    if (ws_server_expect(server, text, sizeof(text), NULL) == 8)
        snprintf(server->noted, sizeof(server->noted), "close %d %s",
                 (unsigned char)text[0] << 8 | (unsigned char)text[1], text + 2);
}

static void break_protocol(struct ws_server *server)
{
    ws_server_text(server, "good");
    ws_server_frame(server, 0x83, "", 0);
    note_close(server);
}

static void send_bad_text(struct ws_server *server)
{
    ws_server_text(server, "good");
    ws_server_text(server, "\xff");
    note_close(server);
}

static void send_large(struct ws_server *server)
{
    char *data = mem_zero(1, LARGE);

    ws_server_text(server, "good");
    ws_server_frame(server, 0x82, data, LARGE);
    mem_free(data);
    note_close(server);
}

static void a_broken_protocol_is_closed_with_its_code(void **state)
{
    static const struct {
        void (*script)(struct ws_server *server);
        const char *noted;
    } cases[] = {
        {break_protocol, "close 1002 an opcode is unknown"},
        {send_bad_text, "close 1007 a text is not UTF-8"},
    };

    (void)state;
    for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        FOR_BOTH(i)
        {
            struct test test = both(i, cases[n].script, until_closed);

            run(&test);
            assert_string_equal(test.server.noted, cases[n].noted);
            assert_string_equal(buf_text(&test.log), "good;");
            assert_int_equal(test.code, WS_LOST);
            assert_non_null(strstr(test.reason, "broke the protocol"));
            clear(&test);
        }
    }
}

static void a_message_above_the_limit_ends_it(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, send_large, until_closed);

        test.max_message = LARGE - 1;
        run(&test);
        assert_int_equal(test.messages, 1);
        assert_int_equal(test.code, WS_LOST);
        clear(&test);
    }
}

static void send_large_and_close(struct ws_server *server)
{
    send_large(server);
}

static troupe_status receive_large(struct test *test)
{
    WAIT(test->messages == 2);
    ws_close(test->ws, 4000, "enough", PATIENCE_MS);
    return TROUPE_OK;
}

static void a_large_message_comes_whole(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, send_large_and_close, receive_large);

        run(&test);
        assert_int_equal(test.bytes, 4 + LARGE);
        assert_string_equal(test.server.noted, "close 4000 enough");
        clear(&test);
    }
}

/* ---- our close ----------------------------------------------------------------------------- */

static void answer_close_late(struct ws_server *server)
{
    char text[256];

    note_close(server);
    ws_server_text(server, "too late");
    ws_server_frame(server, 0x88, "\x0f\xa9why", 5);
    (void)ws_server_read(server, text, 1);
}

static troupe_status close_it(struct test *test)
{
    ws_close(test->ws, 1000, "", PATIENCE_MS);
    assert_status(ws_send(test->ws, "late", 4), TROUPE_CANCELED);
    WAIT(test->closed);
    return TROUPE_OK;
}

static void our_close_waits_for_theirs(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, answer_close_late, close_it);

        run(&test);
        assert_string_equal(test.server.noted, "close 1000 ");
        assert_int_equal(test.messages, 0);
        assert_int_equal(test.code, 4009);
        assert_string_equal(test.reason, "why");
        clear(&test);
    }
}

static void never_close(struct ws_server *server)
{
    char byte;

    while (ws_server_read(server, &byte, 1))
        ;
}

static troupe_status close_with_patience(struct test *test)
{
    ws_close(test->ws, 1000, "", 20);
    WAIT(test->closed);
    return TROUPE_OK;
}

static void a_close_without_answer_ends_after_its_time(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, never_close, close_with_patience);

        run(&test);
        assert_int_equal(test.code, WS_LOST);
        clear(&test);
    }
}

static troupe_status drop_it(struct test *test)
{
    ws_close(test->ws, 0, NULL, 0);
    assert_false(test->closed); /* not inside */
    WAIT(test->closed);
    return TROUPE_OK;
}

static void code_0_drops_it_without_a_word(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, note_close, drop_it);

        run(&test);
        assert_string_equal(test.server.noted, "");
        assert_int_equal(test.code, WS_LOST);
        clear(&test);
    }
}

static void several(struct ws_server *server)
{
    for (int i = 0; i < 100; i++)
        ws_server_text(server, "again");
    ws_server_frame(server, 0x88, "", 0);
    /* Who ends with frames unread resets the connection, and what it sent is gone. */
    never_close(server);
}

static void free_inside(struct test *test, const char *text, size_t len)
{
    (void)len;
    if (test->messages < 3)
        return;
    ws_free(test->ws);
    test->ws = NULL;
    assert_string_equal(text, "again"); /* lives on until the call returns */
}

static troupe_status wait_a_little(struct test *test)
{
    WAIT(!test->ws);
    co_sleep(5);
    return TROUPE_OK;
}

static void a_handler_may_free_it(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, several, wait_a_little);

        test.on_message = free_inside;
        run(&test);
        assert_int_equal(test.messages, 3);
        assert_false(test.closed);
        clear(&test);
    }
}

static void close_second(struct test *test, const char *text, size_t len)
{
    (void)text;
    (void)len;
    if (test->messages == 2)
        ws_close(test->ws, 4000, "", PATIENCE_MS);
}

static void a_handler_may_close_it(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, several, until_closed);

        test.on_message = close_second;
        run(&test);
        assert_int_equal(test.messages, 2);
        assert_int_equal(test.code, WS_NO_CODE);
        clear(&test);
    }
}

/* ---- much ---------------------------------------------------------------------------------- */

enum { FLOOD = 2000 };

static void flood(struct ws_server *server)
{
    static const char frame[] = "\x81\x04wave";
    const size_t size = sizeof(frame) - 1;
    char *all = mem_alloc(FLOOD * size);

    for (size_t i = 0; i < FLOOD; i++)
        memcpy(all + i * size, frame, size);
    ws_server_write(server, all, FLOOD * size);
    mem_free(all);
    never_close(server);
}

/* Each takes so long that all of them together hold the loop for 0.1 s. */
static void compute(struct test *test, const char *text, size_t len)
{
    uint64_t until = clock_ns() + 50000;

    (void)test;
    (void)text;
    (void)len;
    while (clock_ns() < until)
        ;
}

static troupe_status count_passes(struct test *test)
{
    WAIT(test->messages > 0);
    while (test->messages < FLOOD) {
        test->passes++;
        co_pass();
    }
    WAIT(test->drained > 0);
    return TROUPE_OK;
}

static void a_flood_lets_others_run(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, flood, count_passes);

        test.on_message = compute;
        run(&test);
        assert_int_equal(test.messages, FLOOD);
        /* In slices of 2 ms and at most 16 messages more, of at least 50 us each. */
        assert_true(test.passes >= 10);
        clear(&test);
    }
}

static void read_slowly(struct ws_server *server)
{
    size_t count = 0, size = 8192, len;
    char *text = mem_alloc(size);
    char byte;

    /* The client's first byte says that it is done with filling up. */
    recv(server->fd, &byte, 1, MSG_PEEK);
    poll(NULL, 0, 50);
    while (ws_server_expect(server, text, size, &len) == 1 && len == 4000) {
        for (size_t i = 1; i < len; i++)
            if (text[i] != text[0])
                goto out;
        count++;
    }
    snprintf(server->noted, sizeof(server->noted), "%zu", count);
out:
    mem_free(text);
    ws_server_frame(server, 0x88, "", 0);
}

static troupe_status fill_up(struct test *test)
{
    char text[4000];
    troupe_status status = TROUPE_OK;
    size_t sent = 0;

    while (status == TROUPE_OK) {
        memset(text, 'a' + (int)(sent % 26), sizeof(text));
        status = ws_send(test->ws, text, sizeof(text));
        sent += status == TROUPE_OK;
    }
    assert_status(status, TROUPE_BUSY);
    test->passes = sent;
    WAIT((status = ws_send(test->ws, "end", 3)) != TROUPE_BUSY);
    assert_status(status, TROUPE_OK);
    WAIT(test->closed);
    return TROUPE_OK;
}

static void what_waits_to_be_sent_is_bounded_and_comes_whole(void **state)
{
    (void)state;
    FOR_BOTH(i)
    {
        struct test test = both(i, read_slowly, fill_up);
        char want[32];

        run(&test);
        snprintf(want, sizeof(want), "%zu", test.passes);
        assert_string_equal(test.server.noted, want);
        clear(&test);
    }
}

static int start(void **state)
{
    (void)state;
    close(mkstemp(certificate));
    ws_server_make_certificate(certificate);
    http_global_init(NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    unlink(certificate);
    http_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_talk_and_close),
        cmocka_unit_test(what_came_with_the_handshake_is_not_lost),
        cmocka_unit_test(a_ping_is_answered),
        cmocka_unit_test(a_refused_upgrade_says_the_http_status),
        cmocka_unit_test(a_wrong_accept_is_refused),
        cmocka_unit_test(endless_headers_are_refused),
        cmocka_unit_test(a_server_that_hangs_up_is_unavailable),
        cmocka_unit_test(a_slow_handshake_ends_at_the_deadline),
        cmocka_unit_test(nobody_there_is_unavailable),
        cmocka_unit_test(an_unknown_certificate_is_refused),
        cmocka_unit_test(a_url_that_is_no_websockets_is_refused),
        cmocka_unit_test(a_cancelled_connect_takes_its_thread_along),
        cmocka_unit_test(a_reset_is_a_lost_connection),
        cmocka_unit_test(a_reset_behind_messages_is_not_missed),
        cmocka_unit_test(an_end_without_a_word_is_a_lost_connection),
        cmocka_unit_test(a_broken_protocol_is_closed_with_its_code),
        cmocka_unit_test(a_message_above_the_limit_ends_it),
        cmocka_unit_test(a_large_message_comes_whole),
        cmocka_unit_test(our_close_waits_for_theirs),
        cmocka_unit_test(a_close_without_answer_ends_after_its_time),
        cmocka_unit_test(code_0_drops_it_without_a_word),
        cmocka_unit_test(a_handler_may_free_it),
        cmocka_unit_test(a_handler_may_close_it),
        cmocka_unit_test(a_flood_lets_others_run),
        cmocka_unit_test(what_waits_to_be_sent_is_bounded_and_comes_whole),
    };

    return cmocka_run_group_tests_name("net/ws", tests, start, stop);
}
