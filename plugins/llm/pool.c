/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <stdio.h>
#include <string.h>

#define FIRST_STEP_MS 10
#define MOST_STEP_MS  100

static int is_free(const struct llm_place *place, int64_t now_ms)
{
    return place->turn == 0 || now_ms - place->since > LLM_PLACE_LOST_MS ||
           place->since - now_ms > LLM_PLACE_LOST_MS; /* the clock was set back */
}

static struct llm_place *find(struct llm_place *places, uint32_t count, uint64_t turn)
{
    for (uint32_t i = 0; i < count; i++)
        if (places[i].turn == turn)
            return &places[i];
    return NULL;
}

int llm_pool_wait(struct llm_pool *pool, uint64_t turn, int64_t now_ms)
{
    for (uint32_t i = 0; i < LLM_WAITERS_MAX; i++) {
        if (!is_free(&pool->waiters[i], now_ms))
            continue;
        pool->waiters[i] = (struct llm_place){turn, now_ms};
        return 1;
    }
    return 0;
}

int llm_pool_take(struct llm_pool *pool, uint64_t turn, int64_t now_ms)
{
    struct llm_place *own = find(pool->waiters, LLM_WAITERS_MAX, turn), *place = NULL;
    uint32_t before = 0, places = 0;

    for (uint32_t i = 0; own && i < LLM_WAITERS_MAX; i++) {
        const struct llm_place *other = &pool->waiters[i];

        /* Turns are numbered in the order in which they came. */
        before += other != own && !is_free(other, now_ms) &&
                  (other->since < own->since || (other->since == own->since && other->turn < turn));
    }
    for (uint32_t i = 0; i < pool->size; i++) {
        if (!is_free(&pool->places[i], now_ms))
            continue;
        places++;
        place = &pool->places[i];
    }
    if (!own || before >= places)
        return 0;
    own->turn = 0;
    *place = (struct llm_place){turn, now_ms};
    return 1;
}

void llm_pool_leave(struct llm_pool *pool, uint64_t turn)
{
    struct llm_place *place = find(pool->places, LLM_POOL_MAX, turn);
    struct llm_place *waiter = find(pool->waiters, LLM_WAITERS_MAX, turn);

    if (place)
        place->turn = 0;
    if (waiter)
        waiter->turn = 0;
}

troupe_status llm_pool_join(troupe_turn *turn, struct llm_pool *pool)
{
    static const char yes[] = "{\"place\":true}", no[] = "{\"place\":false}";
    const uint64_t own = troupe_turn_id(turn);
    const int64_t now_ms = troupe_now(turn);
    int64_t waited = 0, step = FIRST_STEP_MS;
    int has = 0;

    if (llm_pool_wait(pool, own, now_ms)) {
        while (!(has = llm_pool_take(pool, own, now_ms + waited)) && waited < LLM_PLACE_WAIT_MS) {
            troupe_status status = troupe_sleep(turn, (uint64_t)step);

            if (status < 0) {
                llm_pool_leave(pool, own);
                return status;
            }
            waited += step;
            step = step * 3 / 2 < MOST_STEP_MS ? step * 3 / 2 : MOST_STEP_MS;
        }
        if (!has)
            llm_pool_leave(pool, own);
    }
    if (waited > 0)
        troupe_reason(turn, "llm.waited", "%lld ms for a place at the local model",
                      (long long)waited);
    return troupe_result(turn, has ? yes : no, has ? sizeof(yes) - 1 : sizeof(no) - 1);
}
