/* SPDX-License-Identifier: Apache-2.0
 *
 * Anthropic's Messages: instructions apart from the talk, content in blocks, events with names, and
 * an accounting of its own.
 */
#include "provider.h"

#include <string.h>

#define VERSION "2023-06-01"

/* Marks of what the provider may keep: four in a request, here the latest of the instructions and the talk. */
#define MARKS_EACH 2

/* ---- the request -------------------------------------------------------------------------------*/

static const char *text_of(const json_t *message, const char *key)
{
    const char *text = json_string_value(json_object_get(message, key));

    return text ? text : "";
}

static int has_role(const json_t *message, const char *role)
{
    return strcmp(text_of(message, "role"), role) == 0;
}

/* All instructions, which stand outside the talk, joined by an empty line. NULL where there are
 * none. */
static json_t *instructions(const json_t *messages)
{
    json_t *joined = NULL;
    const json_t *message;
    size_t i;

    json_array_foreach ((json_t *)messages, i, message) {
        const char *text = text_of(message, "content");
        json_t *longer;

        if (!has_role(message, "system") || !text[0])
            continue;
        if (!joined) {
            joined = json_string(text);
            continue;
        }
        longer = json_sprintf("%s\n\n%s", json_string_value(joined), text);
        json_decref(joined);
        joined = longer;
    }
    return joined;
}

/* The blocks of the last message where it has the same role, else those of a new one: turns must
 * alternate, and the results of all tools of one answer belong into one message. */
static json_t *blocks_for(json_t *talk, const char *role)
{
    json_t *last = json_array_get(talk, json_array_size(talk) - 1);

    if (!last || !has_role(last, role)) {
        last = json_pack("{s:s, s:[]}", "role", role, "content");
        if (json_array_append_new(talk, last) < 0)
            return NULL;
    }
    return json_object_get(last, "content");
}

/* A block of text. An empty one is refused, as is one that shows nothing. */
static int add_block(json_t *blocks, const char *text, size_t len, int marked)
{
    json_t *block;

    if (strspn(text, " \t\r\n") >= len)
        return 0;
    block = json_pack("{s:s, s:s%}", "type", "text", "text", text, len);
    if (block && marked)
        json_object_set_new(block, "cache_control", json_pack("{s:s}", "type", "ephemeral"));
    return json_array_append_new(blocks, block);
}

/* Bytes of a message behind which the provider is told that all up to there comes again; 0: not told.
 * Only so many may be marked, of which the latest save most. */
static size_t mark_of(const struct llm_request *request, size_t at)
{
    const json_t *messages = request->messages, *message = json_array_get(messages, at);
    const int is_system = has_role(message, "system");
    int later = 0;

    if (!json_object_get(message, "stable"))
        return 0;
    for (size_t i = at + 1; i < json_array_size(messages); i++) {
        const json_t *other = json_array_get(messages, i);

        later += has_role(other, "system") == is_system && json_object_get(other, "stable");
    }
    return request->shape.no_cache || later >= MARKS_EACH
               ? 0
               : (size_t)json_integer_value(json_object_get(message, "stable"));
}

/* The provider reads them best in front of the text. */
static int add_pictures(json_t *blocks, const struct llm_request *request, const json_t *message)
{
    const struct llm_picture *picture;

    for (size_t i = 0; (picture = llm_pictures_at(request, message, i)); i++)
        if (json_array_append_new(blocks,
                                  json_pack("{s:s, s:{s:s, s:s, s:o}}", "type", "image", "source",
                                            "type", "base64", "media_type", picture->head.type,
                                            "data", llm_pictures_stand_in(picture, ""))) < 0)
            return -1;
    return 0;
}

static int add_text(json_t *blocks, const json_t *message, size_t mark)
{
    const char *text = text_of(message, "content");

    if (mark > 0 && add_block(blocks, text, mark, 1) < 0)
        return -1;
    return add_block(blocks, text + mark, strlen(text) - mark, 0);
}

/* The instructions as they are where nothing of them is marked, else in blocks. */
static json_t *instructions_of(const struct llm_request *request)
{
    json_t *blocks = json_array();
    const json_t *message;
    size_t i, marks = 0;

    json_array_foreach (request->messages, i, message) {
        if (!has_role(message, "system"))
            continue;
        marks += mark_of(request, i) > 0;
        if (add_text(blocks, message, mark_of(request, i)) < 0)
            break;
    }
    if (marks > 0)
        return blocks;
    json_decref(blocks);
    return instructions(request->messages);
}

