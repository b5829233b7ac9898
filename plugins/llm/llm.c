/* SPDX-License-Identifier: Apache-2.0
 *
 * llm - answers of a language model from any server that speaks OpenAI's chat completions (OpenAI
 * itself, OpenRouter, llama.cpp, vLLM, LM Studio …), Anthropic's Messages or Ollama's own API. It
 * provides "llm.chat" of troupe/services.h; the whole of the provider's trouble ends in this plugin.
 */
#include "cache.h"
#include "complete.h"
#include "converse.h"
#include "embed.h"
#include "hedge.h"
#include "image.h"
#include "moderate.h"
#include "pick.h"
#include "prefer.h"
#include "provider.h"
#include "race.h"
#include "routes.h"
#include "spare.h"
#include "status.h"
#include "structured.h"
#include "tools.h"
#include "warm.h"

#include <stdlib.h>
#include <string.h>
#include <troupe/troupe.h>

#ifndef LLM_PRICES
#define LLM_PRICES ""
#endif

#define LLM_QUESTION_MAX 2000
#define PAINT_MS         600000 /* the most that total_timeout may be */

static troupe_status not_configured(troupe_turn *turn, const struct llm_settings *settings)
{
    return troupe_fail(turn, TROUPE_UNAVAILABLE, "llm.not_configured",
                       "No language model is set up. The admin can set base_url and model in "
                       "[agent %s].",
                       troupe_agent(settings->host));
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

static int says(troupe_str value, const char *text)
{
    return value.len == strlen(text) && memcmp(value.ptr, text, value.len) == 0;
}

/* What tools do and find is the member's, so with tools only what is known to be meant is looked for: what
 * was once answered in words may be an order the next time. What the caller does not say that it may be shared
 * is the member's, too, and so is whatever they write in private. */
static int may_share(troupe_turn *turn, const struct llm_settings *settings,
                     const struct llm_request *request, troupe_str cache, struct llm_share *ret)
{
    const troupe_message *message = troupe_turn_message(turn);

    if (!settings->cache || settings->cache_ttl_ms <= 0 ||
        (request->tools && ret->question.len == 0) ||
        (message && message->flags & TROUPE_MESSAGE_DIRECT))
        return 0;
    ret->account = message ? message->account : 0;
    ret->scope = says(cache, "account") ? TROUPE_SCOPE_AGENT : TROUPE_SCOPE_GUILD;
    return says(cache, "account") || says(cache, "guild");
}

static troupe_status answer_shared(troupe_turn *turn, struct llm_agent *agent, enum llm_route route,
                                   const struct llm_share *share, struct llm_round *round)
{
    struct llm_cache cache;
    troupe_status status = llm_cache_open(turn, agent, route, round->request, share, &cache);
    troupe_status closed;

    if (status != TROUPE_NOT_FOUND)
        return status;
    status = llm_converse(turn, agent, route, 0, round);
    closed = llm_cache_close(turn, agent, &cache, status, round);
    return closed < 0 ? closed : status;
}

/* `share` NULL: with nobody. What comes in is not put into the turn's memory, which is zeroed: of so much
 * most answers touch a few kB. */
static troupe_status answer(troupe_turn *turn, struct llm_agent *agent, enum llm_route route,
                            uint32_t prefer, const struct llm_share *share, struct llm_round *round)
{
    char *buffer = llm_buffers_take(&agent->buffers);
    troupe_status status;

    if (!buffer)
        return TROUPE_NOMEM;
    round->event_buffer = buffer;
    round->text_buffer = buffer + LLM_EVENT_MAX;
    status = share ? answer_shared(turn, agent, route, share, round)
                   : llm_converse(turn, agent, route, prefer, round);
    llm_stream_clear(&round->stream);
    llm_buffers_give(&agent->buffers, buffer);
    return status;
}

static troupe_status want_schema(troupe_turn *turn, struct llm_request *request, troupe_str schema)
{
    char wrong[LLM_SCHEMA_PROBLEM];

    if (schema.len == 0 || llm_structured_want(request, schema, wrong) >= 0)
        return TROUPE_OK;
    return troupe_fail(turn, TROUPE_ARGUMENT, "llm.bad_arguments", "llm.chat: schema: %s.", wrong);
}

/* In the turn's memory: few questions have any, and the stack is small. */
static troupe_status load_pictures(troupe_turn *turn, const struct llm_settings *settings,
                                   struct llm_request *request)
{
    struct llm_pictures *pictures = troupe_turn_alloc(turn, sizeof(*pictures));

    return pictures ? llm_pictures_load(turn, settings, request, pictures) : TROUPE_NOMEM;
}

TROUPE_SERVICE(llm_chat, TROUPE_SERVICE_LLM_CHAT, "Answer of a language model",
               TROUPE_STREAMS | TROUPE_PAID,
               TROUPE_JSON(messages, "Messages with role and content, oldest first"),
               TROUPE_STRING(route, "What it is for", .max = 32, .def_text = "chat"),
               TROUPE_INT(max_tokens, "Bound of the answer; 0: as configured", .min = 0,
                          .max = LLM_TOKENS_MAX, .def = 0),
               TROUPE_FLOAT(temperature, "0 to 2; -1: as configured", .min = -1, .max = 2,
                            .def = LLM_TEMPERATURE_AS_CONFIGURED),
               TROUPE_STRING(cache, "Who else may get the answer", .choices = "none|guild|account",
                             .def_text = "none"),
               TROUPE_STRING(question, "What is meant by the last message, for the cache",
                             .max = LLM_QUESTION_MAX, .def_text = ""),
               TROUPE_OPT_JSON(schema, "JSON schema of an answer in JSON"))

static troupe_status llm_chat(troupe_turn *turn, troupe_str messages, troupe_str route,
                              int64_t max_tokens, double temperature, troupe_str cache,
                              troupe_str question, troupe_str schema)
{
    struct llm_agent *agent = troupe_state(turn);
    const struct llm_settings *settings = &agent->settings;
    struct llm_request request;
    struct llm_round round = {.settings = settings, .request = &request};
    struct llm_share share = {.question = question};
    const char *problem = NULL;
    enum llm_route way = llm_route_of(route);
    uint32_t prefer;
    int shared;
    troupe_status status;

    if (agent->router.count == 0)
        return not_configured(turn, settings);
    bound_by_settings(turn, &max_tokens, &temperature);
    status = llm_request_init(&request, settings, messages, max_tokens, temperature, &problem);
    if (status == TROUPE_LIMIT)
        return troupe_fail(turn, status, "llm.too_long",
                           "That is more than the language model may be sent at once. Please try "
                           "a shorter message.");
    if (status < 0)
        return troupe_fail(turn, status, "llm.bad_arguments", "llm.chat: %s.", problem);
    status = want_schema(turn, &request, schema);
    if (status < 0) {
        llm_request_clear(&request);
        return status;
    }
    if (llm_pictures_any(request.messages)) {
        way = LLM_VISION;
        share.question = (troupe_str){"", 0}; /* words alone do not say what is meant */
        status = settings->pictures > 0 && llm_router_sees(&agent->router, way)
                     ? load_pictures(turn, settings, &request)
                     : llm_cannot_see(turn);
        if (status < 0) {
            llm_request_clear(&request);
            return status;
        }
    }
    if (request.dropped > 0)
        troupe_reason(turn, "llm.trimmed", "%u old messages did not fit into context_tokens",
                      request.dropped);
    if (settings->tool_steps > 0 && llm_route_of(route) == LLM_CHAT)
        llm_tools_offer(turn, &request);
    prefer = llm_prefer_load(turn, &agent->router, way);
    /* What one model said is not for somebody who would rather have another. */
    shared = !request.schema && !prefer && may_share(turn, settings, &request, cache, &share);
    status = shared && request.pictures ? llm_pictures_digest(turn, request.pictures) : TROUPE_OK;
    if (status >= 0)
        status = answer(turn, agent, way, prefer, shared ? &share : NULL, &round);
    llm_request_clear(&request);
    return status;
}

/* ---- other models ------------------------------------------------------------------------------*/

TROUPE_SERVICE(llm_embed, TROUPE_SERVICE_LLM_EMBED, "Vectors of texts", TROUPE_PAID,
               TROUPE_JSON(texts, "Up to 64 texts"),
               TROUPE_INT(dimensions, "Values of a vector; 0: as the model makes them", .min = 0,
                          .max = LLM_VALUES_MAX, .def = 0),
               TROUPE_STRING(encoding, "How vectors are written", .choices = "float|base64",
                             .def_text = "float"),
               TROUPE_STRING(model, "The one model that may make them; empty: any that is set up",
                             .max = LLM_MODEL_MAX, .def_text = ""))

static troupe_status llm_embed(troupe_turn *turn, troupe_str texts, int64_t dimensions,
                               troupe_str encoding, troupe_str model)
{
    struct llm_agent *agent = troupe_state(turn);

    return llm_embed_run(turn, &agent->others, &agent->router, texts, dimensions, encoding.len == 6,
                         model);
}

TROUPE_SERVICE(llm_moderate, TROUPE_SERVICE_LLM_MODERATE, "What a provider thinks of a text",
               TROUPE_PAID, TROUPE_STRING(text, "The text", .min = 1, .max = LLM_MODERATE_TEXT_MAX))

static troupe_status llm_moderate(troupe_turn *turn, troupe_str text)
{
    struct llm_agent *agent = troupe_state(turn);

    return llm_moderate_run(turn, &agent->others, &agent->router, text);
}

TROUPE_TIMED(
    llm_image, TROUPE_SERVICE_LLM_IMAGE, "A picture of what a text says", PAINT_MS, TROUPE_PAID,
    TROUPE_STRING(prompt, "What it shows", .min = 1, .max = LLM_IMAGE_PROMPT_MAX),
    TROUPE_STRING(shape, "Its shape", .choices = "square|landscape|portrait", .def_text = "square"),
    TROUPE_STRING(quality, "How fine it is", .choices = "auto|low|medium|high", .def_text = "auto"),
    TROUPE_STRING(as, "How it is given: with the turn's answer, or in the result",
                  .choices = "file|data|any", .def_text = "file"),
    TROUPE_STRING(model, "The one model that may paint it; empty: any that is set up",
                  .max = LLM_MODEL_MAX, .def_text = ""))

static troupe_status llm_image(troupe_turn *turn, troupe_str prompt, troupe_str shape,
                               troupe_str quality, troupe_str as, troupe_str model)
{
    struct llm_agent *agent = troupe_state(turn);

    return llm_image_run(turn, &agent->others, &agent->router, prompt, shape, quality,
                         as.ptr[0] == 'f'   ? LLM_IMAGE_FILE
                         : as.ptr[0] == 'd' ? LLM_IMAGE_DATA
                                            : LLM_IMAGE_ANY,
                         model);
}

/* ---- llm-flight -------------------------------------------------------------------------------*/

TROUPE_SERVICE(llm_flight, LLM_FLIGHT_FUNCTION,
               "Waits for the same question of somebody else; llm.chat uses it", 0,
               TROUPE_STRING(key, "Digest of the question", .max = LLM_DIGEST_TEXT - 1))

static troupe_status llm_flight(troupe_turn *turn, troupe_str key)
{
    struct llm_agent *agent = troupe_state(turn);

    return llm_flight_join(turn, &agent->flights, key);
}

/* ---- llm-place --------------------------------------------------------------------------------*/

TROUPE_SERVICE(llm_place, LLM_PLACE_FUNCTION,
               "Waits for a place at a local model; llm.chat uses it", 0,
               TROUPE_INT(provider, "Its number, from 0", .min = 0, .max = LLM_PROVIDERS_MAX - 1))

static troupe_status llm_place(troupe_turn *turn, int64_t provider)
{
    struct llm_agent *agent = troupe_state(turn);

    return llm_pool_join(turn, &agent->pools[provider]);
}

TROUPE_SERVICE(llm_warm, "llm-warm", "Loads the local models, so that nobody waits for that",
               TROUPE_AT_START | TROUPE_IDEMPOTENT)

static troupe_status llm_warm(troupe_turn *turn)
{
    const struct llm_agent *agent = troupe_state(turn);

    return llm_warm_run(turn, &agent->router, &agent->others);
}

/* ---- llm-route --------------------------------------------------------------------------------*/

/* A function of its own, because the host keeps what a function said: see router.h. */
TROUPE_SERVICE(llm_route, LLM_ROUTE_FUNCTION, "Chooses the model that is asked; llm.chat uses it",
               0, TROUPE_STRING(route, "What it is for", .max = 32, .def_text = "chat"),
               TROUPE_INT(tokens, "Length of the question", .min = 0, .def = 0),
               TROUPE_INT(max_tokens, "Bound of the answer", .min = 0, .def = 0),
               TROUPE_INT(complexity, "How hard it is", .min = 0, .max = 100, .def = 0),
               TROUPE_INT(tried, "Bits of the models that failed", .min = 0, .def = 0),
               TROUPE_INT(prefer, "Bits of the models that the member would rather have", .min = 0,
                          .def = 0),
               TROUPE_INT(last, "The one that just did", .min = -1, .max = LLM_CANDIDATES_MAX - 1,
                          .def = -1),
               TROUPE_BOOL(again, "Whether it may be asked again", .def = 0),
               TROUPE_BOOL(pictures, "Whether it has to see", .def = 0),
               TROUPE_BOOL(hurry, "Whether no better one at its limit is waited for", .def = 0))

/* A question that goes round a model is one more that it fails, for the owner; one that may wait for a limit comes
 * here again. */
static void tell_around(troupe_turn *turn, struct llm_agent *agent, const struct llm_choice *choice,
                        int64_t now_ms)
{
    for (uint32_t i = 0; i < agent->router.count; i++) {
        struct llm_candidate *model = &agent->candidates[i];

        if (choice->around >> i & 1 && model->health.last)
            llm_alert_watch(turn, &model->alert, &model->settings, model->health.last, now_ms);
    }
}

static troupe_status llm_route(troupe_turn *turn, troupe_str route, int64_t tokens,
                               int64_t max_tokens, int64_t complexity, int64_t tried,
                               int64_t prefer, int64_t last, int32_t again, int32_t pictures,
                               int32_t hurry)
{
    struct llm_agent *agent = troupe_state(turn);
    const int64_t now_ms = troupe_now(turn);
    const struct llm_ask ask = {.route = llm_route_of(route),
                                .tokens = tokens,
                                .max_tokens = max_tokens,
                                .complexity = complexity,
                                .tried = (uint32_t)tried,
                                .prefer = (uint32_t)prefer,
                                .last = last < (int64_t)agent->router.count ? last : -1,
                                .again = again,
                                .pictures = pictures,
                                .patience_ms = last < 0 && !hurry ? LLM_SOON_MS : 0};
    struct llm_choice choice;
    const char *why = choice.why;
    char result[LLM_CHOICE_MAX], part[480];

    llm_router_choose(&agent->router, &ask, now_ms, &choice);
    while (llm_choice_tell(&why, part, sizeof(part)))
        troupe_reason(turn, "llm.route", "%s", part);
    if (last < 0 && (choice.candidate >= 0 || !choice.limit))
        tell_around(turn, agent, &choice, now_ms);
    if (choice.passed)
        troupe_metric(turn, "limits", 1, "passed", NULL);
    for (uint32_t i = 0; i < agent->router.count; i++)
        if (!llm_tariff_find(&agent->candidates[i].settings, now_ms).known)
            llm_alert_unpriced(turn, &agent->candidates[i].alert, &agent->candidates[i].settings,
                               "prices");
    llm_choice_write(agent->candidates, &choice, result);
    return troupe_result(turn, result, strlen(result));
}

/* ---- llm-key ----------------------------------------------------------------------------------*/

TROUPE_SERVICE(llm_key, LLM_KEY_FUNCTION,
               "Chooses the key of a model that is asked again; llm.chat uses it", 0,
               TROUPE_INT(candidate, "The model", .min = 0, .max = LLM_CANDIDATES_MAX - 1),
               TROUPE_INT(key, "Its key until now", .min = 0, .max = LLM_KEYS_MAX - 1, .def = 0),
               TROUPE_INT(tokens, "Length of the question", .min = 0, .def = 0),
               TROUPE_INT(max_tokens, "Bound of the answer", .min = 0, .def = 0))

static troupe_status llm_key(troupe_turn *turn, int64_t candidate, int64_t key, int64_t tokens,
                             int64_t max_tokens)
{
    struct llm_agent *agent = troupe_state(turn);
    const struct llm_ask ask = {.tokens = tokens, .max_tokens = max_tokens, .last = candidate};
    struct llm_choice choice;
    char result[LLM_CHOICE_MAX];

    if (candidate >= (int64_t)agent->router.count)
        return troupe_fail(turn, TROUPE_ARGUMENT, "llm.bad_arguments",
                           "llm-key: there is no such model.");
    llm_router_stay(&agent->router, &ask, key, troupe_now(turn), &choice);
    if (choice.passed) {
        troupe_reason(turn, "llm.key", "key %lld of %s may not be used now; going on with key %lld",
                      (long long)key + 1, agent->candidates[candidate].settings.model,
                      (long long)choice.key + 1);
        troupe_metric(turn, "limits", 1, "passed", NULL);
    }
    llm_choice_write(agent->candidates, &choice, result);
    return troupe_result(turn, result, strlen(result));
}

/* ---- llm-spare ---------------------------------------------------------------------------------*/

TROUPE_SERVICE(llm_spare_function, LLM_SPARE_FUNCTION,
               "Whether there is time for a wait; the services use it", 0,
               TROUPE_INT(ms, "How long", .min = 0))

static troupe_status llm_spare_function(troupe_turn *turn, int64_t ms)
{
    return llm_spare_answer(turn, ms);
}

/* ---- llm-hedge and llm-first ------------------------------------------------------------------*/

TROUPE_SERVICE(llm_hedge, LLM_HEDGE_FUNCTION,
               "Whether and whom to ask beside a silent model; llm.chat uses it", 0,
               TROUPE_STRING(route, "What it is for", .max = 32, .def_text = "chat"),
               TROUPE_INT(tokens, "Length of the question", .min = 0, .def = 0),
               TROUPE_INT(max_tokens, "Bound of the answer", .min = 0, .def = 0),
               TROUPE_INT(complexity, "How hard it is", .min = 0, .max = 100, .def = 0),
               TROUPE_INT(tried, "Bits of the models that failed", .min = 0, .def = 0),
               TROUPE_INT(prefer, "Bits of the models that the member would rather have", .min = 0,
                          .def = 0),
               TROUPE_INT(candidate, "The one that is asked", .min = 0,
                          .max = LLM_CANDIDATES_MAX - 1),
               TROUPE_INT(key, "With which key", .min = 0, .max = LLM_KEYS_MAX - 1, .def = 0),
               TROUPE_BOOL(pictures, "Whether it has to see", .def = 0),
               TROUPE_BOOL(due, "Whether the time has passed", .def = 0))

static troupe_status llm_hedge(troupe_turn *turn, troupe_str route, int64_t tokens,
                               int64_t max_tokens, int64_t complexity, int64_t tried,
                               int64_t prefer, int64_t candidate, int64_t key, int32_t pictures,
                               int32_t due)
{
    struct llm_agent *agent = troupe_state(turn);
    const struct llm_ask ask = {.route = llm_route_of(route),
                                .tokens = tokens,
                                .max_tokens = max_tokens,
                                .complexity = complexity,
                                .tried = (uint32_t)tried,
                                .prefer = (uint32_t)prefer,
                                .last = candidate,
                                .pictures = pictures};

    if (candidate >= (int64_t)agent->router.count)
        return troupe_fail(turn, TROUPE_ARGUMENT, "llm.bad_arguments",
                           "llm-hedge: there is no such model.");
    return llm_race_hedge(turn, agent, &ask, key, due);
}

TROUPE_SERVICE(llm_first, LLM_FIRST_FUNCTION,
               "Keeps which of two models was first; llm.chat uses it", 0,
               TROUPE_STRING(model, "Its name", .max = LLM_MODEL_MAX),
               TROUPE_BOOL(won, "Whether it was"),
               TROUPE_BOOL(sent, "Whether there was another", .def = 0))

static troupe_status llm_first(troupe_turn *turn, troupe_str model, int32_t won, int32_t sent)
{
    return llm_race_first(turn, model, won, sent);
}

/* ---- model --------------------------------------------------------------------------------------*/

TROUPE_FUNCTION(model, "Shows or chooses the model that answers you",
                TROUPE_SLASH | TROUPE_PRIVATE | TROUPE_IDEMPOTENT,
                TROUPE_OPT_STRING(name, "Which one; - for the best for each question",
                                  .max = LLM_MODEL_MAX))

static troupe_status model(troupe_turn *turn, troupe_str name)
{
    const struct llm_agent *agent = troupe_state(turn);

    if (agent->router.count == 0)
        return not_configured(turn, &agent->settings);
    return llm_prefer_change(turn, &agent->router, name);
}

/* ---- llm-pick ---------------------------------------------------------------------------------*/

TROUPE_SERVICE(llm_pick_function, LLM_PICK_FUNCTION,
               "Chooses among models for vectors, judgements, pictures; the services use it", 0,
               TROUPE_STRING(kind, "Of which models", .choices = "embed|moderate|image"),
               TROUPE_INT(tried, "Bits of those that failed", .min = 0, .max = UINT32_MAX,
                          .def = 0),
               TROUPE_INT(skip, "Bits of those that are not meant", .min = 0, .max = UINT32_MAX,
                          .def = 0),
               TROUPE_INT(from, "The first of them", .min = 0, .max = LLM_MODELS_MAX, .def = 0),
               TROUPE_INT(until, "The one behind the last", .min = 0, .max = LLM_MODELS_MAX,
                          .def = LLM_MODELS_MAX),
               TROUPE_BOOL(again, "Whether they were asked before", .def = 0),
               TROUPE_INT(values, "Values of a vector that are asked for", .min = 0,
                          .max = LLM_VALUES_MAX, .def = 0),
               TROUPE_INT(most, "Values of a vector that there is room for", .min = 0,
                          .max = UINT32_MAX, .def = 0),
               TROUPE_INT(tokens, "Length of what is asked", .min = 0, .def = 0))

static troupe_status llm_pick_function(troupe_turn *turn, troupe_str kind, int64_t tried,
                                       int64_t skip, int64_t from, int64_t until, int32_t again,
                                       int64_t values, int64_t most, int64_t tokens)
{
    struct llm_agent *agent = troupe_state(turn);
    const struct llm_wish wish = {.tried = (uint32_t)tried,
                                  .skip = (uint32_t)skip,
                                  .from = (uint32_t)from,
                                  .until = (uint32_t)until,
                                  .again = again,
                                  .values = (uint32_t)values,
                                  .most = (uint32_t)most,
                                  .tokens = tokens};

    return llm_pick_answer(turn, &agent->others, &agent->router, kind, &wish);
}

/* ---- llm-status -------------------------------------------------------------------------------*/

TROUPE_SERVICE(llm_status, "llm-status", "Which language model is set up, and whether it answers",
               TROUPE_SLASH | TROUPE_IDEMPOTENT | TROUPE_PRIVATE)

static troupe_status llm_status(troupe_turn *turn)
{
    struct llm_agent *agent = troupe_state(turn);

    if (!llm_configured(&agent->settings))
        return not_configured(turn, &agent->settings);
    return llm_status_tell(turn, agent);
}

/* ---- the plugin -------------------------------------------------------------------------------*/

/* Where only routes are set, their first model is the agent's own. */
static void take_first(struct llm_agent *agent)
{
    if (agent->router.count > 0 && !llm_configured(&agent->settings)) {
        struct llm_price_table *prices = agent->settings.prices;
        const int64_t context = agent->settings.context_tokens, most = agent->settings.max_tokens;

        agent->settings = agent->candidates[agent->router.ways[LLM_CHAT].to[0].candidate].settings;
        agent->settings.prices = prices;
        agent->settings.context_tokens =
            context; /* the bounds are those of all, not of the first */
        agent->settings.max_tokens = most;
    }
}

/* What `prices` says of the agent's own model. */
static void take_price(struct llm_agent *agent)
{
    for (uint32_t i = 0; i < agent->router.count; i++) {
        const struct llm_candidate *candidate = &agent->candidates[i];

        if (candidate->provider != 0 ||
            strcmp(candidate->settings.model, agent->settings.model) != 0)
            continue;
        agent->settings.has_price = candidate->settings.has_price;
        agent->settings.price = candidate->settings.price;
    }
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    struct llm_agent *agent = troupe_alloc(host, sizeof(*agent));
    troupe_status status;

    if (!agent)
        return TROUPE_NOMEM;
    llm_router_init(&agent->router, agent->candidates);
    status = llm_settings_load(host, &agent->settings);
    if (status < 0) {
        troupe_free(host, agent);
        return status;
    }
    status = llm_routes_load(&agent->settings, &agent->router);
    if (status >= 0)
        status = llm_others_load(&agent->settings, &agent->others);
    if (status >= 0)
        status = llm_complete(&agent->settings, &agent->router, &agent->others);
    if (status < 0) {
        llm_settings_clear(&agent->settings);
        troupe_free(host, agent);
        return status;
    }
    take_first(agent);
    take_price(agent);
    agent->router.pooled = troupe_config_int(host, "local_pool", LLM_POOL) > 0;
    for (int i = 0; i < LLM_PROVIDERS_MAX; i++)
        agent->pools[i].size = (uint32_t)troupe_config_int(host, "local_pool", LLM_POOL);
    *ret_state = agent;
    return TROUPE_OK;
}

static void destroy(troupe_host *host, void *state)
{
    struct llm_agent *agent = state;

    llm_settings_clear(&agent->settings);
    llm_buffers_clear(&agent->buffers);
    troupe_free(host, agent);
}

/* Seven keys beside a provider's first, LLM_KEYS_MAX in all. */
#define ALT_KEY(name)                                                                              \
    {                                                                                              \
        name, "Another key for when those before it may not be used", .type = TROUPE_TYPE_STRING,  \
                                                                      .flags = TROUPE_KEY_SECRET   \
    }
#define ALT_KEYS(name)                                                                             \
    ALT_KEY(name), ALT_KEY(name "_2"), ALT_KEY(name "_3"), ALT_KEY(name "_4"), ALT_KEY(name "_5"), \
        ALT_KEY(name "_6"), ALT_KEY(name "_7")

/* What each key of a provider may be asked. */
#define LIMIT_KEYS(tail)                                                                           \
    {"requests_per_minute" tail, "Requests in a minute with each key, or by key: \"60, 500\"",     \
     .type = TROUPE_TYPE_STRING},                                                                  \
    {                                                                                              \
        "tokens_per_minute" tail, "Tokens in a minute with each key, or by key",                   \
            .type = TROUPE_TYPE_STRING                                                             \
    }

/* Address, keys and manner of another provider; `n` is its number in text. */
#define PROVIDER(n)                                                                                \
    {"base_url_" n, "Where provider " n " is, for routes", .type = TROUPE_TYPE_URL,                \
     .flags = TROUPE_KEY_ENDPOINT},                                                                \
        {"api_key_" n, "Its key", .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SECRET},         \
        ALT_KEYS("api_key_" n "_alt"), LIMIT_KEYS("_" n),                                          \
        {"format_" n, "What it speaks; auto: by its address", .type = TROUPE_TYPE_STRING,          \
         .def = "auto", .choices = "auto|openai|anthropic|ollama"},                                \
    {                                                                                              \
        "local_" n, "Whether it costs nothing; auto: by its address",                              \
            .type = TROUPE_TYPE_STRING, .def = "auto", .choices = "auto|yes|no"                    \
    }

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN(
    "org.troupe.llm", "1.0.0",
    "Answers of a language model from OpenAI's, Anthropic's and Ollama's interfaces",
    .needs = "troupe.http/1 troupe.budget/1",
    .capabilities = "budget tools cache attach kv owner files",
    .functions = TROUPE_LIST(llm_chat, llm_embed, llm_moderate, llm_image, llm_route, llm_key,
                             llm_hedge, llm_first, llm_spare_function, llm_pick_function,
                             llm_flight, llm_place, llm_warm, llm_status, model),
    .metrics = TROUPE_METRICS(
        TROUPE_COUNTER("errors", "Attempts that failed", .labels = "kind"),
        TROUPE_COUNTER("alerts", "What the owner was told of models that keep failing",
                       .labels = "kind"),
        TROUPE_COUNTER("limits",
                       "Questions for which a key at its limit was passed over, that waited for "
                       "one, and that were refused as all were",
                       .labels = "what"),
        TROUPE_COUNTER("hedges", "Second models that were asked beside a silent one, and that won",
                       .labels = "what"),
        TROUPE_COUNTER("cache", "Questions that an answer may be kept for", .labels = "result"),
        TROUPE_COUNTER("cache_saved_usd", "What the kept answers had cost that were given again")),
    .config = TROUPE_KEYS(
        {"base_url", "Where the API is, for example https://api.openai.com/v1",
         .type = TROUPE_TYPE_URL, .flags = TROUPE_KEY_ENDPOINT},
        {"api_key", "Key of the API", .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SECRET},
        ALT_KEYS("api_key_alt"), LIMIT_KEYS(""),
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
        {"prices",
         "Prices of models, in USD for a million tokens of input and output, before the table's: "
         "\"2:openai/gpt-5-mini 0.25/2\"",
         .type = TROUPE_TYPE_STRING},
        {"max_tokens", "Bound of an answer; a setting can only lower it", .type = TROUPE_TYPE_INT,
         .flags = TROUPE_KEY_SETTABLE, .def = "1024", .min = 1, .max = LLM_TOKENS_MAX},
        {"context_tokens", "Bound of question and answer together", .type = TROUPE_TYPE_INT,
         .def = "8000", .min = 256, .max = LLM_TOKENS_MAX},
        {"temperature", "Sent to models that take one; -1: to none", .type = TROUPE_TYPE_FLOAT,
         .flags = TROUPE_KEY_SETTABLE, .def = "0.7", .min = -1, .max = 2},
        {"token_parameter", "How the model calls the bound of an answer; auto: by the price table",
         .type = TROUPE_TYPE_STRING, .def = "auto",
         .choices = "auto|max_tokens|max_completion_tokens"},
        {"embed_model",
         "Models for vectors, before each its provider's number: \"2:nomic-embed-text\"",
         .type = TROUPE_TYPE_STRING},
        {"embed_price", "Price of a million tokens of it, in USD; overrides the table",
         .type = TROUPE_TYPE_MONEY, .min = 0, .max = 1e10},
        {"moderation_model", "Models that judge texts; OpenAI's own where that is the provider",
         .type = TROUPE_TYPE_STRING},
        {"image_model", "Models for pictures, before each its provider's number",
         .type = TROUPE_TYPE_STRING},
        {"image_price", "The most that a picture costs, in USD; overrides the table",
         .type = TROUPE_TYPE_MONEY, .min = 0, .max = 1e10},
        {"local_pool", "Questions at once to a local server that costs nothing; 0: as many as come",
         .type = TROUPE_TYPE_INT, .def = "5", .min = 0, .max = LLM_POOL_MAX},
        {"llm_warm", "Whether local models that cost nothing are loaded at the start",
         .type = TROUPE_TYPE_BOOL, .def = "yes"},
        {"keep_alive", "How long Ollama keeps a model loaded; 0: as it likes",
         .type = TROUPE_TYPE_DURATION, .def = "0", .min = 0, .max = 86400000},
        {"no_tools", "Models that take no tools, by name or with *: functions are told in words",
         .type = TROUPE_TYPE_STRING},
        {"no_json", "Models that take no schema, by name or with *: it is told in words",
         .type = TROUPE_TYPE_STRING},
        {"contexts", "Tokens of models that hold less than context_tokens: \"tiny-* 4096\"",
         .type = TROUPE_TYPE_STRING},
        {"connect_timeout", "For the connection", .type = TROUPE_TYPE_DURATION, .def = "5s",
         .min = 100, .max = 60000},
        {"first_token_timeout", "From the request to the first token", .type = TROUPE_TYPE_DURATION,
         .def = "30s", .min = 100, .max = 600000},
        {"idle_timeout", "Silence in the answer once it has begun", .type = TROUPE_TYPE_DURATION,
         .def = "20s", .min = 100, .max = 600000},
        {"total_timeout", "For one attempt", .type = TROUPE_TYPE_DURATION, .def = "240s",
         .min = 1000, .max = 600000},
        {"hedge",
         "Silence of a model after which another is asked, too; p95: that of its first tokens",
         .type = TROUPE_TYPE_DURATION, .def = "off", .choices = LLM_HEDGE_WORDS,
         .min = LLM_HEDGE_LEAST_MS, .max = LLM_HEDGE_MOST_MS},
        {"hedge_share", "Questions of which that may happen, in per cent", .type = TROUPE_TYPE_INT,
         .def = "5", .min = 0, .max = LLM_HEDGE_SHARE_MAX},
        {"route_chat", "Models for talks, with provider and quality: \"gpt-5-mini 75, 2:llama3.2\"",
         .type = TROUPE_TYPE_STRING},
        {"route_quick", "Models for short and simple things", .type = TROUPE_TYPE_STRING},
        {"route_code", "Models for code", .type = TROUPE_TYPE_STRING},
        {"route_vision",
         "Models that are shown pictures; empty: those of talks that see by the table",
         .type = TROUPE_TYPE_STRING},
        {"pictures", "Pictures in one question", .type = TROUPE_TYPE_INT, .def = "4", .min = 0,
         .max = LLM_PICTURES_MAX},
        {"picture_bytes", "Bytes of all of them together", .type = TROUPE_TYPE_SIZE, .def = "3840k",
         .min = 1024, .max = 12 * 1024 * 1024},
        {"picture_detail", "How finely OpenAI's models look at them", .type = TROUPE_TYPE_STRING,
         .def = "high", .choices = "high|low"},
        {"picture_tokens",
         "The most tokens of a picture, where the price table does not say; 0: not known",
         .type = TROUPE_TYPE_INT, .def = "0", .min = 0, .max = 1000000},
        {"route_summary", "Models for summaries", .type = TROUPE_TYPE_STRING},
        {"quality_floor", "Least quality by route: \"code 80, chat 40\"",
         .type = TROUPE_TYPE_STRING},
        {"cost_weight", "What the price counts in the choice of a model, 0 to 1",
         .type = TROUPE_TYPE_FLOAT, .def = "0.4", .min = 0, .max = 1},
        {"local_only", "Refuses every provider outside of this machine and private networks",
         .type = TROUPE_TYPE_BOOL, .def = "no"},
        PROVIDER("2"), PROVIDER("3"), PROVIDER("4"),
        {"tool_steps", "Rounds in which the model may call functions for the member; 0: none",
         .type = TROUPE_TYPE_INT, .def = "3", .min = 0, .max = LLM_TOOL_STEPS_MAX},
        {"tool_cost", "What all rounds of one answer may cost before it has to answer, in USD",
         .type = TROUPE_TYPE_MONEY, .def = "0.05", .min = 0, .max = 1e8},
        {"cache", "Whether answers are kept for those who ask exactly the same",
         .type = TROUPE_TYPE_BOOL, .def = "yes"},
        {"cache_ttl", "How long an answer is kept; up to four times as long where it is asked for",
         .type = TROUPE_TYPE_DURATION, .def = "1h", .min = 0, .max = 604800000},
        {"cache_entries", "Places for answers in each server, and four times as many for all",
         .type = TROUPE_TYPE_INT, .def = "2000", .min = 16, .max = 100000},
        {"alert_count",
         "Failures of one kind of a model within alert_window that the owner is told of; 0: none",
         .type = TROUPE_TYPE_INT, .def = "5", .min = 0, .max = 10000},
        {"alert_share",
         "The share of a model's questions within alert_window that fail, of which the owner is "
         "told; 0: none",
         .type = TROUPE_TYPE_FLOAT, .def = "0.5", .min = 0, .max = 1},
        {"alert_window", "See alert_count", .type = TROUPE_TYPE_DURATION, .def = "10m",
         .min = 60000, .max = 86400000},
        {"attempts", "How often a request is tried", .type = TROUPE_TYPE_INT, .def = "3", .min = 1,
         .max = 10}),
    .create = create, .destroy = destroy);
