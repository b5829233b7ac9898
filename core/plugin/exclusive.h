/* SPDX-License-Identifier: Apache-2.0
 *
 * Exclusive hand-over of state. Of an agent whose plugin declares TROUPE_STATE_EXCLUSIVE never two generations
 * work at a time, so nothing that one changes is missing in the other: on a reload whoever would enter the
 * old one is held, those inside are waited for, the state goes over, the set is published, and whoever was
 * held enters the new one; so does every turn that began on the old set.
 *
 * Whoever is called from inside an agent that is held passes, for it is what the hand-over waits for. Who does
 * not leave within EXCLUSIVE_DRAIN_MS refuses the reload. EXCLUSIVE_HELD_MAX of an agent are held, each within
 * its own deadline. Loop thread.
 */
#ifndef PLUGIN_EXCLUSIVE_H
#define PLUGIN_EXCLUSIVE_H

#include "base/error.h"

#include <stdbool.h>

struct plugin_agent;
struct plugin_function;
struct plugin_set;

#define EXCLUSIVE_DRAIN_MS 5000
#define EXCLUSIVE_HELD_MAX 512

/* Before whatever runs inside the agent, with plugin_agent_leave behind it: `*agent` becomes the generation
 * that works now. `within`: the caller is inside an agent that is held. TROUPE_BUSY: too many are held
 * already; TROUPE_CANCELED and TROUPE_DEADLINE of the caller's scope. [waits] */
troupe_status plugin_agent_enter(struct plugin_agent **agent, bool within);
void plugin_agent_leave(struct plugin_agent *agent);
/* The function of another generation that can be called in place of `function`, with the same values; NULL:
 * there is none. */
const struct plugin_function *plugin_agent_same_function(const struct plugin_agent *agent,
                                                         const struct plugin_function *function);

/* Holds the agents of `previous` that `set` takes over exclusively, and waits until nobody is inside.
 * TROUPE_BUSY with a sentence: somebody stayed. Followed by plugin_set_release in any case. [waits] */
troupe_status plugin_set_hold(struct plugin_set *set, struct plugin_set *previous,
                              struct error *err);
/* Lets those go on that are held, in the new generation where `handed_over`, else in the old one. They run
 * later, not inside this call. */
void plugin_set_release(struct plugin_set *set, struct plugin_set *previous, bool handed_over);

#endif
