/* SPDX-License-Identifier: Apache-2.0
 *
 * What "troupe.vectors/1" and "troupe.texts/1" share: entries by key in the turn's scopes. They are values of
 * the kv table in scopes of their own (a prefix before what kv.c composes, which no plugin can write): so
 * they commit with what the turn does, on either database, and go with a member's other data. Loop thread.
 */
#ifndef HOST_INDEX_H
#define HOST_INDEX_H

#include "store/index.h"
#include "turn/record.h"

enum {
    HOST_INDEX_KEY = 200,     /* bytes of a key                      */
    HOST_INDEX_MOST = 100,    /* results of a search                 */
    HOST_INDEX_SCOPE = 100000 /* entries of an agent in a scope     */
};

struct host_index {
    const char *name;   /* the capability, and "entries" in sentences    */
    const char *prefix; /* of its scopes                                 */
    size_t page;        /* rows read at once, looked at without a pause  */
    /* Recorded calls and failure codes. */
    const char *put, *remove, *bad_key, *full, *storage;
};

/* The scope that the host fills in, for the calls below. */
troupe_status host_index_begin(const struct host_index *index, struct turn_frame *frame,
                               uint32_t scope, char ret_place[STORE_KV_SCOPE_MAX]);
/* The same for an entry of that key. */
troupe_status host_index_entry(const struct host_index *index, struct turn_frame *frame,
                               uint32_t scope, const char *key, char ret_place[STORE_KV_SCOPE_MAX]);
int64_t host_index_hash(uint32_t scope, const char *key);
/* Stored, or in the frame's batch. `key` was checked by host_index_entry. [waits] */
troupe_status host_index_put(const struct host_index *index, struct turn_frame *frame,
                             uint32_t scope, const char *place, const char *key, const void *data,
                             size_t len);
troupe_status host_index_remove(const struct host_index *index, struct turn_frame *frame,
                                uint32_t scope, const char *key);
/* For a scope that the store's index has no room for: all entries by `look`, rows of key and value, page by page. [waits] */
troupe_status host_index_read(const struct host_index *index, struct turn_frame *frame,
                              const char *place,
                              void (*look)(void *arg, const struct store_rows *rows), void *arg,
                              struct error *err);
/* What a search found that is replayed. */
troupe_status host_index_replay(const struct host_index *index, struct record_call *call,
                                const char **ret_data, size_t *ret_len);

#endif
