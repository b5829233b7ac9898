/* SPDX-License-Identifier: Apache-2.0
 *
 * Unlike queue.h, where one thread takes everything, here many threads take one job each. A job is
 * the result of its operation: whoever is last, the waiter or the late arrival, frees it on the
 * loop.
 */
#include "loop/pool.h"

#include "base/mem.h"
#include "loop/internal.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MIN 2
#define THREADS_MAX 64

struct job {
    struct loop_task free_task;
    struct job *next;
    struct op *op;
    troupe_status (*fn)(void *arg);
    void *arg;
    void (*free_arg)(void *arg);
    atomic_bool given_up; /* nobody waits any more; not begun means not to begin */
};

struct pool {
    struct loop *loop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *first, **last;
    size_t count, max;
    bool closed;
    unsigned thread_count;
    pthread_t threads[];
};

static void job_free(void *result)
{
    struct job *job = result;

    if (job->free_arg)
        job->free_arg(job->arg);
    mem_free(job);
}

static void job_free_later(struct loop_task *task)
{
    job_free(container_of(task, struct job, free_task));
}

static void *work(void *arg)
{
    struct pool *pool = arg;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct job *job = pool->first;
        troupe_status status = TROUPE_CANCELED;
        bool drop;

        if (!job) {
            if (pool->closed)
                break;
            pthread_cond_wait(&pool->wake, &pool->lock);
            continue;
        }
        pool->first = job->next;
        if (!pool->first)
            pool->last = &pool->first;
        pool->count--;
        drop = pool->closed;
        pthread_mutex_unlock(&pool->lock);
        if (!drop && !atomic_load_explicit(&job->given_up, memory_order_relaxed))
            status = job->fn(job->arg);
        op_complete(job->op, status, job);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

troupe_status pool_new(struct loop *loop, unsigned threads, size_t max_queued, struct pool **ret,
                       struct error *err)
{
    sigset_t all, old;
    struct pool *pool;
    int rc = 0;

    if (threads == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);

        threads = processors > THREADS_MIN ? (unsigned)processors : THREADS_MIN;
    }
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    pool = mem_zero(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
    pool->loop = loop;
    pool->last = &pool->first;
    pool->max = max_queued;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    /* Signals belong to whoever asked for them, never to a worker in the middle of a job. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (pool->thread_count < threads && rc == 0) {
        rc = pthread_create(&pool->threads[pool->thread_count], NULL, work, pool);
        if (rc == 0)
            pthread_setname_np(pool->threads[pool->thread_count++], "troupe-worker");
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (pool->thread_count == 0) {
        pool_free(pool);
        return error_set(err, TROUPE_FAILED,
                         "cannot start a worker thread: %s; raise the limit of processes",
                         strerror(rc));
    }
    *ret = pool;
    return TROUPE_OK;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closed = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}

static troupe_status enqueue(struct pool *pool, struct job *job)
{
    troupe_status status = TROUPE_OK;

    pthread_mutex_lock(&pool->lock);
    if (pool->closed) {
        status = TROUPE_CANCELED;
    } else if (pool->count >= pool->max) {
        status = TROUPE_BUSY;
    } else {
        *pool->last = job;
        pool->last = &job->next;
        pool->count++;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return status;
}

troupe_status pool_run(struct pool *pool, troupe_status (*fn)(void *arg), void *arg,
                       void (*free_arg)(void *arg), uint64_t deadline)
{
    troupe_status status = co_refuse_wait(co_must_self());
    struct job *job = mem_zero(1, sizeof(*job));
    void *result = NULL;
    struct op *op;

    job->free_task.run = job_free_later;
    job->fn = fn;
    job->arg = arg;
    job->free_arg = free_arg;
    if (status == TROUPE_OK) {
        job->op = op = op_new(pool->loop, job_free);
        status = enqueue(pool, job);
        if (status != TROUPE_OK) {
            /* No worker knows of it: both references are ours. */
            op_drop(op);
            op_drop(op);
        }
    }
    if (status != TROUPE_OK) {
        loop_post(pool->loop, &job->free_task);
        return status;
    }
    status = op_wait(op, deadline, &result);
    if (result)
        loop_post(pool->loop, &job->free_task);
    else
        atomic_store_explicit(&job->given_up, true, memory_order_relaxed);
    op_drop(op);
    return status;
}
