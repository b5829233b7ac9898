/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include <stdio.h>
#include <string.h>

/* Bytes of the character at `text`, at most `left`; at least one. */
static size_t character(const char *text, uint64_t left)
{
    const unsigned char c = (unsigned char)*text;
    size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    return n <= left ? n : (size_t)left;
}

/* What nobody sees, and what turns the direction of writing: C1, zero width, marks of direction, BOM. */
static int is_hidden(const char *text, size_t n)
{
    const unsigned char *c = (const unsigned char *)text;

    if (n == 1)
        return *c < ' ' || *c == 0x7f;
    if (n == 2)
        return c[0] == 0xc2 && c[1] < 0xa0;
    if (n != 3)
        return 0;
    return (c[0] == 0xe2 && c[1] == 0x80 &&
            ((c[2] >= 0x8b && c[2] <= 0x8f) || (c[2] >= 0xaa && c[2] <= 0xae))) ||
           (c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa0 && c[2] <= 0xaf) ||
           (c[0] == 0xef && c[1] == 0xbb && c[2] == 0xbf);
}

/* Whether a chat would take it for more than itself: anywhere, or where a line begins. */
static int is_markup(const char *at, uint64_t left, int begins)
{
    if (strchr("\\*_~`|<[]@", *at))
        return 1;
    if (begins && strchr("#>-+", *at))
        return 1;
    return *at == ':' && left > 2 && at[1] == '/' && at[2] == '/';
}

/* One line of `text` up to its end or `most` characters; `text` is moved behind it. Leaves room for what
 * closes it. */
static size_t put_line(troupe_str *text, uint32_t most, int one_line, char *ret, size_t size)
{
    size_t n = 0;
    int begins = 1, blank = 0;

    while (text->len && most) {
        const size_t bytes = character(text->ptr, text->len);
        const char *at = text->ptr;
        const uint64_t left = text->len;

        if (*at == '\n' && !one_line)
            break;
        text->ptr += bytes;
        text->len -= bytes;
        if (*at == ' ' || *at == '\t' || *at == '\n') {
            blank = n > 0;
            continue;
        }
        if (is_hidden(at, bytes))
            continue;
        if (n + bytes + 8 > size) {
            text->len += bytes;
            text->ptr -= bytes;
            break;
        }
        if (blank)
            ret[n++] = ' ';
        blank = 0;
        if (bytes == 1 && is_markup(at, left, begins))
            ret[n++] = '\\';
        memcpy(ret + n, at, bytes);
        n += bytes;
        begins = 0;
        most--;
    }
    if (text->len && (one_line || *text->ptr != '\n'))
        n += (size_t)snprintf(ret + n, size - n, "…");
    ret[n] = '\0';
    return n;
}

size_t show_plain(troupe_str text, uint32_t most, char *ret, size_t size)
{
    return put_line(&text, most, 1, ret, size);
}

size_t show_quoted(troupe_str text, char *ret, size_t size)
{
    size_t n = 0;

    ret[0] = '\0';
    while (text.len && n + 16 < size) {
        n += (size_t)snprintf(ret + n, size - n, "%s> ", n ? "\n" : "");
        n += put_line(&text, UINT32_MAX, 0, ret + n, size - n);
        if (text.len && *text.ptr != '\n') /* it did not fit */
            break;
        if (text.len) {
            text.ptr++;
            text.len--;
        }
    }
    return n;
}

size_t show_line(const struct request_row *row, char *ret)
{
    char title[SHOW_LINE_MAX - 100];

    show_plain(row->title, 100, title, sizeof(title));
    return (size_t)snprintf(ret, SHOW_LINE_MAX, "**#%lld** %s (%.*s, %lld vote%s)",
                            (long long)row->number, title, (int)row->status.len, row->status.ptr,
                            (long long)row->votes, row->votes == 1 ? "" : "s");
}

size_t show_link(const char *form, uint64_t guild, const struct request_row *row, char *ret)
{
    static const char *const names[] = {"{guild}", "{channel}", "{message}"};
    char values[3][24];
    size_t n = 0;

    ret[0] = '\0';
    if (!row->message || !*form)
        return 0;
    snprintf(values[0], sizeof(values[0]), "%llu", (unsigned long long)guild);
    snprintf(values[1], sizeof(values[1]), "%.*s",
             row->channel.len < 24 ? (int)row->channel.len : 0, row->channel.ptr);
    snprintf(values[2], sizeof(values[2]), "%lld", (long long)row->message);
    while (*form && n + 24 < SHOW_LINK_MAX) {
        size_t which = 0;

        while (which < 3 && strncmp(form, names[which], strlen(names[which])) != 0)
            which++;
        if (which == 3) {
            ret[n++] = *form++;
            continue;
        }
        n += (size_t)snprintf(ret + n, SHOW_LINK_MAX - n, "%s", values[which]);
        form += strlen(names[which]);
    }
    ret[n] = '\0';
    return n;
}

size_t show_whole(const struct request_row *row, const char *link, char *ret)
{
    size_t n = show_line(row, ret);

    if (row->description.len) {
        n += (size_t)snprintf(ret + n, SHOW_WHOLE_MAX - n, "\n");
        n += show_quoted(row->description, ret + n, SHOW_WHOLE_MAX - n - 4000);
    }
    if (row->reason.len) {
        n += (size_t)snprintf(ret + n, SHOW_WHOLE_MAX - n, "\nWhat was decided about it: ");
        n += show_plain(row->reason, 1000, ret + n, SHOW_WHOLE_MAX - n - SHOW_LINK_MAX - 20);
    }
    if (link[0])
        n += (size_t)snprintf(ret + n, SHOW_WHOLE_MAX - n, "\n-# asked for in <%s>", link);
    return n;
}

int show_has_words(troupe_str text)
{
    for (uint64_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0xc3)
            return 1;
    }
    return 0;
}
