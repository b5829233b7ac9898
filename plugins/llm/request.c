/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include "fit.h"
#include "provider.h"

#include <string.h>

#define TOKENS_PER_MESSAGE 4    /* role and separators in the chat templates in use */
#define LLM_TOOLS_OVERHEAD 1024 /* what providers write around tools, well above any known one */

#define ROW                64 /* bytes that are looked at together */

/* Whether a row is all ASCII. */
static int is_ascii(const char *row)
{
    uint64_t part[ROW / 8];

    memcpy(part, row, ROW);
    return !((part[0] | part[1] | part[2] | part[3] | part[4] | part[5] | part[6] | part[7]) &
             UINT64_C(0x8080808080808080));
}

/* Bytes that are not ASCII: prompts are long, looked at several times, and many have few of them. */
static uint64_t count_other(const char *text, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t count = 0;
    size_t i = 0;

    while (len - i >= ROW && is_ascii(text + i))
        i += ROW;

    for (; len - i >= 8; i += 8) {
        uint64_t eight;

        memcpy(&eight, text + i, 8);
        count += (((eight >> 7) & ones) * ones) >> 56;
    }
    for (; i < len; i++)
        count += (unsigned char)text[i] >= 0x80;
    return count;
}

uint64_t llm_estimate_text(const char *text, size_t len)
{
    const uint64_t other = count_other(text, len), ascii = len - other;

    /* English has about four letters a token; scripts of two to four bytes a letter reach one. */
    return (ascii + 2) / 3 + (other + 1) / 2;
}

/* Of thoughts that are sent with a message. */
static size_t thought_bytes(const struct llm_request *request, const json_t *message)
{
    const json_t *thoughts = json_object_get(message, LLM_THOUGHTS);

    return thoughts && request->shape.thoughts ? json_dumpb(thoughts, NULL, 0, JSON_COMPACT) : 0;
}

/* Of what stands for a signature. */
static size_t signature_bytes(const struct llm_request *request, const json_t *message)
{
    return request->shape.signs && json_object_get(message, "tool_calls") ? LLM_SIGNATURE_MAX : 0;
}

static size_t dumped(const json_t *value)
{
    return value ? json_dumpb(value, NULL, 0, JSON_COMPACT) : 0;
}

uint64_t llm_estimate_message(const struct llm_request *request, const json_t *message)
{
    const json_t *content = json_object_get(message, "content");

    return TOKENS_PER_MESSAGE +
           llm_estimate_text(json_string_value(content), json_string_length(content)) +
           dumped(json_object_get(message, "tool_calls")) / 2 +
           thought_bytes(request, message) / 2 + llm_pictures_guess(request, message);
}

uint64_t llm_estimate_request(const struct llm_request *request)
{
    uint64_t tokens = (dumped(request->tools) + dumped(request->schema)) / 2;
    const json_t *message;
    size_t i;

    json_array_foreach (request->messages, i, message)
        tokens += llm_estimate_message(request, message);
    return tokens;
}

/* A call is the assistant's, its result names it. */
static const char *check_calls(const json_t *message, const char *role)
{
    const json_t *calls = json_object_get(message, "tool_calls"), *call;
    size_t i;

    if (strcmp(role, "tool") == 0 && !json_is_string(json_object_get(message, "tool_call_id")))
        return "a tool's message needs the tool_call_id that it answers";
    if (!calls)
        return NULL;
    if (strcmp(role, "assistant") != 0 || !json_is_array(calls))
        return "tool_calls is an array in a message of the assistant";
    json_array_foreach ((json_t *)calls, i, call) {
        const json_t *function = json_object_get(call, "function");

        if (!json_is_string(json_object_get(call, "id")) ||
            !json_is_string(json_object_get(function, "name")) ||
            !json_is_string(json_object_get(function, "arguments")))
            return "a call of tool_calls needs id, function.name and function.arguments of text";
    }
    return NULL;
}

/* How much of the message, and all before it, will be the same in the next question: whole characters. */
static const char *check_stable(const json_t *message)
{
    const json_t *stable = json_object_get(message, "stable");
    const json_t *content = json_object_get(message, "content");
    const char *text = json_string_value(content);
    const json_int_t bytes = json_integer_value(stable);

    if (!stable)
        return NULL;
    if (!json_is_integer(stable) || !text || bytes < 0 ||
        (size_t)bytes > json_string_length(content) || ((unsigned char)text[bytes] & 0xC0) == 0x80)
        return "stable is a number of bytes of the content, up to the end of a character";
    return NULL;
}

