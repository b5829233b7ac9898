/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_rows.h"

#include "base/mem.h"

#include <string.h>

enum { CHUNK_MIN = 8 };

void vector_rows_init(struct vector_rows *rows, size_t dim)
{
    *rows = (struct vector_rows){.dim = dim,
                                 .stride = vector_stride(dim),
                                 .plane = vector_plane(dim),
                                 .sketch = vector_sketch(dim)};
}

/* ---- memory ---- */

/* Bytes that a search may go through. */
static size_t row_bytes(const struct vector_rows *rows)
{
    return rows->sketch + rows->stride;
}

/* Chunks whose codes a huge page has room for. As many are allocated one by one before the first of these is taken,
 * so that it is no great part of what a scope has. */
static size_t page_chunks(const struct vector_rows *rows)
{
    return MEM_HUGE / (row_bytes(rows) * VECTOR_CHUNK);
}

/* Where chunk `c` is in its page; 0 for what has a block of its own, too. */
static size_t place_in_page(const struct vector_rows *rows, size_t c)
{
    size_t of = page_chunks(rows);

    return c < of || of < 2 ? 0 : (c - of) % of;
}

static bool is_in_page(const struct vector_rows *rows, size_t c)
{
    return c >= page_chunks(rows);
}

/* Rows that the last chunk has room for: only the first one ever has less than all. */
static size_t chunk_cap(const struct vector_rows *rows)
{
    return rows->cap < VECTOR_CHUNK ? rows->cap : VECTOR_CHUNK;
}

static size_t block_size(const struct vector_rows *rows, size_t c, size_t cap)
{
    return is_in_page(rows, c) ? MEM_HUGE : row_bytes(rows) * cap + VECTOR_ALIGN;
}

/* A block of codes has the upper halves of all its rows, then the lower ones, then the sketches. */
static void lay_out(const struct vector_rows *rows, struct vector_chunk *chunk, char *block,
                    size_t row, size_t row_count)
{
    uintptr_t base = ((uintptr_t)block + VECTOR_ALIGN - 1) & ~(uintptr_t)(VECTOR_ALIGN - 1);

    chunk->upper = (uint8_t *)base + rows->plane * row;
    chunk->lower = chunk->upper + rows->plane * row_count;
    chunk->sketch = (uint8_t *)base + 2 * rows->plane * row_count + rows->sketch * row;
}

static bool take_codes(struct vector_rows *rows, struct vector_chunk *chunk, size_t c, size_t cap)
{
    size_t place = place_in_page(rows, c);
    size_t row_count = is_in_page(rows, c) ? page_chunks(rows) * VECTOR_CHUNK : cap;
    char *block;

    if (place)
        block = rows->chunks[c - place]->block;
    else if (is_in_page(rows, c))
        block = mem_try_huge();
    else
        block = mem_try(block_size(rows, c, cap));
    if (!block)
        return false;
    lay_out(rows, chunk, block, place * VECTOR_CHUNK, row_count);
    chunk->block = place ? NULL : block;
    rows->bytes += place ? 0 : block_size(rows, c, cap);
    return true;
}

static void give_codes(struct vector_rows *rows, const struct vector_chunk *chunk, size_t c,
                       size_t cap)
{
    if (!chunk->block)
        return;
    explicit_bzero(chunk->block, block_size(rows, c, cap));
    mem_free(chunk->block);
    rows->bytes -= block_size(rows, c, cap);
}

static bool take_block(struct vector_rows *rows, struct vector_chunk *chunk, size_t c, size_t cap)
{
    uint8_t *fine = mem_try(rows->stride * cap);

    if (!fine)
        return false;
    if (!take_codes(rows, chunk, c, cap)) {
        mem_free(fine);
        return false;
    }
    chunk->fine = fine;
    rows->bytes += rows->stride * cap;
    return true;
}

static void give_block(struct vector_rows *rows, const struct vector_chunk *chunk, size_t c,
                       size_t cap)
{
    give_codes(rows, chunk, c, cap);
    explicit_bzero(chunk->fine, rows->stride * cap);
    mem_free(chunk->fine);
    rows->bytes -= rows->stride * cap;
}

static void free_last(struct vector_rows *rows)
{
    size_t c = --rows->chunk_count, cap = chunk_cap(rows);

    give_block(rows, rows->chunks[c], c, cap);
    explicit_bzero(rows->chunks[c], sizeof(struct vector_chunk));
    mem_free(rows->chunks[c]);
    rows->bytes -= sizeof(struct vector_chunk);
    rows->cap -= cap;
}

