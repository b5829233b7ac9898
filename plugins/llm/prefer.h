/* SPDX-License-Identifier: Apache-2.0
 *
 * The model that a member would rather talk with. It is asked first where it serves the route, may be asked and
 * can be paid; else the question goes as without it.
 */
#ifndef LLM_PREFER_H
#define LLM_PREFER_H

#include "router.h"

/* The bit of the candidate that the turn's member prefers on that route; 0: none, or nobody asks. [turn, waits] */
uint32_t llm_prefer_load(troupe_turn *turn, const struct llm_router *router, enum llm_route route);

/* What the command is told: nothing shows what there is, "-" takes the preference back, and anything else has to
 * be a model for talks. [turn, waits] */
troupe_status llm_prefer_change(troupe_turn *turn, const struct llm_router *router,
                                troupe_str name);

#endif
