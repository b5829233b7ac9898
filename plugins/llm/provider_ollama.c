/* SPDX-License-Identifier: Apache-2.0
 *
 * Ollama's own API: a JSON object a line, arguments of tools as objects, options in an object of
 * their own. Unlike its /v1 it takes the size of the context, without which long talks are cut
 * silently.
 */
#include "provider.h"

#include <string.h>

/* ---- the request -------------------------------------------------------------------------------*/

static json_t *calls_of(const json_t *calls)
{
    json_t *list = json_array();
    const json_t *call;
    size_t i;

    json_array_foreach ((json_t *)calls, i, call) {
        const json_t *function = json_object_get(call, "function");
        const json_t *arguments = json_object_get(function, "arguments");
        const char *text = json_string_value(arguments);
        json_t *object = llm_json_load(text ? text : "", json_string_length(arguments));

        if (!json_is_object(object)) {
            json_decref(object);
            object = json_object();
        }
        json_array_append_new(list,
                              json_pack("{s:{s:O?, s:o}}", "function", "name",
                                        json_object_get(function, "name"), "arguments", object));
    }
    return list;
}

static json_t *images_of(const struct llm_request *request, const json_t *message)
{
    const struct llm_picture *picture;
    json_t *list = json_array();

    for (size_t i = 0; (picture = llm_pictures_at(request, message, i)); i++)
        json_array_append_new(list, llm_pictures_stand_in(picture, ""));
    return list;
}

static json_t *message_of(const struct llm_request *request, const json_t *message)
{
    const json_t *calls = json_object_get(message, "tool_calls");
    const char *text = json_string_value(json_object_get(message, "content"));
    json_t *ret = json_pack("{s:O, s:s}", "role", json_object_get(message, "role"), "content",
                            text ? text : "");

    if (ret && json_is_array(calls))
        json_object_set_new(ret, "tool_calls", calls_of(calls));
    if (ret && llm_pictures_of(message) > 0)
        json_object_set_new(ret, "images", images_of(request, message));
    if (ret && json_object_get(message, "tool_call_id")) { /* ids mean nothing here */
        const char *name = llm_provider_called(request->messages, message);

        json_object_set_new(ret, "tool_name", json_string(name ? name : ""));
    }
    return ret;
}

static json_t *options_of(const struct llm_request *request)
{
    json_t *options = json_pack("{s:I, s:I}", "num_predict", (json_int_t)request->max_tokens,
                                "num_ctx", (json_int_t)request->settings->context_tokens);

    if (options && request->has_temperature && !request->shape.no_temperature)
        json_object_set_new(options, "temperature", json_real(request->temperature));
    return options;
}

static json_t *ollama_body(const struct llm_request *request)
{
    const enum llm_json_wish wish = llm_provider_json_wish(request);
    json_t *messages = json_array(), *ret;
    const json_t *message;
    size_t i;
    int failed = 0;

    json_array_foreach (request->messages, i, message)
        failed |= json_array_append_new(messages, message_of(request, message));
    ret = json_pack("{s:s, s:o, s:b, s:o}", "model", request->settings->model, "messages", messages,
                    "stream", 1, "options", options_of(request));
    if (!ret)
        return NULL;
    if (request->settings->keep_alive[0])
        failed |=
            json_object_set_new(ret, "keep_alive", json_string(request->settings->keep_alive));
    if (request->tools && !request->no_calls)
        failed |= json_object_set_new(ret, "tools", llm_provider_tools(request));
    if (wish == LLM_JSON_SCHEMA)
        failed |= json_object_set(ret, "format", request->schema);
    else if (wish == LLM_JSON_OBJECT)
        failed |= json_object_set_new(ret, "format", json_string("json"));
    if (failed) {
        json_decref(ret);
        return NULL;
    }
    return ret;
}

/* ---- the answer --------------------------------------------------------------------------------*/

/* Calls come whole, and several lines may bring one each: what makes
 * them differ is their order. */
static troupe_status ollama_calls(struct llm_stream *stream, const json_t *calls)
{
    const json_t *item;
    size_t i;

    json_array_foreach ((json_t *)calls, i, item) {
        const json_t *function = json_object_get(item, "function");
        const json_t *arguments = json_object_get(function, "arguments");
        LLM_CLEANUP_TEXT char *text = json_dumps(arguments, JSON_COMPACT);
        struct llm_call *call =
            llm_stream_call(stream, (int64_t)stream->call_count, json_object_get(item, "id"),
                            json_object_get(function, "name"));
        troupe_status status;

        if (!call)
            return TROUPE_LIMIT;
        status = llm_stream_argue(stream, call, text, text ? strlen(text) : 0);
        if (status < 0)
            return status;
    }
    return TROUPE_OK;
}

static troupe_status ollama_read(struct llm_stream *stream, const json_t *chunk)
{
    const json_t *error = json_object_get(chunk, "error");
    const json_t *message = json_object_get(chunk, "message");
    const json_t *done = json_object_get(chunk, "done");
    struct llm_usage *usage = &stream->usage;
    troupe_status status;

    if (error && !json_is_null(error)) {
        llm_provider_error_take(error, &stream->error);
        return TROUPE_UNAVAILABLE;
    }
    if (!json_is_object(message) && !json_is_boolean(done))
        return TROUPE_DATA;
    llm_stream_text(chunk, "model", stream->model, sizeof(stream->model));
    llm_stream_append(stream, json_object_get(message, "content"));
    llm_stream_think(stream, json_string_length(json_object_get(message, "thinking")));
    status = ollama_calls(stream, json_object_get(message, "tool_calls"));
    if (status < 0 || !json_is_true(done))
        return status;
    stream->done = 1;
    llm_stream_finish(stream, stream->call_count > 0
                                  ? "tool_calls"
                                  : json_string_value(json_object_get(chunk, "done_reason")));
    /* A prompt that was still in memory is left out of the count: then it is estimated. */
    usage->known = (uint8_t)(llm_stream_count(chunk, "prompt_eval_count", &usage->input) &
                             llm_stream_count(chunk, "eval_count", &usage->output));
    return TROUPE_OK;
}

/* {"model": …, "message": {"content": "text"}, "done": false} */
static const struct llm_shape_of text_of_message = {
    .members = {{LLM_NAMED("content"), .kind = LLM_MEMBER_TEXT}, {LLM_NAMED("role")}},
    .others = LLM_MEMBER_NOTHING};
static const struct llm_shape_of ollama_text_chunk = {
    .members = {
        {LLM_NAMED("message"), .kind = LLM_MEMBER_OBJECT, .needed = 1, .inner = &text_of_message},
        {LLM_NAMED("model"), .kind = LLM_MEMBER_MODEL},
        {LLM_NAMED("done"), .kind = LLM_MEMBER_FALSE},
        {LLM_NAMED("error"), .kind = LLM_MEMBER_NOTHING}}};

const struct llm_provider llm_provider_ollama = {
    .name = "ollama",
    .framing = LLM_LINES,
    .accept = "application/x-ndjson",
    .chat = "/chat",
    .models = "/tags",
    .key_header = "Authorization",
    .key_prefix = "Bearer ",
    .model_list = "models",
    .model_name = "name",
    .body = ollama_body,
    .read = ollama_read,
    .delta = &ollama_text_chunk,
};
