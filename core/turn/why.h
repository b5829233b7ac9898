/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a turn's trace back, for /why and `troupe why`. `id` is a turn's number, the source's id
 * of a message, or "last"; of `channel` only, where that is not NULL. [waits]
 */
#ifndef TURN_WHY_H
#define TURN_WHY_H

#include "turn/engine.h"

troupe_status turn_why_json(struct engine *engine, const char *id, const char *channel,
                            json_t **ret, struct error *err);
troupe_status turn_why_text(struct engine *engine, const char *id, const char *channel, char **ret,
                            struct error *err); /* mem_free */

#endif
