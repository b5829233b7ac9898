/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/rights.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/discord/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS    5000  /* for an answer: a person waits                              */
#define FRESH_MS  60000 /* roles that came with an event count as its member's so long */
#define ROLES_MAX 250   /* a server has no more */

struct rights_guild {
    struct list_link link; /* in rights->order, oldest answer first */
    char id[24], owner[24];
    uint64_t taken_ms;
    bool unknown; /* it could not be had: not asked for again before its time is over */
    size_t count;
    struct rights_role {
        uint64_t id;
        enum gateway_rights rights;
    } roles[]; /* those that give more than a member has */
};

void discord_rights_init(struct discord_rights *rights)
{
    list_init(&rights->order);
}

static void drop(struct discord_rights *rights, struct rights_guild *guild)
{
    map_remove(&rights->guilds, guild->id);
    list_remove(&guild->link);
    mem_free(guild);
}

void discord_rights_clear(struct discord_rights *rights)
{
    while (!list_empty(&rights->order))
        drop(rights, container_of(rights->order.next, struct rights_guild, link));
    map_clear(&rights->guilds);
}

enum gateway_rights discord_rights_of_bits(const char *permissions)
{
    unsigned long long bits;
    char *end;

    if (!permissions || *permissions < '0' || *permissions > '9')
        return GATEWAY_MEMBER;
    bits = strtoull(permissions, &end, 10);
    if (*end)
        return GATEWAY_MEMBER;
    if (bits & (DISCORD_ADMINISTRATOR | DISCORD_MANAGE_GUILD))
        return GATEWAY_ADMIN;
    return bits & DISCORD_MODERATE_MEMBERS ? GATEWAY_MODERATOR : GATEWAY_MEMBER;
}

static void keep(struct discord_rights *rights, struct rights_guild *entry)
{
    struct rights_guild *old = map_get(&rights->guilds, entry->id);

    if (old)
        drop(rights, old);
    if (rights->guilds.count >= DISCORD_RIGHTS_GUILDS)
        drop(rights, container_of(rights->order.next, struct rights_guild, link));
    list_append(&rights->order, &entry->link);
    map_set(&rights->guilds, entry->id, entry);
}

void discord_rights_missed(struct discord_rights *rights, const char *guild, uint64_t now_ms)
{
    struct rights_guild *entry = mem_zero(1, sizeof(*entry));

    snprintf(entry->id, sizeof(entry->id), "%s", guild);
    entry->taken_ms = now_ms;
    entry->unknown = true;
    keep(rights, entry);
}

bool discord_rights_is_missed(const struct discord_rights *rights, const char *guild,
                              uint64_t now_ms)
{
    const struct rights_guild *entry = map_get(&rights->guilds, guild);

    return entry && entry->unknown && now_ms - entry->taken_ms <= DISCORD_RIGHTS_KEEP_MS;
}

bool discord_rights_take(struct discord_rights *rights, const json_t *guild, uint64_t now_ms)
{
    const char *id = json_get_str(guild, "id", NULL);
    const char *owner = json_get_str(guild, "owner_id", NULL);
    const json_t *roles = json_object_get(guild, "roles"), *role;
    struct rights_guild *entry;
    size_t i, count = json_array_size(roles);

    if (!event_id_number(id) || !event_id_number(owner) || !json_is_array(roles) ||
        count > ROLES_MAX)
        return false;
    entry = mem_zero(1, sizeof(*entry) + count * sizeof(*entry->roles));
    snprintf(entry->id, sizeof(entry->id), "%s", id);
    snprintf(entry->owner, sizeof(entry->owner), "%s", owner);
    entry->taken_ms = now_ms;
    json_array_foreach (roles, i, role) {
        enum gateway_rights given = discord_rights_of_bits(json_get_str(role, "permissions", NULL));

        if (given != GATEWAY_MEMBER)
            entry->roles[entry->count++] =
                (struct rights_role){event_id_number(json_get_str(role, "id", NULL)), given};
    }
    keep(rights, entry);
    return true;
}

static enum gateway_rights of_role(const struct rights_guild *guild, uint64_t id)
{
    for (size_t i = 0; i < guild->count; i++)
        if (guild->roles[i].id == id)
            return guild->roles[i].rights;
    return GATEWAY_MEMBER;
}

