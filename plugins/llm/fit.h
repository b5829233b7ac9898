/* SPDX-License-Identifier: Apache-2.0
 *
 * What of a request goes to a model: as much as its context holds beside the bound of the answer. Tools, the
 * results of their calls and a schema count as the messages do.
 */
#ifndef LLM_FIT_H
#define LLM_FIT_H

#include "request.h"

/* What was left out, and what the rest is taken for. */
struct llm_trim {
    uint64_t tokens;                   /* as llm_estimate_request */
    uint32_t messages, results, tools; /* of results also those that were cut */
};

/* The request as its model (`settings`) can take it; `ret` has its own references and is cleared by
 * llm_request_clear. Room is made in this order: tools above half of it, those that were called last; results of
 * rounds before the latest, oldest first; messages before the last question, oldest first and a call with its
 * results; results of the latest round; what the model itself wrote since the question. In place of a result
 * stands that it was left out. System messages, the last question and the latest calls stay, and no call is
 * without its result. TROUPE_LIMIT where that is still too much: `ret` is then untouched, as it is with
 * TROUPE_NOMEM. `input_bytes` is counted anew only where something was left out. */
troupe_status llm_fit(const struct llm_request *whole, struct llm_request *ret,
                      struct llm_trim *ret_trim);

static inline int llm_trimmed(const struct llm_trim *trim)
{
    return trim->messages || trim->results || trim->tools;
}

#endif
