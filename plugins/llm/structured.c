/* SPDX-License-Identifier: Apache-2.0 */
#include "structured.h"

#include <stdio.h>
#include <string.h>
#include <troupe/plugin.h>

#define PROBLEM "{{problem}}" /* what stands there in the prompt */

TROUPE_EMBED(llm_prompt_schema, "prompts/schema.txt");
TROUPE_EMBED(llm_prompt_repair, "prompts/repair.txt");

/* Adds text to the instructions, which some models take only as the first message. */
static troupe_status instruct(struct llm_request *request, const char *text)
{
    json_t *first = json_array_get(request->messages, 0);
    const char *role = json_string_value(json_object_get(first, "role"));
    json_t *longer;

    if (!role || strcmp(role, "system") != 0)
        return json_array_insert_new(request->messages, 0,
                                     json_pack("{s:s, s:s}", "role", "system", "content", text)) < 0
                   ? TROUPE_NOMEM
                   : TROUPE_OK;
    longer = json_sprintf("%s\n\n%s", json_string_value(json_object_get(first, "content")), text);
    return json_object_set_new(first, "content", longer) < 0 ? TROUPE_NOMEM : TROUPE_OK;
}

troupe_status llm_structured_want(struct llm_request *request, troupe_str schema, char *problem)
{
    const char *wrong = NULL;
    LLM_CLEANUP_TEXT char *text = NULL;
    char *whole;
    troupe_status status;
    size_t size;

    snprintf(problem, LLM_SCHEMA_PROBLEM, "it has more than %zu bytes", LLM_SCHEMA_MAX);
    if (schema.len > LLM_SCHEMA_MAX)
        return TROUPE_ARGUMENT;
    status = llm_request_want_json(request, schema, &wrong);
    if (status < 0) {
        snprintf(problem, LLM_SCHEMA_PROBLEM, "%s", wrong);
        return status;
    }
    status = llm_schema_valid(request->schema, problem);
    if (status < 0)
        return status;
    text = json_dumps(request->schema, JSON_COMPACT);
    size = strlen(llm_prompt_schema) + (text ? strlen(text) : 0) + 1;
    whole = malloc(size);
    if (!text || !whole) {
        free(whole);
        return TROUPE_NOMEM;
    }
    snprintf(whole, size, "%s%s", llm_prompt_schema, text);
    status = instruct(request, whole);
    free(whole);
    llm_request_measure(request);
    return status;
}

/* The bytes between the first fence and the last, or all of them. */
static void unwrap(const char **text, size_t *len)
{
    const char *open = memmem(*text, *len, "```", 3), *line, *close = NULL;
    const char *end = *text + *len;

    line = open ? memchr(open, '\n', (size_t)(end - open)) : NULL;
    if (!line)
        return;
    for (const char *at = line; (at = memmem(at, (size_t)(end - at), "\n```", 4)); at++)
        close = at;
    *text = line + 1;
    *len = close && close > line ? (size_t)(close - *text) : (size_t)(end - *text);
}

json_t *llm_structured_read(const struct llm_request *request, const struct llm_stream *answer,
                            char *problem)
{
    const char *text = answer->text;
    size_t len = answer->len;
    json_t *value;

    while (len > 0 && (*text == ' ' || *text == '\n')) {
        text++;
        len--;
    }
    /* A value may have fences inside. */
    if (len > 0 && *text != '{' && *text != '[' && *text != '"')
        unwrap(&text, &len);
    value = llm_json_load(text, len);
    if (!value) {
        snprintf(problem, LLM_SCHEMA_PROBLEM, "%s",
                 strcmp(answer->finish, "length") == 0
                     ? "the answer is no JSON: it was longer than it may be, and cut"
                     : "the answer is no JSON");
        return NULL;
    }
    if (llm_schema_check(request->schema, value, problem) >= 0)
        return value;
    json_decref(value);
    return NULL;
}

/* The prompt with what is wrong. */
static json_t *repair_text(const char *problem)
{
    const char *at = strstr(llm_prompt_repair, PROBLEM);
    const int before = (int)(at ? at - llm_prompt_repair : 0);

    return json_sprintf("%.*s%s%s", before, llm_prompt_repair, problem,
                        at ? at + sizeof(PROBLEM) - 1 : llm_prompt_repair);
}

troupe_status llm_structured_repair(struct llm_request *request, const struct llm_stream *answer,
                                    const char *problem)
{
    json_t *said =
        json_pack("{s:s, s:s%}", "role", "assistant", "content", answer->text, answer->len);
    json_t *wrong = repair_text(problem);
    int failed = json_array_append_new(request->messages, said);

    failed |= json_array_append_new(request->messages,
                                    json_pack("{s:s, s:o}", "role", "user", "content", wrong));
    if (failed)
        return TROUPE_NOMEM;
    request->repairs++;
    llm_request_measure(request);
    return TROUPE_OK;
}
