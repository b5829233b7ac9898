/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_warn.h"

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

size_t turn_budget_marks(const struct store_batch *batch, size_t index, uint64_t micros,
                         const struct turn_budget_caps *caps,
                         struct turn_budget_mark ret[TURN_BUDGET_MARKS])
{
    const struct store_rows *rows = store_batch_result(batch, index + 1); /* the sums, moved */
    size_t count = 0;

    for (size_t i = 0; rows && i < rows->count && count < TURN_BUDGET_MARKS; i++) {
        const char *scope = store_cell_text(rows, i, 0, "");
        int64_t spent = store_cell_int(rows, i, 1, 0), cap = cap_of(caps, scope);
        int now = cap == TURN_BUDGET_NO_CAP || cap == 0 ? 0 : mark_of(spent, cap);

        if (now && micros <= (uint64_t)spent && mark_of(spent - (int64_t)micros, cap) < now)
            ret[count++] = (struct turn_budget_mark){scope, now, spent, cap};
    }
    return count;
}
