/* SPDX-License-Identifier: Apache-2.0
 *
 * A Discord session over real connections, to gateways that follow a script: what the state machine
 * decided leaves the process as it should, and all that waits can be ended.
 */
#include "../loop/loop_fixture.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/inflate.h"
#include "gateway/discord/session.h"
#include "net/http.h"
#include "ws_server.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

#define PATIENCE_MS 60000 /* no assertion depends on it */
#define SERVERS     2

struct test {
    struct ws_server servers[SERVERS]; /* the first is the base URL, the second is resumed at */
    unsigned server_count;
    struct loop *loop;
    struct discord_session_options options;
    troupe_status (*body)(struct test *test);
    bool base_hangs; /* the first time */

    struct discord_session *session;
    struct buf events, phases;
    struct discord_resume stored;
    unsigned bases, identifies, drained;
    int fatal_code;
};

/* For the scripts, which know their server only: where the session is to be resumed. */
static char resume_url[64];

/* ---- the handler ----------------------------------------------------------------------------------- */

static void on_dispatch(void *arg, const struct discord_scan *scan, char *json, size_t len)
{
    struct test *test = arg;

    assert_int_equal(json[len], '\0');
    buf_printf(&test->events, "%.*s ", (int)scan->type.len, scan->type.ptr);
}

static void on_drained(void *arg)
{
    ((struct test *)arg)->drained++;
}

static void on_changed(void *arg, const struct discord_resume *resume)
{
    ((struct test *)arg)->stored = *resume;
}

static troupe_status on_identify(void *arg, uint64_t *ret_wait_ms, struct error *err)
{
    (void)ret_wait_ms;
    (void)err;
    ((struct test *)arg)->identifies++;
    return co_sleep(1);
}

static void base_of(const struct ws_server *server, char *ret, size_t size)
{
    snprintf(ret, size, "%.*s", (int)strcspn(server->url, "?"), server->url);
}

static troupe_status on_base_url(void *arg, char ret[256], struct error *err)
{
    struct test *test = arg;

    test->bases++;
    if (test->base_hangs && test->bases == 1)
        return error_set(err, co_sleep(86400000), "nobody tells the address");
    base_of(&test->servers[0], ret, 256);
    return TROUPE_OK;
}

static void on_phase(void *arg, enum discord_phase phase, const char *why)
{
    static const char *const names[] = {"connecting", "waiting", "ready", "ended"};

    assert_true(why[0] != '\0');
    buf_printf(&((struct test *)arg)->phases, "%s ", names[phase]);
}

static void on_fatal(void *arg, int code, const char *sentence)
{
    assert_non_null(strstr(sentence, "Developer Portal"));
    ((struct test *)arg)->fatal_code = code;
}

static const struct discord_session_handler handler = {
    on_dispatch, on_drained, on_changed, on_identify, on_base_url, on_phase, on_fatal,
};

/* ---- running --------------------------------------------------------------------------------------- */

