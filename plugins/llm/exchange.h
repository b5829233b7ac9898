/* SPDX-License-Identifier: Apache-2.0
 *
 * One question that gets one JSON object, paid like a round of a talk: its worst case is reserved before it
 * leaves, what it cost is settled, transient failures are tried again within the turn's time.
 */
#ifndef LLM_EXCHANGE_H
#define LLM_EXCHANGE_H

#include "errors.h"
#include "json.h"
#include "settings.h"

struct llm_exchange {
    const struct llm_settings *settings;
    const char *what; /* names it in reports: "llm.embed" */
    const char *path; /* behind base_url */
    const json_t *body;
    size_t most;    /* bytes of an answer */
    uint64_t worst; /* micro-USD, or TROUPE_PRICE_UNKNOWN */
    /* What an answer cost, in micro-USD; its tokens, where it tells. */
    uint64_t (*cost)(const struct llm_exchange *exchange, const json_t *answer, uint64_t *ret_in,
                     uint64_t *ret_out);
    const void *arg; /* of `cost` */

    /* Set by the run. */
    uint64_t cost_micros;
    uint32_t http_status; /* of the last answer, 0 without one */
};

/* The answer, the caller's to free. Else the status of a failure that was told by troupe_fail, or why the turn
 * has ended. [turn, waits] */
troupe_status llm_exchange_run(troupe_turn *turn, struct llm_exchange *exchange, json_t **ret);

/* Where no such model is set up, or its provider has none of the kind. */
troupe_status llm_exchange_unsupported(troupe_turn *turn, const char *sentence);

#endif
