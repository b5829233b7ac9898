/* SPDX-License-Identifier: Apache-2.0 */
#include "cost.h"

#include <ctype.h>
#include <string.h>

#define MS_PER_DAY 86400000

/* What chat templates put around each message and before the first, well above any known one. */
#define WORST_PER_MESSAGE 16
#define WORST_PER_REQUEST 256
#define WORST_PER_PICTURE 32 /* beside its own tokens */

struct llm_tariff llm_tariff_find(const struct llm_settings *settings, int64_t now_ms)
{
    struct llm_tariff tariff = {0};

    tariff.known = 1;
    if (settings->has_price)
        tariff.price = settings->price;
    else if (!settings->is_local &&
             llm_price_find(settings->prices, settings->host_name, settings->model,
                            now_ms / MS_PER_DAY, &tariff.price) < 0)
        tariff.known = 0;
    return tariff;
}

uint64_t llm_cost_worst(const struct llm_tariff *tariff, const struct llm_request *request)
{
    struct llm_price worst = tariff->price;
    uint64_t input = request->input_bytes + WORST_PER_REQUEST +
                     WORST_PER_MESSAGE * (uint64_t)json_array_size(request->messages);

    if (!tariff->known || request->max_tokens <= 0)
        return TROUPE_PRICE_UNKNOWN;
    if (request->pictures && worst.input > 0) {
        const uint64_t tokens = llm_pictures_tokens(request);

        if (tokens == UINT64_MAX || __builtin_add_overflow(input, tokens, &input))
            return TROUPE_PRICE_UNKNOWN;
        input += WORST_PER_PICTURE * (uint64_t)request->pictures->count;
    }
    /* A first reading may be billed above the plain input where it fills the provider's cache. */
    worst.input += worst.input / 4;
    if (worst.cached > worst.input)
        worst.input = worst.cached;
    return llm_price_cost(&worst, input, 0, (uint64_t)request->max_tokens);
}

int llm_usage_reported(const struct llm_usage *usage)
{
    return usage->known && (usage->input > 0 || usage->output > 0);
}

int llm_usage_complete(struct llm_usage *usage, const struct llm_request *request,
                       const struct llm_stream *stream)
{
    if (llm_usage_reported(usage))
        return 0;
    usage->input = llm_estimate_request(request);
    usage->output = llm_estimate_text(stream->text, stream->len) + stream->hidden / 2 +
                    stream->argument_bytes / 2;
    usage->cached = usage->written = usage->reasoning = 0;
    return 1;
}

uint64_t llm_cost_actual(const struct llm_tariff *tariff, const struct llm_usage *usage)
{
    if (usage->has_cost)
        return usage->cost_micros;
    /* What fills the provider's cache costs a quarter more than plain input. */
    return llm_price_cost(&tariff->price, usage->input + (usage->written + 3) / 4, usage->cached,
                          usage->output);
}

static int has_head(troupe_str text, const char *head)
{
    return text.len >= strlen(head) && memcmp(text.ptr, head, strlen(head)) == 0;
}

troupe_status llm_refused_by_host(troupe_turn *turn)
{
    troupe_str code, sentence;
    char name[64];

    troupe_error(turn, &code, &sentence);
    if (!has_head(code, "budget.") || sentence.len == 0)
        return troupe_fail(turn, TROUPE_BUDGET, "budget.cap",
                           "The budget for the language model is used up for now.");
    snprintf(name, sizeof(name), "%.*s", (int)code.len, code.ptr);
    /* The host writes it as it writes errors; members read a sentence. */
    return troupe_fail(turn, TROUPE_BUDGET, name, "%c%.*s%s", toupper((unsigned char)*sentence.ptr),
                       (int)sentence.len - 1, sentence.ptr + 1,
                       strchr(".!?", sentence.ptr[sentence.len - 1]) ? "" : ".");
}

