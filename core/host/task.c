/* SPDX-License-Identifier: Apache-2.0
 *
 * Children: coroutines that run beside the stage or function that started them, each with a frame and
 * a path of its own.
 */
#include "host/host_table.h"

#include "base/mem.h"
#include "turn/call.h"
#include "turn/engine_private.h"
#include "turn/wait.h"

#include <string.h>

#define TASKS_MAX 64

/* Lives on its parent's frame. */
struct troupe_task {
    struct turn_resource resource;
    struct turn_frame frame;
    struct turn_frame *parent;
    struct scope scope;
    troupe_task_fn fn;
    void *arg;
    troupe_status status;
    bool ended, stopped;
    struct op **joiner; /* of the parent that waits for it; NULL: it does not */
};

static troupe_status task_main(void *arg)
{
    troupe_task *task = arg;

    co_set_local(&task->frame);
    task->status = task->frame.verdict = task->fn(&task->frame.pub, task->arg);
    turn_frame_clear_resources(&task->frame);
    task->ended = true;
    if (task->joiner && *task->joiner) {
        op_complete(*task->joiner, TROUPE_OK, NULL);
        *task->joiner = NULL;
    }
    turn_frame_active(&task->frame, false);
    return TROUPE_OK;
}

static void task_release(struct turn_resource *resource)
{
    troupe_task *task = container_of(resource, troupe_task, resource);

    list_remove(&resource->link);
    if (!task->ended)
        scope_cancel(&task->scope, TROUPE_CANCELED);
    scope_close(&task->scope);
    turn_frame_clear(&task->frame);
    mem_free(task);
}

troupe_status host_spawn(troupe_turn *turn, troupe_task_fn fn, void *arg, troupe_task **ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct co_owner owner = {frame->agent->owner, (uint64_t)frame->turn->id};
    _cleanup_mem_ char *path = NULL;
    troupe_task *task;
    troupe_status status;

    if (!fn || !ret)
        return host_bytes(frame, NULL, 1, 1, "the child's function");
    if (frame->children >= TASKS_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a stage or function starts at most %d children", TASKS_MAX);
    path = mem_printf("%s.%u", frame->path, frame->children++);
    task = mem_zero(1, sizeof(*task));
    task->parent = frame;
    task->fn = fn;
    task->arg = arg;
    turn_frame_init(&task->frame, frame->turn, frame->agent, frame, path);
    task->frame.child = true;
    task->frame.function = frame->function;
    task->frame.observer = frame->observer;
    task->frame.depth = frame->depth;
    task->frame.out = frame->out;
    turn_frame_own(frame, &task->resource, task_release);
    scope_open(&task->scope, 0);
    turn_frame_active(frame, true);
    status = co_spawn_wait(&task->scope, &owner, task_main, task, frame->turn->deadline);
    if (status < 0) {
        task->ended = true;
        turn_frame_active(frame, false);
        task_release(&task->resource);
        return turn_frame_error(frame, status, "host.busy", "no coroutine is free");
    }
    *ret = task;
    return TROUPE_OK;
}

static troupe_status ended_one(troupe_task *const *tasks, uint32_t count, uint32_t *ret)
{
    for (uint32_t i = 0; i < count; i++)
        if (tasks[i]->ended) {
            *ret = i;
            return TROUPE_OK;
        }
    return TROUPE_BUSY;
}

/* Until one of them has ended. [waits] */
static troupe_status wait_for(struct turn_frame *frame, troupe_task *const *tasks, uint32_t count,
                              uint32_t *ret)
{
    struct op *op, *pending;
    troupe_status status;

    if (ended_one(tasks, count, ret) == TROUPE_OK)
        return TROUPE_OK;
    op = pending = op_new(frame->turn->engine->loop, NULL);
    for (uint32_t i = 0; i < count; i++)
        tasks[i]->joiner = &pending;
    turn_frame_active(frame, false);
    status = op_wait(op, 0, NULL);
    turn_frame_active(frame, true);
    for (uint32_t i = 0; i < count; i++)
        tasks[i]->joiner = NULL;
    if (pending)
        op_complete(pending, TROUPE_OK, NULL);
    op_drop(op);
    if (ended_one(tasks, count, ret) == TROUPE_OK)
        return TROUPE_OK;
    return status;
}

static troupe_status check(struct turn_frame *frame, const troupe_task *task)
{
    return host_holds(frame, task ? &task->resource : NULL);
}

troupe_status host_join(troupe_turn *turn, troupe_task *task)
{
    struct turn_frame *frame = turn_frame_of(turn);
    troupe_status status = check(frame, task);
    uint32_t which;

    if (status == TROUPE_OK)
        status = wait_for(frame, &task, 1, &which);
    if (status < 0)
        return status;
    if (task->status < 0 && task->frame.error)
        turn_frame_error(frame, task->status, task->frame.error->code, "%s",
                         task->frame.error->text);
    return task->status;
}

troupe_status host_join_any(troupe_turn *turn, troupe_task *const *tasks, uint32_t count,
                            uint32_t *ret_which)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct record_call call = {0};
    uint32_t which = 0;
    troupe_status status = host_bytes(frame, tasks, count, TASKS_MAX, "the children");

    if (status == TROUPE_OK && !count)
        status = host_bytes(frame, NULL, 1, 1, "a child to wait for");
    for (uint32_t i = 0; status == TROUPE_OK && i < count; i++)
        status = check(frame, tasks[i]);
    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "join_any", count);
    if (status == RECORD_REPLAYED) { /* the one that was first then, whoever is now */
        status = turn_record_status(&call);
        if (status == TROUPE_OK)
            (void)turn_record_take(&call, &which, sizeof(which));
        if (status == TROUPE_OK && which < count) {
            uint32_t one;

            status = wait_for(frame, tasks + which, 1, &one);
        }
        if (status == TROUPE_OK)
            *ret_which = which;
        return status;
    }
    if (status < 0)
        return status;
    status = wait_for(frame, tasks, count, &which);
    if (status == TROUPE_OK)
        *ret_which = which;
    return turn_record_note(&call, status, &which, sizeof(which));
}

/* Whoever started it, or one of that frame's children. */
static troupe_status check_stop(struct turn_frame *frame, const troupe_task *task)
{
    if (task && task->parent != frame && frame->child && frame != &task->frame)
        return check(frame->caller, task);
    return check(frame, task);
}

/* One that was stopped stops no sibling any more: of two that stop each other, neither would ever go on. */
static troupe_status check_turn(const struct turn_frame *frame, const troupe_task *task)
{
    troupe_status status;

    if (task->parent == frame || !container_of(frame, const troupe_task, frame)->stopped)
        return TROUPE_OK;
    status = co_pass(); /* it counts the calls of who does not hear */
    return status < 0 ? status : TROUPE_CANCELED;
}

troupe_status host_stop_child(troupe_turn *turn, troupe_task *task)
{
    struct turn_frame *frame = turn_frame_of(turn);
    troupe_status status = check_stop(frame, task);

    if (status < 0 || task->ended)
        return status;
    status = check_turn(frame, task);
    if (status < 0)
        return status;
    task->stopped = true;
    scope_cancel(&task->scope, TROUPE_CANCELED);
    /* Its stack may hold what the caller frees next: nothing may cut the waiting short. What it waits for ends
     * now, and one that does not hear is abandoned. By then the parent may have given the task back. */
    scope_wait(&task->scope);
    return TROUPE_OK;
}
