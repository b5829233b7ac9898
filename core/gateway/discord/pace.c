/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/pace.h"

bool discord_pace_take(struct discord_pace *pace, uint64_t now, unsigned kept)
{
    while (pace->count && now - pace->at[pace->first] >= DISCORD_SENDS_MS) {
        pace->first = (pace->first + 1) % DISCORD_SENDS_MAX;
        pace->count--;
    }
    if (pace->count + kept >= DISCORD_SENDS_MAX)
        return false;
    pace->at[(pace->first + pace->count) % DISCORD_SENDS_MAX] = now;
    pace->count++;
    return true;
}

uint64_t discord_backoff(unsigned failures, double random)
{
    uint64_t full = DISCORD_BACKOFF_MIN;

    if (!failures)
        return 0;
    for (unsigned i = 1; i < failures && full < DISCORD_BACKOFF_MAX; i++)
        full *= 2;
    if (full > DISCORD_BACKOFF_MAX)
        full = DISCORD_BACKOFF_MAX;
    full -= (uint64_t)((double)full / 2 * random);
    return full < DISCORD_BACKOFF_MIN ? DISCORD_BACKOFF_MIN : full;
}
