/* SPDX-License-Identifier: Apache-2.0 */
#include "quote.h"

#include "context_fence.h"
#include "template.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 132
#define CHAIN_MAX 6000 /* bytes of all that is quoted; the nearest first      */
#define PART_MIN  40   /* bytes; less may stand in a line by chance */

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

/* Bytes that the quote takes with "> " before each line and its author above it. */
static uint64_t room_for(troupe_str quote)
{
    return context_fence_room(quote) + NAME_SIZE + 64;
}

/* Set off as somebody's words, whatever they say. */
static uint64_t put_one(char *out, uint64_t size, const char *lead, const troupe_quote *quote)
{
    char name[NAME_SIZE];
    uint64_t len;

    template_clean_name(quote->author.ptr, quote->author.len, name, sizeof(name));
    len = (uint64_t)snprintf(out, size, "%s %s:\n", lead, name);
    return len + context_fence_put(out + len, quote->text);
}

/* How many of what stands above the quote go along: up to what the talk has, and within the room. */
static uint32_t count_above(const troupe_message *message, const struct history *history,
                            uint64_t *size)
{
    uint32_t count = 0;
    uint64_t room;

    if (!TROUPE_HAS(message, quotes))
        return 0;
    room = message->quote.len;
    for (; count < message->quotes.count; count++) {
        const troupe_quote *quote = TROUPE_AT(message->quotes, troupe_quote, count);

        room += quote->text.len;
        if (room > CHAIN_MAX || is_known(history, quote->text))
            break;
        *size += room_for(quote->text);
    }
    return count;
}

troupe_str quote_put(troupe_turn *turn, const troupe_message *message,
                     const struct history *history, troupe_str text)
{
    troupe_quote nearest;
    uint64_t size, len;
    uint32_t above;
    char *out;

    if (!TROUPE_HAS(message, quote_author) || message->quote.len == 0 ||
        is_known(history, message->quote))
        return text;
    nearest = (troupe_quote){message->quote_author, message->quote};
    size = room_for(message->quote) + text.len + 2;
    above = count_above(message, history, &size);
    out = troupe_turn_alloc(turn, size);
    if (!out)
        return text;
    len = put_one(out, size, "(This answers a message of", &nearest);
    for (uint32_t i = 0; i < above; i++)
        len += put_one(out + len, size - len, "which answers one of",
                       TROUPE_AT(message->quotes, troupe_quote, i));
    out[len++] = ')';
    out[len++] = '\n';
    memcpy(out + len, text.ptr, text.len);
    return (troupe_str){out, len + text.len};
}
