/* SPDX-License-Identifier: Apache-2.0
 *
 * A function that is declared TROUPE_CONFIRM, or whose caller wants it so, runs only after the member whose
 * turn it is has pressed a button for this very call: the question names the function and its arguments,
 * whoever chose them.
 */
#ifndef TURN_CONFIRM_H
#define TURN_CONFIRM_H

#include "turn/frame.h"

/* Asks on the callee's frame, before its function is entered: the question is the frame's first call, so a
 * replay finds the answer; `ret_asked` says whether there was one. TROUPE_OK: it may run, as every function may of which nobody wants it.
 * Below 0 why it may not, with the frame's last error: TROUPE_DENIED refused, TROUPE_DEADLINE not
 * answered, TROUPE_UNSUPPORTED nobody to ask; TROUPE_PARKED and its like as turn_wait_for. [waits] */
troupe_status turn_confirm(struct turn_frame *frame, const troupe_value *values, bool *ret_asked);

#endif
