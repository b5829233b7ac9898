/* SPDX-License-Identifier: Apache-2.0 */
#include "tools.h"

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

/* The name that the host knows; NULL where the model made one up. */
static const char *known_name(const json_t *tools, const char *name)
{
    const json_t *tool;
    size_t i;

    json_array_foreach ((json_t *)tools, i, tool) {
        const char *own =
            json_string_value(json_object_get(json_object_get(tool, "function"), "name"));

        if (own && strcmp(own, name) == 0)
            return json_string_value(json_object_get(tool, "call"));
    }
    return NULL;
}

/* What the model reads: the result, cut, or why there is none. */
static json_t *call_one(troupe_turn *turn, const struct llm_request *request,
                        const struct llm_call *call, troupe_status *ret_ended)
{
    const char *name = known_name(request->tools, call->name);
    const char *arguments = call->len > 0 ? call->arguments : "{}";
    troupe_str result = {NULL, 0}, sentence = {NULL, 0};
    char text[600];
    troupe_status status;

    *ret_ended = TROUPE_OK;
    if (!name) {
        troupe_reason(turn, "llm.tool", "\"%s\" is no tool that was offered", call->name);
        return json_string("error: there is no such tool");
    }
    status = (troupe_call)(turn, name, (troupe_str){arguments, strlen(arguments)}, &result);
    if (status < 0 && troupe_turn_status(turn) < 0) {
        *ret_ended = troupe_turn_status(turn);
        return NULL;
    }
    troupe_reason(turn, "llm.tool", "%s: status %d, %llu bytes", name, status,
                  (unsigned long long)result.len);
    if (status < 0) {
        troupe_error(turn, NULL, &sentence);
        snprintf(text, sizeof(text), "error: %.*s", (int)(sentence.len < 500 ? sentence.len : 500),
                 sentence.ptr ? sentence.ptr : "");
        return json_string(text);
    }
    if (result.len > LLM_TOOL_RESULT_MAX) {
        result.len = LLM_TOOL_RESULT_MAX;
        while (result.len > 0 && ((unsigned char)result.ptr[result.len] & 0xC0) == 0x80)
            result.len--;
    }
    return result.len > 0 ? json_stringn(result.ptr, result.len) : json_string("done");
}

/* The answer as the next request has to repeat it. */
static json_t *answer_of(const struct llm_stream *answer)
{
    json_t *calls = json_array();

    for (uint32_t i = 0; i < answer->call_count; i++) {
        const struct llm_call *call = &answer->calls[i];

        json_array_append_new(calls,
                              json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", call->id, "type",
                                        "function", "function", "name", call->name, "arguments",
                                        call->len > 0 ? call->arguments : "{}"));
    }
    return json_pack("{s:s, s:s%, s:o}", "role", "assistant", "content", answer->text, answer->len,
                     "tool_calls", calls);
}

troupe_status llm_tools_run(troupe_turn *turn, struct llm_request *request,
                            const struct llm_stream *answer)
{
    json_t *message = answer_of(answer);
    troupe_status ended = TROUPE_OK;

    if (!message || json_array_append_new(request->messages, message) < 0)
        return TROUPE_NOMEM;
    for (uint32_t i = 0; i < answer->call_count; i++) {
        json_t *content = call_one(turn, request, &answer->calls[i], &ended);

        if (ended < 0)
            return ended;
        if (!content ||
            json_array_append_new(request->messages,
                                  json_pack("{s:s, s:s, s:o}", "role", "tool", "tool_call_id",
                                            answer->calls[i].id, "content", content)) < 0)
            return TROUPE_NOMEM;
    }
    llm_request_measure(request);
    return TROUPE_OK;
}
