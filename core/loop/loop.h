/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop: libuv underneath, coroutines on top. One thread owns a loop; every function here
 * is for that thread unless it says "any thread". Coroutines run from one place only, a prepare
 * callback that drains the ready queue; libuv's callbacks just mark coroutines ready.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct loop;

struct loop_options {
    size_t stack_size;        /* usable bytes of a coroutine's stack; 0: 256 kB, 1 MB sanitized  */
    size_t max_coroutines;    /* 0: 10,000; lowered to what vm.max_map_count allows (see pool)    */
    uint32_t slice_budget_us; /* coroutines run at most this long between two polls; 0: 2,000    */
};

/* NULL options mean the defaults. The loop belongs to the calling thread, one a thread. In a forked
 * child nothing of it may be used: only exec or _exit. */
troupe_status loop_new(const struct loop_options *options, struct loop **ret, struct error *err);
/* Every coroutine has ended and every handle of the caller's is closed. NULL is fine. */
void loop_free(struct loop *loop);
uv_loop_t *loop_uv(struct loop *loop);
/* The loop whose thread this is, NULL elsewhere. */
struct loop *loop_current(void);
/* Runs until loop_stop was called and no coroutine is left; may be run again after that. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* One turn of the loop for tests: polls at most `timeout_ms`. */
void loop_step(struct loop *loop, uint64_t timeout_ms);
/* Fresh monotonic milliseconds on libuv's clock (refreshes it: a coroutine may have computed). */
uint64_t loop_now(struct loop *loop);

/* A piece of work for the loop thread, posted from any thread; runs on the loop's own stack, must
 * not wait, and may free its task. All tasks posted before a wake are drained in that wake. */
struct loop_task {
    struct loop_task *next;
    void (*run)(struct loop_task *task);
};
void loop_post(struct loop *loop, struct loop_task *task); /* any thread */
/* Runs the task before the loop polls again: once for all that is done until then. A task may give
 * further ones, which run in the same round, and may free itself. Loop thread. */
void loop_before_poll(struct loop *loop, struct loop_task *task);
/* Takes a task back that has not run. */
void loop_before_poll_cancel(struct loop *loop, struct loop_task *task);
/* Runs the task once the loop has nothing else to do, at the latest about `most_us` from now: for work
 * that is cheaper the more of it comes together. Loop thread; the task may free itself. */
void loop_rest(struct loop *loop, struct loop_task *task, uint32_t most_us);
/* Takes a task back that loop_rest was given and that has not run. */
void loop_rest_cancel(struct loop *loop, struct loop_task *task);

/* A timer on the loop for code that is no coroutine. The memory is the caller's and must stay until
 * loop_timer_close's `closed` ran. */
struct loop_timer {
    uv_timer_t handle;
    void (*fire)(struct loop_timer *timer);
    void (*closed)(struct loop_timer *timer);
};
void loop_timer_init(struct loop *loop, struct loop_timer *timer,
                     void (*fire)(struct loop_timer *timer));
void loop_timer_start(struct loop_timer *timer, uint64_t in_ms, uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_close(struct loop_timer *timer, void (*closed)(struct loop_timer *timer));

/* Something begins or ends on the loop that must not take long (clock_ns()): the watchdog looks at
 * what lies between. The loop does so itself for all but libuv's I/O callbacks; they do not nest. */
void loop_span_begin(struct loop *loop, uint64_t now_ns);
void loop_span_end(struct loop *loop, uint64_t now_ns);

struct co_owner;
/* Calls `fn` on the loop's stack after a coroutine was given up because it went on calling after it
 * was cancelled (CO_RUNAWAY_CALLS); `local` is its co_local. */
void loop_on_runaway(struct loop *loop, void (*fn)(void *local, const struct co_owner *owner));

/* Figures for status, metrics and tests. */
struct loop_stats {
    size_t coroutines;     /* alive                                         */
    size_t coroutines_max; /* the cap in force                              */
    size_t stacks_pooled;  /* kept for reuse                                */
    uint64_t switches;
    uint64_t longest_slice_us;
};
void loop_stats(const struct loop *loop, struct loop_stats *ret);

#endif
