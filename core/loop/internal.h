/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of core/loop share. Nobody outside the folder includes it but its tests and the
 * bench; sdk/gdb/troupe-gdb.py reads these structures by their names.
 */
#ifndef LOOP_INTERNAL_H
#define LOOP_INTERNAL_H

#include "base/list.h"
#include "loop/fiber.h"
#include "loop/loop.h"
#include "loop/scope.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* A broken rule of the runtime ends the process, in every build: a coroutine on the wrong stack
 * cannot be put right, and going on would corrupt somebody else's turn. */
void loop_fatal(const char *rule) __attribute__((noreturn, cold));
#define LOOP_CHECK(condition, rule)                                                                \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            loop_fatal(rule);                                                                      \
    } while (0)

/* ---- coroutines ---------------------------------------------------------------------------- */

enum co_state {
    CO_FREE,      /* in the pool                                            */
    CO_READY,     /* in the ready queue                                     */
    CO_RUNNING,   /* has the thread                                         */
    CO_WAITING,   /* suspended until co_wake                                */
    CO_ENDED,     /* its function has returned                              */
    CO_ABANDONED, /* never resumed; the stack stays mapped until loop_free  */
};

struct co {
    struct fiber fiber;
    struct loop *loop;
    struct slab *slab;
    enum co_state state;
    bool entered;     /* its entry loop is on the stack: a switch goes on there               */
    bool timer_ready; /* the timer below was initialised                                      */
    bool joining;     /* closes a scope: nothing cuts this wait short                          */
    struct co_owner owner;
    co_fn fn;
    void *arg;
    troupe_status result;
    struct scope *scope;
    struct list_link member; /* of scope->members                                             */
    struct list_link queued; /* in the ready queue or the pool                                */
    struct list_link parked; /* in the list of what it waits for                              */
    troupe_status wake;      /* what the suspended wait returns                               */
    uint64_t deadline;       /* of the wait, 0: none                                          */
    uint64_t alarm_at;       /* when the timer has to end it, 0: never                        */
    uint64_t timer_at;       /* when the timer fires, at alarm_at or before; 0: it is stopped */
    /* Takes the coroutine off whatever was to wake it, in the same step that makes it ready. */
    void (*unwait)(struct co *co, void *arg);
    void *unwait_arg;
    unsigned shields;
    uint64_t shield_until;
    unsigned calls_after_cancel, looks_after_cancel;
    void *local;
    uv_timer_t timer;
};

/* Why the coroutine must not wait (counted), or TROUPE_OK. */
troupe_status co_refuse_wait(struct co *co);
/* The running coroutine; ends the process outside of one. */
struct co *co_must_self(void);
/* Suspends the running coroutine until co_wake, the deadline or the end of its scope. */
troupe_status co_suspend(struct co *co, uint64_t deadline, void (*unwait)(struct co *co, void *arg),
                         void *arg);
/* Makes a waiting coroutine ready; nothing happens to one that no longer waits. */
void co_wake(struct co *co, troupe_status status);
/* An unwait for coroutines that wait in a list by their `parked` link. */
void co_unpark(struct co *co, void *arg);
/* The scope of a suspended coroutine has ended. */
void co_scope_ended(struct co *co);
/* Runs one slice, on the loop's stack; returns when it ended (clock_ns). */
uint64_t co_run_slice(struct co *co);
/* The bare way in and back, without queue, scope and owner: a part of co_run_slice. */
void co_enter(struct co *co);
/* Ends and unlinks the scopes that an abandoned coroutine had opened; they stay on its stack. */
void scope_orphan_of(struct co *opener);
/* Cancels the scope at its deadline, unless it is stopped before. */
struct scope_timer *scope_timer_start(struct loop *loop, struct scope *scope, uint64_t deadline);
void scope_timer_stop(struct loop *loop, struct scope_timer *timer);
/* Closes those at rest; libuv runs once more after it. */
void scope_timers_clear(struct loop *loop);

/* Looks for what was asked to be looked for, until something came or the time is over. */
void loop_look_around(struct loop *loop);

