/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop guard: bots that answer each other end after a number of turns in a channel, until a
 * person says something there; after a person's /stop at once. Counted in memory, bounded. Loop
 * thread.
 */
#ifndef TURN_GUARD_H
#define TURN_GUARD_H

#include "gateway/event.h"

#include <stdint.h>

struct engine;

#define TURN_GUARD_CHANNELS 1000 /* where bots talk; above it all begin anew */

/* Whether one more turn may begin for a bot's message; a person's message lets bots talk again. */
bool turn_guard_passes(struct engine *engine, const struct event *event);
/* A person wrote there to somebody else. */
void turn_guard_person(struct engine *engine, uint64_t channel);
/* A person wants silence: no bot is answered there before somebody talks to us again. */
void turn_guard_stop(struct engine *engine, const struct event *event);

#endif
