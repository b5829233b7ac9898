/* SPDX-License-Identifier: Apache-2.0
 *
 * What went out with one key within the last minute, against what the config allows it. A call is counted with
 * the tokens that it is taken for when it is chosen, and amended when its provider has told.
 *
 * It is counted by whole seconds, and each stays for sixty more: within any sixty seconds no more goes out than
 * allowed. Memory of the process, of a fixed size.
 */
#ifndef LLM_WINDOW_H
#define LLM_WINDOW_H

#include <stdint.h>

#define LLM_WINDOW_SLOTS 61

/* Tokens that a call is taken for. */
struct llm_need {
    int64_t input, output;
    int refilled; /* what a provider's limit should have given back by now counts (allowance.h) */
};

/* Both, at most UINT32_MAX. */
int64_t llm_need_sum(const struct llm_need *need);

struct llm_window {
    uint32_t most_requests, most_tokens; /* in a minute; 0: as many as come */
    int64_t newest;                      /* second of the newest slot       */
    uint64_t requests, tokens;           /* of all slots                    */
    struct {
        uint32_t requests, tokens;
        uint32_t open; /* of the requests, those that have not ended */
    } slots[LLM_WINDOW_SLOTS];
};

/* What is older than a minute is forgotten. A clock that was set back by more than that begins anew. */
void llm_window_look(struct llm_window *window, int64_t now_ms);
/* Milliseconds until a call fits in, after a look; 0: now. One that is larger than all that is allowed fits in
 * where nothing else is. */
int64_t llm_window_wait(const struct llm_window *window, const struct llm_need *need,
                        int64_t now_ms);
void llm_window_take(struct llm_window *window, const struct llm_need *need, int64_t now_ms);
/* A call that was taken at `at_ms` has ended: adds to what it took, or takes from it. Nothing where that is over a
 * minute ago, or where no call of then is open, as when a turn runs again. */
void llm_window_end(struct llm_window *window, int64_t at_ms, int64_t requests, int64_t tokens);

#endif
