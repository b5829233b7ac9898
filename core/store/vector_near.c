/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_near.h"

#include "base/map.h"
#include "base/mem.h"
#include "store/vector_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_ROWS = 8,
    CANDIDATES = 4,    /* of the first eight bits, for each result                     */
    FINE_STEPS = 254,  /* of the second eight in one of the first: -127 to 127 of half */
    KEY_OVERHEAD = 110 /* of a key in the map and its place, beside its bytes; about   */
};

struct vector_near {
    size_t dim;
    const struct vector_kernel *kernel;
    struct map keys;                /* to the row + 1, as a pointer */
    struct vector_rows rows;        /* the first eight bits         */
    int8_t **fine;                  /* the second, a block of VECTOR_CHUNK rows each */
    size_t block_count, first_rows; /* rows that the first block has room for */
    const char **names;             /* the map's, by row */
    size_t name_cap;
    size_t bytes; /* beside the rows' */
};

struct vector_near *vector_near_new(size_t dim)
{
    struct vector_near *near = mem_zero(1, sizeof(*near));

    near->dim = dim;
    near->kernel = vector_kernel();
    near->bytes = sizeof(*near);
    vector_rows_init(&near->rows, dim);
    return near;
}

/* ---- the second eight bits ---- */

static int8_t *fine_of(const struct vector_near *near, size_t row)
{
    return near->fine[row / VECTOR_CHUNK] + row % VECTOR_CHUNK * near->dim;
}

static size_t block_rows(const struct vector_near *near, size_t block)
{
    return block ? VECTOR_CHUNK : near->first_rows;
}

static void drop_block(struct vector_near *near, size_t block, size_t rows)
{
    explicit_bzero(near->fine[block], rows * near->dim);
    mem_free(near->fine[block]);
    near->bytes -= rows * near->dim;
}

/* Room for the row `count`, the next one. The first block doubles until it is a whole one, for a scope of few
 * vectors is not to take one. */
static bool make_room(struct vector_near *near)
{
    size_t count = near->rows.count, had = near->first_rows, rows;
    int8_t *block;

    if (count / VECTOR_CHUNK >= near->block_count) {
        rows = count ? VECTOR_CHUNK : FIRST_ROWS;
        if (!(block = mem_try(rows * near->dim)))
            return false;
        near->fine = mem_resize(near->fine, near->block_count + 1, sizeof(int8_t *));
        near->fine[near->block_count++] = block;
        near->first_rows = count ? had : rows;
        near->bytes += rows * near->dim + sizeof(int8_t *);
        return true;
    }
    if (count >= VECTOR_CHUNK || count < had)
        return true;
    if (!(block = mem_try(2 * had * near->dim)))
        return false;
    memcpy(block, near->fine[0], had * near->dim);
    drop_block(near, 0, had);
    near->fine[0] = block;
    near->first_rows = 2 * had;
    near->bytes += near->first_rows * near->dim;
    return true;
}

static void set_fine(struct vector_near *near, size_t row, const float *values)
{
    float scale, inverse;
    const int8_t *codes = vector_rows_codes(&near->rows, row, &scale);
    int8_t *fine = fine_of(near, row);

    inverse = scale > 0 ? (float)FINE_STEPS / scale : 0;
    for (size_t i = 0; i < near->dim; i++) {
        long code = lrintf((values[i] - scale * (float)codes[i]) * inverse);

        fine[i] = (int8_t)(code > 127 ? 127 : code < -127 ? -127 : code);
    }
}

void vector_near_free(struct vector_near *near)
{
    if (!near)
        return;
    for (size_t i = near->block_count; i-- > 0;)
        drop_block(near, i, block_rows(near, i));
    mem_free(near->fine);
    vector_rows_clear(&near->rows);
    map_clear(&near->keys);
    mem_free(near->names);
    mem_free(near);
}

/* ---- changes ---- */

size_t vector_near_dim(const struct vector_near *near)
{
    return near->dim;
}

size_t vector_near_count(const struct vector_near *near)
{
    return near->rows.count;
}

