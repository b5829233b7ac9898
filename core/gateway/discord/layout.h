/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer as the messages that show it. Pure.
 */
#ifndef GATEWAY_DISCORD_LAYOUT_H
#define GATEWAY_DISCORD_LAYOUT_H

#include "gateway/discord/code.h"

#include <stddef.h>

struct discord_part {
    char *body;   /* what the message shows */
    char *source; /* the text behind it     */
};

struct discord_layout {
    struct discord_part *parts;
    size_t count;
};

enum discord_layout_end {
    DISCORD_LAYOUT_GROWS, /* more comes: it may end inside a character */
    DISCORD_LAYOUT_WHOLE,
    DISCORD_LAYOUT_INTERRUPTED, /* nothing more comes, and the last part says so */
};

/* The parts of a text. Their sources are the text, but for white space at its end. A text without
 * anything to see has no part, unless it is interrupted. */
void discord_layout(const char *text, size_t len, enum discord_layout_end end,
                    struct discord_layout *ret);
/* The parts of what `code` left of `text`, from `offset` of the text on. Their sources are the text
 * with its blocks. */
void discord_layout_code(const char *text, const struct discord_code *code, size_t offset,
                         enum discord_layout_end end, struct discord_layout *ret);
void discord_layout_clear(struct discord_layout *layout);

/* What a thread is called that is opened for a question: its first line, cut. mem_free. */
char *discord_thread_name(const char *question, size_t len);

#endif
