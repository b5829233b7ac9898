/* SPDX-License-Identifier: Apache-2.0 */
#include "actions.h"

#include "hold.h"
#include "provider.h"

#include <string.h>
#include <troupe/plugin.h>

TROUPE_EMBED(llm_prompt_actions, "prompts/actions.txt");
TROUPE_EMBED(llm_prompt_no_more, "prompts/no_more.txt");
TROUPE_EMBED(llm_prompt_no_more_json, "prompts/no_more_json.txt");

/* Adds to a text of the turn's own; NULL without memory, and then for ever. */
static json_t *join(json_t *text, const char *more)
{
    json_t *longer = text ? json_sprintf("%s%s", json_string_value(text), more) : NULL;

    json_decref(text);
    return longer;
}

static json_t *describe(const struct llm_request *request)
{
    json_t *text = json_string(!request->no_calls ? llm_prompt_actions
                               : request->schema  ? llm_prompt_no_more_json
                                                  : llm_prompt_no_more);
    const json_t *tool;
    size_t i;

    if (request->no_calls)
        return text;
    json_array_foreach (request->tools, i, tool) {
        const json_t *function = json_object_get(tool, "function");
        const char *name = json_string_value(json_object_get(function, "name"));
        const char *doc = json_string_value(json_object_get(function, "description"));
        LLM_CLEANUP_TEXT char *parameters =
            json_dumps(json_object_get(function, "parameters"), JSON_COMPACT);

        text = join(text, "- ");
        text = join(text, name);
        text = join(text, ": ");
        text = join(text, doc ? doc : "");
        text = join(text, " ");
        text = join(text, parameters ? parameters : "{}");
        text = join(text, "\n");
    }
    return text;
}

/* A call as the model wrote it, or would have. */
static json_t *call_text(json_t *text, const json_t *call)
{
    const json_t *function = json_object_get(call, "function");
    const json_t *arguments = json_object_get(function, "arguments");
    json_t *params =
        llm_json_load(json_string_value(arguments) ? json_string_value(arguments) : "{}",
                      json_string_length(arguments));
    LLM_CLEANUP_JSON json_t *action = NULL;
    LLM_CLEANUP_TEXT char *dump = NULL;

    if (!json_is_object(params)) {
        json_decref(params);
        params = json_object();
    }
    action = json_pack("{s:O, s:o}", "action", json_object_get(function, "name"), "params", params);
    dump = action ? json_dumps(action, JSON_COMPACT) : NULL;
    text = join(text, "\n```json\n");
    text = join(text, dump ? dump : "{}");
    return join(text, "\n```\n");
}

static json_t *words_of(const struct llm_request *request, const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    const char *content = json_string_value(json_object_get(message, "content"));
    const json_t *calls = json_object_get(message, "tool_calls"), *call;
    json_t *text;
    size_t i;

    if (strcmp(role, "tool") == 0) {
        const char *name = llm_provider_called(request->messages, message);

        return json_sprintf("What %s gave:\n%s", name ? name : "it", content ? content : "");
    }
    text = json_string(content ? content : "");
    json_array_foreach ((json_t *)calls, i, call)
        text = call_text(text, call);
    return text;
}

/* Pictures stay with what is said about them. */
static int take_pictures(json_t *to, const json_t *message)
{
    const json_t *list = json_object_get(message, "pictures");

    if (!list)
        return 0;
    return json_object_get(to, "pictures")
               ? json_array_extend(json_object_get(to, "pictures"), (json_t *)list)
               : json_object_set_new(to, "pictures", json_copy((json_t *)list));
}

json_t *llm_actions_messages(const struct llm_request *request)
{
    json_t *list = json_array(), *last = NULL;
    const json_t *message;
    size_t i;
    int failed = json_array_append_new(
        list, json_pack("{s:s, s:o}", "role", "system", "content", describe(request)));

    json_array_foreach (request->messages, i, message) {
        const char *role = json_string_value(json_object_get(message, "role"));
        json_t *text = words_of(request, message), *joined;

        if (strcmp(role, "tool") == 0)
            role = "user";
        last = json_array_get(list, json_array_size(list) - 1);
        /* Several results, and instructions, are one message: many templates take no two in a row. */
        if (text && last && strcmp(json_string_value(json_object_get(last, "role")), role) == 0) {
            joined = i == 0 ? json_sprintf("%s\n\n%s", json_string_value(text),
                                           json_string_value(json_object_get(last, "content")))
                            : json_sprintf("%s\n\n%s",
                                           json_string_value(json_object_get(last, "content")),
                                           json_string_value(text));
            failed |= json_object_set_new(last, "content", joined);
            if (i == 0 && json_object_get(message, "stable"))
                failed |= json_object_set(last, "stable", json_object_get(message, "stable"));
            failed |= take_pictures(last, message);
            json_decref(text);
            continue;
        }
        failed |=
            json_array_append_new(list, json_pack("{s:s, s:o}", "role", role, "content", text));
        failed |= take_pictures(json_array_get(list, json_array_size(list) - 1), message);
    }
    if (!failed)
        return list;
    json_decref(list);
    return NULL;
}

troupe_status llm_actions_take(struct llm_stream *answer)
{
    size_t from = 0, start, end;
    json_t *action;

    while (answer->call_count < LLM_CALLS_MAX &&
           (action = llm_hold_action(answer->text, answer->len, from, &start, &end))) {
        LLM_CLEANUP_TEXT char *params = NULL;
        struct llm_call *call =
            llm_stream_call(answer, answer->call_count, NULL, json_object_get(action, "action"));
        troupe_status status;

        params = json_dumps(json_object_get(action, "params"), JSON_COMPACT);
        call->confirm = llm_wants_confirm(json_object_get(action, "confirm"));
        status = llm_stream_argue(answer, call, params, params ? strlen(params) : 0);
        json_decref(action);
        if (status < 0)
            return status;
        memmove(answer->text + start, answer->text + end, answer->len - end);
        answer->len -= end - start;
        from = start;
    }
    return TROUPE_OK;
}
