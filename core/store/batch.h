/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch: the statements that store_commit writes all or not at all. Everything added to it is
 * copied. Adding never fails on the spot: the first thing wrong (over STORE_BATCH_STATEMENTS or
 * STORE_BATCH_BYTES, a bad namespace) is kept and store_commit returns it, so a list of adds reads
 * straight down. A batch is committed once. Loop thread only.
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "base/buf.h"
#include "base/error.h"
#include "store/rows.h"
#include "store/value.h"

#define STORE_BATCH_STATEMENTS 1000
#define STORE_BATCH_BYTES      (16u << 20)

struct latch;
struct store_batch;

struct store_batch *store_batch_new(void);
/* Gives the caller's hold back; one in flight lives on until the writer is done. NULL is fine. */
void store_batch_free(struct store_batch *batch);
/* Returns the statement's index, for the results below and for store_rowid_of. */
size_t store_batch_add(struct store_batch *batch, const struct store_statement *statement);
/* A blob of the bytes for one of its statements, without a copy: they are the batch's then and `data` is empty. For
 * what has megabytes. */
struct store_value store_batch_give(struct store_batch *batch, struct buf *data);
/* Commits only while the row of `lease` named "host" holds this epoch, else TROUPE_CONFLICT; 0 is
 * no check. */
void store_batch_lease(struct store_batch *batch, int64_t epoch);
/* Keeps a failure of the caller's in the batch: store_commit returns it and writes nothing. */
void store_batch_fail(struct store_batch *batch, troupe_status status, const char *text);
/* Opens the latch on the writer's thread once the batch is durable; where it is not written, the
 * latch is left alone. The batch has a reference of its own. One latch a batch. */
void store_batch_opens(struct store_batch *batch, struct latch *latch);
/* After store_commit said TROUPE_IO or TROUPE_UNAVAILABLE, when nothing of it is there: it may be committed
 * once more. False while the writer has it. */
bool store_batch_again(struct store_batch *batch);
size_t store_batch_count(const struct store_batch *batch);

/* After store_commit returned TROUPE_OK; an index outside gives 0 or NULL. */
int64_t store_batch_changes(const struct store_batch *batch, size_t index); /* rows changed */
/* Last generated; a server tells it only where a later statement asks by store_rowid_of. */
int64_t store_batch_rowid(const struct store_batch *batch, size_t index);
/* The rows of RETURNING or SELECT, NULL for other statements; they belong to the batch. */
const struct store_rows *store_batch_result(const struct store_batch *batch, size_t index);

static inline void store_batch_cleanup(struct store_batch **batch)
{
    store_batch_free(*batch);
}
#define _cleanup_batch_ _cleanup_(store_batch_cleanup)

#endif
