/* SPDX-License-Identifier: Apache-2.0
 *
 * llm - answers of a language model from any server that speaks OpenAI's chat completions (OpenAI
 * itself, OpenRouter, llama.cpp, vLLM, LM Studio …), Anthropic's Messages or Ollama's own API. It
 * provides "llm.chat" of troupe/services.h; the whole of the provider's trouble ends in this plugin.
 */
#include "provider.h"
#include "retry.h"
#include "round.h"

#include <stdlib.h>
#include <string.h>
#include <troupe/troupe.h>

#ifndef LLM_PRICES
#define LLM_PRICES ""
#endif

#define ADAPTATIONS_MAX   3     /* parameters that a provider may refuse, one after the other */
#define RATE_WAIT_MS      30000 /* told to members where the provider does not say */
#define TOLD_WAIT_MAX_MS  86400000
#define STATUS_BODY_MAX   (256 * 1024)
#define STATUS_TIMEOUT_MS 10000

static troupe_str str(const char *text)
{
    troupe_str s = {text, strlen(text)};

    return s;
}

static troupe_status not_configured(troupe_turn *turn, const struct llm_settings *settings)
{
    return troupe_fail(turn, TROUPE_UNAVAILABLE, "llm.not_configured",
                       "No language model is set up. The admin can set base_url and model in "
                       "[agent %s].",
                       troupe_agent(settings->host));
}

/* The provider's own words go to the log only, and not where they may repeat a key. */
static void log_failure(const struct llm_round *round, int64_t attempt)
{
    const struct llm_provider_error *error = &round->stream.error;
    int hide = round->http_status == 401 || round->http_status == 403;

    troupe_log(round->settings->host, TROUPE_LOG_WARN,
               "attempt %lld of %lld failed: %s %s (%s), HTTP %u, type \"%s\", code \"%s\"%s%s",
               (long long)attempt, (long long)round->settings->attempts, round->kind->code,
               round->kind->name, llm_category_name(round->kind->category), round->http_status,
               error->type, error->code, error->message[0] && !hide ? ": " : "",
               hide ? "" : error->message);
}

static troupe_status give_result(troupe_turn *turn, const struct llm_round *round,
                                 const char *finish)
{
    const struct llm_stream *stream = &round->stream;
    const char *model = stream->model[0] ? stream->model : round->settings->model;
    LLM_CLEANUP_JSON json_t *result = json_pack(
        "{s:s%, s:s, s:s, s:{s:I, s:I, s:I, s:b}, s:I}", "text", stream->text, stream->len, "model",
        model, "finish", finish, "usage", "input", (json_int_t)stream->usage.input, "output",
        (json_int_t)stream->usage.output, "cached", (json_int_t)stream->usage.cached, "estimated",
        (int)round->estimated, "cost_micros", (json_int_t)round->cost_micros);
    char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;
    troupe_status status;

    if (!text)
        return TROUPE_NOMEM;
    status = troupe_result(turn, text, strlen(text));
    free(text);
    return status;
}

static troupe_status fail(troupe_turn *turn, const struct llm_round *round)
{
    const struct llm_kind *kind = round->kind;
    int64_t wait = round->retry_after_ms >= 0 ? round->retry_after_ms : RATE_WAIT_MS;
    troupe_status status;

    if (round->shown) {
        status = give_result(turn, round, "interrupted");
        if (status < 0)
            return status;
        kind = &llm_kind_interrupted;
    }
    if (wait > TOLD_WAIT_MAX_MS) /* a provider may send any number */
        wait = TOLD_WAIT_MAX_MS;
    if (kind->category == LLM_RATE)
        return troupe_fail(turn, kind->status, kind->code, "%s Please try again in %lld seconds.",
                           kind->sentence, (long long)(wait + 999) / 1000);
    return troupe_fail(turn, kind->status, kind->code, "%s", kind->sentence);
}

