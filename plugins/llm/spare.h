/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether the turn has time to spare for a wait. What is done after the question hangs on the answer, and a stage
 * that runs again has other time left: so it is given by a declared function of the agent (llm-spare), whose
 * result the host records.
 */
#ifndef LLM_SPARE_H
#define LLM_SPARE_H

#include <troupe/troupe.h>

#define LLM_SPARE_FUNCTION "llm-spare"

/* 1 where so many milliseconds are left, 0 where they are not; below 0: why the turn has ended. [turn, waits] */
troupe_status llm_spare(troupe_turn *turn, int64_t ms);
/* What llm-spare does. [turn] */
troupe_status llm_spare_answer(troupe_turn *turn, int64_t ms);

#endif
