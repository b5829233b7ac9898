/* SPDX-License-Identifier: Apache-2.0
 *
 * Text: UTF-8, numbers as operators write them, spelling distance, patterns.
 */
#include "tap.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void utf8_is_judged_by_the_standard(void **state)
{
    static const char *const good[] = {
        "",
        "abc",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "a\xe2\x82\xac z",
    };
    static const char *const bad[] = {
        "\x80",             /* continuation without a start */
        "\xc0\x80",         /* overlong NUL                 */
        "\xc1\xbf",         /* overlong                     */
        "\xe0\x9f\xbf",     /* overlong                     */
        "\xf0\x8f\xbf\xbf", /* overlong                     */
        "\xed\xa0\x80",     /* surrogate                    */
        "\xf4\x90\x80\x80", /* above U+10FFFF               */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xe2\x82",  /* cut                          */
        "\xe2(\xac", /* continuation missing         */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
    assert_true(text_is_utf8("a\0b", 3));
}

static void cutting_keeps_code_points_whole(void **state)
{
    const char *text = "a\xe2\x82\xac\xf0\x9f\x98\x80z"; /* a, euro, smile, z */
    static const size_t want[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9};

    (void)state;
    for (size_t max = 0; max < COUNT(want); max++)
        assert_int_equal(text_utf8_cut(text, strlen(text), max), want[max]);
    assert_int_equal(text_utf16_len(text, strlen(text)), 5); /* the smile counts twice */
    assert_int_equal(text_utf16_len("", 0), 0);
}

static void distance_counts_single_slips(void **state)
{
    (void)state;
    assert_int_equal(text_distance("model", "model", 3), 0);
    assert_int_equal(text_distance("Model", "mODEL", 3), 0); /* case is no difference */
    assert_int_equal(text_distance("modle", "model", 3), 1); /* neighbours swapped    */
    assert_int_equal(text_distance("mdel", "model", 3), 1);
    assert_int_equal(text_distance("moddel", "model", 3), 1);
    assert_int_equal(text_distance("nodel", "model", 3), 1);
    assert_int_equal(text_distance("", "abc", 5), 3);
    assert_int_equal(text_distance("kitten", "sitting", 5), 3);
    assert_int_equal(text_distance("abc", "xyz", 1), 2); /* no more than limit + 1 */
    assert_int_equal(text_distance("a",
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                   "aaaaaaaa",
                                   2),
                     3);
}

static void nearest_names_what_was_probably_meant(void **state)
{
    static const char *const keys[] = {"daily", "per_guild_daily", "per_member_daily", "queue"};

    (void)state;
    assert_string_equal(text_nearest("dayly", keys, 4), "daily");
    assert_string_equal(text_nearest("per_member_dail", keys, 4), "per_member_daily");
    assert_string_equal(text_nearest("quue", keys, 4), "queue");
    assert_null(text_nearest("temperature", keys, 4));
    assert_null(text_nearest("daily", keys, 0));
}

static void numbers_are_whole_strings(void **state)
{
    static const char *const bad_ints[] = {
        "", " 1", "1 ", "1.0", "0x10", "ten", "9223372036854775808", "--1"};
    static const char *const bad_doubles[] = {"", " 1", "1 ", "inf", "nan", "1e999", "1,5", "."};
    int64_t number = 42;
    double real = 42;

    (void)state;
    for (size_t i = 0; i < COUNT(bad_ints); i++)
        assert_status(text_to_int(bad_ints[i], &number), TROUPE_ARGUMENT);
    for (size_t i = 0; i < COUNT(bad_doubles); i++)
        assert_status(text_to_double(bad_doubles[i], &real), TROUPE_ARGUMENT);
    assert_int_equal(number, 42);
    assert_true(real == 42);
    assert_status(text_to_int("-9223372036854775808", &number), TROUPE_OK);
    assert_true(number == INT64_MIN);
    assert_status(text_to_int("007", &number), TROUPE_OK);
    assert_int_equal(number, 7);
    assert_status(text_to_double("-2.5e-1", &real), TROUPE_OK);
    assert_true(real == -0.25);
}

static void booleans_have_four_spellings_each(void **state)
{
    static const char *const yes[] = {"yes", "TRUE", "On", "1"};
    static const char *const no[] = {"no", "false", "OFF", "0"};
    bool value;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        value = false;
        assert_status(text_to_bool(yes[i], &value), TROUPE_OK);
        assert_true(value);
        assert_status(text_to_bool(no[i], &value), TROUPE_OK);
        assert_false(value);
    }
    value = true;
    assert_status(text_to_bool("2", &value), TROUPE_ARGUMENT);
    assert_status(text_to_bool("", &value), TROUPE_ARGUMENT);
    assert_status(text_to_bool("yess", &value), TROUPE_ARGUMENT);
    assert_true(value);
}

