/* SPDX-License-Identifier: Apache-2.0 */
#include "discord_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t discord_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t discord_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void *grow(void *list, size_t count, size_t item)
{
    if ((count & (count - 1)) != 0) /* full at powers of two */
        return list;
    list = realloc(list, (count ? count * 2 : 1) * item);
    if (!list) {
        fputs("the fake ran out of memory\n", stderr);
        exit(71);
    }
    return list;
}

/* ---- making it ----------------------------------------------------------------------------- */

void discord_world_init(struct discord_world *world)
{
    *world = (struct discord_world){
        .bot = {.id = DISCORD_BOT_ID, .name = "troupe", .bot = true},
        .history = 2000,
        .content_of_others = true,
    };
    discord_map_set(&world->by_id, DISCORD_BOT_ID, &world->bot);
}

static struct discord_channel *new_channel(struct discord_world *world, uint64_t id,
                                           const char *name)
{
    struct discord_channel *channel = fake_alloc(sizeof(*channel));

    channel->id = id;
    snprintf(channel->name, sizeof(channel->name), "%s", name);
    discord_map_set(&world->by_id, id, channel);
    return channel;
}

struct discord_user *discord_world_add_user(struct discord_world *world, const char *name)
{
    struct discord_user *user = fake_alloc(sizeof(*user));

    world->users = grow(world->users, world->user_count, sizeof(user));
    user->id = UINT64_C(400000000000000000) + world->user_count;
    user->dm = UINT64_C(500000000000000000) + world->user_count;
    snprintf(user->name, sizeof(user->name), "%s", name);
    world->users[world->user_count++] = user;
    discord_map_set(&world->by_id, user->id, user);
    new_channel(world, user->dm, "")->recipient = user;
    return user;
}

struct discord_guild *discord_world_add_guild(struct discord_world *world, const char *name)
{
    struct discord_guild *guild = fake_alloc(sizeof(*guild));

    world->guilds = grow(world->guilds, world->guild_count, sizeof(guild));
    guild->id = UINT64_C(200000000000000000) + world->guild_count * 4194304;
    snprintf(guild->name, sizeof(guild->name), "%s", name);
    world->guilds[world->guild_count++] = guild;
    return guild;
}

struct discord_channel *discord_world_add_channel(struct discord_world *world,
                                                  struct discord_guild *guild, const char *name)
{
    struct discord_channel *channel =
        new_channel(world, UINT64_C(300000000000000000) + world->channel_count++, name);

    channel->guild = guild->id;
    guild->channels = grow(guild->channels, guild->channel_count, sizeof(channel));
    guild->channels[guild->channel_count++] = channel;
    return channel;
}

/* A list of names, or a number of them. */
static size_t count_of(const json_t *value, size_t fallback)
{
    return json_is_integer(value) ? (size_t)json_integer_value(value)
           : json_is_array(value) ? json_array_size(value)
                                  : fallback;
}

/* The i-th of the list, else a name that is made up. */
static const char *name_of(const json_t *list, size_t i, const char *kind, char room[32])
{
    static const char *const members[] = {"alice", "bob"};
    const char *name = json_string_value(json_array_get(list, i));

    if (name)
        return name;
    if (i == 0 && strcmp(kind, "channel") == 0)
        return "general";
    if (i < 2 && strcmp(kind, "member") == 0)
        return members[i];
    snprintf(room, 32, "%s-%zu", kind, i);
    return room;
}

void discord_world_load(struct discord_world *world, const json_t *source)
{
    const json_t *guilds = json_object_get(source, "guilds");
    const json_t *members = json_object_get(source, "members");
    size_t guild_count = count_of(guilds, 1), member_count = count_of(members, 2);
    char room[32];

    for (size_t g = 0; g < guild_count; g++) {
        const json_t *row = json_array_get(guilds, g);
        const char *name = json_string_value(json_object_get(row, "name"));
        const json_t *channels = json_object_get(row, "channels");
        struct discord_guild *guild =
            discord_world_add_guild(world, name ? name : name_of(NULL, g, "guild", room));

        if (!channels)
            channels = json_object_get(source, "channels");
        for (size_t c = 0; c < count_of(channels, 1); c++)
            discord_world_add_channel(world, guild, name_of(channels, c, "channel", room));
    }
    for (size_t m = 0; m < member_count; m++)
        discord_world_add_user(world, name_of(members, m, "member", room));
}

static void message_free(struct discord_message *message)
{
    while (message->reactions) {
        struct discord_reaction *next = message->reactions->next;

        free(message->reactions);
        message->reactions = next;
    }
    free(message->content);
    free(message->embeds);
    free(message->components);
    free(message->attachments);
    free(message->mentions);
    free(message);
}

static void channel_free(struct discord_channel *channel)
{
    for (size_t i = 0; i < channel->count; i++)
        message_free(discord_channel_at(channel, i));
    free(channel->ring);
    free(channel);
}

