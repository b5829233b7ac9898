/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.work/1". A job owns its input and output and pins the set, so that neither a turn that
 * ended nor a reload takes anything from under the thread.
 */
#include "host/host_table.h"

#include "base/mem.h"
#include "loop/pool.h"
#include "turn/engine_private.h"

#include <string.h>

struct job {
    troupe_work_fn fn;
    struct plugin_set *set;
    troupe_host *host;
    void *in, *out;
    size_t in_len, out_len;
};

static void job_free(void *arg)
{
    struct job *job = arg;

    plugin_set_unpin(job->set);
    mem_free(job->in);
    mem_free(job->out);
    mem_free(job);
}

static troupe_status job_main(void *arg)
{
    struct job *job = arg;

    return job->fn(job->host, job->in, job->in_len, job->out, job->out_len);
}

static troupe_status run(troupe_turn *turn, troupe_work_fn fn, const void *in, uint64_t in_len,
                         void *out, uint64_t out_len)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct record_call call = {0};
    int64_t args;
    struct job *job;
    troupe_status status = host_bytes(frame, in, in_len, TROUPE_WORK_MAX, "the input of work");

    if (status == TROUPE_OK)
        status = host_bytes(frame, out, out_len, TROUPE_WORK_MAX, "the output of work");
    if (status == TROUPE_OK && !fn)
        status = host_bytes(frame, NULL, 1, 1, "the function of work");
    if (status < 0)
        return status;
    args = turn_record_hash(RECORD_HASH_START, in, (size_t)in_len);
    status = turn_record_begin(&call, frame, "work", turn_record_hash_int(args, (int64_t)out_len));
    if (status == RECORD_REPLAYED) {
        if (turn_record_status(&call) >= 0 && call.row->result.len == out_len && out_len)
            memcpy(out, call.row->result.data, out_len);
        return turn_record_status(&call);
    }
    if (status < 0)
        return status;
    job = mem_zero(1, sizeof(*job));
    *job = (struct job){.fn = fn,
                        .set = plugin_set_pin(frame->turn->set),
                        .host = &frame->agent->host,
                        .in = mem_copy(in, (size_t)in_len),
                        .out = mem_zero(1, (size_t)out_len),
                        .in_len = (size_t)in_len,
                        .out_len = (size_t)out_len};
    status =
        pool_run(frame->turn->engine->options.pool, job_main, job, job_free, frame->turn->deadline);
    /* The job is the pool's now and stays until the next wait. */
    if (status >= 0 && out_len)
        memcpy(out, job->out, (size_t)out_len);
    if (status == TROUPE_BUSY)
        turn_frame_error(frame, status, "host.busy", "too much work waits for a thread");
    return turn_record_note(&call, status, out, status < 0 ? 0 : (size_t)out_len);
}

const troupe_work_v1 *host_work_table(void)
{
    static const troupe_work_v1 table = {.size = sizeof(table), .run = run};

    return &table;
}
