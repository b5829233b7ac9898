/* SPDX-License-Identifier: Apache-2.0
 *
 * Random trees of scopes, the pool of stacks at its limits, and the rules that end the process.
 */
#include "loop_fixture.h"

#include "base/mem.h"
#include "child.h"
#include "loop/internal.h"
#include "loop/op.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- random trees ---------------------------------------------------------------------------- */

#define TREE_DEPTH 6

struct forest {
    uint64_t random;
    size_t started, ended, refused;
    struct scope *scopes[4]; /* some that are open, to be cancelled at random */
};

static uint64_t draw(struct forest *forest, uint64_t below)
{
    /* xorshift64: the run is repeatable from its seed */
    forest->random ^= forest->random << 13;
    forest->random ^= forest->random >> 7;
    forest->random ^= forest->random << 17;
    return forest->random % below;
}

struct node {
    struct forest *forest;
    unsigned depth;
};

static troupe_status grow(void *arg);

static troupe_status wait_somehow(struct forest *forest)
{
    struct op *op;
    troupe_status status;

    switch (draw(forest, 5)) {
    case 0: return co_sleep(draw(forest, 4));
    case 1: return co_pass();
    case 2:
        op = op_new(loop_current(), mem_free);
        status = op_wait(op, co_after(draw(forest, 3)), NULL);
        op_complete(op, TROUPE_OK, mem_strdup("late"));
        op_drop(op);
        return status == TROUPE_DEADLINE ? TROUPE_OK : status;
    case 3:
        co_shield(2);
        status = co_sleep(1);
        co_unshield();
        return status;
    default: return TROUPE_OK;
    }
}

static void spawn_child(struct forest *forest, struct scope *scope, unsigned depth)
{
    struct node *child = mem_zero(1, sizeof(*child));
    troupe_status status;

    child->forest = forest;
    child->depth = depth;
    if (draw(forest, 2))
        status = co_spawn(scope, NULL, grow, child);
    else
        status = co_spawn_wait(scope, NULL, grow, child, co_after(5));
    if (status == TROUPE_OK) {
        forest->started++;
    } else {
        forest->refused++;
        mem_free(child);
    }
}

static troupe_status grow(void *arg)
{
    struct node node = *(struct node *)arg;
    struct forest *forest = node.forest;
    size_t place = draw(forest, 4);
    bool fails = draw(forest, 5) == 0, listed = false;
    struct scope scope;

    mem_free(arg);
    scope_open(&scope, draw(forest, 3) ? 0 : co_after(draw(forest, 8)));
    if (!forest->scopes[place]) {
        forest->scopes[place] = &scope;
        listed = true;
    }
    if (node.depth < TREE_DEPTH)
        for (uint64_t i = draw(forest, 4); i > 0; i--)
            spawn_child(forest, &scope, node.depth + 1);
    for (uint64_t i = draw(forest, 4); i > 0; i--)
        if (wait_somehow(forest) != TROUPE_OK)
            break;
    if (draw(forest, 6) == 0 && forest->scopes[draw(forest, 4)]) {
        place = draw(forest, 4);
        if (forest->scopes[place])
            scope_cancel(forest->scopes[place], TROUPE_CANCELED);
    }
    (void)scope_close(&scope);
    if (listed)
        for (size_t i = 0; i < 4; i++)
            if (forest->scopes[i] == &scope)
                forest->scopes[i] = NULL;
    forest->ended++;
    return fails ? TROUPE_FAILED : co_status();
}

static troupe_status plant(void *arg)
{
    struct forest *forest = arg;
    SCOPE(scope, 0);

    for (int i = 0; i < 8; i++)
        spawn_child(forest, &scope, 0);
    return scope_close(&scope);
}

