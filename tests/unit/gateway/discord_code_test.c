/* SPDX-License-Identifier: Apache-2.0
 *
 * Long blocks of code leave the text as files, at the same places while it grows, and the sources of
 * the messages are the text that was written.
 */
#include "tap.h"

#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/layout.h"
#include "gateway/discord/outbox_json.h"
#include "gateway/outbox.h"

#include <stdio.h>
#include <string.h>

#define LIMIT 40

#define LONG                                                                                       \
    "int a_line_of_code = 1;\n"                                                                    \
    "int another_line = 2;\n"

static void a_long_block_becomes_a_line_and_a_file(void **state)
{
    static const char text[] = "Here:\n```c\n" LONG "```\nDone.\n```\nshort\n```";
    struct discord_code code;

    (void)state;
    discord_code_take(text, strlen(text), LIMIT, true, &code);
    assert_int_equal(code.count, 1);
    assert_string_equal(code.text.data,
                        "Here:\n(The code is in the file `code-1.c`.)\nDone.\n```\nshort\n```");
    assert_int_equal(code.files[0].content_len, strlen(LONG));
    assert_memory_equal(text + code.files[0].content, LONG, strlen(LONG));
    discord_code_clear(&code);
    discord_code_take(text, strlen(text), 0, true, &code);
    assert_int_equal(code.count, 0);
    assert_string_equal(code.text.data, text);
    discord_code_clear(&code);
}

static void the_name_is_what_stands_behind_the_fence(void **state)
{
    static const struct {
        const char *info, *name;
    } cases[] = {
        {"", "code-1.txt"},
        {"python", "code-1.py"},
        {"c main.c", "main.c"},
        {"python:tool.py", "tool.py"},
        {"js title=\"app.min.js\"", "app.min.js"},
        {"../../etc/passwd", "code-1.txt"},
        {"c a/b.c", "code-1.c"},
        {".bashrc", "code-1.txt"},
        {"unheard-of", "code-1.txt"},
        {"a\"b.c\r\nX: y", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_mem_ char *text = mem_printf("```%s\n" LONG "```", cases[i].info);
        struct discord_code code;

        discord_code_take(text, strlen(text), LIMIT, true, &code);
        assert_int_equal(code.count, 1);
        if (cases[i].name)
            assert_string_equal(code.files[0].name, cases[i].name);
        assert_null(strpbrk(code.files[0].name, "\"\r\n/"));
        discord_code_clear(&code);
    }
}

static void only_its_own_fence_ends_a_block(void **state)
{
    static const char *const blocks[] = {
        "````\n" LONG "```\nstill inside\n````",
        "~~~\n" LONG "```\n~~~",
        "```\n" LONG "``` not the end\n```",
        "```\n" LONG "never closed",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct discord_code code;

        discord_code_take(blocks[i], strlen(blocks[i]), LIMIT, true, &code);
        assert_int_equal(code.count, 1);
        assert_string_equal(code.text.data, "(The code is in the file `code-1.txt`.)");
        discord_code_clear(&code);
    }
}

/* Whatever has come, the sources are a beginning of the text, and the shown text of a block that is
 * out does not change any more. */
static void a_growing_text_keeps_its_sources_and_its_lines(void **state)
{
    static const char text[] = "One ö.\n```py\n" LONG LONG "```\nTwo.\n~~~\n" LONG "~~~\nThree.\n";
    bool out = false;

    (void)state;
    for (size_t len = 1; len <= strlen(text); len++) {
        _cleanup_buf_ struct buf sources = BUF_INIT;
        struct discord_layout layout;
        struct discord_code code;

        discord_code_take(text, len, LIMIT, len == strlen(text), &code);
        discord_layout_code(text, &code, 0,
                            len == strlen(text) ? DISCORD_LAYOUT_WHOLE : DISCORD_LAYOUT_GROWS,
                            &layout);
        for (size_t i = 0; i < layout.count; i++)
            buf_puts(&sources, layout.parts[i].source);
        assert_true(sources.len <= len);
        assert_memory_equal(buf_text(&sources), text, sources.len);
        if (out) {
            assert_true(code.count >= 1);
            assert_non_null(strstr(layout.parts[0].body, "(The code is in the file `code-1.py`.)"));
        }
        out |= code.count > 0;
        discord_layout_clear(&layout);
        discord_code_clear(&code);
    }
    assert_true(out);
}

static void places_go_there_and_back(void **state)
{
    static const char text[] = "ab\n```\n" LONG "```\ncd\n```\n" LONG "```\nef";
    struct discord_code code;
    size_t last = 0;

    (void)state;
    discord_code_take(text, strlen(text), LIMIT, true, &code);
    assert_int_equal(code.count, 2);
    for (size_t i = 0; i <= strlen(text); i++) {
        size_t there = discord_code_forward(&code, i);

        assert_true(there >= last && there <= code.text.len);
        assert_true(discord_code_back(&code, there) >= i);
        last = there;
    }
    assert_int_equal(discord_code_back(&code, code.text.len), strlen(text));
    assert_int_equal(discord_code_forward(&code, strlen(text)), code.text.len);
    discord_code_clear(&code);
}

static void an_upload_names_its_file_and_pings_nobody(void **state)
{
    struct outbox_row row = {.id = 5,
                             .turn = 7,
                             .gateway = (char *)"discord:0",
                             .channel = (char *)"1",
                             .body = (char *)"",
                             .file_name = (char *)"main.c",
                             .file = (char *)"troupe-0000000000000005-0 @everyone"};
    _cleanup_buf_ struct buf out = BUF_INIT, type = BUF_INIT;
    _cleanup_json_ json_t *same = json_pack("{s:[{s:s, s:i}]}", "attachments", "filename", "main.c",
                                            "size", (int)strlen(row.file));
    _cleanup_json_ json_t *other =
        json_pack("{s:[{s:s, s:i}]}", "attachments", "filename", "main.c", "size", 3);
    _cleanup_json_ json_t *none = json_object();

    (void)state;
    discord_outbox_write_file(&row, &out, &type);
    /* The boundary does not stand in the file. */
    assert_string_equal(type.data, "multipart/form-data; boundary=troupe-0000000000000005-1");
    assert_non_null(strstr(out.data, "\"allowed_mentions\":{\"parse\":[]"));
    assert_non_null(strstr(out.data, "\"attachments\":[{\"id\":\"0\",\"filename\":\"main.c\"}]"));
    assert_non_null(strstr(out.data, "name=\"files[0]\"; filename=\"main.c\""));
    assert_non_null(strstr(out.data, "\"enforce_nonce\":true"));
    assert_true(discord_outbox_same_file(&row, same));
    assert_false(discord_outbox_same_file(&row, other));
    assert_false(discord_outbox_same_file(&row, none));
    row.file_name = row.file = NULL;
    assert_true(discord_outbox_same_file(&row, none));
    assert_false(discord_outbox_same_file(&row, same));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_block_becomes_a_line_and_a_file),
        cmocka_unit_test(the_name_is_what_stands_behind_the_fence),
        cmocka_unit_test(only_its_own_fence_ends_a_block),
        cmocka_unit_test(a_growing_text_keeps_its_sources_and_its_lines),
        cmocka_unit_test(places_go_there_and_back),
        cmocka_unit_test(an_upload_names_its_file_and_pings_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
