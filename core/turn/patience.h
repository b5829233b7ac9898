/* SPDX-License-Identifier: Apache-2.0
 *
 * A member whose turn waits long, as a provider wants to be asked later, is told so at once: a sign that somebody
 * works on it says nothing of a minute. Only of a function that another one called, as what a stage or a command
 * waits for by itself is what it is for, and only where nothing else of the turn goes on and nothing was shown.
 */
#ifndef TURN_PATIENCE_H
#define TURN_PATIENCE_H

#include "turn/frame.h"

#define TURN_PATIENCE_MS  10000 /* what takes less is told by nobody           */
#define TURN_PATIENCE_MAX 80    /* bytes of the sentence, with the end         */
#define TURN_WORKING_MS                                                                            \
    120000 /* a turn that is put aside for less is still worked on, as members see it */

/* The frame begins to wait so long, for the first time of this call. Waits for nothing. */
void turn_patience(struct turn_frame *frame, uint64_t ms);
/* "This takes longer: I answer here in about 45 seconds". Pure. */
void turn_patience_print(uint64_t ms, char ret[TURN_PATIENCE_MAX]);

#endif
