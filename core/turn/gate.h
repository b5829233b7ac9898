/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands before admission: a paused server, and how much a member, a server and everybody may
 * ask for. Decided once, when an event comes; what is taken up again was let in before. What a
 * function counts against beside its message is decided when it is called: a replay is told what was
 * decided then (core/host). Loop thread.
 */
#ifndef TURN_GATE_H
#define TURN_GATE_H

#include "turn/turn.h"

struct plugin_function;

/* False where the turn was refused: it has its state and reason then. */
bool turn_gate_passes(struct turn *turn);
/* Whether the function counts against a limit of its own for this turn's member. */
bool turn_gate_counts(const struct turn *turn, const struct plugin_function *function);
/* Counts one call of it, the agent's; TROUPE_LIMIT with code and sentence. */
troupe_status turn_gate_call(const struct turn *turn, const char *agent,
                             const struct plugin_function *function, char code[64],
                             struct error *err);

/* Until when the event's server is paused, wall clock; 0: it is not. */
int64_t turn_paused_until(const struct engine *engine, const struct event *event);

#endif
