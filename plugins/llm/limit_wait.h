/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens to a question for which all keys are at their limits: it waits a little, or is refused.
 */
#ifndef LLM_LIMIT_WAIT_H
#define LLM_LIMIT_WAIT_H

#include <troupe/troupe.h>

#define LLM_LIMIT_WAIT_MS   30000 /* so long at most, and never longer than for a first token */
#define LLM_LIMIT_SPREAD_MS 500   /* and up to this longer by chance: not all come again together */

/* Waits for `wait_ms`: 1, or 0 where that is no use; below 0: why the turn has ended. `why` goes to the trace;
 * `own`: it is our own count that says so. [turn, waits] */
troupe_status llm_limit_wait(troupe_turn *turn, int64_t wait_ms, int64_t first_token_ms, int own,
                             const char *why);
/* Fails, with when to come again. [turn] */
troupe_status llm_limit_refuse(troupe_turn *turn, int64_t wait_ms);

#endif
