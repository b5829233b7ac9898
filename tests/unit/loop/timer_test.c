/* SPDX-License-Identifier: Apache-2.0
 *
 * A coroutine's timer runs on behind a wait that something else has ended, and behind the coroutine; so does a
 * scope's behind the scope.
 */
#include "loop_fixture.h"

#include "loop/chan.h"

#define SOON_MS  5
#define LATER_MS 20
#define NEVER_MS 3600000 /* the run would not end */
#define SCOPES   300     /* more than a loop keeps timers of */

/* A wait until `ms` that something ends at once. */
static void wait_in_vain(struct chan *chan, uint64_t ms)
{
    void *item = NULL;

    assert_status(chan_try_send(chan, chan), TROUPE_OK);
    assert_status(chan_recv(chan, co_after(ms), &item), TROUPE_OK);
}

static troupe_status send_once(void *arg)
{
    return chan_try_send(arg, arg);
}

/* The same, where it had to wait, and so its timer was started. */
static void wait_for_item(struct chan *chan, uint64_t ms)
{
    void *item = NULL;
    SCOPE(scope, 0);

    assert_status(co_spawn(&scope, NULL, send_once, chan), TROUPE_OK);
    assert_status(chan_recv(chan, co_after(ms), &item), TROUPE_OK);
    assert_status(scope_close(&scope), TROUPE_OK);
}

static troupe_status wait_longer(void *arg)
{
    struct chan *chan = chan_new(loop_current(), 1, NULL);
    uint64_t until;
    void *item;

    (void)arg;
    wait_in_vain(chan, SOON_MS);
    wait_for_item(chan, SOON_MS);
    until = co_after(LATER_MS);
    assert_status(chan_recv(chan, until, &item), TROUPE_DEADLINE);
    assert_true(loop_now(loop_current()) >= until);
    chan_unref(chan);
    return TROUPE_OK;
}

static troupe_status wait_shorter(void *arg)
{
    struct chan *chan = chan_new(loop_current(), 1, NULL);
    void *item;

    (void)arg;
    wait_for_item(chan, NEVER_MS);
    assert_status(chan_recv(chan, co_after(SOON_MS), &item), TROUPE_DEADLINE);
    wait_for_item(chan, NEVER_MS);
    assert_status(co_sleep(1), TROUPE_OK);
    chan_unref(chan);
    return TROUPE_OK;
}

/* The timer fires while the coroutine waits without a deadline. */
static troupe_status wait_without_end(void *arg)
{
    struct chan *chan = chan_new(loop_current(), 1, NULL);
    const uint64_t fired = co_after(SOON_MS);
    void *item = NULL;
    SCOPE(scope, 0);

    (void)arg;
    wait_for_item(chan, SOON_MS);
    assert_status(co_spawn(&scope, NULL, wait_longer, NULL), TROUPE_OK);
    assert_status(scope_close(&scope), TROUPE_OK); /* which takes longer */
    assert_true(loop_now(loop_current()) > fired);
    assert_status(chan_try_send(chan, chan), TROUPE_OK);
    assert_status(chan_recv(chan, 0, &item), TROUPE_OK);
    chan_unref(chan);
    return TROUPE_OK;
}

/* ---- behind the coroutine -------------------------------------------------------------------- */

struct user {
    uint64_t ms;
    const struct co *co;
};

/* Ends with its timer running. */
static troupe_status wait_then_end(void *arg)
{
    struct chan *chan = chan_new(loop_current(), 1, NULL);
    struct user *user = arg;

    user->co = co_self();
    wait_for_item(chan, user->ms);
    chan_unref(chan);
    return TROUPE_OK;
}

static troupe_status wait_on_same_stack(void *arg)
{
    struct chan *chan = chan_new(loop_current(), 1, NULL);
    const struct user *user = arg;
    const uint64_t until = co_after(user->ms);
    void *item;

    assert_ptr_equal(co_self(), user->co);
    assert_status(chan_recv(chan, until, &item), TROUPE_DEADLINE);
    assert_true(loop_now(loop_current()) >= until);
    chan_unref(chan);
    return TROUPE_OK;
}

static void one_after_the_other(uint64_t first_ms, uint64_t next_ms)
{
    struct user user = {.ms = first_ms};
    SCOPE(scope, 0);

    assert_status(co_spawn(&scope, NULL, wait_then_end, &user), TROUPE_OK);
    scope_wait(&scope);
    user.ms = next_ms;
    assert_status(co_spawn(&scope, NULL, wait_on_same_stack, &user), TROUPE_OK);
    assert_status(scope_close(&scope), TROUPE_OK);
}

