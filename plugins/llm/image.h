/* SPDX-License-Identifier: Apache-2.0
 *
 * llm.image: a picture of what a text says, from OpenAI or OpenRouter.
 */
#ifndef LLM_IMAGE_H
#define LLM_IMAGE_H

#include "others.h"
#include "router.h"

#define LLM_IMAGE_PROMPT_MAX 4000

/* Where the picture goes: with the turn's answer, into the result, or into the result where it has room. */
enum llm_image_as { LLM_IMAGE_FILE, LLM_IMAGE_DATA, LLM_IMAGE_ANY };

/* The service; see troupe/services.h. `only` names the one model that may paint it, or none. [turn, waits] */
troupe_status llm_image_run(troupe_turn *turn, struct llm_others *others, struct llm_router *router,
                            troupe_str prompt, troupe_str shape, troupe_str quality,
                            enum llm_image_as as, troupe_str only);

#endif
