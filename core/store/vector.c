/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector.h"

#include "base/map.h"
#include "base/mem.h"
#include "store/vector_rows.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY_DEFAULT (256u << 20)
#define FILE_DEFAULT   (UINT64_C(4) << 30)

enum {
    CANDIDATES = 4,       /* of codes, for each result                       */
    ENTRY_OVERHEAD = 120, /* of a map and of allocations, about              */
    SCOPE_OVERHEAD = 400,
    COMPACT_MIN = 1 << 20
};

struct entry {
    char *key;
    uint64_t offset, tag;
    uint32_t row;
};

struct scope {
    struct map keys; /* struct entry */
    struct vector_rows rows;
    struct entry **entries; /* of the rows */
    size_t entry_cap;
};

struct vector_index {
    struct map scopes;
    struct vector_file *file;
    const struct vector_kernel *kernel;
    size_t bytes, max_bytes, vectors;
    uint64_t *stale; /* while the file is read: records that another one has replaced */
    size_t stale_count;
};

/* ---- scopes and entries ---- */

static size_t entry_size(size_t key_len)
{
    return ENTRY_OVERHEAD + sizeof(struct entry) + 2 * key_len;
}

static void free_scope(void *value)
{
    struct scope *scope = value;

    for (size_t i = 0; i < scope->rows.count; i++) {
        mem_free(scope->entries[i]->key);
        mem_free(scope->entries[i]);
    }
    map_clear(&scope->keys);
    vector_rows_clear(&scope->rows);
    mem_free(scope->entries);
    mem_free(scope);
}

static void drop_scope(struct vector_index *index, const char *name)
{
    struct scope *scope = map_remove(&index->scopes, name);

    index->bytes -= SCOPE_OVERHEAD + 2 * strlen(name) + scope->rows.bytes;
    for (size_t i = 0; i < scope->rows.count; i++)
        index->bytes -= entry_size(strlen(scope->entries[i]->key));
    index->vectors -= scope->rows.count;
    free_scope(scope);
}

static troupe_status no_room(const struct vector_index *index, struct error *err)
{
    return error_set(err, TROUPE_LIMIT,
                     "vectors take all of %zu bytes of memory: remove some, or raise the bound",
                     index->max_bytes);
}

static bool has_room(const struct vector_index *index, size_t size)
{
    return size <= index->max_bytes && index->bytes <= index->max_bytes - size;
}

/* A row and its entry; the bounds have been looked at. False: no memory. */
static bool add_entry(struct vector_index *index, struct scope *scope,
                      const struct vector_record *record)
{
    size_t before = scope->rows.bytes, cap = scope->entry_cap;
    struct entry *entry;

    if (!vector_rows_add(&scope->rows, record->values))
        return false;
    if (scope->rows.count > cap) {
        scope->entry_cap = cap ? cap * 2 : 8;
        scope->entries = mem_resize(scope->entries, scope->entry_cap, sizeof(struct entry *));
    }
    entry = mem_zero(1, sizeof(*entry));
    entry->key = mem_strndup(record->key, record->key_len);
    entry->offset = record->offset;
    entry->tag = record->tag;
    entry->row = (uint32_t)(scope->rows.count - 1);
    scope->entries[entry->row] = entry;
    map_setn(&scope->keys, record->key, record->key_len, entry);
    index->bytes += scope->rows.bytes - before + entry_size(record->key_len);
    index->vectors++;
    return true;
}

static void drop_entry(struct vector_index *index, const char *name, struct scope *scope,
                       struct entry *entry)
{
    size_t before = scope->rows.bytes, last = scope->rows.count - 1;

    vector_rows_remove(&scope->rows, entry->row);
    scope->entries[entry->row] = scope->entries[last];
    scope->entries[entry->row]->row = entry->row;
    scope->entries[last] = NULL;
    (void)map_remove(&scope->keys, entry->key);
    index->bytes -= before - scope->rows.bytes + entry_size(strlen(entry->key));
    index->vectors--;
    mem_free(entry->key);
    mem_free(entry);
    if (scope->rows.count == 0)
        drop_scope(index, name);
}

