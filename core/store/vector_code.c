/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_code.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 2,
    SIDE = 8,       /* values that are worked at side by side         */
    SIGNS = 64,     /* of one drawing                                 */
    CODE_MAX = 119, /* of a vector: the most whose upper half is 7    */
    QUERY_MAX = 127 /* of what is looked for, which is not in halves  */
};

/* Of a normal distribution what is above lies beyond once in 10^9. */
#define SIGMAS 6.0
/* What floats lose. */
#define ROUNDING 1e-6

/* ---- the rotation ---- */

/* Sixty-four signs that look like chance and are always the same. */
static uint64_t signs_of(size_t round, size_t word)
{
    uint64_t x = (round * (VECTOR_DIM_MAX / SIGNS) + word + 1) * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void turn_signs(float *values, size_t dim, size_t round)
{
    for (size_t i = 0; i < dim; i += SIGNS) {
        uint64_t signs = signs_of(round, i / SIGNS);
        size_t end = dim - i < SIGNS ? dim - i : SIGNS;

        for (size_t j = 0; j < end; j++, signs >>= 1) {
            uint32_t bits;

            memcpy(&bits, values + i + j, sizeof(bits));
            bits ^= (uint32_t)(signs & 1) << 31;
            memcpy(values + i + j, &bits, sizeof(bits));
        }
    }
}

static inline void cross(float *restrict a, float *restrict b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float sum = a[i] + b[i];

        b[i] = a[i] - b[i];
        a[i] = sum;
    }
}

/* The first two steps of the transform of four values. */
static inline void mix_four(float *values)
{
    float a = values[0] + values[1], b = values[0] - values[1];
    float c = values[2] + values[3], d = values[2] - values[3];

    values[0] = a + c;
    values[1] = b + d;
    values[2] = a - c;
    values[3] = b - d;
}

/* The Walsh-Hadamard transform of so many values, a power of two. */
static void mix(float *values, size_t count)
{
    float unit = 1 / sqrtf((float)count);

    if (count == 2)
        cross(values, values + 1, 1);
    for (size_t i = 0; i + 4 <= count; i += 4)
        mix_four(values + i);
    for (size_t i = 0; i + 8 <= count; i += 8)
        cross(values + i, values + i + 4, 4);
    for (size_t half = SIDE; half < count; half *= 2)
        for (size_t i = 0; i < count; i += 2 * half)
            for (size_t j = i; j < i + half; j += SIDE)
                cross(values + j, values + j + half, SIDE);
    for (size_t i = 0; i < count; i++)
        values[i] *= unit;
}

void vector_rotate(const float *in, size_t dim, float *out)
{
    size_t power = 1;

    while (2 * power <= dim)
        power *= 2;
    memcpy(out, in, dim * sizeof(*out));
    for (size_t round = 0; round < ROUNDS; round++) {
        turn_signs(out, dim, round);
        mix(out, power);
        if (power < dim)
            mix(out + dim - power, power);
    }
}

/* ---- codes ---- */

/* The nearest whole number; what is added to a small one and taken off again leaves it without a fraction. */
static inline int32_t nearest(float value, int32_t limit)
{
    const float whole = 12582912.0F;
    int32_t number = (int32_t)(value + whole - whole);

    return number > limit ? limit : number < -limit ? -limit : number;
}

static float largest(const float *values, size_t dim)
{
    float most[SIDE] = {0};
    size_t i = 0;

    for (; i + SIDE <= dim; i += SIDE)
        for (size_t j = 0; j < SIDE; j++) {
            float size = fabsf(values[i + j]);

            most[j] = size > most[j] ? size : most[j];
        }
    for (; i < dim; i++)
        most[0] = fmaxf(most[0], fabsf(values[i]));
    for (size_t j = 1; j < SIDE; j++)
        most[0] = fmaxf(most[0], most[j]);
    return most[0];
}

/* Of a value times `inverse` its code, and what that leaves over in so many steps. */
struct rule {
    float inverse;
    int32_t limit, steps;
};

static inline void quantise_some(const float *values, size_t count, const struct rule *rule,
                                 int8_t *restrict codes, int8_t *restrict fine)
{
    for (size_t i = 0; i < count; i++) {
        float value = values[i] * rule->inverse;
        int32_t code = nearest(value, rule->limit);

        codes[i] = (int8_t)code;
        fine[i] = (int8_t)nearest((value - (float)code) * (float)rule->steps, 127);
    }
}

