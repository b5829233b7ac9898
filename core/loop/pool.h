/* SPDX-License-Identifier: Apache-2.0
 *
 * Worker threads for what computes long or blocks. A job that outlives its waiter's deadline runs
 * on and its argument is freed by the pool, so the argument must own all it uses; one that no thread
 * had begun is dropped.
 */
#ifndef LOOP_POOL_H
#define LOOP_POOL_H

#include "loop/op.h"

struct pool;

/* `threads` 0: one per processor, at least 2. `max_queued` bounds what waits for a thread. */
troupe_status pool_new(struct loop *loop, unsigned threads, size_t max_queued, struct pool **ret,
                       struct error *err);
/* Blocks until running jobs have ended; queued ones are dropped with TROUPE_CANCELED. Before
 * loop_free. NULL is fine. */
void pool_free(struct pool *pool);
/* Runs `fn(arg)` on a worker; its status is returned. `free_arg` (may be NULL: the argument outlives
 * the pool's use of it) takes the argument in every case, once, on the loop after both sides are
 * done with it: the caller may read results from it until its next call that waits.
 * TROUPE_BUSY when the queue is full. [waits] */
troupe_status pool_run(struct pool *pool, troupe_status (*fn)(void *arg), void *arg,
                       void (*free_arg)(void *arg), uint64_t deadline);

#endif
