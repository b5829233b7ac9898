/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_best.h"

#include <math.h>

enum {
    SIDE = 8, /* rows that are looked at side by side */
    MANY = 4  /* of so many rows one is looked at closer: then all are, one after another */
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
    size_t k, found, close;
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

/* Of the rows of a chunk those that may be among the best, by their upper halves. Eight side by side, of which
 * mostly none is. */
static size_t likely(const struct look *look, const struct vector_chunk *chunk,
                     const int32_t *uppers, size_t count, uint16_t *ret)
{
    const int32_t zero = VECTOR_HALF_ZERO * look->query->codes_sum;
    const float length = look->query->length, worst = look->worst;
    size_t found = 0, i = 0;

    for (; i + SIDE <= count; i += SIDE) {
        int32_t above[SIDE], any = 0;

        for (size_t j = 0; j < SIDE; j++)
            above[j] = chunk->factors[i + j] * (float)(uppers[i + j] - zero) +
                           chunk->doubts[i + j] * length >
                       worst;
        for (size_t j = 0; j < SIDE; j++)
            any |= above[j];
        for (size_t j = 0; any && j < SIDE; j++) {
            ret[found] = (uint16_t)(i + j);
            found += above[j] != 0;
        }
    }
    for (; i < count; i++) {
        ret[found] = (uint16_t)i;
        found += chunk->factors[i] * (float)(uppers[i] - zero) + chunk->doubts[i] * length > worst;
    }
    return found;
}

static void look_at_chunk(struct look *look, size_t c)
{
    const struct vector_chunk *chunk = look->rows->chunks[c];
    const struct vector_codes codes = {look->query->codes, look->query->stride};
    size_t first = c * VECTOR_CHUNK, count = look->rows->count - first, some;
    size_t plane = look->rows->plane;
    int32_t uppers[VECTOR_CHUNK], lowers[VECTOR_CHUNK];
    uint16_t of[VECTOR_CHUNK] = {0};
    bool all;

    count = count < VECTOR_CHUNK ? count : VECTOR_CHUNK;
    look->kernel->sums(&codes, chunk->upper, count, uppers);
    some = likely(look, chunk, uppers, count, of);
    all = some > count / MANY;
    look->close += all ? count : some;
    if (all)
        look->kernel->sums(&codes, chunk->lower, count, lowers);
    else
        for (size_t i = 0; i < some; i++)
            for (size_t at = 0; at < plane; at += VECTOR_ALIGN)
                __builtin_prefetch(chunk->lower + of[i] * plane + at);
    for (size_t i = 0; i < some; i++) {
        if (!all)
            look->kernel->sums(&codes, chunk->lower + of[i] * plane, 1, &lowers[of[i]]);
        consider(look, chunk, first, of[i], uppers[of[i]], lowers[of[i]]);
    }
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