bool discord_rights_look(const struct discord_rights *rights, const char *guild, const char *member,
                         const char *const *roles, size_t role_count, uint64_t now_ms,
                         enum gateway_rights *ret)
{
    const struct rights_guild *entry = guild ? map_get(&rights->guilds, guild) : NULL;
    enum gateway_rights best;

    if (!entry || entry->unknown || now_ms - entry->taken_ms > DISCORD_RIGHTS_KEEP_MS)
        return false;
    if (member && !strcmp(entry->owner, member)) {
        *ret = GATEWAY_ADMIN;
        return true;
    }
    best = of_role(entry, event_id_number(entry->id)); /* @everyone has the server's id */
    for (size_t i = 0; i < role_count; i++) {
        enum gateway_rights given = of_role(entry, event_id_number(roles[i]));

        best = given > best ? given : best;
    }
    *ret = best;
    return true;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static troupe_status ask(struct discord *discord, const char *route, const char *path,
                         const char *guild, json_t **ret, struct error *err)
{
    const struct discord_request request = {
        .method = "GET",
        .route = route,
        .path = path,
        .major = guild,
        .priority = DISCORD_INTERACTION,
        .repeatable = true,
        .deadline = co_after(ASK_MS),
    };

    return discord_rest_call(discord->rest, &request, ret, err);
}

/* The roles that the member has now, for an event of some time ago. */
static troupe_status ask_member(struct discord *discord, const struct event *event, json_t **ret,
                                struct error *err)
{
    char path[96];

    snprintf(path, sizeof(path), "/guilds/%.20s/members/%.20s", event->guild, event->member);
    return ask(discord, "/guilds/{guild}/members/{member}", path, event->guild, ret, err);
}

static troupe_status ask_guild(struct discord *discord, const struct event *event,
                               struct error *err)
{
    _cleanup_json_ json_t *guild = NULL;
    char path[48];
    troupe_status status;

    if (discord_rights_is_missed(&discord->rights, event->guild, loop_now(discord->loop)))
        return error_set(err, TROUPE_UNAVAILABLE, "Discord did not tell a moment ago");
    snprintf(path, sizeof(path), "/guilds/%.20s", event->guild);
    status = ask(discord, "/guilds/{guild}", path, event->guild, &guild, err);
    if (status == TROUPE_OK &&
        !discord_rights_take(&discord->rights, guild, loop_now(discord->loop)))
        status = error_set(err, TROUPE_DATA, "the server's roles could not be read");
    if (status < 0 && co_status() == TROUPE_OK)
        discord_rights_missed(&discord->rights, event->guild, loop_now(discord->loop));
    return status;
}

troupe_status discord_member_rights(struct gateway *gateway, const struct event *event,
                                    enum gateway_rights *ret, struct error *err)
{
    struct discord *discord = (struct discord *)gateway;
    bool fresh = clock_wall_ms() - event->time_ms < FRESH_MS && !(event->flags & EVENT_UNASKED);
    _cleanup_json_ json_t *member = NULL;
    const char *now[ROLES_MAX];
    const char *const *roles = event->roles;
    size_t count = event->role_count, i;
    enum gateway_rights rights;
    const json_t *role;
    troupe_status status;

    if (!event->guild || !event->member) {
        *ret = GATEWAY_MEMBER;
        return TROUPE_OK;
    }
    if (fresh && event->flags & EVENT_RIGHTS) { /* Discord's own word, signed and of this minute */
        *ret = event->flags & EVENT_ADMIN       ? GATEWAY_ADMIN
               : event->flags & EVENT_MODERATOR ? GATEWAY_MODERATOR
                                                : GATEWAY_MEMBER;
        return TROUPE_OK;
    }
    if (!fresh) {
        status = ask_member(discord, event, &member, err);
        if (status < 0)
            return status;
        roles = now;
        count = 0;
        json_array_foreach (json_object_get(member, "roles"), i, role)
            if (json_is_string(role) && count < ROLES_MAX)
                now[count++] = json_string_value(role);
    }
    if (!discord_rights_look(&discord->rights, event->guild, event->member, roles, count,
                             loop_now(discord->loop), &rights)) {
        status = ask_guild(discord, event, err);
        if (status < 0)
            return status;
        if (!discord_rights_look(&discord->rights, event->guild, event->member, roles, count,
                                 loop_now(discord->loop), &rights))
            return error_set(err, TROUPE_UNAVAILABLE, "the server's roles are not known");
    }
    *ret = rights;
    return TROUPE_OK;
}
