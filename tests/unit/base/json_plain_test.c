/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON that the core reads and writes by itself, beside what jansson makes of it.
 */
#include "base/json.h"
#include "base/json_plain.h"
#include "base/json_printed.h"
#include "base/mem.h"
#include "json_maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 20000

static void check_print(const json_t *value)
{
    _cleanup_mem_ char *own = json_print(value);
    char *its = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    assert_string_equal(own, its);
    free(its);
}

/* The same text by both ways; 1 where it needed no jansson. */
static int check_read(const char *text, size_t len, bool unique)
{
    json_t *quick = json_plain_parse(text, len, JSON_DEPTH_MAX, unique), *own = NULL;
    json_t *its =
        json_loadb(text, len, JSON_DECODE_ANY | (unique ? JSON_REJECT_DUPLICATES : 0), NULL);
    struct error err;
    troupe_status status =
        unique ? json_parse(text, len, &own, &err) : json_parse_lenient(text, len, &own, &err);
    int plain = quick != NULL;

    if ((status < 0) != !its || (its && !json_equal(its, own)) ||
        (quick && (!its || !json_equal(quick, its))))
        fail_msg("\"%.*s\"", (int)len, text);
    if (own)
        check_print(own);
    json_decref(own);
    json_decref(quick);
    json_decref(its);
    return plain;
}

static void what_is_read_and_written_is_what_jansson_says(void **state)
{
    static struct json_maker maker = {.state = 11};
    size_t plain = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        json_make(&maker);
        plain += (size_t)check_read(maker.text, maker.len, i % 2 == 0);
    }
    assert_true(plain > ROUNDS / 8 && plain < ROUNDS); /* both ways were gone */
}

static void every_byte_is_written_as_jansson_does(void **state)
{
    (void)state;
    for (int c = 1; c < 0x80; c++)
        for (size_t at = 0; at < 18; at++) {
            char text[19] = "aaaaaaaaaaaaaaaaaa";
            json_t *value;

            text[at] = (char)c;
            value = json_string(text);
            check_print(value);
            json_decref(value);
        }
}

static void a_name_given_twice_is_refused_or_the_last_counts(void **state)
{
    static const char text[] = "{\"a\":1,\"b\":2,\"a\":3}";
    json_t *value = NULL;
    struct error err;

    (void)state;
    assert_int_equal(json_parse(text, strlen(text), &value, &err), TROUPE_DATA);
    assert_int_equal(json_parse_lenient(text, strlen(text), &value, &err), TROUPE_OK);
    assert_int_equal(json_integer_value(json_object_get(value, "a")), 3);
    json_decref(value);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    json_t *value = NULL;
    struct error err;

    (void)state;
    assert_int_equal(json_parse("{\"a\":1,}", 8, &value, &err), TROUPE_DATA);
    assert_non_null(strstr(err.text, "line 1 column"));
    assert_null(value);
}

static void nesting_is_bounded_whoever_reads(void **state)
{
    static char text[2 * JSON_DEPTH_MAX + 3];

    (void)state;
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        json_t *value = NULL;
        struct error err;

        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(json_parse(text, 2 * depth, &value, &err) >= 0, depth == JSON_DEPTH_MAX);
        json_decref(value);
    }
}

/* What is taken for printed is, and most of what was printed is taken for it: all but fractions, large numbers and
 * deep or wide values. */
static void what_is_printed_is_known_by_its_text(void **state)
{
    static struct json_maker maker = {.state = 13};
    size_t printed = 0, known = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        _cleanup_json_ json_t *value = NULL;
        _cleanup_mem_ char *text = NULL;
        bool taken;

        json_make(&maker);
        taken = json_printed(maker.text, maker.len);
        if (json_parse(maker.text, maker.len, &value, NULL) < 0) {
            assert_false(taken);
            continue;
        }
        text = json_print(value);
        if (taken && (strlen(text) != maker.len || memcmp(text, maker.text, maker.len) != 0))
            fail_msg("\"%.*s\" is printed \"%s\"", (int)maker.len, maker.text, text);
        printed++;
        known += json_printed(text, strlen(text));
    }
    assert_true(known > printed / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_and_written_is_what_jansson_says),
        cmocka_unit_test(what_is_printed_is_known_by_its_text),
        cmocka_unit_test(every_byte_is_written_as_jansson_does),
        cmocka_unit_test(a_name_given_twice_is_refused_or_the_last_counts),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(nesting_is_bounded_whoever_reads),
    };

    return cmocka_run_group_tests_name("base/json_plain", tests, NULL, NULL);
}