/* Attempts until one holds, or until another makes no sense. */
static troupe_status converse(troupe_turn *turn, struct llm_round *round)
{
    int64_t attempt = 1, adaptations = 0, wait;
    troupe_status status;

    for (;;) {
        status = llm_round_run(turn, round);
        if (status >= 0)
            return give_result(turn, round,
                               round->stream.full        ? "length"
                               : round->stream.finish[0] ? round->stream.finish
                                                         : "stop");
        if (!round->kind)
            return status;
        log_failure(round, attempt);
        troupe_metric(turn, "errors", 1, round->kind->name, NULL);
        if (round->adapted && adaptations++ < ADAPTATIONS_MAX) {
            troupe_reason(turn, "llm.adapted", "the provider refused a parameter; asking without");
            continue;
        }
        wait = round->retryable
                   ? llm_retry_wait(attempt, round->settings->attempts, round->retry_after_ms,
                                    troupe_random(turn, 1000), troupe_time_left(turn))
                   : -1;
        if (wait < 0)
            return fail(turn, round);
        troupe_reason(turn, "llm.retry", "%s in attempt %lld; again in %lld ms", round->kind->code,
                      (long long)attempt, (long long)wait);
        status = troupe_sleep(turn, (uint64_t)wait);
        if (status < 0)
            return status;
        attempt++;
    }
}

/* What members set while the bot runs lies above the config; the bound of an answer only below it. */
static void bound_by_settings(troupe_turn *turn, int64_t *max_tokens, double *temperature)
{
    troupe_host *host = troupe_turn_host(turn);
    int64_t bound = troupe_config_int(host, "max_tokens", 0);
    troupe_value value;

    if (bound > 0 && (*max_tokens <= 0 || bound < *max_tokens))
        *max_tokens = bound;
    if (*temperature < 0 && troupe_config(host, "temperature", &value) == TROUPE_OK)
        *temperature = value.u.f;
}

TROUPE_SERVICE(llm_chat, TROUPE_SERVICE_LLM_CHAT, "Answer of a language model",
               TROUPE_STREAMS | TROUPE_PAID,
               TROUPE_JSON(messages, "Messages with role and content, oldest first"),
               TROUPE_STRING(route, "What it is for", .max = 32, .def_text = "chat"),
               TROUPE_INT(max_tokens, "Bound of the answer; 0: as configured", .min = 0,
                          .max = LLM_TOKENS_MAX, .def = 0),
               TROUPE_FLOAT(temperature, "0 to 2; -1: as configured", .min = -1, .max = 2,
                            .def = LLM_TEMPERATURE_AS_CONFIGURED))

static troupe_status llm_chat(troupe_turn *turn, troupe_str messages, troupe_str route,
                              int64_t max_tokens, double temperature)
{
    const struct llm_settings *settings = troupe_state(turn);
    struct llm_request request;
    struct llm_tariff tariff;
    struct llm_round round = {.settings = settings, .request = &request, .tariff = &tariff};
    const char *problem = NULL;
    troupe_status status;

    (void)route; /* one model serves them all until there is a router */
    if (!llm_configured(settings))
        return not_configured(turn, settings);
    round.event_buffer = troupe_turn_alloc(turn, LLM_EVENT_MAX);
    round.text_buffer = troupe_turn_alloc(turn, LLM_TEXT_MAX);
    if (!round.event_buffer || !round.text_buffer)
        return TROUPE_NOMEM;
    bound_by_settings(turn, &max_tokens, &temperature);
    status = llm_request_init(&request, settings, messages, max_tokens, temperature, &problem);
    if (status == TROUPE_LIMIT)
        return troupe_fail(turn, status, "llm.too_long",
                           "That is more than the language model may be sent at once. Please try "
                           "a shorter message.");
    if (status < 0)
        return troupe_fail(turn, status, "llm.bad_arguments", "llm.chat: %s.", problem);
    if (request.dropped > 0)
        troupe_reason(turn, "llm.trimmed", "%u old messages did not fit into context_tokens",
                      request.dropped);
    tariff = llm_tariff_find(settings, troupe_now(turn));
    status = converse(turn, &round);
    llm_stream_clear(&round.stream);
    llm_request_clear(&request);
    return status;
}

