/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of a deletion (erase.h): what finished turns of others still have of words that were not theirs. Which of
 * them quote the member nobody can tell, so all lose what they have no use for any more: what their calls returned,
 * what their answers said once these are there, and what agents wrote about them in their traces. Codes, times and
 * what the host itself wrote stay, and so does all of a turn that is not over.
 *
 * Loop thread; [waits] needs a coroutine.
 */
#ifndef TURN_ERASE_OTHERS_H
#define TURN_ERASE_OTHERS_H

#include "base/error.h"

struct engine;

/* In portions, each a transaction; doing it again changes nothing more. [waits] */
troupe_status turn_erase_others(struct engine *engine, struct error *err);

/* A trace without the words of agents; mem_free. NULL: it has none. Pure. */
char *turn_erase_words(const char *trace);

#endif
