/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_answer.h"

#include "fake_gzip.h"
#include "fake_http.h"
#include "fake_sse.h"
#include "fake_text.h"

#include <stdlib.h>
#include <string.h>

/* Headers that the rule adds to an answer, an error or not. */
void fake_put_headers(struct fake_text *head, const json_t *rule)
{
    const char *name;
    const json_t *value;

    json_object_foreach (json_object_get(rule, "headers"), name, value)
        if (json_is_string(value))
            fake_text_printf(head, "%s: %s\r\n", name, json_string_value(value));
}

static struct fake_plan *plan_whole(int status, const char *type, const char *extra,
                                    const void *body, size_t len)
{
    struct fake_plan *plan = fake_plan_new();
    struct fake_text text = {0};

    fake_text_printf(&text, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%sContent-Length: %zu\r\n\r\n",
                     status, fake_reason(status), type, extra, len);
    fake_text_put(&text, body, len);
    fake_plan_add(plan, 0, text.data, text.len);
    fake_text_clear(&text);
    return plan;
}

struct fake_plan *fake_answer_json(int status, json_t *body)
{
    struct fake_text text = {0};
    struct fake_plan *plan;

    fake_text_json(&text, body);
    json_decref(body);
    plan = plan_whole(status, "application/json", "", text.data, text.len);
    fake_text_clear(&text);
    return plan;
}

static const char *usual_code(int status)
{
    switch (status) {
    case 401: return "invalid_api_key";
    case 404: return "model_not_found";
    case 429: return "rate_limit_exceeded";
    case 503:
    case 529: return "overloaded_error";
    default: return "server_error";
    }
}

struct fake_plan *fake_answer_error(int status, const char *code, const char *message,
                                    const json_t *rule)
{
    return fake_answer_error_in(FAKE_OPENAI, status, code, message, rule);
}

struct fake_plan *fake_answer_error_in(enum fake_format format, int status, const char *code,
                                       const char *message, const json_t *rule)
{
    struct fake_text text = {0}, extra = {0};
    const char *retry_after = fake_rule_str(rule, "retry_after", NULL);
    struct fake_plan *plan;
    json_t *body = json_object_get(rule, "error")
                       ? json_deep_copy(json_object_get(rule, "error"))
                       : fake_format_error(format, status, code, message);

    fake_text_json(&text, body);
    json_decref(body);
    fake_text_puts(&extra, "x-request-id: req-fake\r\n");
    if (retry_after)
        fake_text_printf(&extra, "Retry-After: %s\r\n", retry_after);
    fake_put_headers(&extra, rule);
    plan = plan_whole(status, "application/json", extra.data, text.data, text.len);
    fake_text_clear(&text);
    fake_text_clear(&extra);
    return plan;
}

struct fake_plan *fake_answer_early_fault(enum fake_format format, const json_t *rule)
{
    uint32_t faults = fake_rule_faults(rule);
    struct fake_plan *plan;

    if (faults & (FAULT_HANG_BEFORE_HEADERS | FAULT_CUT_BEFORE_HEADERS)) {
        plan = fake_plan_new();
        plan->end = faults & FAULT_CUT_BEFORE_HEADERS ? FAKE_END_CLOSE : FAKE_END_HANG;
    } else if (faults & FAULT_STATUS) {
        int status = (int)fake_rule_int(rule, "status", 500);

        plan = fake_answer_error_in(format, status, fake_rule_str(rule, "code", usual_code(status)),
                                    "the fake was told to fail", rule);
    } else if (faults & FAULT_REDIRECT) {
        struct fake_text extra = {0};

        fake_text_printf(&extra, "Location: %s\r\n",
                         fake_rule_str(rule, "location", "http://127.0.0.1:1/"));
        plan = plan_whole((int)fake_rule_int(rule, "status", 302), "text/plain", extra.data, "", 0);
        fake_text_clear(&extra);
    } else {
        return NULL;
    }
    plan->fault = 1;
    if (plan->count > 0)
        plan->steps[0].delay_ms = (uint32_t)fake_rule_int(rule, "first_delay_ms", 0);
    return plan;
}

/* ---- the answer's parts ------------------------------------------------------------------ */

/* Cuts the text behind `max` words; tells whether something was cut and how many are left. */
static bool cut_words(char *text, int64_t max, int64_t *ret_words)
{
    char *p = text;
    int64_t words = 0;

    for (;;) {
        p += strspn(p, " \n");
        if (!*p)
            break;
        if (max > 0 && words == max) {
            *p = '\0';
            *ret_words = words;
            return true;
        }
        words++;
        p += strcspn(p, " \n");
    }
    *ret_words = words;
    return false;
}

