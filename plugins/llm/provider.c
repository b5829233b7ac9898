/* SPDX-License-Identifier: Apache-2.0 */
#include "provider.h"

#include "actions.h"

#include <string.h>

const struct llm_provider *llm_provider_of(const struct llm_settings *settings)
{
    switch (settings->format) {
    case LLM_FORMAT_ANTHROPIC: return &llm_provider_anthropic;
    case LLM_FORMAT_OLLAMA: return &llm_provider_ollama;
    case LLM_FORMAT_OPENAI: break;
    }
    return &llm_provider_openai;
}

json_t *llm_provider_tools(const struct llm_request *request)
{
    json_t *list = json_array();
    const json_t *tool;
    size_t i;

    json_array_foreach (request->tools, i, tool)
        json_array_append_new(list, json_pack("{s:s, s:O}", "type", "function", "function",
                                              json_object_get(tool, "function")));
    return list;
}

/* Text and pictures in a list, as OpenAI wants them together. */
static json_t *parts_of(const struct llm_request *request, const json_t *message)
{
    const char *text = json_string_value(json_object_get(message, "content"));
    const struct llm_picture *picture;
    json_t *parts = json_array();

    if (text && text[0])
        json_array_append_new(parts, json_pack("{s:s, s:s}", "type", "text", "text", text));
    for (size_t i = 0; (picture = llm_pictures_at(request, message, i)); i++)
        json_array_append_new(parts,
                              json_pack("{s:s, s:{s:o, s:s}}", "type", "image_url", "image_url",
                                        "url", llm_pictures_stand_in(picture, NULL), "detail",
                                        request->pictures->low ? "low" : "high"));
    return parts;
}

const char *llm_provider_called(const json_t *messages, const json_t *result)
{
    const char *id = json_string_value(json_object_get(result, "tool_call_id")), *name = NULL;
    const json_t *message, *call;
    size_t i, n;

    json_array_foreach ((json_t *)messages, i, message) {
        if (message == result)
            break;
        json_array_foreach (json_object_get(message, "tool_calls"), n, call) {
            const char *own = json_string_value(json_object_get(call, "id"));

            if (own && id && strcmp(own, id) == 0)
                name =
                    json_string_value(json_object_get(json_object_get(call, "function"), "name"));
        }
    }
    return name;
}

/* ---- what goes back to one model only ---------------------------------------------------------*/

#define EXTRA_OF "extra_of"

static json_t *signature_of(const struct llm_settings *settings)
{
    return json_sprintf("%s %s", settings->base_url, settings->model);
}

int llm_provider_sign(json_t *message, const struct llm_settings *settings)
{
    return json_object_set_new(message, EXTRA_OF, signature_of(settings));
}

int llm_provider_is_own(const struct llm_request *request, const json_t *message)
{
    const json_t *of = json_object_get(message, EXTRA_OF);
    LLM_CLEANUP_JSON json_t *own = of ? signature_of(request->settings) : NULL;

    return of && json_equal(of, own);
}

/* The calls without what belongs to another model. */
static json_t *plain_calls(const json_t *calls)
{
    json_t *list = json_array(), *copy;
    const json_t *call;
    size_t i;

    json_array_foreach ((json_t *)calls, i, call) {
        copy = json_copy((json_t *)call);
        json_object_del(copy, LLM_EXTRA);
        json_array_append_new(list, copy);
    }
    return list;
}

/* Takes out of a copy of a message what is not for the model that is asked. */
static void unsign(const struct llm_request *request, json_t *message)
{
    if (!json_object_get(message, EXTRA_OF))
        return;
    if (!llm_provider_is_own(request, message))
        json_object_set_new(message, "tool_calls",
                            plain_calls(json_object_get(message, "tool_calls")));
    else if (request->shape.thoughts)
        json_object_update(message, json_object_get(message, LLM_THOUGHTS));
    json_object_del(message, LLM_THOUGHTS);
    json_object_del(message, EXTRA_OF);
}

/* OpenRouter has a wish of its own for that, and names for thoughts. */
int llm_provider_stops_thinking(const struct llm_request *request)
{
    const json_t *message;
    size_t i;

    if (!request->shape.thoughts || !request->tools ||
        request->settings->format != LLM_FORMAT_OPENAI ||
        strcmp(request->settings->host_name, "openrouter.ai") == 0)
        return 0;
    json_array_foreach (request->messages, i, message) {
        const char *role = json_string_value(json_object_get(message, "role"));
        const json_t *thoughts = json_object_get(message, LLM_THOUGHTS);

        if (!json_object_get(message, "tool_calls") &&
            !(request->shape.all_thoughts && role && strcmp(role, "assistant") == 0))
            continue;
        if (!llm_provider_is_own(request, message) ||
            !json_object_get(thoughts, "reasoning_content"))
            return 1;
    }
    return 0;
}

static int lacks_signature(const struct llm_request *request, const json_t *message)
{
    const json_t *first = json_array_get(json_object_get(message, "tool_calls"), 0);

    return request->shape.signs && first && !json_object_get(first, LLM_EXTRA);
}

