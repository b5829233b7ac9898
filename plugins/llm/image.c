/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include "exchange.h"
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)6 * 1024 * 1024)
#define RESULT_MAX ((size_t)1024 * 1024) /* of a function */
#define ALT_MAX    1000                  /* bytes of what is told about it */
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

/* One call. */
struct painting {
    const struct llm_others *others;
    troupe_str prompt, shape, quality;
    troupe_str only;    /* the one model that may paint; empty: any */
    struct price price; /* of the model that is asked */
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
    const struct price *price = &((const struct painting *)exchange->arg)->price;
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

/* ---- what is given ---------------------------------------------------------------------------*/

static int digit_of(unsigned char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* The bytes, which the caller frees; NULL where the text is no base64, or without memory. */
static uint8_t *unpack(const char *text, size_t len, size_t *ret_len)
{
    uint8_t *bytes;
    uint32_t bits = 0;
    size_t n = 0, held = 0;

    while (len > 0 && text[len - 1] == '=')
        len--;
    bytes = malloc(len / 4 * 3 + 3);
    for (size_t i = 0; bytes && i < len; i++) {
        const int digit = digit_of((unsigned char)text[i]);

        if (digit < 0) {
            free(bytes);
            return NULL;
        }
        bits = bits << 6 | (uint32_t)digit;
        if (++held % 4 == 0) {
            bytes[n++] = (uint8_t)(bits >> 16);
            bytes[n++] = (uint8_t)(bits >> 8);
            bytes[n++] = (uint8_t)bits;
        }
    }
    if (bytes && held % 4 > 1) {
        bits <<= 6 * (4 - held % 4);
        bytes[n++] = (uint8_t)(bits >> 16);
        if (held % 4 == 3)
            bytes[n++] = (uint8_t)(bits >> 8);
    }
    *ret_len = n;
    return bytes;
}

static const json_t *picture_of(const json_t *answer)
{
    return json_object_get(json_array_get(json_object_get(answer, "data"), 0), "b64_json");
}

/* Whether it is a picture of a kind that can be passed on. */
static const struct llm_kind *fits(const struct llm_exchange *exchange, const json_t *answer)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *text = json_string_value(picture_of(answer)), *end;

    (void)exchange;
    if (!text || !type_of(text))
        return &llm_kind_garbage;
    end = text + strspn(text, digits);
    return end[strspn(end, "=")] == 0 ? NULL : &llm_kind_garbage;
}

/* As much of the prompt as says what the picture shows. */
static troupe_str alt_of(troupe_str prompt)
{
    if (prompt.len > ALT_MAX) {
        prompt.len = ALT_MAX;
        while (prompt.len > 0 && ((unsigned char)prompt.ptr[prompt.len] & 0xc0) == 0x80)
            prompt.len--;
    }
    return prompt;
}

/* The picture goes with the turn's answer. TROUPE_UNSUPPORTED: nobody there takes files. */
static troupe_status attach(troupe_turn *turn, const struct painting *painting, const json_t *data,
                            const char *type, troupe_new_file *ret)
{
    static const struct {
        const char *type, *name;
    } names[] = {{"image/png", "picture.png"},
                 {"image/jpeg", "picture.jpg"},
                 {"image/webp", "picture.webp"}};
    size_t len = 0;
    uint8_t *bytes = unpack(json_string_value(data), json_string_length(data), &len);
    troupe_status status;

    if (!bytes)
        return TROUPE_NOMEM;
    *ret = (troupe_new_file){.size = sizeof(*ret), .alt = alt_of(painting->prompt)};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i].type, type) == 0)
            ret->name = (troupe_str){names[i].name, strlen(names[i].name)};
    ret->type = (troupe_str){type, strlen(type)};
    ret->data = (troupe_str){(const char *)bytes, len};
    status = troupe_attach(turn, ret);
    free(bytes);
    return status;
}

static troupe_status give(troupe_turn *turn, json_t *result)
{
    LLM_CLEANUP_TEXT char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;

    json_decref(result);
    return text ? troupe_result(turn, text, strlen(text)) : TROUPE_NOMEM;
}

/* Whether it can be passed on in a result. */
static int has_room(const json_t *data)
{
    return json_string_length(data) <= RESULT_MAX - 4096;
}

static troupe_status give_data(troupe_turn *turn, const struct llm_exchange *exchange,
                               const json_t *data, const char *type)
{
    if (!has_room(data))
        return troupe_fail(
            turn, TROUPE_LIMIT, "llm.too_long",
            "The picture is larger than 750 kB, which is more than can be passed on.");
    return give(turn,
                json_pack("{s:s, s:s, s:O, s:I}", "model", exchange->settings->model, "type", type,
                          "data", data, "cost_micros", (json_int_t)exchange->cost_micros));
}

