/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits of a provider's keys by the config, and what a call took of its key's: it is counted when it is chosen,
 * with the tokens that it is taken for, and once it has ended with those that it had.
 */
#ifndef LLM_LIMITS_H
#define LLM_LIMITS_H

#include "settings.h"
#include "window.h"

/* What was counted of a call; `at_ms` 0: nothing. */
struct llm_taken {
    int64_t at_ms;
    struct llm_need need;
};

/* What is known of a call that has ended. */
enum llm_spent {
    LLM_SPENT_NOTHING, /* it never went out                               */
    LLM_SPENT_REQUEST, /* it was refused, so no tokens were               */
    LLM_SPENT_TOKENS,  /* its tokens are known                            */
    LLM_SPENT_UNKNOWN  /* it broke off: what it was taken for stays       */
};

/* Reads requests_per_minute and tokens_per_minute of the provider whose keys end in `tail` ("", "_2" …), which has
 * so many keys. What is wrong goes to the log, with the remedy. */
troupe_status llm_limits_load(troupe_host *host, const char *tail, uint32_t keys,
                              struct llm_window windows[LLM_KEYS_MAX]);
/* Once for each call: `taken` is empty then. */
void llm_limits_settle(struct llm_window *window, struct llm_taken *taken, enum llm_spent spent,
                       uint64_t tokens);

#endif
