/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass over a gateway message that finds what routing needs, in any order of keys, without
 * allocation, and validates the whole as JSON. What it is not sure of it leaves to the full parser.
 */
#ifndef GATEWAY_DISCORD_SCAN_H
#define GATEWAY_DISCORD_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct discord_text {
    const char *ptr; /* into the message, escapes as they stand; NULL: not there or null */
    size_t len;
};

struct discord_scan {
    int op;                   /* -1: none                     */
    int64_t seq;              /* "s"; -1: none or null        */
    struct discord_text type; /* "t", "MESSAGE_CREATE"  */
    struct discord_text data; /* "d", raw JSON           */
    /* Of "d", where it is an object; ids as numbers, 0: none. */
    uint64_t id, channel_id, guild_id, author_id, webhook_id, application_id;
    bool author_bot;
    bool mentions_self; /* "mentions" has the id that was asked for    */
    bool mention_everyone;
    bool has_referenced; /* "referenced_message" is an object           */
    uint64_t referenced_author_id;
    int64_t message_type; /* "type"; 0 where it is not there             */
    struct discord_text content;
};

enum discord_scanned {
    DISCORD_SCAN_OK,
    DISCORD_SCAN_UNSURE, /* valid perhaps: parse it in full                */
    DISCORD_SCAN_BAD,    /* no JSON                                        */
};

/* `self`: the bot's own user id. */
enum discord_scanned discord_scan(const char *json, size_t len, uint64_t self,
                                  struct discord_scan *ret);
/* The same by the full parser (jansson): for UNSURE, and as the tests' oracle. `ret`'s texts point
 * into `json` where they can be found there. */
enum discord_scanned discord_scan_full(const char *json, size_t len, uint64_t self,
                                       struct discord_scan *ret);

#endif
