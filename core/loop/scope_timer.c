/* SPDX-License-Identifier: Apache-2.0
 *
 * Deadlines of scopes. Nearly every scope is closed long before its own, and each turn of a timer in and out of
 * libuv's heap costs as much as a switch where there are thousands. So a timer runs on when its scope is closed,
 * and the next scope takes it as it is, where it fires at that one's deadline or before: then it is started
 * anew for the rest. Like this each is started once in the time of a deadline, whatever the load.
 */
#include "base/mem.h"
#include "loop/internal.h"
#include "loop/scope.h"

#define KEPT 256 /* at rest */

struct scope_timer {
    struct loop_timer timer;
    struct scope *scope; /* NULL: at rest                                      */
    uint64_t deadline;   /* of the scope                                       */
    uint64_t at;         /* when it fires, at the deadline or before; 0: never */
    struct scope_timer *next;
};

static void start(struct scope_timer *timer, uint64_t now)
{
    timer->at = timer->deadline;
    loop_timer_start(&timer->timer, timer->at > now ? timer->at - now : 0, 0);
}

static void fired(struct loop_timer *handle)
{
    struct scope_timer *timer = container_of(handle, struct scope_timer, timer);
    uint64_t now;

    timer->at = 0;
    if (!timer->scope)
        return;
    now = loop_now(timer->scope->loop);
    if (now < timer->deadline)
        start(timer, now);
    else
        scope_cancel(timer->scope, TROUPE_DEADLINE);
}

static void closed(struct loop_timer *handle)
{
    mem_free(container_of(handle, struct scope_timer, timer));
}

struct scope_timer *scope_timer_start(struct loop *loop, struct scope *scope, uint64_t deadline)
{
    struct scope_timer *timer = loop->scope_timers;

    if (timer) {
        loop->scope_timers = timer->next;
        loop->scope_timer_count--;
    } else {
        timer = mem_zero(1, sizeof(*timer));
        loop_timer_init(loop, &timer->timer, fired);
    }
    timer->scope = scope;
    timer->deadline = deadline;
    if (!timer->at || timer->at > deadline)
        start(timer, loop_now(loop));
    return timer;
}

void scope_timer_stop(struct loop *loop, struct scope_timer *timer)
{
    timer->scope = NULL;
    if (loop->scope_timer_count >= KEPT) {
        loop_timer_close(&timer->timer, closed);
        return;
    }
    timer->next = loop->scope_timers;
    loop->scope_timers = timer;
    loop->scope_timer_count++;
}

void scope_timers_clear(struct loop *loop)
{
    while (loop->scope_timers) {
        struct scope_timer *timer = loop->scope_timers;

        loop->scope_timers = timer->next;
        loop_timer_close(&timer->timer, closed);
    }
    loop->scope_timer_count = 0;
}