/* ---- llm-status -------------------------------------------------------------------------------*/

/* Where it is, without telling members about a private network. */
static const char *place(const struct llm_settings *settings)
{
    return llm_host_is_local(settings->host_name) ? "a local server" : settings->host_name;
}

static int lists_model(const struct llm_provider *provider, const char *body, size_t len,
                       const char *model)
{
    LLM_CLEANUP_JSON json_t *tree = llm_json_load(body, len);
    const json_t *data = json_object_get(tree, provider->model_list), *entry;
    size_t i;

    json_array_foreach (data, i, entry) {
        const char *id = json_string_value(json_object_get(entry, provider->model_name));

        if (id && strcmp(id, model) == 0)
            return 1;
    }
    return json_array_size(data) == 0; /* a server without a list says nothing against it */
}

static troupe_status ask_models(troupe_turn *turn, const struct llm_settings *settings,
                                troupe_http **ret)
{
    troupe_header headers[LLM_HEADERS_MAX];
    char url[LLM_URL_MAX + 32], key[LLM_KEY_VALUE_MAX];
    troupe_http_request request = {.size = sizeof(request),
                                   .method = "GET",
                                   .connect_ms = settings->connect_ms,
                                   .first_byte_ms = STATUS_TIMEOUT_MS,
                                   .idle_ms = STATUS_TIMEOUT_MS,
                                   .total_ms = STATUS_TIMEOUT_MS};

    snprintf(url, sizeof(url), "%s%s", settings->base_url, llm_provider_of(settings)->models);
    request.url = str(url);
    request.headers.ptr = headers;
    request.headers.count = llm_headers(settings, 0, key, headers);
    request.headers.stride = sizeof(headers[0]);
    return troupe_http_api(turn)->open(turn, &request, ret);
}

static const char *describe_answer(troupe_turn *turn, const struct llm_settings *settings,
                                   troupe_http *http, char *body)
{
    const troupe_http_v1 *api = troupe_http_api(turn);
    uint32_t status = api->status(http);
    struct llm_provider_error error;
    troupe_str bytes;
    size_t len = 0;

    while (api->read(turn, http, &bytes) == TROUPE_OK && bytes.len <= STATUS_BODY_MAX - len) {
        memcpy(body + len, bytes.ptr, bytes.len);
        len += bytes.len;
    }
    if (status == 200)
        return lists_model(llm_provider_of(settings), body, len, settings->model)
                   ? "It answers."
                   : "It answers, but its list does not have that model.";
    llm_provider_error_read(body, len, &error);
    if (status == 404 || status == 405)
        return "It answers, but offers no list of models.";
    return llm_classify(status, &error)->sentence;
}

TROUPE_SERVICE(llm_status, "llm-status", "Which language model is set up, and whether it answers",
               TROUPE_SLASH | TROUPE_IDEMPOTENT | TROUPE_PRIVATE)

static troupe_status llm_status(troupe_turn *turn)
{
    const struct llm_settings *settings = troupe_state(turn);
    const struct llm_tariff tariff = llm_tariff_find(settings, troupe_now(turn));
    const char *price = !tariff.known         ? "its price is not known, so it is not asked"
                        : settings->has_price ? "its price is set in the config"
                        : settings->is_local  ? "it costs nothing"
                                              : "its price is in the price table";
    troupe_http *http = NULL;
    const char *answer;
    troupe_status status;
    char *body;

    if (!llm_configured(settings))
        return not_configured(turn, settings);
    body = troupe_turn_alloc(turn, STATUS_BODY_MAX);
    if (!body)
        return TROUPE_NOMEM;
    status = ask_models(turn, settings, &http);
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    if (status < 0) {
        answer = llm_classify_transport(status)->sentence;
    } else {
        answer = describe_answer(turn, settings, http, body);
        troupe_http_api(turn)->close(turn, http);
    }
    return troupe_reply(turn, "Model \"%s\" at %s; %s. %s", settings->model, place(settings), price,
                        answer);
}

