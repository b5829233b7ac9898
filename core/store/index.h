/* SPDX-License-Identifier: Apache-2.0
 *
 * Indexes over values of kv: the entries of a scope in a form that a search is quick in (lists of texts by stem,
 * vectors of a few bits), in this process's memory. The database has the entries alone, sealed where values
 * are, and they are deleted like values; the form is made of them when a scope is searched first, and brought
 * up to date before each search by what changed since. So it is never the holder of anything, it is right
 * whoever wrote (another host, too), and what was deleted is not found by the next search.
 *
 * Each change of a scope has a number, given in its own transaction, and the last INDEX_CHANGES are kept with
 * the key that they were about. A search costs one look at a row where nothing changed, the values of changed
 * keys where something did, and all of the scope's values where more did, or the scope was emptied.
 *
 * Memory is bounded (`index_bytes`): the form that was not searched for longest goes. Loop thread.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "store/kv.h"

enum {
    INDEX_CHANGES = 1000, /* of a scope that are kept                                       */
    INDEX_PAGE = 250      /* entries that are read and taken in one go; then the loop turns */
};

/* Puts and removes an entry, as store_kv_put and store_kv_delete. */
void store_index_put(struct store_batch *batch, const char *ns, const char *scope, const char *key,
                     const void *value, size_t len);
void store_index_remove(struct store_batch *batch, const char *ns, const char *scope,
                        const char *key);
/* How many entries the scope has beside that key. [waits] */
troupe_status store_index_others(struct store *store, const char *ns, const char *scope,
                                 const char *key, uint64_t deadline, int64_t *ret,
                                 struct error *err);

/* A form that entries can be in. `variant` is the form's own: entries that are none of it are left out. */
struct store_index_form {
    const char *name;
    void *(*make)(size_t variant);
    void (*free)(void *index);
    /* In place of what has the key. False: no memory. */
    bool (*put)(void *index, const char *key, const void *value, size_t len);
    void (*remove)(void *index, const char *key);
    size_t (*bytes)(const void *index);
};
extern const struct store_index_form store_index_texts; /* struct text_postings, variant 0       */
extern const struct store_index_form
    store_index_vectors; /* struct vector_near, by the dimensions */

/* The scope in that form, as of a commit that is not older than the call; NULL where it has no entry. Valid until
 * the caller waits. TROUPE_LIMIT where it does not fit into the memory: read the entries page by page then.
 * Otherwise as store_query. [waits] */
troupe_status store_index_use(struct store *store, const struct store_index_form *form,
                              size_t variant, const char *ns, const char *scope, uint64_t deadline,
                              void **ret, struct error *err);

/* What a search wants that looks into two of them. */
struct store_index_wish {
    const struct store_index_form *form;
    size_t variant;
    const char *scope;
    void *index; /* what it gets */
};
/* Both at once, by one look at the database, both valid until the caller waits. TROUPE_LIMIT also where either fits
 * into the memory, and both do not: use one after the other then. [waits] */
troupe_status store_index_use_both(struct store *store, const char *ns,
                                   struct store_index_wish wishes[2], uint64_t deadline,
                                   struct error *err);

/* Reads scopes that a first search would wait for, INDEX_WARM_LEAST entries or more, the largest first, into at most
 * half of the memory; `wanted` tells whether anybody searches in a namespace. For the start. [waits] */
enum { INDEX_WARM_LEAST = 1000, INDEX_WARM_SCOPES = 32 };
troupe_status store_index_warm(struct store *store, bool (*wanted)(void *arg, const char *ns),
                               void *arg, size_t *ret_count, struct error *err);

/* Nothing stays in memory of scopes that end in the member's id: for when their entries were deleted. */
void store_index_forget(struct store *store, const char *member);

struct store_index_stats {
    size_t scopes, bytes; /* in memory                          */
    size_t max_bytes;
    uint64_t loads, updates; /* scopes read whole, and by changes  */
};
void store_index_stats(const struct store *store, struct store_index_stats *ret);

/* For store.c: what belongs to one store. */
struct store_index;
struct store_index *store_index_new(size_t max_bytes);
void store_index_free(struct store_index *index); /* NULL is fine */
struct store_index *store_index_of(const struct store *store);
struct loop *store_loop_of(const struct store *store);

#endif
