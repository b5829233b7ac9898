/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_format.h"

#include "fake_pictures.h"
#include "fake_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    return fake_rule_str(object, key, "");
}

/* ---- requests --------------------------------------------------------------------------------*/

/* One block of a message of Anthropic's: text, a call or a result. False where it is none of them. */
static bool add_block(json_t *messages, json_t *own, const json_t *block, char *err,
                      size_t err_size)
{
    const char *type = text_of(block, "type");
    struct fake_text text = {0};

    if (strcmp(type, "text") == 0) {
        if (!text_of(block, "text")[0]) {
            snprintf(err, err_size, "text content blocks must be non-empty");
            return false;
        }
        fake_text_puts(&text, text_of(own, "content"));
        fake_text_puts(&text, text_of(block, "text"));
        json_object_set_new(own, "content", json_string(text.data));
    } else if (strcmp(type, "tool_use") == 0) {
        json_t *calls = json_object_get(own, "tool_calls");

        if (!calls)
            json_object_set_new(own, "tool_calls", calls = json_array());
        fake_text_json(&text, json_object_get(block, "input"));
        json_array_append_new(calls, json_pack("{s:s,s:s,s:{s:s,s:s}}", "id", text_of(block, "id"),
                                               "type", "function", "function", "name",
                                               text_of(block, "name"), "arguments", text.data));
    } else if (strcmp(type, "tool_result") == 0) {
        json_array_append_new(messages, json_pack("{s:s,s:s,s:s}", "role", "tool", "tool_call_id",
                                                  text_of(block, "tool_use_id"), "content",
                                                  text_of(block, "content")));
    } else if (strcmp(type, "thinking") != 0 && strcmp(type, "redacted_thinking") != 0) {
        snprintf(err, err_size, "unknown block type \"%.40s\"", type);
        return false;
    }
    fake_text_clear(&text);
    return true;
}

static bool add_anthropic(json_t *messages, const json_t *message, char *err, size_t err_size)
{
    const char *role = text_of(message, "role");
    const json_t *content = json_object_get(message, "content"), *block;
    json_t *own = json_pack("{s:s,s:s}", "role", role, "content", "");
    bool good = true;
    size_t i;

    if (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0) {
        snprintf(err, err_size, "messages: unexpected role \"%.40s\"", role);
        good = false;
    }
    if (json_is_string(content))
        json_object_set(own, "content", json_object_get(message, "content"));
    good = good && fake_pictures_take(FAKE_ANTHROPIC, message, own, err, err_size);
    json_array_foreach (content, i, block) {
        good = good && (fake_is_picture(block) || add_block(messages, own, block, err, err_size));
    }
    if (good && (text_of(own, "content")[0] || json_object_get(own, "tool_calls") ||
                 json_object_get(own, "pictures")))
        json_array_append(messages, own);
    json_decref(own);
    return good;
}

/* Marks of what shall be kept; the real one takes four. */
static size_t marks_in(const json_t *blocks)
{
    const json_t *block;
    size_t i, count = 0;

    json_array_foreach (blocks, i, block)
        count += json_object_get(block, "cache_control") != NULL;
    return count;
}

static json_t *anthropic_messages(const struct fake_request *request, const json_t *body, char *err,
                                  size_t err_size)
{
    const json_t *list = json_object_get(body, "messages"), *message;
    char *system = fake_content_text(json_object_get(body, "system"));
    const char *last = "assistant";
    json_t *messages = json_array();
    size_t i, marks = marks_in(json_object_get(body, "system"));

    snprintf(err, err_size, "max_tokens: field required");
    if (!json_is_integer(json_object_get(body, "max_tokens")))
        goto bad;
    snprintf(err, err_size, "anthropic-version: header is required");
    if (!fake_request_header(request, "anthropic-version"))
        goto bad;
    if (system[0])
        json_array_append_new(messages,
                              json_pack("{s:s,s:s}", "role", "system", "content", system));
    json_array_foreach (list, i, message) {
        const char *role = text_of(message, "role");

        if (strcmp(role, last) == 0) {
            snprintf(err, err_size, "messages: roles must alternate and begin with \"user\"");
            goto bad;
        }
        last = role;
        marks += marks_in(json_object_get(message, "content"));
        if (!add_anthropic(messages, message, err, err_size))
            goto bad;
    }
    snprintf(err, err_size, "cache_control: a maximum of 4 blocks may have it, found %zu", marks);
    if (marks > 4)
        goto bad;
    free(system);
    return messages;
bad:
    free(system);
    json_decref(messages);
    return NULL;
}

