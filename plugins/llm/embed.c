/* SPDX-License-Identifier: Apache-2.0 */
#include "embed.h"

#include "exchange.h"
#include "request.h"
#include "stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)8 * 1024 * 1024)
#define RESULT_MAX ((size_t)1024 * 1024)
#define MS_PER_DAY 86400000
/* What a value takes as a number at least, as models give them: eight digits, few of them zeros. */
#define FLOAT_LEAST 9

static const char nowhere[] = "No model that is set up makes vectors of texts, as Anthropic has "
                              "none; name another provider's in "
                              "embed_model.";

/* All of one call. */
struct embedding {
    struct llm_others *others;
    const json_t *texts;
    int64_t dimensions; /* asked for; 0: the model's own */
    int as_base64;
    uint64_t price;            /* micro-USD for a million tokens of the model that is asked */
    troupe_str only;           /* the one model that may be asked; empty: any                 */
    size_t from, count, bytes; /* texts of the batch                                 */
    const struct llm_settings *settings; /* of the model that made the vectors       */
    size_t values;                       /* of each vector; 0: none yet */
    json_t *vectors;
    uint64_t input, cost_micros;
    int estimated;
};

/* ---- what is asked ----------------------------------------------------------------------------*/

static const char *check_texts(const json_t *texts)
{
    const json_t *text;
    size_t i;

    if (!json_is_array(texts) || json_array_size(texts) == 0 ||
        json_array_size(texts) > LLM_EMBED_TEXTS_MAX)
        return "texts must be an array of 1 to 64 texts";
    json_array_foreach ((json_t *)texts, i, text)
        if (!json_is_string(text) || json_string_length(text) == 0 ||
            json_string_length(text) > LLM_EMBED_TEXT_MAX)
            return "each text must have 1 to 32768 bytes";
    return NULL;
}

/* How many texts from `from` on fit into one request. */
static size_t batch_size(const json_t *texts, size_t from, size_t *ret_bytes)
{
    size_t n = 0;

    *ret_bytes = 0;
    for (; from + n < json_array_size(texts); n++) {
        const size_t bytes = json_string_length(json_array_get(texts, from + n));

        if (n > 0 && *ret_bytes + bytes > LLM_EMBED_BATCH_MAX)
            break;
        *ret_bytes += bytes;
    }
    return n;
}

static json_t *body_of(const struct embedding *embedding, const struct llm_exchange *exchange)
{
    const struct llm_settings *settings = exchange->settings;
    const struct llm_vector *vector = &embedding->others->embed.vectors[exchange->at];
    const int told = exchange->told >= 0
                         ? exchange->told
                         : llm_vector_is_told(vector, (uint32_t)embedding->dimensions);
    json_t *input = json_array();
    json_t *body = json_pack("{s:s, s:o}", "model", settings->model, "input", input);

    for (size_t i = 0; i < embedding->count; i++)
        json_array_append(input, json_array_get(embedding->texts, embedding->from + i));
    if (told)
        json_object_set_new(body, "dimensions", json_integer(embedding->dimensions));
    return body; /* floats are what all give where nothing is said, and names for it differ */
}

/* ---- what came --------------------------------------------------------------------------------*/

static uint64_t tokens_of(const json_t *answer)
{
    uint64_t count = 0;

    if (!llm_stream_count(json_object_get(answer, "usage"), "prompt_tokens", &count))
        llm_stream_count(answer, "prompt_eval_count", &count);
    return count;
}

static uint64_t price_of(uint64_t tokens, uint64_t per_million)
{
    const struct llm_price price = {per_million, per_million, 0};

    return llm_price_cost(&price, tokens, 0, 0);
}

static uint64_t cost_of(const struct llm_exchange *exchange, const json_t *answer, uint64_t *ret_in,
                        uint64_t *ret_out)
{
    const struct embedding *embedding = exchange->arg;
    const json_t *texts = json_object_get(exchange->body, "input"), *text;
    uint64_t tokens = tokens_of(answer);
    size_t i;

    *ret_out = 0;
    if (tokens == 0)
        json_array_foreach ((json_t *)texts, i, text)
            tokens += llm_estimate_text(json_string_value(text), json_string_length(text));
    *ret_in = tokens;
    return price_of(tokens, embedding->price);
}

