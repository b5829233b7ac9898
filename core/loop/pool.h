/* SPDX-License-Identifier: Apache-2.0
 *
 * Worker threads for what computes long or blocks. A job that outlives its waiter's deadline runs
 * on and its argument is freed by the pool, so the argument must own all it uses.
 */
#ifndef LOOP_POOL_H
#define LOOP_POOL_H

#include "loop/op.h"

struct pool;

/* `threads` 0: one per processor, at least 2. `max_queued` bounds what waits for a thread. */
troupe_status pool_new(struct loop *loop, unsigned threads, size_t max_queued, struct pool **ret,
                       struct error *err);
/* Waits for running jobs; queued ones are dropped with TROUPE_CANCELED. */
void pool_free(struct pool *pool);
/* Runs `fn(arg)` on a worker; its status is returned. `free_arg` (may be NULL) runs on the loop
 * after both sides are done with it. TROUPE_BUSY when the queue is full. [waits] */
troupe_status pool_run(struct pool *pool, troupe_status (*fn)(void *arg), void *arg,
                       void (*free_arg)(void *arg), uint64_t deadline);

#endif
