/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_sse.h"

#include "fake_gzip.h"
#include "fake_text.h"

#include <stdlib.h>
#include <string.h>

struct sse {
    const struct fake_chat *chat;
    struct fake_plan *plan;
    uint32_t faults;
    const char *newline;
    struct fake_gzip gzip;
    bool packed;
    char id[40];
    int64_t deltas, stop_after; /* deltas sent; how many before the fault strikes */
    bool stopped;               /* it struck: nothing more goes out               */
    struct fake_former former;  /* of another format than OpenAI's                */
    uint32_t delay_ms;          /* before what the former gives next              */
};

static void put_bytes(struct sse *sse, uint32_t delay_ms, const char *data, size_t len)
{
    struct fake_text packed = {0};

    if (len == 0)
        return;
    if (!sse->packed) {
        fake_plan_add_chunk(sse->plan, delay_ms, data, len);
        return;
    }
    fake_gzip_put(&sse->gzip, &packed, data, len);
    fake_plan_add_chunk(sse->plan, delay_ms, packed.data, packed.len);
    fake_text_clear(&packed);
}

/* Where to cut so that a code point falls into two network chunks; 0: there is none. */
static size_t inside_code_point(const char *data, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)data[i] & 0xc0) == 0x80)
            return i;
    }
    return 0;
}

static void put_line(struct sse *sse, uint32_t delay_ms, const char *event, const char *line,
                     size_t len)
{
    struct fake_text text = {0};
    size_t cut;

    if (sse->chat->format == FAKE_OLLAMA) {
        fake_text_put(&text, line, len);
        fake_text_puts(&text, sse->newline);
    } else {
        if (sse->faults & FAULT_COMMENTS)
            fake_text_printf(&text, ": keep-alive%s%s", sse->newline, sse->newline);
        if (event && *event)
            fake_text_printf(&text, "event: %s%s", event, sse->newline);
        fake_text_puts(&text, "data: ");
        fake_text_put(&text, line, len);
        fake_text_printf(&text, "%s%s", sse->newline, sse->newline);
    }
    cut = sse->faults & FAULT_SPLIT_UTF8 ? inside_code_point(text.data, text.len) : 0;
    if (cut > 0) {
        put_bytes(sse, delay_ms, text.data, cut);
        put_bytes(sse, 5, text.data + cut, text.len - cut); /* alone in its packet */
    } else {
        put_bytes(sse, delay_ms, text.data, text.len);
    }
    fake_text_clear(&text);
}

/* What the former makes of a delta. */
static void put_formed(void *arg, const char *event, const json_t *object)
{
    struct sse *sse = arg;
    struct fake_text text = {0};

    fake_text_json(&text, object);
    put_line(sse, sse->delay_ms, event, text.data, text.len);
    sse->delay_ms = 0;
    fake_text_clear(&text);
}

/* One chunk object; takes the references of `choices` and `usage` (NULL: not asked for). */
static void put_chunk(struct sse *sse, uint32_t delay_ms, json_t *choices, json_t *usage)
{
    struct fake_text text = {0};
    json_t *object =
        json_pack("{s:s,s:s,s:i,s:s,s:o}", "id", sse->id, "object", "chat.completion.chunk",
                  "created", 1700000000, "model", sse->chat->model, "choices", choices);

    if (usage)
        json_object_set_new(object, "usage", usage);
    else if (sse->chat->include_usage)
        json_object_set_new(object, "usage", json_null());
    fake_text_json(&text, object);
    put_line(sse, delay_ms, NULL, text.data, text.len);
    fake_text_clear(&text);
    json_decref(object);
}

/* What happens instead of the next delta. */
static void strike(struct sse *sse)
{
    static const char garbage[] = "\x01\x02\xff\xfe not an event\n"
                                  "data: {\"choices\":[{\"delta\":{\"content\":\n\n"
                                  "data: [[[[[[\n\ndata: 17\n\nevent data\n\n";

    json_t *object;

    sse->stopped = true;
    if (sse->faults & FAULT_ERROR_IN_STREAM) {
        object = json_object_get(sse->chat->rule, "error")
                     ? json_deep_copy(json_object_get(sse->chat->rule, "error"))
                     : fake_format_error(sse->chat->format, 500, "server_error",
                                         "the fake failed in the stream");
        put_formed(sse, sse->chat->format == FAKE_ANTHROPIC ? "error" : NULL, object);
        json_decref(object);
    } else if (sse->faults & FAULT_BAD_JSON)
        put_line(sse, 0, NULL, "{\"choices\":[{\"delta\":{\"content\":\"tor", 36);
    else if (sse->faults & FAULT_GARBAGE_SSE)
        put_bytes(sse, 0, garbage, sizeof(garbage) - 1);
}

