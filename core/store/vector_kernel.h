/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic of vector search: unit length, dot products of floats, and of a query's codes with rows of
 * half or quarter bytes (vector_code.h). The latter are exact whole numbers, so every way to compute them gives the same;
 * which one this processor has is found when it is asked for and kept by who asked, not by the loader
 * (target_clones): so tests can prove them all on one machine, and no code runs before a sanitizer is
 * ready. Pure; any thread.
 */
#ifndef STORE_VECTOR_KERNEL_H
#define STORE_VECTOR_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VECTOR_DIM_MAX = 4096,
    VECTOR_ALIGN = 64 /* codes are padded with zeros to a multiple of this */
};

/* Codes of a row. */
static inline size_t vector_stride(size_t dim)
{
    return (dim + VECTOR_ALIGN - 1) & ~(size_t)(VECTOR_ALIGN - 1);
}

/* Bytes of a row in each of its two planes: byte i has the code i below, and above the one half a stride on. */
static inline size_t vector_plane(size_t dim)
{
    return vector_stride(dim) / 2;
}

/* Bytes of a row's sketch: byte i has four of two bits, the lowest for value i, the next for the one so many on. */
static inline size_t vector_sketch(size_t dim)
{
    return (vector_stride(dim) / 4 + 31) & ~(size_t)31;
}

/* Scales `in` to length one. False, and `out` is undefined, where a value is no finite number or all are
 * zero, which has no direction. `out` may be `in`. */
bool vector_normalise(const float *in, size_t dim, float *out);
/* In single precision, eight sums side by side. */
float vector_dot(const float *a, const float *b, size_t dim);

/* A query's codes, -127 to 127, with zeros up to what a sketch has room for. */
struct vector_codes {
    const int8_t *codes;
    size_t stride;
};

/* out[i] = what the query's codes times the half bytes of row i, 0 to 15 as they are kept, or the two bits of its
 * sketch, 0 to 3, add up to. Rows of a plane lie one behind the other. */
typedef void vector_sums_fn(const struct vector_codes *query, const uint8_t *rows, size_t count,
                            int32_t *out);

struct vector_kernel {
    const char *name;
    vector_sums_fn *sums;     /* of a plane's rows */
    vector_sums_fn *sketches; /* of sketches       */
};

/* The fastest of this processor. */
const struct vector_kernel *vector_kernel(void);
/* All that this processor has, the portable one first; NULL after the last. For tests and benches. */
const struct vector_kernel *vector_kernel_at(size_t i);

#endif
