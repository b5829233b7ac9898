/* SPDX-License-Identifier: Apache-2.0
 *
 * What a member may do in a server: computed from its roles and its owner, which are asked for when
 * an action needs a right, and kept for a short time. The intent that would bring them unasked
 * (GUILDS) also brings every list of channels, at every start, and nothing after a resume.
 *
 * Only roles that give one of the rights are kept: a few bytes a server.
 */
#ifndef GATEWAY_DISCORD_RIGHTS_H
#define GATEWAY_DISCORD_RIGHTS_H

#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "gateway/gateway.h"

/* Bits of `permissions` (permissions.mdx). */
#define DISCORD_ADMINISTRATOR    (UINT64_C(1) << 3)
#define DISCORD_MANAGE_GUILD     (UINT64_C(1) << 5)
#define DISCORD_MODERATE_MEMBERS (UINT64_C(1) << 40)

#define DISCORD_RIGHTS_GUILDS    1000  /* servers that are kept at a time; the oldest go */
#define DISCORD_RIGHTS_KEEP_MS   15000 /* so old an answer still counts as of this moment */

struct discord_rights {
    struct map guilds; /* id -> struct rights_guild of rights.c */
    struct list_link order;
};
void discord_rights_init(struct discord_rights *rights);
void discord_rights_clear(struct discord_rights *rights);

/* The highest right that a "permissions" text gives; GATEWAY_MEMBER for NULL and what is none. */
enum gateway_rights discord_rights_of_bits(const char *permissions);
/* Takes what GET /guilds/{id} answered, as of `now_ms`; false where it is no guild. */
bool discord_rights_take(struct discord_rights *rights, const json_t *guild, uint64_t now_ms);
/* It could not be had: nobody asks for it again for a while, whatever members try. */
void discord_rights_missed(struct discord_rights *rights, const char *guild, uint64_t now_ms);
bool discord_rights_is_missed(const struct discord_rights *rights, const char *guild,
                              uint64_t now_ms);
/* False where the server is not known, or not known well enough at `now_ms`. `member` and `roles` are
 * ids. */
bool discord_rights_look(const struct discord_rights *rights, const char *guild, const char *member,
                         const char *const *roles, size_t role_count, uint64_t now_ms,
                         enum gateway_rights *ret);

/* gateway_ops.rights. [waits] */
troupe_status discord_member_rights(struct gateway *gateway, const struct event *event,
                                    enum gateway_rights *ret, struct error *err);

#endif