static void put_delta(struct sse *sse, json_t *delta, const char *finish)
{
    const uint32_t striking = FAULT_ERROR_IN_STREAM | FAULT_BAD_JSON | FAULT_GARBAGE_SSE |
                              FAULT_CUT_MID_STREAM | FAULT_RESET_MID_STREAM | FAULT_HANG_MID_STREAM;
    uint32_t delay_ms = (uint32_t)fake_rule_int(sse->chat->rule, "delay_ms", 0);

    if (!sse->stopped && (sse->faults & striking) && sse->deltas >= sse->stop_after)
        strike(sse);
    if (sse->stopped) {
        json_decref(delta);
        return;
    }
    sse->deltas++;
    if (sse->chat->format != FAKE_OPENAI) {
        sse->delay_ms = delay_ms;
        fake_former_delta(&sse->former, delta, finish);
        json_decref(delta);
        return;
    }
    put_chunk(sse, delay_ms,
              json_pack("[{s:i,s:o,s:n,s:s?}]", "index", 0, "delta", delta, "logprobs",
                        "finish_reason", finish),
              NULL);
}

/* The next piece of the answer: so many words with the space before them, or code points. */
static size_t piece_len(const struct fake_chat *chat, const char *text)
{
    int64_t words = fake_rule_int(chat->rule, "chunk_words", 1);
    int64_t chars = fake_rule_int(chat->rule, "chunk_chars", 0);
    size_t all = strlen(text), len = 0;

    for (int64_t i = 0; chars > 0 && i < chars && len < all; i++)
        len += fake_utf8_size(text + len, all - len);
    for (int64_t i = 0; chars <= 0 && i < words && len < all; i++) {
        len += strspn(text + len, " \n");
        len += strcspn(text + len, " \n");
    }
    return len > 0 ? len : all;
}

/* The same delta so often, as one step: a plan of a hundred thousand would hold up all others. */
static void put_empty(struct sse *sse, uint64_t times)
{
    size_t before = sse->plan->count;

    put_delta(sse, json_pack("{s:s}", "content", ""), NULL);
    if (!sse->packed && sse->plan->count == before + 1)
        sse->plan->steps[before].repeat = times;
}

static void put_text(struct sse *sse, const char *text)
{
    int64_t empty = fake_rule_int(sse->chat->rule, "empty_deltas", 0);

    sse->plan->text_step = sse->plan->count;
    while (*text) {
        size_t len = piece_len(sse->chat, text);

        put_delta(sse, json_pack("{s:s%}", "content", text, len), NULL);
        text += len;
        if (empty > 0)
            put_empty(sse, (uint64_t)empty);
        empty = 0;
    }
}

/* Before all else, in pieces. */
static void put_thoughts(struct sse *sse, const json_t *calls)
{
    char *text;
    size_t len;

    if (sse->chat->thinking == FAKE_THINKS_CLAUDE) {
        put_delta(sse, json_pack("{s:o}", "thoughts", fake_thoughts_blocks(calls)), NULL);
        return;
    }
    if (sse->chat->thinking != FAKE_THINKS_DEEPSEEK)
        return;
    text = fake_thoughts_text(calls);
    for (const char *at = text; *at; at += len) {
        len = piece_len(sse->chat, at);
        put_delta(sse, json_pack("{s:n,s:s%}", "content", "reasoning_content", at, len), NULL);
    }
    free(text);
}

/* Id and name come with the first fragment only; the arguments in pieces that ignore JSON. */
static void put_call(struct sse *sse, size_t index, const json_t *call)
{
    const json_t *function = json_object_get(call, "function");
    const char *arguments = fake_rule_str(function, "arguments", "");
    int64_t fragments = fake_rule_int(sse->chat->rule, "fragments", 3);
    size_t all = strlen(arguments), at = 0;
    size_t size = all / (size_t)(fragments > 0 ? fragments : 1) + 1;

    put_delta(sse,
              json_pack("{s:[{s:i,s:s,s:s,s:{s:s,s:s},s:O*}]}", "tool_calls", "index", (int)index,
                        "id", fake_rule_str(call, "id", ""), "type", "function", "function", "name",
                        fake_rule_str(function, "name", ""), "arguments", "", "extra_content",
                        json_object_get(call, "extra_content")),
              NULL);
    while (at < all) {
        size_t len = 0;

        while (len < size && at + len < all)
            len += fake_utf8_size(arguments + at + len, all - at - len);
        put_delta(sse,
                  json_pack("{s:[{s:i,s:{s:s%}}]}", "tool_calls", "index", (int)index, "function",
                            "arguments", arguments + at, len),
                  NULL);
        at += len;
    }
}

