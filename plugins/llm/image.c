/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include "exchange.h"
#include "stream.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX ((size_t)6 * 1024 * 1024)
#define RESULT_MAX ((size_t)1024 * 1024) /* of a function */
#define PACKED     70                    /* quality of the file, which keeps it below that */
#define MS_PER_DAY 86400000

static const char nowhere[] =
    "The provider of the language model paints no pictures; the admin can name a model of OpenAI's "
    "or OpenRouter's in image_model.";

/* What it may cost, and what tokens of it cost where the provider counts them. */
struct price {
    uint64_t image;
    struct llm_price tokens;
    int has_tokens;
};

static int is(troupe_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, (size_t)text.len) == 0;
}

static int is_openrouter(const struct llm_settings *settings)
{
    return strcmp(settings->host_name, "openrouter.ai") == 0;
}

static const char *size_of(troupe_str shape)
{
    return is(shape, "landscape") ? "1536x1024" : is(shape, "portrait") ? "1024x1536" : "1024x1024";
}

static json_t *body_of(const struct llm_settings *settings, troupe_str prompt, troupe_str shape,
                       troupe_str quality)
{
    json_t *body = json_pack("{s:s, s:s%, s:i, s:s}", "model", settings->model, "prompt",
                             prompt.ptr, (size_t)prompt.len, "n", 1, "size", size_of(shape));

    if (!body)
        return NULL;
    if (strncmp(settings->model, "dall-e", 6) == 0) {
        json_object_set_new(body, "response_format", json_string("b64_json"));
        return body;
    }
    json_object_set_new(body, "output_format", json_string("webp"));
    if (!is_openrouter(settings))
        json_object_set_new(body, "output_compression", json_integer(PACKED));
    if (!is(quality, "auto"))
        json_object_set_new(body, "quality", json_stringn(quality.ptr, (size_t)quality.len));
    return body;
}

static uint64_t cost_of(const struct llm_exchange *exchange, const json_t *answer, uint64_t *ret_in,
                        uint64_t *ret_out)
{
    const struct price *price = exchange->arg;
    const json_t *usage = json_object_get(answer, "usage"), *cost = json_object_get(usage, "cost");
    const int counted = llm_stream_count(usage, "input_tokens", ret_in) +
                        llm_stream_count(usage, "output_tokens", ret_out);
    uint64_t micros;

    if (json_is_number(cost) && json_number_value(cost) > 0 && json_number_value(cost) < 1e6) {
        micros = (uint64_t)(json_number_value(cost) * 1e6);
        return micros + ((double)micros < json_number_value(cost) * 1e6);
    }
    if (counted == 2 && price->has_tokens)
        return llm_price_cost(&price->tokens, *ret_in, 0, *ret_out);
    return price->image;
}

/* What the first bytes say, in base64: a provider's word for it may be missing. */
static const char *type_of(const char *base64)
{
    static const struct {
        const char *head, *type;
    } kinds[] = {{"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"UklGR", "image/webp"}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strncmp(base64, kinds[i].head, strlen(kinds[i].head)) == 0)
            return kinds[i].type;
    return NULL;
}

static troupe_status give_result(troupe_turn *turn, const struct llm_exchange *exchange,
                                 const json_t *answer)
{
    const json_t *first = json_array_get(json_object_get(answer, "data"), 0);
    const json_t *data = json_object_get(first, "b64_json");
    const char *type = json_is_string(data) ? type_of(json_string_value(data)) : NULL;
    LLM_CLEANUP_JSON json_t *result = NULL;
    LLM_CLEANUP_TEXT char *text = NULL;

    if (!type)
        return troupe_fail(turn, TROUPE_DATA, "llm.bad_answer",
                           "The model for pictures gave something that is none.");
    if (json_string_length(data) > RESULT_MAX - 4096)
        return troupe_fail(
            turn, TROUPE_LIMIT, "llm.too_long",
            "The picture is larger than 750 kB, which is more than can be passed on.");
    result = json_pack("{s:s, s:s, s:O, s:I}", "model", exchange->settings->model, "type", type,
                       "data", data, "cost_micros", (json_int_t)exchange->cost_micros);
    text = result ? json_dumps(result, JSON_COMPACT) : NULL;
    return text ? troupe_result(turn, text, strlen(text)) : TROUPE_NOMEM;
}

static uint64_t find_price(troupe_turn *turn, const struct llm_others *others, struct price *ret)
{
    const struct llm_settings *settings = &others->image;
    const int64_t today = troupe_now(turn) / MS_PER_DAY;

    memset(ret, 0, sizeof(*ret));
    if (others->has_image_price)
        return ret->image = others->image_price;
    if (settings->is_local)
        return 0;
    if (llm_price_image(settings->prices, settings->host_name, settings->model, today,
                        &ret->image) < 0)
        return TROUPE_PRICE_UNKNOWN;
    ret->has_tokens = llm_price_find(settings->prices, settings->host_name, settings->model, today,
                                     &ret->tokens) >= 0 &&
                      ret->tokens.output > 0;
    return ret->image;
}

troupe_status llm_image_run(troupe_turn *turn, const struct llm_others *others, troupe_str prompt,
                            troupe_str shape, troupe_str quality)
{
    const struct llm_settings *settings = &others->image;
    LLM_CLEANUP_JSON json_t *body = NULL, *answer = NULL;
    struct price price;
    struct llm_exchange exchange = {.settings = settings,
                                    .what = "llm.image",
                                    .path =
                                        is_openrouter(settings) ? "/images" : "/images/generations",
                                    .most = ANSWER_MAX,
                                    .cost = cost_of,
                                    .arg = &price};
    troupe_status status;

    if (!llm_configured(settings))
        return troupe_fail(turn, TROUPE_UNAVAILABLE, "llm.not_configured",
                           "No model for pictures is set up. The admin can set image_model in "
                           "[agent %s].",
                           troupe_agent(troupe_turn_host(turn)));
    if (settings->format != LLM_FORMAT_OPENAI)
        return llm_exchange_unsupported(turn, nowhere);
    body = body_of(settings, prompt, shape, quality);
    if (!body || prompt.len == 0)
        return troupe_fail(turn, TROUPE_ARGUMENT, "llm.bad_arguments",
                           "llm.image: prompt must have 1 to 4000 bytes of UTF-8.");
    exchange.body = body;
    exchange.worst = find_price(turn, others, &price);
    status = llm_exchange_run(turn, &exchange, &answer);
    return status < 0 ? status : give_result(turn, &exchange, answer);
}
