/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that members attach: which address may be opened, what is read of which, how it is told.
 */
#include "tap.h"

#include "gateway/discord/fetch.h"

#include <string.h>

static const struct discord_fetch_rules rules = {
    .count = 2, .text_max = 100, .inline_max = 20, .picture_max = 1000};

static void only_discords_own_hosts_are_opened(void **state)
{
    static const char *const good[] = {
        "https://cdn.discordapp.com/attachments/1/2/a.txt?ex=1&is=2&hm=3",
        "https://media.discordapp.net/attachments/1/2/a.png",
    };
    static const char *const bad[] = {
        "",
        "http://cdn.discordapp.com/attachments/1/2/a.txt",
        "https://cdn.discordapp.com.example.org/a.txt",
        "https://cdn.discordapp.com@example.org/a.txt",
        "https://cdn.discordapp.com:444/a.txt",
        "https://example.org/https://cdn.discordapp.com/a.txt",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "http://127.0.0.1:8080/attachments/1/a",
    };
    struct discord_fetch_rules test = rules;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(discord_fetch_allowed(&rules, good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(discord_fetch_allowed(&rules, bad[i]));
    test.cdn = "http://127.0.0.1:8080/";
    assert_true(discord_fetch_allowed(&test, "http://127.0.0.1:8080/attachments/1/a"));
    assert_false(discord_fetch_allowed(&test, "http://127.0.0.1:80801/attachments/1/a"));
    assert_false(discord_fetch_allowed(&test, "http://127.0.0.1:8080@example.org/a"));
    test.cdn = "/";
    assert_false(discord_fetch_allowed(&test, "/etc/passwd"));
}

static void count_kind_and_size_decide_before_anything_is_opened(void **state)
{
    static const struct {
        size_t index;
        struct gateway_file file;
        enum gateway_file_state is;
    } cases[] = {
        {0, {"1", "a.txt", "text/plain; charset=utf-8", "", 100}, GATEWAY_FILE_TEXT},
        {1, {"1", "a.json", "application/json", "", 5}, GATEWAY_FILE_TEXT},
        {0, {"1", "main.c", "", "", 5}, GATEWAY_FILE_TEXT},
        {0, {"1", "main.c", "application/octet-stream", "", 5}, GATEWAY_FILE_TEXT},
        {0, {"1", "a.txt", "text/plain", "", 101}, GATEWAY_FILE_LARGE},
        {0, {"1", "a.png", "image/png", "", 1000}, GATEWAY_FILE_KEPT},
        {0, {"1", "a.png", "image/png", "", 1001}, GATEWAY_FILE_LARGE},
        {0, {"1", "a.zip", "application/zip", "", 5}, GATEWAY_FILE_TYPE},
        {0, {"1", "a.txt", "application/zip", "", 5}, GATEWAY_FILE_TYPE},
        {0, {"1", "a.svg", "image/svg+xml", "", 5}, GATEWAY_FILE_TYPE},
        {0, {"1", "noending", "", "", 5}, GATEWAY_FILE_TYPE},
        {2, {"1", "a.txt", "text/plain", "", 5}, GATEWAY_FILE_MANY},
        {0, {"1", "a.txt", "text/plain", "", -5}, GATEWAY_FILE_TEXT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gateway_fetch want = {.index = cases[i].index};

        assert_int_equal(discord_fetch_judge(&rules, &cases[i].file, &want), cases[i].is);
    }
}

/* What bytes that came become. */
static struct gateway_fetched settled(enum gateway_file_state state, const char *data, size_t len,
                                      size_t used)
{
    struct gateway_fetch want = {.used = used};
    struct gateway_fetched fetched = {.state = state};

    buf_append(&fetched.data, data, len);
    discord_fetch_settle(&rules, &want, &fetched);
    return fetched;
}

static void what_is_no_text_is_none_whatever_its_name(void **state)
{
    struct gateway_fetched binary = settled(GATEWAY_FILE_TEXT, "a\0b", 3, 0);
    struct gateway_fetched latin = settled(GATEWAY_FILE_TEXT, "caf\xe9", 4, 0);
    struct gateway_fetched picture = settled(GATEWAY_FILE_KEPT, "<svg>", 5, 0);

    (void)state;
    assert_int_equal(binary.state, GATEWAY_FILE_TYPE);
    assert_int_equal(latin.state, GATEWAY_FILE_TYPE);
    assert_int_equal(picture.state, GATEWAY_FILE_TYPE);
    assert_int_equal(binary.data.len + latin.data.len + picture.data.len, 0);
}

static void a_text_is_cut_between_characters_where_the_room_ends(void **state)
{
    struct gateway_fetched whole = settled(GATEWAY_FILE_TEXT, "\xef\xbb\xbfshort", 8, 0);
    struct gateway_fetched cut = settled(GATEWAY_FILE_TEXT, "0123456789\xc3\xa4", 12, 9);
    struct gateway_fetched none = settled(GATEWAY_FILE_TEXT, "text", 4, 20);
    struct gateway_fetched png = settled(GATEWAY_FILE_KEPT, "\x89PNG\r\n\x1a\n", 8, 0);

    (void)state;
    assert_int_equal(whole.state, GATEWAY_FILE_TEXT);
    assert_int_equal(whole.shown, 5);
    assert_int_equal(cut.state, GATEWAY_FILE_CUT);
    assert_int_equal(cut.shown, 10);
    assert_int_equal(cut.data.len, 12);
    assert_int_equal(none.state, GATEWAY_FILE_CUT);
    assert_int_equal(none.shown, 0);
    assert_int_equal(png.state, GATEWAY_FILE_KEPT);
    assert_int_equal(png.data.len, 8);
    buf_clear(&whole.data);
    buf_clear(&cut.data);
    buf_clear(&none.data);
    buf_clear(&png.data);
}

static void nothing_in_a_file_ends_its_block(void **state)
{
    _cleanup_buf_ struct buf out = BUF_INIT;

    (void)state;
    gateway_file_put_text("a`\n.md", "x\n````\ny", 8, true, 8, &out);
    assert_string_equal(out.data, "Attached file \"a--.md\":\n`````\nx\n````\ny\n`````");
    buf_reset(&out);
    gateway_file_put_text("log", "abc", 3, false, 999, &out);
    assert_non_null(strstr(out.data, "```\nabc\n```\n(These are the first 3 of 999 bytes"));
    buf_reset(&out);
    gateway_file_put_reason("**a**", GATEWAY_FILE_LARGE, &out);
    assert_string_equal(out.data, "\"--a--\" (too large)");
}

static void a_state_has_one_name_in_the_store(void **state)
{
    (void)state;
    for (int i = 0; i <= GATEWAY_FILE_FAILED; i++)
        assert_int_equal(gateway_file_state_of(gateway_file_state_name((enum gateway_file_state)i)),
                         i);
    assert_int_equal(gateway_file_state_of("of a later version"), GATEWAY_FILE_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_discords_own_hosts_are_opened),
        cmocka_unit_test(count_kind_and_size_decide_before_anything_is_opened),
        cmocka_unit_test(what_is_no_text_is_none_whatever_its_name),
        cmocka_unit_test(a_text_is_cut_between_characters_where_the_room_ends),
        cmocka_unit_test(nothing_in_a_file_ends_its_block),
        cmocka_unit_test(a_state_has_one_name_in_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
