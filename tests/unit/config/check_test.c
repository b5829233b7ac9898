/* SPDX-License-Identifier: Apache-2.0
 *
 * Values against tables: types, ranges, and the exact sentence for each thing that can be wrong.
 */
#include "fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const modes[] = {"fast", "slow", "careful", NULL};
static const char *const pauses[] = {"never", "measured", NULL};
static const char *const schemes[] = {"postgres", "redis", NULL};

static const struct config_key keys[] = {
    {.name = "text", .type = CONFIG_STRING, .def = "hi", .doc = "a text"},
    {.name = "count", .type = CONFIG_INT, .def = "3", .min = 1, .max = 100, .doc = "a number"},
    {.name = "least", .type = CONFIG_INT, .min = 5, .max = CONFIG_NO_MAX},
    {.name = "any", .type = CONFIG_INT},
    {.name = "ratio", .type = CONFIG_FLOAT, .def = "0.5", .min = 0, .max = 2},
    {.name = "on", .type = CONFIG_BOOL, .def = "no"},
    {.name = "wait", .type = CONFIG_DURATION, .def = "1m", .min = 1000, .max = 3600000},
    {.name = "pause",
     .type = CONFIG_DURATION,
     .def = "never",
     .min = 1000,
     .max = 60000,
     .choices = pauses},
    {.name = "room", .type = CONFIG_SIZE, .def = "1k", .min = 1024, .max = 64 << 20},
    {.name = "file", .type = CONFIG_PATH},
    {.name = "link", .type = CONFIG_URL},
    {.name = "database", .type = CONFIG_URL, .choices = schemes},
    {.name = "cap", .type = CONFIG_MONEY, .def = "0.10", .min = 0, .max = 5e6},
    {.name = "mode", .type = CONFIG_CHOICE, .def = "fast", .choices = modes},
    {.name = "words", .type = CONFIG_STRING, .flags = CONFIG_LIST},
    {.name = "modes",
     .type = CONFIG_CHOICE,
     .flags = CONFIG_LIST,
     .def = "fast slow",
     .choices = modes},
    {.name = "links", .type = CONFIG_URL, .flags = CONFIG_LIST},
    {.name = "key", .type = CONFIG_STRING, .flags = CONFIG_SECRET},
    {.name = "pin", .type = CONFIG_INT, .flags = CONFIG_SECRET, .min = 1, .max = 9999},
};
static const struct config_schema tables[] = {{"agent", "x", keys, COUNT(keys), CONFIG_NAMED}};

static void every_type_is_read(void **state)
{
    struct fixture *fixture = *state;
    const struct config_section *x;
    const struct config_list *list;

    assert_status(fixture_text(fixture,
                               "[agent x]\ntext = a b \ncount = 100\nleast = 5\nany = -7\n"
                               "ratio = 1e-1\non = TRUE\nwait = 90s\npause = 5\nroom = 2M\n"
                               "file = /a/b\nlink = HTTPS://example.org:8443/v1?x=y#z\n"
                               "database = postgres://u:p@h/db\ncap = 4.999999\n"
                               "mode = Careful\nwords = a,b  c ,,d\nmodes = slow\n"
                               "links = http://a, http://b\nkey = k\n",
                               tables, 1),
                  TROUPE_OK);
    x = config_section(fixture->config, "agent", "x");
    assert_string_equal(config_str(x, "text"), "a b");
    assert_int_equal(config_int(x, "count"), 100);
    assert_int_equal(config_int(x, "least"), 5);
    assert_int_equal(config_int(x, "any"), -7);
    assert_true(config_double(x, "ratio") == 0.1);
    assert_true(config_bool(x, "on"));
    assert_int_equal(config_ms(x, "wait"), 90000);
    assert_int_equal(config_ms(x, "pause"), 5000);
    assert_int_equal(config_bytes(x, "room"), 2 << 20);
    assert_string_equal(config_str(x, "file"), "/a/b");
    assert_string_equal(config_str(x, "link"), "HTTPS://example.org:8443/v1?x=y#z");
    assert_string_equal(config_str(x, "database"), "postgres://u:p@h/db");
    assert_int_equal(config_micros(x, "cap"), 4999999);
    assert_string_equal(config_str(x, "mode"), "careful");
    assert_int_equal(config_choice(x, "mode"), 2);
    list = config_list(x, "words");
    assert_int_equal(list->count, 4);
    assert_string_equal(list->items[0], "a");
    assert_string_equal(list->items[3], "d");
    assert_int_equal(config_list(x, "modes")->count, 1);
    assert_string_equal(config_list(x, "links")->items[1], "http://b");
}

