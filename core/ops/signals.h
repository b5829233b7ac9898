/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals without handlers. A handler would run on whatever coroutine stack is current; so the
 * signals are blocked in every thread and read from a descriptor on the loop.
 */
#ifndef OPS_SIGNALS_H
#define OPS_SIGNALS_H

#include "base/error.h"
#include "loop/loop.h"

/* Before any thread is started: blocks HUP, INT, TERM and WINCH (threads inherit that), ignores
 * PIPE, USR1 and USR2. */
void ops_signals_block(void);
/* Ends the process by the signal itself, as if it had never been blocked. */
void ops_signals_die(int signal_number) __attribute__((noreturn));

struct ops_signals;

/* From now on `taken` is called on the loop for HUP, TERM and INT; INT is left to others (a chat's
 * terminal) unless `interrupts`. */
troupe_status ops_signals_open(struct loop *loop, bool interrupts,
                               void (*taken)(void *arg, int signal_number), void *arg,
                               struct ops_signals **ret, struct error *err);
void ops_signals_close(struct ops_signals *signals); /* NULL is fine */

#endif
