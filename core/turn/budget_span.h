/* SPDX-License-Identifier: Apache-2.0
 *
 * Caps over an hour and a month beside those of a day, nested in the same way: a reservation has to fit
 * into every one that is set, in the same transaction. A month is added up from the sums of its days, an
 * hour from the ledger, and only where such a cap is set. Both are those of the clock, UTC.
 */
#ifndef TURN_BUDGET_SPAN_H
#define TURN_BUDGET_SPAN_H

#include "turn/budget.h"

/* Statements behind those that reserve: they make the commit fail with TROUPE_CONFLICT where a sum,
 * the reservation itself included, is above its cap. */
void turn_budget_span_add(struct store_batch *batch, const struct turn_budget_request *request,
                          int64_t now_ms);

/* Which of these caps stood in the way: TROUPE_BUDGET with a sentence for members, TROUPE_OK where
 * none did. [waits] */
troupe_status turn_budget_span_refusal(struct store *store,
                                       const struct turn_budget_request *request, uint64_t deadline,
                                       struct error *err);

/* What a scope has spent or reserved in this hour or month. [waits] */
enum turn_budget_span { TURN_BUDGET_HOUR, TURN_BUDGET_MONTH, TURN_BUDGET_SPANS };
troupe_status turn_budget_span_sum(struct store *store, enum turn_budget_span span,
                                   const char *scope, const char *scope_id, uint64_t deadline,
                                   int64_t *ret, struct error *err);

#endif