static void random_trees_are_joined_whole(void **state)
{
    const char *text = getenv("TROUPE_TEST_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)uv_hrtime();
    const struct loop_options options = {.max_coroutines = 60};
    struct loop *loop = fixture_new(&options);

    (void)state;
    print_message("# seed %llu (TROUPE_TEST_SEED repeats it)\n", (unsigned long long)seed);
    for (int i = 0; i < 30; i++) {
        struct forest forest = {.random = (seed + (uint64_t)i) | 1};

        (void)fixture_run(loop, plant, &forest);
        assert_int_equal(forest.started, forest.ended);
        assert_int_equal(loop->live, 0);
        assert_int_equal(loop->stacks.used, 0);
        assert_int_equal(loop->ready_count, 0);
        assert_true(list_empty(&loop->spawn_waiters));
    }
    fixture_free(loop);
}

static troupe_status fail_with(void *arg)
{
    co_pass();
    return (troupe_status)(intptr_t)arg;
}

static troupe_status report_failures(void *arg)
{
    SCOPE(scope, 0);

    (void)arg;
    assert_status(co_spawn(&scope, NULL, fail_with, (void *)(intptr_t)TROUPE_DONE), TROUPE_OK);
    assert_status(co_spawn(&scope, NULL, fail_with, (void *)(intptr_t)TROUPE_DATA), TROUPE_OK);
    assert_status(co_spawn(&scope, NULL, fail_with, (void *)(intptr_t)TROUPE_IO), TROUPE_OK);
    return scope_close(&scope);
}

static void a_scope_reports_its_first_failure(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    assert_status(fixture_run(loop, report_failures, NULL), TROUPE_DATA);
    fixture_free(loop);
}

/* Each level is a coroutine with a scope for the next one. */
static troupe_status nest(void *arg)
{
    uintptr_t left = (uintptr_t)arg;
    SCOPE(scope, 0);

    if (left == 0)
        scope_cancel(co_local(), TROUPE_CANCELED);
    else
        assert_status(co_spawn(&scope, NULL, nest, (void *)(left - 1)), TROUPE_OK);
    assert_status(scope_close(&scope), left ? TROUPE_CANCELED : TROUPE_OK);
    return co_sleep(1);
}

static troupe_status nest_deeply(void *arg)
{
    SCOPE(scope, 0);

    (void)arg;
    co_set_local(&scope);
    assert_status(co_spawn(&scope, NULL, nest, (void *)1000), TROUPE_OK);
    assert_status(scope_close(&scope), TROUPE_CANCELED);
    return TROUPE_OK;
}

static void cancelling_a_deep_tree_needs_no_deep_stack(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    assert_status(fixture_run(loop, nest_deeply, NULL), TROUPE_OK);
    fixture_free(loop);
}

/* ---- the pool of stacks ---------------------------------------------------------------------- */

struct crowd {
    struct loop *loop;
    size_t wanted, spawned;
    struct scope scope;
    troupe_status refusal;
};

static troupe_status park(void *arg)
{
    (void)arg;
    assert_status(co_sleep(3600000), TROUPE_CANCELED);
    return TROUPE_OK;
}

static troupe_status gather(void *arg)
{
    struct crowd *crowd = arg;

    scope_open(&crowd->scope, 0);
    while (crowd->spawned < crowd->wanted) {
        crowd->refusal = co_spawn(&crowd->scope, NULL, park, NULL);
        if (crowd->refusal != TROUPE_OK)
            break;
        crowd->spawned++;
        if (crowd->spawned % 100 == 0)
            co_pass();
    }
    co_pass();
    scope_cancel(&crowd->scope, TROUPE_CANCELED);
    return scope_close(&crowd->scope);
}

static void ten_thousand_wait_and_the_cap_is_obeyed(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct crowd crowd = {.loop = loop, .wanted = 20000};
    struct loop_stats stats;

    (void)state;
    loop_stats(loop, &stats);
    assert_status(fixture_run(loop, gather, &crowd), TROUPE_OK);
    assert_status(crowd.refusal, TROUPE_LIMIT);
    assert_int_equal(crowd.spawned + 1, stats.coroutines_max);
    loop_stats(loop, &stats);
    assert_int_equal(stats.stacks_pooled, stats.coroutines_max);
    /* All but the hot ones lose their pages, and can be used again. */
    while (stacks_trim(&loop->stacks))
        ;
    assert_int_equal(loop->stacks.hot_count, STACK_HOT_MAX);
    crowd = (struct crowd){.loop = loop, .wanted = STACK_HOT_MAX * 2};
    assert_status(fixture_run(loop, gather, &crowd), TROUPE_OK);
    assert_int_equal(crowd.spawned, STACK_HOT_MAX * 2);
    fixture_free(loop);
}

/* What fails is the n-th system call that makes a stack, for each n of the first slab and more. */
static void a_failed_mapping_is_a_status(void **state)
{
    (void)state;
    for (long n = 2; n < 140; n += n < 10 ? 1 : 13) {
        struct loop *loop = fixture_new(NULL);
        struct crowd crowd = {.loop = loop, .wanted = 200};

        loop->stacks.fail_in = n + 1; /* fixture_run's own coroutine makes the first two calls */
        assert_status(fixture_run(loop, gather, &crowd), TROUPE_OK);
        assert_status(crowd.refusal, TROUPE_NOMEM);
        assert_true(crowd.spawned < 200);
        crowd = (struct crowd){.loop = loop, .wanted = 200};
        assert_status(fixture_run(loop, gather, &crowd), TROUPE_OK);
        assert_int_equal(crowd.spawned, 200);
        fixture_free(loop);
    }
}

static troupe_status count_up(void *arg)
{
    ++*(size_t *)arg;
    return co_pass();
}

static troupe_status spawn_in_turn(void *arg)
{
    SCOPE(scope, 0);

    for (int i = 0; i < 50; i++) {
        if (i % 7 == 3)
            loop_current()->stacks.fail_in = 1;
        assert_status(co_spawn_wait(&scope, NULL, count_up, arg, 0), TROUPE_OK);
    }
    loop_current()->stacks.fail_in = 0;
    return scope_close(&scope);
}

static void over_the_cap_spawning_waits_its_turn(void **state)
{
    const struct loop_options options = {.max_coroutines = 4};
    struct loop *loop = fixture_new(&options);
    size_t count = 0;

    (void)state;
    assert_status(fixture_run(loop, spawn_in_turn, &count), TROUPE_OK);
    assert_int_equal(count, 50);
    fixture_free(loop);
}

/* ---- rules that end the process -------------------------------------------------------------- */

static troupe_status run_loop_inside(void *arg)
{
    (void)arg;
    co_pass();
    uv_run(loop_uv(loop_current()), UV_RUN_NOWAIT);
    return TROUPE_OK;
}

static void child_runs_loop_inside(void)
{
    (void)fixture_run(fixture_new(NULL), run_loop_inside, NULL);
}

static void wait_on_loop_stack(void *arg)
{
    (void)arg;
    co_pass();
}

static troupe_status hop_and_wait(void *arg)
{
    co_on_loop_stack(wait_on_loop_stack, arg);
    return TROUPE_OK;
}

static void child_waits_on_loop_stack(void)
{
    (void)fixture_run(fixture_new(NULL), hop_and_wait, NULL);
}

static void child_waits_outside(void)
{
    struct loop *loop = fixture_new(NULL);

    (void)loop;
    co_sleep(1);
}

static troupe_status fork_inside(void *arg)
{
    (void)arg;
    if (fork() == 0) {
        co_pass(); /* would answer the turn a second time */
        _exit(0);
    }
    return TROUPE_OK;
}

static void child_forks(void)
{
    (void)fixture_run(fixture_new(NULL), fork_inside, NULL);
    _exit(0);
}

static void broken_rules_are_named(void **state)
{
    static const struct {
        void (*run)(void);
        const char *text;
    } cases[] = {
        {child_runs_loop_inside, "uv_run was called inside a coroutine (running: test, turn 1)"},
        {child_waits_on_loop_stack, "made inside co_on_loop_stack (running: test, turn 1)"},
        {child_waits_outside, "outside a coroutine (running: no coroutine, turn 0)"},
        {child_forks, "forked child: only exec or _exit there (running: test, turn 1)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct child child;

        child_run(&child, cases[i].run);
        if (!strstr(child.output, cases[i].text))
            fail_msg("expected \"%s\" in: %s", cases[i].text, child.output);
        child_clear(&child);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_trees_are_joined_whole),
        cmocka_unit_test(a_scope_reports_its_first_failure),
        cmocka_unit_test(cancelling_a_deep_tree_needs_no_deep_stack),
        cmocka_unit_test(ten_thousand_wait_and_the_cap_is_obeyed),
        cmocka_unit_test(a_failed_mapping_is_a_status),
        cmocka_unit_test(over_the_cap_spawning_waits_its_turn),
        cmocka_unit_test(broken_rules_are_named),
    };

    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
