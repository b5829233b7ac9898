/* SPDX-License-Identifier: Apache-2.0
 *
 * A question that is one only in its talk: "how old is she?". What the member wrote shortly before, in the same
 * channel and the session that is open, goes along as more words to look for. Pure rules decide; no model is asked.
 */
#ifndef MEMORY_FOLLOW_H
#define MEMORY_FOLLOW_H

#include "fact.h"

/* The question as it is to be looked for: itself, or with the member's last two messages before it. Lives as long as
 * the stage or function. [turn, waits] */
troupe_status follow_rewrite(troupe_turn *turn, troupe_str question, troupe_str *ret);

#endif
