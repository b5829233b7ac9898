/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of one scope as a search looks at them: codes in chunks of 256 rows, with a scale and a sum for
 * each. There are no gaps: the last row takes the place of one that is removed. A scope with few rows takes
 * little more than these. Where memory is short nothing changes. One thread at a time.
 */
#ifndef STORE_VECTOR_ROWS_H
#define STORE_VECTOR_ROWS_H

#include "store/vector_kernel.h"

enum { VECTOR_CHUNK = 256 };

struct vector_chunk; /* the rows' codes, and what belongs to them */

struct vector_rows {
    size_t dim, stride;
    size_t count, cap;
    struct vector_chunk **chunks;
    size_t chunk_count;
    size_t bytes; /* of memory */
};

void vector_rows_init(struct vector_rows *rows, size_t dim);
void vector_rows_clear(struct vector_rows *rows); /* overwrites the codes, too */
/* What one more row would take beyond `bytes`. */
size_t vector_rows_growth(const struct vector_rows *rows);
/* Appends a row; false: no memory. */
bool vector_rows_add(struct vector_rows *rows, const float *values);
void vector_rows_set(struct vector_rows *rows, size_t row, const float *values);
/* A row's codes, and what they are times of. */
const int8_t *vector_rows_codes(const struct vector_rows *rows, size_t row, float *ret_scale);
/* Row `row` is what was the last one then. */
void vector_rows_remove(struct vector_rows *rows, size_t row);

struct vector_candidate {
    float score;
    uint32_t row;
};
/* The `k` best by codes, in no order; `out` has room for them. Returns how many. The query is of length
 * one. */
size_t vector_rows_best(const struct vector_rows *rows, const struct vector_kernel *kernel,
                        const float *query, size_t k, struct vector_candidate *out);

#endif
