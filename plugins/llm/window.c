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
        memset(&window->slots[at], 0, sizeof(window->slots[at]));
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

/* The slot of a time; -1: there is none. */
static int64_t slot_of(const struct llm_window *window, int64_t at_ms)
{
    const int64_t second = at_ms / 1000;

    return !is_bounded(window) || second < 0 || second > window->newest ||
                   second <= window->newest - LLM_WINDOW_SLOTS
               ? -1
               : second % LLM_WINDOW_SLOTS;
}

static void amend(struct llm_window *window, int64_t slot, int64_t requests, int64_t tokens)
{
    amend_one(&window->slots[slot].requests, &window->requests, requests);
    amend_one(&window->slots[slot].tokens, &window->tokens, tokens);
}

void llm_window_end(struct llm_window *window, int64_t at_ms, int64_t requests, int64_t tokens)
{
    const int64_t slot = slot_of(window, at_ms);

    if (slot < 0 || window->slots[slot].open == 0)
        return;
    window->slots[slot].open--;
    amend(window, slot, requests, tokens);
}

void llm_window_take(struct llm_window *window, const struct llm_need *need, int64_t now_ms)
{
    int64_t slot;

    llm_window_look(window, now_ms);
    slot = slot_of(window, window->newest * 1000); /* also where the clock was set back a little */
    if (slot < 0)
        return;
    window->slots[slot].open++;
    amend(window, slot, 1, llm_need_sum(need));
}
