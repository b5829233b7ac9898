/* SPDX-License-Identifier: Apache-2.0
 *
 * What leaves the process: log lines that nobody can forge and that carry no secret, JSON within
 * bounds, times.
 */
#include "tap.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct capture {
    int pipe[2];
    char text[4096];
};

static int capture_setup(void **state)
{
    struct capture *capture = mem_zero(1, sizeof(*capture));

    assert_int_equal(pipe2(capture->pipe, O_CLOEXEC | O_NONBLOCK), 0);
    *state = capture;
    return 0;
}

static int capture_teardown(void **state)
{
    struct capture *capture = *state;

    log_setup(LOG_INFO, LOG_TEXT, STDERR_FILENO);
    log_mask_clear();
    close(capture->pipe[0]);
    close(capture->pipe[1]);
    mem_free(capture);
    return 0;
}

/* What was logged since the last call. */
static const char *captured(struct capture *capture)
{
    ssize_t n = read(capture->pipe[0], capture->text, sizeof(capture->text) - 1);

    capture->text[n > 0 ? n : 0] = '\0';
    return capture->text;
}

static void what_is_kept_leaves_in_order_and_before_what_is_worse(void **state)
{
    struct capture *capture = *state;
    static char longer[9000];
    const char *text, *at;

    log_setup(LOG_INFO, LOG_SYSTEMD, capture->pipe[1]);
    log_gather(true);
    log_info("test", "one");
    log_info("test", "two");
    assert_string_equal(captured(capture), "");
    log_flush();
    assert_string_equal(captured(capture), "<6>test: one\n<6>test: two\n");
    log_flush();
    assert_string_equal(captured(capture), "");
    log_info("test", "three");
    log_error("test", "four");
    assert_string_equal(captured(capture), "<6>test: three\n<3>test: four\n");
    /* The bound: what does not fit any more is written, and nothing is left out. */
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    log_info("test", "five");
    log_info("test", "%s", longer);
    text = captured(capture);
    assert_true(strncmp(text, "<6>test: five\n<6>test: xxx", 26) == 0);
    while (*captured(capture))
        ;
    for (int i = 0; i < 1000; i++)
        log_info("test", "line %d", i);
    text = captured(capture);
    at = strstr(text, "line 0\n");
    assert_non_null(at);
    assert_non_null(strstr(at, "line 1\n"));
    while (*captured(capture))
        ;
    log_gather(false);
    assert_non_null(strstr(captured(capture), "line 999\n"));
    log_info("test", "at once");
    assert_string_equal(captured(capture), "<6>test: at once\n");
}

static void one_call_is_one_line(void **state)
{
    struct capture *capture = *state;

    log_setup(LOG_INFO, LOG_SYSTEMD, capture->pipe[1]);
    log_error("store", "cannot open \"%s\"", "x");
    assert_string_equal(captured(capture), "<3>store: cannot open \"x\"\n");
    log_warn("plugin:a", "odd\nnext \x1b[31mred\x7f tab\t \xc3\xa9");
    assert_string_equal(captured(capture),
                        "<4>plugin:a: odd\\x0anext \\x1b[31mred\\x7f tab\\x09 \xc3\xa9\n");
    log_setup(LOG_INFO, LOG_TEXT, capture->pipe[1]);
    log_info("main", "ready");
    captured(capture);
    assert_int_equal(capture->text[4], '-'); /* begins with the time */
    assert_string_equal(capture->text + CLOCK_ISO_SIZE - 1, " info  main: ready\n");
}

static void levels_hold_back(void **state)
{
    struct capture *capture = *state;

    log_setup(LOG_WARN, LOG_SYSTEMD, capture->pipe[1]);
    assert_false(log_enabled(LOG_INFO));
    log_info("x", "no");
    log_debug("x", "no");
    assert_string_equal(captured(capture), "");
    log_set_level(LOG_DEBUG);
    log_debug("x", "yes");
    assert_string_equal(captured(capture), "<7>x: yes\n");
    assert_int_equal(log_level_parse("error"), LOG_ERROR);
    assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
    assert_int_equal(log_level_parse("loud"), -1);
}

