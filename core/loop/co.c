/* SPDX-License-Identifier: Apache-2.0
 *
 * Life and waits of a coroutine. It moves FREE → READY → RUNNING ⇄ WAITING/READY → ENDED → FREE;
 * only the drain (loop.c) lets it run, everybody else just makes it ready.
 */
#include "loop/co.h"

#include "base/clock.h"
#include "loop/internal.h"

#include <string.h>

struct co *co_self(void)
{
    struct loop *loop = loop_current();

    return loop ? loop->running : NULL;
}

struct co *co_must_self(void)
{
    struct loop *loop = loop_current();

    LOOP_CHECK(loop && loop->running, "a call that waits was made outside a coroutine");
    LOOP_CHECK(!loop->on_loop_stack, "a call that waits was made inside co_on_loop_stack");
    LOOP_CHECK(!loop->poisoned, "a coroutine went on in a forked child: only exec or _exit there");
    return loop->running;
}

/* ---- its timer ------------------------------------------------------------------------------- */

/* It is not stopped where a wait ends, nor with the coroutine: the next wait, or the next user of the stack, is
 * mostly for longer and leaves it alone, and at 500 streams each turn of a timer in and out of libuv's heap
 * costs as much as a switch. */
static void timer_fired(uv_timer_t *timer)
{
    struct co *co = timer->data;
    uint64_t now = uv_now(&co->loop->uv);
    bool due = co->deadline && now >= co->deadline;

    co->timer_at = 0;
    if (!co->alarm_at) /* of a wait that has ended, or of no coroutine */
        return;
    if (now < co->alarm_at) {
        co->timer_at = co->alarm_at;
        uv_timer_start(timer, timer_fired, co->alarm_at - now, 0);
        return;
    }
    /* Not due: the time of the shield is up, and the scope has ended meanwhile. */
    co_wake(co, due ? TROUPE_DEADLINE : co->scope->why);
}

/* Ends the wait at that time, 0: never. */
static void timer_set(struct co *co, uint64_t at)
{
    uint64_t now;

    co->alarm_at = at;
    if (!at || (co->timer_at && co->timer_at <= at))
        return;
    if (!co->timer_ready) {
        uv_timer_init(&co->loop->uv, &co->timer);
        co->timer.data = co;
        co->timer_ready = true;
    }
    now = loop_now(co->loop);
    co->timer_at = at;
    uv_timer_start(&co->timer, timer_fired, at > now ? at - now : 0, 0);
}

/* It waits no more. */
static void timer_stop(struct co *co)
{
    if (co->timer_at)
        uv_timer_stop(&co->timer);
    co->timer_at = co->alarm_at = 0;
}

/* ---- running --------------------------------------------------------------------------------- */

/* The bottom of every coroutine's stack. A finished coroutine stays in here, and so the next user
 * of its stack needs no context to be built: it is resumed behind the switch. */
void co_entry(void *arg)
{
    struct co *co = arg;

    fiber_entered(&co->loop->fiber);
    for (;;) {
        co->result = co->fn(co->arg);
        co->state = CO_ENDED;
        fiber_switch(&co->fiber, &co->loop->fiber, true, co->loop->exception_globals);
    }
}

void co_enter(struct co *co)
{
    co->entered = true;
    fiber_switch(&co->loop->fiber, &co->fiber, false, co->loop->exception_globals);
}

/* Takes an ended or abandoned coroutine out of its scope and tells who waits for that. */
static void leave_scope(struct co *co, troupe_status result)
{
    struct scope *scope = co->scope;
    struct loop *loop = co->loop;
    struct list_link *waiter;

    list_remove(&co->member);
    if (result < 0 && scope->failure == TROUPE_OK)
        scope->failure = result;
    loop->live--;
    scope->live--;
    waiter = loop->spawn_waiters.next;
    if (waiter != &loop->spawn_waiters)
        co_wake(container_of(waiter, struct co, parked), TROUPE_OK);
    if (scope->live > 0)
        return;
    list_for_each_safe (link, &scope->waiters)
        co_wake(container_of(link, struct co, parked), TROUPE_OK);
    if (scope->joiner)
        co_wake(scope->joiner, TROUPE_OK);
    else if (scope->ended)
        scope->ended(scope);
}

uint64_t co_run_slice(struct co *co)
{
    struct loop *loop = co->loop;
    uint64_t now;

    loop->running = co;
    co->state = CO_RUNNING;
    co_enter(co);
    while (loop->hop_fn) {
        void (*fn)(void *arg) = loop->hop_fn;

        loop->on_loop_stack = true;
        fn(loop->hop_arg);
        loop->on_loop_stack = false;
        loop->hop_fn = NULL;
        co_enter(co);
    }
    loop->switches++;
    now = clock_ns();
    loop_span_end(loop, now); /* while it is known whose it was */
    loop->running = NULL;
    if (co->state == CO_ENDED) {
        fiber_release(&co->fiber);
        stacks_put(&loop->stacks, co);
        leave_scope(co, co->result);
    }
    return now;
}

