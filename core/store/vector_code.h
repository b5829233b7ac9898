/* SPDX-License-Identifier: Apache-2.0
 *
 * How a vector of length one is kept in few bits. It is turned first, by a fixed rotation that looks like chance: angles
 * stay, and what lay in a few of its values is spread over all. Then each value is a whole number from -119 to 119
 * times a scale of the vector's own, and of what that leaves over, 254th parts of it. Either has eight bits, in
 * halves of four, and each half lies in a plane, two values in a byte. Beside these there is a sketch of two bits a
 * value, for no more than to tell which vectors cannot be near: so a search looks at all vectors by their
 * sketches, at some of them by a fourth of their bits, and at few by all.
 *
 * Pure; any thread.
 */
#ifndef STORE_VECTOR_CODE_H
#define STORE_VECTOR_CODE_H

#include "store/vector_kernel.h"

/* Halves are kept from 0 on: what stands for none. In a sketch 0 to 3 stand for -3, -1, 1 and 3. */
enum {
    VECTOR_HALF_ZERO = 8,    /* the upper half of a code              */
    VECTOR_CODE_ZERO = 136,  /* both halves of a code                 */
    VECTOR_FINE_ZERO = 128,  /* both halves of what a code leaves over */
    VECTOR_FINE_STEPS = 254, /* of that in one of a code              */
    VECTOR_QUERY_STEPS = 254 /* and of what is looked for */
};

/* `out` is not `in`. Lengths and angles stay but for the sixth digit. */
void vector_rotate(const float *in, size_t dim, float *out);

/* A vector's planes, vector_plane(dim) bytes each, and its sketch. */
struct vector_planes {
    uint8_t *sketch;
    uint8_t *upper, *lower;           /* of codes                   */
    uint8_t *fine_upper, *fine_lower; /* of what they leave over    */
};

/* What a sketch or the upper half alone tells of a dot product of codes, times the scale: `factor` times that
 * of its levels, give or take `doubt` times the length of the query's codes.
 *
 * Either is the vector's own direction plus something across it; the factor takes out the former's length, so
 * that only what lies across errs, and that, turned by chance, has an expected square of 1/dim of the
 * product of both lengths. Six times its root is what a normal distribution goes beyond once in a thousand
 * million times, upwards. In few dimensions it is the whole, and a bound. */
struct vector_guess {
    float factor, doubt;
};
struct vector_guesses {
    struct vector_guess by_sketch, by_upper;
};
/* What the planes are to be times of is returned. `values` are rotated. */
float vector_encode(const float *values, size_t dim, const struct vector_planes *planes,
                    struct vector_guesses *ret);

/* What is looked for, in codes of -127 to 127, and 254th parts of what they leave over. */
struct vector_query {
    int8_t codes[VECTOR_DIM_MAX], fine[VECTOR_DIM_MAX];
    int32_t codes_sum, fine_sum;
    float length; /* of the codes            */
    float scale;  /* what they are times of  */
    size_t stride;
};
/* `values` are rotated. */
void vector_query_init(struct vector_query *query, const float *values, size_t dim);

#endif
