/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of tools in OpenAI's format, which servers tell apart in several ways, and their bounds.
 */
#include "llm/json.h"
#include "llm/provider.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

static char text_buffer[LLM_TEXT_MAX];

/* Gemini's compatible address tells no index, or 0 for all; others repeat the id or make up one a piece. */
static void calls_stay_apart_where_their_index_does_not_tell_them(void **state)
{
#define PIECE(inside) "{\"choices\":[{\"delta\":{\"tool_calls\":[" inside "]}}]}"
#define CALLED(index, id, name, arguments)                                                         \
    "{" index id "\"type\":\"function\",\"function\":{\"name\":\"" name                            \
    "\",\"arguments\":\"" arguments "\"}}"
    static const char *const cases[][6] = {
        {"no index, a chunk each", PIECE(CALLED("", "\"id\":\"a\",", "roll", "{\\\"n\\\":1}")),
         PIECE(CALLED("", "\"id\":\"b\",", "flip", "{}"))},
        {"index 0 for all, a chunk each",
         PIECE(CALLED("\"index\":0,", "\"id\":\"a\",", "roll", "{\\\"n\\\":1}")),
         PIECE(CALLED("\"index\":0,", "\"id\":\"b\",", "flip", "{}"))},
        {"index 0 for all, in one chunk",
         PIECE(CALLED("\"index\":0,", "\"id\":\"a\",", "roll",
                      "{\\\"n\\\":1}") "," CALLED("\"index\":0,", "\"id\":\"b\",", "flip", "{}"))},
        {"neither index nor id, a chunk each",
         PIECE(CALLED("", "\"id\":\"\",", "roll", "{\\\"n\\\":1}")),
         PIECE(CALLED("", "", "flip", "{}"))},
        {"index 0 for all and no id", PIECE(CALLED("\"index\":0,", "", "roll", "{\\\"n\\\":1}")),
         PIECE(CALLED("\"index\":0,", "", "flip", "{}"))},
        {"neither index nor id, in one chunk",
         PIECE(CALLED("", "", "roll", "{\\\"n\\\":1}") "," CALLED("", "", "flip", "{}"))},
        {"no index, in pieces", PIECE(CALLED("", "\"id\":\"a\",", "roll", "{\\\"n")),
         PIECE("{\"function\":{\"arguments\":\"\\\":1}\"}}"),
         PIECE(CALLED("", "\"id\":\"b\",", "flip", "")),
         PIECE("{\"function\":{\"arguments\":\"{}\"}}")},
        {"no index, pieces by their id", PIECE(CALLED("", "\"id\":\"a\",", "roll", "{\\\"n")),
         PIECE(CALLED("", "\"id\":\"b\",", "flip", "{")),
         PIECE("{\"id\":\"a\",\"function\":{\"arguments\":\"\\\":1}\"}}"),
         PIECE("{\"id\":\"b\",\"function\":{\"arguments\":\"}\"}}")},
        {"id and name with every piece",
         PIECE(CALLED("\"index\":0,", "\"id\":\"a\",", "roll", "{\\\"n")),
         PIECE(CALLED("\"index\":0,", "\"id\":\"a\",", "roll", "\\\":1}")),
         PIECE(CALLED("\"index\":1,", "\"id\":\"b\",", "flip", "")),
         PIECE(CALLED("\"index\":1,", "\"id\":\"b\",", "flip", "{}"))},
        {"an id of its own with every piece",
         PIECE(CALLED("\"index\":0,", "\"id\":\"a\",", "roll", "{\\\"n")),
         PIECE("{\"index\":0,\"id\":\"x\",\"function\":{\"arguments\":\"\\\":1}\"}}"),
         PIECE(CALLED("\"index\":1,", "\"id\":\"b\",", "flip", "")),
         PIECE("{\"index\":1,\"id\":\"y\",\"function\":{\"arguments\":\"{}\"}}")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_stream stream;
        const char *text;
        size_t len;

        llm_stream_init(&stream, text_buffer);
        for (size_t n = 1; n < 6 && cases[i][n]; n++)
            assert_int_equal(llm_provider_chunk(&llm_provider_openai, &stream, cases[i][n],
                                                strlen(cases[i][n]), &text, &len),
                             TROUPE_OK);
        if (stream.call_count != 2 || strcmp(stream.calls[0].name, "roll") != 0 ||
            strcmp(stream.calls[1].name, "flip") != 0 ||
            strcmp(stream.calls[0].arguments, "{\"n\":1}") != 0 ||
            strcmp(stream.calls[1].arguments, "{}") != 0 ||
            strcmp(stream.calls[0].id, stream.calls[0].id[0] ? "a" : "") != 0 ||
            strcmp(stream.calls[1].id, stream.calls[0].id[0] ? "b" : "") != 0)
            fail_msg("%s: %u calls, the first \"%s\" %s(%s)", cases[i][0], stream.call_count,
                     stream.calls[0].id, stream.calls[0].name,
                     stream.calls[0].arguments ? stream.calls[0].arguments : "");
        llm_stream_clear(&stream);
    }
}

static void what_comes_back_with_a_call_is_kept_as_it_came_and_bounded(void **state)
{
    static const char *const pieces[] = {
        PIECE("{\"id\":\"a\",\"function\":{\"name\":\"roll\",\"arguments\":\"{}\"}}"),
        PIECE("{\"extra_content\":{\"google\":{\"thought_signature\":\"first\"}}}"),
        PIECE("{\"extra_content\":null}"), PIECE("{\"extra_content\":7}"),
        PIECE("{\"id\":\"b\",\"function\":{\"name\":\"flip\",\"arguments\":\"{}\"}}")};
    static char piece[LLM_EXTRA_MAX];
    LLM_CLEANUP_TEXT char *extra = NULL;
    struct llm_stream stream;
    const char *text;
    size_t len;
    troupe_status status = TROUPE_OK;
    int n;

    (void)state;
    llm_stream_init(&stream, text_buffer);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        assert_int_equal(llm_provider_chunk(&llm_provider_openai, &stream, pieces[i],
                                            strlen(pieces[i]), &text, &len),
                         TROUPE_OK);
    assert_int_equal(stream.call_count, 2);
    extra = json_dumps(stream.calls[0].extra, JSON_COMPACT);
    assert_string_equal(extra, "{\"google\":{\"thought_signature\":\"first\"}}");
    assert_null(stream.calls[1].extra);
    /* the same again takes the place of what was there */
    snprintf(piece, sizeof(piece), PIECE("{\"id\":\"b\",\"extra_content\":{\"x\":\"%0*d\"}}"),
             (int)(LLM_EXTRA_MAX / 3), 0);
    for (n = 0; n < 10; n++)
        assert_int_equal(
            llm_provider_chunk(&llm_provider_openai, &stream, piece, strlen(piece), &text, &len),
            TROUPE_OK);
    for (n = 0; n < 10 && status == TROUPE_OK; n++) {
        snprintf(piece, sizeof(piece),
                 PIECE("{\"id\":\"%d\",\"function\":{\"name\":\"f\"},"
                       "\"extra_content\":{\"x\":\"%0*d\"}}"),
                 n, (int)(LLM_EXTRA_MAX / 3), 0);
        status =
            llm_provider_chunk(&llm_provider_openai, &stream, piece, strlen(piece), &text, &len);
    }
    assert_int_equal(status, TROUPE_LIMIT);
    assert_int_equal(n, 2);
    llm_stream_clear(&stream);
}

static void calls_and_their_arguments_are_bounded(void **state)
{
    static char piece[8192];
    struct llm_stream stream;
    const char *text;
    size_t len;
    int n = 0;
    troupe_status status = TROUPE_OK;

    (void)state;
    llm_stream_init(&stream, text_buffer);
    while (status == TROUPE_OK && n < 100) {
        snprintf(piece, sizeof(piece),
                 "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%d,\"id\":\"c\"}]}}]}", n++);
        status =
            llm_provider_chunk(&llm_provider_openai, &stream, piece, strlen(piece), &text, &len);
    }
    assert_int_equal(status, TROUPE_LIMIT);
    assert_int_equal(n, LLM_CALLS_MAX + 1);
    snprintf(piece, sizeof(piece),
             "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
             "\"%07000d\"}}]}}]}",
             0);
    for (n = 0, status = TROUPE_OK; status == TROUPE_OK && n < 100; n++)
        status =
            llm_provider_chunk(&llm_provider_openai, &stream, piece, strlen(piece), &text, &len);
    assert_int_equal(status, TROUPE_LIMIT);
    assert_true(stream.argument_bytes <= LLM_ARGUMENTS_MAX);
    llm_stream_clear(&stream);
}

static troupe_status take(struct llm_stream *stream, const char *delta)
{
    char chunk[1024];
    const char *text;
    size_t len;

    snprintf(chunk, sizeof(chunk), "{\"choices\":[{\"delta\":{%s}}]}", delta);
    return llm_provider_chunk(&llm_provider_openai, stream, chunk, strlen(chunk), &text, &len);
}

static void thoughts_are_kept_for_the_calls_behind_them_and_bounded(void **state)
{
    static const char *const deltas[] = {
        "\"reasoning_content\":\"\"",
        "\"reasoning_content\":\"Let me \"",
        "\"reasoning_content\":\"see.\",\"reasoning_details\":[{\"type\":\"reasoning.text\","
        "\"index\":0,\"text\":\"Let me \",\"signature\":null}]",
        "\"reasoning_content\":null,\"reasoning_details\":[{\"type\":\"reasoning.text\",\"index\":"
        "0,"
        "\"text\":\"see.\"},{\"type\":\"reasoning.text\",\"index\":0,\"signature\":\"s\"}]",
        "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"index\":1,\"text\":\"Well.\"},"
        "{\"type\":\"reasoning.encrypted\",\"data\":\"e\"},"
        "{\"type\":\"reasoning.encrypted\",\"data\":\"f\"}]",
        "\"reasoning_details\":[7,null]"};
    LLM_CLEANUP_TEXT char *details = NULL;
    struct llm_stream stream;

    (void)state;
    llm_stream_init(&stream, text_buffer);
    for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++)
        assert_int_equal(take(&stream, deltas[i]), TROUPE_OK);
    assert_string_equal(stream.thoughts, "Let me see.");
    details = json_dumps(stream.details, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(details,
                        "[{\"index\":0,\"signature\":\"s\",\"text\":\"Let me see.\",\"type\":"
                        "\"reasoning.text\"},{\"index\":1,\"text\":\"Well.\",\"type\":\"reasoning."
                        "text\"},{\"data\":\"e\",\"type\":\"reasoning.encrypted\"},{\"data\":\"f\","
                        "\"type\":\"reasoning.encrypted\"}]");
    /* too many are none, and no failure */
    for (size_t i = 0; i <= LLM_THOUGHTS_MAX / 32; i++)
        assert_int_equal(
            take(&stream, "\"reasoning_content\":\"01234567890123456789012345678901\""), TROUPE_OK);
    assert_null(stream.thoughts);
    assert_null(stream.details);
    assert_true(stream.hidden > LLM_THOUGHTS_MAX);
    llm_stream_clear(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_stay_apart_where_their_index_does_not_tell_them),
        cmocka_unit_test(what_comes_back_with_a_call_is_kept_as_it_came_and_bounded),
        cmocka_unit_test(thoughts_are_kept_for_the_calls_behind_them_and_bounded),
        cmocka_unit_test(calls_and_their_arguments_are_bounded),
    };

    return cmocka_run_group_tests_name("llm calls", tests, NULL, NULL);
}
