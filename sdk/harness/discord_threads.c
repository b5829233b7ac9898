/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads that are opened from a message: a channel with the message's id below the message's channel.
 */
#include "discord.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_POINTS 100
#define TYPE_STARTER    21 /* the first message of a thread from a message (message.mdx) */

static void put_thread(struct fake_text *out, const struct discord_channel *thread)
{
    fake_text_puts(out, "{\"id\":");
    discord_put_id(out, thread->id);
    fake_text_puts(out, ",\"type\":11,\"guild_id\":");
    discord_put_id(out, thread->guild);
    fake_text_puts(out, ",\"parent_id\":");
    discord_put_id(out, thread->parent);
    fake_text_puts(out, ",\"owner_id\":");
    discord_put_id(out, thread->owner);
    fake_text_puts(out, ",\"name\":");
    discord_put_str(out, thread->name, strlen(thread->name));
    fake_text_puts(out, ",\"last_message_id\":null,\"message_count\":0,\"member_count\":1,"
                        "\"rate_limit_per_user\":0,\"flags\":0,\"thread_metadata\":{\"archived\":"
                        "false,\"auto_archive_duration\":1440,\"locked\":false,"
                        "\"archive_timestamp\":\"2024-01-01T00:00:00.000000+00:00\"}}");
}

struct discord_channel *discord_thread_open(struct discord *discord,
                                            const struct discord_message *message, uint64_t owner,
                                            const char *name)
{
    struct discord_channel *parent = discord_world_channel_id(&discord->world, message->channel);
    struct discord_channel *thread = fake_alloc(sizeof(*thread));
    struct discord_message *starter;
    struct fake_text event = {0};

    thread->id = message->id;
    thread->guild = parent->guild;
    thread->parent = parent->id;
    thread->owner = owner;
    snprintf(thread->name, sizeof(thread->name), "%s", name);
    thread->next = discord->world.first_thread;
    discord->world.first_thread = thread;
    discord_map_set(&discord->world.threads, thread->id, thread);
    discord->counters.threads++;
    starter = discord_message_new(&discord->world, thread, message->author, "", 0);
    starter->type = TYPE_STARTER;
    starter->reference = message->id;
    put_thread(&event, thread);
    event.len--; /* the brace */
    fake_text_puts(&event, ",\"newly_created\":true}");
    discord_gateway_dispatch(discord, "THREAD_CREATE", INTENT_GUILDS, thread->guild,
                             (struct discord_slice){event.data, event.len},
                             (struct discord_slice){0});
    fake_text_clear(&event);
    return thread;
}

void discord_threads_create(struct discord_call *call)
{
    struct discord *discord = call->discord;
    struct discord_message *message = discord_call_message(call);
    struct discord_slice raw = discord_scan_get(call->json, "name");
    struct fake_text name = {0}, body = {0};
    size_t points, units;

    if (!message)
        return;
    if (!raw.ptr || !discord_scan_string(raw, &name) || !name.len) {
        discord_answer_field(call, "name", "BASE_TYPE_REQUIRED", "This field is required");
        fake_text_clear(&name);
        return;
    }
    fake_text_put(&name, "", 1);
    points = discord_code_points(name.data, name.len - 1, &units);
    if (points > NAME_MAX_POINTS) {
        discord_answer_field(call, "name", "BASE_TYPE_BAD_LENGTH",
                             "Must be between 1 and 100 in length.");
    } else if (discord_map_get(&discord->world.threads, message->id)) {
        discord_answer_error(call, 400, 160004,
                             "A thread has already been created for this message");
    } else if (!discord_world_channel_id(&discord->world, message->channel)->guild) {
        discord_answer_error(call, 400, 50024, "Cannot execute action on this channel type");
    } else {
        put_thread(&body, discord_thread_open(discord, message, DISCORD_BOT_ID, name.data));
        discord_answer(call, 201, body.data, body.len);
    }
    fake_text_clear(&name);
    fake_text_clear(&body);
}
