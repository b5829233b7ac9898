/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of store/spool.h, by whoever owns it: one thread at a time, which may block. It exists only while
 * something is in it, for its owner alone (mode 0600), and is locked against a second process.
 */
#ifndef STORE_SPOOL_FILE_H
#define STORE_SPOOL_FILE_H

#include "base/error.h"
#include "store/seal.h"
#include "store/spool_format.h"

struct spool_file {
    char *path;
    int fd;         /* -1: there is none                    */
    uint64_t size;  /* what is whole and on the disk        */
    uint64_t taken; /* up to there nobody reads it any more */
    uint64_t number;
    struct seal_keys keys;
    struct seal *seal;      /* NULL: nothing is encrypted */
    void (*on_write)(void); /* before and behind each change of the disk, for tests; NULL: nobody */
};

/* What is in it and was not taken. */
struct spool_content {
    uint64_t count;
    int64_t oldest_ms; /* wall clock; 0: nothing */
};

/* Consecutive records, decrypted. */
struct spool_portion {
    struct arena arena;
    struct spool_record *records;
    size_t count;
    uint64_t next; /* where the next portion begins */
    bool last;     /* there is none                 */
};

#define SPOOL_PORTION_RECORDS 100
#define SPOOL_PORTION_BYTES   (1u << 20)

/* A torn end is cut off. TROUPE_UNAVAILABLE: another process has it; TROUPE_ARGUMENT: a key is missing;
 * TROUPE_DATA: it is no spool; TROUPE_DENIED, TROUPE_IO. Nothing is to be closed then. */
troupe_status spool_file_open(struct spool_file *file, const char *path,
                              const struct seal_keys *keys, struct spool_content *ret,
                              struct error *err);
void spool_file_close(struct spool_file *file);
/* All of them, on the disk, or none; they get their numbers. */
troupe_status spool_file_append(struct spool_file *file, struct spool_record *records, size_t count,
                                struct error *err);
/* The portion at `from`; 0: the first that is not taken. One that is damaged is left out and said so. */
troupe_status spool_file_read(struct spool_file *file, uint64_t from, struct spool_portion *ret,
                              struct error *err);
void spool_portion_clear(struct spool_portion *portion);
/* All up to there is taken, and never read again. The file goes with the last of it. */
troupe_status spool_file_take(struct spool_file *file, uint64_t up_to, struct error *err);

#endif
