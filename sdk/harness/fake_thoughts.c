/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_thoughts.h"

#include "fake_script.h"
#include "fake_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANY_SIGNATURE "skip_thought_signature_validator"

static const char *const names[] = {"", "gemini", "deepseek", "claude"};
/* Of ids of their own calls. */
static const char *const prefixes[] = {"", "gemini_", "deepseek_", "toolu_"};

enum fake_thinking fake_thinking_of(const char *name)
{
    for (int i = FAKE_THINKS_GEMINI; i <= FAKE_THINKS_CLAUDE; i++)
        if (strcmp(names[i], name) == 0)
            return (enum fake_thinking)i;
    return FAKE_THINKS_NOT;
}

static bool is_disabled(const json_t *body)
{
    return strcmp(fake_rule_str(json_object_get(body, "thinking"), "type", ""), "disabled") == 0;
}

bool fake_thinks_at(enum fake_thinking thinking, const json_t *body)
{
    return thinking == FAKE_THINKS_GEMINI || (thinking != FAKE_THINKS_NOT && !is_disabled(body));
}

/* ---- what is sent ------------------------------------------------------------------------------*/

static const char *id_of(const json_t *calls)
{
    return fake_rule_str(json_array_get(calls, 0), "id", "");
}

/* Nobody can write it who does not have it: of the call's id alone. */
static char *signature_of(const char *id)
{
    struct fake_text text = {0};

    fake_text_printf(&text, "c2ln%016llx", (unsigned long long)fake_digest(id, strlen(id)));
    return text.data;
}

static json_t *extra_of(const char *id)
{
    char *signature = signature_of(id);
    json_t *extra = json_pack("{s:{s:s}}", "google", "thought_signature", signature);

    free(signature);
    return extra;
}

void fake_thoughts_sign(enum fake_thinking thinking, json_t *calls)
{
    json_t *call;
    size_t i;

    if (thinking == FAKE_THINKS_NOT)
        return;
    json_array_foreach (calls, i, call) {
        struct fake_text id = {0};

        fake_text_printf(&id, "%s%s", prefixes[thinking], fake_rule_str(call, "id", ""));
        json_object_set_new(call, "id", json_string(id.data));
        fake_text_clear(&id);
    }
    if (thinking == FAKE_THINKS_GEMINI && json_array_size(calls) > 0)
        json_object_set_new(json_array_get(calls, 0), "extra_content", extra_of(id_of(calls)));
}

static char *text_for(const char *id)
{
    struct fake_text text = {0};

    fake_text_printf(&text, "So that is what they want. %s\n\"It\" is \xc3\xa4 guess.", id);
    return text.data;
}

char *fake_thoughts_text(const json_t *calls)
{
    return text_for(id_of(calls));
}

static json_t *blocks_for(const char *id)
{
    char *text = text_for(id), *signature = signature_of(id);
    json_t *blocks =
        json_pack("[{s:s,s:s,s:s},{s:s,s:s}]", "type", "thinking", "thinking", text, "signature",
                  signature, "type", "redacted_thinking", "data", signature + 4);

    free(text);
    free(signature);
    return blocks;
}

json_t *fake_thoughts_blocks(const json_t *calls)
{
    return blocks_for(id_of(calls));
}

/* ---- what is refused ---------------------------------------------------------------------------*/

static bool is_own(enum fake_thinking thinking, const char *id)
{
    return strncmp(id, prefixes[thinking], strlen(prefixes[thinking])) == 0;
}

static bool has_role(const json_t *message, const char *role)
{
    return strcmp(fake_rule_str(message, "role", ""), role) == 0;
}

/* The message behind the member's last. */
static size_t turn_of(const json_t *messages)
{
    const json_t *message;
    size_t i, ret = 0;

    json_array_foreach (messages, i, message) {
        if (has_role(message, "user"))
            ret = i + 1;
    }
    return ret;
}

static json_t *gemini_error(const char *text)
{
    return json_pack("[{s:{s:i,s:s,s:s}}]", "error", "code", 400, "message", text, "status",
                     "INVALID_ARGUMENT");
}

