/* SPDX-License-Identifier: Apache-2.0
 *
 * One coroutine on a loop of its own, for subcommands that ask something and end. Signals that
 * ops_signals_block holds back are told meanwhile.
 */
#ifndef MAIN_SOLO_H
#define MAIN_SOLO_H

#include "base/error.h"
#include "loop/loop.h"

struct solo {
    /* [waits] What fails is the task's own to remember. */
    void (*run)(struct loop *loop, void *arg);
    /* On the loop, for INT, TERM and HUP; NULL: they wait until the task is over. */
    void (*signaled)(void *arg, int signal_number);
    /* Outside of the coroutine, when it has ended and the loop still lives; NULL: nothing. */
    void (*over)(void *arg);
    void *arg;        /* of run and over */
    void *signal_arg; /* of signaled     */
};

/* Until the coroutine has ended. Not from a thread that has a loop. */
troupe_status solo_run(const struct solo *task, struct error *err);

#endif
