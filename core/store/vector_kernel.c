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

static void sums_portable(const struct vector_codes *query, const uint8_t *rows, size_t count,
                          int32_t *out)
{
    size_t plane = query->stride / 2;

    for (size_t r = 0; r < count; r++, rows += plane) {
        int32_t sum = 0;

        for (size_t i = 0; i < plane; i++)
            sum += (int32_t)query->codes[i] * (rows[i] & 0x0f) +
                   (int32_t)query->codes[plane + i] * (rows[i] >> 4);
        out[r] = sum;
    }
}

static void sketches_portable(const struct vector_codes *query, const uint8_t *rows, size_t count,
                              int32_t *out)
{
    size_t len = vector_sketch(query->stride);

    for (size_t r = 0; r < count; r++, rows += len) {
        int32_t sum = 0;

        for (size_t i = 0; i < len; i++)
            sum += (int32_t)query->codes[i] * (rows[i] & 3) +
                   (int32_t)query->codes[len + i] * (rows[i] >> 2 & 3) +
                   (int32_t)query->codes[2 * len + i] * (rows[i] >> 4 & 3) +
                   (int32_t)query->codes[3 * len + i] * (rows[i] >> 6);
        out[r] = sum;
    }
}

#ifdef VECTOR_X86

/* The processor's own looking ahead ends with a page, and leaves its lines idle: what comes so many bytes later is
 * asked for beside what is read. That there may be nothing is no harm. */
enum { AHEAD = 2048 };

static inline void ask_ahead(const uint8_t *rows, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += VECTOR_ALIGN)
        __builtin_prefetch((const void *)((uintptr_t)rows + AHEAD + i));
}

VECTOR_FOR("avx2") static int32_t add_up(__m256i sums)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));

    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(four);
}

VECTOR_FOR("avx2") static inline __m256i load_32(const void *from)
{
    return _mm256_loadu_si256(from);
}

