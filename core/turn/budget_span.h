/* SPDX-License-Identifier: Apache-2.0
 *
 * Caps over an hour and a month beside those of a day, nested in the same way: a reservation has to fit
 * into every one that is set, in the same transaction. A month is added up from the sums of its days where
 * such a cap is set; an hour has sums of its own, kept whatever is set, as a cap may be set within it and
 * by another host. Both are those of the clock, UTC.
 */
#ifndef TURN_BUDGET_SPAN_H
#define TURN_BUDGET_SPAN_H

#include "turn/budget.h"

#include <stdbool.h>

#define TURN_BUDGET_USD_SIZE 32

/* Statements behind those that reserve: they make the commit fail with TROUPE_CONFLICT where a sum,
 * the reservation itself included, is above its cap. */
void turn_budget_span_add(struct store_batch *batch, const struct turn_budget_request *request,
                          int64_t now_ms);
/* Beside the statement that closes reservation `id`: what it cost (null: its worst case, as nobody knows
 * when `unknown` is 1) is no longer reserved in its hour. */
void turn_budget_span_move(struct store_batch *batch, int64_t id, struct store_value settled,
                           int64_t unknown);
/* The same of what was reserved by `request` at `reserved_ms`, with less work. */
void turn_budget_span_book(struct store_batch *batch, const struct turn_budget_request *request,
                           int64_t reserved_ms, struct store_value settled);

/* "this hour", "today", "this month". */
const char *turn_budget_span_name(enum turn_budget_span span);
/* "of this hour", "of today", "of this month". */
const char *turn_budget_span_of(enum turn_budget_span span);
/* An amount as [budget] has it: two decimals, and more where it has them. */
const char *turn_budget_usd(int64_t micros, char ret[TURN_BUDGET_USD_SIZE]);
/* When the time that `now_ms` lies in is over, and its caps start anew; both in milliseconds since 1970. */
int64_t turn_budget_span_end(enum turn_budget_span span, int64_t now_ms);

/* The hour that `now_ms` lies in, counted from 1970, and the first day of its month. */
int64_t turn_budget_span_hour(int64_t now_ms);
void turn_budget_span_month(int64_t now_ms, char ret[TURN_BUDGET_DAY_SIZE]);

/* For store_batch_add: sums of hours that are over are not needed any more. */
void turn_budget_span_sweep(struct store_batch *batch, int64_t now_ms);

/* What one of a scope has reserved and spent in this hour, day or month. [waits] */
struct turn_budget_sum {
    int64_t reserved, settled, unknown; /* the last is part of settled: its worst case was taken */
};
troupe_status turn_budget_span_sum(struct store *store, enum turn_budget_span span,
                                   enum turn_budget_whose whose, const char *id, uint64_t deadline,
                                   struct turn_budget_sum *ret, struct error *err);
/* What all scopes that are there have spent or reserved in all spans now, 0 for those that are not; by one
 * question. [waits] */
struct turn_budget_taken {
    int64_t of[TURN_BUDGET_SPANS][TURN_BUDGET_SCOPES];
};
troupe_status turn_budget_span_taken(struct store *store, const struct turn_budget_scope *scope,
                                     uint64_t deadline, struct turn_budget_taken *ret,
                                     struct error *err);
/* Who of a scope has spent or reserved most, at most `limit`: rows id, reserved, settled,
 * unknown. [waits] */
troupe_status turn_budget_span_most(struct store *store, enum turn_budget_span span,
                                    enum turn_budget_whose whose, size_t limit, uint64_t deadline,
                                    struct store_rows **ret, struct error *err);

#endif
