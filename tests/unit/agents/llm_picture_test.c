/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures before they are shown to a model: what their first bytes tell, and what they count for.
 */
#include "llm/picture.h"
#include "llm/price.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

/* A block of exactly the right size, so that a sanitizer sees a read beyond it. */
static troupe_status read_head(const char *bytes, size_t len, struct llm_picture_head *ret)
{
    char *copy = malloc(len ? len : 1);
    troupe_status status;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    status = llm_picture_read(copy, len, ret);
    free(copy);
    return status;
}

#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
struct bytes {
    const char *ptr;
    size_t len;
};

static const struct {
    struct bytes head; /* not a byte more than it takes */
    const char *type;
    uint32_t width, height;
} pictures[] = {
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\4\0\0\0\3\0\10\6\0\0\0"), "image/png", 1024, 768},
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\1\x11\x70\20\2\0\0\1"), "image/png", 1, 70000},
    /* A comment and filling before the frame; a progressive frame of one colour. */
    {BYTES("\xff\xd8\xff\xe0\0\4ab\xff\xff\xfe\0\3c\xff\xc0\0\21\10\2\x58\3\x20\3"), "image/jpeg",
     800, 600},
    {BYTES("\xff\xd8\xff\xc4\0\2\xff\xc2\0\13\10\0\2\0\3\1"), "image/jpeg", 3, 2},
    {BYTES("GIF89a\x40\1\xf0\0\0\0\0,\0\0\0\0\x40\1\xf0\0\0"), "image/gif", 320, 240},
    /* With colours and an extension, and a first frame beyond the screen. */
    {BYTES("GIF87a\2\0\2\0\x80\0\0abcdef!\xf9\2xy\1z\0,\1\0\0\0\3\0\1\0\0"), "image/gif", 4, 2},
    {BYTES("RIFF\0\0\0\0WEBPVP8 \12\0\0\0\0\0\0\x9d\1\x2a\x20\3\x58\2"), "image/webp", 800, 600},
    {BYTES("RIFF\0\0\0\0WEBPVP8L\5\0\0\0\x2f\x1f\xc3\x95\0"), "image/webp", 800, 600},
    {BYTES("RIFF\0\0\0\0WEBPVP8X\12\0\0\0\2\0\0\0\x1f\3\0\x57\2\0"), "image/webp", 800, 600},
};
#define PICTURES (sizeof(pictures) / sizeof(pictures[0]))

static void the_size_of_every_kind_is_read_from_its_first_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < PICTURES; i++) {
        struct llm_picture_head head = {0};

        assert_int_equal(read_head(pictures[i].head.ptr, pictures[i].head.len, &head), TROUPE_OK);
        assert_string_equal(head.type, pictures[i].type);
        assert_int_equal(head.width, pictures[i].width);
        assert_int_equal(head.height, pictures[i].height);
    }
}

static void a_header_that_is_cut_is_no_picture(void **state)
{
    (void)state;
    for (size_t i = 0; i < PICTURES; i++) {
        for (size_t len = 0; len < pictures[i].head.len; len++) {
            struct llm_picture_head head = {.width = 7};

            assert_int_equal(read_head(pictures[i].head.ptr, len, &head), TROUPE_DATA);
            assert_int_equal(head.width, 7);
        }
    }
}