json_t *fake_format_messages(enum fake_format format, const struct fake_request *request,
                             const json_t *body, char *err, size_t err_size)
{
    const json_t *messages = json_object_get(body, "messages"), *message, *call;
    size_t i, n;

    if (format == FAKE_ANTHROPIC)
        return anthropic_messages(request, body, err, err_size);
    json_array_foreach (messages, i, message) {
        json_array_foreach (json_object_get(message, "tool_calls"), n, call) {
            if (format == FAKE_OLLAMA &&
                !json_is_object(json_object_get(json_object_get(call, "function"), "arguments"))) {
                snprintf(err, err_size, "json: cannot unmarshal string into api.ToolCallFunction");
                return NULL;
            }
        }
    }
    return fake_pictures_told(format, messages, err, err_size);
}

/* ---- errors ----------------------------------------------------------------------------------*/

static const char *anthropic_type(int status)
{
    switch (status) {
    case 400: return "invalid_request_error";
    case 401: return "authentication_error";
    case 402: return "billing_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 504: return "timeout_error";
    case 529: return "overloaded_error";
    default: return "api_error";
    }
}

json_t *fake_format_error(enum fake_format format, int status, const char *code,
                          const char *message)
{
    if (format == FAKE_ANTHROPIC)
        return json_pack("{s:s,s:{s:s,s:s},s:s}", "type", "error", "error", "type",
                         anthropic_type(status), "message", message, "request_id", "req_fake");
    if (format == FAKE_OLLAMA)
        return json_pack("{s:s}", "error", message);
    return json_pack("{s:{s:s,s:s,s:n,s:s}}", "error", "message", message, "type",
                     status < 500 ? "invalid_request_error" : "server_error", "param", "code",
                     code);
}

/* ---- streams ---------------------------------------------------------------------------------*/

static json_int_t count_of(const json_t *usage, const char *key)
{
    return (json_int_t)fake_rule_int(usage, key, 0);
}

