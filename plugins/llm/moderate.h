/* SPDX-License-Identifier: Apache-2.0
 *
 * llm.moderate: what a provider's own classifier thinks of a text. Only OpenAI's interface has that.
 */
#ifndef LLM_MODERATE_H
#define LLM_MODERATE_H

#include "others.h"
#include "router.h"

#define LLM_MODERATE_TEXT_MAX (32 * 1024)

/* The service; see troupe/services.h. [turn, waits] */
troupe_status llm_moderate_run(troupe_turn *turn, struct llm_others *others,
                               struct llm_router *router, troupe_str text);

#endif
