/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations finished by threads at random times against deadlines and cancellations, and tasks
 * posted from threads.
 */
#include "loop_fixture.h"

#include "base/mem.h"
#include "loop/internal.h"
#include "loop/op.h"
#include "loop/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define THREADS    3
#define COROUTINES 40
#define ROUNDS     20

struct request {
    struct queue_item item;
    struct op *op;
    unsigned delay_us;
    int value;
};

struct office {
    struct queue queue;
    uint64_t random; /* the loop's thread only */
    atomic_size_t made, freed;
    size_t taken, late, wrong;
    pthread_t loop_thread;
};

static struct office *office; /* the freeing function gets nothing else */

static uint64_t draw(uint64_t below)
{
    office->random ^= office->random << 13;
    office->random ^= office->random >> 7;
    office->random ^= office->random << 17;
    return office->random % below;
}

static void free_value(void *value)
{
    if (!pthread_equal(pthread_self(), office->loop_thread))
        office->wrong++;
    atomic_fetch_add(&office->freed, 1);
    mem_free(value);
}

static void *serve(void *arg)
{
    struct queue_item *items;

    (void)arg;
    while ((items = queue_take_all(&office->queue, UINT64_MAX))) {
        while (items) {
            struct request *request = (struct request *)items;
            struct timespec delay = {0, (long)request->delay_us * 1000};
            int *value = mem_copy(&request->value, sizeof(request->value));

            items = items->next;
            if (request->delay_us)
                nanosleep(&delay, NULL);
            atomic_fetch_add(&office->made, 1);
            op_complete(request->op, TROUPE_DONE, value);
            mem_free(request);
        }
    }
    return NULL;
}

static struct op *ask(int value)
{
    struct request *request = mem_zero(1, sizeof(*request));
    struct op *op = op_new(loop_current(), free_value);

    request->op = op;
    request->value = value;
    request->delay_us = (unsigned)draw(300);
    if (queue_push(&office->queue, &request->item, NULL) != TROUPE_OK)
        fail_msg("the office is closed");
    return op; /* the request is the server's now */
}

static void check_answer(troupe_status status, int *answer, int expected)
{
    if (status != TROUPE_DONE) {
        office->late++;
        return;
    }
    office->taken++;
    if (*answer != expected)
        office->wrong++;
    free_value(answer);
}

static troupe_status customer(void *arg)
{
    int number = (int)(intptr_t)arg;

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t deadline = draw(3) ? co_after(draw(3)) : 0;
        _cleanup_op_ struct op *first = ask(number * 1000 + round);
        void *answer = NULL;
        troupe_status status;

        if (draw(4) == 0) {
            _cleanup_op_ struct op *second = ask(-1);
            struct op *ops[] = {first, second};
            size_t which;

            status = op_wait_any(ops, 2, deadline, &which);
            if (status == TROUPE_OK && which == 0) {
                status = op_wait(first, 0, &answer);
                check_answer(status, answer, number * 1000 + round);
            }
        } else {
            status = op_wait(first, deadline, &answer);
            check_answer(status, answer, number * 1000 + round);
        }
        if (status == TROUPE_CANCELED)
            return status;
    }
    return TROUPE_OK;
}

static troupe_status open_office(void *arg)
{
    struct scope scope, cancelled;

    (void)arg;
    scope_open(&scope, 0);
    scope_open(&cancelled, co_after(2));
    for (intptr_t i = 0; i < COROUTINES; i++)
        assert_status(co_spawn(i % 4 ? &scope : &cancelled, NULL, customer, (void *)i), TROUPE_OK);
    (void)scope_close(&cancelled);
    return scope_close(&scope);
}

static void results_from_threads_are_taken_or_freed_once(void **state)
{
    struct office the_office = {.random = uv_hrtime() | 1, .loop_thread = pthread_self()};
    struct loop *loop = fixture_new(NULL);
    pthread_t threads[THREADS];
    size_t freed, made;

    (void)state;
    print_message("# seed %llu\n", (unsigned long long)the_office.random);
    office = &the_office;
    queue_init(&the_office.queue, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, serve, NULL), 0);
    assert_status(fixture_run(loop, open_office, NULL), TROUPE_OK);
    queue_close(&the_office.queue);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    fixture_free(loop); /* the late ones */
    made = atomic_load(&the_office.made);
    freed = atomic_load(&the_office.freed);
    assert_int_equal(made, freed);
    assert_int_equal(the_office.wrong, 0);
    assert_true(the_office.taken > 0);
    queue_clear(&the_office.queue);
    office = NULL;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

