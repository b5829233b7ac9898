/* SPDX-License-Identifier: Apache-2.0 */
#include "warm.h"

#include "exchange.h"
#include "provider.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX ((size_t)256 * 1024)

static uint64_t nothing(const struct llm_exchange *exchange, const json_t *answer, uint64_t *ret_in,
                        uint64_t *ret_out)
{
    (void)exchange;
    (void)answer;
    *ret_in = *ret_out = 0;
    return 0;
}

/* Ollama loads a model for a talk without a message; others need one, and a token. */
static json_t *body_of(const struct llm_settings *settings)
{
    json_t *body;

    if (settings->format != LLM_FORMAT_OLLAMA)
        return json_pack("{s:s, s:[{s:s, s:s}], s:i, s:b}", "model", settings->model, "messages",
                         "role", "user", "content", "hi", "max_tokens", 1, "stream", 0);
    body = json_pack("{s:s, s:[], s:b, s:{s:I}}", "model", settings->model, "messages", "stream", 0,
                     "options", "num_ctx", (json_int_t)settings->context_tokens);
    if (body && settings->keep_alive[0])
        json_object_set_new(body, "keep_alive", json_string(settings->keep_alive));
    return body;
}

static int aim(struct llm_exchange *exchange, troupe_turn *turn)
{
    (void)turn;
    exchange->path = llm_provider_of(exchange->settings)->chat;
    exchange->body = body_of(exchange->settings);
    exchange->worst = 0;
    return exchange->body != NULL;
}

static troupe_status warm_one(troupe_turn *turn, const struct llm_settings *settings)
{
    LLM_CLEANUP_JSON json_t *answer = NULL;
    struct llm_exchange exchange = {.models = settings,
                                    .count = 1,
                                    .what = "llm.warm",
                                    .nowhere = "The model cannot be loaded.",
                                    .most = ANSWER_MAX,
                                    .aim = aim,
                                    .cost = nothing};
    troupe_status status = llm_exchange_run(turn, &exchange, &answer);

    llm_exchange_clear(&exchange);
    return status;
}

troupe_status llm_warm_run(troupe_turn *turn, const struct llm_router *router)
{
    unsigned warm = 0, cold = 0;
    char result[64];

    for (uint32_t i = 0; i < router->count; i++) {
        const struct llm_settings *settings = &router->candidates[i].settings;

        if (!settings->is_local || settings->has_price)
            continue;
        if (warm_one(turn, settings) >= 0)
            warm++;
        else
            cold++;
        if (troupe_turn_status(turn) < 0)
            return troupe_turn_status(turn);
    }
    if (cold > 0 && warm == 0)
        return troupe_fail(turn, TROUPE_UNAVAILABLE, "llm.unreachable",
                           "None of the local models could be loaded; the log has why.");
    snprintf(result, sizeof(result), "{\"warm\":%u,\"cold\":%u}", warm, cold);
    return troupe_result(turn, result, strlen(result));
}
