/* SPDX-License-Identifier: Apache-2.0
 *
 * What is picked of an event: less than all of it, and what is there is as jansson reads it whole.
 */
#include "tap.h"

#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/pick.h"

#include <string.h>

static const char message[] =
    " { \"type\" : 19 , \"tts\":false,\"timestamp\":\"2026-01-01T00:00:00.000000+00:00\","
    "\"mentions\":[{\"username\":\"a\",\"id\":\"7\"}],\"embeds\":[{\"a\":[[],{},\"}\"]}],"
    "\"member\":{\"roles\":[\"1\",\"2\"],\"nick\":\"N \\\"q\\\" \xc3\xa4\",\"joined_at\":null,"
    "\"avatar\":null},\"id\":\"12345678901234567\",\"content\":\"hi\\n\\ud83d\\ude00 } , {\","
    "\"author\":{\"avatar\":\"x\",\"username\":\"u\",\"id\":\"333\",\"av\":1},"
    "\"attachments\":[{\"filename\":\"avatar\",\"embeds\":1}],\"empty\":{},\"avatars\":2,"
    "\"referenced_message\":{\"id\":\"9\",\"author\":{\"id\":\"777\",\"banner\":{\"b\":[1]}},"
    "\"content\":\"earlier\",\"embeds\":[]} } ";

static json_t *picked(const char *text, size_t len)
{
    json_t *tree = NULL;

    return discord_pick(text, len, &tree, NULL) == TROUPE_OK ? tree : NULL;
}

/* Every member that is there stands in `whole`, too, with the same value but for what went. */
static void is_part(json_t *part, json_t *whole)
{
    const char *key;
    json_t *value;

    json_object_foreach (part, key, value) {
        json_t *other = json_object_get(whole, key);

        assert_non_null(other);
        if (json_is_object(value))
            is_part(value, other);
        else
            assert_true(json_equal(value, other));
    }
}

static void what_is_read_is_there_and_what_costs_most_is_not(void **state)
{
    static const char want[] =
        "{\"type\":19,\"member\":{\"roles\":[\"1\",\"2\"],\"nick\":\"N \\\"q\\\" \xc3\xa4\"},"
        "\"id\":\"12345678901234567\",\"content\":\"hi\\n\\ud83d\\ude00 } , {\","
        "\"author\":{\"username\":\"u\",\"id\":\"333\",\"av\":1},"
        "\"attachments\":[{\"filename\":\"avatar\",\"embeds\":1}],\"empty\":{},\"avatars\":2,"
        "\"referenced_message\":{\"id\":\"9\",\"author\":{\"id\":\"777\"},"
        "\"content\":\"earlier\"}}";
    _cleanup_json_ json_t *part = picked(message, strlen(message)), *expected = NULL;

    (void)state;
    assert_non_null(part);
    assert_int_equal(json_parse(want, strlen(want), &expected, NULL), TROUPE_OK);
    assert_true(json_equal(part, expected));
}

static void what_is_no_object_is_read_as_it_stands(void **state)
{
    static const char *const texts[] = {"[1,{\"avatar\":2}]",  "3", "null", "{}", "{\"embeds\":1}",
                                        "{\"a\":{\"tts\":{}}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        _cleanup_json_ json_t *part = picked(texts[i], strlen(texts[i])), *whole = NULL;

        assert_non_null(part);
        assert_int_equal(json_parse(texts[i], strlen(texts[i]), &whole, NULL), TROUPE_OK);
        if (i < 3)
            assert_true(json_equal(part, whole));
        else
            is_part(part, whole);
    }
}

static void a_text_that_is_cut_or_damaged_is_refused(void **state)
{
    size_t end = strlen(message);

    (void)state;
    while (message[end - 1] != '}')
        end--;
    for (size_t len = 0; len < end; len++) {
        _cleanup_mem_ char *cut = mem_copy(message, len); /* so that a read behind it is seen */
        struct error err;
        json_t *tree = NULL;

        assert_int_equal(discord_pick(cut, len, &tree, &err), TROUPE_DATA);
        assert_null(tree);
    }
    for (size_t at = 0; at < end; at++) {
        _cleanup_mem_ char *odd = mem_copy(message, end);
        _cleanup_json_ json_t *part = NULL, *whole = NULL;

        odd[at] = '\x01';
        part = picked(odd, end);
        assert_int_equal(json_parse(odd, end, &whole, NULL) == TROUPE_OK, part != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_there_and_what_costs_most_is_not),
        cmocka_unit_test(what_is_no_object_is_read_as_it_stands),
        cmocka_unit_test(a_text_that_is_cut_or_damaged_is_refused),
    };

    return cmocka_run_group_tests_name("gateway/pick", tests, NULL, NULL);
}