/* All of them, with zeros up to the stride, codes up to what a sketch has room for; what they are times of. */
static float quantise(const float *values, size_t dim, int32_t limit, int32_t steps, int8_t *codes,
                      int8_t *fine)
{
    float scale = largest(values, dim) / (float)limit;
    const struct rule rule = {scale > 0 ? 1 / scale : 0, limit, steps};
    size_t i = 0;

    memset(codes, 0, 4 * vector_sketch(dim));
    memset(fine, 0, vector_stride(dim));
    for (; i + 2 * SIDE <= dim; i += 2 * SIDE)
        quantise_some(values + i, 2 * SIDE, &rule, codes + i, fine + i);
    quantise_some(values + i, dim - i, &rule, codes + i, fine + i);
    return scale;
}

/* Halves of numbers that are 0 or more with `zero` added, two in a byte. */
static void split(const int8_t *numbers, size_t plane, int32_t zero, uint8_t *restrict upper,
                  uint8_t *restrict lower)
{
    for (size_t i = 0; i < plane; i++) {
        uint8_t a = (uint8_t)(numbers[i] + zero), b = (uint8_t)(numbers[plane + i] + zero);

        upper[i] = (uint8_t)(a >> 4 | (b & 0xf0));
        lower[i] = (uint8_t)((a & 0x0f) | b << 4);
    }
}

static int32_t square_of(const int8_t *codes, size_t dim)
{
    int32_t square = 0;

    for (size_t i = 0; i < dim; i++)
        square += codes[i] * codes[i];
    return square;
}

static struct vector_guess guess_of(const int8_t *levels, const int8_t *codes, size_t dim,
                                    float scale)
{
    int32_t along = 0, square = square_of(codes, dim);
    double factor, across, part = SIGMAS / sqrt((double)dim);

    for (size_t i = 0; i < dim; i++)
        along += levels[i] * codes[i];
    if (along <= 0)
        return (struct vector_guess){0, scale * sqrtf((float)square)};
    factor = (double)square / along;
    across = square_of(levels, dim) - (double)along / factor;
    across = across > 0 ? sqrt(across) * factor : 0;
    return (struct vector_guess){
        (float)((double)scale * factor),
        (float)((double)scale * across * (part < 1 ? part : 1) + ROUNDING)};
}

/* -3, -1, 1 or 3: where values are spread normally, with the length of one between, little is lost. */
static void sketch(const int8_t *codes, size_t dim, int8_t *restrict levels)
{
    int32_t unit = (int32_t)lround(sqrt((double)square_of(codes, dim) / (double)dim));

    for (size_t i = 0; i < 4 * vector_sketch(dim); i++) {
        int32_t size = abs(codes[i]) > unit ? 3 : 1;

        levels[i] = (int8_t)(codes[i] < 0 ? -size : size);
    }
}

static void pack_sketch(const int8_t *levels, size_t len, uint8_t *restrict out)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t byte = 0;

        for (size_t j = 0; j < 4; j++)
            byte |= (uint32_t)(levels[j * len + i] + 3) / 2 << 2 * j;
        out[i] = (uint8_t)byte;
    }
}

float vector_encode(const float *values, size_t dim, const struct vector_planes *planes,
                    struct vector_guesses *ret)
{
    size_t plane = vector_plane(dim), len = vector_sketch(dim), bytes = 8 * len + 2 * plane;
    _cleanup_mem_ int8_t *codes = mem_alloc(bytes);
    int8_t *levels = codes + 4 * len, *fine = levels + 4 * len;
    float scale = quantise(values, dim, CODE_MAX, VECTOR_FINE_STEPS, codes, fine);

    split(codes, plane, VECTOR_CODE_ZERO, planes->upper, planes->lower);
    split(fine, plane, VECTOR_FINE_ZERO, planes->fine_upper, planes->fine_lower);
    sketch(codes, dim, levels);
    pack_sketch(levels, len, planes->sketch);
    ret->by_sketch = guess_of(levels, codes, dim, scale);
    for (size_t i = 0; i < dim; i++)
        levels[i] = (int8_t)((codes[i] + VECTOR_CODE_ZERO) / 16 - VECTOR_HALF_ZERO);
    ret->by_upper = guess_of(levels, codes, dim, scale);
    explicit_bzero(codes, bytes);
    return scale;
}

void vector_query_init(struct vector_query *query, const float *values, size_t dim)
{
    query->stride = vector_stride(dim);
    query->codes_sum = query->fine_sum = 0;
    query->scale = quantise(values, dim, QUERY_MAX, VECTOR_QUERY_STEPS, query->codes, query->fine);
    for (size_t i = 0; i < dim; i++) {
        query->codes_sum += query->codes[i];
        query->fine_sum += query->fine[i];
    }
    query->length = sqrtf((float)square_of(query->codes, dim));
}
