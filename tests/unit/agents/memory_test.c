/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/gather.h"
#include "memory/ingest.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

static void assert_text(troupe_str got, const char *want)
{
    if (got.len != strlen(want) || memcmp(got.ptr, want, got.len) != 0)
        fail_msg("got \"%.*s\", expected \"%s\"", (int)got.len, got.ptr, want);
}

static void what_asks_to_keep_something_is_known_from_what_does_not(void **state)
{
    static const struct {
        const char *text, *what; /* NULL: none of ours */
    } cases[] = {
        {"remember that my cat is called Tom", "my cat is called Tom"},
        {"Please, remember: I am 30!", "I am 30"},
        {"hey can you remember my birthday is in May", "my birthday is in May"},
        {"merk dir, dass ich in Bremen wohne", "ich in Bremen wohne"},
        {"Bitte merke dir: ich mag Tee.", "ich mag Tee"},
        {"remember this", ""},
        {"remember", ""},
        {"remember when we went to the lake", NULL},
        {"remember to buy milk", NULL},
        {"remember my cat?", NULL},
        {"do you remember my cat", NULL},
        {"remembering is hard", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        troupe_str what = {"", 0};

        if (words_to_keep(str(cases[i].text), &what) != (cases[i].what != NULL))
            fail_msg("\"%s\" is taken wrongly", cases[i].text);
        if (cases[i].what)
            assert_text(what, cases[i].what);
    }
    assert_false(words_to_keep((troupe_str){"remember\0x", 10}, &(troupe_str){NULL, 0}));
}

static void questions_are_known(void **state)
{
    (void)state;
    assert_true(words_is_question(str("what's the name of my cat")));
    assert_true(words_is_question(str("wo wohne ich")));
    assert_true(words_is_question(str("my cat? ")));
    assert_false(words_is_question(str("my cat is black")));
    assert_false(words_is_question(str("what")));
    assert_false(words_is_question(str("")));
}

static void a_question_that_needs_its_talk_is_known(void **state)
{
    static const char *const back[] = {"how old is he?",       "and the cat?",
                                       "what is her name",     "what's their favourite food?",
                                       "wie alt ist sie?",     "und was ist mit dem Hund?",
                                       "what about that one?", "wo wohnt er denn"};
    static const char *const whole[] = {"what is my cat's name and how old is it?",
                                        "where do I live?",
                                        "when does the lake open?",
                                        "wo wohne ich",
                                        "my cat?",
                                        ""};

    (void)state;
    for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++)
        if (!words_points_back(str(back[i])))
            fail_msg("\"%s\" points back", back[i]);
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        if (words_points_back(str(whole[i])))
            fail_msg("\"%s\" says all", whole[i]);
}

static void only_the_members_own_words_count(void **state)
{
    static char own[OWN_MAX];
    static char much[2 * OWN_MAX];

    (void)state;
    assert_text(
        (troupe_str){own, words_own(str("> you owe me\nI live here\n```\nmy code\n```\nyes"), own)},
        "I live here\nyes");
    assert_text(
        (troupe_str){own, words_own(str("look\n\nAttached file a.txt:\n```\nI am king\n```"), own)},
        "look\n");
    assert_text((troupe_str){own, words_own(str("Attached file a.txt:\nI am king"), own)}, "");
    memset(much, 'a', sizeof(much) - 1);
    assert_true(words_own(str(much), own) < OWN_MAX);
}

