/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop itself. Each round of libuv runs timers, then our prepare callback, then polls; the
 * prepare callback is the only place where coroutines run. It takes the ready queue as it stands
 * (who becomes ready meanwhile has to wait for the next round), stops after the slice budget, and
 * while work is left an idle handle keeps the poll from blocking.
 *
 * libuv's clock stands still while callbacks compute. It is refreshed after each drain, because the
 * poll's timeout is computed from it, and before each start of a timer: without the first a timer
 * fires late by what was computed, without the second early.
 */
#include "loop/loop.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/internal.h"
#include "loop/sanitize.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Instrumented frames are up to three times as large. */
#define STACK_SIZE_PLAIN   ((size_t)256 * 1024)
#define STACK_SIZE_CHECKED ((size_t)1024 * 1024)
#define STACK_SIZE_MIN     ((size_t)64 * 1024)
#define STACK_SIZE_MAX     ((size_t)8 * 1024 * 1024)
#define COROUTINES_MAX     10000
#define SLICE_BUDGET_US    2000
#define DRAIN_ROUNDS       4 /* what a coroutine makes ready runs without a poll between, so often */

/* The one piece of global state here: plugin code calls the host without a handle, so "my loop" and
 * "my coroutine" must be found from the thread. Coroutines never change threads. */
static _Thread_local struct loop *loop_of_thread;

struct loop *loop_current(void)
{
    return loop_of_thread;
}

void loop_fatal(const char *rule)
{
    struct loop *loop = loop_of_thread;
    struct co *co = loop ? loop->running : NULL;

    fprintf(stderr, "troupe: rule of the loop broken: %s (running: %s, turn %llu)\n", rule,
            co ? co->owner.name : "no coroutine", co ? (unsigned long long)co->owner.turn : 0);
    abort();
}

/* A forked child has every suspended turn, too, and would answer twice. It may only exec. */
static void in_forked_child(void)
{
    if (loop_of_thread)
        loop_of_thread->poisoned = true;
}

static void guard_forks(void)
{
    (void)pthread_atfork(NULL, NULL, in_forked_child);
}

/* ---- the drain ------------------------------------------------------------------------------- */

void loop_span_begin(struct loop *loop, uint64_t now_ns)
{
    atomic_fetch_add_explicit(&loop->span.serial, 1, memory_order_relaxed);
    atomic_store_explicit(&loop->span.started_ns, now_ns, memory_order_release);
}

void loop_span_end(struct loop *loop, uint64_t now_ns)
{
    uint64_t started = atomic_load_explicit(&loop->span.started_ns, memory_order_relaxed);

    if (loop->span_ended && started)
        loop->span_ended(loop, atomic_load_explicit(&loop->span.serial, memory_order_relaxed),
                         now_ns - started);
    atomic_store_explicit(&loop->span.started_ns, 0, memory_order_release);
}

static void idle(uv_idle_t *handle)
{
    (void)handle;
}

/* ---- work for later ------------------------------------------------------------------------- */

static void remove_task(struct loop_task **first, const struct loop_task *task)
{
    for (struct loop_task **at = first; *at; at = &(*at)->next) {
        if (*at == task) {
            *at = task->next;
            return;
        }
    }
}

/* Those that stand in the list now, the oldest first; each may free itself. */
static void run_tasks(struct loop_task **first)
{
    struct loop_task *task = *first, *ordered = NULL;

    *first = NULL;
    while (task) {
        struct loop_task *next = task->next;

        task->next = ordered;
        ordered = task;
        task = next;
    }
    while (ordered) {
        task = ordered;
        ordered = task->next;
        task->run(task);
    }
}

void loop_before_poll(struct loop *loop, struct loop_task *task)
{
    task->next = loop->before_poll;
    loop->before_poll = task;
}

void loop_before_poll_cancel(struct loop *loop, struct loop_task *task)
{
    remove_task(&loop->before_poll, task);
}

static bool is_resting(const struct loop *loop)
{
    return loop->rest_first != NULL;
}