void vector_rows_clear(struct vector_rows *rows)
{
    while (rows->chunk_count > 0)
        free_last(rows);
    mem_free(rows->chunks);
    vector_rows_init(rows, rows->dim);
}

/* The first chunk doubles until it is a whole one. */
static bool grow_first(struct vector_rows *rows)
{
    struct vector_chunk *chunk = rows->chunks[0], old = *chunk;
    size_t cap = rows->cap, plane = rows->plane;

    if (!take_block(rows, chunk, 0, cap * 2))
        return false;
    memcpy(chunk->sketch, old.sketch, rows->sketch * cap);
    memcpy(chunk->upper, old.upper, plane * cap);
    memcpy(chunk->lower, old.lower, plane * cap);
    memcpy(chunk->fine, old.fine, 2 * plane * cap);
    give_block(rows, &old, 0, cap);
    rows->cap = cap * 2;
    return true;
}

static bool add_chunk(struct vector_rows *rows)
{
    size_t cap = rows->cap ? VECTOR_CHUNK : CHUNK_MIN;
    struct vector_chunk *chunk = mem_try(sizeof(*chunk));

    if (!chunk)
        return false;
    if (!take_block(rows, chunk, rows->chunk_count, cap)) {
        mem_free(chunk);
        return false;
    }
    /* A few thousand pointers at most: not what memory is short of. */
    rows->chunks = mem_resize(rows->chunks, rows->chunk_count + 1, sizeof(struct vector_chunk *));
    rows->chunks[rows->chunk_count++] = chunk;
    rows->bytes += sizeof(*chunk);
    rows->cap += cap;
    return true;
}

/* ---- rows ---- */

struct vector_planes vector_rows_planes(const struct vector_rows *rows, size_t row)
{
    const struct vector_chunk *chunk = rows->chunks[row / VECTOR_CHUNK];
    size_t at = row % VECTOR_CHUNK * rows->plane;

    return (struct vector_planes){chunk->sketch + row % VECTOR_CHUNK * rows->sketch,
                                  chunk->upper + at, chunk->lower + at, chunk->fine + 2 * at,
                                  chunk->fine + 2 * at + rows->plane};
}

float vector_rows_scale(const struct vector_rows *rows, size_t row)
{
    return rows->chunks[row / VECTOR_CHUNK]->scales[row % VECTOR_CHUNK];
}

void vector_rows_set(struct vector_rows *rows, size_t row, const float *values)
{
    struct vector_chunk *chunk = rows->chunks[row / VECTOR_CHUNK];
    struct vector_planes planes = vector_rows_planes(rows, row);
    size_t i = row % VECTOR_CHUNK;
    struct vector_guesses guesses;

    chunk->scales[i] = vector_encode(values, rows->dim, &planes, &guesses);
    chunk->factors[i] = guesses.by_upper.factor;
    chunk->doubts[i] = guesses.by_upper.doubt;
    chunk->sketch_factors[i] = guesses.by_sketch.factor;
    chunk->sketch_doubts[i] = guesses.by_sketch.doubt;
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
    size_t plane = rows->plane, sketch = rows->sketch;
    struct vector_chunk *source = rows->chunks[last / VECTOR_CHUNK];
    struct vector_chunk *target = rows->chunks[row / VECTOR_CHUNK];

    if (row != last) {
        memcpy(target->sketch + to * sketch, source->sketch + from * sketch, sketch);
        memcpy(target->upper + to * plane, source->upper + from * plane, plane);
        memcpy(target->lower + to * plane, source->lower + from * plane, plane);
        memcpy(target->fine + 2 * to * plane, source->fine + 2 * from * plane, 2 * plane);
        target->scales[to] = source->scales[from];
        target->factors[to] = source->factors[from];
        target->doubts[to] = source->doubts[from];
        target->sketch_factors[to] = source->sketch_factors[from];
        target->sketch_doubts[to] = source->sketch_doubts[from];
    }
    explicit_bzero(source->sketch + from * sketch, sketch);
    explicit_bzero(source->upper + from * plane, plane);
    explicit_bzero(source->lower + from * plane, plane);
    explicit_bzero(source->fine + 2 * from * plane, 2 * plane);
    source->scales[from] = source->factors[from] = source->doubts[from] = 0;
    source->sketch_factors[from] = source->sketch_doubts[from] = 0;
    if (from == 0)
        free_last(rows);
}
