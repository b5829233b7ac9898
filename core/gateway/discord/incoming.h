/* SPDX-License-Identifier: Apache-2.0
 *
 * A message as routing reads it, in one pass and without a tree: a tree costs by the byte, and most of
 * what Discord sends with a message is pictures' names, flags and embeds that nobody here reads
 * (message.mdx, user.mdx, guild.mdx). Loop thread or any other.
 */
#ifndef GATEWAY_DISCORD_INCOMING_H
#define GATEWAY_DISCORD_INCOMING_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISCORD_ROLES_MAX 250 /* a guild has no more */

struct discord_user {
    const char *id, *username, *global_name; /* NULL: not there, or no text */
    bool bot;
};

struct discord_reference {
    const char *message_id, *channel_id;
    int64_t type; /* 1: it is forwarded */
};

/* Texts live as long as it; NULL is none. */
struct discord_incoming {
    const char *id, *channel_id, *guild_id, *content;
    struct discord_user author;
    const char *nick;
    const char *roles[DISCORD_ROLES_MAX];
    size_t role_count;
    const char *reference_id; /* message_reference.message_id */
    bool has_referenced;      /* referenced_message is an object */
    const char *referenced_content;
    struct discord_user referenced_author;
    struct discord_reference referenced_reference; /* what that one answers */
    const char *referenced_attachments;            /* as below */
    size_t referenced_attachments_len;
    int64_t channel_type;    /* -1: not there */
    const char *attachments; /* the list as JSON; NULL: empty or none */
    size_t attachments_len;
    bool stickers;
    struct arena arena;
};

/* TROUPE_DATA with the place where `json` is no JSON, or no object. `ret` is to be cleared in either
 * case, and points into `json`. */
troupe_status discord_incoming_init(struct discord_incoming *ret, const char *json, size_t len,
                                    struct error *err);
void discord_incoming_clear(struct discord_incoming *incoming);

#endif
