/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "store/text_index.h"

#include <stdio.h>
#include <string.h>

#define TEXTS_MAX 8

struct scope {
    struct buf packed[TEXTS_MAX];
    struct text_match matches[TEXTS_MAX];
    bool found[TEXTS_MAX];
    size_t count;
    struct text_query query;
};

static void scope_clear(struct scope *scope)
{
    for (size_t i = 0; i < scope->count; i++)
        buf_clear(&scope->packed[i]);
    scope->count = 0;
}

static void add(struct scope *scope, const char *text)
{
    (void)text_index_pack(text, strlen(text), &scope->packed[scope->count++]);
}

/* The places of what was found, the best first. */
static const char *find(struct scope *scope, const char *text)
{
    static char order[TEXTS_MAX + 1];
    bool taken[TEXTS_MAX] = {false};
    size_t n = 0;

    order[0] = '\0';
    if (!text_query_init(&scope->query, text, strlen(text)))
        return order;
    for (size_t i = 0; i < scope->count; i++)
        scope->found[i] = text_query_look(&scope->query, scope->packed[i].data,
                                          scope->packed[i].len, &scope->matches[i]);
    for (;;) {
        size_t best = scope->count;

        for (size_t i = 0; i < scope->count; i++)
            if (scope->found[i] && !taken[i] &&
                (best == scope->count ||
                 text_query_score(&scope->query, &scope->matches[i]) >
                     text_query_score(&scope->query, &scope->matches[best])))
                best = i;
        if (best == scope->count)
            break;
        taken[best] = true;
        order[n++] = (char)('0' + best);
    }
    order[n] = '\0';
    return order;
}

static void forms_of_a_word_are_one_word(void **state)
{
    static const char *const alike[][2] = {
        {"runs", "running"}, {"planned", "plans"},    {"cities", "City"},     {"boxes", "box"},
        {"Katzen", "Katze"}, {"liked", "like"},       {"quickly", "quick"},   {"Blumen", "BLUME"},
        {"wishes", "wish"},  {"don\u2019t", "don't"}, {"studied", "studies"}, {"東京都", "東京"},
    };
    static const char *const other[][2] = {{"cat", "car"},  {"bus", "bu"},   {"this", "thing"},
                                           {"sing", "sin"}, {"bed", "bing"}, {"1984", "1985"}};
    struct scope scope = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
        add(&scope, alike[i][0]);
        if (strcmp(find(&scope, alike[i][1]), "0") != 0)
            fail_msg("\"%s\" is not found by \"%s\"", alike[i][0], alike[i][1]);
        scope_clear(&scope);
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        add(&scope, other[i][0]);
        if (strcmp(find(&scope, other[i][1]), "") != 0)
            fail_msg("\"%s\" is found by \"%s\"", other[i][0], other[i][1]);
        scope_clear(&scope);
    }
}

static void rare_words_and_short_texts_come_first(void **state)
{
    struct scope scope = {0};

    (void)state;
    add(&scope, "the garden party was in the garden");
    add(&scope, "party party at the lake");
    add(&scope, "a walrus came to the party");
    add(&scope, "party and again something about very many other things on a long summer evening");
    assert_string_equal(find(&scope, "walrus party"), "2103");
    assert_string_equal(find(&scope, "lake"), "1");
    assert_string_equal(find(&scope, "zebra"), "");
    scope_clear(&scope);
}

static void common_words_count_only_where_there_are_no_others(void **state)
{
    struct scope scope = {0};

    (void)state;
    add(&scope, "to be or not to be");
    add(&scope, "a zebra");
    assert_string_equal(find(&scope, "what is a zebra to you"), "1");
    assert_string_equal(find(&scope, "to be"), "0");
    assert_string_equal(find(&scope, "?!"), "");
    scope_clear(&scope);
}

static void the_share_tells_how_much_of_the_question_is_there(void **state)
{
    struct scope scope = {0};

    (void)state;
    add(&scope, "my cat is called Minka");
    add(&scope, "my dog is called Rex");
    assert_string_equal(find(&scope, "cat called"), "01");
    assert_true(text_query_share(&scope.query, &scope.matches[0]) > 0.999);
    assert_true(text_query_share(&scope.query, &scope.matches[1]) < 0.4);
    assert_true(text_query_share(&scope.query, &scope.matches[1]) > 0);
    assert_string_equal(find(&scope, "cat zebra"), "0");
    assert_true(text_query_share(&scope.query, &scope.matches[0]) < 0.5);
    scope_clear(&scope);
}

static void broken_bytes_find_nothing_and_do_no_harm(void **state)
{
    struct buf packed = BUF_INIT;
    struct text_query query;
    struct text_match match;

    (void)state;
    assert_false(text_index_pack("", 0, &packed));
    assert_false(text_index_pack("\xff\xfe", 2, &packed));
    assert_int_equal(packed.len, 0);
    assert_true(text_index_pack("walrus", 6, &packed));
    assert_true(text_query_init(&query, "walrus", 6));
    for (size_t len = 0; len < packed.len; len++)
        assert_false(text_query_look(&query, packed.data, len, &match));
    assert_true(text_query_look(&query, packed.data, packed.len, &match));
    packed.data[0] = 99; /* another version */
    assert_false(text_query_look(&query, packed.data, packed.len, &match));
    buf_clear(&packed);
}

static void what_is_kept_is_bounded(void **state)
{
    struct buf text = BUF_INIT, packed = BUF_INIT;
    struct text_query query;
    struct text_match match;

    (void)state;
    for (int i = 0; i < 3000; i++)
        buf_printf(&text, "word%d ", i);
    assert_true(text_index_pack(text.data, text.len, &packed));
    assert_true(packed.len < 8 * TEXT_INDEX_WORDS_MAX);
    assert_true(text_query_init(&query, "word999 word1000", 16));
    assert_true(text_query_look(&query, packed.data, packed.len, &match));
    assert_int_equal(match.times[0], 1);
    assert_int_equal(match.times[1], 0);
    assert_true(text_query_init(&query, text.data, text.len));
    assert_int_equal(query.word_count, TEXT_INDEX_QUERY_MAX);
    buf_clear(&text);
    buf_clear(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_a_word_are_one_word),
        cmocka_unit_test(rare_words_and_short_texts_come_first),
        cmocka_unit_test(common_words_count_only_where_there_are_no_others),
        cmocka_unit_test(the_share_tells_how_much_of_the_question_is_there),
        cmocka_unit_test(broken_bytes_find_nothing_and_do_no_harm),
        cmocka_unit_test(what_is_kept_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
