/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that go with an answer: in memory from the end of their turn until they are sent, in the store
 * from the call that attached them. All of a turn's go with one message, so they are kept by the turn.
 * Names, types and descriptions were checked by whoever took them from an agent; bytes are bytes.
 *
 * Loop thread; what is marked [waits] needs a coroutine.
 */
#ifndef GATEWAY_ATTACHED_H
#define GATEWAY_ATTACHED_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct store;
struct store_batch;

/* What one message of Discord's takes (reference.mdx, "Uploading Files"): 10 files of 10 MB, and 25 MB
 * for the whole request, of which a megabyte is left for the rest of it. */
#define ATTACHED_FILES_MAX 10
#define ATTACHED_FILE_MAX  (10u << 20)
#define ATTACHED_BYTES_MAX (24u << 20)
#define ATTACHED_NAME_MAX  100  /* bytes */
#define ATTACHED_TYPE_MAX  100  /* bytes */
#define ATTACHED_ALT_MAX   1024 /* characters */
/* Of all turns, in the store and so in memory: above it nothing is attached until some were sent. */
#define ATTACHED_TOTAL_MAX (96u << 20)

struct attached_file {
    char *name, *type, *alt; /* alt: NULL where nothing was said  */
    char *data;              /* NULL: not read, or gone           */
    size_t size;
};

/* Shared by the turn, the answer and the row. */
struct attached {
    unsigned refs;
    size_t count;
    struct attached_file files[ATTACHED_FILES_MAX];
};

struct attached *attached_new(void);
struct attached *attached_ref(struct attached *attached); /* NULL gives NULL */
void attached_unref(struct attached *attached);           /* NULL is fine    */
/* Whether the bytes of all are there. */
bool attached_is_whole(const struct attached *attached);

/* What the outbox keeps beside the row: JSON [{"name","type","alt"?,"size"}…]. mem_free. */
char *attached_print(const struct attached *attached);
/* And back, without bytes; NULL where the text is none. */
struct attached *attached_parse(const char *text);
/* `[file a.png, 12.5 kB: what it shows]`, for a medium of text. */
void attached_put(const struct attached_file *file, struct buf *out);
/* `12.5 kB`. */
void attached_put_size(size_t bytes, struct buf *out);

/* Statements; the rest of the batch is the caller's. The n-th file of a turn: */
void attached_insert(struct store_batch *batch, int64_t turn, int64_t n,
                     const struct attached_file *file);
/* All of a turn's. */
void attached_delete(struct store_batch *batch, int64_t turn);
/* Of turns that ended before that time, and are owed no more; two statements of 10 rows at most. */
void attached_sweep(struct store_batch *batch, int64_t before_ms);
#define ATTACHED_SWEEP_PORTION 10

/* The turn's files without their bytes; `ret_next` (NULL is fine) is the number for another one. A new
 * reference, NULL where there are none. [waits] */
troupe_status attached_list(struct store *store, int64_t turn, uint64_t deadline,
                            struct attached **ret, int64_t *ret_next, struct error *err);
/* The same with their bytes; TROUPE_DATA where some are missing. [waits] */
troupe_status attached_read(struct store *store, int64_t turn, uint64_t deadline,
                            struct attached **ret, struct error *err);
/* Bytes of all turns' files. [waits] */
troupe_status attached_total(struct store *store, uint64_t deadline, int64_t *ret,
                             struct error *err);

#endif