void discord_world_clear(struct discord_world *world)
{
    for (size_t g = 0; g < world->guild_count; g++) {
        for (size_t c = 0; c < world->guilds[g]->channel_count; c++)
            channel_free(world->guilds[g]->channels[c]);
        free(world->guilds[g]->channels);
        free(world->guilds[g]);
    }
    for (size_t m = 0; m < world->user_count; m++) {
        channel_free(discord_world_channel_id(world, world->users[m]->dm));
        free(world->users[m]);
    }
    free(world->guilds);
    free(world->users);
    while (world->first_thread) {
        struct discord_channel *next = world->first_thread->next;

        channel_free(world->first_thread);
        world->first_thread = next;
    }
    discord_map_clear(&world->threads);
    discord_map_clear(&world->by_id);
    discord_map_clear(&world->messages);
}

/* ---- finding ------------------------------------------------------------------------------- */

struct discord_channel *discord_world_channel_id(struct discord_world *world, uint64_t id)
{
    uint64_t kind = id / UINT64_C(100000000000000000);

    return discord_map_get(kind == 3 || kind == 5 ? &world->by_id : &world->threads, id);
}

struct discord_user *discord_world_user(struct discord_world *world, const char *which)
{
    uint64_t id = which ? discord_digits(discord_slice(which)) : 0;

    if (!which)
        return world->user_count ? world->users[0] : NULL;
    if (which[0] == '#') {
        size_t i = strtoul(which + 1, NULL, 10);

        return i < world->user_count ? world->users[i] : NULL;
    }
    if (id / UINT64_C(100000000000000000) == 4 || id == DISCORD_BOT_ID)
        return discord_map_get(&world->by_id, id);
    for (size_t i = 0; i < world->user_count; i++) {
        if (strcmp(world->users[i]->name, which) == 0)
            return world->users[i];
    }
    return NULL;
}

struct discord_channel *discord_world_dm(struct discord_world *world, struct discord_user *user)
{
    return user ? discord_world_channel_id(world, user->dm) : NULL;
}

struct discord_channel *discord_world_channel(struct discord_world *world, const char *which)
{
    uint64_t id = which ? discord_digits(discord_slice(which)) : 0;

    if (which && strncmp(which, "dm:", 3) == 0)
        return discord_world_dm(world, discord_world_user(world, which + 3));
    if (!which || which[0] == '#')
        return discord_world_channel_id(world, UINT64_C(300000000000000000) +
                                                   (which ? strtoul(which + 1, NULL, 10) : 0));
    if (id)
        return discord_world_channel_id(world, id);
    for (size_t g = 0; g < world->guild_count; g++) {
        for (size_t c = 0; c < world->guilds[g]->channel_count; c++) {
            if (strcmp(world->guilds[g]->channels[c]->name, which) == 0)
                return world->guilds[g]->channels[c];
        }
    }
    return NULL;
}

uint64_t discord_world_new_id(struct discord_world *world)
{
    uint64_t id = (uint64_t)(discord_now_ms() - DISCORD_EPOCH) << 22;

    world->last_id = id > world->last_id ? id : world->last_id + 1;
    return world->last_id;
}

/* ---- messages ------------------------------------------------------------------------------ */

struct discord_message *discord_channel_at(const struct discord_channel *channel, size_t i)
{
    return channel->ring[(channel->first + i) % channel->cap];
}

size_t discord_channel_find(const struct discord_channel *channel, uint64_t id)
{
    size_t low = 0, high = channel->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (discord_channel_at(channel, middle)->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void ring_grow(struct discord_channel *channel)
{
    size_t cap = channel->cap ? channel->cap * 2 : 16;
    struct discord_message **ring = fake_alloc(cap * sizeof(*ring));

    for (size_t i = 0; i < channel->count; i++)
        ring[i] = discord_channel_at(channel, i);
    free(channel->ring);
    channel->ring = ring;
    channel->cap = cap;
    channel->first = 0;
}

static void ring_push(struct discord_world *world, struct discord_channel *channel,
                      struct discord_message *message)
{
    if (channel->count >= world->history) {
        struct discord_message *oldest = discord_channel_at(channel, 0);

        discord_map_set(&world->messages, oldest->id, NULL);
        if (channel->last_bot == oldest)
            channel->last_bot = NULL;
        world->evict(world->arg, oldest);
        message_free(oldest);
        channel->first = (channel->first + 1) % channel->cap;
        channel->count--;
    }
    if (channel->count == channel->cap)
        ring_grow(channel);
    channel->ring[(channel->first + channel->count++) % channel->cap] = message;
}

struct discord_message *discord_message_new(struct discord_world *world,
                                            struct discord_channel *channel,
                                            struct discord_user *author, const char *content,
                                            size_t len)
{
    struct discord_message *message = fake_alloc(sizeof(*message));

    message->id = discord_world_new_id(world);
    message->channel = channel->id;
    message->author = author;
    message->content = memcpy(fake_alloc(len + 1), content, len);
    message->content_len = len;
    message->at_ms = discord_now_ms();
    ring_push(world, channel, message);
    discord_map_set(&world->messages, message->id, message);
    return message;
}

bool discord_message_is_open(struct discord_world *world, const struct discord_message *message)
{
    const struct discord_channel *channel = discord_world_channel_id(world, message->channel);

    if (message->author == &world->bot || !channel || channel->guild == 0)
        return true;
    for (size_t i = 0; i < message->mention_count; i++) {
        if (message->mentions[i] == DISCORD_BOT_ID)
            return true;
    }
    return false;
}
