/* SPDX-License-Identifier: Apache-2.0 */
#include "discord.h"

#include <stdio.h>
#include <stdlib.h>

void discord_ledger_init(struct discord *discord)
{
    struct discord_ledger *ledger = &discord->ledger;

    *ledger = (struct discord_ledger){0};
    snprintf(ledger->interrupted_mark, sizeof(ledger->interrupted_mark), "(interrupted)");
    discord->world.evict = discord_ledger_evict;
    discord->world.arg = discord;
}

void discord_ledger_clear(struct discord *discord)
{
    struct discord_ledger *ledger = &discord->ledger;

    for (size_t i = 0; i < ledger->count; i++) {
        struct discord_entry *entry = ledger->entries[i];

        for (uint32_t p = 0; p < entry->part_count; p++) {
            if (entry->parts[p].message)
                entry->parts[p].message->entry = NULL;
            free(entry->parts[p].text);
        }
        free(entry->parts);
        free(entry);
    }
    free(ledger->entries);
    discord_map_clear(&ledger->by_message);
    discord_map_clear(&ledger->by_interaction);
    discord_map_clear(&ledger->nonce_maps[0]);
    discord_map_clear(&ledger->nonce_maps[1]);
    discord_ledger_init(discord);
}

struct discord_entry *discord_ledger_find(struct discord *discord, uint64_t n)
{
    return n >= 1 && n <= discord->ledger.count ? discord->ledger.entries[n - 1] : NULL;
}

struct discord_entry *discord_ledger_ask(struct discord *discord, const char *kind)
{
    struct discord_ledger *ledger = &discord->ledger;
    struct discord_entry *entry = fake_alloc(sizeof(*entry));

    if ((ledger->count & (ledger->count - 1)) == 0) {
        size_t cap = ledger->count ? ledger->count * 2 : 1;

        ledger->entries = realloc(ledger->entries, cap * sizeof(*ledger->entries));
        if (!ledger->entries)
            exit(71);
    }
    snprintf(entry->kind, sizeof(entry->kind), "%s", kind);
    ledger->entries[ledger->count++] = entry;
    entry->n = ledger->count;
    return entry;
}

void discord_ledger_sent(struct discord *discord, struct discord_entry *entry, uint64_t message,
                         uint64_t interaction, uint64_t channel, uint64_t author, bool owed)
{
    struct discord_ledger *ledger = &discord->ledger;
    struct discord_channel *place = discord_world_channel_id(&discord->world, channel);

    entry->message = message;
    entry->interaction = interaction;
    entry->channel = channel;
    entry->author = author;
    entry->owed = owed;
    entry->sent_us = ledger->changed_us = discord_now_us();
    if (message)
        discord_map_set(&ledger->by_message, message, entry);
    if (interaction)
        discord_map_set(&ledger->by_interaction, interaction, entry);
    ledger->owed += owed;
    if (place)
        place->open += owed;
}

void discord_ledger_leave(struct discord *discord, size_t count)
{
    struct discord_ledger *ledger = &discord->ledger;
    int64_t now = discord_now_us();

    for (size_t i = count; i < ledger->count; i++)
        ledger->entries[i]->sent_us = now;
}

/* ---- the bot's messages -------------------------------------------------------------------- */

/* The number in the first "tok-N-" of the text, 0 for none. */
static uint64_t token_in(const char *text, size_t len)
{
    const char *p = text, *end = text + len;

    while ((p = memmem(p, (size_t)(end - p), "tok-", 4)) != NULL) {
        const char *digits = p + 4, *stop = memchr(digits, '-', (size_t)(end - digits));
        uint64_t n;

        if (stop &&
            (n = discord_digits((struct discord_slice){digits, (size_t)(stop - digits)})) > 0)
            return n;
        p = digits;
    }
    return 0;
}

static struct discord_entry *entry_of(struct discord *discord,
                                      const struct discord_message *message, uint64_t interaction)
{
    struct discord_ledger *ledger = &discord->ledger;
    struct discord_entry *entry =
        discord_ledger_find(discord, token_in(message->content, message->content_len));

    if (!entry)
        entry = discord_map_get(&ledger->by_message, message->reference);
    if (!entry)
        entry = discord_map_get(&ledger->by_interaction, interaction);
    return entry;
}

