/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_kernel.h"

#include <math.h>
#include <string.h>

/* GNU C on x86-64 lets one function use instructions that the rest of the program must not. */
#if defined(__GNUC__) && defined(__x86_64__)
#define VECTOR_X86      1
#define VECTOR_FOR(isa) __attribute__((target(isa)))
#include <immintrin.h>
#endif

bool vector_normalise(const float *in, size_t dim, float *out)
{
    double sum = 0, factor;

    for (size_t i = 0; i < dim; i++) {
        if (!isfinite(in[i]))
            return false;
        sum += (double)in[i] * (double)in[i];
    }
    if (!(sum > 0))
        return false;
    factor = 1.0 / sqrt(sum);
    for (size_t i = 0; i < dim; i++)
        out[i] = (float)((double)in[i] * factor);
    return true;
}

float vector_quantise(const float *values, size_t dim, int8_t *codes, int32_t *ret_sum)
{
    size_t stride = vector_stride(dim);
    float most = 0, inverse;
    int32_t sum = 0;

    for (size_t i = 0; i < dim; i++)
        most = fmaxf(most, fabsf(values[i]));
    inverse = most > 0 ? 127.0F / most : 0;
    for (size_t i = 0; i < dim; i++) {
        long code = lrintf(values[i] * inverse);

        code = code > 127 ? 127 : code < -127 ? -127 : code;
        codes[i] = (int8_t)code;
        sum += (int32_t)code;
    }
    memset(codes + dim, 0, stride - dim);
    *ret_sum = sum;
    return most / 127.0F;
}

float vector_dot(const float *a, const float *b, size_t dim)
{
    float sums[8] = {0}, rest = 0;
    size_t i = 0;

    for (; i + 8 <= dim; i += 8)
        for (size_t j = 0; j < 8; j++)
            sums[j] += a[i + j] * b[i + j];
    for (; i < dim; i++)
        rest += a[i] * b[i];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
           ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest;
}

static void dots_portable(const struct vector_codes *query, const int8_t *rows, const int32_t *sums,
                          size_t count, int32_t *out)
{
    (void)sums;
    for (size_t r = 0; r < count; r++, rows += query->stride) {
        int32_t sum = 0;

        for (size_t i = 0; i < query->stride; i++)
            sum += (int32_t)query->codes[i] * (int32_t)rows[i];
        out[r] = sum;
    }
}

#ifdef VECTOR_X86

VECTOR_FOR("avx2") static int32_t add_up(__m256i sums)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));

    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(four);
}

/* The multiplication wants one side without a sign: |row| times the query with the row's sign. Two
 * products of at most 127 · 127 fit into its 16 bits. */
VECTOR_FOR("avx2")
static void dots_avx2(const struct vector_codes *query, const int8_t *rows, const int32_t *sums,
                      size_t count, int32_t *out)
{
    const __m256i ones = _mm256_set1_epi16(1);

    (void)sums;
    for (size_t r = 0; r < count; r++, rows += query->stride) {
        __m256i sum = _mm256_setzero_si256();

        for (size_t i = 0; i < query->stride; i += 32) {
            __m256i row = _mm256_loadu_si256((const __m256i *)(const void *)(rows + i));
            __m256i with = _mm256_loadu_si256((const __m256i *)(const void *)(query->codes + i));
            __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(row), _mm256_sign_epi8(with, row));

            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
        out[r] = add_up(sum);
    }
}

#define VNNI "avx512f,avx512bw,avx512vl,avx512vnni"

VECTOR_FOR(VNNI) static inline __m512i load(const void *from)
{
    return _mm512_loadu_si512(from);
}

/* Here, too, one side has no sign: the query plus 128, and what that adds is taken off again. */
VECTOR_FOR(VNNI)
static void dots_vnni(const struct vector_codes *query, const int8_t *rows, const int32_t *sums,
                      size_t count, int32_t *out)
{
    size_t stride = query->stride, r = 0;

    for (; r + 4 <= count; r += 4, rows += 4 * stride) {
        __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;

        for (size_t i = 0; i < stride; i += 64) {
            __m512i with = load(query->raised + i);

            a = _mm512_dpbusd_epi32(a, with, load(rows + i));
            b = _mm512_dpbusd_epi32(b, with, load(rows + stride + i));
            c = _mm512_dpbusd_epi32(c, with, load(rows + 2 * stride + i));
            d = _mm512_dpbusd_epi32(d, with, load(rows + 3 * stride + i));
        }
        out[r] = _mm512_reduce_add_epi32(a) - 128 * sums[r];
        out[r + 1] = _mm512_reduce_add_epi32(b) - 128 * sums[r + 1];
        out[r + 2] = _mm512_reduce_add_epi32(c) - 128 * sums[r + 2];
        out[r + 3] = _mm512_reduce_add_epi32(d) - 128 * sums[r + 3];
    }
    for (; r < count; r++, rows += stride) {
        __m512i a = _mm512_setzero_si512();

        for (size_t i = 0; i < stride; i += 64)
            a = _mm512_dpbusd_epi32(a, load(query->raised + i), load(rows + i));
        out[r] = _mm512_reduce_add_epi32(a) - 128 * sums[r];
    }
}

#endif

static const struct vector_kernel kernels[] = {
    {"portable", dots_portable},
#ifdef VECTOR_X86
    {"avx2", dots_avx2},
    {"avx512vnni", dots_vnni},
#endif
};

static bool has(size_t i)
{
#ifdef VECTOR_X86
    switch (i) {
    case 1: return __builtin_cpu_supports("avx2") != 0;
    case 2:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
    default: return true;
    }
#else
    return i == 0;
#endif
}

const struct vector_kernel *vector_kernel_at(size_t i)
{
    for (size_t k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++)
        if (has(k) && i-- == 0)
            return &kernels[k];
    return NULL;
}

const struct vector_kernel *vector_kernel(void)
{
    const struct vector_kernel *best = &kernels[0], *kernel;

    for (size_t i = 1; (kernel = vector_kernel_at(i)); i++)
        best = kernel;
    return best;
}
