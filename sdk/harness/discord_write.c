/* SPDX-License-Identifier: Apache-2.0
 *
 * The world's objects as JSON.
 */
#include "discord_world.h"

#include <stdio.h>

#define EVERYONE UINT64_C(2248473465835073) /* what a new guild gives to all */

void discord_put_user(struct fake_text *out, const struct discord_user *user)
{
    fake_text_puts(out, "{\"id\":");
    discord_put_id(out, user->id);
    fake_text_puts(out, ",\"username\":");
    discord_put_str(out, user->name, strlen(user->name));
    fake_text_puts(out, user->bot ? ",\"bot\":true" : ",\"bot\":false");
    fake_text_puts(out, ",\"discriminator\":\"0\",\"global_name\":null,\"avatar\":null,"
                        "\"public_flags\":0}");
}

void discord_put_member(struct fake_text *out, const struct discord_user *user)
{
    fake_text_puts(out, "{\"roles\":[");
    for (unsigned k = 0, n = 0; k < DISCORD_ROLES; k++)
        if (user->roles >> k & 1)
            fake_text_printf(out, "%s\"%llu\"", n++ ? "," : "",
                             (unsigned long long)DISCORD_ROLE_ID + k);
    fake_text_puts(out, "],\"nick\":null,\"avatar\":null,\"premium_since\":null,"
                        "\"joined_at\":\"2024-01-01T00:00:00.000000+00:00\",\"deaf\":false,"
                        "\"mute\":false,\"pending\":false,\"flags\":0,"
                        "\"communication_disabled_until\":null");
}

void discord_put_channel(struct fake_text *out, const struct discord_channel *channel)
{
    fake_text_puts(out, "{\"id\":");
    discord_put_id(out, channel->id);
    if (channel->guild == 0) {
        fake_text_puts(out, ",\"type\":1,\"flags\":0,\"recipients\":[");
        discord_put_user(out, channel->recipient);
        fake_text_puts(out, "]");
    } else {
        fake_text_puts(out, ",\"type\":0,\"guild_id\":");
        discord_put_id(out, channel->guild);
        fake_text_puts(out, ",\"name\":");
        discord_put_str(out, channel->name, strlen(channel->name));
        fake_text_puts(out, ",\"position\":0,\"permission_overwrites\":[],\"topic\":null,"
                            "\"nsfw\":false,\"rate_limit_per_user\":0,\"parent_id\":null,"
                            "\"flags\":0");
    }
    fake_text_puts(out, ",\"last_message_id\":");
    if (channel->count > 0)
        discord_put_id(out, discord_channel_at(channel, channel->count - 1)->id);
    else
        fake_text_puts(out, "null");
    fake_text_puts(out, "}");
}

const char *discord_world_role(size_t k, uint64_t *ret_bits)
{
    static const struct {
        const char *name;
        uint64_t bits;
    } roles[DISCORD_ROLES] = {
        {"helpers", 0}, {"moderators", UINT64_C(1) << 40}, {"admins", UINT64_C(1) << 5}};

    if (k >= DISCORD_ROLES)
        return NULL;
    if (ret_bits)
        *ret_bits = roles[k].bits;
    return roles[k].name;
}

uint64_t discord_world_permissions(const struct discord_world *world,
                                   const struct discord_user *user)
{
    uint64_t all = EVERYONE, bits;

    for (unsigned k = 0; k < DISCORD_ROLES; k++)
        if (user->roles >> k & 1 && discord_world_role(k, &bits))
            all |= bits;
    if (world->user_count && world->users[0] == user)
        all |= UINT64_C(1) << 3 | UINT64_C(1) << 5 | UINT64_C(1) << 40;
    return all;
}

static void put_role(struct fake_text *out, uint64_t id, const char *name, uint64_t permissions,
                     int position)
{
    fake_text_printf(out,
                     "{\"id\":\"%llu\",\"name\":\"%s\",\"permissions\":\"%llu\",\"position\":%d,"
                     "\"color\":0,\"hoist\":false,\"managed\":false,\"mentionable\":true,"
                     "\"flags\":0,\"icon\":null,\"unicode_emoji\":null}",
                     (unsigned long long)id, name, (unsigned long long)permissions, position);
}

