/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"

#include <string.h>

int64_t llm_need_sum(const struct llm_need *need)
{
    const int64_t input = need->input > 0 ? need->input : 0,
                  output = need->output > 0 ? need->output : 0;
    int64_t sum;

    return __builtin_add_overflow(input, output, &sum) || sum > UINT32_MAX ? UINT32_MAX : sum;
}

static int is_bounded(const struct llm_window *window)
{
    return window->most_requests > 0 || window->most_tokens > 0;
}

void llm_window_look(struct llm_window *window, int64_t now_ms)
{
    const int64_t second = now_ms / 1000;

    if (!is_bounded(window))
        return;
    if (second >= window->newest + LLM_WINDOW_SLOTS ||
        second <= window->newest - LLM_WINDOW_SLOTS) {
        memset(window->slots, 0, sizeof(window->slots));
        window->requests = window->tokens = 0;
        window->newest = second;
    }
    while (window->newest < second) {
        const int64_t at = ++window->newest % LLM_WINDOW_SLOTS;

        window->requests -= window->slots[at].requests;
        window->tokens -= window->slots[at].tokens;
        window->slots[at].requests = window->slots[at].tokens = 0;
    }
}

static int fits(const struct llm_window *window, uint64_t requests, uint64_t tokens, uint64_t more)
{
    return (window->most_requests == 0 || requests < window->most_requests) &&
           (window->most_tokens == 0 || tokens == 0 || tokens + more <= window->most_tokens);
}

int64_t llm_window_wait(const struct llm_window *window, const struct llm_need *need,
                        int64_t now_ms)
{
    const uint64_t more = (uint64_t)llm_need_sum(need);
    uint64_t requests = window->requests, tokens = window->tokens;
    int64_t second = window->newest - LLM_WINDOW_SLOTS + 1;

    if (!is_bounded(window) || fits(window, requests, tokens, more))
        return 0;
    for (; second < window->newest; second++) {
        const int64_t at = second < 0 ? -1 : second % LLM_WINDOW_SLOTS;

        if (at >= 0) {
            requests -= window->slots[at].requests;
            tokens -= window->slots[at].tokens;
        }
        if (fits(window, requests, tokens, more))
            break;
    }
    second = (second + LLM_WINDOW_SLOTS) * 1000 - now_ms;
    return second < 1 ? 1 : second;
}

static void amend_one(uint32_t *slot, uint64_t *sum, int64_t more)
{
    int64_t value;

    if (__builtin_add_overflow((int64_t)*slot, more, &value))
        value = more < 0 ? 0 : UINT32_MAX;
    value = value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : value;
    *sum += (uint64_t)value - *slot;
    *slot = (uint32_t)value;
}

void llm_window_amend(struct llm_window *window, int64_t at_ms, int64_t requests, int64_t tokens)
{
    const int64_t second = at_ms / 1000, at = second % LLM_WINDOW_SLOTS;

    if (!is_bounded(window) || second < 0 || second > window->newest ||
        second <= window->newest - LLM_WINDOW_SLOTS)
        return;
    amend_one(&window->slots[at].requests, &window->requests, requests);
    amend_one(&window->slots[at].tokens, &window->tokens, tokens);
}

void llm_window_take(struct llm_window *window, const struct llm_need *need, int64_t now_ms)
{
    llm_window_look(window, now_ms);
    /* In the newest where the clock was set back a little. */
    llm_window_amend(window, window->newest * 1000, 1, llm_need_sum(need));
}