/* The record's scope, made where there is none, once the bounds allow one more row in it; NULL otherwise. */
static struct scope *scope_for(struct vector_index *index, const struct vector_record *record,
                               struct error *err)
{
    struct scope *scope = map_getn(&index->scopes, record->scope, record->scope_len);
    size_t size = entry_size(record->key_len);
    struct vector_rows none;

    vector_rows_init(&none, record->dim);
    if (scope && scope->rows.count >= VECTOR_SCOPE_ROWS) {
        error_set(err, TROUPE_LIMIT, "more than %d vectors in a scope: remove some",
                  VECTOR_SCOPE_ROWS);
        return NULL;
    }
    size += vector_rows_growth(scope ? &scope->rows : &none);
    if (!scope)
        size += SCOPE_OVERHEAD + 2 * record->scope_len;
    if (!has_room(index, size)) {
        no_room(index, err);
        return NULL;
    }
    if (!scope) {
        scope = mem_zero(1, sizeof(*scope));
        vector_rows_init(&scope->rows, record->dim);
        map_setn(&index->scopes, record->scope, record->scope_len, scope);
        index->bytes += SCOPE_OVERHEAD + 2 * record->scope_len;
    }
    return scope;
}

/* ---- open and close ---- */

static void note_stale(struct vector_index *index, uint64_t offset)
{
    index->stale = mem_resize(index->stale, index->stale_count + 1, sizeof(*index->stale));
    index->stale[index->stale_count++] = offset;
}

/* A key's later record is the one that counts: a crash came between its append and the erasure. */
static troupe_status found(void *arg, const struct vector_record *record, struct error *err)
{
    struct vector_index *index = arg;
    struct scope *scope = map_getn(&index->scopes, record->scope, record->scope_len);
    struct entry *entry = scope ? map_getn(&scope->keys, record->key, record->key_len) : NULL;

    if (scope && scope->rows.dim != record->dim) {
        note_stale(index, record->offset);
        return TROUPE_OK;
    }
    if (entry) {
        note_stale(index, entry->offset);
        entry->offset = record->offset;
        entry->tag = record->tag;
        vector_rows_set(&scope->rows, entry->row, record->values);
        return TROUPE_OK;
    }
    if (!(scope = scope_for(index, record, err)))
        return TROUPE_LIMIT;
    return add_entry(index, scope, record) ? TROUPE_OK : no_room(index, err);
}

troupe_status vector_open(const struct vector_options *options, struct vector_index **ret,
                          struct error *err)
{
    struct vector_index *index = mem_zero(1, sizeof(*index));
    troupe_status status;

    index->max_bytes = options->max_bytes ? options->max_bytes : MEMORY_DEFAULT;
    index->kernel = options->kernel ? options->kernel : vector_kernel();
    status = vector_file_open(options->path,
                              options->max_file_bytes ? options->max_file_bytes : FILE_DEFAULT,
                              found, index, &index->file, err);
    for (size_t i = 0; i < index->stale_count && status >= 0; i++)
        status = vector_file_erase(index->file, index->stale[i], err);
    mem_free(index->stale);
    index->stale = NULL;
    if (status < 0) {
        vector_close(index);
        return status;
    }
    *ret = index;
    return TROUPE_OK;
}

void vector_close(struct vector_index *index)
{
    if (!index)
        return;
    map_clear_with(&index->scopes, free_scope);
    vector_file_close(index->file);
    mem_free(index);
}

/* ---- changes ---- */

static troupe_status check_names(const char *scope, const char *key, struct error *err)
{
    size_t scope_len = scope ? strlen(scope) : 0, key_len = key ? strlen(key) : 0;

    if (!scope_len || scope_len > VECTOR_SCOPE_MAX)
        return error_set(err, TROUPE_ARGUMENT, "a scope has 1 to %d bytes", VECTOR_SCOPE_MAX);
    if (!key_len || key_len > VECTOR_KEY_MAX)
        return error_set(err, TROUPE_ARGUMENT, "a vector's key has 1 to %d bytes", VECTOR_KEY_MAX);
    return TROUPE_OK;
}

