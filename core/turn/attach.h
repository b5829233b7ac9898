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

/* What an earlier run attached. [waits] */
troupe_status turn_attach_load(struct turn *turn, struct error *err);
#define TURN_ATTACH_STORAGE "attach.storage" /* the code of what the store could not do */

/* Whether one more file of that size may go with the answer. TROUPE_LIMIT: the answer takes no more; TROUPE_BUSY:
 * too many of all turns wait to be sent; with the code TURN_ATTACH_STORAGE: nobody knows. `ret_code`, a constant,
 * is set where there is an error. [waits] */
troupe_status turn_attach_room(struct turn *turn, size_t size, const char **ret_code,
                               struct error *err);
/* Stores it as the effect of the call. [waits] */
troupe_status turn_attach_add(struct record_call *call, const struct attached_file *file);
/* Stores one that the core itself attaches: no call's effect. [waits] */
troupe_status turn_attach_add_own(struct turn *turn, const struct attached_file *file,
                                  struct error *err);
/* What was attached so far does not go with the answer. [waits] */
troupe_status turn_attach_clear(struct turn *turn, struct error *err);

#endif
