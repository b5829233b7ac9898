/* SPDX-License-Identifier: Apache-2.0
 *
 * Money of one attempt: reserved before it leaves, settled after it, given back when it never left.
 */
#ifndef LLM_COST_H
#define LLM_COST_H

#include "request.h"
#include "stream.h"

#include <troupe/troupe.h>

/* What is known about the price of the configured model. */
struct llm_tariff {
    uint8_t known;
    struct llm_price price; /* all 0 for a local model */
};

struct llm_reservation {
    uint64_t id; /* 0: none */
    uint64_t worst;
    uint8_t open; /* neither settled nor given back */
};

/* Price overrides, local models and the table, in this order. `now_ms` picks the row. */
struct llm_tariff llm_tariff_find(const struct llm_settings *settings, int64_t now_ms);

/* Upper bound in micro-USD, or TROUPE_PRICE_UNKNOWN, also where nothing bounds the answer. No tokenizer in use makes
 * more tokens than bytes, the answer is bounded by max_tokens, and pictures count by the rule of the model. */
uint64_t llm_cost_worst(const struct llm_tariff *tariff, const struct llm_request *request);

/* Whether the provider said what was used. Nothing at all is no report: a question has tokens. */
int llm_usage_reported(const struct llm_usage *usage);
/* Fills in what the provider did not report, from the lengths of question, answer and the thoughts
 * that came with it. Returns 1 when it had to. */
int llm_usage_complete(struct llm_usage *usage, const struct llm_request *request,
                       const struct llm_stream *stream);
/* What the attempt cost, in micro-USD. The provider's own figure counts where it gives one. */
uint64_t llm_cost_actual(const struct llm_tariff *tariff, const struct llm_usage *usage);

/* Reserves for the request that is opened next, by its opening where the host can: then that is what a
 * cap refuses. [turn, waits] */
troupe_status llm_reserve_next(troupe_turn *turn, uint64_t worst, const char *what, uint64_t *ret);
/* After TROUPE_BUDGET of a reservation or of its request: the same with our sentence. [turn] */
troupe_status llm_refused(troupe_turn *turn, const struct llm_tariff *tariff,
                          const struct llm_request *request);
/* The same where the price is known: the host says which cap it was. [turn] */
troupe_status llm_refused_by_host(troupe_turn *turn);
/* TROUPE_BUDGET with a sentence and its remedy above a cap or without a price. [turn, waits] */
troupe_status llm_reserve(troupe_turn *turn, const struct llm_tariff *tariff,
                          const struct llm_request *request, struct llm_reservation *ret);
/* Ends the reservation, once. The status matters only where the turn has ended. [turn, waits] */
troupe_status llm_settle(troupe_turn *turn, struct llm_reservation *reservation, uint64_t micros);
/* Tells the host what the attempt took, for the turn's figures. [turn] */
void llm_used(troupe_turn *turn, const struct llm_reservation *reservation,
              const struct llm_usage *usage);
/* After a request that did not get through: given back where it had not left. One that had left is
 * settled with 0 if nothing can have reached the provider, else it stays open and the host books it
 * at its worst case as unknown. */
troupe_status llm_give_back(troupe_turn *turn, struct llm_reservation *reservation,
                            troupe_status transport);

#endif
