/* SPDX-License-Identifier: Apache-2.0
 *
 * Every call that waits, against a cancellation that comes before it, while it waits, between its
 * wake and its next slice, and after it has returned.
 */
#include "loop_fixture.h"

#include "base/mem.h"
#include "loop/chan.h"
#include "loop/internal.h"
#include "loop/op.h"
#include "loop/pool.h"

#include <pthread.h>

enum moment { BEFORE, WAITING, READY, AFTER, MOMENTS };
static const char *const moment_names[] = {"before", "while waiting", "while ready", "after"};

struct victim {
    const struct wait_case *wait;
    struct co *co;
    struct scope *scope;
    uint64_t sleep_ms;
    unsigned returned; /* how many calls have come back */
    troupe_status first, second;
    struct op *pending; /* to be completed by `satisfy` or by the victim afterwards */
    struct chan *empty, *full;
    struct pool *pool;
    struct scope fillers; /* hold the last places, for co_spawn_wait */
    struct op *filler_may_end;
};

struct wait_case {
    const char *name;
    troupe_status (*call)(struct victim *victim);
    void (*satisfy)(struct victim *victim);
    bool never_waits; /* is ready at once: no moment WAITING */
};

/* ---- the calls ------------------------------------------------------------------------------- */

static troupe_status call_sleep(struct victim *victim)
{
    return co_sleep(victim->sleep_ms);
}

static troupe_status call_pass(struct victim *victim)
{
    (void)victim;
    return co_pass();
}

static void satisfy_itself(struct victim *victim)
{
    (void)victim;
}

static void settle_op(struct victim *victim)
{
    if (victim->pending)
        op_complete(victim->pending, TROUPE_OK, NULL);
    victim->pending = NULL;
}

static troupe_status call_op_wait(struct victim *victim)
{
    _cleanup_op_ struct op *op = op_new(loop_current(), NULL);
    troupe_status status;

    victim->pending = op;
    status = op_wait(op, 0, NULL);
    settle_op(victim);
    return status;
}

static troupe_status call_op_wait_any(struct victim *victim)
{
    _cleanup_op_ struct op *never = op_new(loop_current(), NULL);
    _cleanup_op_ struct op *op = op_new(loop_current(), NULL);
    struct op *ops[] = {never, op};
    troupe_status status;
    size_t which = 99;

    victim->pending = op;
    status = op_wait_any(ops, 2, 0, &which);
    assert_int_equal(which, status == TROUPE_OK ? 1 : 99);
    settle_op(victim);
    op_complete(never, TROUPE_FAILED, NULL);
    return status;
}

static int item;

static troupe_status call_recv(struct victim *victim)
{
    void *got;

    return chan_recv(victim->empty, 0, &got);
}

static void satisfy_recv(struct victim *victim)
{
    assert_status(chan_try_send(victim->empty, &item), TROUPE_OK);
}

static troupe_status call_send(struct victim *victim)
{
    return chan_send(victim->full, &item, 0);
}

