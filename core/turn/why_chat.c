/* SPDX-License-Identifier: Apache-2.0
 *
 * A trace for a chat that reads Markdown: a head, a list of steps, and where it ends. Codes, texts and names come
 * from agents, models and members: nothing of them is markup, and what is a name stands out.
 */
#include "turn/why.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "turn/span.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHAT_MAX  2000 /* UTF-16 units, which is a message */
#define END_MAX   100  /* of them for the line that says what is left out */
#define TEXT_MAX  220  /* bytes of a text, before its escapes */
#define SPANS_MIN 120  /* below that there is no room for times */
#define MARKUP    "\\*_~`|>#[]<"

struct page {
    struct buf out;
    size_t units, left_out;
};

/* ---- texts ------------------------------------------------------------------------------------- */

static void put_plain(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] && strchr(MARKUP, text[i]))
            buf_putc(out, '\\');
        buf_putc(out, (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i]);
    }
}

/* "gpt-5-mini", "llama3.2:3b": a word with more in it than letters, and no address. */
static bool is_name(const char *word, size_t len)
{
    bool more = false;

    if (!len || !isalpha((unsigned char)word[0]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!strncmp(word + i, "://", 3))
            return false;
        more |= isdigit((unsigned char)word[i]) || strchr("-/:", word[i]) != NULL;
    }
    return more;
}

/* A word and what stands around it, as a comma. */
static void put_word(struct buf *out, const char *word, size_t len)
{
    size_t from = 0, to = len;

    while (from < to && strchr("(\"", word[from]))
        from++;
    while (to > from && strchr(",;:.()\"", word[to - 1]))
        to--;
    if (!is_name(word + from, to - from)) {
        put_plain(out, word, len);
        return;
    }
    put_plain(out, word, from);
    buf_puts(out, "**");
    put_plain(out, word + from, to - from);
    buf_puts(out, "**");
    put_plain(out, word + to, len - to);
}

/* One line of it, cut where it is long. */
static void put_text(struct buf *out, const char *text)
{
    size_t all = strlen(text), len = text_utf8_cut(text, all, TEXT_MAX);

    for (size_t i = 0; i < len;) {
        size_t word = strcspn(text + i, " \t\n\r");

        word = i + word > len ? len - i : word;
        put_word(out, text + i, word);
        i += word;
        if (i < len) {
            buf_putc(out, ' ');
            i++;
        }
    }
    if (len < all)
        buf_puts(out, "…");
}

static void put_bold(struct buf *out, const char *text)
{
    buf_puts(out, "**");
    put_plain(out, text, text_utf8_cut(text, strlen(text), TEXT_MAX));
    buf_puts(out, "**");
}

/* Takes the line over; what has no room is counted. */
static void add(struct page *page, struct buf *line)
{
    const size_t units = text_utf16_len(buf_text(line), line->len) + (page->out.len > 0);

    if (page->left_out || page->units + units > CHAT_MAX - END_MAX) {
        page->left_out++;
    } else {
        buf_printf(&page->out, "%s%s", page->out.len ? "\n" : "", buf_text(line));
        page->units += units;
    }
    buf_clear(line);
}

/* ---- the page ---------------------------------------------------------------------------------- */

static void put_head(struct page *page, const json_t *why)
{
    const int64_t started = json_get_int(why, "started_ms", 0),
                  finished = json_get_int(why, "finished_ms", 0),
                  attempts = json_get_int(why, "attempts", 0);
    const char *sentence = json_get_str(why, "sentence", "");
    struct buf line = BUF_INIT;
    char stamp[CLOCK_ISO_SIZE];

    clock_iso(started, stamp);
    buf_printf(&line, "**Turn %" PRIi64 "** — ", json_get_int(why, "turn", 0));
    put_plain(&line, json_get_str(why, "state", "?"), strlen(json_get_str(why, "state", "?")));
    buf_puts(&line, ", ");
    put_bold(&line, json_get_str(why, "reason", "not ended yet"));
    if (finished)
        buf_printf(&line, " after %" PRIi64 " ms", finished - started);
    buf_printf(&line, "; cost %.6f USD", (double)json_get_int(why, "cost_micros", 0) / 1e6);
    add(page, &line);
    if (*sentence) {
        buf_puts(&line, "> ");
        put_text(&line, sentence);
        add(page, &line);
    }
    buf_printf(&line, "-# message ");
    put_plain(&line, json_get_str(why, "message", "?"), strlen(json_get_str(why, "message", "?")));
    buf_printf(&line, ", %s, generation %" PRIi64, stamp, json_get_int(why, "generation", 0));
    if (attempts)
        buf_printf(&line, ", taken up again %" PRIi64 " time%s", attempts,
                   attempts == 1 ? "" : "s");
    add(page, &line);
}

