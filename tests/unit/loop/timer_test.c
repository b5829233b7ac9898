/* SPDX-License-Identifier: Apache-2.0
 *
 * A coroutine's timer runs on behind a wait that something else has ended.
 */
#include "loop_fixture.h"

#include "loop/chan.h"

#define SOON_MS  5
#define LATER_MS 20
#define NEVER_MS 3600000 /* the run would not end */

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

/* The next user of its stack begins without a timer. */
static troupe_status wait_then_end(void *arg)
{
    struct chan *chan = chan_new(loop_current(), 1, NULL);

    (void)arg;
    wait_for_item(chan, NEVER_MS);
    chan_unref(chan);
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

static void the_loop_ends_with_its_coroutines(void **state)
{
    (void)state;
    run(wait_then_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_deadline_is_waited_for),
        cmocka_unit_test(an_earlier_deadline_ends_the_wait),
        cmocka_unit_test(an_old_timer_ends_no_wait_without_a_deadline),
        cmocka_unit_test(the_loop_ends_with_its_coroutines),
    };

    return cmocka_run_group_tests_name("timers of coroutines", tests, NULL, NULL);
}
