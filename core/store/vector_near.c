/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_near.h"

#include "base/map.h"
#include "base/mem.h"
#include "store/vector_best.h"

#include <stdlib.h>
#include <string.h>

enum {
    CANDIDATES = 4,    /* of the first eight bits, for each result                   */
    KEY_OVERHEAD = 110 /* of a key in the map and its place, beside its bytes; about */
};

struct vector_near {
    size_t dim;
    const struct vector_kernel *kernel;
    struct map keys; /* to the row + 1, as a pointer */
    struct vector_rows rows;
    const char **names; /* the map's, by row */
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

void vector_near_free(struct vector_near *near)
{
    if (!near)
        return;
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
    size_t row = (uintptr_t)map_get(&near->keys, key), last = near->rows.count - 1;

    if (!row)
        return;
    row--;
    if (row != last) {
        near->names[row] = near->names[last];
        (void)map_set(&near->keys, near->names[row], (void *)(uintptr_t)(row + 1));
    }
    vector_rows_remove(&near->rows, row);
    near->bytes -= KEY_OVERHEAD + strlen(key);
    (void)map_remove(&near->keys, key);
}

static bool put_rotated(struct vector_near *near, const char *key, const float *values)
{
    size_t row = (uintptr_t)map_get(&near->keys, key);

    if (row) {
        vector_rows_set(&near->rows, row - 1, values);
        return true;
    }
    row = near->rows.count;
    if (!vector_rows_add(&near->rows, values))
        return false;
    if (row >= near->name_cap) {
        near->name_cap = near->name_cap ? near->name_cap * 2 : 8;
        near->names = mem_resize(near->names, near->name_cap, sizeof(char *));
    }
    (void)map_set(&near->keys, key, (void *)(uintptr_t)(row + 1));
    /* A new key is the map's last. */
    near->names[row] = near->keys.entries[near->keys.count - 1].key;
    near->bytes += KEY_OVERHEAD + strlen(key);
    return true;
}

bool vector_near_put(struct vector_near *near, const char *key, const float *values)
{
    _cleanup_mem_ float *rotated = mem_alloc(near->dim * sizeof(*rotated));
    bool done;

    vector_rotate(values, near->dim, rotated);
    done = put_rotated(near, key, rotated);
    explicit_bzero(rotated, near->dim * sizeof(*rotated));
    return done;
}

/* ---- search ---- */

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
    _cleanup_mem_ struct vector_query *codes = NULL;
    _cleanup_mem_ float *rotated = NULL;

    if (!near->rows.count || !most)
        return 0;
    candidates = mem_alloc(wanted * sizeof(*candidates));
    all = mem_alloc(wanted * sizeof(*all));
    codes = mem_alloc(sizeof(*codes));
    rotated = mem_alloc(near->dim * sizeof(*rotated));
    vector_rotate(query, near->dim, rotated);
    vector_query_init(codes, rotated, near->dim);
    count = vector_best(&near->rows, near->kernel, codes, wanted, candidates, NULL);
    for (size_t i = 0; i < count; i++)
        all[i] = (struct vector_near_hit){
            near->names[candidates[i].row],
            vector_refined(&near->rows, near->kernel, codes, &candidates[i])};
    qsort(all, count, sizeof(*all), by_score);
    count = count < most ? count : most;
    memcpy(hits, all, count * sizeof(*hits));
    return count;
}
