/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread that watches the loop's progress. A slice above `warn_ms` is logged with owner, turn and
 * stack; above `abort_ms` the process is aborted after a marker was written, so that the supervisor
 * can tell a hang of a plugin from anything else.
 */
#ifndef LOOP_WATCHDOG_H
#define LOOP_WATCHDOG_H

#include "loop/loop.h"

struct watchdog;

struct watchdog_options {
    uint32_t warn_ms;        /* 0: 5                                                       */
    uint32_t abort_ms;       /* 0: 2,000; UINT32_MAX: never                                 */
    const char *marker_path; /* made before the abort: "hang OWNER TURN"; NULL: none        */
    /* Called on the watchdog's thread once for each slow slice; NULL: it is logged. `owner` is
     * "core:loop" where no coroutine ran. `stack` is text, a line a frame, and `ms` the time so far;
     * "" and the whole time where the slice was over before it was looked at. */
    void (*slow)(void *arg, const char *owner, uint64_t turn, uint32_t ms, const char *stack);
    void *arg;
};

/* Both on the loop's thread. Uses SIGURG on it. The time a debugger stops the process does not count
 * towards the abort. */
troupe_status watchdog_start(struct loop *loop, const struct watchdog_options *options,
                             struct watchdog **ret, struct error *err);
void watchdog_stop(struct watchdog *watchdog); /* NULL is fine */
/* Slow slices that were reported; 0 where nobody watches the loop. The loop's thread. */
uint64_t watchdog_warnings(const struct loop *loop);

#endif
