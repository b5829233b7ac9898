/* SPDX-License-Identifier: Apache-2.0
 *
 * What else is done in a channel over REST: its history is read, typing is shown, messages get reactions.
 */
#include "discord.h"

#include <stdio.h>
#include <stdlib.h>

/* [from, to) of the ring that is asked for; newest first is the caller's. */
static void history_range(struct discord_call *call, const struct discord_channel *channel,
                          size_t limit, size_t *ret_from, size_t *ret_to)
{
    struct discord_slice query = call->http->query;
    uint64_t before = discord_digits(discord_http_query(query, "before"));
    uint64_t after = discord_digits(discord_http_query(query, "after"));
    uint64_t around = discord_digits(discord_http_query(query, "around"));
    size_t from = 0, to = channel->count;

    if (around) {
        size_t middle = discord_channel_find(channel, around);

        from = middle > limit / 2 ? middle - limit / 2 : 0;
        to = from + limit < channel->count ? from + limit : channel->count;
    } else if (after) {
        from = discord_channel_find(channel, after + 1);
    } else {
        if (before)
            to = discord_channel_find(channel, before);
    }
    *ret_from = from;
    *ret_to = to;
}

void discord_history_get(struct discord_call *call)
{
    struct discord_channel *channel = discord_call_channel(call);
    struct discord_world *world = &call->discord->world;
    struct fake_text *body = &call->discord->rest.body;
    struct discord_slice asked = discord_http_query(call->http->query, "limit");
    size_t limit = asked.ptr ? (size_t)discord_digits(asked) : 50, from, to, count = 0;
    bool after = discord_http_query(call->http->query, "after").ptr != NULL;
    size_t chosen[100];

    if (!channel)
        return;
    if (limit < 1 || limit > 100) {
        discord_answer_field(call, "limit", "NUMBER_TYPE_MAX", "int value should be 1 to 100.");
        return;
    }
    call->discord->counters.histories++;
    history_range(call, channel, limit, &from, &to);
    /* The oldest behind "after", otherwise the newest; deleted and private ones do not count. */
    for (size_t i = 0; i < to - from && from < to && count < limit; i++) {
        size_t at = after ? from + i : to - 1 - i;
        const struct discord_message *message = discord_channel_at(channel, at);

        if (!message->deleted && !message->hidden &&
            discord_permits_history(call->discord, channel))
            chosen[count++] = at;
    }
    body->len = 0;
    fake_text_puts(body, "[");
    for (size_t i = 0; i < count; i++) {
        const struct discord_message *message =
            discord_channel_at(channel, chosen[after ? count - 1 - i : i]);

        if (i)
            fake_text_puts(body, ",");
        discord_put_message(body, world, message,
                            world->content_of_others || discord_message_is_open(world, message));
        fake_text_puts(body, "}");
    }
    fake_text_puts(body, "]");
    discord_answer(call, 200, body->data, body->len);
}

void discord_history_typing(struct discord_call *call)
{
    struct discord_channel *channel = discord_call_channel(call);

    if (!channel)
        return;
    call->discord->counters.typings++;
    call->discord->counters.typings_idle += channel->open == 0;
    discord_answer(call, 204, "", 0);
}

/* ---- reactions ----------------------------------------------------------------------------- */

static void dispatch_reaction(struct discord *discord, const struct discord_message *message,
                              const char *emoji, bool add)
{
    struct discord_channel *channel = discord_world_channel_id(&discord->world, message->channel);
    struct fake_text *data = &discord->rest.event;

    if (!discord->options.echo)
        return;
    data->len = 0;
    fake_text_printf(data, "{\"user_id\":\"%llu\",\"message_id\":\"%llu\",\"channel_id\":\"%llu\"",
                     (unsigned long long)DISCORD_BOT_ID, (unsigned long long)message->id,
                     (unsigned long long)message->channel);
    if (channel->guild)
        fake_text_printf(data, ",\"guild_id\":\"%llu\"", (unsigned long long)channel->guild);
    fake_text_puts(data, ",\"burst\":false,\"type\":0,\"emoji\":{\"id\":null,\"name\":");
    discord_put_str(data, emoji, strlen(emoji));
    fake_text_puts(data, "}}");
    discord_gateway_dispatch(discord, add ? "MESSAGE_REACTION_ADD" : "MESSAGE_REACTION_REMOVE",
                             channel->guild ? INTENT_REACTIONS : INTENT_DM_REACTIONS,
                             channel->guild, (struct discord_slice){data->data, data->len},
                             (struct discord_slice){0});
}

static void add_reaction(struct discord *discord, struct discord_message *message,
                         const char *emoji)
{
    struct discord_entry *entry = discord_map_get(&discord->ledger.by_message, message->id);
    struct discord_reaction *reaction = fake_alloc(sizeof(*reaction));

    snprintf(reaction->emoji, sizeof(reaction->emoji), "%s", emoji);
    reaction->count = 1;
    reaction->me = true;
    reaction->next = message->reactions;
    message->reactions = reaction;
    if (entry)
        entry->reactions++;
}

void discord_history_react(struct discord_call *call)
{
    struct discord_message *message = discord_call_message(call);
    struct discord_reaction **at;
    char emoji[64];

    if (!message)
        return;
    discord_http_unescape(call->segments[5], emoji, sizeof(emoji));
    if (!emoji[0] || ((unsigned char)emoji[0] < 0x80 && !strchr(emoji, ':') && emoji[0] > '9')) {
        discord_answer_error(call, 400, 10014, "Unknown Emoji");
        return;
    }
    for (at = &message->reactions; *at && strcmp((*at)->emoji, emoji) != 0; at = &(*at)->next)
        ;
    call->discord->counters.reactions++;
    if (call->route == ROUTE_REACT && !*at) {
        add_reaction(call->discord, message, emoji);
        dispatch_reaction(call->discord, message, emoji, true);
    } else if (call->route == ROUTE_UNREACT && *at) {
        struct discord_reaction *gone = *at;

        *at = gone->next;
        free(gone);
        dispatch_reaction(call->discord, message, emoji, false);
    }
    discord_answer(call, 204, "", 0);
}
