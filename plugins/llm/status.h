/* SPDX-License-Identifier: Apache-2.0
 *
 * /llm-status: which model is set up, where it is, what it costs, whether its server answers, and what keeps
 * questions away from it just now.
 */
#ifndef LLM_STATUS_H
#define LLM_STATUS_H

#include "converse.h"

/* Replies to the caller. A model has to be set up. [turn, waits] */
troupe_status llm_status_tell(troupe_turn *turn, struct llm_agent *agent);

#endif
