/* SPDX-License-Identifier: Apache-2.0
 *
 * Tools: the declared functions of other agents, offered to the model with the rights of the member
 * whom it answers, and called when it asks for them.
 */
#ifndef LLM_TOOLS_H
#define LLM_TOOLS_H

#include "request.h"
#include "stream.h"

#define LLM_TOOL_STEPS_MAX  10
#define LLM_TOOL_RESULT_MAX ((size_t)8 * 1024) /* of one call, for the model */

/* Offers what the host lists. Nothing where there is nothing, or no list. [turn] */
void llm_tools_offer(troupe_turn *turn, struct llm_request *request);

/* Calls what the answer asks for, by the priority of the agents and among equals in its order; neighbours of
 * one priority whose functions are declared idempotent run beside each other. Puts answer and results behind
 * the messages, the results in the order of the answer; a call without an id that is its own in the talk is given
 * one. A call that fails is a result that says so. Negative
 * only where the turn has ended. [turn, waits] */
troupe_status llm_tools_run(troupe_turn *turn, struct llm_request *request,
                            struct llm_stream *answer);

#endif
