/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_best.h"

#include <math.h>

enum {
    SIDE = 8,   /* rows that are looked at side by side */
    MANY = 4,   /* of so many rows one is looked at closer: then all are, one after another */
    UNASKED = 4 /* chunks after one whose sketches did not help */
};

/* What bits do not tell of a cosine: less is none, so that vectors without anything in common are alike. */
#define RIGHT_ANGLE 0.00003

/* ---- the best ---- */

/* A heap with the worst in front, which is what has to go. */
static void sift_down(struct vector_candidate *heap, size_t count)
{
    struct vector_candidate moved = heap[0];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < count) {
        if (child + 1 < count && heap[child + 1].score < heap[child].score)
            child++;
        if (heap[child].score >= moved.score)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moved;
}

static void sift_up(struct vector_candidate *heap, size_t i)
{
    struct vector_candidate moved = heap[i];

    while (i > 0 && heap[(i - 1) / 2].score > moved.score) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = moved;
}

/* One search. */
struct look {
    const struct vector_rows *rows;
    const struct vector_kernel *kernel;
    const struct vector_query *query;
    struct vector_candidate *best;
    size_t k, found, close, unasked;
    float worst; /* what has to be more than this */
};

static void consider(struct look *look, const struct vector_chunk *chunk, size_t first, size_t i,
                     int32_t upper, int32_t lower)
{
    int32_t dot = 16 * upper + lower - VECTOR_CODE_ZERO * look->query->codes_sum;
    struct vector_candidate next = {chunk->scales[i] * (float)dot, (uint32_t)(first + i), dot};

    if (look->found < look->k) {
        look->best[look->found] = next;
        sift_up(look->best, look->found++);
    } else if (next.score > look->worst) {
        look->best[0] = next;
        sift_down(look->best, look->found);
    } else {
        return;
    }
    if (look->found == look->k)
        look->worst = look->best[0].score;
}

/* What one kind of bits tells of a chunk's rows. */
struct hint {
    const float *factors, *doubts;
    int32_t times, zero; /* of sums, to be those of levels */
};

static bool is_likely(const struct look *look, const struct hint *hint, size_t i, int32_t sum)
{
    return hint->factors[i] * (float)(hint->times * sum - hint->zero) +
               hint->doubts[i] * look->query->length >
           look->worst;
}

/* Of the rows of a chunk those that may be among the best. Eight side by side, of which mostly none is. */
static size_t likely(const struct look *look, const struct hint *hint, const int32_t *sums,
                     size_t count, uint16_t *ret)
{
    size_t found = 0, i = 0;

    for (; i + SIDE <= count; i += SIDE) {
        int32_t above[SIDE], any = 0;

        for (size_t j = 0; j < SIDE; j++)
            above[j] = is_likely(look, hint, i + j, sums[i + j]);
        for (size_t j = 0; j < SIDE; j++)
            any |= above[j];
        for (size_t j = 0; any && j < SIDE; j++) {
            ret[found] = (uint16_t)(i + j);
            found += above[j] != 0;
        }
    }
    for (; i < count; i++) {
        ret[found] = (uint16_t)i;
        found += is_likely(look, hint, i, sums[i]);
    }
    return found;
}

/* The same of some rows only, which `of` has before and after. */
static size_t likely_of(const struct look *look, const struct hint *hint, const int32_t *sums,
                        size_t count, uint16_t *of)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        uint16_t row = of[i];

        of[found] = row;
        found += is_likely(look, hint, row, sums[row]);
    }
    return found;
}

/* Sums of some rows of a plane, or, where these are many, of all. */
static void sum_up(const struct look *look, const uint8_t *plane, size_t all, const uint16_t *of,
                   size_t some, int32_t *sums)
{
    const struct vector_codes codes = {look->query->codes, look->query->stride};
    size_t len = look->rows->plane;

    if (some > all / MANY) {
        look->kernel->sums(&codes, plane, all, sums);
        return;
    }
    for (size_t i = 0; i < some; i++)
        for (size_t at = 0; at < len; at += VECTOR_ALIGN)
            __builtin_prefetch(plane + of[i] * len + at);
    for (size_t i = 0; i < some; i++)
        look->kernel->sums(&codes, plane + of[i] * len, 1, &sums[of[i]]);
}