static void a_word_stands_in_place_of_a_time(void **state)
{
    struct fixture *fixture = *state;
    const struct config_section *x;
    const json_t *value;
    json_t *all;

    assert_status(fixture_text(fixture, "[agent x]\npause = MEASURED\n", tables, 1), TROUPE_OK);
    x = config_section(fixture->config, "agent", "x");
    assert_int_equal(config_ms(x, "pause"), -2);
    assert_string_equal(config_value(x, "pause")->text, "measured");
    all = config_json(fixture->config);
    value = json_object_get(json_object_get(json_object_get(all, "agent x"), "pause"), "value");
    assert_string_equal(json_string_value(value), "measured");
    value = json_object_get(json_object_get(json_object_get(all, "agent x"), "wait"), "value");
    assert_int_equal(json_integer_value(value), 60000);
    json_decref(all);
}

static void defaults_and_unset_keys(void **state)
{
    struct fixture *fixture = *state;
    const struct config_section *x;

    assert_status(fixture_text(fixture, "[agent x]\ntext =\nmodes =\n", tables, 1), TROUPE_OK);
    x = config_section(fixture->config, "agent", "x");
    assert_int_equal(config_int(x, "count"), 3);
    assert_int_equal(config_micros(x, "cap"), 100000);
    assert_int_equal(config_choice(x, "mode"), 0);
    assert_int_equal(config_ms(x, "pause"), -1);
    assert_false(config_is_set(x, "any"));
    assert_int_equal(config_int(x, "any"), 0);
    assert_null(config_str(x, "file"));
    assert_int_equal(config_list(x, "words")->count, 0);
    /* An empty value takes a default away. */
    assert_null(config_str(x, "text"));
    assert_int_equal(config_list(x, "modes")->count, 0);
    /* Defaults that follow from others. */
    assert_string_equal(config_str(x, "plugin"), "x");
    assert_status(fixture_text(fixture, "[troupe]\ndata = /d\n", NULL, 0), TROUPE_OK);
    assert_string_equal(fixture_value(fixture, "store", NULL, "path"), "/d/troupe.db");
    assert_string_equal(fixture_value(fixture, "troupe", NULL, "control_socket"),
                        "/d/control.sock");
}

