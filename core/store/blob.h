/* SPDX-License-Identifier: Apache-2.0
 *
 * Large values in a namespace and a scope, as store/kv.h has small ones. The bytes stand in pieces under
 * a number, the body, so that no statement and no row is large. A body is written piece by piece, in as
 * many commits, while no key leads to it; the last commit, which may be a part of a larger batch, makes
 * the key lead to it and lets go of what it led to before. So a value is there whole or not at all.
 *
 * A body that no key leads to has a row that says from when on it may be cleared: one that is being
 * written an hour after its last piece, one that was replaced or removed at once. Clearing takes a bounded
 * portion at a time. A value past its expiry is not there. Loop thread; [waits] needs a coroutine.
 */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include "store/kv.h"

#define STORE_BLOB_MAX      (32u << 20)  /* bytes of a value              */
#define STORE_BLOB_PART     (256u << 10) /* bytes of a piece but the last */
#define STORE_BLOB_AT_ONCE  8u           /* pieces that share a commit, or a query */
#define STORE_BLOB_TYPE_MAX 100          /* bytes of a media type         */
#define STORE_BLOB_HASH     64           /* hexadecimal digits            */
#define STORE_BLOB_LIST_MAX 100

/* Where a value is; borrowed. */
struct store_blob_place {
    const char *ns, *scope, *key;
};

/* What is known of it beside its bytes. Times are wall-clock milliseconds. */
struct store_blob_head {
    int64_t body; /* 0: none */
    uint64_t size;
    int64_t created_ms, changed_ms, expires_ms; /* expires_ms 0: never */
    char type[STORE_BLOB_TYPE_MAX + 1];
    char sha256[STORE_BLOB_HASH + 1];
};

/* ---- writing ---- */

/* Begins a body of `size` bytes; its number goes into `ret_body`. [waits] */
troupe_status store_blob_begin(struct store *store, const struct store_blob_place *place,
                               uint64_t size, int64_t *ret_body, struct error *err);
/* Writes pieces from the piece `part` on, as many as share a commit; how many bytes these were goes into
 * `ret_len`. `data` and `len` are what is left of the value. TROUPE_CONFLICT: the body was cleared, since
 * what it belongs to was deleted meanwhile. [waits] */
troupe_status store_blob_write(struct store *store, const struct store_blob_place *place,
                               int64_t body, int64_t part, const char *data, size_t len,
                               size_t *ret_len, struct error *err);
/* The last step, as statements of a batch: `blob` (its body written whole; times but the expiry are set here)
 * in place of the body `before`, 0 for none. The batch ends with TROUPE_CONFLICT where the key
 * leads elsewhere by then. */
void store_blob_put(struct store_batch *batch, const struct store_blob_place *place,
                    const struct store_blob_head *blob, int64_t before);
/* The key leads nowhere any more, where it leads to that body; else TROUPE_CONFLICT. */
void store_blob_remove(struct store_batch *batch, const struct store_blob_place *place,
                       int64_t body);

/* ---- reading ---- */

/* Also of one past its expiry, which store_blob_is_live tells. TROUPE_NOT_FOUND: there is none. [waits] */
troupe_status store_blob_info(struct store *store, const struct store_blob_place *place,
                              struct store_blob_head *ret, struct error *err);
bool store_blob_is_live(const struct store_blob_head *blob);
/* Bytes from `offset` on into `buf`, at most `len` and at most what one query gives; how many goes into
 * `ret_len`, 0 behind the end. TROUPE_CONFLICT: the body is not there any more. [waits] */
troupe_status store_blob_read(struct store *store, const struct store_blob_place *place,
                              const struct store_blob_head *blob, uint64_t offset, char *buf,
                              size_t len, size_t *ret_len, struct error *err);
/* Those whose keys begin with place->key and come after `after`, by key in byte order: at most `most`
 * (STORE_BLOB_LIST_MAX). Rows for store_blob_of and store_blob_key. [waits] */
troupe_status store_blob_list(struct store *store, const struct store_blob_place *place,
                              const char *after, size_t most, struct store_rows **ret,
                              struct error *err);
void store_blob_of(const struct store_rows *rows, size_t row, struct store_blob_head *ret);
const char *store_blob_key(const struct store_rows *rows, size_t row);

/* What there is beside the place: values and bytes of its scope, and bytes of its namespace with what is
 * being written or cleared. */
struct store_blob_use {
    int64_t count;
    uint64_t scope_bytes, bytes;
};
/* [waits] */
troupe_status store_blob_use(struct store *store, const struct store_blob_place *place,
                             struct store_blob_use *ret, struct error *err);

/* ---- clearing ---- */

/* One portion of what is to be cleared, values past their expiry among it; whether there is more. [waits] */
troupe_status store_blob_sweep(struct store *store, uint64_t deadline, bool *ret_more,
                               struct error *err);
/* One body that no key leads to any more, all of it. [waits] */
troupe_status store_blob_clear(struct store *store, const struct store_blob_place *place,
                               int64_t body, struct error *err);

#endif
