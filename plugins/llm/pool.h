/* SPDX-License-Identifier: Apache-2.0
 *
 * Places at a model of one's own: such a server answers a few questions at once and only gets slower with
 * more, so the others wait here, in the order in which they came.
 *
 * This is memory of the process. Who waited how long is said by the declared function llm-place, whose result
 * the host records: a stage that runs again does not wait again.
 */
#ifndef LLM_POOL_H
#define LLM_POOL_H

#include <troupe/troupe.h>

#define LLM_PLACE_FUNCTION "llm-place"
#define LLM_POOL           5  /* places, by default      */
#define LLM_POOL_MAX       64 /* at most                 */
#define LLM_WAITERS_MAX    64 /* beyond them: busy       */
#define LLM_PLACE_WAIT_MS  30000
#define LLM_PLACE_LOST_MS  ((int64_t)600000) /* a place that nobody gave back */

struct llm_place {
    uint64_t turn; /* 0: free */
    int64_t since;
};

struct llm_pool {
    uint32_t size; /* places; 0: as many as come */
    struct llm_place places[LLM_POOL_MAX];
    struct llm_place waiters[LLM_WAITERS_MAX];
};

/* Joins those who wait: 1, or 0 where there are too many. */
int llm_pool_wait(struct llm_pool *pool, uint64_t turn, int64_t now_ms);
/* A place for one who waits, where it is their turn: 1, and they no longer wait. */
int llm_pool_take(struct llm_pool *pool, uint64_t turn, int64_t now_ms);
/* Gives a place back, or ends the waiting. Harmless without either. */
void llm_pool_leave(struct llm_pool *pool, uint64_t turn);

/* What llm-place does: {"place": bool}. [turn, waits] */
troupe_status llm_pool_join(troupe_turn *turn, struct llm_pool *pool);

#endif
