/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands on the component that an interaction pressed. Pure.
 */
#ifndef GATEWAY_DISCORD_PRESSED_H
#define GATEWAY_DISCORD_PRESSED_H

#include "base/json.h"

/* The label of the button, or those of what was chosen of a select, with commas between, as the message has them;
 * `data` is the interaction's. NULL where the message does not tell. mem_free. */
char *discord_pressed_label(const json_t *message, const json_t *data);

#endif
