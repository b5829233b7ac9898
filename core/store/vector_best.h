/* SPDX-License-Identifier: Apache-2.0
 *
 * The best rows of a scope by codes. Memory's speed is what bounds a search of many: so it reads the sketches of
 * all, the upper halves of those that may be among the best by what sketches tell, and the lower ones of those
 * that still may by their upper ones; where either is more than every fourth row of a chunk, as when all are alike, it
 * reads all of the chunk. Pure; any thread.
 */
#ifndef STORE_VECTOR_BEST_H
#define STORE_VECTOR_BEST_H

#include "store/vector_rows.h"

struct vector_candidate {
    float score; /* by codes, times a length of the query's */
    uint32_t row;
    int32_t dot; /* of the codes */
};
/* The `k` best by codes, in no order; `out` has room for them. Returns how many. They are those of a look at all
 * codes, but for what vector_guess leaves to chance. `ret_close`, where it is not NULL, is how many rows were
 * looked at by both halves. */
size_t vector_best(const struct vector_rows *rows, const struct vector_kernel *kernel,
                   const struct vector_query *query, size_t k, struct vector_candidate *out,
                   size_t *ret_close);

/* The cosine of one of them, by all bits; 0 where it is less than these tell. */
double vector_refined(const struct vector_rows *rows, const struct vector_kernel *kernel,
                      const struct vector_query *query, const struct vector_candidate *of);

#endif
