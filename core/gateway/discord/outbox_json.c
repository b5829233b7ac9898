/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/outbox_json.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/attached.h"
#include "gateway/discord/form.h"
#include "gateway/discord/message.h"
#include "gateway/discord/outbox_attached.h"
#include "gateway/discord/place.h"
#include "gateway/outbox.h"

#include <string.h>

#define BUTTON_SECONDARY 2
#define DEPTH_MAX        64
#define FLAG_EPHEMERAL   (1 << 6)

static void write_text(struct buf *out, const char *text)
{
    const char *from = text;

    buf_putc(out, '"');
    for (const char *p = text;; p++) {
        unsigned char c = (unsigned char)*p;

        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        buf_append(out, from, (size_t)(p - from));
        from = p + 1;
        if (c == '\0')
            break;
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_puts(out, "\\n");
        else
            buf_printf(out, "\\u%04x", c);
    }
    buf_putc(out, '"');
}

static void write_buttons(struct buf *out, const char *text)
{
    _cleanup_json_ json_t *buttons = NULL;
    const json_t *button;
    size_t i;

    buf_puts(out, ",\"components\":[");
    if (text && json_parse(text, strlen(text), &buttons, NULL) == TROUPE_OK &&
        json_object_get(json_array_get(buttons, 0), "options")) {
        discord_select_write(json_array_get(buttons, 0), out);
    } else if (json_array_size(buttons) > 0) {
        buf_puts(out, "{\"type\":1,\"components\":[");
        json_array_foreach (buttons, i, button) {
            buf_printf(out, "%s{\"type\":2,\"style\":%d,\"custom_id\":", i ? "," : "",
                       BUTTON_SECONDARY);
            write_text(out, json_get_str(button, "id", ""));
            buf_puts(out, ",\"label\":");
            write_text(out, json_get_str(button, "label", ""));
            buf_putc(out, '}');
        }
        buf_puts(out, "]}");
    }
    buf_putc(out, ']');
}

static void write_attached(const struct attached *files, struct buf *out)
{
    buf_puts(out, ",\"attachments\":[");
    for (size_t i = 0; i < files->count; i++) {
        buf_printf(out, "%s{\"id\":\"%zu\",\"filename\":", i ? "," : "", i);
        write_text(out, files->files[i].name);
        if (files->files[i].alt) {
            buf_puts(out, ",\"description\":");
            write_text(out, files->files[i].alt);
        }
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

/* As members know it; an event names it by its agent, too. */
static const char *command_of(const struct event *event)
{
    const char *name = event->command ? event->command : "", *dot = strrchr(name, '.');

    return dot ? dot + 1 : name;
}

/* What a message says in the channel whose interaction was over before. mem_free. */
static char *detached_text(const struct outbox_row *row)
{
    const struct event *event = row->event;
    _cleanup_mem_ char *whom = mem_printf("<@%s> /%s: ", event->member, command_of(event));
    char *text;

    if (discord_place_hidden(row))
        return mem_printf("<@%s> my answer to /%s can't be shown any more; please ask again",
                          event->member, command_of(event));
    text = mem_printf("%s%s", row->part ? "" : whom, row->body);
    if (text_utf16_len(text, strlen(text)) <= DISCORD_CONTENT_MAX)
        return text;
    mem_free(text);
    return mem_strdup(row->body); /* the name has no room, the answer goes before */
}

bool discord_outbox_shows(const struct outbox_row *row, const char *content)
{
    _cleanup_mem_ char *text = row->detached ? detached_text(row) : NULL;

    return discord_outbox_same_text(text ? text : row->body, content);
}

static bool is_private_followup(const struct outbox_row *row)
{
    return !strcmp(row->reply_to, DISCORD_PLACE_PRIVATE) ||
           !strcmp(row->reply_to, DISCORD_PLACE_INSTEAD);
}

void discord_outbox_write(const struct outbox_row *row, bool create, struct buf *out)
{
    _cleanup_mem_ char *text = row->detached ? detached_text(row) : NULL;
    bool webhook = row->event && !row->detached;
    char nonce[OUTBOX_NONCE_MAX + 1];

    buf_puts(out, "{\"content\":");
    write_text(out, text ? text : row->body);
    buf_puts(out, ",\"allowed_mentions\":{\"parse\":[],");
    if (create && row->ping) { /* an edit pings nobody */
        buf_puts(out, "\"users\":[");
        write_text(out, row->ping);
        buf_puts(out, "],");
    }
    buf_puts(out, "\"replied_user\":false}");
    if (create && webhook) {
        if (is_private_followup(row))
            buf_printf(out, ",\"flags\":%d", FLAG_EPHEMERAL);
    } else if (create) {
        outbox_nonce(row, nonce);
        buf_puts(out, ",\"nonce\":");
        write_text(out, nonce);
        buf_puts(out, ",\"enforce_nonce\":true");
        if (row->reply_to && !discord_place_is(row->reply_to)) {
            buf_puts(out, ",\"message_reference\":{\"message_id\":");
            write_text(out, row->reply_to);
            buf_puts(out, ",\"fail_if_not_exists\":false}");
        }
    }
    if (create && row->file_name) {
        buf_puts(out, ",\"attachments\":[{\"id\":\"0\",\"filename\":");
        write_text(out, row->file_name);
        buf_puts(out, "}]");
    }
    if (create && row->files)
        write_attached(row->files, out);
    if (!create || row->buttons)
        write_buttons(out, row->buttons);
    buf_putc(out, '}');
}

uint64_t discord_outbox_number(const char *text)
{
    uint64_t value = 0;

    if (!text || !*text || strlen(text) > 19)
        return 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return 0;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    return value;
}

/* The end of a string that begins at `p`; NULL: it does not end. */
static const char *string_end(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '\\')
            p++;
        else if (*p == '"')
            return p;
    }
    return NULL;
}

static uint64_t number_at(const char *p, const char *end)
{
    char text[24];
    const char *stop;

    if (p == end || *p != '"' || !(stop = string_end(p, end)) || (size_t)(stop - p) > sizeof(text))
        return 0;
    memcpy(text, p + 1, (size_t)(stop - p) - 1);
    text[stop - p - 1] = '\0';
    return discord_outbox_number(text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

/* A message is some kilobytes and its id all that is wanted of it: no tree. */
uint64_t discord_outbox_id(const char *json, size_t len)
{
    const char *p = json ? skip_space(json, json + len) : NULL, *end = json + len;
    int depth = 0;

    if (!p || p == end || *p != '{')
        return 0;
    for (; p < end; p++) {
        const char *text = p;

        if (*p == '{' || *p == '[') {
            if (++depth > DEPTH_MAX)
                return 0;
        } else if (*p == '}' || *p == ']') {
            if (--depth == 0)
                return 0;
        } else if (*p == '"') {
            p = string_end(p, end);
            if (!p)
                return 0;
            if (depth != 1 || p - text != 3 || memcmp(text, "\"id", 3) != 0)
                continue;
            text = skip_space(p + 1, end);
            if (text < end && *text == ':')
                return number_at(skip_space(text + 1, end), end);
        }
    }
    return 0;
}

bool discord_outbox_same_text(const char *a, const char *b)
{
    size_t a_len, b_len;

    while (is_space(*a))
        a++;
    while (is_space(*b))
        b++;
    a_len = strlen(a);
    b_len = strlen(b);
    while (a_len > 0 && is_space(a[a_len - 1]))
        a_len--;
    while (b_len > 0 && is_space(b[b_len - 1]))
        b_len--;
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}
