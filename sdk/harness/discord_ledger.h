/* SPDX-License-Identifier: Apache-2.0
 *
 * Who was asked what, and what came of it. Every question that a member puts carries a token of the
 * form "tok-N-" in its text; a message of the bot answers the question whose token it shows, else the
 * one that it replies to, else the interaction it came through. Never is it told by its nonce.
 *
 *   answered  at least one message that still stands
 *   lost      owed (it addressed the bot and a session took it) and not answered
 *   doubled   messages beyond the first that say the same part: two texts are the same part when, without
 *             the mark of an interruption at their end, one begins with the other. Parts of a split
 *             answer differ in their beginning and are one answer.
 */
#ifndef DISCORD_LEDGER_H
#define DISCORD_LEDGER_H

#include "discord_world.h"

struct discord;

#define DISCORD_PARTS_MAX 32

struct discord_part {
    uint64_t id;
    struct discord_message *message; /* NULL: gone from the history, `text` is its last */
    char *text;
};

struct discord_entry {
    uint64_t n, message, channel, author, interaction;
    char kind[16];
    bool owed; /* it addresses the bot and was dispatched to a session */
    /* When its bytes were about to leave; when the last byte of the first answer's request had been read;
     * when it was last created or edited. The fake's own work on either stands outside. */
    int64_t sent_us, first_us, last_us;
    uint32_t created, edits, deleted, deduplicated, pings, replied, reactions, buttons;
    struct discord_part *parts;
    uint32_t part_count;
};

struct discord_ledger {
    struct discord_entry **entries; /* token n is entries[n - 1] */
    size_t count, owed, answered;
    struct discord_map by_message, by_interaction;
    char interrupted_mark[64];
    int64_t changed_us;               /* when something last happened to an entry */
    struct discord_map nonce_maps[2]; /* nonce -> message id; this window, and the one before */
    int64_t nonces_since_ms;
};

void discord_ledger_init(struct discord *discord);
void discord_ledger_clear(struct discord *discord);
/* A new question; its token is "tok-N-" of the returned n. */
struct discord_entry *discord_ledger_ask(struct discord *discord, const char *kind);
/* It went out as that message (or interaction). */
void discord_ledger_sent(struct discord *discord, struct discord_entry *entry, uint64_t message,
                         uint64_t interaction, uint64_t channel, uint64_t author, bool owed);
/* The messages asked after the first `count` are about to leave. */
void discord_ledger_leave(struct discord *discord, size_t count);
/* The bot made, edited or deleted a message. `interaction` 0: none. */
void discord_ledger_created(struct discord *discord, struct discord_message *message,
                            uint64_t interaction);
void discord_ledger_edited(struct discord *discord, struct discord_message *message);
void discord_ledger_deleted(struct discord *discord, struct discord_message *message);
void discord_ledger_evict(void *discord, struct discord_message *message);

/* The message that was made with this nonce within the window, or NULL; by remember it is known. */
struct discord_message *discord_nonce_find(struct discord *discord, uint64_t key);
void discord_nonce_remember(struct discord *discord, uint64_t key, uint64_t message);

/* Whom a text pings under `allowed` (allowed_mentions as raw JSON; ptr NULL: it was not given), by
 * Discord's rules. Members' ids go to `ret_users` (at most max). */
struct discord_pings {
    bool everyone, absent;
    unsigned roles, users;
    bool replied;
};
void discord_pings_of(const char *content, size_t len, struct discord_slice allowed,
                      bool interaction, bool reply, struct discord_pings *ret, uint64_t *ret_users,
                      size_t max);

json_t *discord_ledger_report(struct discord *discord);
json_t *discord_ledger_entry(struct discord *discord, const struct discord_entry *entry);
struct discord_entry *discord_ledger_find(struct discord *discord, uint64_t n);

#endif
