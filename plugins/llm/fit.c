/* SPDX-License-Identifier: Apache-2.0 */
#include "fit.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_LEAST 48 /* tokens of a text, below which its head says too little to be kept */

static const char left_out[] = "(left out: there is no room for it)";
static const char cut_here[] = "\n(cut here: there is no room for the rest)";

struct fitting {
    struct llm_request *request; /* a copy, whose parts are the whole's until they are changed */
    uint64_t tokens, room;
    size_t question; /* what comes before may go            */
    size_t latest;   /* calls whose results are wanted most */
    uint8_t own;     /* the messages are a copy             */
    uint8_t failed;  /* there is no memory                  */
    struct llm_trim trim;
};

static int has_role(const json_t *message, const char *role)
{
    return message && strcmp(json_string_value(json_object_get(message, "role")), role) == 0;
}

static int is_over(const struct fitting *fitting)
{
    return fitting->tokens > fitting->room && !fitting->failed;
}

/* ---- tools --------------------------------------------------------------------------------------*/

static const char *name_of(const json_t *call_or_tool)
{
    return json_string_value(json_object_get(json_object_get(call_or_tool, "function"), "name"));
}

static int was_called(const json_t *messages, const json_t *tool)
{
    const json_t *message, *call;
    size_t i, n;

    json_array_foreach ((json_t *)messages, i, message)
        json_array_foreach (json_object_get(message, "tool_calls"), n, call)
            if (strcmp(name_of(call), name_of(tool)) == 0)
                return 1;
    return 0;
}

static size_t bytes_of(const json_t *value)
{
    return json_dumpb(value, NULL, 0, JSON_COMPACT) + 1;
}

/* Those that the talk has calls of stay: a provider refuses calls of what it is not told. */
static void trim_tools(struct fitting *fitting)
{
    struct llm_request *request = fitting->request;
    const size_t most = (size_t)fitting->room; /* a token for two bytes, and half of the room */
    json_t *kept, *tool;
    size_t bytes = 0, i;

    if (!request->tools || !is_over(fitting) || bytes_of(request->tools) <= most)
        return;
    kept = json_array();
    json_array_foreach (request->tools, i, tool)
        if (was_called(request->messages, tool))
            bytes += bytes_of(tool);
    json_array_foreach (request->tools, i, tool) {
        const int called = was_called(request->messages, tool);

        if (!called && bytes + bytes_of(tool) > most)
            continue;
        bytes += called ? 0 : bytes_of(tool);
        fitting->failed |= json_array_append(kept, tool) < 0;
    }
    fitting->trim.tools = (uint32_t)(json_array_size(request->tools) - json_array_size(kept));
    json_decref(request->tools);
    request->tools = kept;
    if (json_array_size(kept) == 0) {
        json_decref(kept);
        request->tools = NULL;
    }
    fitting->tokens = llm_estimate_request(request);
}

/* ---- texts --------------------------------------------------------------------------------------*/

/* Whether the list may be changed; 0 without memory. */
static int own_list(struct fitting *fitting)
{
    json_t *copy = fitting->own ? NULL : json_copy(fitting->request->messages);

    if (copy) {
        json_decref(fitting->request->messages);
        fitting->request->messages = copy;
        fitting->own = 1;
    }
    return fitting->own;
}

/* A message that may be changed; NULL without memory. */
static json_t *own_message(struct fitting *fitting, size_t i)
{
    json_t *messages, *copy;

    if (!own_list(fitting))
        return NULL;
    messages = fitting->request->messages;
    copy = json_copy(json_array_get(messages, i));
    return json_array_set_new(messages, i, copy) < 0 ? NULL : copy;
}

/* The head of a text that has about so many tokens, and what stands for the rest. */
static json_t *shorter(const char *text, size_t len, uint64_t tokens)
{
    if (tokens < KEPT_LEAST)
        return json_string(left_out);
    tokens -= llm_estimate_text(cut_here, sizeof(cut_here) - 1);
    while (len > 0 && llm_estimate_text(text, len) > tokens)
        len -= len / 16 + 1;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return json_sprintf("%.*s%s", (int)len, text, cut_here);
}

/* Shortens a message's content by what is too much; 0 where that would gain nothing. */
static int shorten(struct fitting *fitting, size_t i)
{
    const struct llm_request *request = fitting->request;
    json_t *message = json_array_get(request->messages, i), *content;
    const uint64_t before = llm_estimate_message(request, message);
    const uint64_t excess = fitting->tokens - fitting->room;
    const char *text = json_string_value(json_object_get(message, "content"));
    const size_t len = json_string_length(json_object_get(message, "content"));
    const uint64_t tokens = llm_estimate_text(text, len);

    if (tokens <= llm_estimate_text(left_out, sizeof(left_out) - 1))
        return 0;
    content = shorter(text, len, tokens > excess ? tokens - excess : 0);
    message = own_message(fitting, i);
    if (!message || json_object_set_new(message, "content", content) < 0) {
        fitting->failed = 1;
        return 0;
    }
    fitting->tokens -= before - llm_estimate_message(request, message);
    return 1;
}