static json_int_t cached_of(const json_t *usage)
{
    return count_of(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
}

/* What is read from the cache is not part of the input here. */
static json_t *anthropic_input(const json_t *usage)
{
    if (!usage)
        return json_object();
    return json_pack("{s:I,s:I,s:I,s:i}", "input_tokens",
                     count_of(usage, "prompt_tokens") - cached_of(usage), "cache_read_input_tokens",
                     cached_of(usage), "cache_creation_input_tokens", (json_int_t)0,
                     "output_tokens", 1);
}

static const char *anthropic_reason(const char *finish)
{
    if (strcmp(finish, "stop") == 0)
        return "end_turn";
    if (strcmp(finish, "length") == 0)
        return "max_tokens";
    if (strcmp(finish, "tool_calls") == 0)
        return "tool_use";
    return strcmp(finish, "content_filter") == 0 ? "refusal" : finish;
}

static void emit(struct fake_former *former, json_t *object)
{
    former->emit(former->arg, text_of(object, "type"), object);
    json_decref(object);
}

static void end_block(struct fake_former *former)
{
    if (former->block < 0)
        return;
    emit(former, json_pack("{s:s,s:i}", "type", "content_block_stop", "index", former->block));
}

static void begin_block(struct fake_former *former, json_t *block, bool is_call)
{
    end_block(former);
    former->block++;
    former->block_is_call = is_call;
    emit(former, json_pack("{s:s,s:i,s:o}", "type", "content_block_start", "index", former->block,
                           "content_block", block));
}

static void put_delta(struct fake_former *former, json_t *delta)
{
    emit(former, json_pack("{s:s,s:i,s:o}", "type", "content_block_delta", "index", former->block,
                           "delta", delta));
}

static void anthropic_call(struct fake_former *former, const json_t *piece)
{
    const json_t *function = json_object_get(piece, "function");

    if (json_object_get(piece, "id"))
        begin_block(former,
                    json_pack("{s:s,s:s,s:s,s:{}}", "type", "tool_use", "id", text_of(piece, "id"),
                              "name", text_of(function, "name"), "input"),
                    true);
    put_delta(former, json_pack("{s:s,s:s}", "type", "input_json_delta", "partial_json",
                                text_of(function, "arguments")));
}

/* A thought comes in pieces and its signature behind them; what nobody can read comes whole. */
static void anthropic_thought(struct fake_former *former, const json_t *block)
{
    const char *text = text_of(block, "thinking");
    const size_t half = strcspn(text, "\n");

    if (strcmp(text_of(block, "type"), "thinking") != 0) {
        begin_block(former, json_deep_copy(block), true);
        return;
    }
    begin_block(former,
                json_pack("{s:s,s:s,s:s}", "type", "thinking", "thinking", "", "signature", ""),
                true);
    put_delta(former, json_pack("{s:s,s:s%}", "type", "thinking_delta", "thinking", text, half));
    put_delta(former, json_pack("{s:s,s:s}", "type", "thinking_delta", "thinking", text + half));
    put_delta(former, json_pack("{s:s,s:s}", "type", "signature_delta", "signature",
                                text_of(block, "signature")));
}

static void anthropic_delta(struct fake_former *former, const json_t *delta)
{
    const char *text = text_of(delta, "content");
    const json_t *piece;
    size_t i;

    json_array_foreach (json_object_get(delta, "thoughts"), i, piece) {
        anthropic_thought(former, piece);
    }
    if (text[0]) {
        if (former->block < 0 || former->block_is_call)
            begin_block(former, json_pack("{s:s,s:s}", "type", "text", "text", ""), false);
        put_delta(former, json_pack("{s:s,s:s}", "type", "text_delta", "text", text));
    } else if (json_object_get(delta, "content")) {
        emit(former, json_pack("{s:s}", "type", "ping"));
    }
    json_array_foreach (json_object_get(delta, "tool_calls"), i, piece) {
        anthropic_call(former, piece);
    }
}

/* Ollama sends calls whole; until then the pieces of their arguments are joined. */
static void hold_call(struct fake_former *former, const json_t *piece)
{
    const json_t *function = json_object_get(piece, "function");
    struct fake_text text = {0};
    json_t *last;

    if (json_object_get(piece, "id"))
        json_array_append_new(former->held, json_pack("{s:s,s:s}", "name",
                                                      text_of(function, "name"), "arguments", ""));
    last = json_array_get(former->held, json_array_size(former->held) - 1);
    fake_text_printf(&text, "%s%s", text_of(last, "arguments"), text_of(function, "arguments"));
    json_object_set_new(last, "arguments", json_string(text.data));
    fake_text_clear(&text);
}

static json_t *held_calls(const json_t *held)
{
    json_t *list = json_array();
    const json_t *call;
    size_t i;

    json_array_foreach (held, i, call) {
        json_t *arguments = json_loads(text_of(call, "arguments"), 0, NULL);

        json_array_append_new(list,
                              json_pack("{s:{s:s,s:o}}", "function", "name", text_of(call, "name"),
                                        "arguments", arguments ? arguments : json_object()));
    }
    return list;
}

static json_t *ollama_line(const struct fake_former *former, const char *text, bool done)
{
    return json_pack("{s:s,s:s,s:{s:s,s:s},s:b}", "model", former->model, "created_at",
                     "2026-01-01T00:00:00Z", "message", "role", "assistant", "content", text,
                     "done", (int)done);
}

static void ollama_counts(json_t *line, const char *finish, const json_t *usage)
{
    json_object_set_new(line, "done_reason",
                        json_string(strcmp(finish, "tool_calls") == 0 ? "stop" : finish));
    json_object_set_new(line, "total_duration", json_integer(1000000));
    if (!usage)
        return;
    json_object_set_new(line, "prompt_eval_count", json_integer(count_of(usage, "prompt_tokens")));
    json_object_set_new(line, "eval_count", json_integer(count_of(usage, "completion_tokens")));
}

void fake_former_open(struct fake_former *former)
{
    former->block = -1;
    former->held = json_array();
    former->finish = "stop";
    if (former->format == FAKE_ANTHROPIC)
        emit(former,
             json_pack("{s:s,s:{s:s,s:s,s:s,s:[],s:s,s:n,s:n,s:o}}", "type", "message_start",
                       "message", "id", former->id, "type", "message", "role", "assistant",
                       "content", "model", former->model, "stop_reason", "stop_sequence", "usage",
                       anthropic_input(former->usage)));
}

void fake_former_delta(struct fake_former *former, const json_t *delta, const char *finish)
{
    const char *text = text_of(delta, "content");
    const json_t *piece;
    size_t i;

    if (finish)
        former->finish = finish;
    if (former->format == FAKE_ANTHROPIC) {
        anthropic_delta(former, delta);
        return;
    }
    json_array_foreach (json_object_get(delta, "tool_calls"), i, piece) {
        hold_call(former, piece);
    }
    if (json_object_get(delta, "content"))
        emit(former, ollama_line(former, text, false));
}

void fake_former_close(struct fake_former *former)
{
    json_t *line;

    if (former->format == FAKE_ANTHROPIC) {
        end_block(former);
        line = json_pack("{s:s,s:{s:s,s:n},s:{}}", "type", "message_delta", "delta", "stop_reason",
                         anthropic_reason(former->finish), "stop_sequence", "usage");
        if (former->usage)
            json_object_set_new(json_object_get(line, "usage"), "output_tokens",
                                json_integer(count_of(former->usage, "completion_tokens")));
        emit(former, line);
        if (!former->no_done)
            emit(former, json_pack("{s:s}", "type", "message_stop"));
    } else {
        if (json_array_size(former->held) > 0) {
            line = ollama_line(former, "", false);
            json_object_set_new(json_object_get(line, "message"), "tool_calls",
                                held_calls(former->held));
            emit(former, line);
        }
        line = ollama_line(former, "", true);
        ollama_counts(line, former->finish, former->usage);
        if (!former->no_done)
            emit(former, line);
        else
            json_decref(line);
    }
    json_decref(former->held);
    former->held = NULL;
}

/* ---- whole answers ---------------------------------------------------------------------------*/

static json_t *anthropic_whole(const char *model, const char *id, const json_t *message,
                               const char *finish, const json_t *usage)
{
    json_t *content = json_array(), *counts = anthropic_input(usage), *input;
    json_t *thoughts = json_object_get(message, "thoughts");
    const char *text = text_of(message, "content");
    const json_t *call;
    size_t i;

    if (thoughts)
        json_array_extend(content, thoughts);
    if (text[0])
        json_array_append_new(content, json_pack("{s:s,s:s}", "type", "text", "text", text));
    json_array_foreach (json_object_get(message, "tool_calls"), i, call) {
        const json_t *function = json_object_get(call, "function");

        input = json_loads(text_of(function, "arguments"), 0, NULL);
        json_array_append_new(content,
                              json_pack("{s:s,s:s,s:s,s:o}", "type", "tool_use", "id",
                                        text_of(call, "id"), "name", text_of(function, "name"),
                                        "input", input ? input : json_object()));
    }
    if (usage)
        json_object_set_new(counts, "output_tokens",
                            json_integer(count_of(usage, "completion_tokens")));
    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:s,s:n,s:o}", "id", id, "type", "message", "role",
                     "assistant", "model", model, "content", content, "stop_reason",
                     anthropic_reason(finish), "stop_sequence", "usage", counts);
}

json_t *fake_format_whole(enum fake_format format, const char *model, const char *id,
                          const json_t *message, const char *finish, const json_t *usage)
{
    struct fake_former former = {.model = model, .held = json_array()};
    const json_t *call;
    json_t *line;
    size_t i;

    if (format == FAKE_ANTHROPIC) {
        json_decref(former.held);
        return anthropic_whole(model, id, message, finish, usage);
    }
    line = ollama_line(&former, text_of(message, "content"), true);
    json_array_foreach (json_object_get(message, "tool_calls"), i, call) {
        hold_call(&former, call);
    }
    if (json_array_size(former.held) > 0)
        json_object_set_new(json_object_get(line, "message"), "tool_calls",
                            held_calls(former.held));
    ollama_counts(line, finish, usage);
    json_decref(former.held);
    return line;
}