void loop_rest(struct loop *loop, struct loop_task *task, uint32_t most_us)
{
    uint64_t until = clock_ns() + (uint64_t)most_us * 1000;

    if (!is_resting(loop) || until < loop->rest_until_ns)
        loop->rest_until_ns = until;
    task->next = loop->rest_first;
    loop->rest_first = task;
    loop->rest_seen = UINT64_MAX; /* it must be looked at once more */
    uv_idle_start(&loop->idle, idle);
}

void loop_rest_cancel(struct loop *loop, struct loop_task *task)
{
    remove_task(&loop->rest_first, task);
}

/* Every span has a number, so the loop did nothing where none was given since the last drain. */
static uint64_t activity(struct loop *loop)
{
    return atomic_load_explicit(&loop->span.serial, memory_order_relaxed);
}

static void trim(uv_timer_t *handle)
{
    struct loop *loop = handle->data;

    if (!stacks_trim(&loop->stacks))
        uv_timer_stop(handle);
}

/* Those that are ready now, once each, while there is time; what the time is then. */
static uint64_t run_ready(struct loop *loop, uint64_t now, uint64_t until)
{
    for (size_t left = loop->ready_count; left > 0 && now < until; left--) {
        struct list_link *link = list_pop(&loop->ready);
        uint64_t started = now;

        if (!link)
            break; /* abandoned since the count was taken */
        loop->ready_count--;
        loop_span_begin(loop, started);
        now = co_run_slice(container_of(link, struct co, queued));
        if (now - started > loop->longest_slice_ns)
            loop->longest_slice_ns = now - started;
    }
    return now;
}

static void drain(uv_prepare_t *handle)
{
    struct loop *loop = handle->data;
    uint64_t begun = clock_ns(), now = begun, until = begun + loop->slice_budget_ns;

    LOOP_CHECK(!loop->running && !loop->draining, "uv_run was called inside a coroutine");
    LOOP_CHECK(!loop->poisoned, "the loop went on in a forked child: only exec or _exit there");
    loop_span_end(loop, begun);
    loop->draining = true;
    loop->passed = false;
    for (unsigned round = 0;
         round < DRAIN_ROUNDS && loop->ready_count > 0 && now < until && !loop->passed; round++)
        now = run_ready(loop, now, until);
    loop->draining = false;
    if (loop->before_poll) {
        loop_span_begin(loop, clock_ns());
        while (loop->before_poll)
            run_tasks(&loop->before_poll);
        loop_span_end(loop, clock_ns());
    }
    if (!list_empty(&loop->looks) && loop->ready_count == 0 && !loop->rest_first && !loop->stopping)
        loop_look_around(loop);
    uv_update_time(&loop->uv);
    loop->rest_seen = activity(loop);
    if (loop->ready_count > 0 || loop->rest_first) {
        uv_idle_start(&loop->idle, idle);
    } else {
        uv_idle_stop(&loop->idle);
        log_flush();
    }
    if (loop->stacks.hot_count > STACK_HOT_MAX && !uv_is_active((uv_handle_t *)&loop->trim_timer))
        uv_timer_start(&loop->trim_timer, trim, STACK_TRIM_MS, STACK_TRIM_MS);
    if (loop->stopping && loop->live == 0)
        uv_stop(&loop->uv);
}

/* After the poll: what runs until the next drain are timers and closing callbacks. */
static void polled(uv_check_t *handle)
{
    struct loop *loop = handle->data;
    uint64_t now = clock_ns();

    if (is_resting(loop) && ((activity(loop) == loop->rest_seen && loop->ready_count == 0) ||
                             now >= loop->rest_until_ns))
        run_tasks(&loop->rest_first);
    loop_span_begin(loop, now);
}

/* ---- tasks from other threads ---------------------------------------------------------------- */

static void run_inbox(struct loop *loop)
{
    struct loop_task *tasks = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);

    loop_span_begin(loop, clock_ns());
    run_tasks(&tasks);
    loop_span_end(loop, clock_ns());
}

