/* SPDX-License-Identifier: Apache-2.0
 *
 * Entries of the menus on members and messages: what a client sends when one is chosen.
 */
#include "discord.h"

#include <stdio.h>

#define ON_MEMBER  2
#define ON_MESSAGE 3

static json_t *parsed(struct fake_text *text)
{
    json_t *value = json_loadb(text->data, text->len, 0, NULL);

    fake_text_clear(text);
    return value;
}

static json_t *user_json(const struct discord_user *user)
{
    struct fake_text text = {0};

    discord_put_user(&text, user);
    return parsed(&text);
}

static json_t *member_json(const struct discord_user *user)
{
    struct fake_text text = {0};

    discord_put_member(&text, user);
    fake_text_puts(&text, "}");
    return parsed(&text);
}

static json_t *message_json(struct discord *discord, const struct discord_message *message)
{
    struct fake_text text = {0};

    discord_put_message(&text, &discord->world, message, true);
    fake_text_puts(&text, "}");
    return parsed(&text);
}

struct discord_interaction *discord_menu(struct discord *discord, struct discord_channel *channel,
                                         struct discord_user *member, const char *name,
                                         const struct discord_user *whom,
                                         const struct discord_message *message)
{
    struct discord_entry *entry;
    struct discord_interaction *it;
    json_t *resolved;
    char kind[40], id[24];

    snprintf(kind, sizeof(kind), "menu %s", name);
    snprintf(id, sizeof(id), "%llu", (unsigned long long)(message ? message->id : whom->id));
    if (message)
        resolved = json_pack("{s:{s:o}}", "messages", id, message_json(discord, message));
    else
        resolved = json_pack("{s:{s:o},s:{s:o}}", "users", id, user_json(whom), "members", id,
                             member_json(whom));
    entry = discord_ledger_ask(discord, kind);
    it = discord_interaction_send(discord, 2, member, channel, NULL,
                                  json_pack("{s:s,s:s,s:i,s:s,s:o}", "id", "800000000000000001",
                                            "name", name, "type", message ? ON_MESSAGE : ON_MEMBER,
                                            "target_id", id, "resolved", resolved));
    discord_ledger_sent(discord, entry, 0, it->id, channel->id, member->id,
                        discord->gateway.sessions != NULL);
    return it;
}