void co_on_loop_stack(void (*fn)(void *arg), void *arg)
{
    struct co *co = co_self();
    struct loop *loop;

    if (!co || co->loop->on_loop_stack) {
        fn(arg);
        return;
    }
    loop = co->loop;
    loop->hop_fn = fn;
    loop->hop_arg = arg;
    fiber_switch(&co->fiber, &loop->fiber, false, loop->exception_globals);
}

/* ---- starting -------------------------------------------------------------------------------- */

static void make_ready(struct co *co)
{
    co->state = CO_READY;
    list_append(&co->loop->ready, &co->queued);
    co->loop->ready_count++;
}

troupe_status co_spawn(struct scope *scope, const struct co_owner *owner, co_fn fn, void *arg)
{
    struct loop *loop = scope->loop;
    struct co *parent = loop->running;
    struct co *co;
    troupe_status status;

    LOOP_CHECK(loop == loop_current(), "co_spawn was called on another thread than the loop's");
    LOOP_CHECK(!loop->poisoned, "co_spawn was called in a forked child: only exec or _exit there");
    status = stacks_take(&loop->stacks, &co);
    if (status != TROUPE_OK)
        return status;
    co->loop = loop;
    if (owner)
        co->owner = *owner;
    else
        co->owner = parent ? parent->owner : (struct co_owner){"core", 0};
    co->fn = fn;
    co->arg = arg;
    co->scope = scope;
    co->wake = TROUPE_OK;
    co->joining = false;
    co->shields = 0;
    co->calls_after_cancel = co->looks_after_cancel = 0;
    co->local = parent ? parent->local : NULL;
    memset(co->fiber.exceptions, 0, sizeof(co->fiber.exceptions));
    co->fiber.saved_errno = 0;
    fiber_acquire(&co->fiber, co->owner.name);
    list_append(&scope->members, &co->member);
    scope->live++;
    loop->live++;
    make_ready(co);
    return TROUPE_OK;
}

