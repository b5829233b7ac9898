/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/console/filter.h"

#include "base/text.h"

#include <stdbool.h>

static void put_replacement(struct buf *out)
{
    buf_append(out, "\xEF\xBF\xBD", 3); /* U+FFFD */
}

/* How long a character is that begins with this byte; 0: none does. */
static size_t sequence_length(unsigned char first)
{
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    if (first >= 0xF0 && first <= 0xF4)
        return 4;
    return 0;
}

static bool is_c1(const unsigned char *character)
{
    return character[0] == 0xC2 && character[1] < 0xA0;
}

/* Adds a byte to the character that is held; false when it does not belong to it. */
static bool continue_held(struct console_filter *filter, unsigned char c, struct buf *out)
{
    if (filter->held[0] == '\r') {
        filter->held_len = 0;
        if (c != '\n')
            put_replacement(out);
        return false;
    }
    if ((c & 0xC0) != 0x80) {
        filter->held_len = 0;
        put_replacement(out);
        return false;
    }
    filter->held[filter->held_len++] = c;
    if (filter->held_len == sequence_length(filter->held[0])) {
        if (text_is_utf8((const char *)filter->held, filter->held_len) && !is_c1(filter->held))
            buf_append(out, filter->held, filter->held_len);
        else
            put_replacement(out);
        filter->held_len = 0;
    }
    return true;
}

void console_filter_write(struct console_filter *filter, const char *text, size_t len,
                          struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (filter->held_len && continue_held(filter, c, out))
            continue;
        if (c == '\r' || sequence_length(c)) {
            filter->held[0] = c;
            filter->held_len = 1;
        } else if (c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7F)) {
            buf_putc(out, (char)c);
        } else {
            put_replacement(out);
        }
    }
}

void console_filter_end(struct console_filter *filter, struct buf *out)
{
    if (filter->held_len)
        put_replacement(out);
    filter->held_len = 0;
}
