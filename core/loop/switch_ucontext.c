/* SPDX-License-Identifier: Apache-2.0
 *
 * The portable switch: a context is entered once by setcontext and from then on by _longjmp, which
 * saves two system calls a switch.
 */

/* With fortification _longjmp becomes a check that a jump goes to a caller's frame, and the first
 * switch to a lower stack aborts. This file jumps between stacks on purpose; the rest keeps it. */
#undef _FORTIFY_SOURCE

#include "loop/switch.h"

/* setjmp leaves the floating-point control state alone, so it is kept by hand where we know how. */
static inline uint64_t control_get(void)
{
#if defined(__x86_64__)
    uint32_t mxcsr;
    uint16_t x87;

    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    return (uint64_t)x87 << 32 | mxcsr;
#elif defined(__aarch64__)
    uint64_t fpcr;

    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
#else
    return 0;
#endif
}

static inline void control_set(uint64_t control)
{
#if defined(__x86_64__)
    uint32_t mxcsr = (uint32_t)control;
    uint16_t x87 = (uint16_t)(control >> 32);

    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(x87));
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
#else
    (void)control;
#endif
}

/* makecontext passes ints only, so a pointer comes in two halves. */
static void start(unsigned high, unsigned low)
{
    struct switch_context *context =
        (struct switch_context *)(uintptr_t)((uint64_t)high << 32 | low); /* NOLINT */

    context->fn(context->arg);
    __builtin_trap();
}

void switch_make(struct switch_context *context, void *stack, size_t size, void (*fn)(void *arg),
                 void *arg)
{
    uint64_t self = (uintptr_t)context;

    getcontext(&context->start);
    context->start.uc_stack.ss_sp = stack;
    context->start.uc_stack.ss_size = size;
    context->start.uc_link = NULL;
    context->fn = fn;
    context->arg = arg;
    context->control = control_get();
    context->fresh = 1;
    makecontext(&context->start, (void (*)(void))(void *)start, 2, (unsigned)(self >> 32),
                (unsigned)self);
}

void switch_to(struct switch_context *from, struct switch_context *to)
{
    from->control = control_get();
    if (_setjmp(from->saved) == 0) {
        if (to->fresh) {
            to->fresh = 0;
            setcontext(&to->start);
            __builtin_trap();
        }
        _longjmp(to->saved, 1);
    }
    control_set(from->control);
}
