/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *raw, const char *want)
{
    char text[200];
    size_t len;

    snprintf(text, sizeof(text), "%s", raw);
    len = json_unescape(text, strlen(raw), text); /* in its own place */
    text[len] = '\0';
    assert_string_equal(text, want);
}

static void a_string_says_what_the_full_parser_reads(void **state)
{
    static const char *const raw[] = {
        "",
        "plain",
        "caf\\u00e9 \\\"x\\\" \\\\ \\/ \\b\\f\\n\\r\\t",
        "\\ud83d\\ude00 between \\uD83D\\uDE00",
        "\xc3\xa9\\u20ac\\uffff",
        "\\u0001\\u007f\\u0080\\u07ff\\u0800",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
        char quoted[200];
        json_t *value;

        snprintf(quoted, sizeof(quoted), "\"%s\"", raw[i]);
        value = json_loads(quoted, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        check(raw[i], json_string_value(value));
        json_decref(value);
    }
}

static void what_no_text_can_hold_is_replaced(void **state)
{
    (void)state;
    check("a\\u0000b", "a\xef\xbf\xbd"
                       "b");
    check("\\ud83d", "\xef\xbf\xbd");
    check("\\ud83dx", "\xef\xbf\xbdx");
    check("\\ude00\\ud83d\\u0041", "\xef\xbf\xbd\xef\xbf\xbd"
                                   "A");
    check("cut\\", "cut");
    check("cut\\u12", "cut?12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_says_what_the_full_parser_reads),
        cmocka_unit_test(what_no_text_can_hold_is_replaced),
    };

    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
