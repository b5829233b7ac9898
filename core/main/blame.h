/* SPDX-License-Identifier: Apache-2.0
 *
 * What a crash or hang of the process before this one left (loop/marker.h) and what follows from it:
 * the agent named there stays switched off until somebody reloads, and the turn it worked on is
 * blamed, so that an event which brings the host down twice is not tried a third time. A process
 * that was killed, or lost its power, leaves no marker and blames nobody.
 * Rule: docs/architecture.md, "When the host dies".
 */
#ifndef MAIN_BLAME_H
#define MAIN_BLAME_H

#include "main/host.h"

/* After host_start and before any event is taken; the marker is gone then. No marker: nothing.
 * [waits] */
void host_take_up_marker(struct host *host, const char *path);

#endif