static troupe_status give_result(troupe_turn *turn, const struct llm_exchange *exchange,
                                 const json_t *answer, enum llm_image_as as)
{
    const json_t *data = picture_of(answer);
    const char *type = type_of(json_string_value(data));
    troupe_new_file file = {0};
    troupe_status status = TROUPE_UNSUPPORTED;

    if (as == LLM_IMAGE_FILE || (as == LLM_IMAGE_ANY && !has_room(data)))
        status = attach(turn, exchange->arg, data, type, &file);
    if (status == TROUPE_UNSUPPORTED)
        return give_data(turn, exchange, data, type);
    if (status < 0)
        return troupe_turn_status(turn) < 0
                   ? status
                   : troupe_fail(
                         turn, status, "llm.too_long",
                         "The picture is there and cannot be attached to the answer: it, or "
                         "what is attached already, is too large.");
    return give(turn,
                json_pack("{s:s, s:s, s:s, s:I, s:I}", "model", exchange->settings->model, "type",
                          type, "file", file.name.ptr, "bytes", (json_int_t)file.data.len,
                          "cost_micros", (json_int_t)exchange->cost_micros));
}

/* ---- what is asked ---------------------------------------------------------------------------*/

static uint64_t find_price(troupe_turn *turn, const struct llm_exchange *exchange,
                           const struct llm_others *others, struct price *ret)
{
    const struct llm_settings *settings = exchange->settings;
    const int64_t today = troupe_now(turn) / MS_PER_DAY;

    memset(ret, 0, sizeof(*ret));
    if (others->has_image_price && exchange->at == 0)
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

static int is_named(const struct llm_settings *settings, troupe_str only)
{
    return only.len == 0 || is(only, settings->model);
}

/* TROUPE_ARGUMENT, with those that there are, for a model that nobody has set up. */
static troupe_status check_model(troupe_turn *turn, const struct llm_models *models,
                                 troupe_str only)
{
    char names[256] = "";
    size_t len = 0;

    for (uint32_t i = 0; i < models->count; i++) {
        if (is_named(&models->to[i], only))
            return TROUPE_OK;
        if (len < sizeof(names))
            len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
                                    models->to[i].model);
    }
    return troupe_fail(turn, TROUPE_ARGUMENT, "llm.bad_arguments",
                       "There is no model \"%.*s\" for pictures here. There is: %s.", (int)only.len,
                       only.ptr, names);
}

static int meant(const struct llm_exchange *exchange, const struct llm_settings *settings)
{
    const struct painting *painting = exchange->arg;

    return settings->format == LLM_FORMAT_OPENAI && is_named(settings, painting->only);
}

static int aim(struct llm_exchange *exchange, troupe_turn *turn)
{
    const struct llm_settings *settings = exchange->settings;
    struct painting *painting = exchange->arg;

    exchange->path = is_openrouter(settings) ? "/images" : "/images/generations";
    exchange->body = body_of(settings, painting->prompt, painting->shape, painting->quality);
    exchange->worst = find_price(turn, exchange, painting->others, &painting->price);
    return exchange->body != NULL;
}

troupe_status llm_image_run(troupe_turn *turn, struct llm_others *others, struct llm_router *router,
                            troupe_str prompt, troupe_str shape, troupe_str quality,
                            enum llm_image_as as, troupe_str only)
{
    LLM_CLEANUP_JSON json_t *answer = NULL, *checked = NULL;
    struct painting painting = {
        .others = others, .prompt = prompt, .shape = shape, .quality = quality, .only = only};
    struct llm_exchange exchange = {.models = others->image.to,
                                    .count = others->image.count,
                                    .kept = &others->image,
                                    .router = router,
                                    .kind_name = "image",
                                    .whom = "The model that paints",
                                    .what = "llm.image",
                                    .price_key = "image_price",
                                    .nowhere = nowhere,
                                    .most = ANSWER_MAX,
                                    .meant = meant,
                                    .aim = aim,
                                    .cost = cost_of,
                                    .fits = fits,
                                    .arg = &painting};
    troupe_status status;

    if (others->image.count == 0)
        return troupe_fail(turn, TROUPE_UNAVAILABLE, "llm.not_configured",
                           "No model for pictures is set up. The admin can set image_model in "
                           "[agent %s].",
                           troupe_agent(troupe_turn_host(turn)));
    checked = json_stringn(prompt.ptr, (size_t)prompt.len);
    if (!checked || prompt.len == 0)
        return troupe_fail(turn, TROUPE_ARGUMENT, "llm.bad_arguments",
                           "llm.image: prompt must have 1 to 4000 bytes of UTF-8.");
    status = check_model(turn, &others->image, only);
    if (status < 0)
        return status;
    exchange.tokens = (int64_t)llm_estimate_text(prompt.ptr, (size_t)prompt.len);
    exchange.patience_ms = others->image.to[0].total_ms / 2;
    status = llm_exchange_run(turn, &exchange, &answer);
    llm_exchange_clear(&exchange);
    return status < 0 ? status : give_result(turn, &exchange, answer, as);
}
