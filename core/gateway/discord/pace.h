/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast a session may act: what goes out on a connection within a minute, and how long to pause
 * before it is tried again. Times are milliseconds of one monotonic clock.
 */
#ifndef GATEWAY_DISCORD_PACE_H
#define GATEWAY_DISCORD_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* On one connection, heartbeats count (gateway.mdx, "Rate Limiting"). */
#define DISCORD_SENDS_MAX   120
#define DISCORD_SENDS_MS    60000
#define DISCORD_SENDS_KEPT  6 /* of those, for heartbeats by the clock                       */
#define DISCORD_BACKOFF_MIN 500
#define DISCORD_BACKOFF_MAX 60000

/* The last sends of a connection; zeroed: none. */
struct discord_pace {
    uint64_t at[DISCORD_SENDS_MAX];
    unsigned first, count;
};

/* Whether one more may leave when `kept` sends are to stay free behind it; counts it then. */
bool discord_pace_take(struct discord_pace *pace, uint64_t now, unsigned kept);

/* The pause before attempt `failures` + 1: none after no failure, then from half a second doubling
 * to a minute, of which a part of up to a half is taken off at random, that not everybody comes at
 * once. `random` is in [0, 1). */
uint64_t discord_backoff(unsigned failures, double random);

#endif
