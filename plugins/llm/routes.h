/* SPDX-License-Identifier: Apache-2.0
 *
 * What the section says about providers and routes, as candidates of a router.
 */
#ifndef LLM_ROUTES_H
#define LLM_ROUTES_H

#include "router.h"

/* Reads `route_…`, `quality_floor`, `cost_weight` and the further providers. `main` is what
 * llm_settings_load gave and stays the owner of the price table. What is wrong goes to the log, with
 * the remedy. */
troupe_status llm_routes_load(const struct llm_settings *main, struct llm_router *router);

#endif
