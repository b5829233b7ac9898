/* SPDX-License-Identifier: Apache-2.0
 *
 * How a model wants to be asked, as its refusals have shown. That is memory of the process: what a request begins
 * with is recorded with the choice of its model, so that a stage that runs again meets the same refusals.
 */
#ifndef LLM_SHAPE_H
#define LLM_SHAPE_H

#include "request.h"

#define LLM_SHAPE_UNKNOWN UINT32_MAX /* bits that nothing is recorded of */

/* A bit for each member of the struct, in its order. */
uint32_t llm_shape_bits(const struct llm_shape *shape);
/* Where a request for a model begins whose shape has these bits: it was turned to the model before. */
void llm_shape_begin(struct llm_request *request, uint32_t bits);
/* What a model that answered the request wants: `shape` is what is known of it from then on. */
void llm_shape_learn(struct llm_shape *shape, const struct llm_request *request);

#endif