/* The rows of a chunk that its sketches do not rule out; all of them, and `of` is as it was, where these are so
 * many that sketches are no help. Then the next chunks are not even asked. */
static size_t by_sketch(struct look *look, const struct vector_chunk *chunk, size_t count,
                        uint16_t *of)
{
    const struct vector_codes codes = {look->query->codes, look->query->stride};
    const struct hint hint = {chunk->sketch_factors, chunk->sketch_doubts, 2,
                              3 * look->query->codes_sum};
    int32_t sums[VECTOR_CHUNK];
    size_t some;

    if (look->found < look->k || look->unasked > 0) {
        look->unasked -= look->unasked > 0;
        return count;
    }
    look->kernel->sketches(&codes, chunk->sketch, count, sums);
    some = likely(look, &hint, sums, count, of);
    if (some <= count / MANY)
        return some;
    look->unasked = UNASKED;
    return count;
}

static void look_at_chunk(struct look *look, size_t c)
{
    const struct vector_chunk *chunk = look->rows->chunks[c];
    const struct hint hint = {chunk->factors, chunk->doubts, 1,
                              VECTOR_HALF_ZERO * look->query->codes_sum};
    size_t first = c * VECTOR_CHUNK, count = look->rows->count - first, some;
    int32_t uppers[VECTOR_CHUNK], lowers[VECTOR_CHUNK];
    uint16_t of[VECTOR_CHUNK] = {0};

    count = count < VECTOR_CHUNK ? count : VECTOR_CHUNK;
    some = by_sketch(look, chunk, count, of);
    sum_up(look, chunk->upper, count, of, some, uppers);
    some = some == count ? likely(look, &hint, uppers, count, of)
                         : likely_of(look, &hint, uppers, some, of);
    look->close += some > count / MANY ? count : some;
    sum_up(look, chunk->lower, count, of, some, lowers);
    for (size_t i = 0; i < some; i++)
        consider(look, chunk, first, of[i], uppers[of[i]], lowers[of[i]]);
}

size_t vector_best(const struct vector_rows *rows, const struct vector_kernel *kernel,
                   const struct vector_query *query, size_t k, struct vector_candidate *out,
                   size_t *ret_close)
{
    struct look look = {
        .rows = rows, .kernel = kernel, .query = query, .best = out, .k = k, .worst = -INFINITY};

    for (size_t c = 0; k && c < rows->chunk_count; c++)
        look_at_chunk(&look, c);
    if (ret_close)
        *ret_close = look.close;
    return look.found;
}

/* ---- by all bits ---- */

static int32_t sum_of(const struct vector_kernel *kernel, const struct vector_codes *codes,
                      const uint8_t *upper, const uint8_t *lower, int32_t zero)
{
    int32_t uppers, lowers;

    kernel->sums(codes, upper, 1, &uppers);
    kernel->sums(codes, lower, 1, &lowers);
    return 16 * uppers + lowers - zero;
}

/* The product of both remainders is less than what they do not tell. */
double vector_refined(const struct vector_rows *rows, const struct vector_kernel *kernel,
                      const struct vector_query *query, const struct vector_candidate *of)
{
    const struct vector_codes codes = {query->codes, query->stride};
    const struct vector_codes fine = {query->fine, query->stride};
    struct vector_planes planes = vector_rows_planes(rows, of->row);
    int32_t by_fine =
        sum_of(kernel, &fine, planes.upper, planes.lower, VECTOR_CODE_ZERO * query->fine_sum);
    int32_t of_fine = sum_of(kernel, &codes, planes.fine_upper, planes.fine_lower,
                             VECTOR_FINE_ZERO * query->codes_sum);
    double dot =
        of->dot + (double)by_fine / VECTOR_QUERY_STEPS + (double)of_fine / VECTOR_FINE_STEPS;
    double score = dot * (double)vector_rows_scale(rows, of->row) * (double)query->scale;

    if (fabs(score) < RIGHT_ANGLE)
        return 0;
    return score > 1 ? 1 : score < -1 ? -1 : score;
}
