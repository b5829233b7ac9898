/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's chat completions, which most servers speak: OpenRouter, llama.cpp, vLLM, LM Studio,
 * Ollama's /v1, the compatible addresses of other providers.
 */
#include "provider.h"

#include <string.h>

static int put(json_t *body, const char *key, json_t *value)
{
    return json_object_set_new(body, key, value);
}

static json_t *response_format(const struct llm_request *request, enum llm_json_wish wish)
{
    if (wish == LLM_JSON_OBJECT)
        return json_pack("{s:s}", "type", "json_object");
    return json_pack("{s:s, s:{s:s, s:O, s:b}}", "type", "json_schema", "json_schema", "name",
                     "answer", "schema", request->schema, "strict", 0);
}

static json_t *openai_body(const struct llm_request *request)
{
    const struct llm_shape *shape = &request->shape;
    const enum llm_json_wish wish = llm_provider_json_wish(request);
    json_t *ret = json_pack("{s:s, s:o, s:b}", "model", request->settings->model, "messages",
                            llm_provider_messages(request), "stream", 1);
    int failed;

    if (!ret)
        return NULL;
    failed = put(ret, shape->completion_tokens ? "max_completion_tokens" : "max_tokens",
                 json_integer(request->max_tokens));
    if (!shape->no_usage)
        failed |= put(ret, "stream_options", json_pack("{s:b}", "include_usage", 1));
    if (request->has_temperature && !shape->no_temperature)
        failed |= put(ret, "temperature", json_real(request->temperature));
    if (request->tools)
        failed |= put(ret, "tools", llm_provider_tools(request));
    if (request->tools && request->no_calls)
        failed |= put(ret, "tool_choice", json_string("none"));
    if (llm_provider_stops_thinking(request))
        failed |= put(ret, "thinking", json_pack("{s:s}", "type", "disabled"));
    if (wish != LLM_JSON_NONE)
        failed |= put(ret, "response_format", response_format(request, wish));
    if (failed) {
        json_decref(ret);
        return NULL;
    }
    return ret;
}

/* Tokens of the answer, thoughts included. OpenAI counts these among the completion; xAI and Gemini beside it,
 * and of the latter only the total has them. A provider that tells no total and more thoughts than completion
 * counts them beside it, too. No count is above LLM_USAGE_MAX. */
static uint64_t output_of(const json_t *usage, uint64_t input, uint64_t completion,
                          uint64_t reasoning)
{
    uint64_t total;

    if (!llm_stream_count(usage, "total_tokens", &total))
        return reasoning > completion ? completion + reasoning : completion;
    return total > input && total - input > completion ? total - input : completion;
}

/* Usage counts are totals, never increments: the last chunk that has them counts. `prompt_tokens`
 * holds what was cached, which Moonshot tells in a place of its own. */
static void openai_usage(const json_t *usage, struct llm_usage *ret)
{
    const json_t *cost = json_object_get(usage, "cost");
    const json_t *in = json_object_get(usage, "prompt_tokens_details");
    uint64_t input, completion;

    if (llm_stream_count(usage, "prompt_tokens", &input) &&
        llm_stream_count(usage, "completion_tokens", &completion)) {
        ret->known = 1;
        ret->input = input;
        ret->cached = ret->written = ret->reasoning = 0;
        if (!llm_stream_count(in, "cached_tokens", &ret->cached))
            llm_stream_count(usage, "cached_tokens", &ret->cached);
        llm_stream_count(in, "cache_write_tokens", &ret->written);
        llm_stream_count(json_object_get(usage, "completion_tokens_details"), "reasoning_tokens",
                         &ret->reasoning);
        ret->output = output_of(usage, input, completion, ret->reasoning);
    }
    if (json_is_number(cost) && json_number_value(cost) > 0 && json_number_value(cost) < 1e6) {
        double micros = json_number_value(cost) * 1e6;

        ret->cost_micros = (uint64_t)micros;
        ret->cost_micros += (double)ret->cost_micros < micros;
        ret->has_cost = 1;
    }
}

static size_t text_len(const json_t *object, const char *key)
{
    return json_string_length(json_object_get(object, key));
}

/* ---- calls ------------------------------------------------------------------------------------*/

static int is_whole(const struct llm_call *call)
{
    LLM_CLEANUP_JSON json_t *arguments =
        call->len > 0 ? llm_json_load(call->arguments, call->len) : NULL;

    return json_is_object(arguments);
}

/* Whether a piece is of another call than the one in its place: it has a name, as a beginning has, and another
 * id, or without ids arguments behind whole ones. Some servers repeat the name with every piece, and some make
 * up an id for each. */
static int begins_another(const struct llm_call *call, const char *id, const json_t *function)
{
    const char *name = json_string_value(json_object_get(function, "name"));
    const json_t *arguments = json_object_get(function, "arguments");

    if (!name || !name[0])
        return 0;
    if (id[0] && call->id[0])
        return strcmp(id, call->id) != 0;
    if (!json_is_object(arguments) && json_string_length(arguments) == 0 &&
        strcmp(name, call->name) == 0)
        return 0;
    return is_whole(call);
}

/* Of a piece without an index: by its id, else by its place, counted from the last, among the calls that were
 * there before the chunk. NULL: it is new. */
static struct llm_call *call_at(struct llm_stream *stream, const char *id, size_t at, size_t count,
                                size_t before)
{
    for (size_t i = 0; id[0] && i < before; i++)
        if (strcmp(stream->calls[i].id, id) == 0)
            return &stream->calls[i];
    return before + at >= count && before + at - count < before
               ? &stream->calls[before + at - count]
               : NULL;
}

