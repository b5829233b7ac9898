/* SPDX-License-Identifier: Apache-2.0
 *
 * The references are counted on the loop's thread only: the finisher's travels with its task and is
 * given back there, so no atomic is needed.
 */
#include "loop/op.h"

#include "base/mem.h"
#include "loop/internal.h"

struct op {
    struct loop_task task; /* of the finisher */
    struct loop *loop;
    void (*free_result)(void *result);
    unsigned references;
    bool complete;
    troupe_status status;
    void *result;
    struct co *waiter;
};

static void unref(struct op *op)
{
    if (--op->references > 0)
        return;
    if (op->result && op->free_result)
        op->free_result(op->result);
    mem_free(op);
}

static void arrive(struct loop_task *task)
{
    struct op *op = container_of(task, struct op, task);

    op->complete = true;
    if (op->waiter)
        co_wake(op->waiter, TROUPE_OK);
    unref(op);
}

struct op *op_new(struct loop *loop, void (*free_result)(void *result))
{
    struct op *op = mem_zero(1, sizeof(*op));

    op->task.run = arrive;
    op->loop = loop;
    op->free_result = free_result;
    op->references = 2;
    return op;
}

void op_complete(struct op *op, troupe_status status, void *result)
{
    op->status = status;
    op->result = result;
    if (loop_current() == op->loop)
        arrive(&op->task);
    else
        loop_post(op->loop, &op->task);
}

static void unwait_one(struct co *co, void *arg)
{
    struct op *op = arg;

    (void)co;
    op->waiter = NULL;
}

troupe_status op_wait(struct op *op, uint64_t deadline, void **ret_result)
{
    struct co *self = co_must_self();

    if (!op->complete) {
        troupe_status status = co_refuse_wait(self);

        if (status == TROUPE_OK) {
            LOOP_CHECK(!op->waiter, "two coroutines wait for one operation");
            op->waiter = self;
            status = co_suspend(self, deadline, unwait_one, op);
        }
        /* It may have come between the end of the wait and this slice. */
        if (!op->complete)
            return status;
    }
    if (ret_result) {
        *ret_result = op->result;
        op->result = NULL;
    }
    return op->status;
}

struct any {
    struct op **ops;
    size_t n;
};

static void unwait_any(struct co *co, void *arg)
{
    struct any *any = arg;

    (void)co;
    for (size_t i = 0; i < any->n; i++)
        any->ops[i]->waiter = NULL;
}

static bool find_complete(struct op **ops, size_t n, size_t *ret_which)
{
    for (size_t i = 0; i < n; i++) {
        if (ops[i]->complete) {
            *ret_which = i;
            return true;
        }
    }
    return false;
}

troupe_status op_wait_any(struct op **ops, size_t n, uint64_t deadline, size_t *ret_which)
{
    struct co *self = co_must_self();
    struct any any = {ops, n};
    troupe_status status;

    if (find_complete(ops, n, ret_which))
        return TROUPE_OK;
    status = co_refuse_wait(self);
    if (status != TROUPE_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        LOOP_CHECK(!ops[i]->waiter, "two coroutines wait for one operation");
        ops[i]->waiter = self;
    }
    status = co_suspend(self, deadline, unwait_any, &any);
    return find_complete(ops, n, ret_which) ? TROUPE_OK : status;
}

bool op_is_complete(const struct op *op)
{
    return op->complete;
}

void op_drop(struct op *op)
{
    if (op)
        unref(op);
}
