/* SPDX-License-Identifier: Apache-2.0
 *
 * llm.image: a picture of what a text says, from OpenAI or OpenRouter.
 */
#ifndef LLM_IMAGE_H
#define LLM_IMAGE_H

#include "others.h"
#include "router.h"

#define LLM_IMAGE_PROMPT_MAX 4000

/* The service; see troupe/services.h. The picture goes with the turn's answer, or `as_data` into the result;
 * `only` names the one model that may paint it, or none. [turn, waits] */
troupe_status llm_image_run(troupe_turn *turn, struct llm_others *others, struct llm_router *router,
                            troupe_str prompt, troupe_str shape, troupe_str quality, int as_data,
                            troupe_str only);

#endif