/* The host says which cap it was; only we know the keys that name a price. */
troupe_status llm_refused(troupe_turn *turn, const struct llm_tariff *tariff,
                          const struct llm_request *request)
{
    const struct llm_settings *settings = request->settings;

    if (!tariff->known)
        return troupe_fail(turn, TROUPE_BUDGET, "budget.price_unknown",
                           "The price of the model \"%s\" is not known, so it is not asked. The "
                           "admin can name it in prices of [agent %s], or add it to the price "
                           "table.",
                           settings->model, troupe_agent(settings->host));
    if (request->max_tokens <= 0)
        return troupe_fail(turn, TROUPE_BUDGET, "budget.price_unknown",
                           "Nothing bounds the answer of the model \"%s\", so it is not asked. The "
                           "admin can set max_tokens in [agent %s].",
                           settings->model, troupe_agent(settings->host));
    if (request->pictures && tariff->price.input > 0 && settings->sight.rule == LLM_SIGHT_UNKNOWN)
        return troupe_fail(turn, TROUPE_BUDGET, "budget.price_unknown",
                           "What the model \"%s\" takes for a picture is not known, so it is shown "
                           "none. The admin can set picture_tokens in [agent %s].",
                           settings->model, troupe_agent(settings->host));
    return llm_refused_by_host(turn);
}

troupe_status llm_reserve_next(troupe_turn *turn, uint64_t worst, const char *what, uint64_t *ret)
{
    const troupe_budget_v1 *budget = troupe_budget(turn);

    if (worst != TROUPE_PRICE_UNKNOWN &&
        budget->size > offsetof(troupe_budget_v1, reserve_at_open) && budget->reserve_at_open)
        return budget->reserve_at_open(turn, worst, what, ret);
    return budget->reserve(turn, worst, what, ret);
}

troupe_status llm_reserve(troupe_turn *turn, const struct llm_tariff *tariff,
                          const struct llm_request *request, struct llm_reservation *ret)
{
    const troupe_budget_v1 *budget = troupe_budget(turn);
    char what[LLM_MODEL_MAX + 16];
    troupe_status status;

    if (!budget)
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "budget.missing",
                           "This host keeps no budget, so no language model is asked.");
    memset(ret, 0, sizeof(*ret));
    ret->worst = llm_cost_worst(tariff, request);
    snprintf(what, sizeof(what), "llm.chat %s", request->settings->model);
    status = llm_reserve_next(turn, ret->worst, what, &ret->id);
    if (status == TROUPE_BUDGET)
        return llm_refused(turn, tariff, request);
    ret->open = status >= 0;
    return status;
}

troupe_status llm_settle(troupe_turn *turn, struct llm_reservation *reservation, uint64_t micros)
{
    if (!reservation->open)
        return TROUPE_OK;
    reservation->open = 0;
    return troupe_budget(turn)->settle(turn, reservation->id, micros);
}

void llm_used(troupe_turn *turn, const struct llm_reservation *reservation,
              const struct llm_usage *usage)
{
    const troupe_budget_v1 *budget = troupe_budget(turn);

    if (budget && budget->size > offsetof(troupe_budget_v1, used) && budget->used)
        budget->used(turn, reservation->id, usage->input, usage->output);
}

troupe_status llm_give_back(troupe_turn *turn, struct llm_reservation *reservation,
                            troupe_status transport)
{
    troupe_status status;

    if (!reservation->open)
        return TROUPE_OK;
    status = troupe_budget(turn)->release(turn, reservation->id);
    if (status != TROUPE_ARGUMENT) {
        reservation->open = 0;
        return status;
    }
    /* Dispatched. No connection means that no provider heard of it; after a deadline or a break
     * nobody knows. */
    if (transport == TROUPE_DEADLINE || transport == TROUPE_IO || transport == TROUPE_CANCELED ||
        transport == TROUPE_MAYBE_DONE || transport == TROUPE_INTERRUPTED ||
        transport == TROUPE_DATA || transport == TROUPE_LIMIT)
        return TROUPE_OK;
    return llm_settle(turn, reservation, 0);
}