static void put_undelivered(struct page *page, const json_t *why)
{
    const json_t *list = json_object_get(why, "undelivered"), *message;
    size_t i;

    json_array_foreach (list, i, message) {
        struct buf line = BUF_INIT;

        buf_printf(&line, "- message %" PRIi64 " of the answer is %s: ",
                   json_get_int(message, "part", 0) + 1,
                   strcmp(json_get_str(message, "state", ""), "failed") ? "not known to be there"
                                                                        : "not there");
        put_text(&line, json_get_str(message, "why", "?"));
        add(page, &line);
    }
}

static void put_steps(struct page *page, const json_t *trace)
{
    const json_t *list = json_object_get(trace, "entries"), *entry;
    size_t i;

    json_array_foreach (list, i, entry) {
        const char *text = json_get_str(entry, "text", ""),
                   *code = json_get_str(entry, "code", "?");
        struct buf line = BUF_INIT;

        buf_printf(&line, "- %" PRIi64 " ms ", json_get_int(entry, "ms", 0));
        put_bold(&line, json_get_str(entry, "at", "?"));
        buf_puts(&line, ": ");
        put_plain(&line, code, strlen(code));
        if (*text) {
            buf_puts(&line, " — ");
            put_text(&line, text);
        }
        add(page, &line);
    }
    page->left_out += (size_t)json_get_int(trace, "dropped", 0);
}

/* What took the time, as far as there is room for whole lines; in a block, in which nothing is markup but its end. */
static void put_spans(struct page *page, const json_t *spans)
{
    static const char open[] = "\n```", close[] = "\n```";
    _cleanup_buf_ struct buf text = BUF_INIT;
    size_t room, len = 0;

    turn_spans_show(spans, &text);
    if (!text.len || page->left_out)
        return;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '`')
            text.data[i] = '\'';
    room = CHAT_MAX - END_MAX - page->units;
    if (room < SPANS_MIN)
        return;
    room -= strlen(open) + strlen(close);
    for (const char *at = buf_text(&text); *at;) { /* each line has its newline before it */
        size_t line = 1 + strcspn(at + 1, "\n");

        if (text_utf16_len(buf_text(&text), len + line) > room)
            break;
        len += line;
        at += line;
    }
    if (!len)
        return;
    buf_printf(&page->out, "%s%.*s%s", open, (int)len, buf_text(&text), close);
    page->units += strlen(open) + text_utf16_len(buf_text(&text), len) + strlen(close);
}

troupe_status turn_why_chat(struct engine *engine, const char *id, const char *channel,
                            const char *asker, char **ret, struct error *err)
{
    _cleanup_json_ json_t *why = NULL;
    struct page page = {.out = BUF_INIT};
    const json_t *trace;
    troupe_status status = turn_why_json(engine, id, channel, asker, &why, err);

    if (status < 0)
        return status;
    trace = json_object_get(why, "trace");
    put_head(&page, why);
    put_undelivered(&page, why);
    put_steps(&page, trace);
    put_spans(&page, json_object_get(trace, "spans"));
    if (page.left_out)
        buf_printf(&page.out, "\n-# %zu more step%s; `troupe why %" PRIi64 "` at the shell has all",
                   page.left_out, page.left_out == 1 ? "" : "s", json_get_int(why, "turn", 0));
    *ret = buf_take(&page.out);
    return TROUPE_OK;
}
