/* SPDX-License-Identifier: Apache-2.0
 *
 * From a question to an answer: rounds with one model and then another, until one holds or nothing
 * makes sense any more.
 */
#ifndef LLM_CONVERSE_H
#define LLM_CONVERSE_H

#include "buffers.h"
#include "flight.h"
#include "others.h"
#include "pool.h"
#include "round.h"
#include "router.h"

/* The state of an agent. What its models went through is kept for its life: it changes only on the
 * loop, and choices by it are made where the host records them. */
struct llm_agent {
    struct llm_settings settings; /* of its own model */
    struct llm_router router;
    struct llm_candidate candidates[LLM_CANDIDATES_MAX];
    struct llm_flights flights;
    struct llm_others others;
    struct llm_pool pools[LLM_PROVIDERS_MAX];
    struct llm_buffers buffers;
};

/* The choice of a router as the agent's function llm-route gives it, and back. `ret` of
 * LLM_CHOICE_MAX bytes. */
#define LLM_ROUTE_FUNCTION "llm-route"
#define LLM_KEY_FUNCTION   "llm-key" /* the same of a talk that goes on with its model */
#define LLM_CHOICE_MAX     192
/* No model that may be asked sees pictures; nothing was sent. [turn] */
troupe_status llm_cannot_see(troupe_turn *turn);
void llm_choice_write(const struct llm_candidate *candidates, const struct llm_choice *choice,
                      char *ret);

/* `round` has settings, request and buffers; its result is given to the caller. `prefer`: prefer.h.
 * [turn, waits] */
/* With tools in the request (llm_tools_offer) the model may ask for them in as many rounds as
 * `tool_steps` allows, each with its own reservation, as long as all of them cost less than
 * `tool_cost`; then it has to answer. */
troupe_status llm_converse(troupe_turn *turn, struct llm_agent *agent, enum llm_route route,
                           uint32_t prefer, struct llm_round *round);

#endif
