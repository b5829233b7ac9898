/* SPDX-License-Identifier: Apache-2.0 */
#include "health.h"

#include <stdlib.h>
#include <string.h>

#define SMOOTHING 0.2      /* weight of the newest measurement                      */
#define FORGET_MS 600000.0 /* after which half of the failures are forgotten        */

static const char must_wait[] = "must wait", at_limit[] = "at its limit";

void llm_health_init(struct llm_health *health)
{
    memset(health, 0, sizeof(*health));
    health->first_ms = health->total_ms = health->success = -1;
}

/* ---- breakers ----------------------------------------------------------------------------------*/

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long it is open after so many openings. */
static int64_t breaker_time(uint32_t openings)
{
    int64_t ms = LLM_BREAKER_FIRST_MS;

    for (uint32_t i = 1; i < openings && ms < LLM_BREAKER_MOST_MS; i++)
        ms *= 2;
    return smaller(ms, LLM_BREAKER_MOST_MS);
}

/* A clock that was set back makes nobody wait longer than once more. */
static void breaker_look(struct llm_breaker *breaker, int64_t now_ms)
{
    breaker->probe_since = smaller(breaker->probe_since, now_ms);
    if (!breaker->tripped) {
        breaker->open_until =
            smaller(breaker->open_until, now_ms + breaker_time(breaker->openings));
        return;
    }
    breaker->openings++;
    breaker->open_until = now_ms + breaker_time(breaker->openings);
    breaker->tripped = 0;
    breaker->probe_since = 0;
}

/* Open, or half open while somebody is trying. */
static int breaker_stops(const struct llm_breaker *breaker, int64_t now_ms)
{
    if (breaker->open_until == 0)
        return 0;
    return breaker->open_until > now_ms ||
           (breaker->probe_since != 0 && now_ms - breaker->probe_since < LLM_PROBE_MS);
}

static void breaker_enter(struct llm_breaker *breaker, int64_t now_ms)
{
    if (breaker->open_until != 0)
        breaker->probe_since = now_ms;
}

static void breaker_note(struct llm_breaker *breaker, int failed, int at_once)
{
    if (!failed) {
        memset(breaker, 0, sizeof(*breaker));
        return;
    }
    breaker->failures++;
    if (at_once || breaker->open_until != 0 || breaker->failures >= LLM_BREAKER_FAILURES)
        breaker->tripped = 1;
}

/* ---- what came of it ---------------------------------------------------------------------------*/

static double average(double before, double value)
{
    return before < 0 ? value : before + SMOOTHING * (value - before);
}

static void remember(struct llm_health *health, int64_t first_ms)
{
    health->firsts[health->first_count % LLM_FIRSTS] = first_ms < 0            ? 0
                                                       : first_ms > UINT32_MAX ? UINT32_MAX
                                                                               : (uint32_t)first_ms;
    if (++health->first_count == 2 * LLM_FIRSTS)
        health->first_count = LLM_FIRSTS; /* the same place, and still full */
}

void llm_health_slow(struct llm_health *health, int64_t ms)
{
    if ((double)ms > health->first_ms)
        health->first_ms = average(health->first_ms, (double)ms);
    remember(health, ms);
}

static int by_size(const void *a, const void *b)
{
    const uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

    return (one > other) - (one < other);
}

int64_t llm_health_first_p95(const struct llm_health *health, uint32_t least)
{
    const uint32_t count = health->first_count < LLM_FIRSTS ? health->first_count : LLM_FIRSTS;
    uint32_t sorted[LLM_FIRSTS];

    if (count == 0 || count < least)
        return -1;
    memcpy(sorted, health->firsts, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_size);
    return sorted[(count * 95 + 99) / 100 - 1];
}

static int is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static int refuses_key(const struct llm_kind *kind)
{
    return kind->category == LLM_ACCOUNT ||
           (kind->category == LLM_CONFIG && is(kind->code, "llm.account"));
}