static void attribute(struct discord *discord, struct discord_message *message,
                      struct discord_entry *entry)
{
    struct discord_ledger *ledger = &discord->ledger;
    struct discord_channel *place = discord_world_channel_id(&discord->world, entry->channel);

    message->entry = entry;
    if (entry->created++ == 0) {
        entry->first_us = discord->net.read_us;
        ledger->answered += entry->owed;
        discord->counters.answers_unaddressed += !entry->owed;
        if (place && entry->owed)
            place->open--;
    }
    if (entry->part_count == DISCORD_PARTS_MAX)
        return;
    if ((entry->part_count & (entry->part_count - 1)) == 0) {
        size_t cap = entry->part_count ? entry->part_count * 2 : 1;

        entry->parts = realloc(entry->parts, cap * sizeof(*entry->parts));
        if (!entry->parts)
            exit(71);
    }
    entry->parts[entry->part_count++] =
        (struct discord_part){.id = message->id, .message = message};
}

static void touched(struct discord *discord, struct discord_entry *entry)
{
    entry->last_us = discord->ledger.changed_us = discord_now_us();
}

void discord_ledger_created(struct discord *discord, struct discord_message *message,
                            uint64_t interaction)
{
    struct discord_entry *entry = entry_of(discord, message, interaction);

    discord->ledger.changed_us = discord_now_us();
    if (!entry) {
        discord->counters.unattributed++;
        return;
    }
    attribute(discord, message, entry);
    touched(discord, entry);
}

void discord_ledger_edited(struct discord *discord, struct discord_message *message)
{
    if (!message->entry) {
        struct discord_entry *entry = entry_of(discord, message, message->interaction);

        if (!entry)
            return;
        discord->counters.unattributed--;
        attribute(discord, message, entry);
    }
    message->entry->edits++;
    touched(discord, message->entry);
}

void discord_ledger_deleted(struct discord *discord, struct discord_message *message)
{
    if (!message->entry)
        return;
    message->entry->deleted++;
    touched(discord, message->entry);
}

void discord_ledger_evict(void *arg, struct discord_message *message)
{
    struct discord *discord = arg;
    struct discord_entry *entry = message->entry;

    (void)discord;
    for (uint32_t i = 0; entry && i < entry->part_count; i++) {
        if (entry->parts[i].message != message)
            continue;
        entry->parts[i].message = NULL;
        if (!message->deleted) {
            entry->parts[i].text = message->content;
            message->content = NULL;
        }
    }
}

/* ---- nonces -------------------------------------------------------------------------------- */

/* Two maps that change places once a window: a nonce is known for at least one, and at most two. */
static void turn_nonces(struct discord *discord)
{
    struct discord_ledger *ledger = &discord->ledger;
    int64_t now = discord_now_us() / 1000;

    if (now - ledger->nonces_since_ms < (int64_t)discord->options.nonce_window_ms)
        return;
    if (now - ledger->nonces_since_ms >= 2 * (int64_t)discord->options.nonce_window_ms)
        discord_map_clear(&ledger->nonce_maps[0]);
    discord_map_clear(&ledger->nonce_maps[1]);
    ledger->nonce_maps[1] = ledger->nonce_maps[0];
    ledger->nonce_maps[0] = (struct discord_map){0};
    ledger->nonces_since_ms = now;
}

struct discord_message *discord_nonce_find(struct discord *discord, uint64_t key)
{
    struct discord_ledger *ledger = &discord->ledger;
    struct discord_message *message;

    if (discord->options.nonce_window_ms == 0)
        return NULL;
    turn_nonces(discord);
    for (int i = 0; i < 2; i++) {
        uint64_t id = (uint64_t)(uintptr_t)discord_map_get(&ledger->nonce_maps[i], key);

        message = discord_map_get(&discord->world.messages, id);
        if (message &&
            message->at_ms + (int64_t)discord->options.nonce_window_ms > discord_now_ms())
            return message;
    }
    return NULL;
}

void discord_nonce_remember(struct discord *discord, uint64_t key, uint64_t message)
{
    turn_nonces(discord);
    discord_map_set(&discord->ledger.nonce_maps[0], key, (void *)(uintptr_t)message);
}
