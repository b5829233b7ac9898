/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts cut into messages: where it is cut, what becomes of code blocks, and what holds for any text
 * that comes in any pieces.
 */
#include "tap.h"

#include "base/grapheme.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/split.h"

#include <stdio.h>
#include <string.h>

#define LIMIT 2000

struct parts {
    struct split_part *list;
    char **bodies;
    size_t count;
    size_t rest; /* where what is not shown at the end begins */
};

static void split(const char *text, size_t len, size_t limit, bool whole, struct parts *ret)
{
    struct split_state state = {0};
    struct split_part part;

    *ret = (struct parts){0};
    while (split_next(text, len, limit, whole, &state, &part)) {
        struct buf body = BUF_INIT;

        ret->list = mem_resize(ret->list, ret->count + 1, sizeof(*ret->list));
        ret->bodies = mem_resize(ret->bodies, ret->count + 1, sizeof(*ret->bodies));
        split_render(text, &part, &body);
        ret->list[ret->count] = part;
        ret->bodies[ret->count++] = buf_take(&body);
        ret->rest = part.end;
        if (!part.fixed)
            break;
        assert_true(state.from == part.end);
    }
}

static void parts_clear(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        mem_free(parts->bodies[i]);
    mem_free(parts->bodies);
    mem_free(parts->list);
}

/* `count` times the text. */
static char *times(const char *text, size_t count)
{
    struct buf out = BUF_INIT;

    for (size_t i = 0; i < count; i++)
        buf_puts(&out, text);
    return buf_take(&out);
}

static char *join(const char *a, const char *b, const char *c)
{
    return mem_printf("%s%s%s", a, b, c);
}

static void assert_ends(const char *body, const char *end)
{
    size_t len = strlen(body), want = strlen(end);

    assert_true(len >= want);
    assert_string_equal(body + len - want, end);
}

static void assert_begins(const char *body, const char *start)
{
    if (strncmp(body, start, strlen(start)))
        fail_msg("\"%.60s\" does not begin with \"%s\"", body, start);
}

/* ---- where it is cut -------------------------------------------------------------------------- */

static void a_short_text_is_one_part_without_its_edges(void **state)
{
    struct parts parts;

    (void)state;
    split(" \n hello\nthere \n\n", 16, LIMIT, true, &parts);
    assert_int_equal(parts.count, 1);
    assert_string_equal(parts.bodies[0], "hello\nthere");
    assert_int_equal(parts.list[0].start, 0);
    assert_int_equal(parts.list[0].end, 16);
    assert_false(parts.list[0].fixed);
    parts_clear(&parts);
    split("", 0, LIMIT, true, &parts);
    assert_int_equal(parts.count, 0);
    split(" \n\t\n", 4, LIMIT, true, &parts);
    assert_int_equal(parts.count, 0);
}

