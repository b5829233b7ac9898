/* SPDX-License-Identifier: Apache-2.0
 *
 * When what was spent in a day passes 50, 80 and 100 per cent of a cap. The sums come from the commit that
 * books, one after the other, and within a day they only grow: each mark is passed once, whoever
 * else settles at the same time.
 */
#ifndef TURN_BUDGET_WARN_H
#define TURN_BUDGET_WARN_H

#include "turn/budget.h"

/* A mark that was passed. */
struct turn_budget_mark {
    const char *scope; /* "bot", "guild" …; the batch's */
    int percent;
    int64_t spent, cap;
};

#define TURN_BUDGET_MARKS 4 /* one a scope */

/* After the commit: which marks the settlement of `micros` passed, by the index that
 * turn_budget_add_settle gave. Returns their number. */
size_t turn_budget_marks(const struct store_batch *batch, size_t index, uint64_t micros,
                         const struct turn_budget_caps *caps,
                         struct turn_budget_mark ret[TURN_BUDGET_MARKS]);

#endif