/* Arguments are text, which some servers give as an object. */
static troupe_status argue(struct llm_stream *stream, struct llm_call *call,
                           const json_t *arguments)
{
    LLM_CLEANUP_TEXT char *object =
        json_is_object(arguments) ? json_dumps(arguments, JSON_COMPACT) : NULL;
    const char *text = object ? object : json_string_value(arguments);

    return llm_stream_argue(stream, call, text, text ? strlen(text) : 0);
}

/* Pieces belong together by "index"; id and name come with the first only. A whole answer has no index, and
 * Gemini's stream has none or 0 for all. */
static troupe_status openai_calls(struct llm_stream *stream, const json_t *calls)
{
    const size_t before = stream->call_count;
    const json_t *item;
    size_t i;

    json_array_foreach ((json_t *)calls, i, item) {
        const json_t *index = json_object_get(item, "index");
        const json_t *function = json_object_get(item, "function");
        char id[LLM_CALL_ID_MAX + 1] = "";
        struct llm_call *call;
        troupe_status status;

        llm_stream_text(item, "id", id, sizeof(id));
        call = json_is_integer(index) ? llm_stream_find(stream, json_integer_value(index))
                                      : call_at(stream, id, i, json_array_size(calls), before);
        if (!call || begins_another(call, id, function))
            call = llm_stream_begin(stream, json_is_integer(index) ? json_integer_value(index)
                                                                   : (int64_t)stream->call_count);
        if (!call)
            return TROUPE_LIMIT;
        llm_stream_name(call, json_object_get(item, "id"), json_object_get(function, "name"));
        status = argue(stream, call, json_object_get(function, "arguments"));
        if (status >= 0)
            status = llm_stream_keep(stream, call, json_object_get(item, LLM_EXTRA));
        if (status < 0)
            return status;
    }
    return TROUPE_OK;
}

/* ---- chunks -----------------------------------------------------------------------------------*/

static troupe_status read_choice(struct llm_stream *stream, const json_t *choice)
{
    const json_t *delta = json_object_get(choice, "delta");
    size_t thoughts;

    if (!json_is_object(delta))
        delta = json_object_get(choice, "message");
    llm_stream_append(stream, json_object_get(delta, "content"));
    llm_stream_append(stream, json_object_get(delta, "refusal"));
    /* Some servers send both names with the same text. */
    thoughts = text_len(delta, "reasoning_content");
    llm_stream_think(stream, thoughts ? thoughts : text_len(delta, "reasoning"));
    if (json_is_string(json_object_get(delta, "reasoning_content")))
        llm_stream_remember(stream, json_string_value(json_object_get(delta, "reasoning_content")),
                            thoughts);
    llm_stream_remember_details(stream, json_object_get(delta, "reasoning_details"));
    llm_stream_finish(stream, json_string_value(json_object_get(choice, "finish_reason")));
    return openai_calls(stream, json_object_get(delta, "tool_calls"));
}

static troupe_status openai_read(struct llm_stream *stream, const json_t *chunk)
{
    const json_t *error = json_object_get(chunk, "error");
    const json_t *choices = json_object_get(chunk, "choices");
    const json_t *usage = json_object_get(chunk, "usage");

    /* Moonshot tells it in the last choice. */
    if (!json_is_object(usage))
        usage = json_object_get(json_array_get(choices, 0), "usage");
    if (json_is_object(usage))
        openai_usage(usage, &stream->usage);
    if (!error || json_is_null(error)) /* OpenRouter has one for each choice, too */
        error = json_object_get(json_array_get(choices, 0), "error");
    if (error && !json_is_null(error)) {
        llm_provider_error_take(error, &stream->error);
        return TROUPE_UNAVAILABLE;
    }
    if (!json_is_array(choices) && !json_is_object(usage))
        return TROUPE_DATA;
    llm_stream_text(chunk, "model", stream->model, sizeof(stream->model));
    /* The chunk with the usage has no choices. */
    return json_array_size(choices) > 0 ? read_choice(stream, json_array_get(choices, 0))
                                        : TROUPE_OK;
}

/* {"model": …, "choices": [{"delta": {"content": "text"}, "finish_reason": null}]} */
static const struct llm_shape_of openai_text_of_delta = {
    .members = {{LLM_NAMED("content"), .kind = LLM_MEMBER_TEXT}, {LLM_NAMED("role")}},
    .others = LLM_MEMBER_NOTHING};
static const struct llm_shape_of delta_of_choice = {
    .members = {{LLM_NAMED("delta"), .kind = LLM_MEMBER_OBJECT, .needed = 1,
                 .inner = &openai_text_of_delta},
                {LLM_NAMED("finish_reason"), .kind = LLM_MEMBER_FINISH},
                {LLM_NAMED("usage"), .kind = LLM_MEMBER_NOTHING},
                {LLM_NAMED("error"), .kind = LLM_MEMBER_NOTHING}}};
static const struct llm_shape_of openai_text_chunk = {
    .members = {
        {LLM_NAMED("choices"), .kind = LLM_MEMBER_FIRST, .needed = 1, .inner = &delta_of_choice},
        {LLM_NAMED("model"), .kind = LLM_MEMBER_MODEL},
        {LLM_NAMED("usage"), .kind = LLM_MEMBER_NOTHING},
        {LLM_NAMED("error"), .kind = LLM_MEMBER_NOTHING}}};

const struct llm_provider llm_provider_openai = {
    .name = "openai",
    .framing = LLM_EVENTS,
    .accept = "text/event-stream",
    .chat = "/chat/completions",
    .models = "/models",
    .key_header = "Authorization",
    .key_prefix = "Bearer ",
    .model_list = "data",
    .model_name = "id",
    .body = openai_body,
    .read = openai_read,
    .delta = &openai_text_chunk,
};
