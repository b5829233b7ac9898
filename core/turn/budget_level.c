/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_level.h"

#include "turn/budget_span.h"

#define MOST 1000

static void raise_to(uint32_t *percent, int64_t sum, int64_t cap)
{
    const double share = cap > 0 ? (double)sum * 100 / (double)cap : 100;

    if (share > *percent)
        *percent = share < MOST ? (uint32_t)share : MOST;
}

troupe_status turn_budget_level(struct store *store, const struct turn_budget_request *request,
                                uint64_t deadline, uint32_t *ret, struct error *err)
{
    const struct turn_budget_scope *scope = &request->scope;
    const struct turn_budget_caps *day = request->caps, *hour = request->hour,
                                  *month = request->month;
    const struct {
        const char *scope, *id;
        int64_t day, hour, month;
    } parts[] = {
#define PART(name)                                                                                 \
    {#name, scope->name, day->name, hour ? hour->name : TURN_BUDGET_NO_CAP,                        \
     month ? month->name : TURN_BUDGET_NO_CAP}
        PART(bot), PART(guild), PART(member), PART(plugin)};
    struct turn_budget_sum sum;
    troupe_status status = TROUPE_OK;
    uint32_t percent = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && status == TROUPE_OK; i++) {
        if (!parts[i].id || !*parts[i].id)
            continue;
        if (parts[i].day != TURN_BUDGET_NO_CAP) {
            status = turn_budget_today(store, parts[i].scope, parts[i].id, deadline, &sum, err);
            if (status == TROUPE_OK)
                raise_to(&percent, sum.reserved + sum.settled, parts[i].day);
        }
        if (status == TROUPE_OK && parts[i].hour != TURN_BUDGET_NO_CAP) {
            status = turn_budget_span_sum(store, TURN_BUDGET_HOUR, parts[i].scope, parts[i].id,
                                          deadline, &sum, err);
            if (status == TROUPE_OK)
                raise_to(&percent, sum.reserved + sum.settled, parts[i].hour);
        }
        if (status == TROUPE_OK && parts[i].month != TURN_BUDGET_NO_CAP) {
            status = turn_budget_span_sum(store, TURN_BUDGET_MONTH, parts[i].scope, parts[i].id,
                                          deadline, &sum, err);
            if (status == TROUPE_OK)
                raise_to(&percent, sum.reserved + sum.settled, parts[i].month);
        }
    }
    if (status == TROUPE_OK)
        *ret = percent;
    return status;
}