/* The values with length one, for mem_free. */
static troupe_status take_values(const struct scope *scope, const float *values, size_t dim,
                                 float **ret, struct error *err)
{
    float *own;

    if (dim == 0 || dim > VECTOR_DIM_MAX)
        return error_set(err, TROUPE_ARGUMENT, "a vector has 1 to %d values, not %zu",
                         VECTOR_DIM_MAX, dim);
    if (scope && scope->rows.dim != dim)
        return error_set(err, TROUPE_ARGUMENT,
                         "a vector of %zu values where the others have %zu: remove those first",
                         dim, scope->rows.dim);
    own = mem_alloc(sizeof(*own) * dim);
    if (!vector_normalise(values, dim, own)) {
        mem_free(own);
        return error_set(err, TROUPE_ARGUMENT,
                         "a vector's values are finite numbers, and not all zero");
    }
    *ret = own;
    return TROUPE_OK;
}

troupe_status vector_put(struct vector_index *index, const char *scope_name, const char *key,
                         const float *values, size_t dim, uint64_t tag, struct error *err)
{
    _cleanup_mem_ float *own = NULL;
    struct vector_record record = {.scope = scope_name, .key = key, .dim = dim, .tag = tag};
    struct scope *scope;
    struct entry *entry;
    uint64_t old;
    troupe_status status = check_names(scope_name, key, err);

    if (status < 0)
        return status;
    record.scope_len = strlen(scope_name);
    record.key_len = strlen(key);
    scope = map_getn(&index->scopes, scope_name, record.scope_len);
    if ((status = take_values(scope, values, dim, &own, err)) < 0)
        return status;
    record.values = own;
    entry = scope ? map_getn(&scope->keys, key, record.key_len) : NULL;
    if (!entry && !(scope = scope_for(index, &record, err)))
        return TROUPE_LIMIT;
    status = vector_file_append(index->file, &record, &record.offset, err);
    if (entry && status >= 0) {
        old = entry->offset;
        entry->offset = record.offset;
        entry->tag = tag;
        vector_rows_set(&scope->rows, entry->row, own);
        return vector_file_erase(index->file, old, err);
    }
    if (status >= 0 && !add_entry(index, scope, &record)) {
        (void)vector_file_erase(index->file, record.offset, NULL);
        status = no_room(index, err);
    }
    if (status < 0 && scope->rows.count == 0)
        drop_scope(index, scope_name);
    return status;
}

troupe_status vector_remove(struct vector_index *index, const char *scope_name, const char *key,
                            struct error *err)
{
    struct scope *scope;
    struct entry *entry;
    troupe_status status = check_names(scope_name, key, err);

    if (status < 0)
        return status;
    scope = map_get(&index->scopes, scope_name);
    if (!(entry = scope ? map_get(&scope->keys, key) : NULL))
        return error_set(err, TROUPE_NOT_FOUND, "no vector \"%.80s\"", key);
    status = vector_file_erase(index->file, entry->offset, err);
    drop_entry(index, scope_name, scope, entry);
    return status;
}

troupe_status vector_remove_scope(struct vector_index *index, const char *scope_name,
                                  struct error *err)
{
    const struct scope *scope;
    troupe_status status = check_names(scope_name, "*", err), failed = TROUPE_OK;

    if (status < 0)
        return status;
    if (!(scope = map_get(&index->scopes, scope_name)))
        return TROUPE_OK;
    for (size_t i = 0; i < scope->rows.count; i++) {
        status = vector_file_erase(index->file, scope->entries[i]->offset, err);
        failed = failed < 0 ? failed : status;
    }
    drop_scope(index, scope_name);
    return failed < 0 ? failed : TROUPE_OK;
}

/* ---- search ---- */

struct ranked {
    const struct entry *entry;
    float score;
};

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return strcmp(x->entry->key, y->entry->key);
}

