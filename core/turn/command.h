/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands as members give them: a line of text, or a name with arguments that the platform has
 * taken apart. Both reach the same functions, with the same checks. Loop thread only.
 */
#ifndef TURN_COMMAND_H
#define TURN_COMMAND_H

#include "plugin/set.h"
#include "turn/turn.h"

/* What a command begins with where the event came from. */
const char *turn_command_prefix(const struct plugin_set *set, const struct event *event);
/* Runs the command of that name, the core's own or an agent's, with arguments as a JSON object
 * ("" is none), and answers it: whatever is wrong with name, arguments or rights is said. [waits] */
void turn_command_named(struct turn *turn, const char *name, const char *json, size_t len);
/* Answers with a text, cut where it is too long. [waits] */
void turn_command_reply(struct turn *turn, const struct buf *text);

#endif
