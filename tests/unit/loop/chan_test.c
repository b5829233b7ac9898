/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include "base/mem.h"
#include "loop/chan.h"
#include "loop/internal.h"
#include "loop/pool.h"
#include "loop/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define ITEMS 500

/* ---- chan ------------------------------------------------------------------------------------ */

static int freed;

static void count_free(void *item)
{
    mem_free(item);
    freed++;
}

static int *number(int value)
{
    return mem_copy(&value, sizeof(value));
}

static troupe_status produce(void *arg)
{
    struct chan *chan = arg;

    for (int i = 0; i < ITEMS; i++)
        assert_status(chan_send(chan, number(i), 0), TROUPE_OK);
    chan_close(chan, TROUPE_END);
    chan_close(chan, TROUPE_FAILED);
    return TROUPE_OK;
}

static void count_room(struct chan *chan, void *arg)
{
    (void)chan;
    ++*(int *)arg;
}

static troupe_status stream(void *arg)
{
    struct chan *chan = chan_new(loop_current(), 4, count_free);
    int rooms = 0;
    void *item = NULL;
    SCOPE(scope, 0);

    (void)arg;
    chan_on_room(chan, count_room, &rooms);
    assert_status(co_spawn(&scope, NULL, produce, chan), TROUPE_OK);
    for (int i = 0; i < ITEMS; i++) {
        assert_status(chan_recv(chan, 0, &item), TROUPE_OK);
        assert_int_equal(*(int *)item, i);
        assert_true(chan_count(chan) < 4);
        mem_free(item);
        item = NULL;
    }
    assert_status(chan_recv(chan, 0, &item), TROUPE_END);
    assert_status(chan_send(chan, &rooms, 0), TROUPE_END);
    assert_null(item);
    assert_true(rooms > 0);
    assert_status(scope_close(&scope), TROUPE_OK);
    chan_unref(chan);
    assert_int_equal(freed, 0);
    return TROUPE_OK;
}

static void items_come_in_order_then_the_close_status(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    freed = 0;
    assert_status(fixture_run(loop, stream, NULL), TROUPE_OK);
    fixture_free(loop);
}

static troupe_status bounded(void *arg)
{
    struct chan *chan = chan_new(loop_current(), 2, count_free);
    int *third = number(3);
    void *item;

    (void)arg;
    assert_status(chan_recv(chan, co_after(1), &item), TROUPE_DEADLINE);
    assert_status(chan_try_send(chan, number(1)), TROUPE_OK);
    assert_status(chan_send(chan, number(2), 0), TROUPE_OK);
    assert_status(chan_try_send(chan, third), TROUPE_BUSY);
    assert_status(chan_send(chan, third, co_after(1)), TROUPE_DEADLINE);
    assert_int_equal(chan_count(chan), 2);
    mem_free(third); /* a failed send leaves it with its sender */
    chan_unref(chan_ref(chan));
    chan_unref(chan);
    chan_unref(NULL);
    assert_int_equal(freed, 2);
    return TROUPE_OK;
}

static void a_full_channel_holds_back_and_unreceived_items_are_freed(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    freed = 0;
    assert_status(fixture_run(loop, bounded, NULL), TROUPE_OK);
    fixture_free(loop);
}

struct many {
    struct chan *chan;
    int received, sum;
};

static troupe_status receive_some(void *arg)
{
    struct many *many = arg;
    void *item;
    troupe_status status;

    while ((status = chan_recv(many->chan, 0, &item)) == TROUPE_OK) {
        many->received++;
        many->sum += *(int *)item;
        mem_free(item);
        if (many->received % 7 == 0)
            co_pass();
    }
    return status == TROUPE_END ? TROUPE_OK : status;
}

