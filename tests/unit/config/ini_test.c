/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of one file: what is read, and the exact sentence for what is not.
 */
#include "fixture.h"

static void reads_keys_comments_and_sections(void **state)
{
    struct fixture *fixture = *state;
    const char *text = "\xef\xbb\xbf; a comment\n"
                       "# another\r\n"
                       "\n"
                       "[troupe] ; behind a header\r\n"
                       "name = Ada\xc3\xa9 Bot   \n"
                       "  log_level: debug ; cut\n"
                       "[ agent\t hello.v2-x ]\n"
                       "specialty = a;b = c\n"
                       "[agent empty]\n"
                       "[console]\n"
                       "prefix = !"; /* no newline at the end */

    assert_status(fixture_text(fixture, text, NULL, 0), TROUPE_OK);
    assert_string_equal(fixture_problems(fixture), "");
    assert_string_equal(fixture_value(fixture, "troupe", NULL, "name"), "Ada\xc3\xa9 Bot");
    assert_string_equal(fixture_value(fixture, "troupe", NULL, "log_level"), "debug");
    assert_string_equal(fixture_value(fixture, "agent", "hello.v2-x", "specialty"), "a;b = c");
    assert_string_equal(fixture_value(fixture, "agent", "empty", "plugin"), "empty");
    assert_string_equal(fixture_value(fixture, "console", NULL, "prefix"), "!");
}

static void names_the_line_of_each_bad_one(void **state)
{
    static const struct {
        const char *text, *problems;
    } cases[] = {
        {"[troupe]\nname\n",
         "t.ini:2: expected KEY = VALUE, [SECTION] or a comment; a value ends with its line\n"},
        {"[troupe]\nname = a\n  continued here\n",
         "t.ini:3: expected KEY = VALUE, [SECTION] or a comment; a value ends with its line\n"},
        {"name = a\n", "t.ini:1: a key stands before the first [SECTION]; only \"include\" may\n"},
        {"include = x.ini\n", "t.ini:1: include: a text without a place cannot include files\n"},
        {"[troupe\nname = a\n", "t.ini:1: section header without \"]\"\n"},
        {"[troupe] name = a\n", "t.ini:1: text behind \"]\"; put keys in lines of their own\n"},
        {"[]\nx = 1\n", "t.ini:1: expected [KIND] or [KIND NAME], each of at most 48 letters, "
                        "digits, \"_\" or \"-\", a name also with \".\"\n"},
        {"[agent a b]\nx = 1\n",
         "t.ini:1: expected [KIND] or [KIND NAME], each of at most 48 letters, digits, \"_\" or "
         "\"-\", a name also with \".\"\n"},
        {"[agent 0123456789012345678901234567890123456789012345678]\n",
         "t.ini:1: expected [KIND] or [KIND NAME], each of at most 48 letters, digits, \"_\" or "
         "\"-\", a name also with \".\"\n"},
        {"[troupe]\nmy name = a\n",
         "t.ini:2: a key is made of at most 48 letters, digits, \"_\" or \"-\"\n"},
        {"[troupe]\n= a\n",
         "t.ini:2: a key is made of at most 48 letters, digits, \"_\" or \"-\"\n"},
        {"[troupe]\nname = a\n\n[store]\n[troupe]\nname = b\n",
         "t.ini:6: key \"name\" in [troupe]: is set twice in this file, first in line 2\n"},
        {"[troupe]\nname = \xff\n", "t.ini:2: the line is not UTF-8 text\n"},
        {"[troupe\nx = 1\n[store]\ny\n[console]\nz\n",
         "t.ini:1: section header without \"]\"\n"
         "t.ini:4: expected KEY = VALUE, [SECTION] or a comment; a value ends with its line\n"
         "t.ini:6: expected KEY = VALUE, [SECTION] or a comment; a value ends with its line\n"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_status(fixture_text(fixture, cases[i].text, NULL, 0), TROUPE_CONFIG);
        assert_string_equal(fixture_problems(fixture), cases[i].problems);
    }
}

static void refuses_nul_bytes(void **state)
{
    static const char text[] = "[troupe]\nname = a\0b\n";
    struct fixture *fixture = *state;
    struct config_raw *raw = NULL;

    assert_status(config_parse_text("t.ini", text, sizeof(text) - 1, &raw, &fixture->problems),
                  TROUPE_CONFIG);
    assert_null(raw);
    assert_string_equal(fixture_problems(fixture), "t.ini:2: the line is not UTF-8 text\n");
}

/* The library's buffer would cut such lines; comments may be as long as they like. */
static void never_cuts_a_long_line(void **state)
{
    struct fixture *fixture = *state;
    char text[1024];

    snprintf(text, sizeof(text), "[troupe]\n; %0300d\nname = %0191d\n", 0, 7);
    assert_status(fixture_text(fixture, text, NULL, 0), TROUPE_OK);
    assert_int_equal(strlen(fixture_value(fixture, "troupe", NULL, "name")), 191);

    snprintf(text, sizeof(text), "[troupe]\nname = %0192d\nlog_level = debug\n", 7);
    assert_status(fixture_text(fixture, text, NULL, 0), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "t.ini:2: the line has 199 bytes, at most 198 are read; put a long value "
                        "into a file of its own and write ${file:PATH}\n");
}

static void keeps_within_its_bounds(void **state)
{
    struct fixture *fixture = *state;
    struct config_raw *raw = NULL;
    struct buf text = BUF_INIT;

    buf_puts(&text, "[agent a]\n");
    for (int i = 0; i < CONFIG_MAX_ENTRIES; i++)
        buf_printf(&text, "key%d = 1\n", i);
    assert_status(config_parse_text("t.ini", buf_text(&text), text.len, &raw, &fixture->problems),
                  TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "t.ini:4097: more than 4096 sections and keys\n");

    buf_reset(&text);
    for (int i = 0; i < CONFIG_MAX_PROBLEMS + 20; i++)
        buf_puts(&text, "nonsense\n");
    assert_status(config_parse_text("t.ini", buf_text(&text), text.len, &raw, &fixture->problems),
                  TROUPE_CONFIG);
    assert_int_equal(fixture->problems.count, CONFIG_MAX_PROBLEMS);
    assert_int_equal(fixture->problems.dropped, 20);
    assert_int_equal(fixture->problems.errors, CONFIG_MAX_PROBLEMS + 20);
    config_problems_clear(&fixture->problems);

    while (text.len <= CONFIG_MAX_FILE)
        buf_puts(&text, "; filling up to the largest file that is read, and one byte more\n");
    assert_status(config_parse_text("t.ini", buf_text(&text), text.len, &raw, &fixture->problems),
                  TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "t.ini: the text is larger than 1048576 bytes\n");
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(reads_keys_comments_and_sections),
        FIXTURE_TEST(names_the_line_of_each_bad_one),
        FIXTURE_TEST(refuses_nul_bytes),
        FIXTURE_TEST(never_cuts_a_long_line),
        FIXTURE_TEST(keeps_within_its_bounds),
    };

    return cmocka_run_group_tests_name("config/ini", tests, NULL, NULL);
}
