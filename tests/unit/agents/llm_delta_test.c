/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces of text that are taken without a tree, beside what the formats' readers make of them.
 */
#include "llm/provider.h"
#include "tap.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS   30000
#define TEXT_MAX 1024

struct taken {
    struct llm_stream stream;
    char text[LLM_TEXT_MAX];
    troupe_status status;
    size_t piece;
};

static const struct {
    const struct llm_provider *provider;
    const char *text;
} chunks[] = {
    {&llm_provider_openai,
     "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-1\","
     "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello \"},\"finish_reason\":null}]}"},
    {&llm_provider_openai,
     "{ \"choices\": [ {\"delta\": {\"role\":\"assistant\", \"content\":\"a\\n\\\"b\\\"\","
     "\"refusal\":null}, \"logprobs\":null, \"finish_reason\":null} ], \"usage\":null,"
     "\"model\":\"m\",\"service_tier\":\"default\",\"x\":{\"y\":[1,-2.5,true,{}]}} "},
    {&llm_provider_openai, "{\"choices\":[{\"delta\":{\"content\":\"\xc3\xa4\xe2\x82\xac\"}}]}"},
    {&llm_provider_openai,
     "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},"
     "\"finish_reason\":\"stop\"}]}"},
    {&llm_provider_anthropic, "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                              "\"text_delta\",\"text\":\"Hello\"} }"},
    {&llm_provider_anthropic, "{\"delta\":{\"text\":\"\\t\\\\ \xf0\x9f\x98\x80\",\"type\":"
                              "\"text_delta\"},\"type\":\"content_block_delta\",\"index\":3}"},
    {&llm_provider_ollama, "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":"
                           "{\"role\":\"assistant\",\"content\":\" we\"},\"done\":false}"},
};

/* None fits: every chunk goes to the reader. */
static const struct llm_shape_of none = {.members = {{LLM_NAMED("none"), .needed = 1}}};

static uint64_t next(uint64_t *state, uint64_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 33) % below;
}

/* Puts `part` in the place of `cut` bytes; the new length. No text has an end. */
static size_t put(char text[TEXT_MAX], size_t len, size_t at, size_t cut, const char *part)
{
    const size_t n = strlen(part);

    memmove(text + at + n, text + at + cut, len - at - cut);
    for (size_t i = 0; i < n; i++)
        text[at + i] = part[i];
    return len - cut + n;
}

/* Puts another text in the place of some bytes. */
static size_t spoil(uint64_t *state, char text[TEXT_MAX], size_t len)
{
    static const char *const parts[] = {"null",
                                        "1",
                                        "1.5",
                                        "-0.25e3",
                                        "1e999",
                                        "\"x\"",
                                        "{}",
                                        "[]",
                                        "true",
                                        "false",
                                        "\\u00e4",
                                        "\\u",
                                        "\xc3",
                                        "\xff",
                                        ",",
                                        "\"",
                                        "}",
                                        "]",
                                        "\\n",
                                        "\\x",
                                        "stop",
                                        "error",
                                        "usage",
                                        "tool_calls",
                                        "delta",
                                        "type",
                                        "message",
                                        "content",
                                        "choices",
                                        "text_delta",
                                        "\"model\":2",
                                        "\"done\":true",
                                        " ",
                                        "\"text\":\"b\",",
                                        "\"content\":\"b\",",
                                        "\"type\":\"ping\",",
                                        "\"error\":{\"message\":\"no\"},"};
    const char *part = parts[next(state, sizeof(parts) / sizeof(parts[0]))];
    const size_t at = (size_t)next(state, len + 1);
    size_t cut = (size_t)next(state, 12);

    if (next(state, 3) == 0)
        cut = 0;
    if (cut > len - at)
        cut = len - at;
    return put(text, len, at, cut, part);
}

/* Behind a name's first quote, or in front of a member: where a text is most likely to stay JSON. */
static size_t insert_member(uint64_t *state, char text[TEXT_MAX], size_t len)
{
    static const char *const members[] = {"\"finish_reason\":\"length\",",
                                          "\"finish_reason\":7,",
                                          "\"model\":\"other\",",
                                          "\"content\":null,",
                                          "\"content\":\"two\",",
                                          "\"usage\":null,",
                                          "\"usage\":{},",
                                          "\"error\":null,",
                                          "\"error\":\"no\",",
                                          "\"done\":true,",
                                          "\"text\":\"two\",",
                                          "\"type\":\"ping\",",
                                          "\"tool_calls\":[],",
                                          "\"a\":[0.5],",
                                          "\"thinking\":\"t\",",
                                          "\"reasoning\":\"t\",",
                                          "\"message\":{},",
                                          "\"a\":\"\\u00e4\","};
    const char *part = members[next(state, sizeof(members) / sizeof(members[0]))];
    uint64_t which = next(state, 3);

    for (size_t i = 0; i < len; i++)
        if (text[i] == '{' && which-- == 0)
            return put(text, len, i + 1, 0, part);
    return len;
}

static void take(const struct llm_provider *provider, const struct llm_shape_of *shape,
                 const char *text, size_t len, struct taken *ret)
{
    struct llm_provider as = *provider;
    const char *piece = "";

    if (shape)
        as.delta = shape;
    llm_stream_init(&ret->stream, ret->text);
    snprintf(ret->stream.model, sizeof(ret->stream.model), "before");
    ret->piece = 0;
    ret->status = llm_provider_chunk(&as, &ret->stream, text, len, &piece, &ret->piece);
}

