/* SPDX-License-Identifier: Apache-2.0
 *
 * The person in front of this very process: the chat of ops/chat.h on a thread of its own, joined
 * to the control socket's server by a pair of sockets, so that it is a client like any other.
 */
#ifndef MAIN_SEAT_H
#define MAIN_SEAT_H

#include "loop/loop.h"
#include "ops/control.h"

struct seat;

/* `left` is called on the loop when the chat has ended by itself. [loop thread] */
troupe_status seat_take(struct loop *loop, struct ops_control *control, bool terminal,
                        const char *data_dir, void (*left)(void *arg), void *arg, struct seat **ret,
                        struct error *err);
/* After the control server has stopped: waits for the thread and gives the exit status; a thread
 * that a stopped terminal holds is left behind after a second. NULL gives 0. */
int seat_leave(struct seat *seat);

#endif