static const char *check_message(const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));

    if (!role || (strcmp(role, "system") != 0 && strcmp(role, "user") != 0 &&
                  strcmp(role, "assistant") != 0 && strcmp(role, "tool") != 0))
        return "a message needs the role system, user, assistant or tool";
    if (!json_is_string(json_object_get(message, "content")) &&
        !(json_object_get(message, "tool_calls") &&
          json_is_null(json_object_get(message, "content"))))
        return "a message needs a content of text";
    if (check_stable(message))
        return check_stable(message);
    if (llm_pictures_check(message))
        return llm_pictures_check(message);
    return check_calls(message, role);
}

/* They refuse a call that comes back without the thoughts before it; others may say so. */
static int wants_thoughts(const struct llm_settings *settings)
{
    static const char *const hosts[] = {"api.deepseek.com", "api.moonshot.ai", "api.moonshot.cn"};

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        if (strcmp(settings->host_name, hosts[i]) == 0)
            return 1;
    if (settings->format == LLM_FORMAT_ANTHROPIC)
        return 1;
    return strcmp(settings->host_name, "openrouter.ai") == 0 &&
           strstr(settings->model, "gemini") != NULL;
}

/* Gemini's compatible address; others of it may say so. */
static int wants_signatures(const struct llm_settings *settings)
{
    return strcmp(settings->host_name, "generativelanguage.googleapis.com") == 0;
}

troupe_status llm_request_init(struct llm_request *request, const struct llm_settings *settings,
                               troupe_str messages, int64_t max_tokens, double temperature,
                               const char **ret_problem)
{
    const json_t *message;
    struct llm_request fitted;
    struct llm_trim trim;
    troupe_status status;
    size_t i;

    memset(request, 0, sizeof(*request));
    llm_request_turn_to(request, settings);
    request->max_tokens = settings->max_tokens;
    if (max_tokens > 0 && max_tokens < request->max_tokens)
        request->max_tokens = max_tokens;
    request->has_temperature = temperature >= 0 || settings->has_temperature;
    request->temperature = temperature >= 0 ? temperature : settings->temperature;
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
    status = llm_fit(request, &fitted, &trim);
    llm_request_clear(request);
    if (status < 0) {
        *ret_problem = "the last message does not fit into context_tokens";
        return status;
    }
    *request = fitted;
    request->dropped = trim.messages;
    llm_request_measure(request);
    return TROUPE_OK;
bad:
    llm_request_clear(request);
    return TROUPE_ARGUMENT;
}

void llm_request_clear(struct llm_request *request)
{
    json_decref(request->messages);
    json_decref(request->tools);
    json_decref(request->schema);
    request->messages = request->tools = request->schema = NULL;
}

void llm_request_measure(struct llm_request *request)
{
    const json_t *message;
    size_t i;

    request->input_bytes = dumped(request->tools) + dumped(request->schema) +
                           (request->tools ? LLM_TOOLS_OVERHEAD : 0);
    json_array_foreach (request->messages, i, message)
        request->input_bytes += json_string_length(json_object_get(message, "content")) +
                                dumped(json_object_get(message, "tool_calls")) +
                                signature_bytes(request, message) + thought_bytes(request, message);
}

troupe_status llm_request_offer(struct llm_request *request, troupe_str tools,
                                const char **ret_problem)
{
    LLM_CLEANUP_JSON json_t *list = llm_json_load(tools.ptr, tools.len);
    const json_t *tool;
    size_t i;

    *ret_problem = "tools must be an array of at most 128 functions";
    if (!json_is_array(list) || json_array_size(list) > LLM_TOOLS_MAX)
        return TROUPE_ARGUMENT;
    json_array_foreach (list, i, tool) {
        const json_t *function = json_object_get(tool, "function");

        *ret_problem = "a tool needs a function with a name, and its parameters are a JSON schema";
        if (!json_is_string(json_object_get(function, "name")) ||
            (json_object_get(function, "parameters") &&
             !json_is_object(json_object_get(function, "parameters"))))
            return TROUPE_ARGUMENT;
    }
    if (json_array_size(list) == 0)
        return TROUPE_OK;
    request->tools = json_incref(list);
    llm_request_measure(request);
    return TROUPE_OK;
}

