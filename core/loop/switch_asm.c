/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/switch.h"

#include <string.h>

/* The order in which switch.S pops. */
#if defined(__x86_64__)

struct frame {
    uint32_t mxcsr, x87;
    void *r15, *r14, *r13, *r12, *rbx, *rbp;
    void *rip;
    void *pad[2]; /* switch_start begins with rsp % 16 == 0, so that its call keeps the ABI */
};

void switch_make(struct switch_context *context, void *stack, size_t size, void (*fn)(void *arg),
                 void *arg)
{
    struct frame *frame = (struct frame *)(((uintptr_t)stack + size) & ~(uintptr_t)15) - 1;
    uint16_t control;

    memset(frame, 0, sizeof(*frame));
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(frame->mxcsr), "=m"(control));
    frame->x87 = control;
    frame->r12 = (void *)fn;
    frame->r13 = arg;
    frame->rip = (void *)switch_start;
    context->sp = frame;
}

#elif defined(__aarch64__)

struct frame {
    void *x19, *x20, *x21_x28[8], *x29, *x30;
    double d8_d15[8];
    uint64_t fpcr, pad;
};

void switch_make(struct switch_context *context, void *stack, size_t size, void (*fn)(void *arg),
                 void *arg)
{
    struct frame *frame = (struct frame *)(((uintptr_t)stack + size) & ~(uintptr_t)15) - 1;

    memset(frame, 0, sizeof(*frame));
    __asm__ volatile("mrs %0, fpcr" : "=r"(frame->fpcr));
    frame->x19 = (void *)fn;
    frame->x20 = arg;
    frame->x30 = (void *)switch_start;
    context->sp = frame;
}

#endif
