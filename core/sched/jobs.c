/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements about jobs, for batches of others.
 */
#include "base/clock.h"
#include "sched/sched.h"
#include "sched/sql/sched.h"
#include "store/store.h"

#define SWEEP_PORTION 500 /* as the statement says */

static const char *const policies[] = {
    [SCHED_RUN] = "run", [SCHED_SKIP] = "skip", [SCHED_WITHIN] = "within"};

void sched_add(struct store_batch *batch, const struct sched_job *job)
{
    if (job->name && *job->name)
        store_batch_add(batch, STORE_SQL(SQL_SCHED_REPLACE, store_text(job->agent),
                                         store_text(job->account), store_text(job->guild),
                                         store_text(job->member), store_text(job->name),
                                         store_int(clock_wall_ms())));
    store_batch_add(
        batch,
        STORE_EXPECT(1, SQL_SCHED_ADD, store_int(job->id), store_text(job->agent),
                     store_text(job->gateway), store_text(job->account), store_text(job->guild),
                     store_text(job->channel), store_text(job->member),
                     store_text(job->member_name), store_text(job->name ? job->name : ""),
                     store_textn(job->payload, job->payload_len), store_int(job->flags),
                     store_text(job->when_text ? job->when_text : ""),
                     store_text(job->zone ? job->zone : ""), store_text(policies[job->policy]),
                     store_int(job->within_ms), store_int(job->next_ms), store_int(clock_wall_ms()),
                     store_int(SCHED_MEMBER_MAX), store_int(SCHED_GUILD_MAX)));
}

void sched_cancel(struct store_batch *batch, const struct sched_job *job)
{
    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_SCHED_CANCEL, store_int(job->id), store_text(job->agent),
                                 store_text(job->account), store_text(job->guild),
                                 store_text(job->member), store_int(clock_wall_ms())));
}

troupe_status sched_sweep(struct store *store, int64_t before_ms, uint64_t deadline, bool *ret_more,
                          struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status;

    store_batch_add(batch, STORE_SQL(SQL_SCHED_SWEEP, store_int(before_ms)));
    status = store_commit(store, batch, deadline, err);
    if (status == TROUPE_OK)
        *ret_more = store_batch_changes(batch, 0) >= SWEEP_PORTION;
    return status;
}
