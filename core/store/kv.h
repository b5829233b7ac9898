/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and values in a namespace and a scope, kept in the core's table `kv`. The scope is text that
 * the host composes from account, guild, channel and member; a plugin never writes it. Writes are
 * statements of a batch like others; reads wait. A value past its expiry is not there, and is
 * removed later by a sweep that takes a bounded number at a time.
 */
#ifndef STORE_KV_H
#define STORE_KV_H

#include "store/store.h"

#define STORE_KV_KEY_MAX   512
#define STORE_KV_SCOPE_MAX 512
#define STORE_KV_VALUE_MAX (1u << 20)
#define STORE_KV_LIST_MAX  1000

/* Times are wall-clock milliseconds, 0 is never. Sizes above the bounds, or an empty key, fail the
 * batch with TROUPE_LIMIT or TROUPE_ARGUMENT. Each put adds one to the key's version. */
size_t store_kv_put(struct store_batch *batch, const char *ns, const char *scope, const char *key,
                    const void *value, size_t len, int64_t expires_ms);
/* Only while the key has this version (0: while it is not there), else TROUPE_CONFLICT. */
size_t store_kv_put_if(struct store_batch *batch, const char *ns, const char *scope,
                       const char *key, const void *value, size_t len, int64_t expires_ms,
                       int64_t version);
/* A key that is not there is fine. */
size_t store_kv_delete(struct store_batch *batch, const char *ns, const char *scope,
                       const char *key);
/* Everything of a scope; `scope` NULL: of the namespace. */
size_t store_kv_delete_all(struct store_batch *batch, const char *ns, const char *scope);

/* One row: value, version, expires_ms. TROUPE_NOT_FOUND when it is absent or expired. [waits] */
troupe_status store_kv_get(struct store *store, const char *ns, const char *scope, const char *key,
                           uint64_t deadline, struct store_rows **ret, struct error *err);
/* Rows key, value, version, expires_ms of keys that start with `prefix` and come after `after`
 * (NULL: from the start), in byte order, at most `limit` (STORE_KV_LIST_MAX). [waits] */
troupe_status store_kv_list(struct store *store, const char *ns, const char *scope,
                            const char *prefix, const char *after, size_t limit, uint64_t deadline,
                            struct store_rows **ret, struct error *err);
/* How many keys there are beside `except`, also expired ones that were not swept yet. [waits] */
troupe_status store_kv_count(struct store *store, const char *ns, const char *scope,
                             const char *except, uint64_t deadline, int64_t *ret,
                             struct error *err);
/* Removes at most `max` expired rows; call it from a timer. `ret_removed` may be NULL. [waits] */
troupe_status store_kv_sweep(struct store *store, size_t max, uint64_t deadline,
                             size_t *ret_removed, struct error *err);

#endif
