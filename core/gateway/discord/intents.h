/* SPDX-License-Identifier: Apache-2.0
 *
 * Gateway intents: which events Discord sends (gateway.mdx, "Gateway Intents"). Asking for what
 * nobody listens to costs traffic, and three of them need a switch in the Developer Portal; so they
 * follow from what is subscribed. Any thread.
 */
#ifndef GATEWAY_DISCORD_INTENTS_H
#define GATEWAY_DISCORD_INTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DISCORD_INTENT_GUILDS = 1 << 0,
    DISCORD_INTENT_GUILD_MEMBERS = 1 << 1, /* privileged */
    DISCORD_INTENT_GUILD_MODERATION = 1 << 2,
    DISCORD_INTENT_GUILD_EXPRESSIONS = 1 << 3,
    DISCORD_INTENT_GUILD_INTEGRATIONS = 1 << 4,
    DISCORD_INTENT_GUILD_WEBHOOKS = 1 << 5,
    DISCORD_INTENT_GUILD_INVITES = 1 << 6,
    DISCORD_INTENT_GUILD_VOICE_STATES = 1 << 7,
    DISCORD_INTENT_GUILD_PRESENCES = 1 << 8, /* privileged */
    DISCORD_INTENT_GUILD_MESSAGES = 1 << 9,
    DISCORD_INTENT_GUILD_MESSAGE_REACTIONS = 1 << 10,
    DISCORD_INTENT_GUILD_MESSAGE_TYPING = 1 << 11,
    DISCORD_INTENT_DIRECT_MESSAGES = 1 << 12,
    DISCORD_INTENT_DIRECT_MESSAGE_REACTIONS = 1 << 13,
    DISCORD_INTENT_DIRECT_MESSAGE_TYPING = 1 << 14,
    DISCORD_INTENT_MESSAGE_CONTENT = 1 << 15, /* privileged */
    DISCORD_INTENT_GUILD_SCHEDULED_EVENTS = 1 << 16,
    DISCORD_INTENT_AUTO_MODERATION_CONFIGURATION = 1 << 20,
    DISCORD_INTENT_AUTO_MODERATION_EXECUTION = 1 << 21,
    DISCORD_INTENT_GUILD_MESSAGE_POLLS = 1 << 24,
    DISCORD_INTENT_DIRECT_MESSAGE_POLLS = 1 << 25,
};
/* Those that an owner switches on in the Developer Portal; asked for without, close code 4014. */
#define DISCORD_INTENTS_PRIVILEGED                                                                 \
    ((uint32_t)(DISCORD_INTENT_GUILD_MEMBERS | DISCORD_INTENT_GUILD_PRESENCES |                    \
                DISCORD_INTENT_MESSAGE_CONTENT))

/* "guild_messages" …; 0 and NULL for what is none. Case is ignored. */
uint32_t discord_intent_of(const char *name);
const char *discord_intent_name(uint32_t bit);
/* All names in order of their bits, for messages and "did you mean". */
size_t discord_intent_names(const char *const **ret);
/* "guilds guild_messages": for log and status; cut at `size`. Bits without a name as a number. */
void discord_intents_print(uint32_t intents, char *ret, size_t size);

/* What the bot listens to. Interactions need no intent. */
struct discord_subscribed {
    bool
        guild_messages; /* messages in servers: those that address the bot carry their text anyway */
    bool direct_messages;
    bool content; /* text of messages that do not address the bot                        */
    bool reactions, typing, polls; /* where messages are read                                     */
    bool members; /* who comes and goes                                                  */
    bool presences, voice, moderation, automod, events, invites, expressions;
};
/* GUILDS is always among them: channels, roles and threads are what every answer depends on. */
uint32_t discord_intents_for(const struct discord_subscribed *subscribed);

/* Of `intents` those that an application with these `flags` (GET /applications/@me, application.mdx,
 * "Application Flags") may not ask for: each of the three has a flag for approved and one for small
 * applications. */
uint32_t discord_intents_denied(uint32_t intents, uint64_t flags);

#endif