static char *answer_text(const struct fake_chat *chat)
{
    const char *fallback = json_object_get(chat->rule, "tool_calls")
                               ? ""
                               : "You said: {last} (message {count} of this talk)";
    char *once = fake_talk_fill(&chat->talk, fake_rule_str(chat->rule, "answer", fallback));
    int64_t repeat = fake_rule_int(chat->rule, "answer_repeat", 1);
    struct fake_text all = {0};

    if (repeat <= 1)
        return once;
    for (int64_t i = 0; i < repeat && all.len < FAKE_BODY_MAX; i++)
        fake_text_puts(&all, once);
    free(once);
    return all.data;
}

/* About four bytes a token, as everybody estimates; counted over all messages. */
static int64_t prompt_tokens(const struct fake_chat *chat)
{
    const json_t *message;
    size_t i, bytes = 0;

    json_array_foreach (chat->talk.messages, i, message) {
        char *text = fake_content_text(json_object_get(message, "content"));

        bytes += strlen(text) + 12;
        free(text);
    }
    return (int64_t)(bytes + 3) / 4;
}

static json_t *usage_of(const struct fake_chat *chat, int64_t words)
{
    const json_t *given = json_object_get(chat->rule, "usage");
    json_int_t in = fake_rule_int(given, "prompt_tokens", prompt_tokens(chat));
    json_int_t out = fake_rule_int(given, "completion_tokens", words);
    json_int_t cached = fake_rule_int(given, "cached", 0);

    return json_pack("{s:I,s:I,s:I,s:{s:I},s:{s:i}}", "prompt_tokens", in, "completion_tokens", out,
                     "total_tokens", in + out, "prompt_tokens_details", "cached_tokens", cached,
                     "completion_tokens_details", "reasoning_tokens", 0);
}

/* The rule's tool calls in the form of a message: ids filled in, arguments as text. */
static json_t *tool_calls_of(const struct fake_chat *chat)
{
    const json_t *calls = json_object_get(chat->rule, "tool_calls");
    json_t *list = json_array();
    const json_t *call;
    size_t i;

    json_array_foreach (calls, i, call) {
        const json_t *arguments = json_object_get(call, "arguments");
        struct fake_text text = {0}, id = {0};

        if (json_is_string(arguments))
            fake_text_puts(&text, json_string_value(arguments));
        else if (arguments)
            fake_text_json(&text, arguments);
        fake_text_printf(&id, "call_%llu_%zu", (unsigned long long)chat->talk.nth, i);
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:{s:s,s:s}}", "id",
                                        fake_rule_str(call, "id", id.data), "type", "function",
                                        "function", "name", fake_rule_str(call, "name", "unnamed"),
                                        "arguments", text.data ? text.data : ""));
        fake_text_clear(&text);
        fake_text_clear(&id);
    }
    return list;
}

/* ---- whole ------------------------------------------------------------------------------- */

static struct fake_plan *answer_whole(const struct fake_chat *chat, const char *text,
                                      const char *finish, json_t *calls, json_t *usage)
{
    uint32_t faults = fake_rule_faults(chat->rule);
    bool has_calls = json_array_size(calls) > 0;
    struct fake_text id = {0}, dump = {0}, extra = {0};
    struct fake_plan *plan;
    json_t *message, *body;

    fake_text_printf(&id, "chatcmpl-fake-%llu", (unsigned long long)chat->talk.nth);
    message = json_pack("{s:s,s:o,s:n}", "role", "assistant", "content",
                        has_calls && !*text ? json_null() : json_string(text), "refusal");
    if (has_calls)
        json_object_set(message, "tool_calls", calls);
    if (chat->thinking == FAKE_THINKS_DEEPSEEK) {
        char *thoughts = fake_thoughts_text(calls);

        json_object_set_new(message, "reasoning_content", json_string(thoughts));
        free(thoughts);
    } else if (chat->thinking == FAKE_THINKS_CLAUDE) {
        json_object_set_new(message, "thoughts", fake_thoughts_blocks(calls));
    }
    body = json_pack("{s:s,s:s,s:i,s:s,s:[{s:i,s:O,s:s,s:n}]}", "id", id.data, "object",
                     "chat.completion", "created", 1700000000, "model", chat->model, "choices",
                     "index", 0, "message", message, "finish_reason", finish, "logprobs");
    if (!(faults & FAULT_NO_USAGE))
        json_object_set(body, "usage", usage);
    if (chat->format != FAKE_OPENAI) {
        json_decref(body);
        body = fake_format_whole(chat->format, chat->model, id.data, message, finish,
                                 faults & FAULT_NO_USAGE ? NULL : usage);
    }
    if (faults & FAULT_ERROR_IN_STREAM) {
        json_decref(body);
        body = fake_format_error(chat->format, 500, "server_error", "the fake failed");
    }
    if (faults & FAULT_BOM)
        fake_text_puts(&dump, "\xef\xbb\xbf");
    fake_text_json(&dump, body);
    if (faults & (FAULT_BAD_JSON | FAULT_GARBAGE_SSE))
        dump.len /= 2;
    if (faults & FAULT_EMPTY_STREAM)
        dump.len = 0;
    fake_put_headers(&extra, chat->rule);
    plan = plan_whole(200, "application/json", extra.data ? extra.data : "", dump.data, dump.len);
    if (faults & (FAULT_CUT_MID_STREAM | FAULT_RESET_MID_STREAM | FAULT_HANG_MID_STREAM))
        plan->steps[0].len -= dump.len / 2;
    if (faults & FAULT_HANG_AFTER_HEADERS)
        plan->steps[0].len -= dump.len;
    json_decref(body);
    json_decref(message);
    fake_text_clear(&extra);
    fake_text_clear(&dump);
    fake_text_clear(&id);
    return plan;
}

