/* SPDX-License-Identifier: Apache-2.0
 *
 * The file behind a vector index: records with a scope, a key, a tag and floats, one after another, each
 * with checksums, mapped for reading. Records are appended; one that is erased keeps its size and loses
 * everything else at once: its names, its tag, its checksum and its floats are overwritten with zeros where
 * they stand. What follows the last whole record when the file is opened is an append that was cut: it is
 * overwritten and dropped.
 *
 * The file is what a table can be filled into again, not the only holder of anything: a record within it
 * whose checksum does not hold is erased and counted, and not told. One process has it at a time (a lock).
 * Nothing is synced but by vector_file_sync and a compaction. All functions block for the disk; one thread
 * at a time. The order of bytes is the machine's own; a file of another order is refused.
 */
#ifndef STORE_VECTOR_FILE_H
#define STORE_VECTOR_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { VECTOR_SCOPE_MAX = 640, VECTOR_KEY_MAX = 512 };

struct vector_file;

struct vector_record {
    const char *scope, *key; /* without a NUL */
    size_t scope_len, key_len;
    const float *values;
    size_t dim;
    uint64_t tag;
    uint64_t offset; /* in the file */
};

typedef troupe_status vector_record_fn(void *arg, const struct vector_record *record,
                                       struct error *err);

/* Opens or creates it (mode 0600) and tells each whole record in the file's order; a failure of `found`
 * ends it. TROUPE_UNAVAILABLE: another process has it; TROUPE_DATA: it is no file of vectors;
 * TROUPE_DENIED, TROUPE_NOT_FOUND, TROUPE_IO as of files. */
troupe_status vector_file_open(const char *path, uint64_t max_bytes, vector_record_fn *found,
                               void *arg, struct vector_file **ret, struct error *err);
void vector_file_close(struct vector_file *file); /* NULL is fine */

/* TROUPE_LIMIT where it would grow above its bound; TROUPE_UNAVAILABLE: disk full; TROUPE_IO. */
troupe_status vector_file_append(struct vector_file *file, const struct vector_record *record,
                                 uint64_t *ret_offset, struct error *err);
/* First the mark, then the zeros: an erasure that was cut is finished by the next open. */
troupe_status vector_file_erase(struct vector_file *file, uint64_t offset, struct error *err);
/* The floats of a record that is not erased; valid until the next append or compaction. */
const float *vector_file_values(const struct vector_file *file, uint64_t offset);
troupe_status vector_file_sync(struct vector_file *file, struct error *err);

/* Writes what is not erased into a new file, puts that in this one's place and overwrites the old one.
 * Tells each record with its new offset. On failure nothing has changed. */
troupe_status vector_file_compact(struct vector_file *file, vector_record_fn *moved, void *arg,
                                  struct error *err);

struct vector_file_stats {
    uint64_t bytes;   /* of the file                                            */
    uint64_t erased;  /* bytes of them that a compaction would give back        */
    uint64_t dropped; /* bytes that the open dropped from the end               */
    uint64_t damaged; /* records that the open erased, since a checksum was off */
};
void vector_file_stats(const struct vector_file *file, struct vector_file_stats *ret);

#endif
