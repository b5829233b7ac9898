/* SPDX-License-Identifier: Apache-2.0
 *
 * The beginning of a deletion (erase.h): what runs for the member is ended, so that nothing of it is written
 * any more. Of several hosts on one database each ends what it has itself, within a second or so, forgets what
 * is in its memory, and says so in the database by one more part of the deletion (core:host/SLOT), which
 * comes behind everything that the ended turns had written. A host that is gone writes nothing any more, and is
 * not waited for.
 *
 * Loop thread; [waits] needs a coroutine.
 */
#ifndef TURN_ERASE_END_H
#define TURN_ERASE_END_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct store_batch;

/* The member's up to an event, but for the turn of the command that asked. */
struct turn_erase_end {
    const char *member;
    int64_t turn_id, last_event, created_ms;
};

/* The parts of the hosts that there are, to a deletion that is being asked for. */
void turn_erase_end_ask(struct engine *engine, struct store_batch *batch, const char *member);
/* Ends what is this host's; true in `ret_more` where something of the member's is under way still, here or
 * at another host: ask again soon. [waits] */
troupe_status turn_erase_end(struct engine *engine, const struct turn_erase_end *of, bool *ret_more,
                             struct error *err);
/* The same for all deletions that have begun, whoever was asked: for a host that is one of several. [waits] */
troupe_status turn_erase_end_all(struct engine *engine, struct error *err);

#endif
