/* SPDX-License-Identifier: Apache-2.0 */
#include "hedge.h"

#include "cost.h"

#include <stdio.h>
#include <string.h>

int64_t llm_hedge_delay(struct llm_router *router, uint32_t candidate, int64_t left_ms)
{
    const struct llm_candidate *model = &router->candidates[candidate];
    int64_t delay = model->settings.hedge_ms;

    router->hedges += model->settings.hedge_share / 100.0;
    if (router->hedges > LLM_HEDGE_AT_ONCE)
        router->hedges = LLM_HEDGE_AT_ONCE;
    if (delay == LLM_HEDGE_P95)
        delay = llm_health_first_p95(&model->health, LLM_HEDGE_SAMPLES);
    if (delay <= 0 || delay + LLM_HEDGE_LEFT_MS > left_ms)
        return -1;
    return delay < LLM_HEDGE_LEAST_MS  ? LLM_HEDGE_LEAST_MS
           : delay > LLM_HEDGE_MOST_MS ? LLM_HEDGE_MOST_MS
                                       : delay;
}

static int is_free(const struct llm_candidate *model, int64_t now_ms)
{
    const struct llm_tariff tariff = llm_tariff_find(&model->settings, now_ms);

    return model->settings.is_local && tariff.price.input == 0 && tariff.price.output == 0;
}

/* A bit for each model of one's own: these have a pool, in which a turn has one place. */
static uint32_t pooled(const struct llm_router *router, int64_t now_ms)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < router->count; i++)
        if (router->pooled && is_free(&router->candidates[i], now_ms))
            bits |= 1u << i;
    return bits;
}

static void refuse(struct llm_choice *choice, const char *why)
{
    memset(choice, 0, sizeof(*choice));
    choice->candidate = -1;
    snprintf(choice->why, sizeof(choice->why), "%s", why);
}

void llm_hedge_choose(struct llm_router *router, const struct llm_ask *ask, int64_t key,
                      int64_t now_ms, struct llm_choice *ret)
{
    const uint32_t pools = pooled(router, now_ms);
    struct llm_ask other = *ask;

    if (router->hedges < 1) {
        refuse(ret, "hedge_share is used up");
        return;
    }
    if (router->retries < 1) {
        refuse(ret, "too many questions were repeated lately");
        return;
    }
    other.tried |= 1u << ask->last | pools;
    other.again = 0;
    other.refilled = -1; /* nobody's last question is spent on it */
    llm_router_choose(router, &other, now_ms, ret);
    if (ret->candidate < 0 &&
        (pools >> ask->last & 1 || !llm_router_other_key(router, ask, key, now_ms, ret))) {
        refuse(ret, "there is nobody else to ask");
        return;
    }
    (void)llm_router_spend(router);
    router->hedges -= 1;
}

void llm_hedge_return(struct llm_router *router)
{
    router->hedges += 1;
    router->retries += 1;
    if (router->hedges > LLM_HEDGE_AT_ONCE)
        router->hedges = LLM_HEDGE_AT_ONCE;
    if (router->retries > LLM_RETRY_RESERVE)
        router->retries = LLM_RETRY_RESERVE;
}