/* ---- the plugin -------------------------------------------------------------------------------*/

static troupe_status create(troupe_host *host, void **ret_state)
{
    struct llm_settings *settings = troupe_alloc(host, sizeof(*settings));
    troupe_status status;

    if (!settings)
        return TROUPE_NOMEM;
    status = llm_settings_load(host, settings);
    if (status < 0) {
        troupe_free(host, settings);
        return status;
    }
    *ret_state = settings;
    return TROUPE_OK;
}

static void destroy(troupe_host *host, void *state)
{
    llm_settings_clear(state);
    troupe_free(host, state);
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN(
    "org.troupe.llm", "1.0.0",
    "Answers of a language model from OpenAI's, Anthropic's and Ollama's interfaces",
    .needs = "troupe.http/1 troupe.budget/1", .capabilities = "budget",
    .functions = TROUPE_LIST(llm_chat, llm_status),
    .metrics = TROUPE_METRICS(TROUPE_COUNTER("errors", "Attempts that failed", .labels = "kind")),
    .config = TROUPE_KEYS(
        {"base_url", "Where the API is, for example https://api.openai.com/v1",
         .type = TROUPE_TYPE_URL, .flags = TROUPE_KEY_ENDPOINT},
        {"api_key", "Key of the API", .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SECRET},
        {"format", "What the server speaks; auto: by its address", .type = TROUPE_TYPE_STRING,
         .def = "auto", .choices = "auto|openai|anthropic|ollama"},
        {"model", "Model to ask, as the provider names it", .type = TROUPE_TYPE_STRING},
        {"local", "Whether it runs on own hardware and costs nothing; auto: by its address",
         .type = TROUPE_TYPE_STRING, .def = "auto", .choices = "auto|yes|no"},
        {"price_table", "File of prices", .type = TROUPE_TYPE_PATH, .def = LLM_PRICES},
        {"price_input", "Price of a million tokens of input, in USD; overrides the table",
         .type = TROUPE_TYPE_MONEY, .min = 0, .max = 1e10},
        {"price_output", "Price of a million tokens of output, in USD; overrides the table",
         .type = TROUPE_TYPE_MONEY, .min = 0, .max = 1e10},
        {"max_tokens", "Bound of an answer; a setting can only lower it", .type = TROUPE_TYPE_INT,
         .flags = TROUPE_KEY_SETTABLE, .def = "1024", .min = 1, .max = LLM_TOKENS_MAX},
        {"context_tokens", "Bound of question and answer together", .type = TROUPE_TYPE_INT,
         .def = "8000", .min = 256, .max = LLM_TOKENS_MAX},
        {"temperature", "Sent only where it is set, as some models refuse it",
         .type = TROUPE_TYPE_FLOAT, .flags = TROUPE_KEY_SETTABLE, .min = 0, .max = 2},
        {"token_parameter", "How the model calls the bound of an answer; auto: by its name",
         .type = TROUPE_TYPE_STRING, .def = "auto",
         .choices = "auto|max_tokens|max_completion_tokens"},
        {"connect_timeout", "For the connection", .type = TROUPE_TYPE_DURATION, .def = "5s",
         .min = 100, .max = 60000},
        {"first_token_timeout", "From the request to the first token", .type = TROUPE_TYPE_DURATION,
         .def = "30s", .min = 100, .max = 600000},
        {"idle_timeout", "Silence in the answer once it has begun", .type = TROUPE_TYPE_DURATION,
         .def = "20s", .min = 100, .max = 600000},
        {"total_timeout", "For one attempt", .type = TROUPE_TYPE_DURATION, .def = "240s",
         .min = 1000, .max = 600000},
        {"attempts", "How often a request is tried", .type = TROUPE_TYPE_INT, .def = "3", .min = 1,
         .max = 10}),
    .create = create, .destroy = destroy);
