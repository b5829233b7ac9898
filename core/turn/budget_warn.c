/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_warn.h"

#include "base/clock.h"

#include "turn/sql/budget_span.h"

#include <string.h>

/* Columns of what is asked for. */
enum { AGENT, HOUR, DAY, SUMS };

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

/* Of a span and a scope, as the columns behind SUMS have them. */
static size_t place_of(enum turn_budget_span span, enum turn_budget_whose whose)
{
    return (size_t)span * TURN_BUDGET_SCOPES + (size_t)whose;
}

struct turn_budget_watch turn_budget_watch(struct store_batch *batch,
                                           const struct turn_budget_limits *limits, int64_t id,
                                           uint64_t micros)
{
    const int64_t now_ms = clock_wall_ms();
    struct turn_budget_watch watch = {.micros = micros, .hour = turn_budget_span_hour(now_ms)};
    int64_t places = 0;

    for (int i = 0; i < TURN_BUDGET_SPANS; i++)
        for (int k = 0; k < TURN_BUDGET_SCOPES; k++) {
            const enum turn_budget_span span = (enum turn_budget_span)i;
            const enum turn_budget_whose whose = (enum turn_budget_whose)k;

            if (is_set(turn_budget_cap_of(&limits->caps[span], whose)))
                places |= INT64_C(1) << place_of(span, whose);
        }
    if (!places)
        return watch;
    watch.asks = true;
    turn_budget_day(now_ms, watch.day);
    turn_budget_span_month(now_ms, watch.month);
    watch.row = store_batch_add(batch, STORE_SQL(SQL_BUDGET_SPAN_BOOKED, store_int(id),
                                                 store_int(places), store_text(watch.month)));
    return watch;
}

/* What was reserved before now counts where it was reserved, and nobody needs to hear of that. */
static bool is_over(const struct store_rows *rows, const struct turn_budget_watch *watch,
                    enum turn_budget_span span)
{
    const char *day = store_cell_text(rows, 0, DAY, "");

    if (span == TURN_BUDGET_HOUR)
        return store_cell_int(rows, 0, HOUR, 0) < watch->hour;
    return span == TURN_BUDGET_DAY ? strcmp(day, watch->day) != 0 : strcmp(day, watch->month) < 0;
}

size_t turn_budget_marks(const struct store_batch *batch, const struct turn_budget_watch *watch,
                         const struct turn_budget_limits *limits,
                         struct turn_budget_mark ret[TURN_BUDGET_MARKS])
{
    const struct store_rows *rows = watch->asks ? store_batch_result(batch, watch->row) : NULL;
    size_t count = 0;

    for (int i = 0; rows && rows->count && i < TURN_BUDGET_SPANS; i++)
        for (int k = 0; k < TURN_BUDGET_SCOPES; k++) {
            const enum turn_budget_span span = (enum turn_budget_span)i;
            const enum turn_budget_whose whose = (enum turn_budget_whose)k;
            const int64_t cap = turn_budget_cap_of(&limits->caps[span], whose);
            const int64_t spent = store_cell_int(rows, 0, SUMS + place_of(span, whose), -1);
            const int now = is_set(cap) && spent >= 0 ? mark_of(spent, cap) : 0;

            if (now && !is_over(rows, watch, span) && watch->micros <= (uint64_t)spent &&
                mark_of(spent - (int64_t)watch->micros, cap) < now)
                ret[count++] = (struct turn_budget_mark){
                    whose, store_cell_text(rows, 0, AGENT, ""), span, now, spent, cap};
        }
    return count;
}
