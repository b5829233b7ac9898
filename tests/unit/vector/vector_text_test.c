/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_fixture.h"

#include "store/vector_text.h"

enum { DIM = VECTOR_TEXT_DIM };

static bool embed(const char *text, float *out)
{
    return vector_of_text(text, strlen(text), out, DIM);
}

static float likeness(const char *a, const char *b)
{
    float x[DIM], y[DIM];

    assert_true(embed(a, x));
    assert_true(embed(b, y));
    return vector_dot(x, y, DIM);
}

/* Each is nearer to what stands beside it than to what stands beside any other. */
static const char *const pairs[][2] = {
    {"My cat is called Minka and she is afraid of dogs", "what is the name of my cat?"},
    {"I am allergic to peanuts and hazelnuts", "which allergies do I have? nuts? peanut?"},
    {"The deployment runs on Kubernetes in Frankfurt", "where is kubernetes deployed"},
    {"Ich spiele jeden Dienstag Volleyball im Verein", "wann spielst du Volleyball, dienstags?"},
    {"Our raid starts on Friday at eight in the evening", "when do we start the raids"},
    {"Я живу в Москве и работаю программистом", "кто живёт в москве?"},
    {"猫が好きです。名前はタマです", "猫の名前は何ですか"},
    {"The wifi password is on the fridge", "wi-fi passwords? where"},
};

static void the_same_text_gives_the_same_vector_of_length_one(void **state)
{
    float a[DIM], b[DIM];

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_true(embed(pairs[i][0], a));
        assert_true(embed(pairs[i][0], b));
        assert_memory_equal(a, b, sizeof(a));
        assert_true(fabsf(vector_dot(a, a, DIM) - 1) < 1e-5F);
    }
}

/* Stored vectors are compared with new ones: whoever changes this raises VECTOR_TEXT_VERSION. */
static void the_vectors_of_a_version_stay_as_they_are(void **state)
{
    float values[DIM];
    size_t at = 0;

    (void)state;
    assert_int_equal(VECTOR_TEXT_VERSION, 1);
    assert_true(embed("troupe", values));
    for (size_t i = 0; i < DIM; i++)
        at = fabsf(values[i]) > fabsf(values[at]) ? i : at;
    assert_int_equal(at, 68);
    assert_true(fabsf(values[at] - 0.743294F) < 1e-5F);
}

static void a_text_is_nearer_to_a_question_about_it_than_to_others(void **state)
{
    enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

    (void)state;
    for (size_t i = 0; i < PAIRS; i++)
        for (size_t j = 0; j < PAIRS; j++)
            if (i != j && likeness(pairs[i][0], pairs[i][1]) <= likeness(pairs[j][0], pairs[i][1]))
                fail_msg("\"%s\" is nearer to \"%s\" than to \"%s\"", pairs[i][1], pairs[j][0],
                         pairs[i][0]);
}

static void case_punctuation_and_order_change_little_and_forms_of_a_word_are_near(void **state)
{
    (void)state;
    assert_true(likeness("Hello, WORLD!", "hello world") > 0.999F);
    assert_true(likeness("ÄRGER über Öl", "ärger ÜBER öl") > 0.999F);
    assert_true(likeness("МОСКВА", "москва") > 0.999F);
    assert_true(likeness("don't", "dont") > 0.999F);
    assert_true(likeness("red green blue", "blue red green") > 0.999F);
    assert_true(likeness("programming", "programmer") > likeness("programming", "gardener") + 0.2F);
    assert_true(likeness("definitely", "definately") > likeness("definitely", "potato") + 0.2F);
}

static void common_words_alone_make_no_likeness(void **state)
{
    (void)state;
    assert_true(likeness("where is the volcano", "volcano erupted yesterday") >
                likeness("where is the volcano", "where is the sandwich") + 0.2F);
}

static void a_text_without_words_has_no_vector(void **state)
{
    static const char *const empty[] = {"", " ", "?!... --", "\xff\xfe", "\xc3", "«»"};
    float values[DIM];

    (void)state;
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        values[3] = 1;
        assert_false(embed(empty[i], values));
        for (size_t j = 0; j < DIM; j++)
            assert_true(values[j] == 0);
    }
}

/* Any bytes, any length, any number of dimensions: a unit vector or none, never a number that is none. */
static void any_bytes_give_a_vector_or_none(void **state)
{
    enum { LONG = VECTOR_TEXT_MAX + 100 };
    char *bytes = mem_alloc(LONG);
    float values[DIM], again[DIM];
    uint64_t seed = 17;

    (void)state;
    for (size_t round = 0; round < 600; round++) {
        size_t len = next_random(&seed) % 64, dim = 1 + next_random(&seed) % DIM;

        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)next_random(&seed);
        if (vector_of_text(bytes, len, values, dim))
            assert_true(fabsf(vector_dot(values, values, dim) - 1) < 1e-4F);
        else
            assert_true(vector_dot(values, values, dim) == 0);
    }
    for (size_t i = 0; i < LONG; i++)
        bytes[i] = (char)(i % 7 ? 'a' + next_random(&seed) % 26 : ' ');
    assert_true(vector_of_text(bytes, LONG, values, DIM));
    assert_true(vector_of_text(bytes, VECTOR_TEXT_MAX, again, DIM));
    assert_memory_equal(values, again, sizeof(values));
    mem_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_gives_the_same_vector_of_length_one),
        cmocka_unit_test(the_vectors_of_a_version_stay_as_they_are),
        cmocka_unit_test(a_text_is_nearer_to_a_question_about_it_than_to_others),
        cmocka_unit_test(case_punctuation_and_order_change_little_and_forms_of_a_word_are_near),
        cmocka_unit_test(common_words_alone_make_no_likeness),
        cmocka_unit_test(a_text_without_words_has_no_vector),
        cmocka_unit_test(any_bytes_give_a_vector_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
