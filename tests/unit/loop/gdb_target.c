/* SPDX-License-Identifier: Apache-2.0
 *
 * For gdb_test.sh: parks three coroutines in functions with telling names and stops for the
 * debugger, or with an argument dumps core.
 */
#include "loop/loop.h"
#include "loop/op.h"
#include "loop/scope.h"

#include <stdio.h>
#include <stdlib.h>

void all_are_parked(void);

__attribute__((noinline)) void all_are_parked(void)
{
    fputs("parked\n", stderr);
}

static __attribute__((noinline)) troupe_status fetch_the_weather(struct op *op, int station)
{
    troupe_status status = op_wait(op, 0, NULL);

    return station > 0 ? status : TROUPE_FAILED;
}

static troupe_status answer_weather(void *arg)
{
    troupe_status status = fetch_the_weather(arg, 7);

    return status == TROUPE_OK ? TROUPE_DONE : status;
}

static troupe_status sleep_long(void *arg)
{
    (void)arg;
    return co_sleep(3600000);
}

static troupe_status turn(void *arg)
{
    const struct co_owner weather = {"plugin:weather", 4711}, timer = {"plugin:timer", 4712};
    struct op *op = op_new(loop_current(), NULL);
    SCOPE(scope, 0);

    if (co_spawn(&scope, &weather, answer_weather, op) != TROUPE_OK ||
        co_spawn(&scope, &timer, sleep_long, NULL) != TROUPE_OK)
        return TROUPE_FAILED;
    co_pass();
    co_pass();
    all_are_parked();
    if (arg)
        abort();
    op_complete(op, TROUPE_OK, NULL);
    scope_cancel(&scope, TROUPE_CANCELED);
    (void)scope_close(&scope);
    op_drop(op);
    return TROUPE_OK;
}

static void ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

int main(int argc, char **argv)
{
    const struct co_owner owner = {"core:intake", 1};
    struct scope root;
    struct loop *loop;

    if (loop_new(NULL, &loop, NULL) != TROUPE_OK)
        return 1;
    scope_open_root(loop, &root, 0, ended);
    if (co_spawn(&root, &owner, turn, argc > 1 ? argv[1] : NULL) != TROUPE_OK)
        return 1;
    loop_run(loop);
    loop_free(loop);
    return 0;
}
