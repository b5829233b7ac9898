/* SPDX-License-Identifier: Apache-2.0 */
#include "tools.h"

#include "actions.h"
#include "provider.h"

#include <stdio.h>
#include <string.h>

void llm_tools_offer(troupe_turn *turn, struct llm_request *request)
{
    const troupe_tools_v1 *tools = troupe_tools(turn);
    const char *problem = NULL;
    troupe_str list;

    if (!tools || tools->list(turn, &list) < 0)
        return;
    if (llm_request_offer(request, list, &problem) < 0)
        troupe_reason(turn, "llm.no_tools", "%s", problem ? problem : "the list cannot be used");
}

/* The tool of that name; NULL where the model made one up. */
static const json_t *find_tool(const json_t *tools, const char *name)
{
    const json_t *tool;
    size_t i;

    json_array_foreach ((json_t *)tools, i, tool) {
        const char *own =
            json_string_value(json_object_get(json_object_get(tool, "function"), "name"));

        if (own && strcmp(own, name) == 0)
            return tool;
    }
    return NULL;
}

/* One call of an answer, and what the model is told of it. All of it lies in the turn's memory: where the
 * turn ends, a child may still look at it when the answer is gone. */
struct errand {
    const char *name; /* that the host knows; NULL: the model made one up */
    const char *asked, *arguments;
    const char *text; /* the result, or why there is none */
    size_t len;
    troupe_status ended; /* negative where the turn has ended */
    troupe_task *task;
    int64_t priority; /* of its agent: the higher one goes first */
    uint8_t beside;   /* may run beside others */
    uint8_t confirm;  /* the member is asked first, whatever is declared */
};

static const char *keep_text(troupe_turn *turn, const char *text, size_t len)
{
    char *copy = troupe_turn_alloc(turn, len + 1);

    if (copy)
        memcpy(copy, text, len);
    return copy;
}

static troupe_status say(troupe_turn *turn, struct errand *errand, const char *text, size_t len)
{
    errand->text = keep_text(turn, text, len);
    errand->len = len;
    errand->ended = errand->text ? TROUPE_OK : TROUPE_NOMEM;
    return errand->ended;
}

static troupe_status run_errand(troupe_turn *turn, void *arg)
{
    static const char unknown[] = "error: there is no such tool";
    struct errand *errand = arg;
    troupe_str result = {NULL, 0}, sentence = {NULL, 0}, arguments;
    char text[600];
    troupe_status status;

    if (!errand->name) {
        troupe_reason(turn, "llm.tool", "\"%s\" is no tool that was offered", errand->asked);
        return say(turn, errand, unknown, sizeof(unknown) - 1);
    }
    arguments = (troupe_str){errand->arguments, strlen(errand->arguments)};
    status = errand->confirm
                 ? troupe_tool_call(turn, errand->name, arguments, TROUPE_TOOL_CONFIRM, &result)
                 : (troupe_call)(turn, errand->name, arguments, &result);
    if (status < 0 && troupe_turn_status(turn) < 0)
        return errand->ended = troupe_turn_status(turn);
    troupe_reason(turn, "llm.tool", "%s: status %d, %llu bytes", errand->name, status,
                  (unsigned long long)result.len);
    if (status < 0) {
        troupe_error(turn, NULL, &sentence);
        snprintf(text, sizeof(text), "error: %.*s", (int)(sentence.len < 500 ? sentence.len : 500),
                 sentence.ptr ? sentence.ptr : "");
        return say(turn, errand, text, strlen(text));
    }
    if (result.len > LLM_TOOL_RESULT_MAX) {
        result.len = LLM_TOOL_RESULT_MAX;
        while (result.len > 0 && ((unsigned char)result.ptr[result.len] & 0xC0) == 0x80)
            result.len--;
    }
    return result.len > 0 ? say(turn, errand, result.ptr, (size_t)result.len)
                          : say(turn, errand, "done", 4);
}

/* ---- ids --------------------------------------------------------------------------------------*/