/* Those from `from` up to `until`. */
static int add_calls(json_t *blocks, const json_t *calls, size_t from, size_t until)
{
    for (size_t i = from; i < until && i < json_array_size(calls); i++) {
        const json_t *call = json_array_get(calls, i);
        const json_t *function = json_object_get(call, "function");
        const json_t *arguments = json_object_get(function, "arguments");
        json_t *input =
            llm_json_load(json_string_value(arguments) ? json_string_value(arguments) : "",
                          json_string_length(arguments));

        if (!json_is_object(input)) {
            json_decref(input);
            input = json_object();
        }
        if (json_array_append_new(blocks, json_pack("{s:s, s:s, s:s, s:o}", "type", "tool_use",
                                                    "id", text_of(call, "id"), "name",
                                                    text_of(function, "name"), "input", input)) < 0)
            return -1;
    }
    return 0;
}

/* What was thought before calls goes back to the same model as it came and where it stood. */
static int add_thought(json_t *blocks, const json_t *thought)
{
    json_t *copy = json_copy((json_t *)thought);

    json_object_del(copy, "at");
    json_object_del(copy, "calls");
    return json_array_append_new(blocks, copy);
}

static int add_answer(json_t *blocks, const struct llm_request *request, const json_t *message,
                      size_t mark)
{
    const json_t *calls = json_object_get(message, "tool_calls"), *thoughts = NULL, *thought;
    const char *text = text_of(message, "content");
    const size_t len = strlen(text);
    size_t i, at = 0, call = 0;

    if (llm_provider_is_own(request, message))
        thoughts = json_object_get(json_object_get(message, LLM_THOUGHTS), LLM_BLOCKS);
    if (!thoughts)
        return add_text(blocks, message, mark) < 0 ? -1 : add_calls(blocks, calls, 0, SIZE_MAX);
    json_array_foreach ((json_t *)thoughts, i, thought) {
        const size_t before = (size_t)json_integer_value(json_object_get(thought, "at"));
        const size_t until = before < at ? at : before < len ? before : len;
        const size_t calls_before = (size_t)json_integer_value(json_object_get(thought, "calls"));

        if (add_block(blocks, text + at, until - at, 0) < 0 ||
            add_calls(blocks, calls, call, calls_before) < 0 || add_thought(blocks, thought) < 0)
            return -1;
        at = until;
        call = calls_before;
    }
    return add_block(blocks, text + at, len - at, 0) < 0 ? -1
                                                         : add_calls(blocks, calls, call, SIZE_MAX);
}

static int add_message(json_t *talk, const struct llm_request *request, const json_t *message,
                       size_t mark)
{
    const int is_tool = has_role(message, "tool"), is_answer = has_role(message, "assistant");
    json_t *blocks;

    if (has_role(message, "system"))
        return 0;
    /* A talk begins with the member; the start of an older one may have been left out. */
    if (is_answer && json_array_size(talk) == 0)
        return 0;
    if (!is_tool && !text_of(message, "content")[0] && !json_object_get(message, "tool_calls") &&
        llm_pictures_of(message) == 0)
        return 0;
    blocks = blocks_for(talk, is_answer ? "assistant" : "user");
    if (!blocks)
        return -1;
    if (is_tool)
        return json_array_append_new(blocks,
                                     json_pack("{s:s, s:s, s:s}", "type", "tool_result",
                                               "tool_use_id", text_of(message, "tool_call_id"),
                                               "content", text_of(message, "content")));
    return add_pictures(blocks, request, message) < 0 ? -1
                                                      : add_answer(blocks, request, message, mark);
}

static json_t *talk_of(const struct llm_request *request)
{
    json_t *talk = json_array();
    const json_t *message;
    size_t i;

    json_array_foreach (request->messages, i, message) {
        if (!talk || add_message(talk, request, message, mark_of(request, i)) < 0) {
            json_decref(talk);
            return NULL;
        }
    }
    return talk;
}

static json_t *tools_of(const json_t *tools)
{
    json_t *list = json_array();
    const json_t *tool;
    size_t i;

    json_array_foreach ((json_t *)tools, i, tool) {
        const json_t *function = json_object_get(tool, "function");
        json_t *schema = json_object_get(function, "parameters");

        json_array_append_new(
            list, json_pack("{s:s, s:s, s:o}", "name", text_of(function, "name"), "description",
                            text_of(function, "description"), "input_schema",
                            schema ? json_incref(schema) : json_pack("{s:s}", "type", "object")));
    }
    return list;
}

