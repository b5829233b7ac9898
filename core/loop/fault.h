/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fatal signal leaves behind: one line on stderr that names the running owner and turn, tells
 * a stack overflow from a wild access into somebody's guard, and the same line in a marker file.
 * Then the default action runs on the true registers. Nothing is recovered.
 */
#ifndef LOOP_FAULT_H
#define LOOP_FAULT_H

#include "loop/loop.h"

/* Installs the handlers for SEGV, BUS, FPE, ILL, ABRT with an alternate stack for this thread, the
 * loop's, and blocks every other signal on it but SIGTRAP and the watchdog's (threads started later
 * inherit that: signals are to be read by a signalfd or a thread of their own). The marker file gets
 * "crash OWNER TURN TEXT", unless it exists: the first marker stands, who starts next removes it.
 * `marker_path` may be NULL. Sanitizer builds leave all but ABRT to the sanitizer and write line and
 * marker after its report. Once per process. */
troupe_status fault_install(struct loop *loop, const char *marker_path, struct error *err);
/* Puts the default actions back (tests). */
void fault_remove(void);

#endif
