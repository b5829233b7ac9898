/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands of a set as platforms register them: the core's own, then the functions of agents
 * that members may call.
 */
#ifndef TURN_SLASH_H
#define TURN_SLASH_H

#include "gateway/command.h"
#include "plugin/set.h"

/* A name that several agents have is told apart by the agent's: "dice-roll". The caller's. */
struct gateway_commands *turn_slash_commands(const struct plugin_set *set);

#endif