static troupe_status use_stacks_again(void *arg)
{
    (void)arg;
    one_after_the_other(NEVER_MS, SOON_MS);
    one_after_the_other(SOON_MS, LATER_MS);
    return TROUPE_OK;
}

/* ---- scopes ---------------------------------------------------------------------------------- */

static troupe_status sleep_for(void *arg)
{
    const uint64_t *ms = arg;

    return co_sleep(*ms);
}

/* How the member of a scope with a deadline in `deadline_ms` ended that sleeps for `ms`. */
static troupe_status in_scope(uint64_t deadline_ms, uint64_t ms)
{
    SCOPE(scope, co_after(deadline_ms));

    assert_status(co_spawn(&scope, NULL, sleep_for, &ms), TROUPE_OK);
    return scope_close(&scope);
}

static troupe_status use_scopes_again(void *arg)
{
    (void)arg;
    assert_status(in_scope(NEVER_MS, 0), TROUPE_OK);
    assert_status(in_scope(SOON_MS, NEVER_MS), TROUPE_DEADLINE);
    assert_status(in_scope(LATER_MS, 0), TROUPE_OK);
    assert_status(in_scope(NEVER_MS, 2 * LATER_MS), TROUPE_OK); /* the timer fires meanwhile */
    assert_status(in_scope(LATER_MS, 0), TROUPE_OK);
    assert_status(in_scope(2 * LATER_MS, NEVER_MS), TROUPE_DEADLINE); /* and is started anew */
    return TROUPE_OK;
}

/* Nobody waits for the scope that the timer fires for. */
static troupe_status fire_at_rest(void *arg)
{
    (void)arg;
    assert_status(in_scope(SOON_MS, 0), TROUPE_OK);
    assert_status(co_sleep(2 * SOON_MS), TROUPE_OK);
    assert_status(in_scope(SOON_MS, NEVER_MS), TROUPE_DEADLINE);
    return TROUPE_OK;
}

static troupe_status open_many(void *arg)
{
    static struct scope scopes[SCOPES];

    (void)arg;
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < SCOPES; i++)
            scope_open(&scopes[i], co_after(NEVER_MS));
        for (size_t i = SCOPES; i > 0; i--)
            assert_status(scope_close(&scopes[i - 1]), TROUPE_OK);
    }
    return TROUPE_OK;
}

static void run(co_fn fn)
{
    struct loop *loop = fixture_new(NULL);

    assert_status(fixture_run(loop, fn, NULL), TROUPE_OK);
    fixture_free(loop);
}

static void a_later_deadline_is_waited_for(void **state)
{
    (void)state;
    run(wait_longer);
}

static void an_earlier_deadline_ends_the_wait(void **state)
{
    (void)state;
    run(wait_shorter);
}

static void an_old_timer_ends_no_wait_without_a_deadline(void **state)
{
    (void)state;
    run(wait_without_end);
}

static void the_next_on_a_stack_waits_for_its_own_deadline(void **state)
{
    (void)state;
    run(use_stacks_again);
}

static void the_next_scope_has_its_own_deadline(void **state)
{
    (void)state;
    run(use_scopes_again);
}

static void a_timer_at_rest_ends_nothing(void **state)
{
    (void)state;
    run(fire_at_rest);
}

static void more_scopes_than_timers_are_kept(void **state)
{
    (void)state;
    run(open_many);
}

static troupe_status leave_timer(void *arg)
{
    struct user user = {.ms = NEVER_MS};

    (void)arg;
    return wait_then_end(&user);
}

static void the_loop_ends_with_its_coroutines(void **state)
{
    (void)state;
    run(leave_timer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_deadline_is_waited_for),
        cmocka_unit_test(an_earlier_deadline_ends_the_wait),
        cmocka_unit_test(an_old_timer_ends_no_wait_without_a_deadline),
        cmocka_unit_test(the_next_on_a_stack_waits_for_its_own_deadline),
        cmocka_unit_test(the_next_scope_has_its_own_deadline),
        cmocka_unit_test(a_timer_at_rest_ends_nothing),
        cmocka_unit_test(more_scopes_than_timers_are_kept),
        cmocka_unit_test(the_loop_ends_with_its_coroutines),
    };

    return cmocka_run_group_tests_name("timers of coroutines", tests, NULL, NULL);
}
