/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of one scope as a search looks at them: codes (vector_code.h) in chunks of 256 rows, each half in a plane
 * of its own, as are the sketches, with a scale and what sketch and upper half tell for each row. There are no gaps: the last row
 * takes the place of one that is removed. A scope with few rows takes little more than these. Where memory
 * is short nothing changes. What is beyond a huge page is in such: the way to its rows is short then.
 * One thread at a time.
 */
#ifndef STORE_VECTOR_ROWS_H
#define STORE_VECTOR_ROWS_H

#include "store/vector_code.h"

enum { VECTOR_CHUNK = 256 };

struct vector_chunk {
    float scales[VECTOR_CHUNK], factors[VECTOR_CHUNK], doubts[VECTOR_CHUNK];
    float sketch_factors[VECTOR_CHUNK], sketch_doubts[VECTOR_CHUNK];
    uint8_t *sketch;        /* a row after another, too                                      */
    uint8_t *upper, *lower; /* halves of codes, a row after another                          */
    uint8_t *fine;          /* what they leave over, both halves of a row together           */
    char *block;            /* what the codes lie in; NULL where it is that of a chunk before */
};

struct vector_rows {
    size_t dim, stride, plane, sketch;
    size_t count, cap;
    struct vector_chunk **chunks;
    size_t chunk_count;
    size_t bytes; /* of memory */
};

void vector_rows_init(struct vector_rows *rows, size_t dim);
void vector_rows_clear(struct vector_rows *rows); /* overwrites the codes, too */
/* Appends a row of values that were rotated; false: no memory. */
bool vector_rows_add(struct vector_rows *rows, const float *values);
void vector_rows_set(struct vector_rows *rows, size_t row, const float *values);
struct vector_planes vector_rows_planes(const struct vector_rows *rows, size_t row);
float vector_rows_scale(const struct vector_rows *rows, size_t row);
/* Row `row` is what was the last one then. */
void vector_rows_remove(struct vector_rows *rows, size_t row);

#endif
