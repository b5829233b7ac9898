/* SPDX-License-Identifier: Apache-2.0
 *
 * A stack that can be switched to: a coroutine's or the loop's own. On top of the bare switch it
 * keeps what the C and C++ runtimes hold per thread (errno, the exception globals) apart and tells
 * the sanitizers what happens; without that, errors are reported in the wrong places only after a
 * throw, a longjmp or thousands of switches.
 */
#ifndef LOOP_FIBER_H
#define LOOP_FIBER_H

#include "loop/sanitize.h"
#include "loop/switch.h"

#include <errno.h>
#include <stdbool.h>

/* The Itanium C++ ABI's __cxa_eh_globals: the caught exceptions and the count of uncaught ones. */
#define FIBER_EXCEPTION_STATE 16

struct fiber {
    struct switch_context context;
    char *stack; /* lowest usable byte; the guard lies below */
    size_t stack_size;
    int saved_errno;
    unsigned valgrind_id;
    unsigned char exceptions[FIBER_EXCEPTION_STATE];
    void *asan_fake_stack;
    void *tsan_fiber;
};

/* The calling thread's own stack. */
void fiber_init_thread(struct fiber *fiber);
/* Announces a new stack to the tools; fiber->stack and stack_size are set. */
void fiber_init(struct fiber *fiber);
/* Before the memory goes. */
void fiber_clear(struct fiber *fiber);
/* Makes fn(arg) what runs at the next switch. `fn` calls fiber_entered first and never returns. */
void fiber_make(struct fiber *fiber, void (*fn)(void *arg), void *arg);
/* First call on a new stack; `from` is the fiber it was entered from. */
void fiber_entered(struct fiber *from);
/* Before a fiber's stack is used by a new coroutine, and after that one has ended. */
void fiber_acquire(struct fiber *fiber, const char *name);
void fiber_release(struct fiber *fiber);
void fiber_swap_exceptions(struct fiber *from, struct fiber *to, void *globals);

/* Leaves `from` for `to`. `ending`: nothing of what is on from's stack is needed any more.
 * `exception_globals` may be NULL: see co_set_exception_globals. Inline where no sanitizer has to be
 * told, because the return from a function that has changed stacks is always mispredicted. */
#ifdef LOOP_SANITIZED
void fiber_switch(struct fiber *from, struct fiber *to, bool ending,
                  void *(*exception_globals)(void)) __attribute__((noinline));
#else
static inline void fiber_switch(struct fiber *from, struct fiber *to, bool ending,
                                void *(*exception_globals)(void))
{
    (void)ending;
    from->saved_errno = errno;
    if (__builtin_expect(exception_globals != NULL, 0))
        fiber_swap_exceptions(from, to, exception_globals());
    switch_to(&from->context, &to->context);
    errno = from->saved_errno;
}
#endif

#endif
