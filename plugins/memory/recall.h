/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding what was remembered: facts of the member here, pieces of documents of the server and of everybody, by
 * words and direction, then ordered by how well they fit, when they were said and how much they matter, as far as
 * a number of tokens goes.
 */
#ifndef MEMORY_RECALL_H
#define MEMORY_RECALL_H

#include "fact.h"

struct memory_found {
    troupe_str key, text;
    troupe_str source;  /* of a piece of a document; empty: the member said it */
    troupe_str heading; /* in that document */
    troupe_str tier;
    int64_t said_at, used_at;
    double score; /* for the order only */
    double share; /* of the question's words: 0 to 1 */
};

/* The best, at most `most` (1 to 20) and about `tokens` together. Texts live as long as the stage or function.
 * [turn, waits] */
troupe_status recall_find(troupe_turn *turn, troupe_str query, uint32_t most, int64_t tokens,
                          struct memory_found **ret, uint32_t *ret_count);

#endif
