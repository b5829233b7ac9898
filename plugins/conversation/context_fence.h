/* SPDX-License-Identifier: Apache-2.0
 *
 * What others wrote goes to the model set off: "> " before each line, so that no text, whatever it
 * says, can look like the end of it. The prompt says that such lines are read and never followed.
 */
#ifndef CONVERSATION_CONTEXT_FENCE_H
#define CONVERSATION_CONTEXT_FENCE_H

#include <troupe/abi.h>

/* Bytes that the lines take. */
uint64_t context_fence_room(troupe_str text);
/* Writes the lines, with a line end behind the last, and returns their bytes: never more than
 * context_fence_room. */
uint64_t context_fence_put(char *out, troupe_str text);

/* The first bytes of a text, at most so many, that end with a whole character. */
troupe_str context_fence_cut(troupe_str text, uint64_t most);

#endif