int llm_kind_blames_key(const struct llm_kind *kind)
{
    return kind->category == LLM_RATE || refuses_key(kind);
}

void llm_health_note(struct llm_health *health, struct llm_link *link, uint32_t key,
                     const struct llm_kind *kind, int64_t retry_after_ms, int64_t first_ms,
                     int64_t total_ms)
{
    if (!kind) {
        health->first_ms = average(health->first_ms, (double)first_ms);
        remember(health, first_ms);
        health->total_ms = average(health->total_ms, (double)total_ms);
        health->success = average(health->success, 1);
        if (health->breaker.open_until != 0)
            health->known = 0; /* what was before its probe says nothing now */
        health->known += health->known < LLM_KNOWN_LEAST;
        breaker_note(&health->breaker, 0, 0);
        breaker_note(&link->breaker, 0, 0);
        return;
    }
    /* Cut by a restart of the host, or kept back by its own bounds: nothing of the model's. */
    if (kind == &llm_kind_interrupted || kind == &llm_kind_no_context ||
        is(kind->name, "own_limit"))
        return;
    /* What was asked is no fault of the model's, which is there and says so. */
    if (kind->category == LLM_CONTENT || kind->category == LLM_REQUEST) {
        breaker_note(&health->breaker, 0, 0);
        breaker_note(&link->breaker, 0, 0);
        return;
    }
    health->last = kind;
    if (kind->category == LLM_RATE) {
        health->cooling[key].begins = 1;
        health->cooling[key].ms =
            retry_after_ms <= 0 ? LLM_COOL_MS : smaller(retry_after_ms, LLM_COOL_MOST_MS);
        return;
    }
    if (refuses_key(kind)) {
        link->cooling[key].begins = 1;
        link->cooling[key].ms = link->keys > 1 ? LLM_KEY_COOL_MS : LLM_ONLY_KEY_COOL_MS;
        return;
    }
    health->success = average(health->success, 0);
    health->known += health->known < LLM_KNOWN_LEAST;
    health->measured_ms = 0;
    breaker_note(&health->breaker, 1, llm_kind_needs_admin(kind));
    if (is(kind->code, "llm.unreachable"))
        breaker_note(&link->breaker, 1, 0);
}

/* ---- what to do with it ------------------------------------------------------------------------*/

static void cool(struct llm_cooling *cooling, int64_t now_ms)
{
    for (int i = 0; i < LLM_KEYS_MAX; i++, cooling++) {
        if (cooling->begins)
            cooling->until = now_ms + cooling->ms;
        cooling->begins = 0;
        cooling->until = smaller(cooling->until, now_ms + cooling->ms); /* the clock was set back */
    }
}

void llm_link_look(struct llm_link *link, int64_t now_ms)
{
    breaker_look(&link->breaker, now_ms);
    cool(link->cooling, now_ms);
    for (int i = 0; i < LLM_KEYS_MAX; i++)
        llm_window_look(&link->windows[i], now_ms);
}

void llm_health_look(struct llm_health *health, int64_t now_ms)
{
    breaker_look(&health->breaker, now_ms);
    cool(health->cooling, now_ms);
    if (health->measured_ms == 0 || health->measured_ms > now_ms)
        health->measured_ms = now_ms;
}