static void the_best_place_is_taken(void **state)
{
    static const struct {
        const char *what;
        size_t lead; /* x before */
        const char *middle;
        size_t fill; /* x between */
        const char *after, *first_ends, *second_begins;
    } cases[] = {
        {"paragraph before line", 1600, " a. b\n\nc d. e\n", 600, "", "a. b", "c d. e"},
        {"line before sentence", 1600, " a. b\nc d. e ", 600, "", "a. b", "c d. e"},
        {"sentence before space", 1600, " a. b c e ", 600, "", "a.", "b c e"},
        {"space before character", 1600, " a b", 600, "", "a", "b"},
        {"paragraph before a later line", 1200, " a\n\nb ", 600,
         "\nc d e f g xxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "x",
         "a", "b"},
        {"before a heading", 1600, " a\n# b\nc ", 600, "", "a", "# b"},
        {"a sentence without spaces", 1600, " \xe5\xad\x97\xe3\x80\x82\xe5\xad\x97", 600, "",
         "\xe3\x80\x82", "\xe5\xad\x97"},
        {"before a block", 1500, " a\n```\nb\n", 600, "\n```", "a", "```\nb\n"},
        {"behind a block", 1500, "\n```\nb\n```\nc ", 600, "", "```\nb\n```", "c"},
        {"a sentence in quotes", 1600, " a \"b.\" c e ", 600, "", "\"b.\"", "c e"},
        {"no tiny part", 3, " ", 2400, "", "x", "x"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_mem_ char *lead = times("x", cases[i].lead), *fill = times("x", cases[i].fill);
        _cleanup_mem_ char *text =
            mem_printf("%s%s%s%s", lead, cases[i].middle, fill, cases[i].after);
        struct parts parts;

        split(text, strlen(text), LIMIT, true, &parts);
        if (parts.count != 2)
            fail_msg("%s: %zu parts", cases[i].what, parts.count);
        print_message("# %s\n", cases[i].what);
        assert_ends(parts.bodies[0], cases[i].first_ends);
        assert_begins(parts.bodies[1], cases[i].second_begins);
        parts_clear(&parts);
    }
}

static void a_long_word_fills_its_parts(void **state)
{
    _cleanup_mem_ char *word = times("x", 5000), *text = join("hi ", word, "");
    struct parts parts;

    (void)state;
    split(text, strlen(text), LIMIT, true, &parts);
    assert_int_equal(parts.count, 3);
    assert_int_equal(strlen(parts.bodies[0]), LIMIT);
    assert_int_equal(strlen(parts.bodies[1]), LIMIT);
    parts_clear(&parts);
}

static void characters_are_not_torn(void **state)
{
    static const char *const signs[] = {
        "\xf0\x9f\x98\x80",  /* a pair in UTF-16 */
        "e\xcc\x81\xcc\xa7", /* marks            */
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", /* joined */
        "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", /* skin             */
        "\xe2\x9d\xa4\xef\xb8\x8f",         /* variation        */
        "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", /* a flag           */
        "\xe0\xa4\x95\xe0\xa5\x8d",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        for (size_t shift = 0; shift < 9; shift++) {
            _cleanup_mem_ char *lead = times("x", shift), *many = times(signs[i], 2500);
            _cleanup_mem_ char *text = join(lead, many, "");
            struct parts parts;

            split(text, strlen(text), LIMIT, true, &parts);
            assert_true(parts.count > 1);
            for (size_t k = 0; k < parts.count; k++) {
                assert_true(text_utf16_len(parts.bodies[k], strlen(parts.bodies[k])) <= LIMIT);
                if (k)
                    assert_begins(parts.bodies[k], signs[i]);
                assert_ends(parts.bodies[k], signs[i]);
            }
            parts_clear(&parts);
        }
}

static void a_character_longer_than_a_part_is_cut_all_the_same(void **state)
{
    _cleanup_mem_ char *marks = times("\xcc\x81", 5000), *text = join("e", marks, "");
    struct parts parts;

    (void)state;
    split(text, strlen(text), LIMIT, true, &parts);
    assert_int_equal(parts.count, 3);
    assert_int_equal(parts.rest, strlen(text));
    parts_clear(&parts);
}

/* The model's bytes come as they are; a longer spelling than needed is not UTF-8. */
static void what_is_spelled_too_long_fits_all_the_same(void **state)
{
    static const char *const spelled[] = {"\xF0\x89\x87\xA9", "\xE0\x80\x8A", "\xE0\x81\xA0",
                                          "\xF5x"};

    (void)state;
    for (size_t i = 0; i < sizeof(spelled) / sizeof(spelled[0]); i++) {
        char *text = times(spelled[i], 3 * (size_t)LIMIT);
        struct parts parts;

        split(text, strlen(text), LIMIT, true, &parts);
        assert_in_range(parts.count, 3, 10);
        for (size_t k = 0; k < parts.count; k++)
            assert_in_range(text_utf16_len(parts.bodies[k], strlen(parts.bodies[k])), 1, LIMIT);
        parts_clear(&parts);
        mem_free(text);
    }
}

static void endless_white_space_is_no_message(void **state)
{
    static const char *const blanks[] = {"\n", " ", "\r\n", " \n", "\xe3\x80\x80"};

    (void)state;
    for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
        _cleanup_mem_ char *blank = times(blanks[i], 5000), *text = join("a", blank, "b");
        _cleanup_mem_ char *code = join("```\na", blank, "b\n```");
        struct parts parts;

        split(text, strlen(text), LIMIT, true, &parts);
        assert_int_equal(parts.count, 2);
        assert_string_equal(parts.bodies[0], "a");
        assert_string_equal(parts.bodies[1], "b");
        parts_clear(&parts);
        split(code, strlen(code), LIMIT, true, &parts);
        assert_int_equal(parts.count, 2);
        assert_string_equal(parts.bodies[0], "```\na\n```");
        assert_string_equal(parts.bodies[1], "```\nb\n```");
        parts_clear(&parts);
    }
}

/* ---- code blocks ------------------------------------------------------------------------------ */

static void a_block_is_closed_and_opened_anew_with_its_language(void **state)
{
    _cleanup_mem_ char *code = times("let x = 1;\n", 300);
    static const struct {
        const char *open, *close, *opened, *closed;
    } cases[] = {
        {"```js\n", "```", "```js\n", "\n```"},
        {"```\n", "```", "```\n", "\n```"},
        {"~~~ruby startline=3\n", "~~~", "~~~ruby\n", "\n~~~"},
        {"`````md\n```\n", "`````", "`````md\n", "\n`````"},
        {"``` c\r\n", "```", "```c\n", "\n```"},
        {"- item\n\n   ```py\n", "   ```", "```py\n", "\n```"},
        {"1. ```sh\n", "   ```", "```sh\n", "\n```"},
        {"```this-is-a-language-with-a-name-that-is-too-long\n", "```", "```\n", "\n```"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_mem_ char *text =
            mem_printf("Look:\n%s%s%s\nDone.", cases[i].open, code, cases[i].close);
        _cleanup_mem_ char *closed = mem_printf("let x = 1;%s", cases[i].closed);
        _cleanup_mem_ char *opened = mem_printf("%slet x = 1;\n", cases[i].opened);
        struct parts parts;

        split(text, strlen(text), LIMIT, true, &parts);
        assert_int_equal(parts.count, 2);
        assert_ends(parts.bodies[0], closed);
        assert_begins(parts.bodies[1], opened);
        assert_ends(parts.bodies[1], "\nDone.");
        parts_clear(&parts);
    }
}

static void a_block_in_a_quote_stays_in_it(void **state)
{
    _cleanup_mem_ char *code = times("> let x = 1;\n", 250), *word = times("y", 3000);
    _cleanup_mem_ char *text = join("> ```js\n", code, "> ```\nDone.");
    _cleanup_mem_ char *wide = mem_printf("> ```js\n> %s\n> ```", word);
    struct parts parts;

    (void)state;
    split(text, strlen(text), LIMIT, true, &parts);
    assert_int_equal(parts.count, 2);
    assert_ends(parts.bodies[0], "> let x = 1;\n> ```");
    assert_begins(parts.bodies[1], "> ```js\n> let x = 1;\n");
    parts_clear(&parts);
    split(wide, strlen(wide), LIMIT, true, &parts);
    assert_int_equal(parts.count, 2);
    assert_ends(parts.bodies[0], "y\n> ```");
    assert_begins(parts.bodies[1], "> ```js\n> y");
    parts_clear(&parts);
}

static void a_cut_before_the_closing_line_makes_no_empty_block(void **state)
{
    (void)state;
    /* The code ends at every place around the limit. */
    for (size_t count = 1900; count < 2020; count++) {
        _cleanup_mem_ char *code = times("x", count), *text = join("```c\n", code, "\n```\nDone.");
        struct parts parts;

        split(text, strlen(text), LIMIT, true, &parts);
        for (size_t i = 0; i < parts.count; i++) {
            assert_null(strstr(parts.bodies[i], "```c\n```"));
            assert_null(strstr(parts.bodies[i], "```c\n\n```"));
            assert_true(strlen(parts.bodies[i]) <= LIMIT);
        }
        assert_ends(parts.bodies[parts.count - 1], "Done.");
        parts_clear(&parts);
    }
}

static void what_is_no_fence_is_text(void **state)
{
    static const char *const texts[] = {
        "``no",         "a ``` b", "```inline``` text",
        "~~ struck ~~", "``",      "```rest of an answer that was cut",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        _cleanup_mem_ char *words = times("word ", 500), *text = join(texts[i], "\n", words);
        struct parts parts;

        if (i < 5) {
            split(text, strlen(text), LIMIT, true, &parts);
            assert_int_equal(parts.count, 2);
            assert_ends(parts.bodies[0], "word");
            assert_begins(parts.bodies[1], "word");
            parts_clear(&parts);
        }
        split(texts[i], strlen(texts[i]), LIMIT, true, &parts);
        assert_int_equal(parts.count, 1);
        assert_string_equal(parts.bodies[0], texts[i]);
        parts_clear(&parts);
    }
}

static void a_text_of_fences_alone_is_shown_as_it_stands(void **state)
{
    struct parts parts;

    (void)state;
    split("```\n```\n", 8, LIMIT, true, &parts);
    assert_int_equal(parts.count, 1);
    assert_string_equal(parts.bodies[0], "```\n```");
    parts_clear(&parts);
    split("```py\n", 6, LIMIT, true, &parts);
    assert_int_equal(parts.count, 1);
    parts_clear(&parts);
    split("```py\n", 6, LIMIT, false, &parts);
    assert_int_equal(parts.count, 0);
}

/* ---- while it streams -------------------------------------------------------------------------- */

static void a_block_that_streams_is_closed_meanwhile(void **state)
{
    static const struct {
        const char *text, *body;
    } steps[] = {
        {"Look:", "Look:"},
        {"Look:\n``", "Look:\n``"},
        {"Look:\n```", "Look:"},
        {"Look:\n```py", "Look:"},
        {"Look:\n```py\n", "Look:"},
        {"Look:\n```py\nx", "Look:\n```py\nx\n```"},
        {"Look:\n```py\nx = 1\n", "Look:\n```py\nx = 1\n```"},
        {"Look:\n```py\nx = 1\n``", "Look:\n```py\nx = 1\n```"},
        {"Look:\n```py\nx = 1\n```", "Look:\n```py\nx = 1\n```"},
        {"Look:\n```py\nx = 1\n```\n", "Look:\n```py\nx = 1\n```"},
        {"Look:\n```py\nx = 1\n```\nDone", "Look:\n```py\nx = 1\n```\nDone"},
        {"Gr\xc3", "Gr"},
        {"Gr\xc3\xbc", "Gr\xc3\xbc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct parts parts;

        split(steps[i].text, strlen(steps[i].text), LIMIT, false, &parts);
        assert_int_equal(parts.count, 1);
        assert_string_equal(parts.bodies[0], steps[i].body);
        parts_clear(&parts);
    }
}

/* ---- any text ---------------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random % below;
}

static char *random_text(uint64_t *random)
{
    static const char *const pieces[] = {
        "word ",
        "a ",
        "Sentence. ",
        "What? ",
        "\n",
        "\n\n",
        "\r\n",
        "\n\n\n",
        "```\n",
        "```c\n",
        "```",
        "~~~\n",
        "~~~text\n",
        "````md\n",
        "````\n",
        "> ",
        "> > ",
        "- ",
        "1. ",
        "    ",
        "> ```js\n",
        "> ```\n",
        "\n```\n",
        "\n```python title=x\n",
        "`code`",
        "``",
        "`",
        "\xf0\x9f\x98\x80",
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
        "\xcc\x81",
        "e\xcc\x81",
        "\xe6\xbc\xa2\xe5\xad\x97",
        "\xe3\x80\x82",
        "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa",
        "\xe2\x80\xa6 ",
        "\t",
        "# Heading\n",
        "**bold** ",
        "| a | b |\n",
        "\xc2\xa0",
        "x",
    };
    struct buf out = BUF_INIT;
    size_t runs = 1 + next_random(random, 120);

    for (size_t i = 0; i < runs; i++) {
        const char *piece = pieces[next_random(random, sizeof(pieces) / sizeof(pieces[0]))];
        size_t count = next_random(random, 4) ? 1 : next_random(random, 60);

        if (!next_random(random, 40))
            count = next_random(random, 2000);
        while (count--)
            buf_puts(&out, piece);
    }
    return buf_take(&out);
}

/* Whether it is one block after the other without anything in them. */
static bool is_only_fences(const char *body)
{
    size_t open = 0, blocks = 0; /* how long the open fence is */
    bool quoted = true;
    char mark = 0;

    for (const char *line = body; *line;) {
        const char *line_start = line, *end = line + strcspn(line, "\n");
        const char *p = line + strspn(line, open ? quoted ? " \t\r>" : " \t\r" : " \t\r>-1.");
        size_t run = strspn(p, *p == '~' ? "~" : "`");
        bool bare = p + run + strspn(p + run, " \t\r") >= end;

        line = *end ? end + 1 : end;
        if (p - line_start > 40)
            return false; /* no fence stands behind so many marks */
        if (p >= end && strcspn(line_start, "-1.") < (size_t)(end - line_start))
            return false;
        if (p >= end)
            continue;
        if (run < 3 || run > SPLIT_FENCE_MAX || end - (p + run) > SPLIT_INFO_MAX ||
            (*p == '`' && memchr(p + run, '`', (size_t)(end - (p + run)))))
            return false;
        if (!open) {
            open = run;
            blocks++;
            mark = *p;
            quoted = memchr(line_start, '>', (size_t)(p - line_start)) != NULL;
        } else if (bare && *p == mark && run >= open) {
            open = 0;
            quoted = true;
        } else {
            return false;
        }
    }
    return blocks > 0;
}

/* What holds for the parts of a whole text. */
static void check_whole(const char *text, const struct parts *parts, size_t limit)
{
    size_t at = 0;

    for (size_t i = 0; i < parts->count; i++) {
        const struct split_part *part = &parts->list[i];
        size_t len = strlen(parts->bodies[i]);

        assert_true(text_is_utf8(parts->bodies[i], len));
        assert_in_range(text_utf16_len(parts->bodies[i], len), 1, limit);
        /* The sources are the text, without a gap. */
        assert_int_equal(part->start, at);
        assert_in_range(part->end, at + 1, strlen(text));
        at = part->end;
        assert_true(part->shown >= part->start && part->shown + part->shown_len <= part->end);
        if (!part->before.open && !part->after.open) {
            assert_int_equal(len, part->shown_len);
            assert_memory_equal(parts->bodies[i], text + part->shown, len);
        }
        /* A block that is opened anew was closed before, or its own line is left out. */
        if (i && part->before.open)
            assert_true(parts->list[i - 1].after.open || part->shown > part->start);
        if (parts->count > 1 && !part->inside_line && is_only_fences(parts->bodies[i])) {
            fprintf(stderr, "# part %zu of %zu is empty: \"%s\"\n", i + 1, parts->count,
                    parts->bodies[i]);
            fail();
        }
    }
}

/* Between what is shown there is nothing but white space and lines of fences. */
static void check_gap(const char *text, size_t from, size_t to)
{
    while (from < to) {
        size_t end = from + strcspn(text + from, "\n");

        while (from < to &&
               (strchr(" \t\r>-1.", text[from]) || !strncmp(text + from, "\xc2\xa0", 2)))
            from += text[from] == '\xc2' ? 2 : 1;
        if (from < to && from < end && strncmp(text + from, "```", 3) &&
            strncmp(text + from, "~~~", 3)) {
            fprintf(stderr, "# lost: \"%.*s\"\n", (int)(to - from), text + from);
            fail();
        }
        from = end + 1;
    }
}

static void check_nothing_lost(const char *text, const struct parts *parts)
{
    size_t at = 0;

    for (size_t i = 0; i < parts->count; i++) {
        assert_true(parts->list[i].shown >= at);
        check_gap(text, at, parts->list[i].shown);
        at = parts->list[i].shown + parts->list[i].shown_len;
    }
    check_gap(text, at, strlen(text));
}

static void check_growing(const char *text, size_t len, size_t limit, const struct parts *whole,
                          uint64_t *random)
{
    struct split_state state = {0};
    struct split_part part;
    size_t fixed = 0, given = 0;

    while (given < len) {
        given += 1 + next_random(random, next_random(random, 3) ? 20 : 1500);
        if (given > len)
            given = len;
        while (split_next(text, given, limit, false, &state, &part)) {
            struct buf body = BUF_INIT;

            split_render(text, &part, &body);
            assert_in_range(text_utf16_len(buf_text(&body), body.len), 1, limit);
            if (part.fixed) {
                assert_true(fixed < whole->count);
                assert_string_equal(buf_text(&body), whole->bodies[fixed]);
                assert_int_equal(part.end, whole->list[fixed].end);
                fixed++;
            }
            buf_clear(&body);
            if (!part.fixed)
                break;
        }
    }
    /* Only the last one may come with the end. */
    assert_true(fixed + 2 >= whole->count);
}

static void any_text_in_any_pieces_keeps_the_promises(void **state)
{
    uint64_t random = 88172645463325252u;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        _cleanup_mem_ char *text = random_text(&random);
        size_t len = strlen(text), limit = next_random(&random, 2) ? LIMIT : SPLIT_LIMIT_MIN;
        struct parts parts;

        split(text, len, limit, true, &parts);
        check_whole(text, &parts, limit);
        check_nothing_lost(text, &parts);
        check_growing(text, len, limit, &parts, &random);
        parts_clear(&parts);
    }
}

/* A short one is given without a scan. A letter that is no ASCII, and two bytes long, forces the scan. */
static void a_short_text_is_what_the_scan_would_give(void **state)
{
    static const char alphabet[] = "ab. \n\t>-*1#\"x";
    uint64_t random = 42;

    (void)state;
    for (size_t round = 0; round < 20000; round++) {
        char text[40], other[41];
        size_t len = 1 + next_random(&random, sizeof(text) - 1), at;
        struct split_state start = {0}, again = {0};
        struct split_part part, scanned;

        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[next_random(&random, sizeof(alphabet) - 1)];
        at = next_random(&random, len);
        text[at] = 'a';
        memcpy(other, text, at);
        memcpy(other + at, "\xc3\xa4", 2);
        memcpy(other + at + 2, text + at + 1, len - at - 1);
        assert_true(split_next(text, len, LIMIT, true, &start, &part));
        assert_true(split_next(other, len + 1, LIMIT, true, &again, &scanned));
        scanned.end--;
        scanned.shown_len--;
        assert_int_equal(part.start, scanned.start);
        assert_int_equal(part.end, scanned.end);
        assert_int_equal(part.shown, scanned.shown);
        assert_int_equal(part.shown_len, scanned.shown_len);
        assert_int_equal(part.inside_line, scanned.inside_line);
        assert_int_equal(part.fixed, scanned.fixed);
        assert_int_equal(part.before.open, scanned.before.open);
        assert_int_equal(part.after.open, scanned.after.open);
        assert_int_equal(start.from, again.from);
    }
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_short_text_is_one_part_without_its_edges),
        TEST(a_short_text_is_what_the_scan_would_give),
        TEST(the_best_place_is_taken),
        TEST(a_long_word_fills_its_parts),
        TEST(characters_are_not_torn),
        TEST(a_character_longer_than_a_part_is_cut_all_the_same),
        TEST(what_is_spelled_too_long_fits_all_the_same),
        TEST(endless_white_space_is_no_message),
        TEST(a_block_is_closed_and_opened_anew_with_its_language),
        TEST(a_block_in_a_quote_stays_in_it),
        TEST(a_cut_before_the_closing_line_makes_no_empty_block),
        TEST(what_is_no_fence_is_text),
        TEST(a_text_of_fences_alone_is_shown_as_it_stands),
        TEST(a_block_that_streams_is_closed_meanwhile),
        TEST(any_text_in_any_pieces_keeps_the_promises),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
