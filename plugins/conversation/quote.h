/* SPDX-License-Identifier: Apache-2.0
 *
 * A message that answers another one: what that says goes to the model with it, so that "what do you
 * think of this?" has a this. So does what that answers, and what stands above it, up to what the talk
 * has already.
 */
#ifndef CONVERSATION_QUOTE_H
#define CONVERSATION_QUOTE_H

#include "history.h"

/* `text` with the quoted message above it, set off as somebody's words; `text` itself where there is
 * no quote or where the history shows it already. Lives as long as the turn. [turn] */
troupe_str quote_put(troupe_turn *turn, const troupe_message *message,
                     const struct history *history, troupe_str text);

#endif
