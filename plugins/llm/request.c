/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <string.h>

#define TOKENS_PER_MESSAGE 4 /* role and separators in the chat templates in use */

uint64_t llm_estimate_text(const char *text, size_t len)
{
    uint64_t ascii = 0, other;

    for (size_t i = 0; i < len; i++)
        ascii += (unsigned char)text[i] < 0x80;
    other = len - ascii;
    /* English has about four letters a token; scripts of two to four bytes a letter reach one. */
    return (ascii + 2) / 3 + (other + 1) / 2;
}

static uint64_t estimate_message(const json_t *message)
{
    const json_t *content = json_object_get(message, "content");

    return TOKENS_PER_MESSAGE +
           llm_estimate_text(json_string_value(content), json_string_length(content));
}

uint64_t llm_estimate_request(const struct llm_request *request)
{
    uint64_t tokens = 0;
    const json_t *message;
    size_t i;

    json_array_foreach (request->messages, i, message)
        tokens += estimate_message(message);
    return tokens;
}

static const char *check_message(const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));

    if (!role || (strcmp(role, "system") != 0 && strcmp(role, "user") != 0 &&
                  strcmp(role, "assistant") != 0))
        return "a message needs the role system, user or assistant";
    if (!json_is_string(json_object_get(message, "content")))
        return "a message needs a content of text";
    return NULL;
}

static int is_system(const json_t *message)
{
    return strcmp(json_string_value(json_object_get(message, "role")), "system") == 0;
}

/* Leaves out the oldest until the rest and the answer fit. */
static troupe_status fit(struct llm_request *request)
{
    uint64_t room = (uint64_t)(request->settings->context_tokens - request->max_tokens);
    uint64_t tokens = llm_estimate_request(request);
    size_t i = 0;

    if (request->max_tokens >= request->settings->context_tokens)
        return TROUPE_LIMIT;
    while (tokens > room && i + 1 < json_array_size(request->messages)) {
        json_t *message = json_array_get(request->messages, i);

        if (is_system(message)) {
            i++;
            continue;
        }
        tokens -= estimate_message(message);
        json_array_remove(request->messages, i);
        request->dropped++;
    }
    return tokens > room ? TROUPE_LIMIT : TROUPE_OK;
}

static int starts_with(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

/* OpenAI's reasoning models refuse the older name; everyone else knows it, and many only it. */
static int takes_completion_tokens(const struct llm_settings *settings)
{
    static const char *const families[] = {"o1", "o3", "o4", "gpt-5"};
    const char *model = strrchr(settings->model, '/');

    if (settings->token_parameter != LLM_TOKEN_AUTO)
        return settings->token_parameter == LLM_TOKEN_MAX_COMPLETION_TOKENS;
    model = model ? model + 1 : settings->model;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (starts_with(model, families[i]))
            return 1;
    return 0;
}

troupe_status llm_request_init(struct llm_request *request, const struct llm_settings *settings,
                               troupe_str messages, int64_t max_tokens, double temperature,
                               const char **ret_problem)
{
    const json_t *message;
    troupe_status status;
    size_t i;

    memset(request, 0, sizeof(*request));
    request->settings = settings;
    request->max_tokens = settings->max_tokens;
    if (max_tokens > 0 && max_tokens < request->max_tokens)
        request->max_tokens = max_tokens;
    request->has_temperature = temperature >= 0 || settings->has_temperature;
    request->temperature = temperature >= 0 ? temperature : settings->temperature;
    request->shape.completion_tokens = (uint8_t)takes_completion_tokens(settings);

    request->messages = llm_json_load(messages.ptr, messages.len);
    if (!json_is_array(request->messages) || json_array_size(request->messages) == 0 ||
        json_array_size(request->messages) > LLM_MESSAGES_MAX) {
        *ret_problem = "messages must be an array of 1 to 500 messages";
        goto bad;
    }
    json_array_foreach (request->messages, i, message) {
        *ret_problem = check_message(message);
        if (*ret_problem)
            goto bad;
    }
    status = fit(request);
    if (status < 0) {
        *ret_problem = "the last message does not fit into context_tokens";
        llm_request_clear(request);
        return status;
    }
    json_array_foreach (request->messages, i, message)
        request->input_bytes += json_string_length(json_object_get(message, "content"));
    return TROUPE_OK;
bad:
    llm_request_clear(request);
    return TROUPE_ARGUMENT;
}

void llm_request_clear(struct llm_request *request)
{
    json_decref(request->messages);
    request->messages = NULL;
}

char *llm_request_body(const struct llm_request *request)
{
    const struct llm_shape *shape = &request->shape;
    LLM_CLEANUP_JSON json_t *body = json_pack("{s:s, s:O, s:b}", "model", request->settings->model,
                                              "messages", request->messages, "stream", 1);

    if (!body)
        return NULL;
    if (json_object_set_new(body, shape->completion_tokens ? "max_completion_tokens" : "max_tokens",
                            json_integer(request->max_tokens)) < 0)
        return NULL;
    if (!shape->no_usage &&
        json_object_set_new(body, "stream_options", json_pack("{s:b}", "include_usage", 1)) < 0)
        return NULL;
    if (request->has_temperature && !shape->no_temperature &&
        json_object_set_new(body, "temperature", json_real(request->temperature)) < 0)
        return NULL;
    return json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(6));
}

/* The parameter that a refusal is about: its "param" where there is one, else the first of ours
 * that its text names. Servers write `max_tokens` in the advice about `max_completion_tokens` and
 * the other way round, so the first mention counts. */
static const char *refused_parameter(const char *param, const char *message)
{
    static const char *const ours[] = {"max_completion_tokens", "max_tokens", "temperature",
                                       "stream_options"};
    const char *best = NULL, *best_at = NULL;

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        const char *at;

        if (param && strcmp(param, ours[i]) == 0)
            return ours[i];
        at = message ? strstr(message, ours[i]) : NULL;
        if (at && (!best_at || at < best_at)) {
            best = ours[i];
            best_at = at;
        }
    }
    return best;
}

int llm_request_adapt(struct llm_request *request, const char *param, const char *message)
{
    struct llm_shape before = request->shape, *shape = &request->shape;
    const char *name = refused_parameter(param, message);

    if (!name)
        return 0;
    if (strcmp(name, "max_tokens") == 0 && !shape->completion_tokens)
        shape->completion_tokens = 1;
    else if (strcmp(name, "max_completion_tokens") == 0 && shape->completion_tokens)
        shape->completion_tokens = 0;
    else if (strcmp(name, "temperature") == 0 && request->has_temperature)
        shape->no_temperature = 1;
    else if (strcmp(name, "stream_options") == 0)
        shape->no_usage = 1;
    return memcmp(&before, shape, sizeof(before)) != 0;
}