static void sentences_about_the_member_are_facts(void **state)
{
    static const char *const facts[] = {"I live in Bremen", "my dog is called Rex",
                                        "I'm allergic to nuts", "ich mag keinen Tee"};
    static const char *const others[] = {
        "you live in Bremen", "the dog is called Rex", "my dog?", "I am", "do I like tea", ""};
    troupe_str rest = str("Hello there, I work at 3.5 places. My cat is old!\nWhat now? ok"),
               sentence;

    (void)state;
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        if (words_fact_weight(str(facts[i])) <= 0)
            fail_msg("\"%s\" is no fact", facts[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (words_fact_weight(str(others[i])) > 0)
            fail_msg("\"%s\" is a fact", others[i]);
    assert_true(words_next_sentence(&rest, &sentence));
    assert_text(words_after_greeting(sentence), "I work at 3.5 places");
    assert_true(words_next_sentence(&rest, &sentence));
    assert_text(sentence, "My cat is old");
    assert_true(words_next_sentence(&rest, &sentence));
    assert_text(sentence, "What now?");
    assert_true(words_next_sentence(&rest, &sentence));
    assert_false(words_next_sentence(&rest, &sentence));
}

static void what_there_is_one_of_has_a_slot(void **state)
{
    static const char *const cases[][2] = {
        {"my cat is called Tom", "my cat/name"},
        {"my cat's name is Max", "my cat/name"},
        {"meine Katze heißt Mia", "my katze/name"},
        {"my favorite color is blue", "my favorite color"},
        {"I live in Bremen", "live"},
        {"I moved to Berlin", "live"},
        {"ich in Bremen wohne", "live"},
        {"I am 30 years old", "my age"},
        {"I like peanuts", "like/peanuts"},
        {"I don't like peanuts", "like/peanuts"},
        {"ich mag keine Nüsse", "like/nüsse"},
        {"my cat is black", ""},
        {"the sky is blue", ""},
        {"", ""},
    };
    char slot[SLOT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        words_slot(str(cases[i][0]), slot);
        if (strcmp(slot, cases[i][1]) != 0)
            fail_msg("\"%s\" has the slot \"%s\"", cases[i][0], slot);
    }
}

static void opposites_numbers_and_names_are_not_the_same(void **state)
{
    (void)state;
    assert_true(words_same(str("my cat is called Tom"), str("My cat's called Tom!")));
    assert_true(words_same(str("I am allergic to peanuts"), str("I'm allergic to peanut")));
    assert_false(words_same(str("I like peanuts"), str("I don't like peanuts")));
    assert_false(words_same(str("my cat is called Tom"), str("my cat is called Max")));
    assert_false(words_same(str("my cat is called Tom"), str("my dog is called Tom")));
    assert_false(words_same(str("I am 30 years old"), str("I am 31 years old")));
    assert_false(words_same(str("I love tea"), str("I hate tea")));
    assert_true(words_opposite(str("I am allergic to nuts"), str("I'm not allergic to nuts")));
    assert_false(words_opposite(str("I am allergic to nuts"), str("I am allergic to nuts")));
    assert_false(words_opposite(str("I am allergic to nuts"), str("I am not at home")));
    assert_false(words_same(str("I am"), str("my"))); /* nothing that could tell */
}

static void a_models_answer_is_read_whatever_stands_around_it(void **state)
{
    static const char good[] = "Sure!\n```json\n{\"facts\": [{\"fact\": \"my cat is Tom\", "
                               "\"importance\": 7}, {\"fact\": \"\"}, {\"fact\": 3}, {\"fact\": "
                               "\"I live here\"}]}\n```";
    static const char *const bad[] = {"", "no", "{", "{}", "{\"facts\": 3}", "[1]", "}{"};
    struct memory_fact facts[4];
    char arena[sizeof(good)];

    (void)state;
    assert_int_equal(gather_read_answer(str(good), arena, facts, 4), 2);
    assert_text(facts[0].content, "my cat is Tom");
    assert_true(facts[0].importance > 0.99 && facts[0].importance < 1.01);
    assert_false(facts[0].trusted); /* until the member's words are found in it */
    assert_text(facts[1].content, "I live here");
    assert_int_equal(gather_read_answer(str(good), arena, facts, 1), 1);
    assert_int_equal(gather_read_answer(str("{\"facts\": []}"), arena, facts, 4), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(gather_read_answer(str(bad[i]), arena, facts, 4), -1);
    assert_true(words_share(str("my cat is called Tom"), str("so, my cat's name is Tom")) > 0.5);
    assert_true(words_share(str("I am the king of France"), str("my cat's name is Tom")) < 0.1);
}

static void documents_are_cut_at_headings_and_paragraphs(void **state)
{
    static struct ingest_piece pieces[8];
    static char lines[3001];
    troupe_str rest;
    size_t total = 0;

    (void)state;
    assert_int_equal(ingest_cut(str("# A\n\nOne.\n## B\nTwo.\n```\n# no heading\n```\n# C\nThree"),
                                pieces, 8, &rest),
                     3);
    assert_string_equal(pieces[0].heading, "A");
    assert_string_equal(pieces[1].heading, "A > B");
    assert_text(pieces[1].text, "## B\nTwo.\n```\n# no heading\n```\n");
    assert_string_equal(pieces[2].heading, "C");
    assert_int_equal(rest.len, 0);
    assert_int_equal(ingest_cut(str(" \n# \n"), pieces, 8, &rest), 0);
    for (size_t i = 0; i + 1 < sizeof(lines); i++)
        lines[i] = i % 60 == 59 ? '\n' : i % 6 == 5 ? ' ' : 'x';
    assert_int_equal(ingest_cut(str(lines), pieces, 8, &rest), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(pieces[i].text.len <= PIECE_MOST);
        assert_int_equal(pieces[i].text.ptr - lines, total);
        total += pieces[i].text.len;
        assert_int_equal(lines[total - 1] == '\n' || lines[total - 1] == ' ' || total == 3000, 1);
    }
    assert_int_equal(total, 3000);
    assert_int_equal(ingest_cut(str(lines), pieces, 2, &rest), 2);
    assert_true(rest.len > 0);
}

static void a_fact_is_cut_between_characters(void **state)
{
    static char text[1200], clean[FACT_MAX + 1];
    size_t len;

    (void)state;
    assert_int_equal(words_clean(str("  a \n\t b  "), clean), 3);
    assert_string_equal(clean, "a b");
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\u20ac", 3);
        text[1000] = '\0';
        len = words_clean(str(text), clean);
        assert_true(len <= FACT_MAX && len > FACT_MAX - 10);
        assert_int_equal((len - shift) % 3, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_asks_to_keep_something_is_known_from_what_does_not),
        cmocka_unit_test(a_question_that_needs_its_talk_is_known),
        cmocka_unit_test(questions_are_known),
        cmocka_unit_test(only_the_members_own_words_count),
        cmocka_unit_test(sentences_about_the_member_are_facts),
        cmocka_unit_test(what_there_is_one_of_has_a_slot),
        cmocka_unit_test(opposites_numbers_and_names_are_not_the_same),
        cmocka_unit_test(a_models_answer_is_read_whatever_stands_around_it),
        cmocka_unit_test(documents_are_cut_at_headings_and_paragraphs),
        cmocka_unit_test(a_fact_is_cut_between_characters),
    };

    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
