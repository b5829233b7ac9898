/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers in JSON by a schema: the provider is told in its own way where it has one, the model in words in
 * any case, and what comes is checked. What does not hold is sent back once, with what is wrong.
 */
#ifndef LLM_STRUCTURED_H
#define LLM_STRUCTURED_H

#include "request.h"
#include "schema.h"
#include "stream.h"

/* Asks for it. TROUPE_ARGUMENT for a schema that cannot be checked against, with what in `problem` of
 * LLM_SCHEMA_PROBLEM bytes. */
troupe_status llm_structured_want(struct llm_request *request, troupe_str schema, char *problem);

/* The answer's value, the caller's; NULL where there is none or it does not hold the schema, with what is
 * wrong in `problem`. A fence around it, which many models cannot leave out, is no fault. */
json_t *llm_structured_read(const struct llm_request *request, const struct llm_stream *answer,
                            char *problem);

/* Puts the answer and what is wrong with it behind the messages, for one more try. */
troupe_status llm_structured_repair(struct llm_request *request, const struct llm_stream *answer,
                                    const char *problem);

#endif