static void shorten_results(struct fitting *fitting, size_t from, size_t until)
{
    for (size_t i = from; i < until && is_over(fitting); i++)
        if (has_role(json_array_get(fitting->request->messages, i), "tool"))
            fitting->trim.results += (uint32_t)shorten(fitting, i);
}

/* What the model wrote since the question, all but its latest calls: that it called something stays. */
static void shorten_words(struct fitting *fitting)
{
    for (size_t i = fitting->question; i < fitting->latest && is_over(fitting); i++) {
        struct llm_request *request = fitting->request;
        json_t *message = json_array_get(request->messages, i), *calls, *call;
        size_t n;

        if (!has_role(message, "assistant"))
            continue;
        (void)shorten(fitting, i);
        calls = json_object_get(message, "tool_calls");
        if (!calls || !is_over(fitting))
            continue;
        message = own_message(fitting, i);
        calls = json_deep_copy(calls);
        json_array_foreach (calls, n, call)
            json_object_set_new(json_object_get(call, "function"), "arguments", json_string("{}"));
        fitting->failed |= !message || json_object_set_new(message, "tool_calls", calls) < 0;
        fitting->tokens = llm_estimate_request(request);
    }
}

/* ---- messages -----------------------------------------------------------------------------------*/

static void drop(struct fitting *fitting, size_t i)
{
    struct llm_request *request = fitting->request;

    fitting->tokens -= llm_estimate_message(request, json_array_get(request->messages, i));
    json_array_remove(request->messages, i);
    fitting->trim.messages++;
    fitting->question--;
    fitting->latest--;
}

static void drop_oldest(struct fitting *fitting)
{
    size_t i = 0;

    while (i < fitting->question && is_over(fitting)) {
        if (has_role(json_array_get(fitting->request->messages, i), "system")) {
            i++;
            continue;
        }
        if (!own_list(fitting)) {
            fitting->failed = 1;
            return;
        }
        /* With a call go its results: a provider refuses one without the other. */
        do
            drop(fitting, i);
        while (i < fitting->question &&
               has_role(json_array_get(fitting->request->messages, i), "tool"));
    }
}

/* The last message of a user, or the one before where that is ours; without any, the last message with the
 * call that it belongs to. */
static size_t find_question(const struct llm_request *request)
{
    const size_t count = json_array_size(request->messages);
    size_t i = count;
    int ours = request->repairs;

    while (i-- > 0)
        if (has_role(json_array_get(request->messages, i), "user") && !ours--)
            return i;
    for (i = count - 1; i > 0 && has_role(json_array_get(request->messages, i), "tool"); i--)
        ;
    return i;
}

static size_t find_latest(const struct llm_request *request, size_t question)
{
    size_t i = json_array_size(request->messages);

    while (i-- > question)
        if (json_object_get(json_array_get(request->messages, i), "tool_calls"))
            return i;
    return json_array_size(request->messages);
}

troupe_status llm_fit(const struct llm_request *whole, struct llm_request *ret,
                      struct llm_trim *ret_trim)
{
    const int64_t context = whole->settings->context_tokens;
    struct llm_request request = *whole;
    struct fitting fitting = {.request = &request};

    if (request.max_tokens > whole->settings->max_tokens)
        request.max_tokens = whole->settings->max_tokens;
    if (request.max_tokens >= context)
        return TROUPE_LIMIT;
    fitting.room = (uint64_t)(context - request.max_tokens);
    fitting.tokens = llm_estimate_request(&request);
    json_incref(request.messages);
    json_incref(request.tools);
    json_incref(request.schema);
    if (is_over(&fitting)) {
        fitting.question = find_question(&request);
        fitting.latest = find_latest(&request, fitting.question);
        trim_tools(&fitting);
        shorten_results(&fitting, 0, fitting.latest);
        drop_oldest(&fitting);
        shorten_results(&fitting, fitting.latest, json_array_size(request.messages));
        shorten_words(&fitting);
    }
    if (fitting.failed || is_over(&fitting)) {
        llm_request_clear(&request);
        return fitting.failed ? TROUPE_NOMEM : TROUPE_LIMIT;
    }
    if (llm_trimmed(&fitting.trim) || fitting.own)
        llm_request_measure(&request);
    fitting.trim.tokens = fitting.tokens;
    *ret = request;
    *ret_trim = fitting.trim;
    return TROUPE_OK;
}
