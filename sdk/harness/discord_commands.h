/* SPDX-License-Identifier: Apache-2.0
 *
 * Application commands: kept for everybody and for each server apart, and refused where they do not
 * hold what application-commands.mdx says.
 */
#ifndef DISCORD_COMMANDS_H
#define DISCORD_COMMANDS_H

#include "discord_rest.h"

void discord_commands_take(struct discord_call *call);
void discord_commands_clear(struct discord *discord);
/* What is wrong with a list that is to be put, or NULL; `ret_field` names where. */
const char *discord_commands_defect(const json_t *list, char *ret_field, size_t size);

#endif
