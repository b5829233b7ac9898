/* SPDX-License-Identifier: Apache-2.0
 *
 * What a coroutine costs, beside swapcontext in the same run: a switch (to and fro is two), the way
 * of a coroutine from the pool through an empty function and back, and the memory of 10,000 that
 * wait. Batches of both sides take turns; the median of each is printed. co_spawn with queue, scope
 * and clocks is printed for information.
 */
#include "loop/internal.h"
#include "loop/switch.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { BATCHES = 21, SWITCHES = 100000, SPAWNS = 50000, WAITING = 10000 };

#define SWITCH_RATIO_MAX (1.0 / 20)
#define SPAWN_RATIO_MAX  (1.0 / 8)
#define RSS_MAX_MB       100.0

static int missed;

static void die(const char *what)
{
    fprintf(stderr, "loop_bench: %s\n", what);
    exit(EXIT_FAILURE);
}

static void print(const char *name, double value, const char *unit, double baseline,
                  double ratio_max)
{
    double ratio = value / baseline;

    printf("bench %s %.2f %s baseline %.2f ratio %.4f\n", name, value, unit, baseline, ratio);
    if (ratio_max > 0 && ratio > ratio_max) {
        fprintf(stderr, "loop_bench: %s has ratio %.4f, allowed are %.4f\n", name, ratio,
                ratio_max);
        missed = 1;
    }
}

/* The thread's own time: what other processes take from it is not the switch's cost. */
static uint64_t cpu_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median(double *values)
{
    qsort(values, BATCHES, sizeof(values[0]), compare);
    return values[BATCHES / 2];
}

static troupe_status do_nothing(void *arg)
{
    (void)arg;
    return TROUPE_OK;
}

/* ---- swapcontext ----------------------------------------------------------------------------- */

static ucontext_t main_context, other_context;
static char other_stack[64 * 1024] __attribute__((aligned(16)));

static void swap_for_ever(void)
{
    for (;;)
        swapcontext(&other_context, &main_context);
}

static void make_context(void (*fn)(void))
{
    getcontext(&other_context);
    other_context.uc_stack.ss_sp = other_stack;
    other_context.uc_stack.ss_size = sizeof(other_stack);
    other_context.uc_link = NULL;
    makecontext(&other_context, fn, 0);
}

static double ucontext_switch_ns(void)
{
    uint64_t begun = cpu_ns();

    for (int i = 0; i < SWITCHES / 10; i++)
        swapcontext(&main_context, &other_context);
    return (double)(cpu_ns() - begun) / (SWITCHES / 10 * 2.0);
}

static void run_once(void)
{
    (void)do_nothing(NULL);
    swapcontext(&other_context, &main_context);
}

static double ucontext_spawn_ns(void)
{
    uint64_t begun = cpu_ns();

    for (int i = 0; i < SPAWNS / 10; i++) {
        make_context(run_once);
        swapcontext(&main_context, &other_context);
    }
    return (double)(cpu_ns() - begun) / (SPAWNS / 10.0);
}

/* ---- ours ------------------------------------------------------------------------------------ */

static struct co *partner;

static troupe_status switch_for_ever(void *arg)
{
    struct loop *loop = arg;

    for (;;)
        fiber_switch(&partner->fiber, &loop->fiber, false, NULL);
    return TROUPE_OK;
}

static double switch_ns(struct loop *loop)
{
    uint64_t begun = cpu_ns();

    for (int i = 0; i < SWITCHES; i++)
        fiber_switch(&loop->fiber, &partner->fiber, false, NULL);
    return (double)(cpu_ns() - begun) / (SWITCHES * 2.0);
}

static struct co *take(struct loop *loop, co_fn fn, void *arg)
{
    struct co *co;

    if (stacks_take(&loop->stacks, &co) != TROUPE_OK)
        die("no stack");
    co->loop = loop;
    co->fn = fn;
    co->arg = arg;
    return co;
}

static double spawn_ns(struct loop *loop)
{
    uint64_t begun = cpu_ns();

    for (int i = 0; i < SPAWNS; i++) {
        struct co *co = take(loop, do_nothing, NULL);

        co_enter(co);
        stacks_put(&loop->stacks, co);
    }
    return (double)(cpu_ns() - begun) / SPAWNS;
}

static const struct co_owner owner = {"bench", 0};

