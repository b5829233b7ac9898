/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_rows.h"

#include "base/mem.h"

#include <string.h>

enum { CHUNK_MIN = 8 };

struct vector_chunk {
    float scales[VECTOR_CHUNK];
    int32_t sums[VECTOR_CHUNK];
    int8_t *codes;
    char *block; /* what `codes` lies in */
};

void vector_rows_init(struct vector_rows *rows, size_t dim)
{
    *rows = (struct vector_rows){.dim = dim, .stride = vector_stride(dim)};
}

static void wipe(void *data, size_t len)
{
    explicit_bzero(data, len);
}

static size_t block_size(const struct vector_rows *rows, size_t cap)
{
    return rows->stride * cap + VECTOR_ALIGN;
}

/* Rows that the last chunk has room for: only the first one ever has less than all. */
static size_t chunk_cap(const struct vector_rows *rows)
{
    return rows->cap < VECTOR_CHUNK ? rows->cap : VECTOR_CHUNK;
}

static void free_chunk(struct vector_rows *rows, struct vector_chunk *chunk, size_t cap)
{
    wipe(chunk->block, block_size(rows, cap));
    mem_free(chunk->block);
    mem_free(chunk);
    rows->bytes -= block_size(rows, cap) + sizeof(*chunk);
    rows->cap -= cap;
    rows->chunk_count--;
}

void vector_rows_clear(struct vector_rows *rows)
{
    while (rows->chunk_count > 0)
        free_chunk(rows, rows->chunks[rows->chunk_count - 1], chunk_cap(rows));
    mem_free(rows->chunks);
    vector_rows_init(rows, rows->dim);
}

size_t vector_rows_growth(const struct vector_rows *rows)
{
    if (rows->count < rows->cap)
        return 0;
    if (rows->cap >= VECTOR_CHUNK || rows->cap == 0)
        return block_size(rows, rows->cap ? VECTOR_CHUNK : CHUNK_MIN) +
               sizeof(struct vector_chunk) + sizeof(struct vector_chunk *);
    return rows->stride * rows->cap;
}

static bool take_block(const struct vector_rows *rows, struct vector_chunk *chunk, size_t cap)
{
    char *block = mem_try(block_size(rows, cap));

    if (!block)
        return false;
    chunk->block = block;
    chunk->codes =
        (int8_t *)(((uintptr_t)block + VECTOR_ALIGN - 1) & ~(uintptr_t)(VECTOR_ALIGN - 1));
    return true;
}

/* The first chunk doubles until it is a whole one. */
static bool grow_first(struct vector_rows *rows)
{
    struct vector_chunk *chunk = rows->chunks[0], old = *chunk;
    size_t cap = rows->cap;

    if (!take_block(rows, chunk, cap * 2))
        return false;
    memcpy(chunk->codes, old.codes, rows->stride * rows->count);
    wipe(old.block, block_size(rows, cap));
    mem_free(old.block);
    rows->bytes += rows->stride * cap;
    rows->cap = cap * 2;
    return true;
}

static bool add_chunk(struct vector_rows *rows)
{
    size_t cap = rows->cap ? VECTOR_CHUNK : CHUNK_MIN;
    struct vector_chunk *chunk = mem_try(sizeof(*chunk));

    if (!chunk)
        return false;
    memset(chunk, 0, sizeof(*chunk));
    if (!take_block(rows, chunk, cap)) {
        mem_free(chunk);
        return false;
    }
    /* A few thousand pointers at most: not what memory is short of. */
    rows->chunks = mem_resize(rows->chunks, rows->chunk_count + 1, sizeof(struct vector_chunk *));
    rows->chunks[rows->chunk_count++] = chunk;
    rows->bytes += block_size(rows, cap) + sizeof(*chunk);
    rows->cap += cap;
    return true;
}

static int8_t *codes_of(const struct vector_rows *rows, size_t row)
{
    return rows->chunks[row / VECTOR_CHUNK]->codes + rows->stride * (row % VECTOR_CHUNK);
}

const int8_t *vector_rows_codes(const struct vector_rows *rows, size_t row, float *ret_scale)
{
    *ret_scale = rows->chunks[row / VECTOR_CHUNK]->scales[row % VECTOR_CHUNK];
    return codes_of(rows, row);
}

void vector_rows_set(struct vector_rows *rows, size_t row, const float *values)
{
    struct vector_chunk *chunk = rows->chunks[row / VECTOR_CHUNK];
    size_t i = row % VECTOR_CHUNK;

    chunk->scales[i] = vector_quantise(values, rows->dim, codes_of(rows, row), &chunk->sums[i]);
}

bool vector_rows_add(struct vector_rows *rows, const float *values)
{
    if (rows->count == rows->cap &&
        !(rows->cap > 0 && rows->cap < VECTOR_CHUNK ? grow_first(rows) : add_chunk(rows)))
        return false;
    vector_rows_set(rows, rows->count++, values);
    return true;
}

void vector_rows_remove(struct vector_rows *rows, size_t row)
{
    size_t last = --rows->count, from = last % VECTOR_CHUNK, to = row % VECTOR_CHUNK;
    struct vector_chunk *source = rows->chunks[last / VECTOR_CHUNK];
    struct vector_chunk *target = rows->chunks[row / VECTOR_CHUNK];

    if (row != last) {
        memcpy(codes_of(rows, row), codes_of(rows, last), rows->stride);
        target->scales[to] = source->scales[from];
        target->sums[to] = source->sums[from];
    }
    wipe(codes_of(rows, last), rows->stride);
    source->scales[from] = 0;
    source->sums[from] = 0;
    if (from == 0)
        free_chunk(rows, source, chunk_cap(rows));
}

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

size_t vector_rows_best(const struct vector_rows *rows, const struct vector_kernel *kernel,
                        const float *query, size_t k, struct vector_candidate *out)
{
    _cleanup_mem_ void *block = mem_alloc(2 * rows->stride + 1);
    int8_t *codes = block;
    uint8_t *raised = (uint8_t *)block + rows->stride;
    const struct vector_codes with = {codes, raised, rows->stride};
    int32_t dots[VECTOR_CHUNK], sum;
    size_t found = 0;
    float worst = 0;

    if (k == 0)
        return 0;
    (void)vector_quantise(query, rows->dim, codes, &sum); /* its scale changes no order */
    for (size_t i = 0; i < rows->stride; i++)
        raised[i] = (uint8_t)(codes[i] + 128);
    for (size_t c = 0; c < rows->chunk_count; c++) {
        const struct vector_chunk *chunk = rows->chunks[c];
        size_t first = c * VECTOR_CHUNK, count = rows->count - first;

        count = count < VECTOR_CHUNK ? count : VECTOR_CHUNK;
        kernel->dots(&with, chunk->codes, chunk->sums, count, dots);
        for (size_t i = 0; i < count; i++) {
            struct vector_candidate next = {chunk->scales[i] * (float)dots[i],
                                            (uint32_t)(first + i)};

            if (found < k) {
                out[found] = next;
                sift_up(out, found++);
                worst = out[0].score;
            } else if (next.score > worst) {
                out[0] = next;
                sift_down(out, found);
                worst = out[0].score;
            }
        }
    }
    return found;
}
