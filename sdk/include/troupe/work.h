/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/work.h - "troupe.work/1": what computes long or blocks, on a thread of the host's pool.
 *
 * The function gets a copy of its input and writes into an output of fixed size; both belong to the
 * host, so a turn that ends early leaves nothing dangling: the work runs on, its output is dropped.
 * It must not touch the turn, the agent's state or any call of this ABI but troupe_log. The plugin
 * stays loaded until it has ended.
 *
 *     static troupe_status add_up(troupe_host *host, const void *in, uint64_t in_len, void *out,
 *                                 uint64_t out_len);
 *
 *     uint64_t sum;
 *     troupe_status status = troupe_work(turn, add_up, numbers, sizeof(numbers), &sum, sizeof(sum));
 */
#ifndef TROUPE_WORK_H
#define TROUPE_WORK_H

#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_WORK     "troupe.work/1"

#define TROUPE_WORK_MAX (4u << 20) /* bytes of input and of output */

/* [worker] */
typedef troupe_status (*troupe_work_fn)(troupe_host *host, const void *in, uint64_t in_len,
                                        void *out, uint64_t out_len);

typedef struct troupe_work_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Runs `fn` and returns its status; `out` (zeroed before) is filled when that is not negative.
     * TROUPE_BUSY when too much work waits, TROUPE_LIMIT above TROUPE_WORK_MAX. Noted.
     * [turn, waits] */
    troupe_status (*run)(troupe_turn *turn, troupe_work_fn fn, const void *in, uint64_t in_len,
                         void *out, uint64_t out_len);
} troupe_work_v1;

static inline troupe_status troupe_work(troupe_turn *turn, troupe_work_fn fn, const void *in,
                                        uint64_t in_len, void *out, uint64_t out_len)
{
    const troupe_work_v1 *work = (const troupe_work_v1 *)troupe_get_extension(turn, TROUPE_WORK);

    return work ? work->run(turn, fn, in, in_len, out, out_len) : TROUPE_UNSUPPORTED;
}

#endif
