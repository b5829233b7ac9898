/* SPDX-License-Identifier: Apache-2.0 */
#include "store/group.h"

#include "loop/latch.h"

void store_outcome_reset(struct store_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        store_command_reset(&batch->commands[i]);
}

size_t store_group_left(const struct store_group *group)
{
    size_t left = 0;

    for (size_t i = 0; i < group->count; i++)
        left += group->requests[i]->status >= 0;
    return left;
}

void store_group_reset(struct store_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        if (group->requests[i]->status >= 0)
            store_outcome_reset(group->requests[i]->batch);
}

void store_group_fail(struct store_group *group, troupe_status status, const struct error *err)
{
    for (size_t i = 0; i < group->count; i++) {
        struct store_request *request = group->requests[i];

        if (request->status < 0)
            continue;
        store_outcome_reset(request->batch);
        request->status = status;
        request->error = *err;
    }
}

void store_group_open(struct store_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct store_request *request = group->requests[i];

        if (request->status >= 0 && request->batch->latch)
            latch_open(request->batch->latch);
    }
}

void store_group_done(struct store_group *group)
{
    store_group_open(group);
    for (size_t i = 0; i < group->count; i++)
        group->requests[i]->done(group->requests[i]);
    group->count = 0;
}
