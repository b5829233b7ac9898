/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading models of one's own before somebody asks: such a server takes long for the first question only.
 */
#ifndef LLM_WARM_H
#define LLM_WARM_H

#include "others.h"
#include "router.h"

/* Asks each local model that costs nothing, for talks and for vectors, for as little as there is, and gives {"warm": n, "cold": n}.
 * TROUPE_UNAVAILABLE where none of them answered. [turn, waits] */
troupe_status llm_warm_run(troupe_turn *turn, const struct llm_router *router,
                           const struct llm_others *others);

#endif
