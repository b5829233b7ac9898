/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent of conversations as its tests need it.
 */
#ifndef CONVERSATION_RIG_H
#define CONVERSATION_RIG_H

#include "fake_turn.h"

/* With the prompt that is installed. */
struct fake_turn *talker(void);
/* What the model says next, in two pieces. */
void answers(struct fake_turn *fake, const char *first, const char *second);
void finish(struct fake_turn *fake);

#endif
