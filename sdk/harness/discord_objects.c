/* SPDX-License-Identifier: Apache-2.0
 *
 * Handlers for what is there and does not change: channels, guilds, users, the application.
 */
#include "discord.h"

#include <stdio.h>

void discord_objects_channel(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    struct discord_channel *channel =
        discord_world_channel_id(world, discord_digits(call->segments[1]));
    struct fake_text *body = &call->discord->rest.body;

    if (!channel) {
        discord_answer_error(call, 404, 10003, "Unknown Channel");
        return;
    }
    body->len = 0;
    discord_put_channel(body, channel);
    discord_answer(call, 200, body->data, body->len);
}

static void answer_member(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    char which[32];
    struct discord_user *user;
    struct fake_text *body = &call->discord->rest.body;

    discord_http_unescape(call->segments[3], which, sizeof(which));
    user = strcmp(which, "@me") == 0 ? &world->bot : discord_world_user(world, which);
    if (!user) {
        discord_answer_error(call, 404, 10007, "Unknown Member");
        return;
    }
    body->len = 0;
    discord_put_member(body, user);
    fake_text_puts(body, ",\"user\":");
    discord_put_user(body, user);
    fake_text_puts(body, "}");
    discord_answer(call, 200, body->data, body->len);
}

void discord_objects_guild(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    uint64_t id = discord_digits(call->segments[1]);
    struct discord_guild *guild = NULL;
    struct fake_text *body = &call->discord->rest.body;

    for (size_t i = 0; i < world->guild_count; i++) {
        if (world->guilds[i]->id == id)
            guild = world->guilds[i];
    }
    if (!guild) {
        discord_answer_error(call, 404, 10004, "Unknown Guild");
        return;
    }
    if (call->segment_count == 4 && discord_slice_is(call->segments[2], "members")) {
        answer_member(call);
        return;
    }
    body->len = 0;
    if (call->segment_count == 3 && discord_slice_is(call->segments[2], "channels")) {
        for (size_t i = 0; i < guild->channel_count; i++) {
            fake_text_puts(body, i ? "," : "[");
            discord_put_channel(body, guild->channels[i]);
        }
        fake_text_puts(body, "]");
    } else {
        discord_put_guild(body, world, guild);
    }
    discord_answer(call, 200, body->data, body->len);
}

void discord_objects_user(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    struct fake_text *body = &call->discord->rest.body;
    char which[32];
    struct discord_user *user;

    discord_http_unescape(call->segments[1], which, sizeof(which));
    user = strcmp(which, "@me") == 0 ? &world->bot : discord_world_user(world, which);
    if (!user) {
        discord_answer_error(call, 404, 10013, "Unknown User");
        return;
    }
    body->len = 0;
    discord_put_user(body, user);
    discord_answer(call, 200, body->data, body->len);
}

void discord_objects_dm(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    uint64_t id = discord_scan_u64(discord_scan_get(call->json, "recipient_id"));
    struct discord_user *user = discord_map_get(&world->by_id, id);
    struct discord_channel *channel =
        id / UINT64_C(100000000000000000) == 4 ? discord_world_dm(world, user) : NULL;
    struct fake_text *body = &call->discord->rest.body;

    if (!channel) {
        discord_answer_error(call, 400, 50033, "Invalid Recipient(s)");
        return;
    }
    body->len = 0;
    discord_put_channel(body, channel);
    discord_answer(call, 200, body->data, body->len);
}

void discord_objects_application(struct discord_call *call)
{
    bool privileged = call->discord->options.privileged;
    char id[24];

    snprintf(id, sizeof(id), "%llu", (unsigned long long)DISCORD_BOT_ID);
    discord_answer_json(
        call, 200,
        json_pack("{s:s,s:s,s:s,s:n,s:s,s:b,s:b,s:s,s:i,s:[],s:{s:s,s:s,s:s,s:s,s:n,s:i}}", "id",
                  id, "name", "troupe", "description", "", "icon", "summary", "", "bot_public", 1,
                  "bot_require_code_grant", 0, "verify_key", "", "flags",
                  privileged ? 1 << 19 | 1 << 15 | 1 << 13 : 0, "rpc_origins", "owner", "id",
                  "400000000000000000", "username", "alice", "discriminator", "0", "global_name",
                  "alice", "avatar", "public_flags", 0));
}

void discord_objects_gateway(struct discord_call *call)
{
    struct discord *discord = call->discord;
    unsigned total = discord->options.session_limit;
    uint64_t used = discord->gateway.identifies_today;
    char url[200];

    snprintf(url, sizeof(url), "%s://%s:%d", discord->net.tls ? "wss" : "ws", discord->options.host,
             discord->base.port);
    if (call->route == ROUTE_GATEWAY)
        discord_answer_json(call, 200, json_pack("{s:s}", "url", url));
    else
        discord_answer_json(
            call, 200,
            json_pack("{s:s,s:i,s:{s:i,s:i,s:i,s:i}}", "url", url, "shards",
                      (int)discord->options.shards, "session_start_limit", "total", (int)total,
                      "remaining", (int)(used < total ? total - used : 0), "reset_after", 86400000,
                      "max_concurrency", (int)discord->options.max_concurrency));
}