static void measure_primitives(struct loop *loop)
{
    double ours[BATCHES], theirs[BATCHES], spawn_ours[BATCHES], spawn_theirs[BATCHES];

    partner = take(loop, switch_for_ever, loop);
    co_enter(partner);
    for (int i = 0; i < BATCHES; i++) {
        make_context(swap_for_ever);
        theirs[i] = ucontext_switch_ns();
        ours[i] = switch_ns(loop);
        spawn_theirs[i] = ucontext_spawn_ns();
        spawn_ours[i] = spawn_ns(loop);
    }
    print("loop.switch", median(ours), "ns", median(theirs), SWITCH_RATIO_MAX);
    print("loop.spawn_from_pool", median(spawn_ours), "ns", median(spawn_theirs), SPAWN_RATIO_MAX);
    /* It never ends, so it may not go back to the pool. */
    partner->state = CO_ABANDONED;
}

/* ---- through the scheduler ------------------------------------------------------------------- */

struct whole {
    double spawn_ns, slice_ns;
};

static troupe_status pass_often(void *arg)
{
    for (int i = 0; i < 100; i++)
        if (co_pass() != TROUPE_OK)
            break;
    return arg ? TROUPE_FAILED : TROUPE_OK;
}

static troupe_status spawn_whole(void *arg)
{
    struct whole *whole = arg;
    double spawns[BATCHES], slices[BATCHES];

    for (int i = 0; i < BATCHES; i++) {
        uint64_t begun = cpu_ns();

        for (int k = 0; k < 200; k++) {
            SCOPE(scope, 0);

            for (int n = 0; n < 50; n++)
                if (co_spawn(&scope, NULL, do_nothing, NULL) != TROUPE_OK)
                    die("no coroutine");
        }
        spawns[i] = (double)(cpu_ns() - begun) / (200 * 50);
        begun = cpu_ns();
        {
            SCOPE(scope, 0);

            for (int n = 0; n < 64; n++)
                if (co_spawn(&scope, NULL, pass_often, NULL) != TROUPE_OK)
                    die("no coroutine");
        }
        slices[i] = (double)(cpu_ns() - begun) / (64 * 100);
    }
    whole->spawn_ns = median(spawns);
    whole->slice_ns = median(slices);
    return TROUPE_OK;
}

static double resident_mb(void)
{
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file || fscanf(file, "%lu %lu", &size, &resident) != 2)
        die("cannot read /proc/self/statm");
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static troupe_status sleep_long(void *arg)
{
    return co_sleep((uint64_t)(uintptr_t)arg);
}

static troupe_status gather(void *arg)
{
    double before = resident_mb();
    SCOPE(scope, 0);

    for (int i = 0; i < WAITING; i++)
        if (co_spawn(&scope, NULL, sleep_long, (void *)3600000) != TROUPE_OK)
            die("no coroutine");
    /* Until each of them has begun its wait. */
    while (loop_current()->ready_count > 0)
        co_pass();
    *(double *)arg = resident_mb() - before;
    scope_cancel(&scope, TROUPE_CANCELED);
    return TROUPE_OK;
}

static void ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

static void run(struct loop *loop, co_fn fn, void *arg)
{
    struct scope root;

    scope_open_root(loop, &root, 0, ended);
    if (co_spawn(&root, &owner, fn, arg) != TROUPE_OK)
        die("no coroutine");
    loop_run(loop);
    (void)scope_close(&root);
}

static struct loop *make_loop(void)
{
    const struct loop_options options = {.max_coroutines = WAITING + 1};
    struct error err;
    struct loop *loop;

    if (loop_new(&options, &loop, &err) != TROUPE_OK)
        die(err.text);
    return loop;
}

int main(void)
{
    struct loop *loop = make_loop();
    struct whole whole;
    double waiting_mb;

    run(loop, gather, &waiting_mb);
    loop_free(loop);
    loop = make_loop();
    measure_primitives(loop);
    run(loop, spawn_whole, &whole);
    print("loop.waiting_10000", waiting_mb, "MB", RSS_MAX_MB, 1.0);
    printf("bench loop.co_spawn_whole %.2f ns\n", whole.spawn_ns);
    printf("bench loop.slice_64_ready %.2f ns\n", whole.slice_ns);
    loop_free(loop);
    return missed ? EXIT_FAILURE : EXIT_SUCCESS;
}