static int has_id(const json_t *calls, const char *id)
{
    const json_t *call;
    size_t i;

    json_array_foreach ((json_t *)calls, i, call) {
        const char *own = json_string_value(json_object_get(call, "id"));

        if (own && strcmp(own, id) == 0)
            return 1;
    }
    return 0;
}

/* By a call of the talk, or one of the first `count` of the answer. */
static int is_taken(const struct llm_request *request, const struct llm_stream *answer,
                    uint32_t count, const char *id)
{
    const json_t *message;
    size_t i;

    for (uint32_t n = 0; n < count; n++)
        if (strcmp(answer->calls[n].id, id) == 0)
            return 1;
    json_array_foreach (request->messages, i, message)
        if (has_id(json_object_get(message, "tool_calls"), id))
            return 1;
    return 0;
}

/* Many servers give no ids, or the same in each round, and what was written into a fence has none: a result is
 * told by the id of its call, so none may be there twice. */
static void give_ids(const struct llm_request *request, struct llm_stream *answer)
{
    uint32_t next = 1;

    for (uint32_t i = 0; i < answer->call_count; i++) {
        struct llm_call *call = &answer->calls[i];

        if (call->id[0] && !is_taken(request, answer, i, call->id))
            continue;
        call->id[0] = 0;
        do
            snprintf(call->id, sizeof(call->id), "call_%u", next++);
        while (is_taken(request, answer, i, call->id));
    }
}

/* ---- one round --------------------------------------------------------------------------------*/

/* NULL: there are none. */
static json_t *thoughts_of(const struct llm_request *request, struct llm_stream *answer)
{
    const int in_blocks = request->settings->format == LLM_FORMAT_ANTHROPIC;
    json_t *details = llm_stream_details(answer);
    json_t *ret = answer->thoughts || details ? json_object() : NULL;

    if (answer->thoughts)
        json_object_set_new(ret, "reasoning_content", json_string(answer->thoughts));
    if (details)
        json_object_set(ret, in_blocks ? LLM_BLOCKS : "reasoning_details", details);
    return ret;
}

/* The answer as the next request has to repeat it. NULL without memory. */
static json_t *answer_of(const struct llm_request *request, struct llm_stream *answer)
{
    json_t *calls = json_array(), *thoughts = thoughts_of(request, answer), *message, *item;
    int failed = 0, extras = thoughts != NULL;

    for (uint32_t i = 0; i < answer->call_count; i++) {
        const struct llm_call *call = &answer->calls[i];

        item = json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", call->id, "type", "function", "function",
                         "name", call->name, "arguments", call->len > 0 ? call->arguments : "{}");
        if (call->extra) {
            failed |= json_object_set(item, LLM_EXTRA, call->extra);
            extras = 1;
        }
        failed |= json_array_append_new(calls, item);
    }
    message = json_pack("{s:s, s:s%, s:o}", "role", "assistant", "content", answer->text,
                        answer->len, "tool_calls", calls);
    if (thoughts)
        failed |= json_object_set_new(message, LLM_THOUGHTS, thoughts);
    if (message && extras)
        failed |= llm_provider_sign(message, request->settings);
    if (!failed)
        return message;
    json_decref(message);
    return NULL;
}

/* A "confirm" among the arguments of a function that has no such parameter is the call's own: it is taken
 * out of them. */
static troupe_status take_confirm(troupe_turn *turn, const json_t *tool, struct errand *errand)
{
    const json_t *parameters = json_object_get(json_object_get(tool, "function"), "parameters");
    LLM_CLEANUP_JSON json_t *arguments = NULL;
    LLM_CLEANUP_TEXT char *rest = NULL;
    const json_t *confirm;

    if (json_object_get(json_object_get(parameters, "properties"), "confirm"))
        return TROUPE_OK;
    arguments = llm_json_load(errand->arguments, strlen(errand->arguments));
    confirm = json_object_get(arguments, "confirm");
    if (!confirm)
        return TROUPE_OK;
    errand->confirm |= llm_wants_confirm(confirm);
    json_object_del(arguments, "confirm");
    rest = json_dumps(arguments, JSON_COMPACT);
    errand->arguments = rest ? keep_text(turn, rest, strlen(rest)) : NULL;
    return errand->arguments ? TROUPE_OK : TROUPE_NOMEM;
}