static void each_misfit_has_its_sentence(void **state)
{
    static const struct {
        const char *line, *expected;
    } cases[] = {
        {"count = abc",
         "key \"count\" in [agent x]: expected an integer from 1 to 100, got \"abc\""},
        {"count = 0", "key \"count\" in [agent x]: expected an integer from 1 to 100, got \"0\""},
        {"count = 101",
         "key \"count\" in [agent x]: expected an integer from 1 to 100, got \"101\""},
        {"count = 1.5",
         "key \"count\" in [agent x]: expected an integer from 1 to 100, got \"1.5\""},
        {"count =", "key \"count\" in [agent x]: expected an integer from 1 to 100, got \"\""},
        {"least = 4", "key \"least\" in [agent x]: expected an integer of at least 5, got \"4\""},
        {"any = 9223372036854775808",
         "key \"any\" in [agent x]: expected an integer, got \"9223372036854775808\""},
        {"ratio = 2.1", "key \"ratio\" in [agent x]: expected a number from 0 to 2, got \"2.1\""},
        {"ratio = nan", "key \"ratio\" in [agent x]: expected a number from 0 to 2, got \"nan\""},
        {"on = maybe", "key \"on\" in [agent x]: expected yes or no, got \"maybe\""},
        {"wait = 5x",
         "key \"wait\" in [agent x]: expected a duration like 500ms, 30s, 5m, 2h or 1d "
         "from 1s to 1h, got \"5x\""},
        {"wait = 500ms",
         "key \"wait\" in [agent x]: expected a duration like 500ms, 30s, 5m, 2h or "
         "1d from 1s to 1h, got \"500ms\""},
        {"pause = 0", "key \"pause\" in [agent x]: expected never or measured, or a duration like "
                      "500ms, 30s, 5m, 2h or 1d from 1s to 1m, got \"0\""},
        {"pause = mesured", "key \"pause\" in [agent x]: expected never or measured, or a duration "
                            "like 500ms, 30s, 5m, "
                            "2h or 1d from 1s to 1m, got \"mesured\"; did you mean \"measured\""},
        {"room = 1T",
         "key \"room\" in [agent x]: expected a size like 4096, 64k, 10M or 1G from 1k "
         "to 64M, got \"1T\""},
        {"cap = 1.0000001", "key \"cap\" in [agent x]: expected an amount in US dollars like 1.50 "
                            "with at most 6 decimals from 0.00 to 5.00, got \"1.0000001\""},
        {"cap = 5.01",
         "key \"cap\" in [agent x]: expected an amount in US dollars like 1.50 with at "
         "most 6 decimals from 0.00 to 5.00, got \"5.01\""},
        {"mode = slwo",
         "key \"mode\" in [agent x]: expected fast, slow or careful, got \"slwo\"; did "
         "you mean \"slow\""},
        {"mode = other",
         "key \"mode\" in [agent x]: expected fast, slow or careful, got \"other\""},
        {"modes = fast, carefull", "key \"modes\" in [agent x]: expected a list of fast, slow or "
                                   "careful, got \"carefull\"; did you mean \"careful\""},
        {"link = example.org", "key \"link\" in [agent x]: expected a URL with a host, by http or "
                               "https, got \"example.org\""},
        {"link = ftp://a",
         "key \"link\" in [agent x]: expected a URL with a host, by http or https, "
         "got \"ftp://a\""},
        {"link = http:///x", "key \"link\" in [agent x]: expected a URL with a host, by http or "
                             "https, got \"http:///x\""},
        {"link = http://a b", "key \"link\" in [agent x]: expected a URL with a host, by http or "
                              "https, got \"http://a b\""},
        {"database = http://a", "key \"database\" in [agent x]: expected a URL with a host, by "
                                "postgres or redis, got \"http://a\""},
        {"pin = sesame77", "key \"pin\" in [agent x]: expected an integer from 1 to 9999, got "
                           "something else (secret, not shown)"},
        {"on = 0123456789012345678901234567890123456789012345678901234567890",
         "key \"on\" in [agent x]: expected yes or no, got "
         "\"012345678901234567890123456789012345678901234567890123456789…\""},
        {"cuont = 1", "key \"cuont\" in [agent x]: unknown key; did you mean \"count\""},
        {"Count = 1", "key \"Count\" in [agent x]: unknown key; did you mean \"count\""},
        {"priorty = 1", "key \"priorty\" in [agent x]: unknown key; did you mean \"priority\""},
        {"zebra = 1", "key \"zebra\" in [agent x]: unknown key; troupe.ini(5) lists what there is"},
    };
    struct fixture *fixture = *state;
    char text[256], want[512];

    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(text, sizeof(text), "[agent x]\n%s\n", cases[i].line);
        snprintf(want, sizeof(want), "t.ini:2: %s\n", cases[i].expected);
        assert_status(fixture_text(fixture, text, tables, 1), TROUPE_CONFIG);
        assert_string_equal(fixture_problems(fixture), want);
        assert_null(fixture->config);
    }
}

static void each_wrong_section_has_its_sentence(void **state)
{
    static const struct {
        const char *text, *problems;
    } cases[] = {
        {"[agnet llm]\nx = 1\n",
         "t.ini:1: unknown section [agnet llm]; did you mean [agent llm]\n"},
        {"[Budget]\n", "t.ini:1: unknown section [Budget]; did you mean [budget]\n"},
        {"[zoological]\n",
         "t.ini:1: unknown section [zoological]; troupe.ini(5) lists what there is\n"},
        {"[agent]\n", "t.ini:1: section [agent] needs a name: expected [agent NAME]\n"},
        {"[budget x]\n", "t.ini:1: section [budget x] takes no name: expected [budget]\n"},
        {"[pipeline message]\n", "t.ini:1: key \"stages\" in [pipeline message]: is required and "
                                 "has no value: stages in the order in which they run\n"},
        {"[pipeline message]\nstages =\n",
         "t.ini:1: key \"stages\" in [pipeline message]: is required and has no value: stages in "
         "the order in which they run\n"},
        {"[pipeline message]\nstages = ${env:TROUPE_TEST_EMPTY}\n",
         "t.ini:1: key \"stages\" in [pipeline message]: is required and has no value: stages in "
         "the order in which they run\n"},
    };
    struct fixture *fixture = *state;

    setenv("TROUPE_TEST_EMPTY", "", 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_status(fixture_text(fixture, cases[i].text, NULL, 0), TROUPE_CONFIG);
        assert_string_equal(fixture_problems(fixture), cases[i].problems);
    }
}

