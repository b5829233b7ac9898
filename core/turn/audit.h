/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of who did what: settings, pauses, stops of others' turns, functions that a member
 * confirmed, and what was refused for want of rights. A row names the member, the place, what was changed from what to what; secrets that the
 * host knows are masked. Kept for [store] keep_audit. Loop thread.
 */
#ifndef TURN_AUDIT_H
#define TURN_AUDIT_H

#include "base/json.h"
#include "turn/turn.h"

struct store;
struct store_batch;

#define TURN_AUDIT_SHOWN   100 /* rows that are listed at most          */
#define TURN_AUDIT_DENIALS 60 /* rows a minute of what was refused: a flood of tries is one story */

/* Adds the row to a batch. `before` and `after` may be NULL. */
void turn_audit_add(const struct turn *turn, const char *action, const char *subject,
                    const char *before, const char *after, struct store_batch *batch);
/* The same with a commit of its own that nobody waits for. */
void turn_audit_note(const struct turn *turn, const char *action, const char *subject,
                     const char *before, const char *after);
/* That a member was refused something. Bounded. */
void turn_audit_denied(const struct turn *turn, const char *what);
/* Takes away a portion of the rows older than `before_ms`; true in `ret_more` when it was full.
 * [waits] */
troupe_status turn_audit_sweep(struct store *store, int64_t before_ms, uint64_t deadline,
                               bool *ret_more, struct error *err);
/* The newest `limit` rows first; `guild` NULL: of everywhere. A JSON list, the caller's. [waits] */
troupe_status turn_audit_list(struct engine *engine, const char *guild, size_t limit, json_t **ret,
                              struct error *err);

#endif
