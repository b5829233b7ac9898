/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/queue.h"

#include "base/clock.h"

#include <time.h>

void queue_init(struct queue *queue, size_t max)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_init(&attributes);
    /* The wall clock may jump under a waiting thread. */
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
    queue->max = max;
    queue->closed = false;
}

void queue_clear(struct queue *queue)
{
    pthread_cond_destroy(&queue->wake);
    pthread_mutex_destroy(&queue->lock);
}

troupe_status queue_push(struct queue *queue, struct queue_item *item, bool *ret_was_empty)
{
    troupe_status status = TROUPE_OK;
    bool was_empty;

    pthread_mutex_lock(&queue->lock);
    was_empty = queue->count == 0;
    if (queue->closed) {
        status = TROUPE_CANCELED;
    } else if (queue->max && queue->count >= queue->max) {
        status = TROUPE_BUSY;
    } else {
        item->next = NULL;
        *queue->last = item;
        queue->last = &item->next;
        queue->count++;
    }
    pthread_mutex_unlock(&queue->lock);
    if (status == TROUPE_OK && was_empty) /* now: who wakes wants the lock */
        pthread_cond_signal(&queue->wake);
    if (status == TROUPE_OK && ret_was_empty)
        *ret_was_empty = was_empty;
    return status;
}

/* Waits for a wake or until `until_ms` of clock_ms; false: the time is up. */
static bool wait_until(struct queue *queue, uint64_t until_ms)
{
    struct timespec at = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};

    if (until_ms == UINT64_MAX) {
        pthread_cond_wait(&queue->wake, &queue->lock);
        return true;
    }
    return pthread_cond_timedwait(&queue->wake, &queue->lock, &at) == 0;
}

struct queue_item *queue_take_all(struct queue *queue, uint64_t timeout_ms)
{
    struct queue_item *items;
    uint64_t until;

    if (__builtin_add_overflow(clock_ms(), timeout_ms, &until) || until / 1000 > INT32_MAX)
        until = UINT64_MAX;
    pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->closed && timeout_ms > 0)
        if (!wait_until(queue, until))
            break;
    items = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
    pthread_mutex_unlock(&queue->lock);
    return items;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_closed(struct queue *queue)
{
    bool closed;

    pthread_mutex_lock(&queue->lock);
    closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}