/* The vector of the text at `at`: OpenAI's have an index, Ollama's their order. */
static const json_t *vector_at(const json_t *answer, size_t at)
{
    const json_t *data = json_object_get(answer, "data"), *item;
    size_t i;

    if (!data)
        return json_array_get(json_object_get(answer, "embeddings"), at);
    json_array_foreach ((json_t *)data, i, item) {
        const json_t *index = json_object_get(item, "index");

        if (json_is_integer(index) ? json_integer_value(index) == (json_int_t)at : i == at)
            return json_object_get(item, "embedding");
    }
    return NULL;
}

/* The bytes of a vector, little-endian, in base64. */
static json_t *pack(const json_t *vector)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t len = json_array_size(vector) * 4;
    uint8_t *bytes = malloc(len + 2);
    char *text = malloc((len + 2) / 3 * 4 + 1);
    json_t *ret = NULL;
    size_t n = 0;

    if (bytes && text) {
        for (size_t i = 0; i < len; i += 4) {
            const float value = (float)json_number_value(json_array_get(vector, i / 4));
            uint32_t bits;

            memcpy(&bits, &value, sizeof(bits));
            for (size_t b = 0; b < 4; b++)
                bytes[i + b] = (uint8_t)(bits >> 8 * b);
        }
        bytes[len] = bytes[len + 1] = 0;
        for (size_t i = 0; i < len; i += 3) {
            const uint32_t three =
                (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];

            for (int shift = 18; shift >= 0; shift -= 6)
                text[n++] = digits[three >> shift & 63];
        }
        for (size_t i = len % 3; i > 0 && i < 3; i++)
            text[n - 3 + i] = '=';
        ret = json_stringn(text, n);
    }
    free(bytes);
    free(text);
    return ret;
}

/* Whether there are as many vectors as texts, all alike, every value a number, and as many values as were asked
 * for. How many it made is known from then on. */
static const struct llm_kind *fits(const struct llm_exchange *exchange, const json_t *answer)
{
    struct embedding *embedding = exchange->arg;
    const uint32_t asked = (uint32_t)embedding->dimensions;
    size_t values = embedding->values;

    for (size_t at = 0; at < embedding->count; at++) {
        const json_t *vector = vector_at(answer, at), *value;
        size_t i;

        if (values == 0)
            values = json_array_size(vector);
        if (values == 0 || json_array_size(vector) != values)
            return &llm_kind_garbage;
        json_array_foreach ((json_t *)vector, i, value)
            if (!json_is_number(value) || !isfinite(json_number_value(value)))
                return &llm_kind_garbage;
    }
    llm_vector_learn(&embedding->others->embed.vectors[exchange->at], asked, (uint32_t)values);
    return values > LLM_VALUES_MAX || (asked > 0 && values != asked) ? &llm_kind_misfit : NULL;
}

/* Adds a batch's vectors. */
static troupe_status take_batch(struct embedding *embedding, const json_t *answer, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        const json_t *vector = vector_at(answer, at);

        embedding->values = json_array_size(vector);
        if (json_array_append_new(embedding->vectors, embedding->as_base64
                                                          ? pack(vector)
                                                          : json_incref((json_t *)vector)) < 0)
            return TROUPE_NOMEM;
    }
    return TROUPE_OK;
}

/* ---- the service ------------------------------------------------------------------------------*/

static int find_price(troupe_turn *turn, const struct llm_exchange *exchange,
                      struct embedding *embedding)
{
    const struct llm_settings *settings = exchange->settings;
    struct llm_price price = {0, 0, 0};
    int known = 1;

    if (embedding->others->has_embed_price && exchange->at == 0) {
        price.input = embedding->others->embed_price;
    } else if (!settings->is_local) {
        known = llm_price_find(settings->prices, settings->host_name, settings->model,
                               troupe_now(turn) / MS_PER_DAY, &price) >= 0;
    }
    embedding->price = price.input;
    return known;
}

static int meant(const struct llm_exchange *exchange, const struct llm_settings *settings)
{
    const struct embedding *embedding = exchange->arg;

    return settings->format != LLM_FORMAT_ANTHROPIC &&
           (embedding->only.len == 0 ||
            (embedding->only.len == strlen(settings->model) &&
             memcmp(embedding->only.ptr, settings->model, (size_t)embedding->only.len) == 0));
}