troupe_status co_spawn_wait(struct scope *scope, const struct co_owner *owner, co_fn fn, void *arg,
                            uint64_t deadline)
{
    struct co *self = co_must_self();
    struct loop *loop = self->loop;
    troupe_status status = co_refuse_wait(self);
    bool first = true;

    while (status == TROUPE_OK) {
        /* Who came first is served first: a newcomer does not overtake the queue. */
        if (!first || list_empty(&loop->spawn_waiters)) {
            status = co_spawn(scope, owner, fn, arg);
            /* Without any other coroutine nobody would ever give a place back. */
            if (status != TROUPE_LIMIT && (status != TROUPE_NOMEM || loop->live <= 1))
                return status;
        }
        if (first)
            list_append(&loop->spawn_waiters, &self->parked);
        else
            list_prepend(&loop->spawn_waiters, &self->parked);
        first = false;
        status = co_suspend(self, deadline, co_unpark, NULL);
    }
    return status;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool shielded(const struct co *co)
{
    return co->joining || (co->shields > 0 && loop_now(co->loop) < co->shield_until);
}

static void give_up_runaways(struct loop_task *task)
{
    struct loop *loop = container_of(task, struct loop, runaway_task);
    struct list_link *link;

    loop->runaway_posted = false;
    while ((link = list_pop(&loop->runaways))) {
        struct co *co = container_of(link, struct co, parked);
        struct co_owner owner = co->owner;
        void *local = co->local;

        co_abandon(co);
        if (loop->runaway)
            loop->runaway(local, &owner);
    }
}

/* Does not return: the stack below belongs to code that does not hear. */
static void run_away(struct co *co)
{
    struct loop *loop = co->loop;

    list_append(&loop->runaways, &co->parked);
    if (!loop->runaway_posted) {
        loop->runaway_posted = true;
        loop->runaway_task.run = give_up_runaways;
        loop_post(loop, &loop->runaway_task);
    }
    co->joining = true; /* no cancellation wakes it any more */
    (void)co_suspend(co, 0, NULL, NULL);
    LOOP_CHECK(false, "a coroutine was resumed that had been given up");
}

void loop_on_runaway(struct loop *loop, void (*fn)(void *local, const struct co_owner *owner))
{
    loop->runaway = fn;
}

troupe_status co_refuse_wait(struct co *co)
{
    if (co->scope->why == TROUPE_OK || shielded(co))
        return TROUPE_OK;
    if (++co->calls_after_cancel >= CO_RUNAWAY_CALLS)
        run_away(co);
    return co->scope->why;
}

troupe_status co_heed(void)
{
    struct co *self = co_must_self();

    if (self->scope->why == TROUPE_OK || shielded(self))
        return self->scope->why;
    if (++self->looks_after_cancel >= CO_RUNAWAY_LOOKS)
        run_away(self);
    return self->scope->why;
}

void co_unpark(struct co *co, void *arg)
{
    (void)arg;
    list_remove(&co->parked);
}

/* The wait ends at its deadline, or with the shield where the scope has ended. */
static void timer_arm(struct co *co)
{
    uint64_t at = co->deadline;

    if (co->scope->why != TROUPE_OK && !co->joining && (!at || co->shield_until < at))
        at = co->shield_until;
    timer_set(co, at);
}

troupe_status co_suspend(struct co *co, uint64_t deadline, void (*unwait)(struct co *co, void *arg),
                         void *arg)
{
    co->deadline = deadline;
    co->unwait = unwait;
    co->unwait_arg = arg;
    co->state = CO_WAITING;
    if (deadline || co->scope->why != TROUPE_OK)
        timer_arm(co);
    fiber_switch(&co->fiber, &co->loop->fiber, false, co->loop->exception_globals);
    return co->wake;
}

/* Ends the wait of a coroutine without making it ready. */
static void stop_waiting(struct co *co)
{
    co->alarm_at = 0;
    if (co->unwait)
        co->unwait(co, co->unwait_arg);
    co->unwait = NULL;
}

void co_wake(struct co *co, troupe_status status)
{
    if (co->state != CO_WAITING)
        return;
    stop_waiting(co);
    co->wake = status;
    make_ready(co);
}

void co_scope_ended(struct co *co)
{
    if (co->state != CO_WAITING || co->joining)
        return;
    if (shielded(co))
        timer_arm(co);
    else
        co_wake(co, co->scope->why);
}

uint64_t co_after(uint64_t ms)
{
    struct loop *loop = loop_current();
    uint64_t now, at;

    LOOP_CHECK(loop, "co_after was called outside the loop's thread");
    now = loop_now(loop);
    return __builtin_add_overflow(now, ms, &at) ? UINT64_MAX : at;
}

troupe_status co_sleep(uint64_t ms)
{
    struct co *self = co_must_self();
    troupe_status status = co_refuse_wait(self);

    if (status != TROUPE_OK)
        return status;
    status = co_suspend(self, co_after(ms), NULL, NULL);
    /* The wait's own deadline is the sleep's good end; a scope's deadline comes from the scope. */
    if (status == TROUPE_DEADLINE && uv_now(&self->loop->uv) >= self->deadline)
        return TROUPE_OK;
    return status;
}

troupe_status co_pass(void)
{
    struct co *self = co_must_self();
    troupe_status status = co_refuse_wait(self);

    if (status != TROUPE_OK)
        return status;
    make_ready(self);
    self->loop->passed = true;
    fiber_switch(&self->fiber, &self->loop->fiber, false, self->loop->exception_globals);
    return TROUPE_OK;
}

/* ---- what a coroutine knows about itself ----------------------------------------------------- */

troupe_status co_status(void)
{
    return co_must_self()->scope->why;
}

struct co_owner co_set_owner(struct co_owner owner)
{
    struct co *self = co_must_self();
    struct co_owner old = self->owner;

    self->owner = owner;
    return old;
}

void co_shield(uint64_t ms)
{
    struct co *self = co_must_self();

    if (self->shields++ == 0)
        self->shield_until = co_after(ms);
}

void co_unshield(void)
{
    struct co *self = co_must_self();

    LOOP_CHECK(self->shields > 0, "co_unshield without co_shield");
    self->shields--;
}

void *co_local(void)
{
    struct co *self = co_self();

    return self ? self->local : NULL;
}

void co_set_local(void *value)
{
    co_must_self()->local = value;
}

unsigned co_calls_after_cancel(const struct co *co)
{
    if (!co)
        co = co_self();
    return co ? co->calls_after_cancel : 0;
}

void co_set_exception_globals(struct loop *loop, void *(*globals)(void))
{
    loop->exception_globals = globals;
}

/* ---- giving one up --------------------------------------------------------------------------- */

void co_abandon(struct co *co)
{
    LOOP_CHECK(co->state == CO_WAITING || co->state == CO_READY,
               "only a suspended coroutine can be abandoned");
    timer_stop(co);
    if (co->state == CO_WAITING) {
        stop_waiting(co);
    } else {
        list_remove(&co->queued);
        co->loop->ready_count--;
    }
    co->state = CO_ABANDONED;
    scope_orphan_of(co);
    leave_scope(co, TROUPE_CRASHED);
}
