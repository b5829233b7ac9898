/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache: what may be lost at any time and is made again. Values with a life, counters of a time
 * window (rate limits) and locks with a life, in this process's memory or in a Redis that several
 * programs share. Nothing may be kept here alone: what must not be lost is the store's.
 *
 * Whose a value is may be said with it, by a text of CACHE_OWNER bytes (a hash): then all of one owner can be
 * taken out, wherever they are.
 *
 * While a server is away the memory stands in, with nothing in it at first; each half a second one call tries
 * the server and waits for it. When it is back, what was put or taken out meanwhile is taken out there before anything is read,
 * and the memory is emptied: what was replaced or removed is never given again. Counters begin anew both times;
 * locks are not given meanwhile, and cache_forget is not done.
 *
 * A name is a namespace (as of migrations, or "core") and a key. Whatever is put has a life of at most
 * CACHE_LIFE_MAX_MS. Functions are for the loop thread; those marked [waits] need a coroutine and have a
 * deadline in absolute milliseconds of loop_now(), 0 is the options' answer_ms. The memory never waits.
 *   TROUPE_UNAVAILABLE  the server did not answer in time, or is away and was asked for a lock: go on without,
 *                       and where a limit is asked for, take the careful side
 *   TROUPE_LIMIT        a key or value above the bounds below
 *   TROUPE_ARGUMENT     a namespace that is none, an empty key, a life of nothing or above the bound
 *   TROUPE_BUSY         too much waits for the server, or counters and locks fill the memory
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "base/buf.h"
#include "base/error.h"
#include "loop/loop.h"

#include <stdbool.h>

#define CACHE_KEY_MAX     512
#define CACHE_VALUE_MAX   (1u << 20)
#define CACHE_LIFE_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)
#define CACHE_OWNER       32 /* bytes, of hexadecimal digits */
#define CACHE_TOKEN_SIZE  33 /* of a lock, with its NUL */
#define CACHE_QUEUE_MAX   1000

struct cache;

struct cache_options {
    size_t
        max_bytes; /* of the memory, by keys and values; 0: 16 MB. What was used longest ago goes */
    const char
        *url; /* redis://HOST:PORT/DATABASE or unix:/PATH, without a password; NULL: memory */
    const char *password; /* NULL: none */
    const char *prefix; /* of every key on the server; NULL: "troupe"                             */
    uint32_t answer_ms; /* the server has to answer; 0: 500                                       */
    /* A file that is there while the server has what it should not; its directory is. NULL: a process that ends
     * while the server is away leaves that there, until its life is over. */
    const char *mark;
};

struct cache_stats {
    uint64_t hits,
        misses;       /* of cache_get                                                         */
    uint64_t failed;  /* calls that the server did not answer                                 */
    uint64_t evicted; /* from the memory before their life was over                           */
    size_t entries,
        bytes;     /* of the memory                                                        */
    bool degraded; /* the server did not answer the last call to it: the memory stands in  */
};

/* A server is connected to when it is first asked. TROUPE_ARGUMENT for a url that is none. */
troupe_status cache_new(struct loop *loop, const struct cache_options *options, struct cache **ret,
                        struct error *err);
/* Joins the thread. No coroutine waits for the cache any more. NULL is fine. */
void cache_free(struct cache *cache);
/* Whether it is a server, which others may use and which outlives this process. */
bool cache_is_shared(const struct cache *cache);
void cache_stats(const struct cache *cache, struct cache_stats *ret);
/* Sees whether the server is there, so that one that is back is used, and told to be well, though nobody else
 * asks it, and one that is gone is noticed. Nothing with the memory. To be called now and then. [waits] */
void cache_look(struct cache *cache);

/* [waits] */
troupe_status cache_set(struct cache *cache, const char *ns, const char *key, const void *data,
                        size_t len, int64_t life_ms, uint64_t deadline, struct error *err);
/* The same with an owner (NULL: none). Where exactly this value is there already, only its life is new: it stays
 * its first owner's. [waits] */
troupe_status cache_set_of(struct cache *cache, const char *owner, const char *ns, const char *key,
                           const void *data, size_t len, int64_t life_ms, uint64_t deadline,
                           struct error *err);
/* Takes out every value of that owner; what is put meanwhile may stay. The deadline is that of each of several
 * questions to a server. TROUPE_ARGUMENT for an owner that is none. [waits] */
troupe_status cache_forget(struct cache *cache, const char *owner, struct error *err);
/* Appends the value to `ret`; TROUPE_NOT_FOUND where there is none. [waits] */
troupe_status cache_get(struct cache *cache, const char *ns, const char *key, uint64_t deadline,
                        struct buf *ret, struct error *err);
/* One that is not there is fine. [waits] */
troupe_status cache_remove(struct cache *cache, const char *ns, const char *key, uint64_t deadline,
                           struct error *err);
/* What is left of its life; TROUPE_NOT_FOUND. [waits] */
troupe_status cache_life(struct cache *cache, const char *ns, const char *key, uint64_t deadline,
                         int64_t *ret_ms, struct error *err);
/* Adds to a counter and gives its value. One that is not there begins at 0, and its window of `life_ms`
 * then: adding does not prolong it. TROUPE_CONFLICT where something else has the name. [waits] */
troupe_status cache_add(struct cache *cache, const char *ns, const char *key, int64_t by,
                        int64_t life_ms, uint64_t deadline, int64_t *ret, struct error *err);
/* Takes a lock, which goes by itself when its life is over: TROUPE_CONFLICT while somebody has it. Who
 * holds one too long has lost it, and must not rely on it for what must not happen twice. [waits] */
troupe_status cache_lock(struct cache *cache, const char *ns, const char *key, int64_t life_ms,
                         uint64_t deadline, char ret_token[CACHE_TOKEN_SIZE], struct error *err);
/* TROUPE_NOT_FOUND where it is lost, and perhaps another's now, which is left alone. [waits] */
troupe_status cache_unlock(struct cache *cache, const char *ns, const char *key, const char *token,
                           uint64_t deadline, struct error *err);

#endif