static void woken(uv_poll_t *handle, int status, int events)
{
    struct loop *loop = handle->data;
    uint64_t count;

    (void)status;
    (void)events;
    /* Before the inbox: who finds that empty writes again. */
    if (read(loop->wake_fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
        run_inbox(loop);
}

/* An eventfd of our own: with uv_async_send (libuv 1.44) a loop that wakes before the other thread is
 * back from its write spins until that one is, some 45 us on the same processor. */
static void wake(struct loop *loop)
{
    static const uint64_t one = 1;
    ssize_t written;

    do
        written = write(loop->wake_fd, &one, sizeof(one));
    while (written < 0 && errno == EINTR); /* EAGAIN: it is readable, and has been for long */
}

void loop_post(struct loop *loop, struct loop_task *task)
{
    struct loop_task *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);

    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &head, task, memory_order_release,
                                                    memory_order_relaxed));
    /* One wake for all that come before the loop looks. */
    if (!head)
        wake(loop);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void step_over(uv_timer_t *handle)
{
    (void)handle;
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

troupe_status loop_new(const struct loop_options *options, struct loop **ret, struct error *err)
{
    static pthread_once_t forks_guarded = PTHREAD_ONCE_INIT;
    struct loop_options chosen = options ? *options : (struct loop_options){0};
    struct loop *loop;
    int rc;

    if (loop_of_thread)
        return error_set(err, TROUPE_CONFLICT, "this thread has a loop already; free it first");
    if (!chosen.stack_size) {
        chosen.stack_size = STACK_SIZE_PLAIN;
#ifdef LOOP_SANITIZED
        chosen.stack_size = STACK_SIZE_CHECKED;
#endif
    }
    if (chosen.stack_size < STACK_SIZE_MIN || chosen.stack_size > STACK_SIZE_MAX)
        return error_set(err, TROUPE_ARGUMENT,
                         "stack size %zu is outside 64k to 8M; choose one within",
                         chosen.stack_size);
    loop = mem_zero(1, sizeof(*loop));
    rc = uv_loop_init(&loop->uv);
    if (rc != 0) {
        mem_free(loop);
        return error_set(err, TROUPE_FAILED,
                         "cannot make an event loop: %s; raise the limit of open files",
                         uv_strerror(rc));
    }
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = loop->wake_fd < 0 ? uv_translate_sys_error(errno)
                           : uv_poll_init(&loop->uv, &loop->wake, loop->wake_fd);
    if (rc != 0) {
        uv_loop_close(&loop->uv);
        if (loop->wake_fd >= 0)
            close(loop->wake_fd);
        mem_free(loop);
        return error_set(err, TROUPE_FAILED,
                         "cannot make the loop's wake-up: %s; raise the limit of open files",
                         uv_strerror(rc));
    }
    list_init(&loop->ready);
    list_init(&loop->runaways);
    list_init(&loop->spawn_waiters);
    list_init(&loop->looks);
    stacks_init(&loop->stacks, chosen.stack_size,
                chosen.max_coroutines ? chosen.max_coroutines : COROUTINES_MAX);
    loop->slice_budget_ns =
        (uint64_t)(chosen.slice_budget_us ? chosen.slice_budget_us : SLICE_BUDGET_US) * 1000;
    loop->thread = pthread_self();
    fiber_init_thread(&loop->fiber);
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_check_init(&loop->uv, &loop->check);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_timer_init(&loop->uv, &loop->step_timer);
    uv_timer_init(&loop->uv, &loop->trim_timer);
    loop->wake.data = loop->prepare.data = loop->check.data = loop->trim_timer.data = loop;
    uv_poll_start(&loop->wake, UV_READABLE, woken);
    uv_prepare_start(&loop->prepare, drain);
    uv_check_start(&loop->check, polled);
    pthread_once(&forks_guarded, guard_forks);
    loop_of_thread = loop;
    *ret = loop;
    return TROUPE_OK;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    LOOP_CHECK(loop == loop_of_thread, "loop_free was called on another thread than the loop's");
    LOOP_CHECK(loop->live == 0, "loop_free was called while coroutines were alive");
    /* Results that came late are freed on the loop; they may post again. */
    while (atomic_load_explicit(&loop->inbox, memory_order_acquire))
        run_inbox(loop);
    close_handle((uv_handle_t *)&loop->prepare);
    close_handle((uv_handle_t *)&loop->check);
    close_handle((uv_handle_t *)&loop->idle);
    close_handle((uv_handle_t *)&loop->wake);
    close_handle((uv_handle_t *)&loop->step_timer);
    close_handle((uv_handle_t *)&loop->trim_timer);
    for (struct slab *slab = loop->stacks.slabs; slab; slab = slab->next)
        for (unsigned i = 0; i < slab->carved; i++)
            if (slab->cos[i].timer_ready)
                close_handle((uv_handle_t *)&slab->cos[i].timer);
    scope_timers_clear(loop);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    LOOP_CHECK(uv_loop_close(&loop->uv) == 0, "loop_free was called while a handle was open");
    close(loop->wake_fd);
    stacks_clear(&loop->stacks);
    loop_of_thread = NULL;
    mem_free(loop);
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

void loop_run(struct loop *loop)
{
    LOOP_CHECK(loop == loop_of_thread, "loop_run was called on another thread than the loop's");
    LOOP_CHECK(!loop->poisoned, "loop_run was called in a forked child: only exec or _exit there");
    loop->in_run = true;
    while (!loop->stopping || loop->live > 0)
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->in_run = false;
    loop->stopping = false;
    atomic_store_explicit(&loop->span.started_ns, 0, memory_order_release);
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
    if (loop->live == 0 && loop->in_run)
        uv_stop(&loop->uv);
}

void loop_step(struct loop *loop, uint64_t timeout_ms)
{
    LOOP_CHECK(loop == loop_of_thread, "loop_step was called on another thread than the loop's");
    LOOP_CHECK(!loop->poisoned, "loop_step was called in a forked child: only exec or _exit there");
    if (timeout_ms == 0) {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    } else {
        uv_update_time(&loop->uv);
        uv_timer_start(&loop->step_timer, step_over, timeout_ms, 0);
        uv_run(&loop->uv, UV_RUN_ONCE);
        uv_timer_stop(&loop->step_timer);
    }
    /* Between two steps the caller computes, not the loop. */
    atomic_store_explicit(&loop->span.started_ns, 0, memory_order_release);
}

uint64_t loop_now(struct loop *loop)
{
    uv_update_time(&loop->uv);
    return uv_now(&loop->uv);
}

void loop_stats(const struct loop *loop, struct loop_stats *ret)
{
    ret->coroutines = loop->live;
    ret->coroutines_max = loop->stacks.max;
    ret->stacks_pooled = loop->stacks.hot_count + loop->stacks.cold_count;
    ret->switches = loop->switches;
    ret->longest_slice_us = loop->longest_slice_ns / 1000;
}

/* ---- timers for code that is no coroutine ------------------------------------------------------ */

static void timer_fire(uv_timer_t *handle)
{
    struct loop_timer *timer = container_of(handle, struct loop_timer, handle);

    timer->fire(timer);
}

static void timer_closed(uv_handle_t *handle)
{
    struct loop_timer *timer = container_of((uv_timer_t *)handle, struct loop_timer, handle);

    if (timer->closed)
        timer->closed(timer);
}

void loop_timer_init(struct loop *loop, struct loop_timer *timer,
                     void (*fire)(struct loop_timer *timer))
{
    uv_timer_init(&loop->uv, &timer->handle);
    timer->fire = fire;
    timer->closed = NULL;
}

void loop_timer_start(struct loop_timer *timer, uint64_t in_ms, uint64_t repeat_ms)
{
    uv_update_time(timer->handle.loop);
    uv_timer_start(&timer->handle, timer_fire, in_ms, repeat_ms);
}

void loop_timer_stop(struct loop_timer *timer)
{
    uv_timer_stop(&timer->handle);
}

void loop_timer_close(struct loop_timer *timer, void (*closed)(struct loop_timer *timer))
{
    timer->closed = closed;
    uv_close((uv_handle_t *)&timer->handle, timer_closed);
}
