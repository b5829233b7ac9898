/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON that plugins/llm reads and writes by itself, beside what jansson makes of it.
 */
#include "../base/json_maker.h"
#include "llm/json.h"
#include "tap.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 20000

static void check_print(const json_t *value)
{
    char *own = llm_json_print(value, JSON_REAL_PRECISION(6));
    char *its = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));

    assert_non_null(own);
    assert_string_equal(own, its);
    free(own);
    free(its);
}

static void what_is_read_and_written_is_what_jansson_says(void **state)
{
    static struct json_maker maker = {.state = 7};
    size_t plain = 0, good = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        json_t *own, *quick, *its;

        json_make(&maker);
        quick = llm_json_load_plain(maker.text, maker.len);
        own = llm_json_load(maker.text, maker.len);
        its = json_loadb(maker.text, maker.len, JSON_DECODE_ANY, NULL);
        if (!its != !own || (its && !json_equal(its, own)) || (quick && !its) ||
            (quick && !json_equal(quick, its)))
            fail_msg("round %d: \"%.*s\"", i, (int)maker.len, maker.text);
        if (own)
            check_print(own);
        plain += quick != NULL;
        good += its != NULL;
        json_decref(own);
        json_decref(quick);
        json_decref(its);
    }
    assert_true(plain > good / 4); /* both ways were gone */
    assert_true(plain < good);
    assert_true(good < ROUNDS);
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

static void every_length_of_a_number_is_written_as_jansson_does(void **state)
{
    (void)state;
    for (int digits = 0; digits <= 19; digits++)
        for (int sign = -1; sign <= 1; sign += 2) {
            int64_t number = digits == 19 && sign < 0 ? INT64_MIN : digits == 19 ? INT64_MAX : sign;
            json_t *value;

            for (int i = 1; i < digits && digits < 19; i++)
                number = number * 10 + sign * i % 10;
            value = json_integer(digits ? number : 0);
            check_print(value);
            json_decref(value);
        }
}

static void pieces_of_answers_need_no_jansson(void **state)
{
    static const struct {
        const char *text;
    } pieces[] = {
        {"{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","
         "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" so \\\"gut\\\"\\n\xc3\xa4\"},"
         "\"finish_reason\":null}]}"},
        {"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
         "\"text\":\"Hello\"} }"},
        {"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\" "
         "we\"},\"done\":false}"},
        {"{\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":20,\"total_tokens\":1020}}"}};

    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        json_t *value = llm_json_load_plain(pieces[i].text, strlen(pieces[i].text));

        assert_non_null(value);
        json_decref(value);
    }
}

static void nesting_is_bounded_whoever_reads(void **state)
{
    char text[2 * LLM_JSON_DEPTH_MAX + 3] = "";
    json_t *value;

    (void)state;
    for (size_t depth = LLM_JSON_DEPTH_MAX; depth <= LLM_JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        value = llm_json_load(text, 2 * depth);
        assert_int_equal(value != NULL, depth == LLM_JSON_DEPTH_MAX);
        json_decref(value);
    }
}

static void of_two_members_of_a_name_the_last_counts(void **state)
{
    static const char text[] = "{\"a\":1,\"b\":2,\"a\":3}";
    json_t *value = llm_json_load_plain(text, strlen(text));

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(value, "a")), 3);
    assert_int_equal(json_object_size(value), 2);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_and_written_is_what_jansson_says),
        cmocka_unit_test(every_byte_is_written_as_jansson_does),
        cmocka_unit_test(every_length_of_a_number_is_written_as_jansson_does),
        cmocka_unit_test(pieces_of_answers_need_no_jansson),
        cmocka_unit_test(nesting_is_bounded_whoever_reads),
        cmocka_unit_test(of_two_members_of_a_name_the_last_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
