/* SPDX-License-Identifier: Apache-2.0 */
#include "quote.h"

#include "template.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 132
#define PART_MIN  40 /* bytes; less may stand in a line by chance */

/* Whether the session has it: as a line of its own, or as a part of a long answer. */
static int is_known(const struct history *history, troupe_str quote)
{
    for (uint32_t i = 0; i < history->count; i++) {
        const troupe_str line = history->lines[i].content;

        if (quote.len < PART_MIN ? line.len == quote.len && !memcmp(line.ptr, quote.ptr, quote.len)
                                 : memmem(line.ptr, line.len, quote.ptr, quote.len) != NULL)
            return 1;
    }
    return 0;
}

troupe_str quote_put(troupe_turn *turn, const troupe_message *message,
                     const struct history *history, troupe_str text)
{
    char name[NAME_SIZE];
    uint64_t size, lines = 1, len;
    char *out;

    if (!TROUPE_HAS(message, quote_author) || message->quote.len == 0 ||
        is_known(history, message->quote))
        return text;
    for (uint64_t i = 0; i < message->quote.len; i++)
        lines += message->quote.ptr[i] == '\n';
    size = message->quote.len + 2 * lines + text.len + NAME_SIZE + 64;
    out = troupe_turn_alloc(turn, size);
    if (!out)
        return text;
    template_clean_name(message->quote_author.ptr, message->quote_author.len, name, sizeof(name));
    len = (uint64_t)snprintf(out, size, "(This answers a message of %s:\n> ", name);
    for (uint64_t i = 0; i < message->quote.len; i++) {
        out[len++] = message->quote.ptr[i];
        if (message->quote.ptr[i] != '\n')
            continue;
        out[len++] = '>';
        out[len++] = ' ';
    }
    for (const char *end = "\n)\n"; *end; end++)
        out[len++] = *end;
    memcpy(out + len, text.ptr, text.len);
    return (troupe_str){out, len + text.len};
}