/* The multiplication adds pairs in 16 bits: four products of at most 15 · 127 fit. */
VECTOR_FOR("avx2")
static void sums_avx2(const struct vector_codes *query, const uint8_t *rows, size_t count,
                      int32_t *out)
{
    const __m256i ones = _mm256_set1_epi16(1), low = _mm256_set1_epi8(0x0f);
    size_t plane = query->stride / 2;

    for (size_t r = 0; r < count; r++, rows += plane) {
        __m256i sum = _mm256_setzero_si256();

        if (count > 1)
            ask_ahead(rows, plane);
        for (size_t i = 0; i < plane; i += 32) {
            __m256i row = load_32(rows + i);
            __m256i first = _mm256_and_si256(row, low);
            __m256i second = _mm256_and_si256(_mm256_srli_epi16(row, 4), low);
            __m256i pairs =
                _mm256_add_epi16(_mm256_maddubs_epi16(first, load_32(query->codes + i)),
                                 _mm256_maddubs_epi16(second, load_32(query->codes + plane + i)));

            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
        out[r] = add_up(sum);
    }
}

/* As above, of four products of at most 3 · 127 twice. */
VECTOR_FOR("avx2")
static void sketches_avx2(const struct vector_codes *query, const uint8_t *rows, size_t count,
                          int32_t *out)
{
    const __m256i ones = _mm256_set1_epi16(1), two_bits = _mm256_set1_epi8(3);
    size_t len = vector_sketch(query->stride);

    for (size_t r = 0; r < count; r++, rows += len) {
        __m256i sum = _mm256_setzero_si256();

        if (count > 1)
            ask_ahead(rows, len);
        for (size_t i = 0; i < len; i += 32) {
            const int8_t *codes = query->codes + i;
            __m256i row = load_32(rows + i), pairs = _mm256_setzero_si256();

            for (size_t j = 0; j < 4; j++) {
                pairs =
                    _mm256_add_epi16(pairs, _mm256_maddubs_epi16(_mm256_and_si256(row, two_bits),
                                                                 load_32(codes + j * len)));
                row = _mm256_srli_epi16(row, 2);
            }
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
        out[r] = add_up(sum);
    }
}

#define VNNI "avx512f,avx512bw,avx512vl,avx512vnni"

/* Sums by the lower halves of bytes; those by the upper ones come out sixteenfold, for they are not moved down. No
 * structs or arrays of these: gcc 12 does not align them where a sanitizer moves the stack. */
VECTOR_FOR(VNNI) static inline __m512i add_low(__m512i sum, __m512i row, __m512i codes)
{
    return _mm512_dpbusd_epi32(sum, _mm512_and_si512(row, _mm512_set1_epi8(0x0f)), codes);
}

VECTOR_FOR(VNNI) static inline __m512i add_high(__m512i sum, __m512i row, __m512i codes)
{
    return _mm512_dpbusd_epi32(sum, _mm512_andnot_si512(_mm512_set1_epi8(0x0f), row), codes);
}

VECTOR_FOR(VNNI) static inline __m512i both(__m512i low, __m512i high)
{
    return _mm512_add_epi32(low, _mm512_srai_epi32(high, 4));
}

/* A plane is a multiple of 32 bytes: what is loaded beyond its end is zero. */
VECTOR_FOR(VNNI) static inline __m512i load_up_to(const void *from, size_t bytes)
{
    return _mm512_maskz_loadu_epi8(bytes < 64 ? UINT32_MAX : UINT64_MAX, from);
}

/* The sums of four rows out of sixteen parts of each. */
VECTOR_FOR(VNNI) static inline __m128i add_up_four(__m512i a, __m512i b, __m512i c, __m512i d)
{
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));

    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

VECTOR_FOR(VNNI)
static void sums_vnni(const struct vector_codes *query, const uint8_t *rows, size_t count,
                      int32_t *out)
{
    size_t plane = query->stride / 2, r = 0;
    const int8_t *codes = query->codes;

    for (; r + 4 <= count; r += 4, rows += 4 * plane) {
        __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
        __m512i a_high = a, b_high = a, c_high = a, d_high = a;

        ask_ahead(rows, 4 * plane);
        for (size_t i = 0; i < plane; i += 64) {
            __m512i low = load_up_to(codes + i, plane - i);
            __m512i high = load_up_to(codes + plane + i, plane - i);
            __m512i row = load_up_to(rows + i, plane - i);

            a = add_low(a, row, low);
            a_high = add_high(a_high, row, high);
            row = load_up_to(rows + plane + i, plane - i);
            b = add_low(b, row, low);
            b_high = add_high(b_high, row, high);
            row = load_up_to(rows + 2 * plane + i, plane - i);
            c = add_low(c, row, low);
            c_high = add_high(c_high, row, high);
            row = load_up_to(rows + 3 * plane + i, plane - i);
            d = add_low(d, row, low);
            d_high = add_high(d_high, row, high);
        }
        _mm_storeu_si128(
            (__m128i *)(void *)(out + r),
            add_up_four(both(a, a_high), both(b, b_high), both(c, c_high), both(d, d_high)));
    }
    for (; r < count; r++, rows += plane) {
        __m512i a = _mm512_setzero_si512(), a_high = a;

        for (size_t i = 0; i < plane; i += 64) {
            __m512i row = load_up_to(rows + i, plane - i);

            a = add_low(a, row, load_up_to(codes + i, plane - i));
            a_high = add_high(a_high, row, load_up_to(codes + plane + i, plane - i));
        }
        out[r] = _mm512_reduce_add_epi32(both(a, a_high));
    }
}

VECTOR_FOR(VNNI)
static inline __m512i add_sketch(__m512i sum, __m512i row, __m512i first, __m512i second,
                                 __m512i third, __m512i fourth)
{
    const __m512i two_bits = _mm512_set1_epi8(3);

    sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(row, two_bits), first);
    sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(row, 2), two_bits), second);
    sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(row, 4), two_bits), third);
    return _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(row, 6), two_bits), fourth);
}

VECTOR_FOR(VNNI)
static void sketches_vnni(const struct vector_codes *query, const uint8_t *rows, size_t count,
                          int32_t *out)
{
    size_t len = vector_sketch(query->stride), r = 0;

    for (; r < count; r += 4) {
        /* The last one in place of those that are missing: it is the same again. */
        const uint8_t *at = rows + r * len;
        const uint8_t *at_b = r + 1 < count ? at + len : at;
        const uint8_t *at_c = r + 2 < count ? at + 2 * len : at;
        const uint8_t *at_d = r + 3 < count ? at + 3 * len : at;
        __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
        __m128i sums;

        if (count > 4)
            ask_ahead(at, 4 * len);
        for (size_t i = 0; i < len; i += 64) {
            const int8_t *codes = query->codes + i;
            __m512i first = load_up_to(codes, len - i);
            __m512i second = load_up_to(codes + len, len - i);
            __m512i third = load_up_to(codes + 2 * len, len - i);
            __m512i fourth = load_up_to(codes + 3 * len, len - i);

            a = add_sketch(a, load_up_to(at + i, len - i), first, second, third, fourth);
            b = add_sketch(b, load_up_to(at_b + i, len - i), first, second, third, fourth);
            c = add_sketch(c, load_up_to(at_c + i, len - i), first, second, third, fourth);
            d = add_sketch(d, load_up_to(at_d + i, len - i), first, second, third, fourth);
        }
        sums = add_up_four(a, b, c, d);
        memcpy(out + r, &sums, (count - r < 4 ? count - r : 4) * sizeof(*out));
    }
}

#endif

static const struct vector_kernel kernels[] = {
    {"portable", sums_portable, sketches_portable},
#ifdef VECTOR_X86
    {"avx2", sums_avx2, sketches_avx2},
    {"avx512vnni", sums_vnni, sketches_vnni},
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
