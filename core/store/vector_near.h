/* SPDX-License-Identifier: Apache-2.0
 *
 * Which vectors of one scope point the way a query points, by the cosine of the angle. The floats are elsewhere, in
 * the database: here each value has sixteen bits (vector_code.h), eight by which four candidates for each result are
 * found (vector_best.h), and eight more of what these leave over, by which they are put in order. So a score is
 * that of the floats to 0.00005 (less than 0.00003 is 0), and what is found is what a scan of the floats finds (recall@10 of at least
 * 0.999, tested). Twice the dimensions and about 125 bytes beside the key for each vector (91 MB for
 * 100,000 of 384). Time: a sixth of a scan of the floats (`make bench`).
 *
 * Pure; one thread at a time. What is removed is overwritten at once.
 */
#ifndef STORE_VECTOR_NEAR_H
#define STORE_VECTOR_NEAR_H

#include "store/vector_kernel.h"

struct vector_near;

/* `dim` is 1 to VECTOR_DIM_MAX. */
struct vector_near *vector_near_new(size_t dim);
void vector_near_free(struct vector_near *near); /* NULL is fine */

/* Puts a vector of length one, in place of what has the key. False, and the key is not there: no memory. */
bool vector_near_put(struct vector_near *near, const char *key, const float *values);
void vector_near_remove(struct vector_near *near, const char *key); /* absent is fine */
size_t vector_near_dim(const struct vector_near *near);
size_t vector_near_count(const struct vector_near *near); /* vectors        */
size_t vector_near_bytes(const struct vector_near *near); /* of memory      */

struct vector_near_hit {
    const char *key; /* borrowed until the next change */
    double score;    /* cosine, -1 to 1                */
};
/* The `most` nearest to a query of length one, best first, those alike by key; which of them, where more than four
 * times `most` are alike, is not told. Returns how many. */
size_t vector_near_search(const struct vector_near *near, const float *query, size_t most,
                          struct vector_near_hit *hits);

#endif