static json_t *anthropic_body(const struct llm_request *request)
{
    const struct llm_shape *shape = &request->shape;
    json_t *system = instructions_of(request);
    json_t *ret =
        json_pack("{s:s, s:I, s:o, s:b}", "model", request->settings->model, "max_tokens",
                  (json_int_t)request->max_tokens, "messages", talk_of(request), "stream", 1);
    int failed = 0;

    if (!ret) {
        json_decref(system);
        return NULL;
    }
    if (system)
        failed |= json_object_set_new(ret, "system", system);
    if (request->has_temperature && !shape->no_temperature) /* 1 is the most here */
        failed |= json_object_set_new(
            ret, "temperature", json_real(request->temperature > 1 ? 1 : request->temperature));
    if (request->tools)
        failed |= json_object_set_new(ret, "tools", tools_of(request->tools));
    /* Thoughts before a call have to be sent back as they came, and are paid for again each time. */
    if (request->tools && !shape->no_thinking)
        failed |= json_object_set_new(ret, "thinking", json_pack("{s:s}", "type", "disabled"));
    if (request->tools && request->no_calls)
        failed |= json_object_set_new(ret, "tool_choice", json_pack("{s:s}", "type", "none"));
    if (llm_provider_json_wish(request) == LLM_JSON_SCHEMA)
        failed |= json_object_set_new(ret, "output_config",
                                      json_pack("{s:{s:s, s:O}}", "format", "type", "json_schema",
                                                "schema", request->schema));
    if (failed) {
        json_decref(ret);
        return NULL;
    }
    return ret;
}

/* ---- the answer --------------------------------------------------------------------------------*/

/* Reasons as OpenAI calls them, which everything behind this knows. */
static const char *finish_of(const char *reason)
{
    static const struct {
        const char *theirs, *ours;
    } names[] = {
        {"end_turn", "stop"},       {"stop_sequence", "stop"},
        {"max_tokens", "length"},   {"model_context_window_exceeded", "length"},
        {"tool_use", "tool_calls"}, {"refusal", "content_filter"},
    };

    for (size_t i = 0; reason && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i].theirs, reason) == 0)
            return names[i].ours;
    return reason;
}

/* Totals that replace what came before, each where it is named: the last event may have the output
 * alone. `input_tokens` does not hold what was read from the cache or put there. */
static void anthropic_usage(struct llm_stream *stream, const json_t *usage)
{
    struct llm_usage *ret = &stream->usage;
    uint64_t plain = ret->input - ret->cached - ret->written, count;

    if (!json_is_object(usage))
        return;
    if (llm_stream_count(usage, "input_tokens", &count))
        plain = count;
    llm_stream_count(usage, "cache_read_input_tokens", &ret->cached);
    llm_stream_count(usage, "cache_creation_input_tokens", &ret->written);
    llm_stream_count(usage, "output_tokens", &ret->output);
    llm_stream_count(json_object_get(usage, "output_tokens_details"), "thinking_tokens",
                     &ret->reasoning);
    ret->input = plain + ret->cached + ret->written;
}

static troupe_status read_block(struct llm_stream *stream, int64_t index, const json_t *block)
{
    const char *type = text_of(block, "type");
    const json_t *input = json_object_get(block, "input");
    LLM_CLEANUP_TEXT char *arguments = NULL;
    struct llm_call *call;

    if (strcmp(type, "text") == 0)
        llm_stream_append(stream, json_object_get(block, "text"));
    else if (strcmp(type, "thinking") == 0)
        llm_stream_think(stream, json_string_length(json_object_get(block, "thinking")));
    if (strcmp(type, "thinking") == 0 || strcmp(type, "redacted_thinking") == 0)
        llm_stream_remember_block(stream, block);
    if (strcmp(type, "tool_use") != 0)
        return TROUPE_OK; /* kinds that come up later are no error */
    call = llm_stream_call(stream, index, json_object_get(block, "id"),
                           json_object_get(block, "name"));
    if (!call)
        return TROUPE_LIMIT;
    /* An empty object only holds the place of pieces that follow; a whole answer has it all. */
    if (json_object_size(input) == 0)
        return TROUPE_OK;
    arguments = json_dumps(input, JSON_COMPACT);
    return arguments ? llm_stream_argue(stream, call, arguments, strlen(arguments)) : TROUPE_NOMEM;
}