static void durations_and_sizes_carry_units(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } durations[] = {{"0", 0},       {"7", 7000},      {"500ms", 500},  {"30s", 30000},
                     {"5m", 300000}, {"5min", 300000}, {"2h", 7200000}, {"1d", 86400000}},
      sizes[] = {{"0", 0},          {"4096", 4096},
                 {"64k", 65536},    {"64K", 65536},
                 {"10M", 10 << 20}, {"10MB", 10 << 20},
                 {"1G", 1LL << 30}, {"8589934591G", 8589934591LL << 30}};
    static const char *const bad[] = {"",
                                      "-1s",
                                      " 1s",
                                      "1 s",
                                      "1w",
                                      "s",
                                      "1.5h",
                                      "1ss",
                                      "99999999999999999999",
                                      "9223372036854775807G",
                                      "9223372036854775807d"};
    int64_t value;

    (void)state;
    for (size_t i = 0; i < COUNT(durations); i++) {
        assert_status(text_to_duration(durations[i].text, &value), TROUPE_OK);
        assert_int_equal(value, durations[i].value);
        assert_status(text_to_size(sizes[i].text, &value), TROUPE_OK);
        assert_int_equal(value, sizes[i].value);
    }
    value = 42;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_status(text_to_duration(bad[i], &value), TROUPE_ARGUMENT);
        assert_status(text_to_size(bad[i], &value), TROUPE_ARGUMENT);
    }
    assert_int_equal(value, 42);
}

static void trimming_and_prefixes(void **state)
{
    char spaced[] = " \t two words\r\n", empty[] = " \n";

    (void)state;
    assert_string_equal(text_trim(spaced), "two words");
    assert_string_equal(text_trim(empty), "");
    assert_true(text_starts("agent llm", "agent "));
    assert_true(text_starts("a", ""));
    assert_false(text_starts("age", "agent"));
}

static void patterns_match_like_the_shells(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"a*c", "abbbc", true},
        {"a*c", "ac", true},
        {"a*c", "abd", false},
        {"?", "", false},
        {"?b?", "abc", true},
        {"*.org", "a.b.org", true},
        {"*.org", "a.b.orgs", false},
        {"*a*a*b", "aaaaaaaaaaaaaaab", true},
        {"*a*a*c", "aaaaaaaaaaaaaaab", false},
        {"A", "a", false},
        {"a**b", "axb", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(text_glob(cases[i].pattern, cases[i].text), cases[i].match);
}

static void one_bad_byte_is_found_wherever_it_stands(void **state)
{
    char text[101];

    (void)state;
    for (size_t at = 0; at < sizeof(text); at++) {
        memset(text, 'x', sizeof(text));
        assert_true(text_is_utf8(text, sizeof(text)));
        text[at] = '\xe4';
        assert_false(text_is_utf8(text, sizeof(text)));
        if (at + 1 < sizeof(text)) {
            memcpy(text + at, "\xc3\xa4", 2);
            assert_true(text_is_utf8(text, sizeof(text)));
            assert_false(text_is_utf8(text, at + 1)); /* cut in the middle */
        }
    }
}

static void what_json_would_escape_is_not_plain(void **state)
{
    char text[40];

    (void)state;
    for (int c = 0; c < 256; c++)
        for (size_t len = 1; len <= sizeof(text); len++)
            for (size_t at = 0; at<len; at += len> 9 ? 7 : 1) {
                bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

                memset(text, '~', sizeof(text));
                text[at] = (char)c;
                assert_int_equal(text_is_plain(text, len), plain);
            }
    assert_true(text_is_plain("\"", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_json_would_escape_is_not_plain),
        cmocka_unit_test(one_bad_byte_is_found_wherever_it_stands),
        cmocka_unit_test(utf8_is_judged_by_the_standard),
        cmocka_unit_test(cutting_keeps_code_points_whole),
        cmocka_unit_test(distance_counts_single_slips),
        cmocka_unit_test(nearest_names_what_was_probably_meant),
        cmocka_unit_test(numbers_are_whole_strings),
        cmocka_unit_test(booleans_have_four_spellings_each),
        cmocka_unit_test(durations_and_sizes_carry_units),
        cmocka_unit_test(trimming_and_prefixes),
        cmocka_unit_test(patterns_match_like_the_shells),
    };

    return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
