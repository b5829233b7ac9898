/* SPDX-License-Identifier: Apache-2.0
 *
 * What the control socket offers of a running host.
 */
#ifndef MAIN_COMMANDS_H
#define MAIN_COMMANDS_H

#include "main/app.h"
#include "ops/control.h"

/* Static tables; their `arg` is the struct app. */
const struct ops_command *commands_table(size_t *ret_count);
extern const struct ops_chat_host commands_chat_host;

#endif