void discord_put_guild(struct fake_text *out, const struct discord_world *world,
                       const struct discord_guild *guild)
{
    size_t members = world->user_count < 50 ? world->user_count : 50; /* large_threshold */

    fake_text_puts(out, "{\"id\":");
    discord_put_id(out, guild->id);
    fake_text_puts(out, ",\"name\":");
    discord_put_str(out, guild->name, strlen(guild->name));
    fake_text_printf(out, ",\"owner_id\":\"%llu\",\"member_count\":%zu,\"large\":%s,",
                     (unsigned long long)(world->user_count ? world->users[0]->id : DISCORD_BOT_ID),
                     world->user_count + 1, world->user_count > 50 ? "true" : "false");
    fake_text_puts(out,
                   "\"joined_at\":\"2024-01-01T00:00:00.000000+00:00\",\"unavailable\":false,"
                   "\"icon\":null,\"splash\":null,\"banner\":null,\"description\":null,"
                   "\"discovery_splash\":null,\"features\":[],\"emojis\":[],\"stickers\":[],"
                   "\"afk_channel_id\":null,\"afk_timeout\":300,\"application_id\":null,"
                   "\"system_channel_id\":null,\"system_channel_flags\":0,"
                   "\"rules_channel_id\":null,\"public_updates_channel_id\":null,"
                   "\"safety_alerts_channel_id\":null,\"vanity_url_code\":null,"
                   "\"premium_tier\":0,\"premium_subscription_count\":0,"
                   "\"premium_progress_bar_enabled\":false,\"preferred_locale\":\"en-US\","
                   "\"verification_level\":0,\"default_message_notifications\":0,"
                   "\"explicit_content_filter\":0,\"mfa_level\":0,\"nsfw_level\":0,"
                   "\"nsfw\":false,\"lazy\":true,\"hub_type\":null,\"max_members\":500000,"
                   "\"voice_states\":[],\"presences\":[],\"threads\":[],\"stage_instances\":[],"
                   "\"guild_scheduled_events\":[],\"soundboard_sounds\":[],\"roles\":[");
    put_role(out, guild->id, "@everyone", EVERYONE, 0);
    for (int k = 0; k < DISCORD_ROLES; k++) {
        uint64_t bits = 0;
        const char *name = discord_world_role((size_t)k, &bits);

        fake_text_puts(out, ",");
        put_role(out, DISCORD_ROLE_ID + (uint64_t)k, name, bits, k + 1);
    }
    fake_text_puts(out, "],\"channels\":[");
    for (size_t i = 0; i < guild->channel_count; i++) {
        if (i)
            fake_text_puts(out, ",");
        discord_put_channel(out, guild->channels[i]);
    }
    fake_text_puts(out, "],\"members\":[");
    for (size_t i = 0; i <= members; i++) {
        const struct discord_user *user = i == 0 ? &world->bot : world->users[i - 1];

        if (i)
            fake_text_puts(out, ",");
        discord_put_member(out, user);
        fake_text_puts(out, ",\"user\":");
        discord_put_user(out, user);
        fake_text_puts(out, "}");
    }
    fake_text_puts(out, "]}");
}

static void put_mentions(struct fake_text *out, struct discord_world *world,
                         const struct discord_message *message, bool members)
{
    fake_text_puts(out, ",\"mentions\":[");
    for (size_t i = 0, n = 0; i < message->mention_count; i++) {
        const struct discord_user *user = discord_map_get(&world->by_id, message->mentions[i]);

        if (!user)
            continue;
        if (n++)
            fake_text_puts(out, ",");
        discord_put_user(out, user);
        if (members) {
            out->len--; /* its closing brace */
            fake_text_puts(out, ",\"member\":");
            discord_put_member(out, user);
            fake_text_puts(out, "}}");
        }
    }
    fake_text_puts(out, "]");
}

