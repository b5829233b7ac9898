/* SPDX-License-Identifier: Apache-2.0
 *
 * What holds for all requests at once: the global limit (rate-limits.mdx, "Global Rate Limit"), the
 * stops - a refused token, the breaker for invalid requests, Cloudflare - and the pause after Discord
 * could not be reached. Pure: the time is the caller's, in milliseconds of one monotonic clock.
 */
#ifndef GATEWAY_DISCORD_GATE_H
#define GATEWAY_DISCORD_GATE_H

#include "gateway/discord/limits.h"

#define DISCORD_NEVER         UINT64_MAX
#define DISCORD_GLOBAL_LIMIT  50u     /* requests a second                           */
#define DISCORD_INVALID_MAX   5000u   /* half of what blocks the address (10,000)     */
#define DISCORD_INVALID_MS    600000u /* in so many milliseconds                      */
#define DISCORD_CLOUDFLARE_MS 600000u /* of a stop without Retry-After                */
#define DISCORD_INVALID_SLOTS 60

struct discord_gate {
    uint32_t limit;        /* requests a second; UINT32_MAX: none                              */
    uint64_t *there;       /* ring: when the last `limit` requests are there at the latest     */
    uint64_t left;         /* how many left; the oldest of them is next in the ring            */
    uint64_t global_until; /* after a global 429                                           */
    uint64_t stop_until;   /* Cloudflare, breaker; DISCORD_NEVER: the token was refused    */
    uint64_t pause_until;  /* not reachable                                                */
    unsigned unreached;    /* failures in a row                                            */
    uint32_t invalid[DISCORD_INVALID_SLOTS]; /* by slots of time                           */
    uint64_t slot;                           /* number of the newest slot                  */
    uint64_t random;
    char why[256]; /* of the last stop */
};

void discord_gate_init(struct discord_gate *gate, uint32_t limit, uint64_t seed);
void discord_gate_clear(struct discord_gate *gate);
/* From when on a request may leave, `now` at the earliest. `exempt`: interactions and webhooks. */
uint64_t discord_gate_opens(const struct discord_gate *gate, uint64_t now, bool exempt);
/* The end of a stop that is on; `now` or less: none. */
uint64_t discord_gate_stopped(const struct discord_gate *gate);
/* A request leaves; returns its number, 0 where none is needed. Discord counts when it comes there,
 * which is some time before its answer is here: until then it is taken for one that comes late. */
uint64_t discord_gate_left(struct discord_gate *gate, uint64_t now, bool exempt);
/* It was there by now, or never will be. */
void discord_gate_landed(struct discord_gate *gate, uint64_t number, uint64_t now);
void discord_gate_answer(struct discord_gate *gate, uint64_t now, bool exempt,
                         const struct discord_limits *limits);
/* Nothing could be sent. */
void discord_gate_unreached(struct discord_gate *gate, uint64_t now);
/* Between half and the whole of min(base * 2^n, max). */
uint64_t discord_gate_backoff(struct discord_gate *gate, unsigned n, uint64_t base, uint64_t max);

#endif
