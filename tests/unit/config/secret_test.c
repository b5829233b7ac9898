/* SPDX-License-Identifier: Apache-2.0
 *
 * References in values, and that a secret shows up nowhere: not in a message, not in the log, not
 * in what is printed.
 */
#include "fixture.h"

static const struct config_key keys[] = {
    {.name = "api_key", .type = CONFIG_STRING, .flags = CONFIG_SECRET, .doc = "the provider's key"},
    {.name = "pin", .type = CONFIG_INT, .flags = CONFIG_SECRET},
    {.name = "text", .type = CONFIG_STRING},
    {.name = "count", .type = CONFIG_INT},
    {.name = "proxy", .type = CONFIG_URL},
};
static const struct config_schema tables[] = {{"agent", "llm", keys, 5, CONFIG_NAMED}};

/* Loads "t.ini" with `line` in [agent llm]. */
static troupe_status load_line(struct fixture *fixture, const char *line)
{
    char text[256];
    struct config_raw *raw = NULL;
    troupe_status status;

    snprintf(text, sizeof(text), "[agent llm]\n%s\n", line);
    status = config_parse(fixture_write(fixture, "t.ini", text), NULL, 0, &raw, &fixture->problems);
    return status < 0 ? status : fixture_check(fixture, raw, tables, 1, 0);
}

static void references_are_replaced(void **state)
{
    static const struct {
        const char *line, *value;
    } cases[] = {
        {"text = ${env:TROUPE_TEST_A}", "alpha"},
        {"text = <${env:TROUPE_TEST_A}-${env:TROUPE_TEST_A}>", "<alpha-alpha>"},
        {"text = ${file:note.txt}", "two\nlines"},
        {"text = ${file:./sub/note.txt}", "crlf"},
        {"text = $${env:TROUPE_TEST_A}", "${env:TROUPE_TEST_A}"},
        {"text = $5 and $$ and a$", "$5 and $$ and a$"},
        {"text = ${env:TROUPE_TEST_NESTED}", "${env:TROUPE_TEST_A}"}, /* not looked at again */
        {"text = ${file:empty.txt}", "(unset)"},
    };
    struct fixture *fixture = *state;

    setenv("TROUPE_TEST_A", "alpha", 1);
    setenv("TROUPE_TEST_NESTED", "${env:TROUPE_TEST_A}", 1);
    fixture_write(fixture, "note.txt", "two\nlines\n");
    fixture_write(fixture, "sub/note.txt", "crlf\r\n");
    fixture_write(fixture, "empty.txt", "\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_status(load_line(fixture, cases[i].line), TROUPE_OK);
        assert_string_equal(fixture_value(fixture, "agent", "llm", "text"), cases[i].value);
    }
}

static void a_bad_reference_is_named(void **state)
{
    static const struct {
        const char *line, *problem;
    } cases[] = {
        {"text = ${env:TROUPE_TEST_NONE}",
         "environment variable \"TROUPE_TEST_NONE\" is not set; set it or remove the reference"},
        {"text = ${env:}", "${env:} needs the name of a variable"},
        {"text = ${file:}", "${file:} needs a path"},
        {"text = ${file:none.txt}", "cannot open \"DIR/none.txt\": No such file or directory"},
        {"text = ${file:large.txt}", "\"DIR/large.txt\" is larger than 65536 bytes"},
        {"text = ${file:latin1.txt}", "the value is not UTF-8 text"},
        {"text = x${file:full.txt}", "the value is longer than 65536 bytes"},
        {"text = ${TOKEN}", "unknown reference; use ${env:NAME}, ${file:PATH}, ${cmd:COMMAND}, or "
                            "$${ for a literal \"${\""},
        {"text = ${env:TOKEN", "\"${\" without \"}\"; write $${ for a literal \"${\""},
    };
    struct fixture *fixture = *state;
    char want[512];
    char *large = mem_alloc(65538);

    memset(large, 'x', 65537);
    large[65537] = '\0';
    fixture_write(fixture, "large.txt", large);
    fixture_write(fixture, "full.txt", large + 1);
    fixture_write(fixture, "latin1.txt", "caf\xe9");
    mem_free(large);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(want, sizeof(want), "DIR/t.ini:2: key \"text\" in [agent llm]: %s\n",
                 cases[i].problem);
        assert_status(load_line(fixture, cases[i].line), TROUPE_CONFIG);
        assert_string_equal(fixture_problems(fixture), want);
    }
}

static void a_secret_in_an_open_file_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *path = fixture_write(fixture, "key", "sk-very-secret\n");

    assert_status(load_line(fixture, "api_key = ${file:key}"), TROUPE_OK);
    assert_string_equal(fixture_value(fixture, "agent", "llm", "api_key"), "sk-very-secret");
    assert_int_equal(chmod(path, 0644), 0);
    assert_status(load_line(fixture, "api_key = ${file:key}"), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "DIR/t.ini:2: key \"api_key\" in [agent llm]: every user of this machine "
                        "can read the secret in \"DIR/key\"; run chmod 600 on it\n");
    /* What is no secret may be open. */
    assert_status(load_line(fixture, "text = ${file:key}"), TROUPE_OK);
}