/* A small answer that unpacks to a huge one. */
static struct fake_plan *answer_bomb(const struct fake_chat *chat)
{
    struct fake_plan *plan = fake_plan_new();
    struct fake_text head = {0}, body = {0};

    fake_gzip_bomb(&body, (uint64_t)fake_rule_int(chat->rule, "bytes", INT64_C(1) << 28));
    fake_text_printf(&head,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                     "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                     body.len);
    fake_plan_add(plan, 0, head.data, head.len);
    fake_plan_add(plan, 0, body.data, body.len);
    fake_text_clear(&head);
    fake_text_clear(&body);
    return plan;
}

static struct fake_plan *answer_huge(const struct fake_chat *chat)
{
    static char block[64 * 1024];
    const char *head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n";
    struct fake_plan *plan = fake_plan_new();
    int64_t bytes = fake_rule_int(chat->rule, "bytes", INT64_C(1) << 30);

    memset(block, 'x', sizeof(block));
    fake_plan_add(plan, 0, head, strlen(head));
    fake_plan_add_chunk(plan, 0, "data: ", 6);
    fake_plan_add_chunk(plan, 0, block, sizeof(block))->repeat =
        (uint64_t)bytes / sizeof(block) + 1;
    fake_plan_add(plan, 0, "0\r\n\r\n", 5);
    return plan;
}

struct fake_plan *fake_answer_chat(const struct fake_chat *chat)
{
    uint32_t faults = fake_rule_faults(chat->rule);
    struct fake_plan *plan = fake_answer_early_fault(chat->format, chat->rule);
    json_t *calls, *usage;
    const char *finish;
    int64_t words;
    char *text;
    bool cut;

    if (plan)
        return plan;
    text = answer_text(chat);
    cut = cut_words(text, chat->max_tokens, &words);
    calls = tool_calls_of(chat);
    fake_thoughts_sign(chat->thinking, calls);
    usage = usage_of(chat, words);
    finish = fake_rule_str(chat->rule, "finish_reason",
                           json_array_size(calls) > 0 ? "tool_calls"
                           : cut                      ? "length"
                                                      : "stop");
    if (faults & FAULT_HUGE_BODY)
        plan = answer_huge(chat);
    else if (faults & FAULT_GZIP_BOMB)
        plan = answer_bomb(chat);
    else if (faults & FAULT_WRONG_CONTENT_TYPE)
        plan = plan_whole(200, "text/html", "", "<html>Log in first</html>\n", 26);
    else if (chat->stream)
        plan = fake_sse_plan(chat, text, finish, calls, usage);
    else
        plan = answer_whole(chat, text, finish, calls, usage);
    if (faults & (FAULT_HANG_AFTER_HEADERS | FAULT_HANG_MID_STREAM))
        plan->end = FAKE_END_HANG;
    else if (faults & FAULT_CUT_MID_STREAM)
        plan->end = FAKE_END_CLOSE;
    else if (faults & FAULT_RESET_MID_STREAM)
        plan->end = FAKE_END_RESET;
    if (faults & FAULT_SLOW_LORIS)
        fake_plan_one_byte_a_time(plan, (uint32_t)fake_rule_int(chat->rule, "loris_ms", 100));
    if (plan->count > 0)
        plan->steps[0].delay_ms = (uint32_t)fake_rule_int(chat->rule, "first_delay_ms", 0);
    plan->fault = faults != 0;
    plan->billed_in = (uint64_t)json_integer_value(json_object_get(usage, "prompt_tokens"));
    plan->billed_out = (uint64_t)json_integer_value(json_object_get(usage, "completion_tokens"));
    json_decref(calls);
    json_decref(usage);
    free(text);
    return plan;
}
