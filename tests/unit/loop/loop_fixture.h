/* SPDX-License-Identifier: Apache-2.0
 *
 * A loop for a test: `fixture_run` starts one coroutine in a root scope and runs the loop until it
 * has ended.
 */
#ifndef TESTS_LOOP_FIXTURE_H
#define TESTS_LOOP_FIXTURE_H

#include "tap.h"

#include "loop/loop.h"
#include "loop/scope.h"

static inline struct loop *fixture_new(const struct loop_options *options)
{
    struct loop *loop = NULL;
    struct error err = {0};

    if (loop_new(options, &loop, &err) != TROUPE_OK)
        fail_msg("loop_new: %s", err.text);
    return loop;
}

static inline void fixture_ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

static inline troupe_status fixture_run(struct loop *loop, co_fn fn, void *arg)
{
    const struct co_owner owner = {"test", 1};
    struct scope root;

    scope_open_root(loop, &root, 0, fixture_ended);
    assert_status(co_spawn(&root, &owner, fn, arg), TROUPE_OK);
    loop_run(loop);
    return scope_close(&root);
}

static inline void fixture_free(struct loop *loop)
{
    struct loop_stats stats;

    loop_stats(loop, &stats);
    assert_int_equal(stats.coroutines, 0);
    loop_free(loop);
}

#endif
