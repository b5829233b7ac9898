/* SPDX-License-Identifier: Apache-2.0
 *
 * Long blocks of code in an answer: instead of being cut over many messages they go out as files, and
 * a line in their place names the file. Works on a text that still grows: a block is taken out as
 * soon as it is too long, and its line stays the same then. Pure.
 */
#ifndef GATEWAY_DISCORD_CODE_H
#define GATEWAY_DISCORD_CODE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define DISCORD_CODE_NAME_MAX  64
#define DISCORD_CODE_FILES_MAX 8 /* of an answer; further blocks stay in the text */

/* A block that was taken out. */
struct discord_code_file {
    char name[DISCORD_CODE_NAME_MAX];
    size_t from, to;             /* of the block in the text, with its fences               */
    size_t at, end;              /* of the line in its place, in the shortened text          */
    size_t content, content_len; /* what the file has, in the text                       */
};

struct discord_code {
    struct buf text; /* the shortened one */
    struct discord_code_file files[DISCORD_CODE_FILES_MAX];
    size_t count;
};

/* Takes out blocks of more than `limit` UTF-16 units (0: none). `whole`: nothing follows any more. */
void discord_code_take(const char *text, size_t len, size_t limit, bool whole,
                       struct discord_code *ret);
void discord_code_clear(struct discord_code *code);
/* Places in the text and in the shortened one. What lies inside a block that was taken out, or inside
 * the line in its place, belongs to its end. */
size_t discord_code_forward(const struct discord_code *code, size_t offset);
size_t discord_code_back(const struct discord_code *code, size_t offset);

#endif