static int aim(struct llm_exchange *exchange, troupe_turn *turn)
{
    const struct llm_settings *settings = exchange->settings;
    struct embedding *embedding = exchange->arg;

    exchange->path = settings->format == LLM_FORMAT_OLLAMA ? "/embed" : "/embeddings";
    exchange->body = body_of(embedding, exchange);
    /* No tokenizer makes more tokens than bytes; a few stand around each text. */
    exchange->worst = find_price(turn, exchange, embedding)
                          ? price_of(embedding->bytes + 16 * embedding->count, embedding->price)
                          : TROUPE_PRICE_UNKNOWN;
    return exchange->body != NULL;
}

static troupe_status ask_batch(troupe_turn *turn, struct llm_exchange *exchange,
                               struct embedding *embedding)
{
    LLM_CLEANUP_JSON json_t *answer = NULL;
    uint64_t in, out;
    troupe_status status;

    exchange->tokens = (int64_t)(embedding->bytes / 2 + embedding->count); /* most take fewer */
    status = llm_exchange_run(turn, exchange, &answer);
    if (status < 0)
        return status;
    embedding->settings = exchange->settings;
    embedding->cost_micros += exchange->cost_micros;
    embedding->estimated |= tokens_of(answer) == 0;
    (void)cost_of(exchange, answer, &in, &out);
    embedding->input += in;
    return take_batch(embedding, answer, embedding->count);
}

/* Whether vectors of so many values are more than a result holds, before they are paid for. Floats below the
 * bound may turn out longer. */
static int are_too_long(const struct embedding *embedding, size_t values)
{
    const size_t each = embedding->as_base64 ? (values * 4 + 2) / 3 * 4 : values * FLOAT_LEAST;

    return json_array_size(embedding->texts) * (each + sizeof("[],") - 1) > RESULT_MAX;
}

static troupe_status fail_too_long(troupe_turn *turn)
{
    return troupe_fail(turn, TROUPE_LIMIT, "llm.too_long",
                       "llm.embed: the vectors have more than 1 MB; ask for fewer texts at once, "
                       "fewer dimensions, or \"encoding\": \"base64\".");
}

/* The most values with which all vectors have room in a result. */
static uint32_t most_values(const struct embedding *embedding)
{
    uint32_t least = 0, above = LLM_VALUES_MAX + 1;

    while (above - least > 1) {
        const uint32_t middle = (least + above) / 2;

        if (are_too_long(embedding, middle))
            above = middle;
        else
            least = middle;
    }
    return least;
}

/* Where a model was not asked, or in vain, as it makes other vectors: how many values these have. Else `status`,
 * which was told. */
static troupe_status fail_misfit(troupe_turn *turn, const struct embedding *embedding,
                                 const struct llm_exchange *exchange, troupe_status status)
{
    const struct llm_models *models = &embedding->others->embed;
    struct llm_vector vector;
    uint32_t i = 0;

    while (i < models->count && !(exchange->misfit >> i & 1 ||
                                  (exchange->kind == &llm_kind_misfit && exchange->at == i)))
        i++;
    if (i == models->count)
        return status;
    vector = exchange->misfit >> i & 1 ? exchange->others : models->vectors[i];
    if (embedding->dimensions == 0 && vector.own <= LLM_VALUES_MAX)
        return fail_too_long(turn);
    if (vector.own == 0)
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "llm.unsupported",
                           "llm.embed: the model \"%s\" makes vectors of its own length alone; ask "
                           "for no dimensions, or name another model in embed_model of [agent %s].",
                           models->to[i].model, troupe_agent(troupe_turn_host(turn)));
    return troupe_fail(turn, TROUPE_UNSUPPORTED, "llm.unsupported",
                       "llm.embed: the model \"%s\" makes vectors of %u values%s; ask for %s, or "
                       "name another model in embed_model of [agent %s].",
                       models->to[i].model, vector.own, vector.fewer ? " or fewer" : "",
                       vector.own > LLM_VALUES_MAX ? "4096 or fewer, where it can"
                       : vector.fewer              ? "no more"
                                                   : "as many",
                       troupe_agent(troupe_turn_host(turn)));
}

/* All batches by one model: vectors of two cannot be compared. `exchange->first` is the first that may be
 * asked; where a later batch fails, the one that made the earlier ones. */
