/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking a moment before sleeping. To sleep until another process has answered and to be woken on
 * another processor costs 20 to 40 µs each time, more than most answers take. Who has asked for something
 * that may come within microseconds, from a process that runs elsewhere at the same time, lets the loop
 * look for it: where there is nothing else to do at all, it looks for at most LOOP_LOOK_US before it
 * polls. Nothing is promised by that: whatever is missed comes by the poll. Loop thread.
 */
#ifndef LOOP_LOOK_H
#define LOOP_LOOK_H

#include "base/list.h"
#include "loop/loop.h"

#define LOOP_LOOK_US 50

struct loop_look {
    struct list_link link; /* by loop_look_init */
    /* Looks, without a system call where nothing is there. True: it has done what was to be done, or
     * waits no longer, and has stopped itself; then anything may have changed. Must not wait. */
    bool (*look)(struct loop_look *look);
    /* It did not come in time, and the loop sleeps; it is stopped. Must not start another one. */
    void (*missed)(struct loop_look *look);
};

void loop_look_init(struct loop_look *look, bool (*fn)(struct loop_look *look),
                    void (*missed)(struct loop_look *look));
/* Until it was found, missed or stopped; a second start changes nothing. */
void loop_look_start(struct loop *loop, struct loop_look *look);
void loop_look_stop(struct loop_look *look);

/* Between two looks: the other thread of the same core has the processor meanwhile. Any thread. */
static inline void look_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