static void json_lines_can_be_read_again(void **state)
{
    struct capture *capture = *state;
    json_t *line;

    log_setup(LOG_INFO, LOG_JSON, capture->pipe[1]);
    log_info("a", "say \"hi\"\n{}");
    line = json_loads(captured(capture), 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_get_str(line, "message", ""), "say \"hi\"\n{}");
    assert_string_equal(json_get_str(line, "level", ""), "info");
    assert_string_equal(json_get_str(line, "part", ""), "a");
    json_decref(line);
    log_info("a", "\xff");
    line = json_loads(captured(capture), 0, NULL);
    assert_string_equal(json_get_str(line, "message", ""), "(not utf-8)");
    json_decref(line);
}

static void secrets_never_pass(void **state)
{
    struct capture *capture = *state;
    char text[] = "x sk-abcdef sk-abcdef-longer y";

    log_setup(LOG_INFO, LOG_SYSTEMD, capture->pipe[1]);
    log_mask("sk-abcdef");
    log_mask("sk-abcdef"); /* again is harmless */
    log_mask("sk-abcdef-longer");
    log_mask("two\nlines");
    log_mask("short"); /* would blot out ordinary text */
    log_mask(NULL);
    log_info("a", "key=sk-abcdef, sk-abcdef; two\nlines short");
    assert_string_equal(captured(capture), "<6>a: key=*********, *********; ********* short\n");
    /* A secret that begins like another leaves no tail. */
    log_mask_apply(text);
    assert_string_equal(text, "x ********* **************** y");
    log_mask_clear();
    log_info("a", "sk-abcdef");
    assert_string_equal(captured(capture), "<6>a: sk-abcdef\n");
}

static const struct log_field facts[] = {
    {"guild", "42", 0}, {"reason", "said \"no\"", 0}, {"tokens", NULL, -7},
    {"what", "", 0},    {"stage", "two\nlines", 0},
};

static void fields_are_named_values_of_a_line(void **state)
{
    struct capture *capture = *state;
    json_t *line;

    log_setup(LOG_INFO, LOG_SYSTEMD, capture->pipe[1]);
    log_fields(LOG_INFO, "turn", "id", facts, 5, "ended");
    assert_string_equal(captured(capture), "<6>turn: ended guild=42 reason=\"said \\\"no\\\"\" "
                                           "tokens=-7 what=\"\" stage=two\\x0alines\n");
    log_setup(LOG_INFO, LOG_JSON, capture->pipe[1]);
    log_fields(LOG_INFO, "turn", "id", facts, 5, "ended");
    line = json_loads(captured(capture), 0, NULL);
    assert_string_equal(json_get_str(line, "message", ""), "ended");
    assert_string_equal(json_get_str(line, "reason", ""), "said \"no\"");
    assert_int_equal(json_get_int(line, "tokens", 0), -7);
    json_decref(line);
    log_fields(LOG_DEBUG, "turn", "id", facts, 5, "ended");
    assert_string_equal(captured(capture), "");
}

static void no_secret_passes_in_a_field(void **state)
{
    struct capture *capture = *state;
    const struct log_field field = {"reason", "has \"sk-secret", 0};

    log_mask("\"sk-secret");
    for (int format = LOG_TEXT; format <= LOG_SYSTEMD; format++) {
        log_setup(LOG_INFO, (enum log_format)format, capture->pipe[1]);
        log_fields(LOG_INFO, "turn", NULL, &field, 1, "ended \"sk-secret");
        assert_null(strstr(captured(capture), "sk-secret"));
        assert_non_null(strstr(capture->text, "has **********"));
    }
}

/* What the journal at `fd` got, with "|" for each end of a line. */
static const char *received(int fd, char text[1024])
{
    ssize_t n = recv(fd, text, 1023, MSG_DONTWAIT);

    text[n > 0 ? n : 0] = '\0';
    for (ssize_t i = 0; i < n; i++)
        if (text[i] == '\n')
            text[i] = '|';
    return text;
}

