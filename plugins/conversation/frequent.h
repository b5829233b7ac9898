/* SPDX-License-Identifier: Apache-2.0
 *
 * Frequent questions that the operator declares: answered where somebody asks one, and before that.
 */
#ifndef CONVERSATION_FREQUENT_H
#define CONVERSATION_FREQUENT_H

#include "asking.h"

/* TROUPE_DONE where the message was one of the declared questions and is answered, TROUPE_OK where not. */
troupe_status frequent_answer(troupe_turn *turn, struct asking *asking,
                              const struct preferences *preferences);
/* Asks the model those that nobody has asked yet, as many as the configuration says. */
troupe_status frequent_warm(troupe_turn *turn);

#endif
