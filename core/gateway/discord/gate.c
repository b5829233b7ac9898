/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/gate.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_MS     1020u /* a second, and what clocks may round */
#define FLIGHT_MS     1000u /* until a request without an answer is taken to be there */
#define RING_MAX      100000u
#define SLOT_MS       (DISCORD_INVALID_MS / DISCORD_INVALID_SLOTS)
#define UNREACHED_MS  250u
#define UNREACHED_MAX 15000u
#define GLOBAL_MS     1000u /* of a global 429 that tells no time */

void discord_gate_init(struct discord_gate *gate, uint32_t limit, uint64_t seed)
{
    *gate = (struct discord_gate){.limit = limit > RING_MAX ? UINT32_MAX : limit};
    gate->random = seed | 1;
    if (gate->limit != UINT32_MAX)
        gate->there = mem_zero(gate->limit, sizeof(*gate->there));
}

void discord_gate_clear(struct discord_gate *gate)
{
    mem_free(gate->there);
    gate->there = NULL;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t discord_gate_opens(const struct discord_gate *gate, uint64_t now, bool exempt)
{
    uint64_t opens = later(now, later(gate->stop_until, gate->pause_until));

    if (exempt)
        return opens;
    opens = later(opens, gate->global_until);
    if (gate->there && gate->left >= gate->limit)
        opens = later(opens, gate->there[gate->left % gate->limit] + WINDOW_MS);
    return opens;
}

uint64_t discord_gate_stopped(const struct discord_gate *gate)
{
    return gate->stop_until;
}

uint64_t discord_gate_left(struct discord_gate *gate, uint64_t now, bool exempt)
{
    if (exempt || !gate->there)
        return 0;
    gate->there[gate->left % gate->limit] = now + FLIGHT_MS;
    return ++gate->left;
}

void discord_gate_landed(struct discord_gate *gate, uint64_t number, uint64_t now)
{
    uint64_t *there;

    if (!number || gate->left - number >= gate->limit)
        return; /* its place is another's */
    there = &gate->there[(number - 1) % gate->limit];
    if (now < *there)
        *there = now;
}

/* xorshift64*: for jitter only */
static uint64_t draw(struct discord_gate *gate)
{
    gate->random ^= gate->random >> 12;
    gate->random ^= gate->random << 25;
    gate->random ^= gate->random >> 27;
    return gate->random * UINT64_C(0x2545f4914f6cdd1d) >> 32;
}

uint64_t discord_gate_backoff(struct discord_gate *gate, unsigned n, uint64_t base, uint64_t max)
{
    uint64_t whole = n < 20 ? base << n : max;

    whole = whole < max ? whole : max;
    return whole / 2 + draw(gate) % (whole / 2 + 1);
}

void discord_gate_unreached(struct discord_gate *gate, uint64_t now)
{
    if (now < gate->pause_until)
        return; /* those in flight together fail together: that is one failure */
    gate->pause_until =
        now + discord_gate_backoff(gate, gate->unreached++, UNREACHED_MS, UNREACHED_MAX);
}

/* ---- stops --------------------------------------------------------------------------------- */

static void stop(struct discord_gate *gate, uint64_t until)
{
    gate->stop_until = later(gate->stop_until, until);
}

/* Forgets the slots of time that are over. */
static void turn_slots(struct discord_gate *gate, uint64_t now)
{
    uint64_t slot = now / SLOT_MS;

    if (slot >= gate->slot + DISCORD_INVALID_SLOTS)
        memset(gate->invalid, 0, sizeof(gate->invalid));
    else
        for (uint64_t i = gate->slot + 1; i <= slot; i++)
            gate->invalid[i % DISCORD_INVALID_SLOTS] = 0;
    gate->slot = slot;
}

static void count_invalid(struct discord_gate *gate, uint64_t now)
{
    uint32_t sum = 0;
    uint64_t oldest;

    turn_slots(gate, now);
    gate->invalid[gate->slot % DISCORD_INVALID_SLOTS]++;
    for (size_t i = 0; i < DISCORD_INVALID_SLOTS; i++)
        sum += gate->invalid[i];
    if (sum < DISCORD_INVALID_MAX)
        return;
    oldest = gate->slot < DISCORD_INVALID_SLOTS ? 0 : gate->slot - DISCORD_INVALID_SLOTS + 1;
    while (gate->invalid[oldest % DISCORD_INVALID_SLOTS] == 0)
        oldest++;
    snprintf(
        gate->why, sizeof(gate->why),
        "%u requests of the last 10 minutes were refused (401, 403, 429); nothing is sent until "
        "that falls, because 10,000 block this address; check the bot's permissions",
        sum);
    stop(gate, (oldest + DISCORD_INVALID_SLOTS) * SLOT_MS);
}

void discord_gate_answer(struct discord_gate *gate, uint64_t now, bool exempt,
                         const struct discord_limits *limits)
{
    uint64_t retry = limits->retry_ms;

    gate->unreached = 0;
    gate->pause_until = 0;
    if (limits->status == 401 && !exempt) {
        snprintf(gate->why, sizeof(gate->why),
                 "Discord refused the bot's token (401); make a new one in the developer portal "
                 "under \"Bot\", set it as the token of [discord], and start again");
        stop(gate, DISCORD_NEVER);
    }
    if (discord_limits_invalid(limits))
        count_invalid(gate, now);
    if (limits->cloudflare) {
        retry = limits->has_retry ? retry : DISCORD_CLOUDFLARE_MS;
        snprintf(
            gate->why, sizeof(gate->why),
            "Cloudflare blocks this address from Discord's API for a while; nothing is sent for "
            "%" PRIu64 " s; look for other bots behind the same address",
            retry / 1000);
        stop(gate, now + retry);
    } else if (limits->status == 429 && limits->scope == DISCORD_SCOPE_GLOBAL) {
        gate->global_until =
            later(gate->global_until, now + (limits->has_retry ? retry : GLOBAL_MS));
    }
}
