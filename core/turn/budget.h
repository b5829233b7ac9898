/* SPDX-License-Identifier: Apache-2.0
 *
 * Money that turns are about to spend, in micro-units (1/1,000,000 of the currency). The worst case
 * is reserved before a request leaves and settled afterwards; caps for bot, guild, member and plugin
 * are guards of the same transaction, so two reservations can never pass a cap together. The ledger
 * is durable: what was dispatched and never settled is booked at its worst case after a crash. Knows
 * no model and no price. Days are UTC. All [waits], loop thread.
 */
#ifndef TURN_BUDGET_H
#define TURN_BUDGET_H

#include "base/error.h"
#include "store/store.h"
#include "turn/budget_scope.h"

#include <stdint.h>

#define TURN_BUDGET_MOST INT64_C(1000000000000) /* a single amount above it is a mistake */

struct turn_budget_aliases;
struct turn_budget_watcher;

/* What is about to be spent. */
struct turn_budget_request {
    const struct turn_budget_caps *caps[TURN_BUDGET_SPANS]; /* NULL: none is set */
    struct turn_budget_scope scope;
    int64_t turn_id;
    uint64_t worst;                      /* UINT64_MAX: no price is known                 */
    const char *what;                    /* "llm.chat gpt-x"                              */
    struct turn_budget_aliases *aliases; /* see budget_stop.h; NULL: none are kept */
};

/* Statements for a batch, whose commit fails with TROUPE_CONFLICT where the reservation is not in
 * the state that allows them, or a cap is in the way. `id` is the reservation's number. The first two
 * return when it is reserved, in milliseconds since 1970, for turn_budget_add_book. */
int64_t turn_budget_add_reserve(struct store_batch *batch,
                                const struct turn_budget_request *request, int64_t id);
/* Reserved and dispatched at once. */
int64_t turn_budget_add_spend(struct store_batch *batch, const struct turn_budget_request *request,
                              int64_t id);
void turn_budget_add_dispatch(struct store_batch *batch, int64_t id, int64_t turn_id);
void turn_budget_add_undispatch(struct store_batch *batch, int64_t id, int64_t turn_id);
void turn_budget_add_release(struct store_batch *batch, int64_t id, int64_t turn_id);
/* Returns the statement's index for turn_budget_over. */
size_t turn_budget_add_settle(struct store_batch *batch, int64_t id, int64_t turn_id,
                              uint64_t micros);
/* The same of what was reserved by `request` at `reserved_ms`, with less work. */
void turn_budget_add_book(struct store_batch *batch, const struct turn_budget_request *request,
                          int64_t id, int64_t reserved_ms, uint64_t micros);
/* By how much it went above its reservation, 0 as a rule; after the commit. */
int64_t turn_budget_over(const struct store_batch *batch, size_t index, uint64_t micros);
/* What it was for; the batch's. The same. */
const char *turn_budget_what(const struct store_batch *batch, size_t index);
/* Dispatched by an earlier run and never heard of: `old` is booked at its worst case as unknown, and
 * `id` takes its place for another attempt, dispatched. `request` is what was reserved. */
void turn_budget_add_again(struct store_batch *batch, const struct turn_budget_request *request,
                           int64_t old, int64_t id);
/* What a reservation was for: fills scope, worst and what, whose texts are the rows'; TROUPE_NOT_FOUND. */
troupe_status turn_budget_read(struct store *store, int64_t id, uint64_t deadline,
                               struct turn_budget_request *request, struct store_rows **ret,
                               struct error *err);

/* The same, each with a commit of its own; TROUPE_UNAVAILABLE and its like where the store is away. */
/* Before the first byte leaves. TROUPE_CONFLICT when it is not reserved any more. */
troupe_status turn_budget_dispatch(struct store *store, int64_t id, int64_t turn_id,
                                   uint64_t deadline, struct error *err);
/* It failed before a byte left: it is only reserved again. */
troupe_status turn_budget_undispatch(struct store *store, int64_t id, int64_t turn_id,
                                     uint64_t deadline, struct error *err);
/* What it really cost, once; TROUPE_CONFLICT when it is not dispatched. `ret_over` (may be NULL):
 * how far it went above its reservation, 0 as a rule. */
troupe_status turn_budget_settle(struct store *store, int64_t id, int64_t turn_id, uint64_t micros,
                                 uint64_t deadline, int64_t *ret_over, struct error *err);
/* It never left. TROUPE_CONFLICT when it did. */
troupe_status turn_budget_release(struct store *store, int64_t id, int64_t turn_id,
                                  uint64_t deadline, struct error *err);
/* What a turn left open when it ended: reserved ones are released, dispatched ones booked at their
 * worst case as unknown. `turn_id` < 0: of every turn that will not go on, after a crash. `watcher`
 * hears of the latter (budget_warn.h); NULL: nobody does. */
troupe_status turn_budget_close(struct store *store, int64_t turn_id, uint64_t deadline,
                                const struct turn_budget_watcher *watcher, struct error *err);
/* The day that `now_ms` lies in, as the ledger has it. */
#define TURN_BUDGET_DAY_SIZE 11 /* of "2026-11-20" */
void turn_budget_day(int64_t now_ms, char ret[TURN_BUDGET_DAY_SIZE]);
/* What today went to, the dearest first and at most 100: rows what, reserved, settled, unknown,
 * count. */
troupe_status turn_budget_by_what(struct store *store, uint64_t deadline, struct store_rows **ret,
                                  struct error *err);

#endif
