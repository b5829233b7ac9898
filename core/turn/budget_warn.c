/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_warn.h"

#include "base/clock.h"

#include <string.h>

static int64_t cap_of(const struct turn_budget_caps *caps, const char *scope)
{
    if (!strcmp(scope, "bot"))
        return caps->bot;
    if (!strcmp(scope, "guild"))
        return caps->guild;
    return !strcmp(scope, "member") ? caps->member : caps->plugin;
}

/* The highest mark that the sum has reached; 0: none. */
static int mark_of(int64_t spent, int64_t cap)
{
    static const int marks[] = {100, 80, 50};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if ((double)spent * 100 >= (double)cap * marks[i])
            return marks[i];
    return 0;
}

static bool is_set(int64_t cap)
{
    return cap != TURN_BUDGET_NO_CAP && cap != 0;
}

struct turn_budget_watch turn_budget_watch(struct store_batch *batch,
                                           const struct turn_budget_limits *limits, int64_t id,
                                           size_t row, uint64_t micros)
{
    struct turn_budget_watch watch = {.micros = micros};

    turn_budget_day(clock_wall_ms(), watch.today);
    watch.rows[TURN_BUDGET_DAY] = row + 1; /* the sums, moved */
    for (int span = 0; span < TURN_BUDGET_SPANS; span++) {
        const struct turn_budget_caps *caps = &limits->caps[span];

        if (span != TURN_BUDGET_DAY && (is_set(caps->bot) || is_set(caps->guild) ||
                                        is_set(caps->member) || is_set(caps->plugin)))
            watch.rows[span] = turn_budget_span_booked(batch, (enum turn_budget_span)span, id);
    }
    return watch;
}

size_t turn_budget_marks(const struct store_batch *batch, const struct turn_budget_watch *watch,
                         const struct turn_budget_limits *limits,
                         struct turn_budget_mark ret[TURN_BUDGET_MARKS])
{
    size_t count = 0;

    for (int span = 0; span < TURN_BUDGET_SPANS; span++) {
        const struct store_rows *rows =
            watch->rows[span] ? store_batch_result(batch, watch->rows[span]) : NULL;

        for (size_t i = 0; rows && i < rows->count && count < TURN_BUDGET_MARKS; i++) {
            const char *scope = store_cell_text(rows, i, 0, "");
            int64_t spent = store_cell_int(rows, i, 1, 0);
            int64_t cap = cap_of(&limits->caps[span], scope);
            int now = is_set(cap) ? mark_of(spent, cap) : 0;
            const bool is_over = span == TURN_BUDGET_DAY &&
                                 strcmp(store_cell_text(rows, i, 2, ""), watch->today) != 0;

            if (now && !is_over && watch->micros <= (uint64_t)spent &&
                mark_of(spent - (int64_t)watch->micros, cap) < now)
                ret[count++] =
                    (struct turn_budget_mark){scope, (enum turn_budget_span)span, now, spent, cap};
        }
    }
    return count;
}
