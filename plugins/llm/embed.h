/* SPDX-License-Identifier: Apache-2.0
 *
 * llm.embed: vectors of texts, in batches, from OpenAI's interface and Ollama's.
 */
#ifndef LLM_EMBED_H
#define LLM_EMBED_H

#include "others.h"
#include "router.h"

#define LLM_EMBED_TEXTS_MAX 64
#define LLM_EMBED_TEXT_MAX  ((size_t)32 * 1024)  /* bytes of a text */
#define LLM_EMBED_BATCH_MAX ((size_t)250 * 1000) /* bytes of a request: no more tokens than that */

/* The service; see troupe/services.h. [turn, waits] */
troupe_status llm_embed_run(troupe_turn *turn, struct llm_others *others, struct llm_router *router,
                            troupe_str texts, int64_t dimensions, int as_base64, troupe_str only);

#endif
