/* SPDX-License-Identifier: Apache-2.0
 *
 * Tools for models that know none: the functions are described in the instructions, what the model writes
 * into a fence (hold.h) is taken for a call, and results go back as text. Behind that stand the same
 * calls, rights, bounds and confirmations as those of any other model.
 */
#ifndef LLM_ACTIONS_H
#define LLM_ACTIONS_H

#include "request.h"
#include "stream.h"

/* Whether a request has tools for a model that takes none. */
static inline int llm_actions_used(const struct llm_request *request)
{
    return request->tools && request->shape.no_tools;
}

/* The messages in words, with the functions in the instructions. The caller's; NULL without memory. */
json_t *llm_actions_messages(const struct llm_request *request);

/* A "confirm" that a model wrote: only false and null leave it at what the function declares. Models write
 * "yes", too, and a question too many does no harm. */
static inline uint8_t llm_wants_confirm(const json_t *confirm)
{
    return confirm && !json_is_false(confirm) && !json_is_null(confirm);
}

/* Takes the actions out of an answer's text and makes calls of them, at most LLM_CALLS_MAX. TROUPE_LIMIT
 * where their arguments are too long, TROUPE_NOMEM. */
troupe_status llm_actions_take(struct llm_stream *answer);

#endif
