/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a turn's trace back, for /why and `troupe why`. `id` is a turn's number, the source's id
 * of a message, or "last"; of `channel` only, where that is not NULL. `asker` not NULL: none
 * that is another member's slash command, whose answer may be private. [waits]
 */
#ifndef TURN_WHY_H
#define TURN_WHY_H

#include "turn/engine.h"

troupe_status turn_why_json(struct engine *engine, const char *id, const char *channel,
                            const char *asker, json_t **ret, struct error *err);
troupe_status turn_why_text(struct engine *engine, const char *id, const char *channel,
                            const char *asker, char **ret, struct error *err); /* mem_free */

/* The same as Markdown for a chat: at most 2,000 UTF-16 units, at whose end stands what is left out. Nothing that
 * agents, models or members wrote is markup there. why_chat.c. mem_free. */
troupe_status turn_why_chat(struct engine *engine, const char *id, const char *channel,
                            const char *asker, char **ret, struct error *err);

/* Where a follower of ended turns stands. Zero: from now on. */
struct turn_tail {
    int64_t finished_ms, id;
};
/* Turns that ended since `tail`, oldest first, as a JSON list; moves `tail`. Waits until there is
 * one or the deadline comes, then the list is empty. [waits] */
troupe_status turn_tail_read(struct engine *engine, struct turn_tail *tail, uint64_t deadline,
                             json_t **ret, struct error *err);

#endif
