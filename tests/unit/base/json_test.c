/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/json_printed.h"
#include "base/mem.h"

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

/* As json_print gives it back, member by member. */
static void check_printed(const char *text, size_t len, const struct json_member *members,
                          size_t count)
{
    _cleanup_json_ json_t *object = NULL;
    _cleanup_mem_ char *whole = NULL;
    struct error err;

    assert_int_equal(json_parse(text, len, &object, &err), TROUPE_OK);
    whole = json_print(object);
    assert_int_equal(strlen(whole), len);
    assert_memory_equal(whole, text, len);
    assert_int_equal(json_object_size(object), count);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_getn(object, members[i].name, members[i].name_len);
        _cleanup_mem_ char *printed = json_print(value);
        int64_t number;

        assert_non_null(printed);
        assert_int_equal(strlen(printed), members[i].len);
        assert_memory_equal(printed, members[i].value, members[i].len);
        assert_int_equal(json_printed_int(&members[i], &number), json_is_integer(value));
        if (json_is_integer(value))
            assert_true(number == json_integer_value(value));
    }
}

static bool is_printed(const char *text, size_t len)
{
    _cleanup_mem_ char *exact = mem_copy(text, len ? len : 1);
    struct json_member members[16];
    size_t count;

    if (!json_printed_members(exact, len, members, 16, &count)) {
        assert_false(len && *exact == '{' && json_printed(exact, len));
        return false;
    }
    assert_true(json_printed(exact, len));
    check_printed(exact, len, members, count);
    return true;
}

static void an_object_that_we_wrote_is_read_where_it_stands(void **state)
{
    static const char *const printed[] = {
        "{}",
        "{\"a\":1}",
        "{\"\":-123456789012345678,\"b\":[],\"c\":{\"b\":{},\"a\":[true,false,null,0]}}",
        "{\"text\":\"\\\"\\\\\\b\\f\\n\\r\\t \xc3\xa9 \xf0\x9f\x98\x80 \x7f/\"}",
    };
    static const char *const other[] = {
        "",
        "[]",
        "1",
        "{",
        "{\"a\":1} ",
        "{ }",
        "{\"a\": 1}",
        "{\"a\":1,}",
        "{\"a\":1.0}",
        "{\"a\":-0}",
        "{\"a\":01}",
        "{\"a\":1e1}",
        "{\"a\":1234567890123456789}",
        "{\"a\":\"\\/\"}",
        "{\"a\":\"\\u0041\"}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\":tru}",
        "{\"a\"}",
        "{\"a\":[1,]}",
        "{\"a\":[1}",
        "{\"\\n\":1}",
    };
    static const char spare[] = "\"\\{}[]:,0123-.eEtfn aub/\x01\x80\xc3\xed\xa0\xf4";
    unsigned seed = 1, kept = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(printed) / sizeof(printed[0]); i++) {
        size_t len = strlen(printed[i]);

        assert_true(is_printed(printed[i], len));
        for (int round = 0; round < 5000; round++) {
            char changed[128];

            memcpy(changed, printed[i], len);
            for (int k = 0; k <= round % 3; k++) {
                seed = seed * 1103515245u + 12345u;
                changed[(seed >> 8) % len] = spare[(seed >> 20) % (sizeof(spare) - 1)];
            }
            kept += is_printed(changed, len);
        }
    }
    assert_true(kept > 100);
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        if (is_printed(other[i], strlen(other[i])))
            fail_msg("%s", other[i]);
    assert_false(is_printed("{\"a\":\"\\\0\"}", 10));
    assert_true(json_printed("[1]", 3) && json_printed("null", 4) && json_printed("\"\"", 2));
    assert_false(json_printed("", 0) || json_printed("1 ", 2) || json_printed("nul", 3));
}

static void what_is_large_is_left_to_the_full_parser(void **state)
{
    struct json_member members[16];
    char text[256] = "{\"a\":";
    size_t count, len = strlen(text);

    (void)state;
    memset(text + len, '[', 15);
    memset(text + len + 15, ']', 15);
    text[len + 30] = '}';
    assert_true(is_printed(text, len + 31));
    memset(text + len, '[', 16);
    memset(text + len + 16, ']', 16);
    text[len + 32] = '}';
    assert_false(is_printed(text, len + 33));
    assert_false(json_printed_members("{\"a\":1,\"b\":2}", 13, members, 1, &count));
    len = (size_t)snprintf(text, sizeof(text), "{");
    for (int i = 0; i < 17; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"%d\":1", i ? "," : "", i);
    text[len++] = '}';
    assert_false(is_printed(text, len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_says_what_the_full_parser_reads),
        cmocka_unit_test(what_no_text_can_hold_is_replaced),
        cmocka_unit_test(an_object_that_we_wrote_is_read_where_it_stands),
        cmocka_unit_test(what_is_large_is_left_to_the_full_parser),
    };

    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
