/* SPDX-License-Identifier: Apache-2.0 */
#include "moderate.h"

#include "exchange.h"
#include "request.h"

#include <string.h>

#define ANSWER_MAX ((size_t)64 * 1024)
#define MS_PER_DAY 86400000

static const char nowhere[] =
    "The provider of the language model has nothing that judges texts; the admin can name another "
    "one's in moderation_model.";

static uint64_t price_of(const struct llm_price *price, size_t bytes)
{
    return llm_price_cost(price, bytes, 0, 0);
}

static uint64_t cost_of(const struct llm_exchange *exchange, const json_t *answer, uint64_t *ret_in,
                        uint64_t *ret_out)
{
    const json_t *input = json_object_get(exchange->body, "input");

    (void)answer; /* no provider counts them */
    *ret_in = llm_estimate_text(json_string_value(input), json_string_length(input));
    *ret_out = 0;
    return exchange->worst;
}

static const struct llm_kind *fits(const struct llm_exchange *exchange, const json_t *answer)
{
    const json_t *first = json_array_get(json_object_get(answer, "results"), 0);

    (void)exchange;
    return json_is_boolean(json_object_get(first, "flagged")) &&
                   json_is_object(json_object_get(first, "categories"))
               ? NULL
               : &llm_kind_garbage;
}

/* {"harassment/threatening": true …} as {"flagged": […], "scores": {…}}: what is null was not looked at. */
static troupe_status give_result(troupe_turn *turn, const struct llm_exchange *exchange,
                                 const json_t *answer)
{
    const json_t *first = json_array_get(json_object_get(answer, "results"), 0);
    const json_t *flags = json_object_get(first, "categories"), *value;
    const json_t *flagged = json_object_get(first, "flagged");
    LLM_CLEANUP_JSON json_t *result = NULL, *categories = json_array(), *scores = json_object();
    LLM_CLEANUP_TEXT char *text = NULL;
    const char *key;

    json_object_foreach ((json_t *)flags, key, value)
        if (json_is_true(value))
            json_array_append_new(categories, json_string(key));
    json_object_foreach (json_object_get(first, "category_scores"), key, value)
        if (json_is_number(value))
            json_object_set(scores, key, (json_t *)value);
    result = json_pack("{s:s, s:b, s:O, s:O, s:I}", "model", exchange->settings->model, "flagged",
                       json_is_true(flagged), "categories", categories, "scores", scores,
                       "cost_micros", (json_int_t)exchange->cost_micros);
    text = result ? json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    return text ? troupe_result(turn, text, strlen(text)) : TROUPE_NOMEM;
}

static int meant(const struct llm_exchange *exchange, const struct llm_settings *settings)
{
    (void)exchange;
    return settings->format == LLM_FORMAT_OPENAI;
}

static int aim(struct llm_exchange *exchange, troupe_turn *turn)
{
    const struct llm_settings *settings = exchange->settings;
    const troupe_str *text = exchange->arg;
    struct llm_price price = {0, 0, 0};

    exchange->path = "/moderations";
    exchange->body =
        json_pack("{s:s, s:s%}", "model", settings->model, "input", text->ptr, (size_t)text->len);
    exchange->worst =
        settings->is_local || llm_price_find(settings->prices, settings->host_name, settings->model,
                                             troupe_now(turn) / MS_PER_DAY, &price) >= 0
            ? price_of(&price, (size_t)text->len)
            : TROUPE_PRICE_UNKNOWN;
    return exchange->body != NULL;
}

troupe_status llm_moderate_run(troupe_turn *turn, struct llm_others *others,
                               struct llm_router *router, troupe_str text)
{
    LLM_CLEANUP_JSON json_t *answer = NULL, *checked = NULL;
    struct llm_exchange exchange = {.models = others->moderation.to,
                                    .count = others->moderation.count,
                                    .kept = &others->moderation,
                                    .router = router,
                                    .kind_name = "moderate",
                                    .whom = "The model that judges texts",
                                    .what = "llm.moderate",
                                    .nowhere = nowhere,
                                    .most = ANSWER_MAX,
                                    .meant = meant,
                                    .aim = aim,
                                    .cost = cost_of,
                                    .fits = fits,
                                    .arg = &text};
    troupe_status status;

    checked = json_stringn(text.ptr, (size_t)text.len);
    if (!checked || text.len == 0)
        return troupe_fail(turn, TROUPE_ARGUMENT, "llm.bad_arguments",
                           "llm.moderate: text must have 1 to 32768 bytes of UTF-8.");
    exchange.tokens = (int64_t)llm_estimate_text(text.ptr, (size_t)text.len);
    if (others->moderation.count)
        exchange.patience_ms = others->moderation.to[0].first_token_ms;
    status = llm_exchange_run(turn, &exchange, &answer);
    llm_exchange_clear(&exchange);
    /* Compatible servers that lack it say so. */
    if (status < 0 && (exchange.http_status == 404 || exchange.http_status == 405) &&
        troupe_turn_status(turn) >= 0)
        return llm_exchange_unsupported(turn, nowhere);
    return status < 0 ? status : give_result(turn, &exchange, answer);
}