static void all_problems_come_at_once(void **state)
{
    struct fixture *fixture = *state;

    assert_status(fixture_text(fixture,
                               "[troupe]\nlog_level = loud\n[budgte]\ndaily = 1\n"
                               "[admission]\nconcurrent = 0\nqueue = x\n",
                               NULL, 0),
                  TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "t.ini:2: key \"log_level\" in [troupe]: expected error, warn, info or "
                        "debug, got \"loud\"\n"
                        "t.ini:6: key \"concurrent\" in [admission]: expected an integer from 1 to "
                        "1000, got \"0\"\n"
                        "t.ini:7: key \"queue\" in [admission]: expected an integer from 0 to "
                        "10000, got \"x\"\n"
                        "t.ini:3: unknown section [budgte]; did you mean [budget]\n");
}

static void a_disabled_agent_needs_no_required_keys(void **state)
{
    static const struct config_key required[] = {
        {"model", CONFIG_STRING, CONFIG_REQUIRED, .doc = "the model to ask"}};
    static const struct config_schema schema[] = {{"agent", "x", required, 1, CONFIG_NAMED}};
    struct fixture *fixture = *state;

    assert_status(fixture_text(fixture, "[agent x]\n", schema, 1), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture), "t.ini:1: key \"model\" in [agent x]: is "
                                                   "required and has no value: the model to ask\n");
    assert_status(fixture_text(fixture, "[agent x]\nenabled = no\n", schema, 1), TROUPE_OK);
    assert_null(config_str(config_section(fixture->config, "agent", "x"), "model"));
}

/* The first look: plugins' keys are not known yet, everything of the core is checked. */
static void an_open_check_lets_plugins_keys_through(void **state)
{
    static const char text[] = "[agent x]\nplugin = y\nanything = goes\n";
    static const char bad[] = "[agent x]\nenabled = 7\nanything = goes\n[stage s]\nanything = 1\n";
    struct fixture *fixture = *state;
    struct config_raw *raw = NULL;

    assert_status(config_parse_text("t.ini", text, strlen(text), &raw, &fixture->problems),
                  TROUPE_OK);
    assert_status(fixture_check(fixture, raw, NULL, 0, CONFIG_CHECK_OPEN), TROUPE_OK);
    assert_string_equal(fixture_value(fixture, "agent", "x", "plugin"), "y");
    assert_null(config_value(config_section(fixture->config, "agent", "x"), "anything"));

    assert_status(config_parse_text("t.ini", bad, strlen(bad), &raw, &fixture->problems),
                  TROUPE_OK);
    assert_status(fixture_check(fixture, raw, NULL, 0, CONFIG_CHECK_OPEN), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "t.ini:2: key \"enabled\" in [agent x]: expected yes or no, got \"7\"\n"
                        "t.ini:5: key \"anything\" in [stage s]: unknown key; troupe.ini(5) lists "
                        "what there is\n");
}

static void a_wrong_default_blames_the_plugin(void **state)
{
    static const struct config_key wrong[] = {{.name = "count", .type = CONFIG_INT, .def = "many"}};
    static const struct config_schema schema[] = {{"agent", "x", wrong, 1, CONFIG_NAMED}};
    struct fixture *fixture = *state;

    assert_status(fixture_text(fixture, "[agent x]\n", schema, 1), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "key \"count\" in [agent x]: its own default \"many\" is wrong, expected "
                        "an integer; this is an error of the plugin that declares it\n");
}

static void sections_are_found_by_kind_and_in_order(void **state)
{
    struct fixture *fixture = *state;
    const struct config_section *section = NULL;
    const char *names[] = {"zeta", "alpha", "mid.dle"};
    unsigned line = 0;

    assert_status(fixture_text(fixture,
                               "[agent zeta]\n[feature f]\n[agent alpha]\n[agent  mid.dle]\n", NULL,
                               0),
                  TROUPE_OK);
    for (size_t i = 0; i < COUNT(names); i++) {
        section = config_next(fixture->config, "agent", section);
        assert_non_null(section);
        assert_string_equal(config_section_name(section), names[i]);
        assert_string_equal(config_section_kind(section), "agent");
    }
    assert_string_equal(config_section_title(section), "agent mid.dle");
    assert_string_equal(config_section_origin(section, &line), "t.ini");
    assert_int_equal(line, 4);
    assert_null(config_next(fixture->config, "agent", section));
    assert_null(config_section(fixture->config, "agent", "beta"));
    assert_non_null(config_section(fixture->config, "budget", NULL));
}

