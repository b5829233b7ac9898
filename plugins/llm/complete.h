/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether what is set of the section makes a whole: a server without a model, a provider without its key.
 */
#ifndef LLM_COMPLETE_H
#define LLM_COMPLETE_H

#include "others.h"
#include "router.h"

/* What nothing can come of is refused: TROUPE_CONFIG. What may be meant so is a warning. Either goes to the log,
 * with the remedy. */
troupe_status llm_complete(const struct llm_settings *settings, const struct llm_router *router,
                           const struct llm_others *others);

#endif
