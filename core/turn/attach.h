/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that agents attach to the answer of their turn. Each is stored by the call that attaches it, so
 * that a turn which runs again has it without another call; all of them go with the answer's last
 * message, and stay in the store until that is there (gateway/attached.h). An answer that is not
 * given takes them with it. Inside the turn's coroutine.
 */
#ifndef TURN_ATTACH_H
#define TURN_ATTACH_H

#include "base/error.h"

#include <stddef.h>

struct attached_file;
struct record_call;
struct turn;
struct turn_frame;

/* What an earlier run attached. [waits] */
troupe_status turn_attach_load(struct turn *turn, struct error *err);
/* Whether one more file of that size may go with the answer: TROUPE_OK, or what the call returns, with its
 * sentence. [waits] */
troupe_status turn_attach_room(struct turn_frame *frame, size_t size);
/* Stores it as the effect of the call. [waits] */
troupe_status turn_attach_add(struct record_call *call, const struct attached_file *file);

#endif
