/* SPDX-License-Identifier: Apache-2.0
 *
 * When a question goes to a second model because the first one keeps silent, and to which. Off unless the
 * config says otherwise.
 *
 * What is known here is memory of this process, like the router's: both decisions are made in the declared
 * function llm-hedge, whose result the host records.
 */
#ifndef LLM_HEDGE_H
#define LLM_HEDGE_H

#include "router.h"

#define LLM_HEDGE_FUNCTION  "llm-hedge"

#define LLM_HEDGE_LEAST_MS  100   /* nobody is asked twice sooner …                             */
#define LLM_HEDGE_MOST_MS   60000 /* … or later                                                 */
#define LLM_HEDGE_LEFT_MS   2000  /* of the turn that must be left for the second one's answer  */
#define LLM_HEDGE_SAMPLES   8     /* first tokens of a model, before which its p95 says nothing */
#define LLM_HEDGE_AT_ONCE   10    /* hedges that may have been saved up                         */
#define LLM_HEDGE_SHARE_MAX 20    /* per cent of all questions: what may be repeated at all     */

/* What the key `hedge` takes in place of a time. */
#define LLM_HEDGE_WORDS "off|p95"
#define LLM_HEDGE_OFF   TROUPE_WORD(0)
#define LLM_HEDGE_P95   TROUPE_WORD(1)

/* A question goes to the candidate: it earns its share of a hedge. How long the first token is waited for
 * before a second model is asked; -1: none will be. */
int64_t llm_hedge_delay(struct llm_router *router, uint32_t candidate, int64_t left_ms);

/* Whom to ask beside `ask->last` and its key: another model, else the same with another key. -1 with the
 * reason in `why` where the share of hedges or the budget of repetitions is used up, or there is nobody.
 * Models that wait for a place of a pool are not asked like this. */
void llm_hedge_choose(struct llm_router *router, const struct llm_ask *ask, int64_t key,
                      int64_t now_ms, struct llm_choice *ret);
/* A hedge that was chosen was not sent after all. */
void llm_hedge_return(struct llm_router *router);

#endif
