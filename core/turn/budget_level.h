/* SPDX-License-Identifier: Apache-2.0
 *
 * How full the caps are, for what can be left for later.
 */
#ifndef TURN_BUDGET_LEVEL_H
#define TURN_BUDGET_LEVEL_H

#include "turn/budget.h"

/* Of the fullest cap over the request's scope, what is spent or reserved of it, in per cent; 0 without a
 * cap, at most 1,000. [waits] */
troupe_status turn_budget_level(struct store *store, const struct turn_budget_request *request,
                                uint64_t deadline, uint32_t *ret, struct error *err);

#endif
