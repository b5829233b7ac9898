/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a reservation is refused: what stands in its way is looked up once, for the sentence that a member
 * gets and for what the owner hears.
 */
#ifndef TURN_BUDGET_REFUSAL_H
#define TURN_BUDGET_REFUSAL_H

#include "turn/budget.h"

#include <stdbool.h>

/* The cap that stands in the way of a request. */
struct turn_budget_obstacle {
    bool is_there; /* else it is no cap, or nobody knows */
    enum turn_budget_whose whose;
    const char *id; /* the request's */
    enum turn_budget_span span;
    int64_t cap, taken; /* spent or reserved */
};

/* By one question. [waits] */
struct turn_budget_obstacle turn_budget_obstacle(struct store *store,
                                                 const struct turn_budget_request *request,
                                                 uint64_t deadline);
/* Whether it could be reserved at all: TROUPE_BUDGET for what has no known price or is above a cap
 * by itself, with a sentence for members, who are told no sums but that it is so. `obstacle` is filled where it is
 * refused. [waits] where it is. */
troupe_status turn_budget_check(struct store *store, const struct turn_budget_request *request,
                                uint64_t deadline, struct turn_budget_obstacle *obstacle,
                                struct error *err);
/* What stood in the way of a reservation that was refused; TROUPE_BUDGET with a sentence, and `obstacle` is
 * filled. [waits] */
troupe_status turn_budget_refusal(struct store *store, const struct turn_budget_request *request,
                                  uint64_t deadline, struct turn_budget_obstacle *obstacle,
                                  struct error *err);

#endif