static void satisfy_send(struct victim *victim)
{
    void *got;

    assert_status(chan_recv(victim->full, 0, &got), TROUPE_OK);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static troupe_status pass_gate(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return TROUPE_OK;
}

static troupe_status call_pool_run(struct victim *victim)
{
    return pool_run(victim->pool, pass_gate, NULL, NULL, 0);
}

static void satisfy_pool_run(struct victim *victim)
{
    (void)victim;
    pthread_mutex_unlock(&gate);
}

static troupe_status do_nothing(void *arg)
{
    (void)arg;
    return TROUPE_OK;
}

static troupe_status call_spawn_wait(struct victim *victim)
{
    return co_spawn_wait(victim->scope, NULL, do_nothing, NULL, 0);
}

static troupe_status fill(void *arg)
{
    struct victim *victim = arg;

    return op_wait(victim->filler_may_end, 0, NULL);
}

static void satisfy_spawn_wait(struct victim *victim)
{
    op_complete(victim->filler_may_end, TROUPE_OK, NULL);
}

static const struct wait_case wait_cases[] = {
    {"co_sleep", call_sleep, satisfy_itself, false},
    {"co_pass", call_pass, satisfy_itself, true},
    {"op_wait", call_op_wait, settle_op, false},
    {"op_wait_any", call_op_wait_any, settle_op, false},
    {"chan_recv", call_recv, satisfy_recv, false},
    {"chan_send", call_send, satisfy_send, false},
    {"pool_run", call_pool_run, satisfy_pool_run, false},
    {"co_spawn_wait", call_spawn_wait, satisfy_spawn_wait, false},
};

/* ---- the procedure --------------------------------------------------------------------------- */

static troupe_status be_victim(void *arg)
{
    struct victim *victim = arg;

    victim->co = co_self();
    victim->first = victim->wait->call(victim);
    victim->returned++;
    while (co_status() == TROUPE_OK)
        co_pass();
    victim->second = victim->wait->call(victim);
    victim->returned++;
    assert_int_equal(co_calls_after_cancel(NULL) > 0, 1);
    return TROUPE_OK;
}

static void run_case(const struct wait_case *wait, enum moment moment, struct pool *pool)
{
    struct loop *loop = loop_current();
    struct victim victim = {.wait = wait, .pool = pool, .first = 1, .second = 1};

    bool spawning = wait->call == call_spawn_wait, working = wait->call == call_pool_run;
    struct scope scope;

    victim.sleep_ms = moment == WAITING ? 3600000 : 5;
    victim.empty = chan_new(loop, 1, NULL);
    victim.full = chan_new(loop, 1, NULL);
    assert_status(chan_try_send(victim.full, &item), TROUPE_OK);
    victim.scope = &scope;
    scope_open(&scope, 0);
    scope_open(&victim.fillers, 0);
    assert_status(co_spawn(&scope, NULL, be_victim, &victim), TROUPE_OK);
    victim.filler_may_end = op_new(loop, NULL);
    if (spawning) /* the controller, the victim, the filler: that is all this loop takes */
        assert_status(co_spawn(&victim.fillers, NULL, fill, &victim), TROUPE_OK);
    if (working)
        pthread_mutex_lock(&gate);

    if (moment == BEFORE) {
        scope_cancel(&scope, TROUPE_CANCELED);
    } else {
        while (!victim.co)
            co_pass();
        if (moment != WAITING) {
            wait->satisfy(&victim);
            /* This coroutine is queued before whatever wakes the victim. */
            while (victim.co->state == CO_WAITING)
                co_pass();
            assert_int_equal(victim.co->state, CO_READY);
            while (moment == AFTER && victim.returned == 0)
                co_pass();
        } else if (!wait->never_waits) {
            assert_int_equal(victim.co->state, CO_WAITING);
        }
        scope_cancel(&scope, TROUPE_CANCELED);
    }
    assert_status(scope_close(&scope), TROUPE_OK);
    if (working && (moment == BEFORE || moment == WAITING))
        pthread_mutex_unlock(&gate);
    if (spawning && (moment == BEFORE || moment == WAITING))
        op_complete(victim.filler_may_end, TROUPE_OK, NULL);
    else if (!spawning)
        op_complete(victim.filler_may_end, TROUPE_OK, NULL);
    assert_status(scope_close(&victim.fillers), TROUPE_OK);
    op_drop(victim.filler_may_end);

    if (victim.first != (moment == BEFORE || (moment == WAITING && !wait->never_waits)
                             ? TROUPE_CANCELED
                             : TROUPE_OK))
        fail_msg("%s, cancelled %s, returned %s", wait->name, moment_names[moment],
                 status_name(victim.first));
    if (victim.second != TROUPE_CANCELED || victim.returned != 2)
        fail_msg("%s again after being cancelled %s returned %s", wait->name, moment_names[moment],
                 status_name(victim.second));
    chan_unref(victim.empty);
    chan_unref(victim.full);
}

static troupe_status run_all(void *arg)
{
    for (size_t i = 0; i < sizeof(wait_cases) / sizeof(wait_cases[0]); i++)
        for (enum moment moment = BEFORE; moment < MOMENTS; moment++)
            run_case(&wait_cases[i], moment, arg);
    return TROUPE_OK;
}

static void cancellation_is_sticky_and_a_result_in_hand_wins(void **state)
{
    const struct loop_options options = {.max_coroutines = 3};
    struct loop *loop = fixture_new(&options);
    struct pool *pool = NULL;

    (void)state;
    assert_status(pool_new(loop, 2, 8, &pool, NULL), TROUPE_OK);
    assert_status(fixture_run(loop, run_all, pool), TROUPE_OK);
    pool_free(pool);
    fixture_free(loop);
}

/* ---- deadlines and shields ------------------------------------------------------------------- */

static troupe_status wait_for_ever(void *arg)
{
    SCOPE(scope, 0);

    if (arg)
        assert_status(co_spawn(&scope, NULL, wait_for_ever, NULL), TROUPE_OK);
    assert_status(co_sleep(3600000), TROUPE_DEADLINE);
    assert_status(co_pass(), TROUPE_DEADLINE);
    assert_status(scope_close(&scope), arg ? TROUPE_DEADLINE : TROUPE_OK);
    return TROUPE_DEADLINE;
}

static troupe_status with_deadline(void *arg)
{
    uint64_t before = loop_now(loop_current());
    SCOPE(scope, co_after(10));

    (void)arg;
    assert_status(co_spawn(&scope, NULL, wait_for_ever, &scope), TROUPE_OK);
    assert_status(scope_close(&scope), TROUPE_DEADLINE);
    assert_true(loop_now(loop_current()) >= before + 10);
    assert_status(co_status(), TROUPE_OK);
    {
        _cleanup_op_ struct op *op = op_new(loop_current(), mem_free);

        assert_status(op_wait(op, co_after(2), NULL), TROUPE_DEADLINE);
        assert_false(op_is_complete(op));
        op_complete(op, TROUPE_OK, mem_strdup("late"));
        assert_true(op_is_complete(op));
    }
    return TROUPE_OK;
}

static void a_scopes_deadline_ends_its_subtree(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    assert_status(fixture_run(loop, with_deadline, NULL), TROUPE_OK);
    fixture_free(loop);
}

static troupe_status clean_up_shielded(void *arg)
{
    struct loop *loop = loop_current();
    uint64_t begun;

    (void)arg;
    assert_status(co_sleep(3600000), TROUPE_CANCELED);
    assert_int_equal(co_calls_after_cancel(NULL), 0);
    co_shield(50);
    co_shield(1); /* changes nothing */
    assert_status(co_sleep(5), TROUPE_OK);
    co_unshield();
    assert_status(co_sleep(5), TROUPE_OK);
    assert_status(co_pass(), TROUPE_OK);
    co_unshield();
    assert_status(co_sleep(5), TROUPE_CANCELED);
    /* A shield's time is bounded, also for a wait that began in time. */
    begun = loop_now(loop);
    co_shield(10);
    assert_status(co_sleep(3600000), TROUPE_CANCELED);
    assert_true(loop_now(loop) >= begun + 10);
    assert_status(co_sleep(1), TROUPE_CANCELED);
    co_unshield();
    assert_int_equal(co_calls_after_cancel(NULL), 2);
    return TROUPE_OK;
}

/* The cancellation comes while the shielded wait is under way. */
static troupe_status shielded_meanwhile(void *arg)
{
    bool *waiting = arg;
    uint64_t begun = loop_now(loop_current());

    co_shield(20);
    *waiting = true;
    assert_status(co_sleep(3600000), TROUPE_CANCELED);
    assert_true(loop_now(loop_current()) >= begun + 20);
    co_unshield();
    return TROUPE_OK;
}

static troupe_status cancel_shielded(void *arg)
{
    bool waiting = false;
    struct scope scope;

    (void)arg;
    scope_open(&scope, 0);
    assert_status(co_spawn(&scope, NULL, clean_up_shielded, NULL), TROUPE_OK);
    assert_status(co_spawn(&scope, NULL, shielded_meanwhile, &waiting), TROUPE_OK);
    while (!waiting)
        co_pass();
    scope_cancel(&scope, TROUPE_CANCELED);
    scope_cancel(&scope, TROUPE_DEADLINE); /* too late to change the reason */
    return scope_close(&scope);
}

static void a_shield_lets_clean_up_wait_for_a_bounded_time(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    assert_status(fixture_run(loop, cancel_shielded, NULL), TROUPE_OK);
    fixture_free(loop);
}

/* ---- a coroutine that does not listen -------------------------------------------------------- */

struct stubborn {
    struct co *self;
    struct op *op;
    unsigned children_ended;
};

static troupe_status child_of_stubborn(void *arg)
{
    struct stubborn *stubborn = arg;

    assert_status(co_sleep(3600000), TROUPE_CANCELED);
    stubborn->children_ended++;
    return TROUPE_CANCELED;
}

static troupe_status be_stubborn(void *arg)
{
    struct stubborn *stubborn = arg;
    SCOPE(scope, loop_now(loop_current()) + 3600000);

    stubborn->self = co_self();
    assert_status(co_spawn(&scope, NULL, child_of_stubborn, stubborn), TROUPE_OK);
    (void)op_wait(stubborn->op, 0, NULL);
    fail_msg("an abandoned coroutine was resumed");
    return TROUPE_OK;
}

static troupe_status abandon_one(void *arg)
{
    struct stubborn stubborn = {.op = op_new(loop_current(), NULL)};
    struct loop_stats stats;
    struct scope scope;

    (void)arg;
    scope_open(&scope, 0);
    assert_status(co_spawn(&scope, NULL, be_stubborn, &stubborn), TROUPE_OK);
    while (!stubborn.self || stubborn.self->state != CO_WAITING)
        co_pass();
    co_abandon(stubborn.self);
    assert_int_equal(scope.live, 0);
    op_complete(stubborn.op, TROUPE_OK, NULL); /* wakes nobody */
    op_drop(stubborn.op);
    assert_status(scope_close(&scope), TROUPE_CRASHED);
    while (stubborn.children_ended == 0)
        co_pass();
    co_pass();
    loop_stats(loop_current(), &stats);
    assert_int_equal(stats.coroutines, 1);
    return TROUPE_OK;
}

static void an_abandoned_coroutine_never_runs_again(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    assert_status(fixture_run(loop, abandon_one, NULL), TROUPE_OK);
    /* Its stack is not used again, and its neighbours' work. */
    assert_status(fixture_run(loop, do_nothing, NULL), TROUPE_OK);
    assert_int_equal(loop->stacks.used, 1);
    fixture_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancellation_is_sticky_and_a_result_in_hand_wins),
        cmocka_unit_test(a_scopes_deadline_ends_its_subtree),
        cmocka_unit_test(a_shield_lets_clean_up_wait_for_a_bounded_time),
        cmocka_unit_test(an_abandoned_coroutine_never_runs_again),
    };

    return cmocka_run_group_tests_name("cancellation", tests, NULL, NULL);
}