/* ---- the pool of stacks -------------------------------------------------------------------- */

#define STACK_GUARD_SIZE   ((size_t)64 * 1024)
#define STACK_SLAB_COUNT   64
#define STACK_HOT_MAX      256
#define STACK_TRIM_MS      1000
#define STACK_TRIM_AT_ONCE 64

struct slab {
    struct slab *next;
    char *map; /* guard, stack, guard, stack … */
    size_t map_size;
    unsigned carved; /* how many of `cos` have a guarded stack */
    struct co cos[STACK_SLAB_COUNT];
};

struct stacks {
    size_t stack_size, max;
    bool guard_by_madvise;
    struct slab *slabs;    /* newest first; only the first has room left */
    struct list_link hot;  /* most recently used first                   */
    struct list_link cold; /* their pages were given back                */
    size_t hot_count, cold_count, used;
    long fail_in; /* seam of the fault tests: the n-th system call from now fails; 0: none */
};

void stacks_init(struct stacks *stacks, size_t stack_size, size_t max);
void stacks_clear(struct stacks *stacks);
/* TROUPE_LIMIT at the cap, TROUPE_NOMEM where nothing could be mapped. */
troupe_status stacks_take(struct stacks *stacks, struct co **ret);
void stacks_put(struct stacks *stacks, struct co *co);
/* Gives pages of the least recently used back; true while more is to be done. */
bool stacks_trim(struct stacks *stacks);
/* The coroutine whose guard or stack holds the address; NULL: none. Async-signal-safe. */
const struct co *stacks_find(const struct stacks *stacks, const void *address, bool *ret_guard);
void co_entry(void *arg);

/* ---- the loop ------------------------------------------------------------------------------ */

/* What the watchdog's thread sees of the loop. A span is one uninterrupted run of something: a
 * coroutine's slice, a batch of tasks, the timers of one round. */
struct span {
    atomic_uint_least64_t started_ns; /* 0: in the poll */
    atomic_uint_least64_t serial;     /* which span     */
};

struct watchdog;

/* What the watchdog asks the loop's thread with. Ignored by default, so that one which comes late
 * does no harm, and used by no library of ours. */
#define WATCHDOG_SIGNAL SIGURG

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_poll_t wake; /* of wake_fd, which loop_post writes to */
    int wake_fd;
    uv_timer_t step_timer, trim_timer;
    struct fiber fiber; /* the thread's own stack */
    struct co *running;
    bool on_loop_stack; /* the running coroutine borrowed the loop's stack */
    bool draining, in_run, stopping;
    bool poisoned; /* this is a forked child */
    struct list_link ready;
    size_t ready_count, live;
    struct list_link spawn_waiters;
    struct scope_timer *scope_timers; /* at rest, the last one used first */
    size_t scope_timer_count;
    struct stacks stacks;
    uint64_t slice_budget_ns;
    bool passed;               /* in this drain a coroutine asked to go on after a poll */
    void (*hop_fn)(void *arg); /* to be run on the loop's stack */
    void *hop_arg;
    void *(*exception_globals)(void);
    _Atomic(struct loop_task *) inbox; /* newest first */
    struct span span;
    struct loop_task *before_poll; /* newest first */
    /* Tasks that wait until the loop has nothing else to do, newest first. */
    struct loop_task *rest_first;
    uint64_t rest_until_ns; /* when the first of them waits no longer             */
    uint64_t rest_seen;     /* number of the last span when the loop began to poll */
    struct list_link looks; /* struct loop_look: before the next poll */
    /* The watchdog's, on this thread: a span of `ns` ends that it may have slept through. */
    void (*span_ended)(struct loop *loop, uint64_t serial, uint64_t ns);
    struct watchdog *watchdog;
    pthread_t thread;
    uint64_t switches, longest_slice_ns;
    /* Coroutines that ignore cancellation: suspended for good, given up at the next wake. */
    struct list_link runaways; /* by co->parked */
    struct loop_task runaway_task;
    bool runaway_posted;
    void (*runaway)(void *local, const struct co_owner *owner);
};

#endif
