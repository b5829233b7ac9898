/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking a moment before the loop sleeps: what is found is found without a poll's event, what is missed
 * is told, and nothing else waits for it.
 */
#include "loop_fixture.h"

#include "loop/co.h"
#include "loop/internal.h"
#include "loop/look.h"
#include "loop/op.h"

struct seeker {
    struct loop_look look;
    struct op *op;
    unsigned looks, found_at, missed;
    unsigned other_ran; /* of what was ready when it was first looked */
};

static unsigned slices; /* of the coroutine beside it */

static bool look(struct loop_look *look)
{
    struct seeker *seeker = container_of(look, struct seeker, look);

    if (!seeker->looks)
        seeker->other_ran = slices;
    if (++seeker->looks != seeker->found_at)
        return false;
    loop_look_stop(look);
    op_complete(seeker->op, TROUPE_DONE, NULL);
    return true;
}

static void missed(struct loop_look *look)
{
    struct seeker *seeker = container_of(look, struct seeker, look);

    seeker->missed++;
    op_complete(seeker->op, TROUPE_UNAVAILABLE, NULL);
}

static troupe_status seek(void *arg)
{
    struct seeker *seeker = arg;
    troupe_status status;

    seeker->op = op_new(loop_current(), NULL);
    loop_look_init(&seeker->look, look, missed);
    loop_look_start(loop_current(), &seeker->look);
    loop_look_start(loop_current(), &seeker->look);
    status = op_wait(seeker->op, 0, NULL);
    op_drop(seeker->op);
    return status;
}

static void what_is_found_wakes_its_coroutine(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct seeker seeker = {.found_at = 1}; /* the first look is always taken */

    (void)state;
    assert_status(fixture_run(loop, seek, &seeker), TROUPE_OK);
    assert_int_equal(seeker.looks, 1);
    assert_int_equal(seeker.missed, 0);
    assert_true(list_empty(&loop->looks));
    fixture_free(loop);
}

static void what_is_missed_is_told_once_and_not_looked_for_again(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct seeker seeker = {.found_at = 0};

    (void)state;
    fixture_run(loop, seek, &seeker);
    assert_true(seeker.looks > 0);
    assert_int_equal(seeker.missed, 1);
    assert_true(list_empty(&loop->looks));
    fixture_free(loop);
}

static troupe_status count_slices(void *arg)
{
    (void)arg;
    for (slices = 0; slices < 5; slices++)
        co_pass();
    return TROUPE_OK;
}

static troupe_status seek_beside(void *arg)
{
    const struct co_owner owner = {"test", 2};
    struct scope scope;

    scope_open(&scope, 0);
    assert_status(co_spawn(&scope, &owner, count_slices, NULL), TROUPE_OK);
    assert_status(co_spawn(&scope, &owner, seek, arg), TROUPE_OK);
    return scope_close(&scope);
}

static void nothing_that_is_ready_waits_for_a_look(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct seeker seeker = {.found_at = 1};

    (void)state;
    fixture_run(loop, seek_beside, &seeker);
    assert_int_equal(seeker.other_ran, 5);
    fixture_free(loop);
}

struct posted {
    struct loop_task task;
    struct op *op;
};

static void run_posted(struct loop_task *task)
{
    op_complete(container_of(task, struct posted, task)->op, TROUPE_OK, NULL);
}

/* Looks for ever, but posts at its first look what a thread would. */
struct poster {
    struct seeker seeker;
    struct posted posted;
    unsigned looks_at_post;
};

static bool look_and_post(struct loop_look *look)
{
    struct poster *poster = container_of(look, struct poster, seeker.look);

    if (++poster->seeker.looks == 1)
        loop_post(loop_current(), &poster->posted.task);
    return false;
}

static void note_looks(struct loop_look *look)
{
    container_of(look, struct poster, seeker.look)->seeker.missed++;
}

static troupe_status wait_for_post(void *arg)
{
    struct poster *poster = arg;
    troupe_status status;

    poster->posted.op = op_new(loop_current(), NULL);
    poster->posted.task.run = run_posted;
    loop_look_init(&poster->seeker.look, look_and_post, note_looks);
    loop_look_start(loop_current(), &poster->seeker.look);
    status = op_wait(poster->posted.op, 0, NULL);
    poster->looks_at_post = poster->seeker.looks;
    loop_look_stop(&poster->seeker.look);
    op_drop(poster->posted.op);
    return status;
}

static void what_threads_post_ends_the_looking(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct poster poster = {0};

    (void)state;
    assert_status(fixture_run(loop, wait_for_post, &poster), TROUPE_OK);
    assert_int_equal(poster.looks_at_post, 1);
    assert_int_equal(poster.seeker.missed, 0);
    fixture_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_wakes_its_coroutine),
        cmocka_unit_test(what_is_missed_is_told_once_and_not_looked_for_again),
        cmocka_unit_test(nothing_that_is_ready_waits_for_a_look),
        cmocka_unit_test(what_threads_post_ends_the_looking),
    };

    return cmocka_run_group_tests_name("look", tests, NULL, NULL);
}
