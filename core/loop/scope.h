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

struct scope {
    struct loop *loop;
    struct scope *parent;
    struct list_link siblings, children, members;
    size_t live;           /* coroutines of this scope that have not ended               */
    troupe_status why;     /* TROUPE_OK while it runs, else why it was ended             */
    troupe_status failure; /* first negative result of a member                          */
    struct co *joiner;
    void *timer; /* the deadline's timer, heap                                 */
    void (*ended)(struct scope *scope); /* root scopes: called on the loop when live turns 0 */
};

/* Inside a coroutine: child of the running coroutine's scope. `deadline` 0: none of its own. */
void scope_open(struct scope *scope, uint64_t deadline);
/* Outside coroutines: a root of the loop. `ended` may be NULL. */
void scope_open_root(struct loop *loop, struct scope *scope, uint64_t deadline,
                     void (*ended)(struct scope *scope));
/* Ends the subtree: `why` is TROUPE_CANCELED or TROUPE_DEADLINE. Later calls change nothing. */
void scope_cancel(struct scope *scope, troupe_status why);
/* Waits for every member, cancelled or not; returns the first failure. [waits] A root scope is
 * closed only when it has no live member. */
troupe_status scope_close(struct scope *scope);

static inline void scope_close_cleanup(struct scope *scope)
{
    (void)scope_close(scope);
}
/* `SCOPE(name, deadline);` opens a scope that is joined when the block is left. */
#define SCOPE(name, deadline)                                                                      \
    __attribute__((cleanup(scope_close_cleanup))) struct scope name;                               \
    scope_open(&name, deadline)

#endif
