/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic of vector search: unit length, eight bits a value, dot products. A vector of length one
 * becomes whole numbers from -127 to 127 times a scale of its own. Dot products of these are exact whole
 * numbers, so every way to compute them gives the same; which one this processor has is found when it is
 * asked for and kept by who asked, not by the loader (target_clones): so tests can prove them all on one
 * machine, and no code runs before a sanitizer is ready. Pure; any thread.
 */
#ifndef STORE_VECTOR_KERNEL_H
#define STORE_VECTOR_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VECTOR_DIM_MAX = 4096,
    VECTOR_ALIGN = 64 /* rows of codes begin at, and are padded with zeros to, a multiple of this */
};

/* Bytes of a row of codes. */
static inline size_t vector_stride(size_t dim)
{
    return (dim + VECTOR_ALIGN - 1) & ~(size_t)(VECTOR_ALIGN - 1);
}

/* Scales `in` to length one. False, and `out` is undefined, where a value is no finite number or all are
 * zero, which has no direction. `out` may be `in`. */
bool vector_normalise(const float *in, size_t dim, float *out);
/* What is lost is at most half of the returned scale in each value. `codes` has the stride's length. */
float vector_quantise(const float *values, size_t dim, int8_t *codes, int32_t *ret_sum);
/* In single precision, eight sums side by side. */
float vector_dot(const float *a, const float *b, size_t dim);

/* A query's codes, and the same plus 128, which some processors multiply faster. */
struct vector_codes {
    const int8_t *codes;
    const uint8_t *raised;
    size_t stride;
};

/* out[i] = dot product of the query and row i; sums[i] is what the row's codes add up to. */
typedef void vector_dots_fn(const struct vector_codes *query, const int8_t *rows,
                            const int32_t *sums, size_t count, int32_t *out);

struct vector_kernel {
    const char *name;
    vector_dots_fn *dots;
};

/* The fastest of this processor. */
const struct vector_kernel *vector_kernel(void);
/* All that this processor has, the portable one first; NULL after the last. For tests and benches. */
const struct vector_kernel *vector_kernel_at(size_t i);

#endif