static int same(const struct taken *a, const struct taken *b)
{
    const struct llm_stream *x = &a->stream, *y = &b->stream;

    return a->status == b->status && a->piece == b->piece && x->len == y->len &&
           memcmp(a->text, b->text, x->len) == 0 && strcmp(x->model, y->model) == 0 &&
           strcmp(x->finish, y->finish) == 0 && x->chunks == y->chunks && x->hidden == y->hidden &&
           x->begun == y->begun && x->done == y->done && x->full == y->full &&
           x->call_count == y->call_count && x->usage.input == y->usage.input &&
           x->usage.output == y->usage.output && x->usage.known == y->usage.known &&
           x->usage.has_cost == y->usage.has_cost &&
           strcmp(x->error.message, y->error.message) == 0;
}

static void a_piece_is_what_the_reader_says_whatever_stands_around_it(void **state)
{
    static struct taken quick, slow;
    uint64_t seed = 3;
    size_t quickly = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        const size_t which = (size_t)next(&seed, sizeof(chunks) / sizeof(chunks[0]));
        const struct llm_provider *provider = chunks[which].provider;
        char text[TEXT_MAX];
        size_t len = strlen(chunks[which].text);
        struct llm_stream probe;

        memcpy(text, chunks[which].text, len);
        for (uint64_t n = next(&seed, 3); n > 0; n--)
            len = next(&seed, 2) ? spoil(&seed, text, len) : insert_member(&seed, text, len);
        take(provider, NULL, text, len, &quick);
        take(provider, &none, text, len, &slow);
        if (!same(&quick, &slow))
            fail_msg("round %d: %.*s", i, (int)len, text);
        llm_stream_clear(&quick.stream);
        llm_stream_clear(&slow.stream);
        llm_stream_init(&probe, quick.text);
        quickly += (size_t)llm_delta_take(provider->delta, &probe, text, len);
    }
    assert_true(quickly > ROUNDS / 4 && quickly < ROUNDS); /* both ways were gone */
}

/* Behind a first chunk, whose form is known then. */
static void take_more(const struct llm_provider *provider, const struct llm_shape_of *shape,
                      const char *text, size_t len, struct taken *ret)
{
    struct llm_provider as = *provider;
    const char *piece = "";

    if (shape)
        as.delta = shape;
    ret->piece = 0;
    ret->status = llm_provider_chunk(&as, &ret->stream, text, len, &piece, &ret->piece);
}

static void a_piece_of_a_known_form_is_what_the_reader_says(void **state)
{
    static struct taken quick, slow;
    uint64_t seed = 5;
    size_t known = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        const size_t which = (size_t)next(&seed, sizeof(chunks) / sizeof(chunks[0]));
        const struct llm_provider *provider = chunks[which].provider;
        char text[TEXT_MAX];
        size_t len = strlen(chunks[which].text);

        memcpy(text, chunks[which].text, len);
        take(provider, NULL, text, len, &quick);
        take(provider, &none, text, len, &slow);
        for (int more = 0; more < 3; more++) {
            known += quick.stream.form.head > 0;
            if (next(&seed, 2))
                len = spoil(&seed, text, len);
            take_more(provider, NULL, text, len, &quick);
            take_more(provider, &none, text, len, &slow);
            if (!same(&quick, &slow))
                fail_msg("round %d: %.*s", i, (int)len, text);
        }
        llm_stream_clear(&quick.stream);
        llm_stream_clear(&slow.stream);
    }
    assert_true(known > ROUNDS);
}

/* What comes between two pieces is not forgotten over the form of the first. */
static void a_form_holds_for_the_next_chunk_only(void **state)
{
    static const char first[] = "{\"model\":\"a\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}";
    static const char other[] = "{\"model\":\"b\",\"choices\":[],\"usage\":{}}";
    static struct taken taken;

    (void)state;
    llm_stream_init(&taken.stream, taken.text);
    take_more(&llm_provider_openai, NULL, first, strlen(first), &taken);
    assert_string_equal(taken.stream.model, "a");
    assert_true(taken.stream.form.head > 0);
    take_more(&llm_provider_openai, NULL, other, strlen(other), &taken);
    assert_string_equal(taken.stream.model, "b");
    take_more(&llm_provider_openai, NULL, first, strlen(first), &taken);
    assert_string_equal(taken.stream.model, "a");
    assert_int_equal(taken.stream.len, 2);
    llm_stream_clear(&taken.stream);
}

static void usual_pieces_need_no_tree(void **state)
{
    static char buffer[LLM_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        struct llm_stream stream;

        llm_stream_init(&stream, buffer);
        assert_int_equal(llm_delta_take(chunks[i].provider->delta, &stream, chunks[i].text,
                                        strlen(chunks[i].text)),
                         1);
        assert_true(stream.len > 0 || strcmp(stream.finish, "stop") == 0);
        assert_int_equal(stream.begun, stream.len > 0);
    }
}

static void a_text_that_is_full_takes_whole_characters_only(void **state)
{
    static const char text[] = "{\"choices\":[{\"delta\":{\"content\":\"ab\xc3\xa4\"}}]}";
    static char buffer[LLM_TEXT_MAX];
    struct llm_stream stream;

    (void)state;
    llm_stream_init(&stream, buffer);
    stream.most = 3;
    assert_int_equal(llm_delta_take(llm_provider_openai.delta, &stream, text, strlen(text)), 1);
    assert_int_equal(stream.len, 2);
    assert_int_equal(stream.full, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_piece_is_what_the_reader_says_whatever_stands_around_it),
        cmocka_unit_test(a_piece_of_a_known_form_is_what_the_reader_says),
        cmocka_unit_test(a_form_holds_for_the_next_chunk_only),
        cmocka_unit_test(usual_pieces_need_no_tree),
        cmocka_unit_test(a_text_that_is_full_takes_whole_characters_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
