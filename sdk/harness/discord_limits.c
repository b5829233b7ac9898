/* SPDX-License-Identifier: Apache-2.0 */
#include "discord.h"

#include <stdio.h>
#include <stdlib.h>

#define GLOBAL_LIMIT 50

static const struct route {
    const char *name;
    unsigned limit, window_ms; /* 0: no bucket */
    bool free;                 /* of the global limit */
} routes[] = {
    [ROUTE_CREATE] = {"create", 5, 5000, false},
    [ROUTE_EDIT] = {"edit", 5, 5000, false},
    [ROUTE_DELETE] = {"delete", 5, 1000, false},
    [ROUTE_MESSAGE] = {"message", 50, 1000, false},
    [ROUTE_HISTORY] = {"history", 5, 1000, false},
    [ROUTE_TYPING] = {"typing", 5, 5000, false},
    [ROUTE_REACT] = {"react", 1, 250, false},
    [ROUTE_UNREACT] = {"unreact", 1, 250, false},
    [ROUTE_DM] = {"dm", 10, 10000, false},
    [ROUTE_THREAD] = {"thread", 5, 5000, false},
    [ROUTE_CALLBACK] = {"callback", 0, 0, true},
    [ROUTE_WEBHOOK_CREATE] = {"webhook_create", 5, 2000, true},
    [ROUTE_WEBHOOK_EDIT] = {"webhook_edit", 5, 2000, true},
    [ROUTE_WEBHOOK_GET] = {"webhook_get", 5, 2000, true},
    [ROUTE_WEBHOOK_DELETE] = {"webhook_delete", 5, 2000, true},
    [ROUTE_COMMANDS] = {"commands", 5, 20000, false},
    [ROUTE_CHANNEL] = {"channel", 50, 1000, false},
    [ROUTE_GUILD] = {"guild", 10, 1000, false},
    [ROUTE_USER] = {"user", 5, 1000, false},
    [ROUTE_APPLICATION] = {"application", 5, 1000, false},
    [ROUTE_GATEWAY] = {"gateway", 0, 0, false},
    [ROUTE_GATEWAY_BOT] = {"gateway_bot", 2, 5000, false},
    [ROUTE_OTHER] = {"other", 0, 0, false},
};

const char *discord_route_name(enum discord_route route)
{
    return routes[route].name;
}

static struct discord_bucket *bucket_of(struct discord_limits *limits, enum discord_route route,
                                        uint64_t major)
{
    uint64_t key = (major ^ (uint64_t)(route + 1) << 59) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    struct discord_bucket *bucket = discord_map_get(&limits->buckets, key);

    if (!bucket) {
        bucket = fake_alloc(sizeof(*bucket));
        discord_map_set(&limits->buckets, key, bucket);
    }
    return bucket;
}

static void put_headers(const struct discord_limits *limits, const struct route *route,
                        const struct discord_bucket *bucket, int64_t now, char *headers,
                        size_t size)
{
    double after = (double)(bucket->reset_us - now) / 1e6;
    uint64_t hash = fake_digest(route->name, strlen(route->name)) + limits->hash_epoch;

    snprintf(headers, size,
             "X-RateLimit-Limit: %u\r\nX-RateLimit-Remaining: %u\r\nX-RateLimit-Reset: %.3f\r\n"
             "X-RateLimit-Reset-After: %.3f\r\nX-RateLimit-Bucket: %016llx\r\n",
             route->limit, bucket->left, (double)discord_now_ms() / 1000 + after, after,
             (unsigned long long)hash);
}

enum discord_scope discord_limits_take(struct discord *discord, enum discord_route which,
                                       uint64_t major, char *headers, size_t size,
                                       double *ret_retry_after)
{
    struct discord_limits *limits = &discord->limits;
    const struct route *route = &routes[which];
    struct discord_bucket *bucket;
    int64_t now = discord_now_us();
    enum discord_scope scope = SCOPE_NONE;

    headers[0] = '\0';
    if (!discord->options.limits)
        return SCOPE_NONE;
    if (!route->free) {
        if (now >= limits->global_reset_us) {
            limits->global_reset_us = now + 1000000;
            limits->global_left = GLOBAL_LIMIT;
        }
        if (limits->global_left == 0) {
            *ret_retry_after = (double)(limits->global_reset_us - now) / 1e6;
            return SCOPE_GLOBAL;
        }
        limits->global_left--;
    }
    if (route->limit == 0)
        return SCOPE_NONE;
    bucket = bucket_of(limits, which, major);
    if (now >= bucket->reset_us) {
        bucket->left = route->limit;
        bucket->reset_us = now + (int64_t)route->window_ms * 1000;
    }
    if (bucket->left == 0) {
        *ret_retry_after = (double)(bucket->reset_us - now) / 1e6;
        scope = SCOPE_USER;
    } else {
        bucket->left--;
    }
    put_headers(limits, route, bucket, now, headers, size);
    return scope;
}

void discord_limits_clear(struct discord *discord)
{
    struct discord_map *buckets = &discord->limits.buckets;

    for (size_t i = 0; i < buckets->cap; i++)
        free(buckets->slots[i].value);
    discord_map_clear(buckets);
    discord->limits = (struct discord_limits){0};
}
