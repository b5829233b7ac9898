/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/close.h"

#include <stddef.h>

/* Sorted by code. The documents say which codes one may reconnect after; which of those end the
 * session follows from their texts. */
static const struct discord_close table[] = {
    {1000, DISCORD_RESUME, "closed by Discord"},
    {1001, DISCORD_RESUME, "Discord's server is going away"},
    {1005, DISCORD_RESUME, "closed without a code"},
    {1006, DISCORD_RESUME, "connection lost"},
    {4000, DISCORD_RESUME, "unknown error at Discord's"},
    {4001, DISCORD_RESUME, "unknown opcode or payload"},
    {4002, DISCORD_RESUME, "Discord could not decode what was sent"},
    {4003, DISCORD_NEW_SESSION, "not authenticated, or the session is not valid any more"},
    {4004, DISCORD_FATAL,
     "Discord does not accept the bot's token; put a new one, from the Bot page of the Developer "
     "Portal, in its place"},
    {4005, DISCORD_RESUME, "identified twice"},
    {4007, DISCORD_NEW_SESSION, "sequence number to resume from not accepted"},
    {4008, DISCORD_RESUME_LATER, "sent too fast"},
    {4009, DISCORD_NEW_SESSION, "session timed out"},
    {4010, DISCORD_FATAL,
     "Discord does not know this shard; let the shard's number be below the number of shards"},
    {4011, DISCORD_FATAL,
     "the bot is in too many servers for one connection; raise the number of shards"},
    {4012, DISCORD_FATAL,
     "Discord has ended the version of its API that this program speaks; install a newer release"},
    {4013, DISCORD_FATAL,
     "Discord does not know the intents that were asked for; install a newer release, or take out "
     "what was written by hand"},
    {4014, DISCORD_FATAL,
     "Discord does not allow the bot an intent that was asked for; switch it on under Message "
     "Content Intent / Server Members Intent / Presence Intent in the Developer Portal, Bot page"},
};
static const struct discord_close unknown = {0, DISCORD_RESUME, "closed with an unusual code"};
/* Discord's own codes grow; one that is new says at least that something was not right. */
static const struct discord_close unknown_own = {0, DISCORD_RESUME_LATER,
                                                 "closed with a code that is not documented"};

const struct discord_close *discord_close_of(int code)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].code == code)
            return &table[i];
    return code >= 4000 && code <= 4999 ? &unknown_own : &unknown;
}
