/* SPDX-License-Identifier: Apache-2.0
 *
 * Which vectors of a scope point the way a query points: exact search, the cosine of the angle as the score.
 * Every vector is there twice: in memory with eight bits a value and a scale of its own (vector_kernel.h),
 * and as floats in a mapped file (vector_file.h). A search looks at all codes of the scope, takes four
 * candidates for each result wanted, and puts these in order by their floats; so scores are those of the
 * floats, and what it finds is what a scan of the floats finds (recall@10 of at least 0.999, tested).
 *
 * A scope is text that the host composes of namespace, account, guild, channel or member; nothing looks
 * across scopes. A scope's first vector decides its number of dimensions, until it is empty again.
 *
 * Memory: dimensions rounded up to 64, and about 180 bytes beside the key, for each vector (57 MB for
 * 100,000 of 384), all bounded by `max_bytes`; the floats are the page cache's. Time: a quarter to a third
 * of a scan of the floats (`make bench`).
 *
 * One thread at a time. Searches touch the disk only where the floats of candidates are not in memory;
 * changes write to the page cache; open, sync and compact block for the disk.
 */
#ifndef STORE_VECTOR_H
#define STORE_VECTOR_H

#include "store/vector_file.h"
#include "store/vector_kernel.h"

enum {
    VECTOR_SCOPE_ROWS = 200000, /* vectors of a scope: what one thread looks at in a few ms */
    VECTOR_HITS_MAX = 1000      /* results of a search                                      */
};

struct vector_options {
    const char *path;        /* of the file                                                   */
    size_t max_bytes;        /* of memory; 0: 256 MB                                          */
    uint64_t max_file_bytes; /* of the file; 0: 4 GB                                          */
    const struct vector_kernel *kernel; /* NULL: the fastest. For tests                       */
};

struct vector_index;

/* As vector_file_open; also TROUPE_LIMIT where what the file has does not fit into the memory. */
troupe_status vector_open(const struct vector_options *options, struct vector_index **ret,
                          struct error *err);
void vector_close(struct vector_index *index); /* NULL is fine */

/* Puts a vector, in place of what has the key there. `tag` is the caller's, such as the version of a row.
 * TROUPE_ARGUMENT: a name that is empty or too long, 0 or more than VECTOR_DIM_MAX values or another number
 * than the scope's, a value that is no finite number, or all zero; TROUPE_LIMIT: a bound of memory, of the
 * file or of the scope; TROUPE_UNAVAILABLE, TROUPE_IO: the disk. Nothing has changed then; but where only
 * the erasure of an old vector failed, the new one is in place, and the next open tries that again. */
troupe_status vector_put(struct vector_index *index, const char *scope, const char *key,
                         const float *values, size_t dim, uint64_t tag, struct error *err);
/* Removes it, also from the file and the memory: no byte of it stays. TROUPE_NOT_FOUND. Where the disk failed
 * it is found no more, but may be there again after the next open. */
troupe_status vector_remove(struct vector_index *index, const char *scope, const char *key,
                            struct error *err);
/* Removes all of a scope; that there is none is fine. */
troupe_status vector_remove_scope(struct vector_index *index, const char *scope, struct error *err);

struct vector_hit {
    const char *key; /* borrowed until the next change */
    uint64_t tag;
    float score; /* 1: the same direction, 0: nothing in common, -1: the opposite */
};
/* The `k` best, best first, those alike by key. A scope that has none gives none. TROUPE_ARGUMENT as for
 * vector_put, or `k` is 0 or above VECTOR_HITS_MAX. */
troupe_status vector_search(struct vector_index *index, const char *scope, const float *query,
                            size_t dim, size_t k, struct vector_hit *hits, size_t *ret_count,
                            struct error *err);
/* A key's tag; TROUPE_NOT_FOUND. */
troupe_status vector_tag(const struct vector_index *index, const char *scope, const char *key,
                         uint64_t *ret);
/* Calls for each key of a scope, in no order; nothing may be changed meanwhile. */
void vector_each(const struct vector_index *index, const char *scope,
                 void (*each)(void *arg, const char *key, uint64_t tag), void *arg);

/* What was put and removed before is on the disk. */
troupe_status vector_sync(struct vector_index *index, struct error *err);
/* Whether more than half of the file, and more than 1 MB, is erased records. */
bool vector_wants_compaction(const struct vector_index *index);
troupe_status vector_compact(struct vector_index *index, struct error *err);

struct vector_stats {
    size_t scopes, vectors;
    size_t bytes; /* of memory */
    struct vector_file_stats file;
};
void vector_stats(const struct vector_index *index, struct vector_stats *ret);

#endif
