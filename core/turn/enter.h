/* SPDX-License-Identifier: Apache-2.0
 *
 * A frame enters its agent: at once, or behind an exclusive hand-over of state and then the generation that
 * works (plugin/exclusive.h). Loop thread.
 */
#ifndef TURN_ENTER_H
#define TURN_ENTER_H

#include "turn/frame.h"

/* On the frame's coroutine, with turn_frame_left behind what runs where it is TROUPE_OK: frame->agent and
 * frame->function are those of the generation that works. A failure is the frame's last error. [waits] */
troupe_status turn_frame_enter(struct turn_frame *frame);
void turn_frame_left(struct turn_frame *frame);

#endif
