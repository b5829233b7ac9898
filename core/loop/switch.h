/* SPDX-License-Identifier: Apache-2.0
 *
 * The bare change of stacks: own assembly on x86-64 and aarch64, ucontext with setjmp elsewhere.
 * Nothing here knows of sanitizers, errno or scheduling; fiber.h is the layer that callers want.
 *
 * Kept across a switch: the callee-saved registers of the psABI and the floating-point control
 * state (mxcsr and x87 control word, fpcr), because a plugin's rounding mode must not leak into the
 * next plugin. The signal mask is not touched.
 */
#ifndef LOOP_SWITCH_H
#define LOOP_SWITCH_H

#include "config.h"

#include <stddef.h>
#include <stdint.h>

#ifdef CO_SWITCH_ASM
struct switch_context {
    void *sp; /* below it lie the saved registers, see switch.S; sdk/gdb reads them, too */
};
#else
#include <setjmp.h>
#include <ucontext.h>
struct switch_context {
    sigjmp_buf saved; /* never used with a saved mask: sigjmp_buf is what can hold either   */
    ucontext_t start; /* only for the first entry                                           */
    uint64_t control; /* floating-point control state                                       */
    void (*fn)(void *arg);
    void *arg;
    int fresh;
};
#endif

/* Lays out a context that calls fn(arg) on the given stack at the first switch; fn never returns.
 * The floating-point control state is the caller's at this moment. */
void switch_make(struct switch_context *context, void *stack, size_t size, void (*fn)(void *arg),
                 void *arg);

#ifdef CO_SWITCH_ASM
/* Hidden, so that no PLT or GOT slot lies between; defined in switch.S. */
__attribute__((visibility("hidden"))) void switch_stack(void **save_sp, void *load_sp);
__attribute__((visibility("hidden"))) void switch_start(void);

static inline void switch_to(struct switch_context *from, struct switch_context *to)
{
    switch_stack(&from->sp, to->sp);
}
#else
void switch_to(struct switch_context *from, struct switch_context *to);
#endif

#endif
