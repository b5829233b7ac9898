/* SPDX-License-Identifier: Apache-2.0
 *
 * What an answer of Discord's says about rate limits (rate-limits.mdx, "Header Format" and
 * "Exceeding A Rate Limit"), read once from headers and body. Pure.
 */
#ifndef GATEWAY_DISCORD_LIMITS_H
#define GATEWAY_DISCORD_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_header;

#define DISCORD_HASH_MAX 64

enum discord_scope {
    DISCORD_SCOPE_NONE,
    DISCORD_SCOPE_USER,
    DISCORD_SCOPE_GLOBAL,
    DISCORD_SCOPE_SHARED
};

struct discord_limits {
    int status;
    int code;                      /* of the error body; 0: none                             */
    char message[160];             /* of the error body; "" none                             */
    char bucket[DISCORD_HASH_MAX]; /* its hash; "" none                                     */
    bool counted;                  /* the next three are there                               */
    uint32_t limit, remaining;
    uint64_t reset_ms;        /* Reset-After: the server's wall clock plays no part     */
    enum discord_scope scope; /* of a 429                                               */
    bool cloudflare;          /* a 429 that is not Discord's: the address is blocked     */
    bool has_retry;
    uint64_t retry_ms; /* the larger one of header and body                                 */
};

/* Counts towards the block of the address ("Invalid Request Limit"). */
static inline bool discord_limits_invalid(const struct discord_limits *limits)
{
    return limits->status == 401 || limits->status == 403 ||
           (limits->status == 429 && limits->scope != DISCORD_SCOPE_SHARED);
}

/* `body` is looked at for errors and for 202 only. */
void discord_limits_read(int status, const struct http_header *headers, size_t count,
                         const char *body, size_t len, struct discord_limits *ret);

#endif
