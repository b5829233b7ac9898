/* SPDX-License-Identifier: Apache-2.0
 *
 * Structured concurrency: a scope holds coroutines and is closed by joining them. A scope lives on
 * the stack of the coroutine that opened it (or is a root scope of the loop) and is a child of that
 * coroutine's own scope; cancelling a scope ends its whole subtree.
 */
#ifndef LOOP_SCOPE_H
#define LOOP_SCOPE_H

#include "base/list.h"
#include "loop/co.h"

struct scope_timer;

struct scope {
    struct loop *loop;
    struct scope *parent; /* NULL: a root                                              */
    struct co *opener;    /* NULL: a root                                              */
    struct list_link siblings, children, members;
    size_t live;               /* coroutines of this scope that have not ended               */
    troupe_status why;         /* TROUPE_OK while it runs, else why it was ended             */
    troupe_status failure;     /* first negative result of a member                          */
    struct co *joiner;         /* waits in scope_close                                      */
    struct list_link waiters;  /* struct co in scope_wait, by `parked`                      */
    struct scope_timer *timer; /* of the deadline, NULL: none                  */
    void (*ended)(struct scope *scope); /* root scopes: called whenever live turns 0    */
};

/* Inside a coroutine: child of the scope that the running coroutine belongs to (not of one that it
 * opened itself), and ended from the start when that one is. `deadline` 0: none of its own. It
 * bounds the members; the opener's own waits follow the scope the opener belongs to. */
void scope_open(struct scope *scope, uint64_t deadline);
/* A root of the loop, inside or outside of coroutines. `ended` may be NULL; it runs on the loop's
 * thread, must not wait, and may close and free the scope or spawn into it. */
void scope_open_root(struct loop *loop, struct scope *scope, uint64_t deadline,
                     void (*ended)(struct scope *scope));
/* Ends the subtree: `why` is TROUPE_CANCELED or TROUPE_DEADLINE. Later calls change nothing. */
void scope_cancel(struct scope *scope, troupe_status why);
/* Waits for every member, cancelled or not, and is not cut short by anything; returns the first
 * failure. [waits] By the opener, innermost scope first. A root scope is closed only when it has no
 * live member, from anywhere on the loop's thread. */
troupe_status scope_close(struct scope *scope);
/* Waits until it has no live member, cancelled or not, and is not cut short by anything, as scope_close; but
 * by whoever likes, also several at a time, and it closes nothing. Whoever opened the scope may close it before
 * the waiters go on: it may be gone when this returns. Members of it do not wait for themselves, nor for whoever
 * waits for them. [waits] */
void scope_wait(struct scope *scope);

static inline void scope_close_cleanup(struct scope *scope)
{
    (void)scope_close(scope);
}
/* `SCOPE(name, deadline);` opens a scope that is joined when the block is left. */
#define SCOPE(name, deadline)                                                                      \
    __attribute__((cleanup(scope_close_cleanup))) struct scope name;                               \
    scope_open(&name, deadline)

#endif
