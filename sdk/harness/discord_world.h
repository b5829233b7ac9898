/* SPDX-License-Identifier: Apache-2.0
 *
 * What exists on the fake Discord: guilds, channels, members, messages; and how they are written as
 * JSON. Ids can be foretold: the bot is 100000000000000001, the k-th of its kind (from 0) is
 *   guild 200000000000000000 + k * 4194304 (so that shards differ), channel 300000000000000000 + k,
 *   member 400000000000000000 + k, their DM channel 500000000000000000 + k, role 600000000000000000 + k:
 *   helpers, moderators (Moderate Members), admins (Manage Server). The first member owns each guild.
 * Messages and interactions get snowflakes of the present from one counter.
 */
#ifndef DISCORD_WORLD_H
#define DISCORD_WORLD_H

#include "discord_text.h"

#include <jansson.h>

#define DISCORD_BOT_ID  UINT64_C(100000000000000001)
#define DISCORD_ROLE_ID UINT64_C(600000000000000000)
#define DISCORD_EPOCH   INT64_C(1420070400000)

struct discord_entry;

#define DISCORD_ROLES 3

struct discord_user {
    uint64_t id, dm; /* dm: id of the channel, for members */
    unsigned roles;  /* bit k: has the k-th role            */
    char name[33];
    bool bot;
};

struct discord_reaction {
    struct discord_reaction *next;
    uint32_t count;
    bool me;
    char emoji[64];
};

struct discord_message {
    uint64_t id, channel, webhook, interaction, reference;
    struct discord_user *author;
    struct discord_user *asker; /* whose interaction it was made through */
    unsigned asked_by;          /* that one's type                       */
    char *content;
    size_t content_len;
    char *embeds, *components, *attachments; /* raw JSON lists; NULL: [] */
    uint64_t *mentions;                      /* members that it pings    */
    size_t mention_count;
    uint64_t nonce_key;
    char nonce[64]; /* raw JSON, "" for none */
    int64_t at_ms, edited_ms;
    uint32_t flags, type, edits;
    bool everyone, deleted, hidden; /* hidden: ephemeral, in no history */
    struct discord_reaction *reactions;
    struct discord_entry *entry; /* whom it answers */
};

struct discord_channel {
    uint64_t id, guild; /* guild 0: a DM */
    char name[101];
    struct discord_user *recipient;
    struct discord_message **ring; /* oldest first, from `first` on */
    size_t cap, first, count;
    uint64_t open; /* owed questions without an answer */
    struct discord_message *last_bot;
    uint64_t parent, owner; /* of a thread; else 0 */
    uint32_t denied;        /* DISCORD_PERMITS that the bot lacks here */
    bool archived, locked;  /* a thread                                */
    bool gone;              /* it was deleted                          */
    struct discord_channel *next;
};

struct discord_guild {
    uint64_t id;
    char name[101];
    struct discord_channel **channels;
    size_t channel_count;
};

struct discord_world {
    struct discord_user bot;
    struct discord_user **users; /* members, each in every guild */
    size_t user_count;
    struct discord_guild **guilds;
    size_t guild_count, channel_count;
    struct discord_map by_id; /* channels and users */
    struct discord_map messages;
    struct discord_map threads; /* by the id of the message that they are opened from */
    struct discord_channel *first_thread;
    uint64_t last_id;
    size_t history;         /* messages kept a channel */
    bool content_of_others; /* the app may read content (MESSAGE_CONTENT) */
    /* A message leaves the history; its content may be taken. */
    void (*evict)(void *arg, struct discord_message *message);
    void *arg;
};

int64_t discord_now_ms(void); /* Unix time   */
int64_t discord_now_us(void); /* monotonic   */

void discord_world_init(struct discord_world *world);
void discord_world_clear(struct discord_world *world);
struct discord_user *discord_world_add_user(struct discord_world *world, const char *name);
struct discord_guild *discord_world_add_guild(struct discord_world *world, const char *name);
struct discord_channel *discord_world_add_channel(struct discord_world *world,
                                                  struct discord_guild *guild, const char *name);
/* {"guilds": [{"name", "channels": N or [names]}] or N, "channels": N (each), "members": N or [names]} */
void discord_world_load(struct discord_world *world, const json_t *source);
/* By id, by name, or "#N" for the N-th; "dm:MEMBER" is a DM. NULL: none. */
struct discord_channel *discord_world_channel(struct discord_world *world, const char *which);
struct discord_user *discord_world_user(struct discord_world *world, const char *which);
struct discord_channel *discord_world_dm(struct discord_world *world, struct discord_user *user);
struct discord_channel *discord_world_channel_id(struct discord_world *world, uint64_t id);
uint64_t discord_world_new_id(struct discord_world *world);

/* A message takes its place in the channel's history. */
struct discord_message *discord_message_new(struct discord_world *world,
                                            struct discord_channel *channel,
                                            struct discord_user *author, const char *content,
                                            size_t len);
/* The place in the ring of the first message whose id is not below `id`. */
size_t discord_channel_find(const struct discord_channel *channel, uint64_t id);
struct discord_message *discord_channel_at(const struct discord_channel *channel, size_t i);

/* The k-th role, or NULL. `ret_bits` may be NULL. */
const char *discord_world_role(size_t k, uint64_t *ret_bits);
/* What the member may do in every guild. */
uint64_t discord_world_permissions(const struct discord_world *world,
                                   const struct discord_user *user);

/* JSON, appended. */
void discord_put_user(struct fake_text *out, const struct discord_user *user);
void discord_put_member(struct fake_text *out, const struct discord_user *user); /* without user */
void discord_put_channel(struct fake_text *out, const struct discord_channel *channel);
void discord_put_guild(struct fake_text *out, const struct discord_world *world,
                       const struct discord_guild *guild);
/* An object without its closing brace, so that members can follow. `content` false: what an app
 * without the intent sees. */
void discord_put_message(struct fake_text *out, struct discord_world *world,
                         const struct discord_message *message, bool content);
/* Whether an app without MESSAGE_CONTENT sees its content. */
bool discord_message_is_open(struct discord_world *world, const struct discord_message *message);

#endif