static troupe_status read_delta(struct llm_stream *stream, int64_t index, const json_t *delta)
{
    const char *type = text_of(delta, "type");
    const json_t *json = json_object_get(delta, "partial_json");
    struct llm_call *call;

    if (strcmp(type, "text_delta") == 0) {
        llm_stream_append(stream, json_object_get(delta, "text"));
    } else if (strcmp(type, "thinking_delta") == 0) {
        llm_stream_think(stream, json_string_length(json_object_get(delta, "thinking")));
        llm_stream_grow_block(stream, "thinking", json_object_get(delta, "thinking"));
    } else if (strcmp(type, "signature_delta") == 0) {
        llm_stream_grow_block(stream, "signature", json_object_get(delta, "signature"));
    } else if (strcmp(type, "input_json_delta") == 0) {
        call = llm_stream_call(stream, index, NULL, NULL);
        return call ? llm_stream_argue(stream, call, json_string_value(json),
                                       json_string_length(json))
                    : TROUPE_LIMIT;
    }
    return TROUPE_OK;
}

/* {"type": "message"}: the answer of a server that does not stream. */
static troupe_status read_whole(struct llm_stream *stream, const json_t *message)
{
    const json_t *block;
    size_t i;

    json_array_foreach (json_object_get(message, "content"), i, block) {
        troupe_status status = read_block(stream, (int64_t)i, block);

        if (status < 0)
            return status;
    }
    llm_stream_finish(stream,
                      finish_of(json_string_value(json_object_get(message, "stop_reason"))));
    llm_stream_text(message, "model", stream->model, sizeof(stream->model));
    anthropic_usage(stream, json_object_get(message, "usage"));
    stream->usage.known = json_is_object(json_object_get(message, "usage"));
    stream->done = 1;
    return TROUPE_OK;
}

static troupe_status anthropic_read(struct llm_stream *stream, const json_t *chunk)
{
    const char *type = text_of(chunk, "type");
    const json_t *message = json_object_get(chunk, "message");
    const int64_t index = json_integer_value(json_object_get(chunk, "index"));

    if (strcmp(type, "error") == 0 || json_is_object(json_object_get(chunk, "error"))) {
        llm_provider_error_take(json_object_get(chunk, "error"), &stream->error);
        return TROUPE_UNAVAILABLE;
    }
    if (!type[0])
        return TROUPE_DATA;
    if (strcmp(type, "message") == 0)
        return read_whole(stream, chunk);
    if (strcmp(type, "content_block_start") == 0)
        return read_block(stream, index, json_object_get(chunk, "content_block"));
    if (strcmp(type, "content_block_delta") == 0)
        return read_delta(stream, index, json_object_get(chunk, "delta"));
    if (strcmp(type, "message_start") == 0) {
        llm_stream_text(message, "model", stream->model, sizeof(stream->model));
        anthropic_usage(stream, json_object_get(message, "usage"));
    } else if (strcmp(type, "message_delta") == 0) {
        const json_t *usage = json_object_get(chunk, "usage");

        llm_stream_finish(stream, finish_of(json_string_value(json_object_get(
                                      json_object_get(chunk, "delta"), "stop_reason"))));
        anthropic_usage(stream, usage);
        /* Only now is the output's count the last one. */
        stream->usage.known = json_is_integer(json_object_get(usage, "output_tokens"));
    } else if (strcmp(type, "message_stop") == 0) {
        stream->done = 1;
    }
    return TROUPE_OK; /* "ping", and whatever comes up later */
}

/* {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "text"}} */
static const struct llm_shape_of anthropic_text_of_delta = {
    .members = {{LLM_NAMED("type"), .kind = LLM_MEMBER_IS, .needed = 1, .word = "text_delta"},
                {LLM_NAMED("text"), .kind = LLM_MEMBER_TEXT}}};
static const struct llm_shape_of anthropic_text_chunk = {
    .members = {
        {LLM_NAMED("type"), .kind = LLM_MEMBER_IS, .needed = 1, .word = "content_block_delta"},
        {LLM_NAMED("delta"), .kind = LLM_MEMBER_OBJECT, .needed = 1,
         .inner = &anthropic_text_of_delta},
        {LLM_NAMED("error"), .kind = LLM_MEMBER_NOTHING}}};

const struct llm_provider llm_provider_anthropic = {
    .name = "anthropic",
    .framing = LLM_EVENTS,
    .accept = "text/event-stream",
    .chat = "/messages",
    .models = "/models",
    .key_header = "x-api-key",
    .key_prefix = "",
    .extra_header = "anthropic-version",
    .extra = VERSION,
    .model_list = "data",
    .model_name = "id",
    .body = anthropic_body,
    .read = anthropic_read,
    .delta = &anthropic_text_chunk,
};
