/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that agents keep for a member (blobs in the member's scopes), attached to the answer of the turn that
 * asks for them: the newest first, as many as a message takes. Inside the turn's coroutine.
 */
#ifndef TURN_EXPORT_FILES_H
#define TURN_EXPORT_FILES_H

#include "base/buf.h"
#include "base/error.h"

struct turn;

/* Attaches them and says into `out` which, and of the others why not; nothing where there are none. [waits] */
troupe_status turn_export_files(struct turn *turn, struct buf *out, struct error *err);

#endif
