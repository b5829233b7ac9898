/* SPDX-License-Identifier: Apache-2.0
 *
 * Reserving as core/host does it, and what is reserved and spent.
 */
#ifndef TESTS_BUDGET_FIXTURE_H
#define TESTS_BUDGET_FIXTURE_H

#include "../store/store_fixture.h"

#include "turn/budget_refusal.h"
#include "turn/budget_span.h"

/* Checked, committed, and told why not. [waits] */
static inline troupe_status budget_reserve(struct fixture *f,
                                           const struct turn_budget_request *request, int64_t *ret,
                                           struct error *err)
{
    static int64_t last = 1000000;
    const int64_t id = ++last;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn_budget_obstacle obstacle;
    troupe_status status = turn_budget_check(f->store, request, 0, &obstacle, err);

    if (status < 0)
        return status;
    turn_budget_add_reserve(batch, request, id);
    status = store_commit(f->store, batch, 0, err);
    if (status == TROUPE_CONFLICT)
        return turn_budget_refusal(f->store, request, 0, &obstacle, err);
    if (status == TROUPE_OK)
        *ret = id;
    return status;
}

#endif
