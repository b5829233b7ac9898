/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_MAX UINT32_MAX

static int is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* The next number of a list with commas; -1 for anything else. */
static int64_t take_number(troupe_str *list)
{
    int64_t value = 0;
    uint64_t i = 0, digits = 0;

    while (i < list->len && is_space(list->ptr[i]))
        i++;
    for (; i < list->len && list->ptr[i] >= '0' && list->ptr[i] <= '9'; i++, digits++) {
        value = value * 10 + (list->ptr[i] - '0');
        if (value > NUMBER_MAX)
            return -1;
    }
    while (i < list->len && is_space(list->ptr[i]))
        i++;
    if (digits == 0 || (i < list->len && list->ptr[i] != ','))
        return -1;
    i += i < list->len; /* the comma */
    list->ptr += i;
    list->len -= i;
    return value;
}

static troupe_status bad(troupe_host *host, const char *key, troupe_str whole, const char *problem)
{
    troupe_log(host, TROUPE_LOG_ERROR, "key \"%s\": \"%.*s\": %s", key, (int)whole.len, whole.ptr,
               problem);
    return TROUPE_CONFIG;
}

/* One number for all keys, or one for each. */
static troupe_status load_list(troupe_host *host, const char *name, const char *tail, uint32_t keys,
                               uint32_t ret[LLM_KEYS_MAX])
{
    char key[LLM_KEY_MAX];
    troupe_str whole, rest;
    uint32_t count = 0;

    snprintf(key, sizeof(key), "%s%s", name, tail);
    whole = rest = troupe_config_str(host, key);
    if (keys == 0)
        keys = 1; /* a server without keys has limits, too */
    while (rest.len > 0) {
        const int64_t value = take_number(&rest);

        if (value < 0)
            return bad(host, key, whole,
                       "expected a number for all keys, or one for each in their order with commas "
                       "between: \"60\" or \"60, 500\"");
        if (count == keys)
            return bad(host, key, whole,
                       "more numbers than keys are set; leave some out, or set api_key_alt");
        ret[count++] = (uint32_t)value;
    }
    if (count > 1 && count < keys)
        return bad(host, key, whole,
                   "fewer numbers than keys are set; write one for all of them, or one for each");
    for (uint32_t i = count; i < keys; i++)
        ret[i] = count > 0 ? ret[0] : 0;
    return TROUPE_OK;
}

troupe_status llm_limits_load(troupe_host *host, const char *tail, uint32_t keys,
                              struct llm_window windows[LLM_KEYS_MAX])
{
    uint32_t requests[LLM_KEYS_MAX] = {0}, tokens[LLM_KEYS_MAX] = {0};
    troupe_status status = load_list(host, "requests_per_minute", tail, keys, requests);

    if (status >= 0)
        status = load_list(host, "tokens_per_minute", tail, keys, tokens);
    for (int i = 0; i < LLM_KEYS_MAX && status >= 0; i++) {
        windows[i].most_requests = requests[i];
        windows[i].most_tokens = tokens[i];
    }
    return status;
}

void llm_limits_settle(struct llm_window *window, struct llm_taken *taken, enum llm_spent spent,
                       uint64_t tokens)
{
    const int64_t guessed = llm_need_sum(&taken->need);
    const int64_t used = spent == LLM_SPENT_UNKNOWN  ? guessed
                         : spent != LLM_SPENT_TOKENS ? 0
                         : tokens < UINT32_MAX       ? (int64_t)tokens
                                                     : UINT32_MAX;

    if (taken->at_ms != 0)
        llm_window_end(window, taken->at_ms, spent == LLM_SPENT_NOTHING ? -1 : 0, used - guessed);
    taken->at_ms = 0;
}