static void what_is_not_as_its_format_says_is_no_picture(void **state)
{
    static const struct bytes cases[] = {
        BYTES("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"/>"),
        BYTES("BM\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        /* No pixels, another first chunk, an unknown depth, a side beyond 31 bits. */
        BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\3\0\10\6\0\0\0"),
        BYTES("\x89PNG\r\n\x1a\n\0\0\0\rtEXt\0\0\4\0\0\0\3\0\10\6\0\0\0"),
        BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\4\0\0\0\3\0\7\6\0\0\0"),
        BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\0\4\0\0\0\3\0\10\6\0\0\0"),
        /* A scan before any frame, a segment shorter than its length, a height that comes later. */
        BYTES("\xff\xd8\xff\xda\0\10\1\1\0\0\77\0\xff\xc0\0\21\10\2\x58\3\x20\3"),
        BYTES("\xff\xd8\xff\xe0\0\1ab\xff\xc0\0\21\10\2\x58\3\x20\3"),
        BYTES("\xff\xd8\xff\xc0\0\21\10\0\0\3\x20\3"),
        BYTES("\xff\xd8\xff\xc0\0\21\10\2\x58\3\x20\4"),
        /* Nothing on the screen, or no screen. */
        BYTES("GIF89a\x40\1\xf0\0\0\0\0;"),
        BYTES("GIF89a\0\0\0\0\0\0\0,\0\0\0\0\0\0\0\0\0"),
        /* Sound, a frame that needs another one, a wrong start code, another version. */
        BYTES("RIFF\0\0\0\0WAVEfmt \20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        BYTES("RIFF\0\0\0\0WEBPVP8 \12\0\0\0\1\0\0\x9d\1\x2a\x20\3\x58\2"),
        BYTES("RIFF\0\0\0\0WEBPVP8 \12\0\0\0\0\0\0\x9d\1\x2b\x20\3\x58\2"),
        BYTES("RIFF\0\0\0\0WEBPVP8L\5\0\0\0\x2f\x1f\xc3\x95\xe0"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_picture_head head;

        if (read_head(cases[i].ptr, cases[i].len, &head) != TROUPE_DATA)
            fail_msg("case %zu was read", i);
    }
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static struct llm_sight sight_of(const char *json)
{
    struct llm_sight sight = {0};
    json_t *tree = json_loads(json, 0, NULL);
    const char *problem = llm_sight_read(tree, &sight);

    json_decref(tree);
    if (problem)
        fail_msg("%s: %s", json, problem);
    return sight;
}

/* The examples of the providers' own pages where they have any. */
static void pictures_count_by_the_rule_of_their_model(void **state)
{
    static const char tile[] = "{\"tile\": 512, \"base\": 85, \"each\": 170, \"low\": 85}";
    static const char patch[] = "{\"patch\": 32, \"most\": 1536, \"factor\": 1620}";
    static const struct {
        const char *sees;
        uint32_t width, height;
        int low;
        uint64_t tokens;
    } cases[] = {
        {tile, 1024, 1024, 0, 765},
        {tile, 2048, 4096, 0, 1105},
        {tile, 4096, 8192, 1, 85},
        {tile, 100, 100, 0, 765}, /* whether it is made larger is not said */
        {tile, 1, 8000, 0, 85 + 8 * 170},
        {"{\"patch\": 32, \"most\": 1536}", 1024, 1024, 0, 1024},
        {patch, 1024, 1024, 0, 1659},
        {patch, 1800, 2400, 0, 2489},
        {patch, 1800, 2400, 1, 2489},
        {"{\"patch\": 27, \"most\": 1800}", 200, 200, 0, 64},
        {"{\"patch\": 27, \"most\": 1800}", 1092, 1092, 0,
         1681}, /* 1,590 by width * height / 750 */
        {"{\"patch\": 27, \"most\": 1800}", 8000, 8000, 0, 1800},
        {"{\"crop\": 768, \"each\": 258}", 960, 540, 0, 6 * 258},
        {"{\"crop\": 768, \"each\": 258}", 300, 300, 0, 4 * 258},
        {"{\"crop\": 768, \"each\": 258}", 3000, 2000, 0, 12 * 258},
        {"{\"flat\": 2240}", 1, 1, 0, 2240},
        {"{\"flat\": 2240}", INT32_MAX, INT32_MAX, 0, 2240},
    };
    const struct llm_sight unknown = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct llm_sight sight = sight_of(cases[i].sees);

        assert_int_equal(llm_sight_tokens(&sight, cases[i].width, cases[i].height, cases[i].low),
                         cases[i].tokens);
        assert_int_equal(llm_sight_tokens(&sight, cases[i].height, cases[i].width, cases[i].low),
                         cases[i].tokens);
    }
    assert_true(llm_sight_tokens(&unknown, 1, 1, 0) == UINT64_MAX);
}

static void a_rule_that_says_nothing_is_refused(void **state)
{
    static const char *const cases[] = {"true",
                                        "{}",
                                        "{\"flat\": 0}",
                                        "{\"flat\": -1}",
                                        "{\"flat\": 10000000}",
                                        "{\"flat\": 1, \"patch\": 32, \"most\": 5}",
                                        "{\"patch\": 32}",
                                        "{\"tile\": 512, \"base\": 85}",
                                        "{\"crop\": 768}",
                                        "{\"patch\": 32, \"most\": 1536, \"factor\": 1.62}"};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_sight sight = {.rule = LLM_SIGHT_CROP};
        json_t *tree = json_loads(cases[i], JSON_DECODE_ANY, NULL);

        assert_non_null(tree);
        if (!llm_sight_read(tree, &sight))
            fail_msg("%s was taken", cases[i]);
        assert_int_equal(sight.rule, LLM_SIGHT_CROP);
        json_decref(tree);
    }
}

static void the_installed_table_says_who_sees(void **state)
{
    struct llm_price_table *table = NULL;
    struct llm_sight sight = {0};
    const char *source = getenv("TROUPE_SRCDIR");
    char path[4096], error[256] = "";

    (void)state;
    snprintf(path, sizeof(path), "%s/etc/prices.json", source ? source : ".");
    if (llm_price_table_load((troupe_str){path, strlen(path)}, &table, error, sizeof(error)) < 0)
        fail_msg("%s", error);
    assert_int_equal(llm_price_sight(table, "api.openai.com", "gpt-4o", &sight), TROUPE_OK);
    assert_int_equal(llm_sight_tokens(&sight, 1024, 1024, 0), 765);
    assert_int_equal(
        llm_price_sight(table, "api.anthropic.com", "claude-haiku-4-5-20251001", &sight),
        TROUPE_OK);
    assert_int_equal(llm_sight_tokens(&sight, 1000, 1000, 0), 38 * 38); /* 1,334 they say */
    assert_int_equal(llm_price_sight(table, "api.deepseek.com", "deepseek-chat", &sight),
                     TROUPE_NOT_FOUND);
    assert_int_equal(llm_price_sight(table, "proxy.example", "gpt-4o", &sight), TROUPE_NOT_FOUND);
    assert_int_equal(llm_price_sight(NULL, "api.openai.com", "gpt-4o", &sight), TROUPE_NOT_FOUND);
    llm_price_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_size_of_every_kind_is_read_from_its_first_bytes),
        cmocka_unit_test(a_header_that_is_cut_is_no_picture),
        cmocka_unit_test(what_is_not_as_its_format_says_is_no_picture),
        cmocka_unit_test(pictures_count_by_the_rule_of_their_model),
        cmocka_unit_test(a_rule_that_says_nothing_is_refused),
        cmocka_unit_test(the_installed_table_says_who_sees),
    };

    return cmocka_run_group_tests_name("llm pictures", tests, NULL, NULL);
}
