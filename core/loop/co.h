/* SPDX-License-Identifier: Apache-2.0
 *
 * Coroutines: straight-line code that waits without holding up the loop. A coroutine belongs to a
 * scope (scope.h) and never outlives it. Every call below that may suspend is marked [waits] and
 * must be made inside a coroutine; it returns TROUPE_CANCELED or TROUPE_DEADLINE when the scope was
 * ended, and does so at once for every later wait, too (cancellation is sticky).
 * All deadlines are absolute milliseconds of loop_now(), 0 is none.
 */
#ifndef LOOP_CO_H
#define LOOP_CO_H

#include "loop/loop.h"

struct co;
struct scope;

/* The coroutine's result: a negative status makes it the first failure of its scope. */
typedef troupe_status (*co_fn)(void *arg);

/* Who is running: read by the fault handler, the watchdog and the debugger script, so the strings
 * must live as long as the coroutine. */
struct co_owner {
    const char *name; /* "plugin:echo", "core:intake"; static or owned by the caller */
    uint64_t turn;    /* 0: none */
};

/* Starts `fn` in `scope`; it runs at the next drain, never at once, also in a scope that has ended
 * (its first wait says so). NULL `owner`: that of the running coroutine. Loop thread, coroutine or
 * not. TROUPE_LIMIT at the cap, TROUPE_NOMEM where no stack could be mapped; nothing has happened
 * then. */
troupe_status co_spawn(struct scope *scope, const struct co_owner *owner, co_fn fn, void *arg);
/* Like co_spawn, waiting in turn for a free place instead of TROUPE_LIMIT or TROUPE_NOMEM. [waits] */
troupe_status co_spawn_wait(struct scope *scope, const struct co_owner *owner, co_fn fn, void *arg,
                            uint64_t deadline);

struct co *co_self(void);            /* NULL outside a coroutine                                 */
uint64_t co_after(uint64_t ms);      /* the deadline `ms` from now                                */
troupe_status co_sleep(uint64_t ms); /* [waits] */
troupe_status co_pass(void);         /* [waits] lets others run                                  */
troupe_status co_status(void);       /* why my scope was ended, or TROUPE_OK                     */
/* Changes the name shown for the running coroutine; returns the old one to put back. */
struct co_owner co_set_owner(struct co_owner owner);

/* Between these two, the coroutine's own waits ignore cancellation for at most `ms` in all: for
 * cleaning up. Scopes opened meanwhile are not shielded. Nests: an inner pair neither lengthens nor
 * shortens the time of the outermost. */
void co_shield(uint64_t ms);
void co_unshield(void);

/* Runs `fn` on the loop's own big stack: for libraries that recurse by data. `fn` must not wait. */
void co_on_loop_stack(void (*fn)(void *arg), void *arg);

/* An arbitrary pointer that the layer above keeps on the running coroutine (inherited by co_spawn). */
void *co_local(void);
void co_set_local(void *value);

/* Stops a coroutine that ignores cancellation: it is never resumed and its stack never reused. Its
 * scope counts it as ended with TROUPE_CRASHED. Only for a coroutine that is suspended now. */
void co_abandon(struct co *co);
/* A coroutine that makes so many waiting calls after it was cancelled is never resumed from the last
 * of them and abandoned: a loop that ignores its end would hold up everybody. */
#define CO_RUNAWAY_CALLS 100
/* co_status for a call that does not wait and that a loop may turn around: after so many of them behind
 * its end the coroutine is given up in the same way. */
#define CO_RUNAWAY_LOOKS 10000
troupe_status co_heed(void);
/* How often the running (NULL) or given coroutine made a wait call after it was cancelled. */
unsigned co_calls_after_cancel(const struct co *co);

/* High-water mark of the running (NULL) or given coroutine's stack in bytes, by pages. Pages that an
 * earlier user of the same stack touched count, too, until the pool has given them back. */
size_t co_stack_used(const struct co *co);

/* C++ in plugins: `globals` is libstdc++'s __cxa_get_globals. From then on the state of exceptions
 * being handled is kept per coroutine; without it, waiting in a catch block mixes up exceptions of
 * different turns. NULL switches it off. Only while no coroutine is in a catch block. */
void co_set_exception_globals(struct loop *loop, void *(*globals)(void));

#endif