static json_t *refuse_gemini(const json_t *messages)
{
    for (size_t i = turn_of(messages); i < json_array_size(messages); i++) {
        const json_t *calls = json_object_get(json_array_get(messages, i), "tool_calls");
        const json_t *first = json_array_get(calls, 0);
        const json_t *extra = json_object_get(json_object_get(first, "extra_content"), "google");
        const char *given = fake_rule_str(extra, "thought_signature", NULL);
        char *own = signature_of(id_of(calls)), text[500];
        bool good;

        good = given &&
               strcmp(given, is_own(FAKE_THINKS_GEMINI, id_of(calls)) ? own : ANY_SIGNATURE) == 0;
        free(own);
        if (!first || good)
            continue;
        if (given)
            return gemini_error("Corrupted thought signature.");
        snprintf(text, sizeof(text),
                 "Function call is missing a thought_signature in functionCall parts. This is "
                 "required for tools to work correctly, and missing thought_signature may lead to "
                 "degraded model performance. Additional data, function call `default_api:%.60s` , "
                 "position %zu. Please refer to "
                 "https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
                 fake_rule_str(json_object_get(first, "function"), "name", ""), i + 1);
        return gemini_error(text);
    }
    return NULL;
}

static json_t *refuse_deepseek(const json_t *body)
{
    const json_t *messages = json_object_get(body, "messages"), *message;
    size_t i;

    if (is_disabled(body) || !json_object_get(body, "tools"))
        return NULL;
    json_array_foreach (messages, i, message) {
        const json_t *calls = json_object_get(message, "tool_calls");
        const char *given = fake_rule_str(message, "reasoning_content", NULL);
        char *own = fake_thoughts_text(calls);
        bool good = given && (!is_own(FAKE_THINKS_DEEPSEEK, id_of(calls)) || !strcmp(given, own));

        free(own);
        if (json_array_size(calls) > 0 && !good)
            return json_pack("{s:{s:s,s:s,s:n,s:s}}", "error", "message",
                             "The `reasoning_content` in the thinking mode must be passed back to "
                             "the API.",
                             "type", "invalid_request_error", "param", "code",
                             "invalid_request_error");
    }
    return NULL;
}

static json_t *claude_error(const char *text)
{
    return fake_format_error(FAKE_ANTHROPIC, 400, NULL, text);
}

static bool is_thought(const json_t *block)
{
    const char *type = fake_rule_str(block, "type", "");

    return strcmp(type, "thinking") == 0 || strcmp(type, "redacted_thinking") == 0;
}

/* One answer with calls: its thoughts, in front of all else and as they were. */
static json_t *refuse_answer(const json_t *message, size_t at)
{
    const json_t *content = json_object_get(message, "content"), *block;
    const char *id = NULL;
    json_t *own, *given = json_array();
    char text[300];
    bool same;
    size_t i;

    json_array_foreach (content, i, block) {
        if (is_thought(block))
            json_array_append(given, (json_t *)block);
        else if (!id && strcmp(fake_rule_str(block, "type", ""), "tool_use") == 0)
            id = fake_rule_str(block, "id", "");
    }
    own = id && is_own(FAKE_THINKS_CLAUDE, id) ? blocks_for(id) : json_array();
    same = json_equal(own, given);
    json_decref(own);
    json_decref(given);
    block = json_array_get(content, 0);
    if (same && (!id || !is_own(FAKE_THINKS_CLAUDE, id) || is_thought(block)))
        return NULL;
    if (id && !is_thought(block))
        snprintf(
            text, sizeof(text),
            "messages.%zu.content.0.type: Expected `thinking` or `redacted_thinking`, but "
            "found `%.40s`. When `thinking` is enabled, a final `assistant` message must start "
            "with a thinking block.",
            at, fake_rule_str(block, "type", ""));
    else
        snprintf(text, sizeof(text),
                 "messages.%zu.content.0: `thinking` or `redacted_thinking` blocks in the latest "
                 "assistant message cannot be modified. These blocks must remain as they were in "
                 "the original response.",
                 at);
    return claude_error(text);
}

static json_t *refuse_claude(const json_t *body)
{
    const json_t *messages = json_object_get(body, "messages"), *message;
    json_t *error = NULL;
    size_t i;

    if (is_disabled(body))
        return claude_error("\"thinking.type.disabled\" is not supported for this model.");
    json_array_foreach (messages, i, message) {
        if (!error && has_role(message, "assistant"))
            error = refuse_answer(message, i);
    }
    return error;
}

json_t *fake_thoughts_refuse(enum fake_thinking thinking, const json_t *body)
{
    switch (thinking) {
    case FAKE_THINKS_GEMINI: return refuse_gemini(json_object_get(body, "messages"));
    case FAKE_THINKS_DEEPSEEK: return refuse_deepseek(body);
    case FAKE_THINKS_CLAUDE: return refuse_claude(body);
    case FAKE_THINKS_NOT: break;
    }
    return NULL;
}
