/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/scope.h"

#include "loop/internal.h"

static void drop_timer(struct scope *scope)
{
    if (scope->timer)
        scope_timer_stop(scope->loop, scope->timer);
    scope->timer = NULL;
}

static void init(struct loop *loop, struct scope *scope, uint64_t deadline)
{
    *scope = (struct scope){.loop = loop, .why = TROUPE_OK, .failure = TROUPE_OK};
    list_init(&scope->siblings);
    list_init(&scope->children);
    list_init(&scope->members);
    list_init(&scope->waiters);
    if (deadline)
        scope->timer = scope_timer_start(loop, scope, deadline);
}

void scope_open(struct scope *scope, uint64_t deadline)
{
    struct co *self = co_must_self();

    init(self->loop, scope, deadline);
    scope->opener = self;
    scope->parent = self->scope;
    scope->why = self->scope->why;
    list_append(&self->scope->children, &scope->siblings);
}

void scope_open_root(struct loop *loop, struct scope *scope, uint64_t deadline,
                     void (*ended)(struct scope *scope))
{
    init(loop, scope, deadline);
    scope->ended = ended;
}

static void end_one(struct scope *scope, troupe_status why)
{
    scope->why = why;
    list_for_each (link, &scope->members)
        co_scope_ended(container_of(link, struct co, member));
}

/* The tree is as deep as coroutines are nested, which may be thousands of levels: it is walked
 * without recursion. A scope that had ended before has an ended subtree. */
void scope_cancel(struct scope *scope, troupe_status why)
{
    struct scope *at = scope;

    if (scope->why != TROUPE_OK)
        return;
    end_one(scope, why);
    for (;;) {
        struct list_link *next = at->children.next;

        if (next == &at->children) {
            while (at != scope && at->siblings.next == &at->parent->children)
                at = at->parent;
            if (at == scope)
                return;
            next = at->siblings.next;
        }
        at = container_of(next, struct scope, siblings);
        if (at->why == TROUPE_OK)
            end_one(at, why);
    }
}

troupe_status scope_close(struct scope *scope)
{
    if (scope->live > 0) {
        struct co *self = co_must_self();

        LOOP_CHECK(scope->opener == self, "a scope is closed by the coroutine that opened it");
        /* Members live on this stack's data: nothing may cut the joining short. */
        self->joining = true;
        scope->joiner = self;
        while (scope->live > 0)
            (void)co_suspend(self, 0, NULL, NULL);
        scope->joiner = NULL;
        self->joining = false;
    }
    LOOP_CHECK(list_empty(&scope->children), "a scope was closed before a scope below it");
    drop_timer(scope);
    list_remove(&scope->siblings);
    return scope->failure;
}

void scope_wait(struct scope *scope)
{
    struct co *self = co_must_self();

    LOOP_CHECK(self->scope != scope, "a coroutine waits for the end of its own scope");
    if (scope->live == 0)
        return;
    self->joining = true;
    list_append(&scope->waiters, &self->parked);
    (void)co_suspend(self, 0, co_unpark, NULL);
    self->joining = false;
}

void scope_orphan_of(struct co *opener)
{
    list_for_each_safe (link, &opener->scope->children) {
        struct scope *scope = container_of(link, struct scope, siblings);

        if (scope->opener != opener)
            continue;
        scope_cancel(scope, TROUPE_CANCELED);
        drop_timer(scope);
        list_remove(&scope->siblings);
        scope->parent = NULL;
        scope->joiner = NULL;
    }
}