/* A generation that a running turn holds outlives the one that follows. */
static void a_reference_keeps_the_config(void **state)
{
    struct fixture *fixture = *state;
    struct config *held;

    assert_status(fixture_text(fixture, "[troupe]\nname = one\n", NULL, 0), TROUPE_OK);
    held = config_ref(fixture->config);
    assert_status(fixture_text(fixture, "[troupe]\nname = two\n", NULL, 0), TROUPE_OK);
    assert_string_equal(config_str(config_section(held, "troupe", NULL), "name"), "one");
    config_unref(held);
    config_unref(NULL);
}

static void callers_may_add_problems_of_their_own(void **state)
{
    struct fixture *fixture = *state;

    assert_status(
        config_problem(&fixture->problems, "a.ini", 3, "stage \"%s\" names no agent", "s"),
        TROUPE_CONFIG);
    assert_status(config_problem(&fixture->problems, NULL, 0, "no pipeline"), TROUPE_CONFIG);
    assert_int_equal(fixture->problems.errors, 2);
    assert_string_equal(fixture_problems(fixture),
                        "a.ini:3: stage \"s\" names no agent\nno pipeline\n");
}

static void money_is_exact(void **state)
{
    static const struct {
        const char *text;
        int64_t micros;
    } good[] = {
        {"0", 0},
        {"1", 1000000},
        {"0.1", 100000},
        {"0.000001", 1},
        {"1.005", 1005000},
        {"12345678.901234", 12345678901234},
        {"9223372036854.775807", INT64_MAX},
    };
    static const char *const bad[] = {"",
                                      ".5",
                                      "5.",
                                      "-1",
                                      "+1",
                                      "1,50",
                                      "1e3",
                                      "$1.00",
                                      " 1",
                                      "1.00 ",
                                      "1.0.0",
                                      "0x1",
                                      "1.0000001",
                                      "9223372036854.775808",
                                      "99999999999999999999"};
    int64_t micros;
    char text[32];

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_status(config_parse_money(good[i].text, &micros), TROUPE_OK);
        assert_int_equal(micros, good[i].micros);
        config_format_money(micros, text);
        assert_status(config_parse_money(text, &micros), TROUPE_OK);
        assert_int_equal(micros, good[i].micros);
    }
    micros = 42;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_status(config_parse_money(bad[i], &micros), TROUPE_ARGUMENT);
        assert_int_equal(micros, 42);
    }
    config_format_money(1500000, text);
    assert_string_equal(text, "1.50");
    config_format_money(-1234567, text);
    assert_string_equal(text, "-1.234567");
    config_format_money(INT64_MIN, text);
    assert_string_equal(text, "-9223372036854.775808");
}

static void numbers_are_written_as_people_write_them(void **state)
{
    char text[32];

    (void)state;
    config_format_duration(0, text);
    assert_string_equal(text, "0s");
    config_format_duration(1500, text);
    assert_string_equal(text, "1500ms");
    config_format_duration(90000, text);
    assert_string_equal(text, "90s");
    config_format_duration(7200000, text);
    assert_string_equal(text, "2h");
    config_format_duration(86400000, text);
    assert_string_equal(text, "1d");
    config_format_size(0, text);
    assert_string_equal(text, "0");
    config_format_size(1000, text);
    assert_string_equal(text, "1000");
    config_format_size(65536, text);
    assert_string_equal(text, "64k");
    config_format_size((int64_t)3 << 30, text);
    assert_string_equal(text, "3G");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(every_type_is_read),
        FIXTURE_TEST(a_word_stands_in_place_of_a_time),
        FIXTURE_TEST(defaults_and_unset_keys),
        FIXTURE_TEST(each_misfit_has_its_sentence),
        FIXTURE_TEST(each_wrong_section_has_its_sentence),
        FIXTURE_TEST(all_problems_come_at_once),
        FIXTURE_TEST(a_disabled_agent_needs_no_required_keys),
        FIXTURE_TEST(an_open_check_lets_plugins_keys_through),
        FIXTURE_TEST(a_wrong_default_blames_the_plugin),
        FIXTURE_TEST(sections_are_found_by_kind_and_in_order),
        FIXTURE_TEST(a_reference_keeps_the_config),
        FIXTURE_TEST(callers_may_add_problems_of_their_own),
        cmocka_unit_test(money_is_exact),
        cmocka_unit_test(numbers_are_written_as_people_write_them),
    };

    return cmocka_run_group_tests_name("config/check", tests, NULL, NULL);
}
