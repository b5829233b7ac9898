/* SPDX-License-Identifier: Apache-2.0
 *
 * What is remembered of the member and of the server's documents, asked of whoever provides memory.search: it goes
 * into the prompt, set off as other people's words. Without such an agent, or where it fails, the talk goes on.
 */
#ifndef CONVERSATION_RECALL_H
#define CONVERSATION_RECALL_H

#include <troupe/troupe.h>

/* `system` with what was found below it, within about `tokens` (0: nothing is asked); `system` itself where nothing
 * was. `ret_found` says whether there is something, which makes the answer the member's own. NULL: no memory.
 * Lives as long as the turn. [turn, waits] */
const char *recall_put(troupe_turn *turn, troupe_str question, const char *system, int64_t tokens,
                       uint8_t *ret_found);

#endif
