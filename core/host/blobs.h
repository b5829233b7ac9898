/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the two halves of "troupe.blobs/1": what changes and tells of blobs, and what reads their bytes.
 */
#ifndef HOST_BLOBS_H
#define HOST_BLOBS_H

#include "host/host_table.h"
#include "store/blob.h"

#define HOST_BLOBS_TRIES 5 /* where somebody else changes the same key meanwhile */

/* Where it is; `scope` is its text. */
struct host_blob {
    char scope[STORE_KV_SCOPE_MAX];
    struct store_blob_place place;
};

/* Checks capability, batch and scope, and fills in the place; the key unless `any_key`. */
troupe_status host_blobs_begin(struct turn_frame *frame, uint32_t scope, const char *key,
                               bool any_key, struct host_blob *ret);
int64_t host_blobs_hash(uint32_t scope, const char *key);
/* TROUPE_NOT_FOUND also for one past its time; the frame's error is set. [waits] */
troupe_status host_blobs_look(struct turn_frame *frame, const struct host_blob *at,
                              struct store_blob_head *ret);

/* The store's failure as the frame's. */
troupe_status host_blobs_failed(struct turn_frame *frame, troupe_status status,
                                const struct error *err);

/* Of the table (blobs_list.c). [waits] */
troupe_status host_blobs_info(troupe_turn *turn, uint32_t scope, const char *key, troupe_blob *ret);
troupe_status host_blobs_list(troupe_turn *turn, uint32_t scope, const char *prefix,
                              const char *after, uint32_t most, troupe_array *ret);
/* And of blobs_read.c. [waits] */
troupe_status host_blobs_get(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret);
troupe_status host_blobs_read(troupe_turn *turn, uint32_t scope, const char *key, uint64_t offset,
                              void *buf, uint64_t len, uint64_t *ret_len);

#endif
