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

/* Vectors are made of a word: there is nothing less. */
static json_t *embed_body_of(const struct llm_settings *settings)
{
    json_t *body = json_pack("{s:s, s:[s]}", "model", settings->model, "input", "hi");

    if (body && settings->format == LLM_FORMAT_OLLAMA && settings->keep_alive[0])
        json_object_set_new(body, "keep_alive", json_string(settings->keep_alive));
    return body;
}

static int aim(struct llm_exchange *exchange, troupe_turn *turn)
{
    const struct llm_settings *settings = exchange->settings;
    const int *for_vectors = exchange->arg;

    (void)turn;
    if (*for_vectors && settings->format == LLM_FORMAT_ANTHROPIC)
        return 0;
    exchange->path = !*for_vectors                           ? llm_provider_of(settings)->chat
                     : settings->format == LLM_FORMAT_OLLAMA ? "/embed"
                                                             : "/embeddings";
    exchange->body = *for_vectors ? embed_body_of(settings) : body_of(settings);
    exchange->worst = 0;
    return exchange->body != NULL;
}

struct count {
    unsigned warm, cold;
};

/* Negative where the turn has ended. What has a price is left alone: nobody asked for anything. */
static troupe_status warm_one(troupe_turn *turn, const struct llm_settings *settings, int has_price,
                              int for_vectors, struct count *count)
{
    LLM_CLEANUP_JSON json_t *answer = NULL;
    struct llm_exchange exchange = {.models = settings,
                                    .count = 1,
                                    .what = "llm.warm",
                                    .nowhere = "The model cannot be loaded.",
                                    .most = ANSWER_MAX,
                                    .aim = aim,
                                    .cost = nothing,
                                    .arg = &for_vectors};
    troupe_status status;

    if (!settings->is_local || has_price)
        return TROUPE_OK;
    status = llm_exchange_run(turn, &exchange, &answer);
    llm_exchange_clear(&exchange);
    if (status >= 0)
        count->warm++;
    else
        count->cold++;
    return troupe_turn_status(turn);
}

static troupe_status warm_all(troupe_turn *turn, const struct llm_router *router,
                              const struct llm_others *others, struct count *count)
{
    troupe_status status = TROUPE_OK;

    for (uint32_t i = 0; i < router->count && status >= 0; i++) {
        const struct llm_settings *settings = &router->candidates[i].settings;

        status = warm_one(turn, settings, settings->has_price, 0, count);
    }
    for (uint32_t i = 0; i < others->embed.count && status >= 0; i++)
        status = warm_one(turn, &others->embed.to[i], i == 0 && others->has_embed_price, 1, count);
    return status;
}

troupe_status llm_warm_run(troupe_turn *turn, const struct llm_router *router,
                           const struct llm_others *others)
{
    struct count count = {0, 0};
    char result[64];
    troupe_status status = warm_all(turn, router, others, &count);

    if (status < 0)
        return status;
    if (count.cold > 0 && count.warm == 0)
        return troupe_fail(turn, TROUPE_UNAVAILABLE, "llm.unreachable",
                           "None of the local models could be loaded; the log has why.");
    snprintf(result, sizeof(result), "{\"warm\":%u,\"cold\":%u}", count.warm, count.cold);
    return troupe_result(turn, result, strlen(result));
}
