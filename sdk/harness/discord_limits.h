/* SPDX-License-Identifier: Apache-2.0
 *
 * REST rate limits as documented: a bucket for each route and major parameter (fixed windows that
 * begin with the first request), and 50 requests a second over all, but for interactions.
 */
#ifndef DISCORD_LIMITS_H
#define DISCORD_LIMITS_H

#include "discord_text.h"

struct discord;

enum discord_route {
    ROUTE_CREATE,
    ROUTE_EDIT,
    ROUTE_DELETE,
    ROUTE_MESSAGE,
    ROUTE_HISTORY,
    ROUTE_TYPING,
    ROUTE_REACT,
    ROUTE_UNREACT,
    ROUTE_DM,
    ROUTE_THREAD,
    ROUTE_CALLBACK,
    ROUTE_WEBHOOK_CREATE,
    ROUTE_WEBHOOK_EDIT,
    ROUTE_WEBHOOK_GET,
    ROUTE_WEBHOOK_DELETE,
    ROUTE_COMMANDS,
    ROUTE_CHANNEL,
    ROUTE_GUILD,
    ROUTE_USER,
    ROUTE_APPLICATION,
    ROUTE_GATEWAY,
    ROUTE_GATEWAY_BOT,
    ROUTE_OTHER,
};

struct discord_bucket {
    unsigned left;
    int64_t reset_us;
};

struct discord_limits {
    struct discord_map buckets;
    unsigned hash_epoch; /* part of the bucket hashes; a fault changes it */
    int64_t global_reset_us;
    unsigned global_left;
};

enum discord_scope { SCOPE_NONE, SCOPE_USER, SCOPE_GLOBAL };

const char *discord_route_name(enum discord_route route);
/* Counts a request; its X-RateLimit lines are put into `headers`. When it is over a limit, the
 * scope, and the time until it may be repeated. */
enum discord_scope discord_limits_take(struct discord *discord, enum discord_route route,
                                       uint64_t major, char *headers, size_t size,
                                       double *ret_retry_after);
void discord_limits_clear(struct discord *discord);

#endif
