/* SPDX-License-Identifier: Apache-2.0
 *
 * The way from the loop to a side thread: a bounded queue that the thread empties whole on each
 * wake. The way back is loop_post or op_complete. Any thread may push; one thread takes.
 */
#ifndef LOOP_QUEUE_H
#define LOOP_QUEUE_H

#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_item {
    struct queue_item *next;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct queue_item *first, **last;
    size_t count, max;
    bool closed;
};

void queue_init(struct queue *queue,
                size_t max);           /* 0: no bound (what is inside is bounded elsewhere) */
void queue_clear(struct queue *queue); /* it is empty */
/* TROUPE_BUSY when full, TROUPE_CANCELED when closed. `ret_was_empty` (may be NULL) tells a thread
 * that sleeps elsewhere (curl) whether it must be woken. */
troupe_status queue_push(struct queue *queue, struct queue_item *item, bool *ret_was_empty);
/* Takes everything in order; waits up to `timeout_ms` (UINT64_MAX: for ever, 0: not at all) for the
 * first item. NULL: timed out, or closed and empty. */
struct queue_item *queue_take_all(struct queue *queue, uint64_t timeout_ms);
void queue_close(struct queue *queue);
bool queue_closed(struct queue *queue);

#endif
