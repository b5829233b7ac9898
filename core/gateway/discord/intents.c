/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/intents.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#define COUNT (sizeof(names) / sizeof(names[0]))

static const char *const names[] = {
    "guilds",
    "guild_members",
    "guild_moderation",
    "guild_expressions",
    "guild_integrations",
    "guild_webhooks",
    "guild_invites",
    "guild_voice_states",
    "guild_presences",
    "guild_messages",
    "guild_message_reactions",
    "guild_message_typing",
    "direct_messages",
    "direct_message_reactions",
    "direct_message_typing",
    "message_content",
    "guild_scheduled_events",
    "auto_moderation_configuration",
    "auto_moderation_execution",
    "guild_message_polls",
    "direct_message_polls",
};
static const uint8_t bits[COUNT] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
                                    11, 12, 13, 14, 15, 16, 20, 21, 24, 25};

uint32_t discord_intent_of(const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcasecmp(names[i], name) == 0)
            return UINT32_C(1) << bits[i];
    return 0;
}

const char *discord_intent_name(uint32_t bit)
{
    for (size_t i = 0; i < COUNT; i++)
        if (bit == UINT32_C(1) << bits[i])
            return names[i];
    return NULL;
}

size_t discord_intent_names(const char *const **ret)
{
    *ret = names;
    return COUNT;
}

void discord_intents_print(uint32_t intents, char *ret, size_t size)
{
    size_t used = 0;

    if (size)
        ret[0] = '\0';
    for (unsigned bit = 0; bit < 32 && used < size; bit++) {
        uint32_t one = UINT32_C(1) << bit;
        const char *name = discord_intent_name(one);
        int len;

        if (!(intents & one))
            continue;
        len = name ? snprintf(ret + used, size - used, "%s%s", used ? " " : "", name)
                   : snprintf(ret + used, size - used, "%s%" PRIu32, used ? " " : "", one);
        if (len < 0)
            return;
        used += (size_t)len;
    }
}

uint32_t discord_intents_for(const struct discord_subscribed *subscribed)
{
    const struct discord_subscribed *s = subscribed;
    const struct {
        bool wanted;
        uint32_t intents;
    } rules[] = {
        {s->guild_messages, DISCORD_INTENT_GUILD_MESSAGES},
        {s->direct_messages, DISCORD_INTENT_DIRECT_MESSAGES},
        /* It fills fields of messages in servers; direct messages are never without. */
        {s->guild_messages && s->content, DISCORD_INTENT_MESSAGE_CONTENT},
        {s->guild_messages && s->reactions, DISCORD_INTENT_GUILD_MESSAGE_REACTIONS},
        {s->direct_messages && s->reactions, DISCORD_INTENT_DIRECT_MESSAGE_REACTIONS},
        {s->guild_messages && s->typing, DISCORD_INTENT_GUILD_MESSAGE_TYPING},
        {s->direct_messages && s->typing, DISCORD_INTENT_DIRECT_MESSAGE_TYPING},
        {s->guild_messages && s->polls, DISCORD_INTENT_GUILD_MESSAGE_POLLS},
        {s->direct_messages && s->polls, DISCORD_INTENT_DIRECT_MESSAGE_POLLS},
        {s->members, DISCORD_INTENT_GUILD_MEMBERS},
        {s->presences, DISCORD_INTENT_GUILD_PRESENCES},
        {s->voice, DISCORD_INTENT_GUILD_VOICE_STATES},
        {s->moderation, DISCORD_INTENT_GUILD_MODERATION},
        {s->automod,
         DISCORD_INTENT_AUTO_MODERATION_CONFIGURATION | DISCORD_INTENT_AUTO_MODERATION_EXECUTION},
        {s->events, DISCORD_INTENT_GUILD_SCHEDULED_EVENTS},
        {s->invites, DISCORD_INTENT_GUILD_INVITES},
        {s->expressions, DISCORD_INTENT_GUILD_EXPRESSIONS},
    };
    uint32_t intents = DISCORD_INTENT_GUILDS;

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rules[i].wanted)
            intents |= rules[i].intents;
    return intents;
}

uint32_t discord_intents_denied(uint32_t intents, uint64_t flags)
{
    static const struct {
        uint32_t intent;
        uint64_t either; /* GATEWAY_PRESENCE and GATEWAY_PRESENCE_LIMITED … */
    } rules[] = {
        {DISCORD_INTENT_GUILD_PRESENCES, UINT64_C(3) << 12},
        {DISCORD_INTENT_GUILD_MEMBERS, UINT64_C(3) << 14},
        {DISCORD_INTENT_MESSAGE_CONTENT, UINT64_C(3) << 18},
    };
    uint32_t denied = 0;

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (!(flags & rules[i].either))
            denied |= intents & rules[i].intent;
    return denied;
}