static troupe_status ask_all(troupe_turn *turn, struct llm_exchange *exchange,
                             struct embedding *embedding)
{
    troupe_status status = TROUPE_OK;

    embedding->from = 0;
    embedding->values = 0;
    json_array_clear(embedding->vectors);
    while (status >= 0 && embedding->from < json_array_size(embedding->texts)) {
        embedding->count = batch_size(embedding->texts, embedding->from, &embedding->bytes);
        status = ask_batch(turn, exchange, embedding);
        if (status < 0)
            break;
        embedding->from += embedding->count;
        if (embedding->from < json_array_size(embedding->texts) &&
            are_too_long(embedding, embedding->values)) {
            exchange->alone = 0; /* no other model is asked for what has no room */
            return fail_too_long(turn);
        }
        exchange->first = exchange->at;
        exchange->alone = 1;
    }
    return status;
}

static troupe_status give_result(troupe_turn *turn, const struct embedding *embedding)
{
    LLM_CLEANUP_JSON json_t *result =
        json_pack("{s:s, s:I, s:O, s:{s:I, s:b}, s:I}", "model", embedding->settings->model,
                  "dimensions", (json_int_t)embedding->values, "vectors", embedding->vectors,
                  "usage", "input", (json_int_t)embedding->input, "estimated", embedding->estimated,
                  "cost_micros", (json_int_t)embedding->cost_micros);
    LLM_CLEANUP_TEXT char *text =
        result ? json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(8)) : NULL;

    if (!text)
        return TROUPE_NOMEM;
    if (strlen(text) > RESULT_MAX)
        return fail_too_long(turn);
    return troupe_result(turn, text, strlen(text));
}

troupe_status llm_embed_run(troupe_turn *turn, struct llm_others *others, struct llm_router *router,
                            troupe_str texts, int64_t dimensions, int as_base64, troupe_str only)
{
    LLM_CLEANUP_JSON json_t *list = llm_json_load(texts.ptr, texts.len);
    LLM_CLEANUP_JSON json_t *vectors = json_array();
    struct embedding embedding = {.others = others,
                                  .texts = list,
                                  .dimensions = dimensions,
                                  .as_base64 = as_base64,
                                  .only = only,
                                  .vectors = vectors};
    struct llm_exchange exchange = {.models = others->embed.to,
                                    .count = others->embed.count,
                                    .kept = &others->embed,
                                    .router = router,
                                    .kind_name = "embed",
                                    .whom = "The model for vectors",
                                    .what = "llm.embed",
                                    .price_key = "embed_price",
                                    .nowhere = nowhere,
                                    .most = ANSWER_MAX,
                                    .meant = meant,
                                    .aim = aim,
                                    .cost = cost_of,
                                    .fits = fits,
                                    .arg = &embedding};
    const char *problem = check_texts(list);
    troupe_status status;

    if (others->embed.count == 0)
        return troupe_fail(turn, TROUPE_UNAVAILABLE, "llm.not_configured",
                           "No model for vectors is set up. The admin can set embed_model in "
                           "[agent %s].",
                           troupe_agent(troupe_turn_host(turn)));
    if (problem)
        return troupe_fail(turn, TROUPE_ARGUMENT, "llm.bad_arguments", "llm.embed: %s.", problem);
    if (dimensions > 0 && are_too_long(&embedding, (size_t)dimensions))
        return fail_too_long(turn);
    exchange.patience_ms = others->embed.to[0].first_token_ms;
    exchange.values = (uint32_t)dimensions;
    exchange.values_most = most_values(&embedding);
    do {
        exchange.first += exchange.alone; /* behind the one that began and could not end it */
        exchange.alone = 0;
        status = ask_all(turn, &exchange, &embedding);
        llm_exchange_clear(&exchange);
    } while (status < 0 && exchange.alone && exchange.kind && exchange.kind->retry != LLM_STOP &&
             exchange.first + 1 < others->embed.count && troupe_turn_status(turn) >= 0);
    if (status >= 0)
        return give_result(turn, &embedding);
    if (troupe_turn_status(turn) >= 0 &&
        (status == TROUPE_UNSUPPORTED || exchange.kind == &llm_kind_misfit))
        return fail_misfit(turn, &embedding, &exchange, status);
    return status;
}