static void put_reactions(struct fake_text *out, const struct discord_message *message)
{
    fake_text_puts(out, ",\"reactions\":[");
    for (const struct discord_reaction *r = message->reactions; r; r = r->next) {
        if (r != message->reactions)
            fake_text_puts(out, ",");
        fake_text_printf(out, "{\"count\":%u,\"me\":%s,\"emoji\":{\"id\":null,\"name\":", r->count,
                         r->me ? "true" : "false");
        discord_put_str(out, r->emoji, strlen(r->emoji));
        fake_text_puts(out, "}}");
    }
    fake_text_puts(out, "]");
}

/* The reference without its closing brace. */
static void put_place(struct fake_text *out, const struct discord_message *message)
{
    fake_text_puts(out, ",\"message_reference\":{\"type\":0,\"message_id\":");
    discord_put_id(out, message->reference);
    fake_text_puts(out, ",\"channel_id\":");
    discord_put_id(out, message->channel);
}

static void put_reference(struct fake_text *out, struct discord_world *world,
                          const struct discord_message *message, bool content)
{
    const struct discord_message *other = discord_map_get(&world->messages, message->reference);

    put_place(out, message);
    fake_text_puts(out, "},\"referenced_message\":");
    if (other && !other->deleted && other != message) {
        struct discord_message shallow = *other; /* one level only, as Discord does */

        shallow.reference = 0;
        discord_put_message(out, world, &shallow, content || discord_message_is_open(world, other));
        if (other->reference) { /* what it answers by its id, and no more */
            put_place(out, other);
            fake_text_puts(out, "}");
        }
        fake_text_puts(out, "}");
    } else {
        fake_text_puts(out, "null");
    }
}

static void put_list(struct fake_text *out, const char *key, const char *list, bool shown)
{
    fake_text_puts(out, key);
    fake_text_puts(out, list && shown ? list : "[]");
}

void discord_put_message(struct fake_text *out, struct discord_world *world,
                         const struct discord_message *message, bool content)
{
    const struct discord_channel *channel = discord_world_channel_id(world, message->channel);

    fake_text_puts(out, "{\"id\":");
    discord_put_id(out, message->id);
    fake_text_puts(out, ",\"channel_id\":");
    discord_put_id(out, message->channel);
    fake_text_puts(out, ",\"type\":");
    discord_put_u64(out, message->reference && message->type == 0 ? 19 : message->type);
    fake_text_puts(out, ",\"author\":");
    discord_put_user(out, message->author);
    fake_text_puts(out, ",\"content\":");
    discord_put_str(out, message->content, content ? message->content_len : 0);
    fake_text_puts(out, ",\"timestamp\":");
    discord_put_time(out, message->at_ms);
    fake_text_puts(out, ",\"edited_timestamp\":");
    discord_put_time(out, message->edited_ms);
    fake_text_puts(out, message->everyone ? ",\"tts\":false,\"mention_everyone\":true"
                                          : ",\"tts\":false,\"mention_everyone\":false");
    put_mentions(out, world, message, channel && channel->guild != 0);
    put_list(out, ",\"mention_roles\":[],\"attachments\":", message->attachments, content);
    put_list(out, ",\"embeds\":", message->embeds, content);
    put_list(out, ",\"components\":", message->components, content);
    fake_text_puts(out, ",\"pinned\":false,\"flags\":");
    discord_put_u64(out, message->flags);
    if (message->reactions)
        put_reactions(out, message);
    if (message->webhook) {
        fake_text_puts(out, ",\"webhook_id\":");
        discord_put_id(out, message->webhook);
    }
    if (message->asker) {
        fake_text_puts(out, ",\"interaction_metadata\":{\"id\":");
        discord_put_id(out, message->interaction);
        fake_text_printf(
            out, ",\"type\":%u,\"authorizing_integration_owners\":{},\"user\":", message->asked_by);
        discord_put_user(out, message->asker);
        fake_text_puts(out, "}");
    }
    if (message->author == &world->bot) {
        fake_text_puts(out, ",\"application_id\":");
        discord_put_id(out, DISCORD_BOT_ID);
    }
    if (message->reference)
        put_reference(out, world, message, content);
}
