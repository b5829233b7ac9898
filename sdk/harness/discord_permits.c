/* SPDX-License-Identifier: Apache-2.0
 *
 * What the bot may not do in a channel, and what Discord says to that: codes from "JSON Error Codes",
 * which permission each endpoint wants from the pages of the resources. A thread has the permissions of
 * its channel. Without EMBED_LINKS nothing is refused: links and embeds are not shown.
 */
#include "discord.h"

enum {
    PERMIT_VIEW = 1 << 0,
    PERMIT_SEND = 1 << 1,
    PERMIT_SEND_IN_THREADS = 1 << 2,
    PERMIT_REACT = 1 << 3,
    PERMIT_ATTACH = 1 << 4,
    PERMIT_EMBED = 1 << 5,
    PERMIT_HISTORY = 1 << 6,
    PERMIT_THREADS = 1 << 7,
    PERMIT_TIMED_OUT = 1 << 8, /* the bot is: it may look and read, and nothing else   */
    PERMIT_BLOCKED = 1 << 9,   /* a DM: its recipient takes nothing from the bot       */
};

static const struct {
    const char *name;
    uint32_t bit;
} permits[] = {
    {"VIEW_CHANNEL", PERMIT_VIEW},
    {"SEND_MESSAGES", PERMIT_SEND},
    {"SEND_MESSAGES_IN_THREADS", PERMIT_SEND_IN_THREADS},
    {"ADD_REACTIONS", PERMIT_REACT},
    {"ATTACH_FILES", PERMIT_ATTACH},
    {"EMBED_LINKS", PERMIT_EMBED},
    {"READ_MESSAGE_HISTORY", PERMIT_HISTORY},
    {"CREATE_PUBLIC_THREADS", PERMIT_THREADS},
    {"timed_out", PERMIT_TIMED_OUT},
    {"blocked", PERMIT_BLOCKED},
};

uint32_t discord_permits_bit(const char *name)
{
    for (size_t i = 0; i < sizeof(permits) / sizeof(permits[0]); i++)
        if (strcmp(permits[i].name, name) == 0)
            return permits[i].bit;
    return 0;
}

static uint32_t denied_in(struct discord *discord, const struct discord_channel *channel)
{
    const struct discord_channel *parent =
        channel->parent ? discord_world_channel_id(&discord->world, channel->parent) : NULL;

    return channel->denied | (parent ? parent->denied : 0);
}

bool discord_permits_history(struct discord *discord, const struct discord_channel *channel)
{
    return !(denied_in(discord, channel) & PERMIT_HISTORY);
}

static uint32_t wanted(const struct discord_call *call, const struct discord_channel *channel)
{
    uint32_t send = channel->parent ? PERMIT_SEND_IN_THREADS : PERMIT_SEND;

    switch (call->route) {
    case ROUTE_CREATE:
        return send | PERMIT_TIMED_OUT | (call->attachments.len > 0 ? PERMIT_ATTACH : 0);
    case ROUTE_TYPING: return send | PERMIT_TIMED_OUT;
    case ROUTE_REACT: return PERMIT_REACT | PERMIT_HISTORY | PERMIT_TIMED_OUT;
    case ROUTE_MESSAGE: return PERMIT_HISTORY;
    case ROUTE_THREAD: return PERMIT_THREADS | PERMIT_TIMED_OUT;
    default: return 0;
    }
}

static bool is_in_channel(const struct discord_call *call)
{
    return discord_slice_is(call->segments[0], "channels") && call->segment_count >= 2;
}

static bool changes(const struct discord_call *call)
{
    return call->route == ROUTE_CREATE || call->route == ROUTE_EDIT || call->route == ROUTE_REACT ||
           call->route == ROUTE_UNREACT || call->route == ROUTE_DELETE;
}

static bool refuse(struct discord_call *call, int status, int code, const char *message)
{
    discord_answer_error(call, status, code, message);
    return false;
}

bool discord_permits_hold(struct discord_call *call)
{
    struct discord *discord = call->discord;
    struct discord_channel *channel =
        is_in_channel(call)
            ? discord_world_channel_id(&discord->world, discord_digits(call->segments[1]))
            : NULL;
    uint32_t denied;

    if (!channel)
        return true; /* whoever takes the call says so */
    denied = denied_in(discord, channel);
    if (channel->gone)
        return refuse(call, 404, 10003, "Unknown Channel");
    if (denied & PERMIT_VIEW)
        return refuse(call, 403, 50001, "Missing Access");
    if (denied & PERMIT_BLOCKED && call->route == ROUTE_CREATE)
        return refuse(call, 403, 50007, "Cannot send messages to this user");
    if (denied & PERMIT_BLOCKED && call->route == ROUTE_REACT)
        return refuse(call, 403, 90001, "Reaction was blocked");
    if (channel->locked && call->route == ROUTE_CREATE)
        return refuse(call, 403, 160005, "Thread is locked");
    if ((channel->archived || channel->locked) && changes(call) && call->route != ROUTE_CREATE)
        return refuse(call, 400, 50083, "Thread is archived");
    if (denied & wanted(call, channel))
        return refuse(call, 403, 50013, "Missing Permissions");
    if (call->route == ROUTE_CREATE && denied & PERMIT_HISTORY &&
        discord_scan_get(call->json, "message_reference").ptr)
        return refuse(call, 400, 160002, "Cannot reply without permission to read message history");
    if (call->route == ROUTE_CREATE)
        channel->archived = false; /* who writes opens it again */
    return true;
}