#define TASKS 2000

struct note {
    struct loop_task task;
    struct ledger *ledger;
    int thread, number;
};

struct ledger {
    struct loop *loop;
    int last[THREADS];
    int count, disordered;
};

struct poster {
    struct ledger *ledger;
    int thread;
};

static void take_note(struct loop_task *task)
{
    struct note *note = container_of(task, struct note, task);
    struct ledger *ledger = note->ledger;

    if (co_self() || ledger->last[note->thread] != note->number - 1)
        ledger->disordered++;
    ledger->last[note->thread] = note->number;
    if (++ledger->count == THREADS * TASKS)
        loop_stop(ledger->loop);
    mem_free(note);
}

static void *post_many(void *arg)
{
    struct poster *poster = arg;

    for (int i = 1; i <= TASKS; i++) {
        struct note *note = mem_zero(1, sizeof(*note));

        note->task.run = take_note;
        note->ledger = poster->ledger;
        note->thread = poster->thread;
        note->number = i;
        loop_post(poster->ledger->loop, &note->task);
    }
    return NULL;
}

static void tasks_come_in_each_threads_order(void **state)
{
    struct ledger ledger = {.loop = fixture_new(NULL)};
    struct poster posters[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){&ledger, i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    loop_run(ledger.loop);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(ledger.count, THREADS * TASKS);
    assert_int_equal(ledger.disordered, 0);
    fixture_free(ledger.loop);
}

/* ---- timers and steps ------------------------------------------------------------------------ */

struct beat {
    struct loop_timer timer;
    int fired, closed;
};

static void fire(struct loop_timer *timer)
{
    struct beat *beat = container_of(timer, struct beat, timer);

    if (++beat->fired == 3)
        loop_timer_stop(timer);
}

static void closed(struct loop_timer *timer)
{
    container_of(timer, struct beat, timer)->closed++;
}

static void timers_fire_on_the_loop_and_close(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct beat beat = {.fired = 0};
    struct loop *second = NULL;
    struct error err = {0};

    (void)state;
    loop_timer_init(loop, &beat.timer, fire);
    loop_timer_start(&beat.timer, 1, 1);
    while (beat.fired < 3)
        loop_step(loop, 5);
    loop_step(loop, 3);
    loop_step(loop, 0);
    assert_int_equal(beat.fired, 3);
    loop_timer_close(&beat.timer, closed);
    loop_step(loop, 0);
    assert_int_equal(beat.closed, 1);
    assert_ptr_equal(loop_current(), loop);
    assert_status(loop_new(NULL, &second, &err), TROUPE_CONFLICT);
    assert_null(second);
    fixture_free(loop);
    loop_free(NULL);
    assert_null(loop_current());
}

/* ---- before the poll ----------------------------------------------------------------------------- */

struct bell {
    struct loop_task task;
    struct loop *loop;
    int *log, rang;
    struct bell *also; /* put in line when this one rings */
};

static void ring(struct loop_task *task)
{
    struct bell *bell = container_of(task, struct bell, task);

    bell->rang = ++*bell->log;
    if (bell->also)
        loop_before_poll(bell->loop, &bell->also->task);
}

static troupe_status ring_all(void *arg)
{
    struct bell *bells = arg;

    for (int i = 0; i < 3; i++)
        loop_before_poll(bells[i].loop, &bells[i].task);
    loop_before_poll_cancel(bells[1].loop, &bells[1].task);
    assert_int_equal(*bells->log, 0); /* not at once */
    co_pass();
    assert_int_equal(bells[0].rang, 1);
    assert_int_equal(bells[1].rang, 0);
    assert_int_equal(bells[2].rang, 2);
    assert_int_equal(bells[3].rang, 3); /* in the same round */
    return TROUPE_OK;
}

static void what_waits_for_the_poll_runs_once_in_its_order(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct bell bells[4];
    int log = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        bells[i] = (struct bell){.task = {.run = ring}, .loop = loop, .log = &log};
    bells[2].also = &bells[3];
    assert_status(fixture_run(loop, ring_all, bells), TROUPE_OK);
    assert_int_equal(log, 3);
    fixture_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_from_threads_are_taken_or_freed_once),
        cmocka_unit_test(tasks_come_in_each_threads_order),
        cmocka_unit_test(timers_fire_on_the_loop_and_close),
        cmocka_unit_test(what_waits_for_the_poll_runs_once_in_its_order),
    };

    return cmocka_run_group_tests_name("op", tests, NULL, NULL);
}
