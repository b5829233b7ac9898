/* SPDX-License-Identifier: Apache-2.0
 *
 * The member's words of the session that is open, and what is learned from them when it ends: by a model where
 * one may be asked, else by rules. Only what the member wrote is looked at, never what the bot said, so
 * nothing that was recalled is learned again.
 */
#ifndef MEMORY_GATHER_H
#define MEMORY_GATHER_H

#include "reflect.h"

/* Keeps the words for the end of the session. Again for the same message changes nothing. [turn, waits] */
troupe_status gather_keep(troupe_turn *turn, const struct memory_limits *limits, troupe_str words);
/* Learns from what was kept, and lets it go, in one commit with the row of what came of it. Where that fails
 * the words stay, and the row tells why. [turn, waits] */
troupe_status gather_session(troupe_turn *turn, const struct memory_limits *limits, int by_model,
                             struct reflection *ret);
/* Facts of a model's answer, {"facts": [{"fact": "…", "importance": 0.7}]} with anything around it; at most
 * `most`. -1 where it is none. Texts are in `arena`, which has at least the answer's length. */
int gather_read_answer(troupe_str answer, char *arena, struct memory_fact *ret, int most);

#endif