/* The first call of a copy of a message gets what stands for a signature. */
static void sign_call(json_t *message)
{
    json_t *calls = json_copy(json_object_get(message, "tool_calls"));
    json_t *first = json_copy(json_array_get(calls, 0));

    json_object_set_new(first, LLM_EXTRA,
                        json_pack("{s:{s:s}}", "google", "thought_signature", LLM_ANY_SIGNATURE));
    json_array_set_new(calls, 0, first);
    json_object_set_new(message, "tool_calls", calls);
}

json_t *llm_provider_messages(const struct llm_request *request)
{
    json_t *list = json_array(), *copy;
    const json_t *message;
    size_t i;

    json_array_foreach (request->messages, i, message) {
        if (!json_object_get(message, "stable") && !json_object_get(message, "pictures") &&
            !json_object_get(message, EXTRA_OF) && !lacks_signature(request, message)) {
            json_array_append(list, (json_t *)message);
            continue;
        }
        copy = json_copy((json_t *)message);
        json_object_del(copy, "stable");
        if (llm_pictures_of(message) > 0)
            json_object_set_new(copy, "content", parts_of(request, message));
        json_object_del(copy, "pictures");
        unsign(request, copy);
        if (lacks_signature(request, copy))
            sign_call(copy);
        json_array_append_new(list, copy);
    }
    return list;
}

#define BESIDE_INPUT 512 /* bytes of a body beside the texts, as a rule */

/* The caller's; NULL without memory. */
static json_t *tree_of(const struct llm_request *request)
{
    LLM_CLEANUP_JSON json_t *words = NULL;
    struct llm_request plain = *request;

    if (llm_actions_used(request)) {
        plain.messages = words = llm_actions_messages(request);
        plain.tools = NULL;
        if (!words)
            return NULL;
    }
    return llm_provider_of(request->settings)->body(&plain);
}

enum llm_json_wish llm_provider_json_wish(const struct llm_request *request)
{
    const char *type = json_string_value(json_object_get(request->schema, "type"));

    if (!request->wants_json || request->shape.no_json)
        return LLM_JSON_NONE;
    if (request->schema && !request->shape.no_schema)
        return LLM_JSON_SCHEMA;
    return !request->schema || (type && strcmp(type, "object") == 0) ? LLM_JSON_OBJECT
                                                                     : LLM_JSON_NONE;
}

char *llm_provider_body(const struct llm_request *request)
{
    LLM_CLEANUP_JSON json_t *body = tree_of(request);

    return request->pictures ? llm_pictures_print(request, body, JSON_REAL_PRECISION(6))
                             : llm_json_print_with(body, JSON_REAL_PRECISION(6),
                                                   request->input_bytes + BESIDE_INPUT, NULL, NULL);
}

void llm_provider_cut(const struct llm_request *request, struct llm_body *ret)
{
    LLM_CLEANUP_JSON json_t *body = tree_of(request);

    llm_pictures_cut(request, body, JSON_REAL_PRECISION(6), ret);
}

troupe_status llm_provider_chunk(const struct llm_provider *provider, struct llm_stream *stream,
                                 const char *data, size_t len, const char **ret, size_t *ret_len)
{
    LLM_CLEANUP_JSON json_t *tree = NULL;
    size_t before = stream->len;
    troupe_status status;

    while (len > 0 && data[len - 1] == ' ')
        len--;
    if (len == 6 && memcmp(data, "[DONE]", 6) == 0) {
        stream->done = 1;
        return TROUPE_END;
    }
    if (!llm_delta_take(provider->delta, stream, data, len)) {
        tree = llm_json_load(data, len);
        if (!json_is_object(tree))
            return TROUPE_DATA;
        status = provider->read(stream, tree);
        if (status < 0)
            return status;
    }
    stream->chunks++;
    *ret = stream->text + before;
    *ret_len = stream->len - before;
    return TROUPE_OK;
}

/* ---- lines --------------------------------------------------------------------------------------
 * The decoder of events has all that lines need: a buffer that bounds them, and its place in it. */

static troupe_status next_line(struct llm_sse *lines, const char **data, size_t *len,
                               struct llm_sse_event *ret)
{
    if (lines->dispatched) {
        lines->dispatched = 0;
        lines->line_len = 0;
    }
    while (*len > 0) {
        const char *end = memchr(*data, '\n', *len);
        size_t n = end ? (size_t)(end - *data) : *len;

        if (n > lines->capacity - lines->line_len)
            return TROUPE_LIMIT;
        memcpy(lines->buffer + lines->line_len, *data, n);
        lines->line_len += n;
        *data += end ? n + 1 : n;
        *len -= end ? n + 1 : n;
        if (!end)
            break;
        while (lines->line_len > 0 && lines->buffer[lines->line_len - 1] == '\r')
            lines->line_len--;
        if (lines->line_len == 0)
            continue;
        lines->dispatched = 1;
        *ret = (struct llm_sse_event){.name = "", .data = lines->buffer, .len = lines->line_len};
        return TROUPE_OK;
    }
    return TROUPE_END;
}

void llm_frames_init(struct llm_frames *frames, enum llm_framing framing, char *buffer,
                     size_t capacity)
{
    frames->framing = framing;
    llm_sse_init(&frames->sse, buffer, capacity);
}

troupe_status llm_frames_next(struct llm_frames *frames, const char **data, size_t *len,
                              struct llm_sse_event *ret)
{
    if (frames->framing == LLM_LINES)
        return next_line(&frames->sse, data, len, ret);
    return llm_sse_next(&frames->sse, data, len, ret);
}