static int key_count(const struct llm_link *link)
{
    return link->keys ? link->keys : 1;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Until a key's limits let the question through. */
static int64_t limit_wait(const struct llm_health *health, const struct llm_link *link,
                          const struct llm_need *need, int key, int64_t now_ms)
{
    return larger(llm_window_wait(&link->windows[key], need, now_ms),
                  llm_allowance_wait(&health->allowances[key], need, now_ms));
}

const char *llm_health_key_obstacle(const struct llm_health *health, const struct llm_link *link,
                                    const struct llm_need *need, int key, int64_t now_ms)
{
    if (link->cooling[key].until > now_ms || health->cooling[key].until > now_ms)
        return must_wait;
    return limit_wait(health, link, need, key, now_ms) > 0 ? at_limit : NULL;
}

int llm_health_key(const struct llm_health *health, const struct llm_link *link,
                   const struct llm_need *need, int except, int64_t now_ms)
{
    for (int i = 0; i < key_count(link); i++)
        if (i != except && !llm_health_key_obstacle(health, link, need, i, now_ms))
            return i;
    return -1;
}

const char *llm_health_obstacle(const struct llm_health *health, const struct llm_link *link,
                                const struct llm_need *need, int64_t now_ms)
{
    const char *found = must_wait;

    if (breaker_stops(&link->breaker, now_ms))
        return "provider is down";
    if (breaker_stops(&health->breaker, now_ms))
        return "is down";
    for (int i = 0; i < key_count(link); i++) {
        const char *one = llm_health_key_obstacle(health, link, need, i, now_ms);

        if (!one)
            return NULL;
        if (one == at_limit)
            found = one;
    }
    return found;
}

int llm_health_waits(const char *obstacle)
{
    return obstacle == must_wait;
}

int llm_health_limited(const char *obstacle)
{
    return obstacle == at_limit;
}

/* What is left of a breaker's time, or of that of whoever is trying. */
static int64_t breaker_wait(const struct llm_breaker *breaker, int64_t now_ms)
{
    if (!breaker_stops(breaker, now_ms))
        return 0;
    return breaker->open_until > now_ms ? breaker->open_until - now_ms
                                        : breaker->probe_since + LLM_PROBE_MS - now_ms;
}

int64_t llm_health_wait(const struct llm_health *health, const struct llm_link *link,
                        const struct llm_need *need, int64_t now_ms, int *ret_limit)
{
    const int64_t down =
        larger(breaker_wait(&health->breaker, now_ms), breaker_wait(&link->breaker, now_ms));
    int64_t least = INT64_MAX;

    *ret_limit = 0;
    for (int i = 0; i < key_count(link); i++) {
        const int64_t refused = link->cooling[i].until - now_ms,
                      told = larger(health->cooling[i].until - now_ms,
                                    limit_wait(health, link, need, i, now_ms)),
                      wait = larger(refused, told);

        if (wait >= least)
            continue;
        least = wait;
        *ret_limit = down == 0 && wait > 0 && refused <= 0;
    }
    return larger(down, larger(least, 0));
}

double llm_health_failed(const struct llm_health *health, int64_t now_ms)
{
    double failed = health->success < 0 ? 0 : 1 - health->success;

    for (double age = (double)(now_ms - health->measured_ms); age > FORGET_MS && failed > 0.01;
         age -= FORGET_MS)
        failed /= 2;
    return failed;
}

int llm_health_fails_often(const struct llm_health *health, int64_t now_ms)
{
    return health->breaker.open_until == 0 && health->known >= LLM_KNOWN_LEAST &&
           llm_health_failed(health, now_ms) > 0.5;
}

void llm_health_take(struct llm_health *health, struct llm_link *link, int64_t key,
                     const struct llm_need *need, int64_t now_ms)
{
    llm_window_take(&link->windows[key], need, now_ms);
    llm_allowance_take(&health->allowances[key], need, now_ms);
}

void llm_health_settle(struct llm_health *health, struct llm_link *link, uint32_t key,
                       struct llm_taken *taken, enum llm_spent spent, uint64_t tokens)
{
    if (taken->at_ms != 0 && spent == LLM_SPENT_NOTHING)
        llm_allowance_give_back(&health->allowances[key], &taken->need, taken->at_ms);
    llm_limits_settle(&link->windows[key], taken, spent, tokens);
}

void llm_health_enter(struct llm_health *health, struct llm_link *link, int64_t now_ms)
{
    breaker_enter(&health->breaker, now_ms);
    breaker_enter(&link->breaker, now_ms);
}
