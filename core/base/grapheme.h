/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a text may be cut without tearing what people see as one character: combining marks, emoji
 * with modifiers and joiners, flags, CR with LF. The common cases of Unicode's grapheme clusters
 * (UAX #29), by ranges instead of its tables. A zeroed struct is the start of a text. Any thread.
 */
#ifndef BASE_GRAPHEME_H
#define BASE_GRAPHEME_H

#include <stdbool.h>
#include <stdint.h>

struct grapheme {
    uint32_t last;
    bool flag; /* half of a flag stands before */
};

/* `c` comes next; whether it belongs to the character before it. */
bool grapheme_joins(struct grapheme *grapheme, uint32_t c);

#endif
