/* SPDX-License-Identifier: Apache-2.0 */
#include "llm/sse.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX 4096

/* Everything that a stream gives, as "name|data\n" for each event. */
struct out {
    char text[OUT_MAX];
    size_t len;
    troupe_status end;
};

static void drain(struct llm_sse *sse, const char *data, size_t len, struct out *out)
{
    /* A block of exactly the right size, so that a sanitizer sees a read beyond it. */
    char *copy = malloc(len ? len : 1);
    const char *at = copy;
    struct llm_sse_event event;

    assert_non_null(copy);
    memcpy(copy, data, len);
    while ((out->end = llm_sse_next(sse, &at, &len, &event)) == TROUPE_OK)
        out->len += (size_t)snprintf(out->text + out->len, OUT_MAX - out->len, "%s|%.*s\n",
                                     event.name, (int)event.len, event.data);
    free(copy);
}

static void expect(const char *stream, size_t len, const char *want)
{
    char buffer[512];
    struct llm_sse sse;
    struct out out = {{0}, 0, 0};

    /* In one piece, byte by byte, and split in two and in three at every place. */
    llm_sse_init(&sse, buffer, sizeof(buffer));
    drain(&sse, stream, len, &out);
    assert_string_equal(out.text, want);
    for (size_t first = 0; first <= len; first++) {
        for (size_t second = first; second <= len; second++) {
            out = (struct out){{0}, 0, 0};
            llm_sse_init(&sse, buffer, sizeof(buffer));
            drain(&sse, stream, first, &out);
            drain(&sse, stream + first, second - first, &out);
            drain(&sse, stream + second, len - second, &out);
            assert_string_equal(out.text, want);
            assert_int_equal(out.end, TROUPE_END);
        }
    }
    out = (struct out){{0}, 0, 0};
    llm_sse_init(&sse, buffer, sizeof(buffer));
    for (size_t i = 0; i < len; i++)
        drain(&sse, stream + i, 1, &out);
    assert_string_equal(out.text, want);
}

static void a_stream_gives_the_same_events_wherever_it_is_split(void **state)
{
    static const struct {
        const char *stream, *want;
    } cases[] = {
        {"data: a\n\ndata: b\n\n", "|a\n|b\n"},
        {"data: a\r\n\r\ndata: b\r\n\r\n", "|a\n|b\n"},
        {"data: a\r\rdata: b\r\r", "|a\n|b\n"},
        {"data: a\r\n\rdata: b\n\r\n", "|a\n|b\n"},
        {"data:a\n\n", "|a\n"},
        {"data:  a\n\n", "| a\n"},
        {"data: one\ndata: two\ndata:\n\n", "|one\ntwo\n\n"},
        {"data\n\n", "|\n"},
        {": OPENROUTER PROCESSING\n\n: again\ndata: a\n: between\n\n", "|a\n"},
        {"event: ping\ndata: {}\n\ndata: a\n\n", "ping|{}\n|a\n"},
        {"event: lost\n\ndata: a\n\n", "|a\n"},
        {"id: 7\nretry: 10\nunknown\ndata: a\n\n", "|a\n"},
        {"data: \xc3\xa4\xf0\x9f\x99\x82\n\n", "|\xc3\xa4\xf0\x9f\x99\x82\n"},
        {"\xef\xbb\xbf"
         "data: a\n\n",
         "|a\n"},
        {"\xef\xbb"
         "data: a\n\ndata: b\n\n",
         "|b\n"},
        {"data: a\n\n\xef\xbb\xbf"
         "data: b\n\n",
         "|a\n"},
        {"data: a\n\ndata: cut", "|a\n"},
        {"data: a\n\ndata: cut\n", "|a\n"},
        {"\n\n\n\r\n\r\r", ""},
        {"", ""},
        {"data: [DONE]\n\n", "|[DONE]\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(cases[i].stream, strlen(cases[i].stream), cases[i].want);
}

static void a_nul_byte_is_only_a_byte(void **state)
{
    char buffer[64];
    struct llm_sse sse;
    const char *data = "data: a\0b\n\n";
    size_t len = 11;
    struct llm_sse_event event;

    (void)state;
    llm_sse_init(&sse, buffer, sizeof(buffer));
    assert_int_equal(llm_sse_next(&sse, &data, &len, &event), TROUPE_OK);
    assert_int_equal(event.len, 3);
    assert_memory_equal(event.data, "a\0b", 3);
}

static void an_event_beyond_the_buffer_is_refused(void **state)
{
    char buffer[32];
    struct llm_sse sse;
    struct out out = {{0}, 0, 0};

    (void)state;
    /* One line too long; and lines that only together are. */
    llm_sse_init(&sse, buffer, sizeof(buffer));
    drain(&sse, "data: 0123456789012345678901234567890123456789\n\n", 48, &out);
    assert_int_equal(out.end, TROUPE_LIMIT);
    llm_sse_init(&sse, buffer, sizeof(buffer));
    drain(&sse, "data: 0123456789\ndata: 0123456789\ndata: 0123456789\n\n", 52, &out);
    assert_int_equal(out.end, TROUPE_LIMIT);
    assert_int_equal(out.len, 0);
    /* What just fits does, again and again. */
    llm_sse_init(&sse, buffer, sizeof(buffer));
    for (int i = 0; i < 3; i++) {
        out = (struct out){{0}, 0, 0};
        drain(&sse, "data: 01234567890123456789012345\n\n", 34, &out);
        assert_int_equal(out.end, TROUPE_END);
        assert_string_equal(out.text, "|01234567890123456789012345\n");
    }
}

static void a_long_event_name_is_cut(void **state)
{
    char buffer[256], stream[200] = "event: ";
    struct llm_sse sse;
    struct out out = {{0}, 0, 0};

    (void)state;
    memset(stream + 7, 'n', 100);
    memcpy(stream + 107, "\ndata: a\n\n", 11);
    llm_sse_init(&sse, buffer, sizeof(buffer));
    drain(&sse, stream, strlen(stream), &out);
    assert_int_equal(strcspn(out.text, "|"), LLM_SSE_NAME_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_gives_the_same_events_wherever_it_is_split),
        cmocka_unit_test(a_nul_byte_is_only_a_byte),
        cmocka_unit_test(an_event_beyond_the_buffer_is_refused),
        cmocka_unit_test(a_long_event_name_is_cut),
    };

    return cmocka_run_group_tests_name("llm sse", tests, NULL, NULL);
}