static troupe_status prepare(troupe_turn *turn, const struct llm_request *request,
                             const struct llm_call *call, struct errand *ret)
{
    const json_t *tool = find_tool(request->tools, call->name);
    const char *name = json_string_value(json_object_get(tool, "call"));

    ret->name = name ? keep_text(turn, name, strlen(name)) : NULL;
    ret->asked = keep_text(turn, call->name, strlen(call->name));
    ret->arguments =
        call->len > 0 ? keep_text(turn, call->arguments, strlen(call->arguments)) : "{}";
    if ((name && !ret->name) || !ret->asked || !ret->arguments)
        return TROUPE_NOMEM;
    ret->priority = json_integer_value(json_object_get(tool, "priority"));
    ret->confirm = call->confirm;
    if (tool && take_confirm(turn, tool, ret) < 0)
        return TROUPE_NOMEM;
    /* One question at a time. */
    ret->beside = json_is_true(json_object_get(tool, "idempotent")) && !ret->confirm;
    return TROUPE_OK;
}

/* By priority, and among equals as they were written. */
static void sort(struct errand *errands, uint32_t count, struct errand **ret)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;

        for (; at > 0 && ret[at - 1]->priority < errands[i].priority; at--)
            ret[at] = ret[at - 1];
        ret[at] = &errands[i];
    }
}

/* Neighbours of one priority that may run beside each other do; everything else waits for its turn. */
static void run_all(troupe_turn *turn, struct errand **errands, uint32_t count)
{
    uint32_t i = 0;

    while (i < count && troupe_turn_status(turn) >= 0) {
        uint32_t end = i;

        while (end < count && errands[end]->beside &&
               errands[end]->priority == errands[i]->priority)
            end++;
        if (end <= i + 1) {
            (void)run_errand(turn, errands[i++]);
            continue;
        }
        for (uint32_t n = i; n < end; n++)
            if (troupe_spawn(turn, run_errand, errands[n], &errands[n]->task) < 0)
                errands[n]->task = NULL;
        for (uint32_t n = i; n < end; n++)
            if (errands[n]->task)
                (void)troupe_join(turn, errands[n]->task);
            else
                (void)run_errand(turn, errands[n]);
        i = end;
    }
}

troupe_status llm_tools_run(troupe_turn *turn, struct llm_request *request,
                            struct llm_stream *answer)
{
    struct errand *errands = troupe_turn_alloc(turn, LLM_CALLS_MAX * sizeof(*errands));
    struct errand *order[LLM_CALLS_MAX];
    json_t *message;
    troupe_status status;

    give_ids(request, answer);
    message = answer_of(request, answer);
    if (!message || json_array_append_new(request->messages, message) < 0 || !errands)
        return TROUPE_NOMEM;
    for (uint32_t i = 0; i < answer->call_count; i++) {
        status = prepare(turn, request, &answer->calls[i], &errands[i]);
        if (status < 0)
            return status;
    }
    sort(errands, answer->call_count, order);
    run_all(turn, order, answer->call_count);
    status = troupe_turn_status(turn);
    for (uint32_t i = 0; i < answer->call_count && status >= 0; i++) {
        status = errands[i].ended;
        if (status >= 0 &&
            json_array_append_new(
                request->messages,
                json_pack("{s:s, s:s, s:s%}", "role", "tool", "tool_call_id", answer->calls[i].id,
                          "content", errands[i].text ? errands[i].text : "", errands[i].len)) < 0)
            status = TROUPE_NOMEM;
    }
    if (status >= 0)
        llm_request_measure(request);
    return status;
}
