/* SPDX-License-Identifier: Apache-2.0
 *
 * When what was spent in an hour, a day or a month passes 50, 80 and 100 per cent of a cap. The sums come
 * from the commit that books, one after the other, and within their time they only grow: each mark is
 * passed once, whoever else settles at the same time. Only those that have a cap are asked for.
 */
#ifndef TURN_BUDGET_WARN_H
#define TURN_BUDGET_WARN_H

#include "turn/budget_span.h"

#include <stdbool.h>

/* A booking in a batch, and where the sums after it are. */
struct turn_budget_watch {
    bool asks; /* else no cap is set */
    size_t row;
    uint64_t micros;
    int64_t hour;
    char day[TURN_BUDGET_DAY_SIZE], month[TURN_BUDGET_DAY_SIZE];
};

/* A mark that was passed. */
struct turn_budget_mark {
    enum turn_budget_whose whose;
    const char *agent; /* that spent; the batch's */
    enum turn_budget_span span;
    int percent;
    int64_t spent, cap;
};

#define TURN_BUDGET_MARKS (TURN_BUDGET_SCOPES * TURN_BUDGET_SPANS)

/* Hears of what turn_budget_close books at its worst case. */
struct turn_budget_watcher {
    const struct turn_budget_limits *limits;
    void (*booked)(void *arg, int64_t turn_id, const struct store_batch *batch,
                   const struct turn_budget_watch *watch); /* after the commit */
    void *arg;
};

/* Adds what is needed behind the statements that book `micros` for reservation `id`. */
struct turn_budget_watch turn_budget_watch(struct store_batch *batch,
                                           const struct turn_budget_limits *limits, int64_t id,
                                           uint64_t micros);
/* After the commit: which marks it passed, of hours, days and months that were not over. Returns their number. */
size_t turn_budget_marks(const struct store_batch *batch, const struct turn_budget_watch *watch,
                         const struct turn_budget_limits *limits,
                         struct turn_budget_mark ret[TURN_BUDGET_MARKS]);

#endif