/* Waits until `done` is true; the loop turns meanwhile. */
#define WAIT(done)                                                                                 \
    do {                                                                                           \
        uint64_t until_ = co_after(PATIENCE_MS);                                                   \
        while (!(done)) {                                                                          \
            if (loop_now(test->loop) > until_) {                                                   \
                fprintf(stderr, "# this never came: %s (%s)\n", #done, buf_text(&test->phases));   \
                return TROUPE_FAILED;                                                              \
            }                                                                                      \
            co_sleep(1);                                                                           \
        }                                                                                          \
    } while (0)

static troupe_status body(void *arg)
{
    struct test *test = arg;
    troupe_status status;

    test->session = discord_session_new(test->loop, &test->options, &handler, test);
    status = test->body(test);
    discord_session_free(test->session);
    return status;
}

static void run(struct test *test)
{
    test->options.token = "token.of.bot";
    test->options.shard_count = 1;
    test->options.resume.seq = -1;
    for (unsigned i = 0; i < test->server_count; i++)
        ws_server_start(&test->servers[i], NULL);
    if (test->server_count)
        base_of(&test->servers[test->server_count - 1], resume_url, sizeof(resume_url));
    test->loop = fixture_new(NULL);
    assert_status(fixture_run(test->loop, body, test), TROUPE_OK);
    for (int i = 0; i < 3; i++)
        loop_step(test->loop, 0);
    fixture_free(test->loop);
    for (unsigned i = 0; i < test->server_count; i++)
        ws_server_stop(&test->servers[i]);
}

static void clear(struct test *test)
{
    buf_clear(&test->events);
    buf_clear(&test->phases);
}

/* ---- scripts --------------------------------------------------------------------------------------- */

static void note(struct ws_server *server, const char *text)
{
    size_t len = strlen(server->noted);

    snprintf(server->noted + len, sizeof(server->noted) - len, "%s; ", text);
}

/* The client's next payload, -1 at its end. Notes "op N" with the number that it tells, or "close
 * CODE". */
static int hear(struct ws_server *server)
{
    char text[4200], line[64];
    json_t *root, *data;
    size_t len;
    int64_t op;
    int kind = ws_server_expect(server, text, sizeof(text), &len);

    if (kind == 8) {
        snprintf(line, sizeof(line), "close %d",
                 len < 2 ? 0 : (unsigned char)text[0] << 8 | (unsigned char)text[1]);
        note(server, line);
        ws_server_frame(server, 0x88, text, len < 2 ? 0 : 2);
        return -1;
    }
    if (kind != 1 || json_parse(text, len, &root, NULL) < 0)
        return -1;
    op = json_get_int(root, "op", -1);
    data = json_object_get(root, "d");
    snprintf(line, sizeof(line), "op %d, seq %d", (int)op,
             (int)(op == 1 ? json_integer_value(data) : json_get_int(data, "seq", -1)));
    json_decref(root);
    note(server, line);
    return (int)op;
}

static void hear_all(struct ws_server *server)
{
    while (hear(server) >= 0)
        continue;
}

static void say_hello(struct ws_server *server)
{
    ws_server_text(server, "{\"op\":10,\"d\":{\"heartbeat_interval\":41250}}");
}

static const char *ready(void)
{
    static char text[256];

    snprintf(text, sizeof(text),
             "{\"op\":0,\"s\":1,\"t\":\"READY\",\"d\":{\"session_id\":\"the-session\",\"user\":{"
             "\"id\":\"42\"},\"resume_gateway_url\":\"%s\"}}",
             resume_url);
    return text;
}

static void begin(struct ws_server *server)
{
    say_hello(server);
    if (hear(server) != 2)
        return;
    ws_server_text(server, ready());
    ws_server_text(server, "{\"op\":0,\"s\":2,\"t\":\"FIRST\",\"d\":{}}");
}

static void begin_and_hang_up(struct ws_server *server)
{
    begin(server);
    shutdown(server->fd, SHUT_RDWR);
}

static void begin_and_close_1001(struct ws_server *server)
{
    begin(server);
    ws_server_frame(server, 0x88, "\x03\xe9", 2);
    hear_all(server);
}

static void begin_and_refuse(struct ws_server *server)
{
    say_hello(server);
    hear(server);
    ws_server_frame(server, 0x88,
                    "\x0f\xae"
                    "Disallowed intent(s).",
                    23);
    hear(server);
}

static void go_on(struct ws_server *server)
{
    say_hello(server);
    if (hear(server) != 6)
        return;
    ws_server_text(server, "{\"op\":0,\"s\":3,\"t\":\"SECOND\",\"d\":{}}");
    ws_server_text(server, "{\"op\":0,\"s\":4,\"t\":\"RESUMED\",\"d\":{}}");
    ws_server_text(server, "{\"op\":1,\"d\":null}");
    if (hear(server) != 1)
        return;
    ws_server_text(server, "{\"op\":0,\"s\":5,\"t\":\"LAST\",\"d\":{}}");
    hear(server);
}

/* ---- tests ----------------------------------------------------------------------------------------- */

static troupe_status stop_after_last(struct test *test)
{
    WAIT(test->events.data && strstr(test->events.data, "LAST"));
    discord_session_stop(test->session, false);
    return TROUPE_OK;
}

static troupe_status keep_after_last(struct test *test)
{
    WAIT(test->events.data && strstr(test->events.data, "LAST"));
    discord_session_stop(test->session, true);
    return TROUPE_OK;
}

static void a_cut_session_is_resumed_and_ended_with_1000(void **state)
{
    struct test test = {
        .servers = {{.script = begin_and_hang_up}, {.script = go_on}},
        .server_count = 2,
        .body = stop_after_last,
    };

    (void)state;
    run(&test);
    assert_string_equal(test.servers[0].noted, "op 2, seq -1; ");
    assert_non_null(strstr(test.servers[0].request, "GET /?v=10&encoding=json HTTP/1.1\r\n"));
    assert_non_null(strstr(test.servers[1].request, "GET /?v=10&encoding=json HTTP/1.1\r\n"));
    assert_string_equal(test.servers[1].noted, "op 6, seq 2; op 1, seq 4; close 1000; ");
    assert_string_equal(test.events.data, "READY FIRST SECOND RESUMED LAST ");
    assert_string_equal(test.phases.data, "connecting ready waiting connecting ready ended ");
    assert_int_equal(test.identifies, 1);
    assert_true(test.drained > 0);
    assert_string_equal(test.stored.session_id, "");
    clear(&test);
}

static void a_session_that_is_kept_is_not_ended(void **state)
{
    struct test test = {
        .servers = {{.script = begin_and_hang_up}, {.script = go_on}},
        .server_count = 2,
        .body = keep_after_last,
    };

    (void)state;
    run(&test);
    assert_null(strstr(test.servers[1].noted, "close 100"));
    assert_string_equal(test.stored.session_id, "the-session");
    clear(&test);
}

/* The session identified and ended like that; a heartbeat, which comes at a random time, may lie between. */
static void assert_began_and_ended(const struct ws_server *server, const char *end)
{
    static const char begin[] = "op 2, seq -1; ";
    size_t len = strlen(server->noted), tail = strlen(end);

    assert_memory_equal(server->noted, begin, sizeof(begin) - 1);
    assert_true(len >= sizeof(begin) - 1 + tail);
    assert_string_equal(server->noted + len - tail, end);
}

static void a_close_with_1001_is_not_said_back(void **state)
{
    struct test test = {
        .servers = {{.script = begin_and_close_1001}, {.script = go_on}},
        .server_count = 2,
        .body = keep_after_last,
    };

    (void)state;
    run(&test);
    assert_began_and_ended(&test.servers[0], "close 0; ");
    assert_memory_equal(test.servers[1].noted, "op 6, seq 2; ", 13);
    clear(&test);
}

static troupe_status until_fatal(struct test *test)
{
    WAIT(test->fatal_code);
    discord_session_stop(test->session, false);
    return TROUPE_OK;
}

static void a_fatal_close_ends_it_with_its_code(void **state)
{
    struct test test = {
        .servers = {{.script = begin_and_refuse}},
        .server_count = 1,
        .body = until_fatal,
    };

    (void)state;
    run(&test);
    assert_int_equal(test.fatal_code, 4014);
    assert_string_equal(test.phases.data, "connecting ended ");
    clear(&test);
}

/* ---- compression ------------------------------------------------------------------------------------ */

/* One message of the stream in two WebSocket messages. */
static void say_packed(struct ws_server *server, z_stream *stream, const char *text)
{
    char packed[1024];
    size_t len;

    stream->next_in = (unsigned char *)text;
    stream->avail_in = (unsigned)strlen(text);
    stream->next_out = (unsigned char *)packed;
    stream->avail_out = sizeof(packed);
    deflate(stream, Z_SYNC_FLUSH);
    len = sizeof(packed) - stream->avail_out;
    ws_server_frame(server, 0x82, packed, len / 2);
    ws_server_frame(server, 0x82, packed + len / 2, len - len / 2);
}

static void tear(struct ws_server *server)
{
    z_stream stream = {.next_in = NULL};

    deflateInit(&stream, 6);
    say_packed(server, &stream, "{\"op\":10,\"d\":{\"heartbeat_interval\":41250}}");
    if (hear(server) == 2) {
        say_packed(server, &stream, ready());
        ws_server_frame(server, 0x82, "\xfftorn\x00\x00\xff\xff", 9);
        hear_all(server);
    }
    deflateEnd(&stream);
}

static void go_on_packed(struct ws_server *server)
{
    z_stream stream = {.next_in = NULL};

    deflateInit(&stream, 6);
    say_packed(server, &stream, "{\"op\":10,\"d\":{\"heartbeat_interval\":41250}}");
    if (hear(server) == 6) {
        say_packed(server, &stream, "{\"op\":0,\"s\":2,\"t\":\"RESUMED\",\"d\":{}}");
        say_packed(server, &stream, "{\"op\":0,\"s\":3,\"t\":\"LAST\",\"d\":{}}");
        hear(server);
    }
    deflateEnd(&stream);
}

static void a_torn_stream_is_given_up_and_the_session_resumed(void **state)
{
    struct test test = {
        .servers = {{.script = tear}, {.script = go_on_packed}},
        .server_count = 2,
        .options = {.compress = DISCORD_ZLIB, .compress_local = true},
        .body = stop_after_last,
    };

    (void)state;
    run(&test);
    assert_non_null(strstr(test.servers[0].request, "&compress=zlib-stream HTTP"));
    assert_non_null(strstr(test.servers[1].request, "&compress=zlib-stream HTTP"));
    assert_began_and_ended(&test.servers[0], "close 4900; ");
    assert_memory_equal(test.servers[1].noted, "op 6, seq 1; ", 13);
    assert_string_equal(test.events.data, "READY RESUMED LAST ");
    clear(&test);
}

/* ---- waits ------------------------------------------------------------------------------------------- */

static troupe_status stop_when_asked_again(struct test *test)
{
    WAIT(test->bases >= 2);
    discord_session_stop(test->session, false);
    return TROUPE_OK;
}

static void a_handler_that_waits_for_ever_is_cut_short(void **state)
{
    struct test test = {
        .options = {.time_scale = 0.02},
        .base_hangs = true,
        .body = stop_when_asked_again,
    };

    (void)state;
    run(&test);
    assert_int_equal(test.identifies, 0);
    clear(&test);
}

static troupe_status stop_while_connecting(struct test *test)
{
    struct discord_session_stats stats;

    WAIT(test->bases);
    co_sleep(1);
    discord_session_stop(test->session, true);
    discord_session_stats(test->session, &stats);
    assert_int_equal(stats.phase, DISCORD_ENDED);
    assert_int_equal(stats.connects, 0);
    return TROUPE_OK;
}

static void stopping_does_not_wait_for_a_server_that_is_silent(void **state)
{
    struct test test = {
        .servers = {{.answer = WS_ANSWER_NOTHING}},
        .server_count = 1,
        .body = stop_while_connecting,
    };

    (void)state;
    run(&test);
    assert_int_equal(test.identifies, 0);
    clear(&test);
}

static void stopping_ends_a_handler_that_waits(void **state)
{
    struct test test = {.base_hangs = true, .body = stop_while_connecting};

    (void)state;
    run(&test);
    assert_int_equal(test.bases, 1);
    clear(&test);
}

static int start(void **state)
{
    (void)state;
    return http_global_init(NULL) < 0;
}

static int stop(void **state)
{
    (void)state;
    http_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_session_is_resumed_and_ended_with_1000),
        cmocka_unit_test(a_session_that_is_kept_is_not_ended),
        cmocka_unit_test(a_close_with_1001_is_not_said_back),
        cmocka_unit_test(a_fatal_close_ends_it_with_its_code),
        cmocka_unit_test(a_torn_stream_is_given_up_and_the_session_resumed),
        cmocka_unit_test(a_handler_that_waits_for_ever_is_cut_short),
        cmocka_unit_test(stopping_does_not_wait_for_a_server_that_is_silent),
        cmocka_unit_test(stopping_ends_a_handler_that_waits),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
