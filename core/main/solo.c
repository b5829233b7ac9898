/* SPDX-License-Identifier: Apache-2.0 */
#include "main/solo.h"

#include "loop/scope.h"
#include "net/http.h"
#include "ops/signals.h"

struct running {
    struct scope scope;
    const struct solo *task;
    struct ops_signals *signals;
};

static troupe_status task_main(void *arg)
{
    struct running *running = arg;

    running->task->run(running->scope.loop, running->task->arg);
    return TROUPE_OK;
}

static void ended(struct scope *scope)
{
    struct running *running = container_of(scope, struct running, scope);

    ops_signals_close(running->signals);
    running->signals = NULL;
    loop_stop(scope->loop);
}

static troupe_status run_on(struct loop *loop, const struct solo *task, struct error *err)
{
    static const struct co_owner owner = {.name = "core:task"};
    struct running running = {.task = task};
    troupe_status status = TROUPE_OK;

    if (task->signaled)
        status =
            ops_signals_open(loop, true, task->signaled, task->signal_arg, &running.signals, err);
    if (status < 0)
        return status;
    scope_open_root(loop, &running.scope, 0, ended);
    status = co_spawn(&running.scope, &owner, task_main, &running);
    if (status == TROUPE_OK)
        loop_run(loop);
    else
        error_set(err, status, "no coroutine can be started: %s", status_name(status));
    (void)scope_close(&running.scope);
    ops_signals_close(running.signals); /* where it never began */
    if (task->over)
        task->over(task->arg);
    return status;
}

troupe_status solo_run(const struct solo *task, struct error *err)
{
    struct loop *loop = NULL;
    troupe_status status = http_global_init(err);

    if (status < 0)
        return status;
    status = loop_new(NULL, &loop, err);
    if (status == TROUPE_OK) {
        status = run_on(loop, task, err);
        loop_free(loop);
    }
    http_global_cleanup();
    return status;
}
