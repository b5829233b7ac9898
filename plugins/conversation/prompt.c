/* SPDX-License-Identifier: Apache-2.0 */
#include "prompt.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS_PER_MESSAGE 4
#define INTERRUPTED_MARK   "\n(interrupted)"

static void json_cleanup(json_t **value)
{
    json_decref(*value);
}
#define CLEANUP_JSON __attribute__((cleanup(json_cleanup)))

int64_t prompt_tokens(const char *text, uint64_t len)
{
    uint64_t ascii = 0;

    for (uint64_t i = 0; i < len; i++)
        ascii += (unsigned char)text[i] < 0x80;
    /* English has about four letters a token; scripts of two to four bytes a letter reach one. */
    return (int64_t)((ascii + 2) / 3 + (len - ascii + 1) / 2) + TOKENS_PER_MESSAGE;
}

static json_t *message_new(const char *role, troupe_str content, int interrupted)
{
    if (!interrupted)
        return json_pack("{s:s, s:s%}", "role", role, "content", content.ptr, (size_t)content.len);
    return json_pack("{s:s, s:s%+}", "role", role, "content", content.ptr, (size_t)content.len,
                     INTERRUPTED_MARK);
}

/* How many of the newest lines fit into `room`. An answer whose question does not fit stays out
 * too: some models take no talk that begins with an answer. */
static uint32_t fitting(const struct history *history, int64_t room, int64_t *ret_tokens)
{
    int64_t tokens = 0;
    uint32_t used = 0;

    *ret_tokens = 0;
    for (uint32_t i = 0; i < history->count; i++) {
        const struct history_line *line = &history->lines[i];

        tokens += prompt_tokens(line->content.ptr, line->content.len) +
                  (line->interrupted ? (int64_t)sizeof(INTERRUPTED_MARK) : 0);
        if (tokens > room)
            break;
        if (line->from_member) {
            used = i + 1;
            *ret_tokens = tokens;
        }
    }
    return used;
}

troupe_status prompt_build(const struct prompt_budget *budget, const char *system,
                           const struct history *history, troupe_str message,
                           const struct share *share, struct prompt *ret)
{
    troupe_str instructions = {system, strlen(system)};
    int64_t room = budget->context - budget->answer - budget->reserve -
                   prompt_tokens(system, instructions.len) -
                   prompt_tokens(message.ptr, message.len);
    CLEANUP_JSON json_t *messages = json_array();
    CLEANUP_JSON json_t *arguments = NULL;
    int64_t history_tokens;

    memset(ret, 0, sizeof(*ret));
    if (room < 0)
        return TROUPE_LIMIT;
    ret->used = fitting(history, room, &history_tokens);
    ret->tokens = prompt_tokens(system, instructions.len) + history_tokens +
                  prompt_tokens(message.ptr, message.len);
    if (json_array_append_new(messages, message_new("system", instructions, 0)) < 0)
        return TROUPE_DATA;
    for (uint32_t i = ret->used; i-- > 0;) {
        const struct history_line *line = &history->lines[i];

        if (json_array_append_new(messages, message_new(line->from_member ? "user" : "assistant",
                                                        line->content, line->interrupted)) < 0)
            return TROUPE_DATA;
    }
    if (json_array_append_new(messages, message_new("user", message, 0)) < 0)
        return TROUPE_DATA;
    /* Lines that did not fit are no reason to share: the talk is the member's all the same. */
    ret->shared = history->count == 0 && strcmp(share->cache, "none") != 0;
    arguments =
        json_pack("{s:O, s:s, s:I, s:s, s:s}", "messages", messages, "route", "chat", "max_tokens",
                  (json_int_t)budget->answer, "cache", ret->shared ? share->cache : "none",
                  "question", ret->shared ? share->question : "");
    ret->arguments = arguments ? json_dumps(arguments, JSON_COMPACT) : NULL;
    return ret->arguments ? TROUPE_OK : TROUPE_NOMEM;
}

void prompt_clear(struct prompt *prompt)
{
    free(prompt->arguments);
    prompt->arguments = NULL;
}
