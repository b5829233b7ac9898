/* SPDX-License-Identifier: Apache-2.0
 *
 * An operation that a coroutine waits for and somebody else finishes: a side thread, a timer,
 * another coroutine. It lives on the heap with a reference for each side; a result that comes after
 * the waiter went away is freed and dropped. A result already there wins over cancellation: what
 * was done is never reported as not done.
 */
#ifndef LOOP_OP_H
#define LOOP_OP_H

#include "loop/co.h"

struct op;

/* Two references: one for the waiter, one for whoever finishes it. `free_result` (may be NULL)
 * frees a result that nobody took, on the loop thread. */
struct op *op_new(struct loop *loop, void (*free_result)(void *result));
/* Any thread, once; takes the finisher's reference. */
void op_complete(struct op *op, troupe_status status, void *result);
/* Waits until it is complete; then takes the result (`ret_result` may be NULL) and returns the
 * status given to op_complete. On TROUPE_CANCELED or TROUPE_DEADLINE by the waiter's side the
 * operation goes on and is the waiter's still. [waits] */
troupe_status op_wait(struct op *op, uint64_t deadline, void **ret_result);
/* Waits until one of `n` is complete and tells which, without taking its result. [waits] */
troupe_status op_wait_any(struct op **ops, size_t n, uint64_t deadline, size_t *ret_which);
bool op_is_complete(const struct op *op); /* loop thread */
/* Gives the waiter's reference back; NULL is fine. */
void op_drop(struct op *op);

static inline void op_cleanup(struct op **op)
{
    op_drop(*op);
}
#define _cleanup_op_ __attribute__((cleanup(op_cleanup)))

#endif