static void a_secret_in_plain_sight_is_warned_about(void **state)
{
    static const char *const literal = "agent llm.api_key=sk-on-the-line";
    static const char *const reference = "agent llm.api_key=${env:TROUPE_TEST_KEY}";
    struct fixture *fixture = *state;
    struct config_raw *raw = NULL;
    const char *path =
        fixture_write(fixture, "open.ini", "[agent llm]\napi_key = sk-in-the-file\n");

    assert_status(config_parse(path, NULL, 0, &raw, &fixture->problems), TROUPE_OK);
    assert_status(fixture_check(fixture, raw, tables, 1, 0), TROUPE_OK);
    assert_string_equal(fixture_problems(fixture), "");
    assert_int_equal(chmod(path, 0644), 0);
    assert_status(config_parse(path, NULL, 0, &raw, &fixture->problems), TROUPE_OK);
    assert_status(fixture_check(fixture, raw, tables, 1, 0), TROUPE_OK);
    assert_int_equal(fixture->problems.errors, 0);
    assert_string_equal(fixture_problems(fixture),
                        "warning: DIR/open.ini:2: key \"api_key\" in [agent llm]: every user of "
                        "this machine can read this secret; run chmod 600 on the file, or write "
                        "${file:PATH}\n");

    assert_status(config_parse(NULL, &literal, 1, &raw, &fixture->problems), TROUPE_OK);
    assert_status(fixture_check(fixture, raw, tables, 1, 0), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "--set: key \"api_key\" in [agent llm]: every user of this machine can "
                        "read a command line; write ${env:NAME}, ${file:PATH} or "
                        "${cmd:COMMAND} for this secret\n");
    setenv("TROUPE_TEST_KEY", "sk-from-env", 1);
    assert_status(config_parse(NULL, &reference, 1, &raw, &fixture->problems), TROUPE_OK);
    assert_status(fixture_check(fixture, raw, tables, 1, 0), TROUPE_OK);
    assert_string_equal(fixture_value(fixture, "agent", "llm", "api_key"), "sk-from-env");
}

/* A reference to a secret in a key that is none must not leak through the message. */
static void messages_show_the_reference_not_what_it_stands_for(void **state)
{
    struct fixture *fixture = *state;

    setenv("TROUPE_TEST_KEY", "sk-very-secret", 1);
    assert_status(load_line(fixture, "count = ${env:TROUPE_TEST_KEY}"), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "DIR/t.ini:2: key \"count\" in [agent llm]: expected an integer, got "
                        "\"${env:TROUPE_TEST_KEY}\"\n");
    assert_status(load_line(fixture, "pin = ${env:TROUPE_TEST_KEY}"), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "DIR/t.ini:2: key \"pin\" in [agent llm]: expected an integer, got "
                        "something else (secret, not shown)\n");
}

static void secrets_are_masked_in_the_log_and_in_print(void **state)
{
    struct fixture *fixture = *state;
    char line[] = "request with Bearer sk-part-one failed";
    struct buf out = BUF_INIT;
    json_t *json;
    char *dump;

    setenv("TROUPE_TEST_KEY", "sk-part-one", 1);
    assert_status(load_line(fixture, "api_key = Bearer ${env:TROUPE_TEST_KEY}\n"
                                     "text = uses ${env:TROUPE_TEST_KEY} too"),
                  TROUPE_OK);
    log_mask_apply(line);
    assert_null(strstr(line, "sk-part-one"));
    config_print(fixture->config, &out);
    assert_null(strstr(buf_text(&out), "sk-part-one"));
    assert_non_null(strstr(buf_text(&out), "api_key = *** ; "));
    assert_non_null(strstr(buf_text(&out), "text = uses *********** too ; "));
    buf_clear(&out);
    json = config_json(fixture->config);
    dump = json_dumps(json, 0);
    assert_null(strstr(dump, "sk-part-one"));
    assert_non_null(strstr(dump, "\"***\""));
    free(dump);
    json_decref(json);
}

static void a_password_in_a_url_is_not_shown(void **state)
{
    struct fixture *fixture = *state;
    struct buf out = BUF_INIT;
    json_t *json, *entry;

    assert_status(load_line(fixture, "proxy = ftp://me:letmein@host/"), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "DIR/t.ini:2: key \"proxy\" in [agent llm]: expected a URL with a host, by "
                        "http or https, got something else (not shown: it may hold a password)\n");
    assert_status(load_line(fixture, "proxy = http://me:letm@in@host:8080/a@b"), TROUPE_OK);
    config_print(fixture->config, &out);
    assert_non_null(strstr(buf_text(&out), "proxy = http://***@host:8080/a@b ; "));
    buf_clear(&out);
    json = config_json(fixture->config);
    entry = json_object_get(json_object_get(json, "agent llm"), "proxy");
    assert_string_equal(json_string_value(json_object_get(entry, "value")),
                        "http://***@host:8080/a@b");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(references_are_replaced),
        FIXTURE_TEST(a_bad_reference_is_named),
        FIXTURE_TEST(a_secret_in_an_open_file_is_refused),
        FIXTURE_TEST(a_secret_in_plain_sight_is_warned_about),
        FIXTURE_TEST(messages_show_the_reference_not_what_it_stands_for),
        FIXTURE_TEST(secrets_are_masked_in_the_log_and_in_print),
        FIXTURE_TEST(a_password_in_a_url_is_not_shown),
    };

    return cmocka_run_group_tests_name("config/secret", tests, NULL, NULL);
}