/* The candidates by codes, ordered by their floats. */
static size_t rank(const struct vector_index *index, const struct scope *scope, const float *query,
                   size_t k, struct ranked *ranked)
{
    size_t want = k * CANDIDATES, count;
    _cleanup_mem_ struct vector_candidate *best = mem_alloc(want * sizeof(*best));

    count = vector_rows_best(&scope->rows, index->kernel, query, want, best);
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = scope->entries[best[i].row];
        float score =
            vector_dot(query, vector_file_values(index->file, entry->offset), scope->rows.dim);

        ranked[i].entry = entry;
        ranked[i].score = score > 1 ? 1 : score < -1 ? -1 : score;
    }
    qsort(ranked, count, sizeof(*ranked), by_score);
    return count < k ? count : k;
}

troupe_status vector_search(struct vector_index *index, const char *scope_name, const float *query,
                            size_t dim, size_t k, struct vector_hit *hits, size_t *ret_count,
                            struct error *err)
{
    _cleanup_mem_ float *own = NULL;
    _cleanup_mem_ struct ranked *ranked = NULL;
    const struct scope *scope;
    troupe_status status = check_names(scope_name, "*", err);

    if (status < 0)
        return status;
    if (k == 0 || k > VECTOR_HITS_MAX)
        return error_set(err, TROUPE_ARGUMENT, "a search wants 1 to %d results", VECTOR_HITS_MAX);
    scope = map_get(&index->scopes, scope_name);
    if ((status = take_values(scope, query, dim, &own, err)) < 0)
        return status;
    if (!scope) {
        *ret_count = 0;
        return TROUPE_OK;
    }
    ranked = mem_alloc(k * CANDIDATES * sizeof(*ranked));
    *ret_count = rank(index, scope, own, k, ranked);
    for (size_t i = 0; i < *ret_count; i++)
        hits[i] = (struct vector_hit){ranked[i].entry->key, ranked[i].entry->tag, ranked[i].score};
    return TROUPE_OK;
}

troupe_status vector_tag(const struct vector_index *index, const char *scope_name, const char *key,
                         uint64_t *ret)
{
    const struct scope *scope = map_get(&index->scopes, scope_name);
    const struct entry *entry = scope ? map_get(&scope->keys, key) : NULL;

    if (!entry)
        return TROUPE_NOT_FOUND;
    *ret = entry->tag;
    return TROUPE_OK;
}

void vector_each(const struct vector_index *index, const char *scope_name,
                 void (*each)(void *arg, const char *key, uint64_t tag), void *arg)
{
    const struct scope *scope = map_get(&index->scopes, scope_name);

    for (size_t i = 0; scope && i < scope->rows.count; i++)
        each(arg, scope->entries[i]->key, scope->entries[i]->tag);
}

/* ---- the file ---- */

troupe_status vector_sync(struct vector_index *index, struct error *err)
{
    return vector_file_sync(index->file, err);
}

bool vector_wants_compaction(const struct vector_index *index)
{
    struct vector_file_stats stats;

    vector_file_stats(index->file, &stats);
    return stats.erased > COMPACT_MIN && stats.erased > stats.bytes / 2;
}

static troupe_status moved(void *arg, const struct vector_record *record, struct error *err)
{
    struct vector_index *index = arg;
    struct scope *scope = map_getn(&index->scopes, record->scope, record->scope_len);
    struct entry *entry = scope ? map_getn(&scope->keys, record->key, record->key_len) : NULL;

    (void)err;
    if (entry) /* the later of two stands, as at an open */
        entry->offset = record->offset;
    return TROUPE_OK;
}

troupe_status vector_compact(struct vector_index *index, struct error *err)
{
    return vector_file_compact(index->file, moved, index, err);
}

void vector_stats(const struct vector_index *index, struct vector_stats *ret)
{
    *ret = (struct vector_stats){
        .scopes = index->scopes.count, .vectors = index->vectors, .bytes = index->bytes};
    vector_file_stats(index->file, &ret->file);
}
