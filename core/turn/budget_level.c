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
    struct turn_budget_taken taken;
    uint32_t percent = 0;
    troupe_status status = turn_budget_span_taken(store, &request->scope, deadline, &taken, err);

    if (status < 0)
        return status;
    for (int span = 0; span < TURN_BUDGET_SPANS; span++)
        for (int i = 0; i < TURN_BUDGET_SCOPES; i++) {
            const enum turn_budget_whose whose = (enum turn_budget_whose)i;
            const int64_t cap = turn_budget_cap_of(request->caps[span], whose);

            if (*turn_budget_id_of(&request->scope, whose) && cap != TURN_BUDGET_NO_CAP)
                raise_to(&percent, taken.of[span][whose], cap);
        }
    *ret = percent;
    return TROUPE_OK;
}