troupe_status llm_request_want_json(struct llm_request *request, troupe_str schema,
                                    const char **ret_problem)
{
    request->wants_json = 1;
    if (schema.len == 0)
        return TROUPE_OK;
    request->schema = llm_json_load(schema.ptr, schema.len);
    if (!json_is_object(request->schema)) {
        *ret_problem = "the schema of the answer must be a JSON object";
        return TROUPE_ARGUMENT;
    }
    llm_request_measure(request);
    return TROUPE_OK;
}

void llm_request_turn_to(struct llm_request *request, const struct llm_settings *settings)
{
    request->settings = settings;
    memset(&request->shape, 0, sizeof(request->shape));
    request->shape.completion_tokens =
        settings->token_parameter == LLM_TOKEN_AUTO
            ? (settings->lacks & LLM_LACKS_MAX_TOKENS) != 0
            : settings->token_parameter == LLM_TOKEN_MAX_COMPLETION_TOKENS;
    request->shape.no_temperature = (settings->lacks & LLM_LACKS_TEMPERATURE) != 0;
    request->shape.no_tools = (settings->lacks & LLM_LACKS_TOOLS) != 0;
    request->shape.thoughts = (uint8_t)wants_thoughts(settings);
    request->shape.signs = (uint8_t)wants_signatures(settings);
    request->shape.no_schema = (settings->lacks & LLM_LACKS_SCHEMA) != 0;
    request->shape.no_json = (settings->lacks & LLM_LACKS_JSON) != 0;
}

char *llm_request_body(const struct llm_request *request)
{
    return llm_provider_body(request);
}

/* The parameter that a refusal is about: its "param" where there is one, else the first of ours
 * that its text names. Servers write `max_tokens` in the advice about `max_completion_tokens` and
 * the other way round, so the first mention counts. */
static const char *refused_parameter(const char *param, const char *message)
{
    static const char *const ours[] = {
        "max_completion_tokens", "max_tokens",    "temperature",       "stream_options",
        "response_format",       "output_config", "thinking",          "cache_control",
        "json_schema",           "json_object",   "ChatRequest.format"};
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

/* As Ollama and OpenRouter say it. */
static int refuses_tools(const char *message)
{
    return message &&
           (strstr(message, "does not support tools") || strstr(message, "support tool use") ||
            strstr(message, "tools is not supported"));
}

/* As DeepSeek, Moonshot and OpenRouter say it. */
static int misses_thoughts(const char *text)
{
    return text && (strstr(text, "reasoning details to be preserved") ||
                    (strstr(text, "reasoning_content") &&
                     (strstr(text, "passed back") || strstr(text, "issing"))));
}

static int has_thoughts(const struct llm_request *request)
{
    const json_t *message;
    size_t i;

    json_array_foreach (request->messages, i, message)
        if (json_object_get(message, LLM_THOUGHTS))
            return 1;
    return 0;
}

/* It gets them from now on, where there are any, else it is asked not to think (llm_provider_stops_thinking). 0:
 * nothing would change. */
static int give_thoughts(struct llm_request *request)
{
    const struct llm_shape before = request->shape;
    int changed = 0;

    if (llm_provider_stops_thinking(request))
        return 0;
    request->shape.thoughts = 1;
    if (!before.thoughts)
        changed = has_thoughts(request) || llm_provider_stops_thinking(request);
    if (!changed) {
        request->shape.all_thoughts = 1;
        changed = llm_provider_stops_thinking(request);
    }
    if (!changed)
        request->shape = before;
    llm_request_measure(request);
    return changed;
}

/* As Gemini's two addresses say it. */
static int misses_signature(const char *text)
{
    return text && strstr(text, "thought_signature") && strstr(text, "issing");
}

int llm_request_adapt(struct llm_request *request, const char *param, const char *message)
{
    struct llm_shape before = request->shape, *shape = &request->shape;
    const char *name = refused_parameter(param, message);

    if (request->tools && !shape->no_tools && refuses_tools(message)) {
        shape->no_tools = 1;
        return 1;
    }
    if (misses_thoughts(message))
        return give_thoughts(request);
    if (!shape->signs && misses_signature(message)) {
        shape->signs = 1;
        llm_request_measure(request);
        return 1;
    }
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
    else if (strcmp(name, "thinking") == 0)
        shape->no_thinking =
            request->tools != NULL && request->settings->format == LLM_FORMAT_ANTHROPIC;
    else if (strcmp(name, "cache_control") == 0)
        shape->no_cache = 1;
    else if (request->wants_json && request->schema && !shape->no_schema)
        shape->no_schema = 1;
    else if (request->wants_json)
        shape->no_json = 1;
    return memcmp(&before, shape, sizeof(before)) != 0;
}