static void the_journal_gets_fields_of_its_own(void **state)
{
    struct capture *capture = *state;
    char directory[] = "/tmp/troupe-log-XXXXXX", text[1024];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    static const char stage[] = "TROUPE_STAGE|\x09\0\0\0\0\0\0\0two|lines|";
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    assert_non_null(mkdtemp(directory));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
    assert_false(log_journal(address.sun_path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    log_setup(LOG_INFO, LOG_SYSTEMD, capture->pipe[1]);
    assert_true(log_journal(address.sun_path));
    log_fields(LOG_WARN, "turn", "cafe", facts, 4, "ended");
    assert_string_equal(received(fd, text),
                        "MESSAGE=ended|PRIORITY=4|SYSLOG_IDENTIFIER=troupe|TROUPE_PART=turn|"
                        "MESSAGE_ID=cafe|TROUPE_GUILD=42|TROUPE_REASON=said \"no\"|"
                        "TROUPE_TOKENS=-7|TROUPE_WHAT=|");
    log_fields(LOG_WARN, "turn", NULL, facts + 4, 1, "ended");
    received(fd, text);
    assert_memory_equal(strstr(text, "TROUPE_STAGE"), stage, sizeof(stage) - 1);
    assert_string_equal(captured(capture), ""); /* and nothing twice */
    /* A journal that went away costs nothing: lines again. */
    close(fd);
    unlink(address.sun_path);
    log_info("main", "alone");
    assert_string_equal(captured(capture), "<6>main: alone\n");
    log_journal(NULL);
    rmdir(directory);
}

static void json_depth_is_bounded_before_a_tree_is_built(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 8];
    struct error err = {0};
    json_t *value = NULL;
    char *printed;

    (void)state;
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    assert_status(json_parse(text, 2 * JSON_DEPTH_MAX, &value, &err), TROUPE_OK);
    json_decref(value);
    value = NULL;
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_status(json_parse(text, 2 * JSON_DEPTH_MAX + 2, &value, &err), TROUPE_DATA);
    assert_null(value);
    assert_string_equal(err.text, "json is nested deeper than 128 levels");

    /* Brackets in strings are text, escaped quotes do not end one. */
    memset(text, '[', sizeof(text));
    text[0] = text[sizeof(text) - 1] = '"';
    text[1] = '\\';
    text[2] = '"';
    assert_status(json_parse(text, sizeof(text), &value, &err), TROUPE_OK);
    printed = json_print(value);
    assert_int_equal(strlen(printed), sizeof(text));
    mem_free(printed);
    json_decref(value);
}

static void bad_json_is_named_with_its_place(void **state)
{
    static const char *const bad[] = {"",    "{",  "{\"a\":1,\"a\":2}", "[1,]", "\"\xff\"",
                                      "nul", "1 2"};
    struct error err = {0};
    json_t *value = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_status(json_parse(bad[i], strlen(bad[i]), &value, &err), TROUPE_DATA);
        assert_null(value);
        assert_int_equal(strncmp(err.text, "bad json at line 1 column ", 26), 0);
    }
    assert_status(json_parse("{\"s\":\"t\",\"n\":-5,\"f\":1.5}", 25, &value, &err), TROUPE_DATA);
    assert_status(json_parse("{\"s\":\"t\",\"n\":-5,\"f\":1.5}", 24, &value, &err), TROUPE_OK);
    assert_string_equal(json_get_str(value, "s", "none"), "t");
    assert_string_equal(json_get_str(value, "n", "none"), "none");
    assert_int_equal(json_get_int(value, "n", 7), -5);
    assert_int_equal(json_get_int(value, "f", 7), 7);
    assert_int_equal(json_get_int(value, "x", 7), 7);
    json_decref(value);
}

static void times_are_written_in_utc(void **state)
{
    char text[CLOCK_ISO_SIZE];
    uint64_t before = clock_ns();

    (void)state;
    clock_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_iso(1795168800123, text);
    assert_string_equal(text, "2026-11-20T10:00:00.123Z");
    assert_true(clock_ns() >= before);
    assert_true(clock_ms() >= before / 1000000);
    assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_call_is_one_line, capture_setup, capture_teardown),
        cmocka_unit_test_setup_teardown(what_is_kept_leaves_in_order_and_before_what_is_worse,
                                        capture_setup, capture_teardown),
        cmocka_unit_test_setup_teardown(levels_hold_back, capture_setup, capture_teardown),
        cmocka_unit_test_setup_teardown(json_lines_can_be_read_again, capture_setup,
                                        capture_teardown),
        cmocka_unit_test_setup_teardown(secrets_never_pass, capture_setup, capture_teardown),
        cmocka_unit_test_setup_teardown(fields_are_named_values_of_a_line, capture_setup,
                                        capture_teardown),
        cmocka_unit_test_setup_teardown(no_secret_passes_in_a_field, capture_setup,
                                        capture_teardown),
        cmocka_unit_test_setup_teardown(the_journal_gets_fields_of_its_own, capture_setup,
                                        capture_teardown),
        cmocka_unit_test(json_depth_is_bounded_before_a_tree_is_built),
        cmocka_unit_test(bad_json_is_named_with_its_place),
        cmocka_unit_test(times_are_written_in_utc),
    };

    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