size_t vector_near_bytes(const struct vector_near *near)
{
    return near->bytes + near->rows.bytes;
}

void vector_near_remove(struct vector_near *near, const char *key)
{
    size_t row = (uintptr_t)map_get(&near->keys, key), last = near->rows.count - 1, rows;

    if (!row)
        return;
    row--;
    rows = block_rows(near, last / VECTOR_CHUNK);
    if (row != last) {
        memcpy(fine_of(near, row), fine_of(near, last), near->dim);
        near->names[row] = near->names[last];
        (void)map_set(&near->keys, near->names[row], (void *)(uintptr_t)(row + 1));
    }
    explicit_bzero(fine_of(near, last), near->dim);
    vector_rows_remove(&near->rows, row);
    near->bytes -= KEY_OVERHEAD + strlen(key);
    (void)map_remove(&near->keys, key);
    if (last % VECTOR_CHUNK == 0) {
        drop_block(near, --near->block_count, rows);
        near->bytes -= sizeof(int8_t *);
    }
}

bool vector_near_put(struct vector_near *near, const char *key, const float *values)
{
    size_t row = (uintptr_t)map_get(&near->keys, key);

    if (row) {
        vector_rows_set(&near->rows, row - 1, values);
        set_fine(near, row - 1, values);
        return true;
    }
    row = near->rows.count;
    if (!make_room(near) || !vector_rows_add(&near->rows, values))
        return false;
    if (row >= near->name_cap) {
        near->name_cap = near->name_cap ? near->name_cap * 2 : 8;
        near->names = mem_resize(near->names, near->name_cap, sizeof(char *));
    }
    (void)map_set(&near->keys, key, (void *)(uintptr_t)(row + 1));
    /* A new key is the map's last. */
    near->names[row] = near->keys.entries[near->keys.count - 1].key;
    near->bytes += KEY_OVERHEAD + strlen(key);
    set_fine(near, row, values);
    return true;
}

/* ---- search ---- */

static double score_of(const struct vector_near *near, const float *query, size_t row)
{
    float scale, sums[8] = {0}, rest = 0, score;
    const int8_t *codes = vector_rows_codes(&near->rows, row, &scale), *fine = fine_of(near, row);
    size_t i = 0;

    for (; i + 8 <= near->dim; i += 8)
        for (size_t j = 0; j < 8; j++)
            sums[j] += query[i + j] * (float)(codes[i + j] * FINE_STEPS + fine[i + j]);
    for (; i < near->dim; i++)
        rest += query[i] * (float)(codes[i] * FINE_STEPS + fine[i]);
    for (size_t j = 0; j < 8; j++)
        rest += sums[j];
    score = rest * scale / (float)FINE_STEPS;
    return (double)(score > 1 ? 1 : score < -1 ? -1 : score);
}

static int by_score(const void *a, const void *b)
{
    const struct vector_near_hit *x = a, *y = b;

    if (x->score > y->score || x->score < y->score)
        return x->score > y->score ? -1 : 1;
    return strcmp(x->key, y->key);
}

size_t vector_near_search(const struct vector_near *near, const float *query, size_t most,
                          struct vector_near_hit *hits)
{
    size_t wanted = most * CANDIDATES, count;
    _cleanup_mem_ struct vector_candidate *candidates = NULL;
    _cleanup_mem_ struct vector_near_hit *all = NULL;

    if (!near->rows.count || !most)
        return 0;
    candidates = mem_zero(wanted, sizeof(*candidates));
    all = mem_zero(wanted, sizeof(*all));
    count = vector_rows_best(&near->rows, near->kernel, query, wanted, candidates);
    for (size_t i = 0; i < count; i++)
        all[i] = (struct vector_near_hit){near->names[candidates[i].row],
                                          score_of(near, query, candidates[i].row)};
    qsort(all, count, sizeof(*all), by_score);
    count = count < most ? count : most;
    memcpy(hits, all, count * sizeof(*hits));
    return count;
}
