/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes untrusted text safe to print on a terminal: control characters (C0 but newline and tab, DEL,
 * C1) and bytes that are no UTF-8 become U+FFFD, "\r\n" becomes "\n". Text may come in pieces that
 * split a character. A zeroed struct is the start of a text. Any thread.
 */
#ifndef GATEWAY_CONSOLE_FILTER_H
#define GATEWAY_CONSOLE_FILTER_H

#include "base/buf.h"

struct console_filter {
    unsigned char held[4]; /* the beginning of a character, or a carriage return */
    size_t held_len;
};

void console_filter_write(struct console_filter *filter, const char *text, size_t len,
                          struct buf *out);
/* The text is over: what was held back is broken. */
void console_filter_end(struct console_filter *filter, struct buf *out);

#endif
