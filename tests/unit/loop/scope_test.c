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

/* ---- waiting for somebody else's scope -------------------------------------------------------- */

struct wake {
    struct scope *members;
    struct op *gate;
    unsigned waited, passed;
};

static troupe_status pass_gate(void *arg)
{
    struct wake *wake = arg;
    troupe_status status = op_wait(wake->gate, 0, NULL);

    wake->passed++;
    op_drop(wake->gate);
    return status;
}

static troupe_status wait_for_members(void *arg)
{
    struct wake *wake = arg;

    scope_wait(wake->members);
    wake->waited++;
    return co_status();
}

/* The scope is gone before those who waited for it go on. */
static troupe_status wait_together(void *arg)
{
    struct wake *wake = arg;
    struct scope waiters;

    wake->members = mem_zero(1, sizeof(*wake->members));
    wake->gate = op_new(loop_current(), NULL);
    scope_open(wake->members, 0);
    assert_status(co_spawn(wake->members, NULL, pass_gate, wake), TROUPE_OK);
    scope_open(&waiters, 0);
    for (int i = 0; i < 3; i++)
        assert_status(co_spawn(&waiters, NULL, wait_for_members, wake), TROUPE_OK);
    co_pass();
    scope_cancel(&waiters, TROUPE_CANCELED);
    co_pass();
    assert_int_equal(wake->waited, 0);
    assert_int_equal(wake->passed, 0);
    op_complete(wake->gate, TROUPE_OK, NULL);
    while (wake->members->live > 0)
        assert_status(co_pass(), TROUPE_OK);
    assert_true(list_empty(&wake->members->waiters));
    assert_status(scope_close(&waiters), TROUPE_CANCELED);
    scope_wait(wake->members); /* nobody lives: at once */
    assert_status(scope_close(wake->members), TROUPE_OK);
    mem_free(wake->members);
    return TROUPE_OK;
}

static void several_wait_for_a_scope_and_are_not_cut_short(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct wake wake = {0};

    (void)state;
    assert_status(fixture_run(loop, wait_together, &wake), TROUPE_OK);
    assert_int_equal(wake.waited, 3);
    assert_int_equal(wake.passed, 1);
    fixture_free(loop);
}

static troupe_status close_first(void *arg)
{
    struct wake *wake = arg;
    struct scope *members = mem_zero(1, sizeof(*members));

    scope_open(members, 0);
    wake->members = members;
    assert_status(co_spawn(members, NULL, pass_gate, wake), TROUPE_OK);
    assert_status(scope_close(members), TROUPE_OK);
    memset(members, 0xff, sizeof(*members));
    mem_free(members);
    return TROUPE_OK;
}

static troupe_status wait_beside_the_opener(void *arg)
{
    struct wake *wake = arg;
    SCOPE(scope, 0);

    wake->gate = op_new(loop_current(), NULL);
    assert_status(co_spawn(&scope, NULL, close_first, wake), TROUPE_OK);
    assert_status(co_spawn(&scope, NULL, wait_for_members, wake), TROUPE_OK);
    co_pass();
    op_complete(wake->gate, TROUPE_OK, NULL);
    return scope_close(&scope);
}

static void a_scope_may_be_gone_before_its_waiters_go_on(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct wake wake = {0};

    (void)state;
    assert_status(fixture_run(loop, wait_beside_the_opener, &wake), TROUPE_OK);
    assert_int_equal(wake.waited, 1);
    fixture_free(loop);
}

static struct co *only_member(struct scope *scope)
{
    assert_int_equal(scope->live, 1);
    return container_of(scope->members.next, struct co, member);
}

/* Once the member that is waited for is given up, and once one of those who wait. */
static troupe_status give_up(void *arg)
{
    struct wake *wake = arg;
    struct scope members, given_up;
    SCOPE(waiters, 0);

    wake->members = &members;
    wake->gate = op_new(loop_current(), NULL);
    scope_open(&members, 0);
    assert_status(co_spawn(&members, NULL, pass_gate, wake), TROUPE_OK);
    scope_open(&given_up, 0);
    assert_status(co_spawn(&given_up, NULL, wait_for_members, wake), TROUPE_OK);
    assert_status(co_spawn(&waiters, NULL, wait_for_members, wake), TROUPE_OK);
    co_pass();
    co_abandon(only_member(&given_up));
    co_pass();
    assert_int_equal(wake->waited, 0);
    co_abandon(only_member(&members));
    co_pass();
    assert_int_equal(wake->waited, 1);
    assert_status(scope_close(&given_up), TROUPE_CRASHED);
    assert_status(scope_close(&members), TROUPE_CRASHED);
    op_complete(wake->gate, TROUPE_OK, NULL);
    op_drop(wake->gate);
    return TROUPE_OK;
}

static void one_that_is_given_up_has_ended_for_who_waits(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct wake wake = {0};

    (void)state;
    assert_status(fixture_run(loop, give_up, &wake), TROUPE_OK);
    assert_int_equal(wake.passed, 0);
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

static troupe_status wait_for_itself(void *arg)
{
    (void)arg;
    scope_wait(co_self()->scope);
    return TROUPE_OK;
}

static void child_waits_for_itself(void)
{
    (void)fixture_run(fixture_new(NULL), wait_for_itself, NULL);
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
        {child_waits_for_itself, "end of its own scope (running: test, turn 1)"},
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
        cmocka_unit_test(several_wait_for_a_scope_and_are_not_cut_short),
        cmocka_unit_test(a_scope_may_be_gone_before_its_waiters_go_on),
        cmocka_unit_test(one_that_is_given_up_has_ended_for_who_waits),
        cmocka_unit_test(ten_thousand_wait_and_the_cap_is_obeyed),
        cmocka_unit_test(a_failed_mapping_is_a_status),
        cmocka_unit_test(over_the_cap_spawning_waits_its_turn),
        cmocka_unit_test(broken_rules_are_named),
    };

    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
