/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/layout.h"

#include "base/mem.h"
#include "base/text.h"
#include "gateway/discord/message.h"
#include "gateway/split.h"

#include <ctype.h>
#include <string.h>

#define MARK       "(interrupted)"
#define NAME_BYTES 80 /* and so characters at most; Discord takes 100 */
#define NAME_EMPTY "Conversation"

static struct discord_part *add(struct discord_layout *layout)
{
    layout->parts = mem_resize(layout->parts, layout->count + 1, sizeof(*layout->parts));
    layout->parts[layout->count] = (struct discord_part){NULL, NULL};
    return &layout->parts[layout->count++];
}

/* Behind the last text, on a line of its own below a code block; in a message of its own where there
 * is no room. */
static void mark(struct discord_layout *layout)
{
    struct discord_part *last = layout->count ? &layout->parts[layout->count - 1] : NULL;
    size_t len = last ? strlen(last->body) : 0;
    char *body = NULL;

    if (last)
        body = mem_printf("%s%s" MARK, last->body,
                          len >= 3 && !memcmp(last->body + len - 3, "```", 3) ? "\n" : " ");
    if (body && text_utf16_len(body, strlen(body)) <= DISCORD_CONTENT_MAX) {
        mem_free(last->body);
        last->body = body;
        return;
    }
    mem_free(body);
    last = add(layout);
    last->body = mem_strdup(MARK);
    last->source = mem_strdup("");
}

/* `source` is what stands behind `text`, and differs from it where blocks were taken out. */
static void lay(const char *text, size_t len, const char *source, const struct discord_code *code,
                size_t base, enum discord_layout_end end, struct discord_layout *ret)
{
    struct split_state state = {0};
    struct split_part split;

    *ret = (struct discord_layout){NULL, 0};
    while (
        split_next(text, len, DISCORD_CONTENT_MAX, end != DISCORD_LAYOUT_GROWS, &state, &split)) {
        struct discord_part *part = add(ret);
        struct buf body = BUF_INIT;
        size_t start, stop;

        split_render(text, &split, &body);
        part->body = buf_take(&body);
        start = code ? discord_code_back(code, base + split.start) : split.start;
        stop = code ? discord_code_back(code, base + split.end) : split.end;
        part->source = mem_strndup(source + start, stop - start);
        if (!split.fixed)
            break;
    }
    if (end == DISCORD_LAYOUT_INTERRUPTED)
        mark(ret);
}

void discord_layout(const char *text, size_t len, enum discord_layout_end end,
                    struct discord_layout *ret)
{
    lay(text, len, text, NULL, 0, end, ret);
}

void discord_layout_code(const char *text, const struct discord_code *code, size_t offset,
                         enum discord_layout_end end, struct discord_layout *ret)
{
    size_t from = discord_code_forward(code, offset);

    lay(buf_text(&code->text) + from, code->text.len - from, text, code, from, end, ret);
}

void discord_layout_clear(struct discord_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++) {
        mem_free(layout->parts[i].body);
        mem_free(layout->parts[i].source);
    }
    mem_free(layout->parts);
    *layout = (struct discord_layout){NULL, 0};
}

char *discord_thread_name(const char *question, size_t len)
{
    size_t from = 0, to;
    char *name;

    while (from < len && isspace((unsigned char)question[from]))
        from++;
    for (to = from; to < len && question[to] != '\n' && question[to] != '\r';)
        to++;
    if (to - from > NAME_BYTES)
        to = from + text_utf8_cut(question + from, to - from, NAME_BYTES);
    name = mem_strndup(question + from, to - from);
    for (char *p = name; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    if (*text_trim(name))
        return name;
    mem_free(name);
    return mem_strdup(NAME_EMPTY);
}