static void put_head(struct sse *sse)
{
    struct fake_text head = {0};

    fake_text_printf(&head,
                     "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
                     "Cache-Control: no-cache\r\nx-request-id: req-fake\r\n",
                     sse->chat->format == FAKE_OLLAMA ? "application/x-ndjson"
                                                      : "text/event-stream; charset=utf-8");
    if (sse->packed)
        fake_text_puts(&head, "Content-Encoding: gzip\r\n");
    fake_put_headers(&head, sse->chat->rule);
    fake_text_puts(&head, "Transfer-Encoding: chunked\r\n\r\n");
    fake_plan_add(sse->plan, 0, head.data, head.len);
    fake_text_clear(&head);
}

static void put_body(struct sse *sse, const char *text, const char *finish, const json_t *calls,
                     json_t *usage)
{
    const json_t *call;
    size_t i;

    if (sse->faults & FAULT_BOM)
        put_bytes(sse, 0, "\xef\xbb\xbf", 3);
    if (sse->chat->format != FAKE_OPENAI) {
        sse->former = (struct fake_former){
            .format = sse->chat->format,
            .model = sse->chat->model,
            .id = sse->id,
            .usage = sse->faults & FAULT_NO_USAGE ? NULL : usage,
            .no_done = (sse->faults & FAULT_NO_DONE) != 0,
            .emit = put_formed,
            .arg = sse,
        };
        fake_former_open(&sse->former);
    }
    put_delta(sse, json_pack("{s:s,s:s}", "role", "assistant", "content", ""), NULL);
    put_thoughts(sse, calls);
    put_text(sse, text);
    json_array_foreach (calls, i, call) {
        put_call(sse, i, call);
    }
    put_delta(sse, json_object(), finish);
    if (sse->chat->format != FAKE_OPENAI) {
        if (!sse->stopped)
            fake_former_close(&sse->former);
        json_decref(sse->former.held);
        return;
    }
    if (sse->stopped)
        return;
    if (sse->chat->include_usage && !(sse->faults & FAULT_NO_USAGE))
        put_chunk(sse, 0, json_array(), json_incref(usage));
    if (!(sse->faults & FAULT_NO_DONE))
        put_line(sse, 0, NULL, "[DONE]", 6);
}

struct fake_plan *fake_sse_plan(const struct fake_chat *chat, const char *text, const char *finish,
                                const json_t *calls, json_t *usage)
{
    struct sse sse = {
        .chat = chat,
        .plan = fake_plan_new(),
        .faults = fake_rule_faults(chat->rule),
        .stop_after = fake_rule_int(chat->rule, "after_chunks", 2),
    };
    const uint32_t open_end = FAULT_CUT_MID_STREAM | FAULT_RESET_MID_STREAM | FAULT_HANG_MID_STREAM;
    struct fake_text tail = {0};

    sse.newline = sse.faults & FAULT_CRLF ? "\r\n" : "\n";
    sse.packed = (sse.faults & FAULT_GZIP) && chat->gzip_accepted;
    snprintf(sse.id, sizeof(sse.id), "chatcmpl-fake-%llu", (unsigned long long)chat->talk.nth);
    put_head(&sse);
    if (sse.faults & FAULT_HANG_AFTER_HEADERS)
        return sse.plan;
    if (!(sse.faults & FAULT_EMPTY_STREAM))
        put_body(&sse, text, finish, calls, usage);
    if (sse.stopped && (sse.faults & open_end))
        return sse.plan;
    if (sse.packed) {
        fake_gzip_end(&sse.gzip, &tail);
        fake_plan_add_chunk(sse.plan, 0, tail.data, tail.len);
        fake_text_clear(&tail);
    }
    fake_plan_add(sse.plan, 0, "0\r\n\r\n", 5);
    return sse.plan;
}