static troupe_status send_some(void *arg)
{
    struct many *many = arg;

    for (int i = 1; i <= 50; i++)
        assert_status(chan_send(many->chan, number(i), 0), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_status many_to_many(void *arg)
{
    struct many many = {chan_new(loop_current(), 3, count_free), 0, 0};
    SCOPE(receivers, 0);

    (void)arg;
    for (int i = 0; i < 4; i++)
        assert_status(co_spawn(&receivers, NULL, receive_some, &many), TROUPE_OK);
    {
        SCOPE(senders, 0);

        for (int i = 0; i < 5; i++)
            assert_status(co_spawn(&senders, NULL, send_some, &many), TROUPE_OK);
    }
    chan_close(many.chan, TROUPE_END);
    assert_status(scope_close(&receivers), TROUPE_OK);
    assert_int_equal(many.received, 250);
    assert_int_equal(many.sum, 5 * 50 * 51 / 2);
    chan_unref(many.chan);
    return TROUPE_OK;
}

static void many_senders_and_receivers_lose_nothing(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    assert_status(fixture_run(loop, many_to_many, NULL), TROUPE_OK);
    fixture_free(loop);
}

/* ---- queue ----------------------------------------------------------------------------------- */

struct entry {
    struct queue_item item;
    int value;
};

static void queue_is_bounded_ordered_and_closes(void **state)
{
    struct entry entries[3] = {{{NULL}, 0}, {{NULL}, 1}, {{NULL}, 2}};
    struct queue_item *items;
    struct queue queue;
    bool was_empty = false;

    (void)state;
    queue_init(&queue, 2);
    assert_null(queue_take_all(&queue, 0));
    assert_null(queue_take_all(&queue, 5));
    assert_status(queue_push(&queue, &entries[0].item, &was_empty), TROUPE_OK);
    assert_true(was_empty);
    assert_status(queue_push(&queue, &entries[1].item, &was_empty), TROUPE_OK);
    assert_false(was_empty);
    assert_status(queue_push(&queue, &entries[2].item, NULL), TROUPE_BUSY);
    items = queue_take_all(&queue, UINT64_MAX);
    assert_ptr_equal(items, &entries[0].item);
    assert_ptr_equal(items->next, &entries[1].item);
    assert_null(items->next->next);
    assert_status(queue_push(&queue, &entries[2].item, NULL), TROUPE_OK);
    assert_false(queue_closed(&queue));
    queue_close(&queue);
    assert_true(queue_closed(&queue));
    assert_status(queue_push(&queue, &entries[0].item, NULL), TROUPE_CANCELED);
    assert_ptr_equal(queue_take_all(&queue, UINT64_MAX), &entries[2].item);
    assert_null(queue_take_all(&queue, UINT64_MAX));
    queue_clear(&queue);
}

#define PUSHERS 4

static void *push_many(void *arg)
{
    struct queue *queue = arg;

    for (int i = 0; i < ITEMS; i++) {
        struct entry *entry = mem_zero(1, sizeof(*entry));

        entry->value = i;
        while (queue_push(queue, &entry->item, NULL) != TROUPE_OK)
            sched_yield();
    }
    return NULL;
}

static void queue_takes_from_many_threads(void **state)
{
    pthread_t threads[PUSHERS];
    struct queue queue;
    int count = 0, sum = 0;

    (void)state;
    queue_init(&queue, 16);
    for (int i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, push_many, &queue), 0);
    while (count < PUSHERS * ITEMS) {
        struct queue_item *item = queue_take_all(&queue, UINT64_MAX);

        while (item) {
            struct entry *entry = (struct entry *)item;

            item = item->next;
            count++;
            sum += entry->value;
            mem_free(entry);
        }
    }
    for (int i = 0; i < PUSHERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(sum, PUSHERS * (ITEMS * (ITEMS - 1) / 2));
    queue_clear(&queue);
}

/* ---- pool ------------------------------------------------------------------------------------ */

struct work {
    pthread_t thread;
    pthread_t loop_thread;
    int in, out;
    pthread_mutex_t *gate; /* held by the test until the job may end */
};

static struct work *work_new(int in)
{
    struct work *work = mem_zero(1, sizeof(*work));

    work->in = in;
    work->loop_thread = pthread_self();
    return work;
}

static void work_free(void *arg)
{
    struct work *work = arg;

    assert_true(pthread_equal(pthread_self(), work->loop_thread));
    mem_free(work);
    freed++;
}

static troupe_status square(void *arg)
{
    struct work *work = arg;

    work->thread = pthread_self();
    if (work->gate) {
        pthread_mutex_lock(work->gate);
        pthread_mutex_unlock(work->gate);
    }
    work->out = work->in * work->in;
    return work->in < 0 ? TROUPE_DATA : TROUPE_OK;
}

static troupe_status run_jobs(void *arg)
{
    struct pool *pool = arg;

    for (int i = -20; i <= 20; i++) {
        struct work *work = work_new(i);

        assert_status(pool_run(pool, square, work, work_free, 0), i < 0 ? TROUPE_DATA : TROUPE_OK);
        assert_int_equal(work->out, i * i); /* still readable: this coroutine has not waited */
        assert_false(pthread_equal(work->thread, pthread_self()));
    }
    return TROUPE_OK;
}

static struct pool *pool_for(struct loop *loop, unsigned threads, size_t max_queued)
{
    struct pool *pool = NULL;
    struct error err;

    if (pool_new(loop, threads, max_queued, &pool, &err) != TROUPE_OK)
        fail_msg("%s", err.text);
    return pool;
}

static void jobs_run_on_workers_and_arguments_are_freed_on_the_loop(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct pool *pool = pool_for(loop, 0, 10);

    (void)state;
    freed = 0;
    assert_status(fixture_run(loop, run_jobs, pool), TROUPE_OK);
    pool_free(pool);
    pool_free(NULL);
    fixture_free(loop);
    assert_int_equal(freed, 41);
}

struct blocked {
    struct pool *pool;
    pthread_mutex_t gate;
    int started;
};

static troupe_status run_blocked(void *arg)
{
    struct blocked *blocked = arg;
    struct work *work = work_new(2);

    work->gate = &blocked->gate;
    blocked->started++;
    return pool_run(blocked->pool, square, work, work_free, 0);
}

static troupe_status outlive_deadlines(void *arg)
{
    struct blocked *blocked = arg;
    struct work *late = work_new(3), *refused = work_new(4), *never = work_new(5);
    SCOPE(scope, 0);

    pthread_mutex_lock(&blocked->gate);
    assert_status(co_spawn(&scope, NULL, run_blocked, blocked), TROUPE_OK);
    while (blocked->started < 1)
        co_pass();
    /* The one thread takes its job sooner or later; until then the queue holds it. */
    late->gate = &blocked->gate;
    while (pool_run(blocked->pool, square, late, work_free, co_after(1)) != TROUPE_DEADLINE) {
        late = work_new(3);
        late->gate = &blocked->gate;
    }
    assert_status(pool_run(blocked->pool, square, refused, work_free, 0), TROUPE_BUSY);
    pthread_mutex_unlock(&blocked->gate);
    assert_status(scope_close(&scope), TROUPE_OK);
    scope_cancel(co_self()->scope, TROUPE_CANCELED);
    assert_status(pool_run(blocked->pool, square, never, work_free, 0), TROUPE_CANCELED);
    return TROUPE_OK;
}

static void a_job_may_outlive_its_waiter(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct blocked blocked = {.pool = pool_for(loop, 1, 1)};

    (void)state;
    freed = 0;
    pthread_mutex_init(&blocked.gate, NULL);
    assert_status(fixture_run(loop, outlive_deadlines, &blocked), TROUPE_OK);
    pool_free(blocked.pool);
    pthread_mutex_destroy(&blocked.gate);
    fixture_free(loop);
    assert_true(freed >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_order_then_the_close_status),
        cmocka_unit_test(a_full_channel_holds_back_and_unreceived_items_are_freed),
        cmocka_unit_test(many_senders_and_receivers_lose_nothing),
        cmocka_unit_test(queue_is_bounded_ordered_and_closes),
        cmocka_unit_test(queue_takes_from_many_threads),
        cmocka_unit_test(jobs_run_on_workers_and_arguments_are_freed_on_the_loop),
        cmocka_unit_test(a_job_may_outlive_its_waiter),
    };

    return cmocka_run_group_tests_name("chan, queue, pool", tests, NULL, NULL);
}
