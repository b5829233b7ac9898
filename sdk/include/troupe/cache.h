/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/cache.h - "troupe.cache/1": what took long to make and may be lost at any time, in the agent's own
 * namespace and in a scope that the host fills in from the turn (TROUPE_SCOPE_MEMBER and its like).
 * Capability "cache". It lies in the host's memory, or in a Redis that the owner set up; nothing may be
 * kept here alone. It goes when its life is over, which is a day at most, and when the member whose turn put it
 * there, in whichever scope, deletes their data.
 *
 *     troupe_str page;
 *     troupe_status status = troupe_cache_get(turn, TROUPE_SCOPE_AGENT, "front page", &page);
 *
 *     if (status == TROUPE_NOT_FOUND) {
 *         status = fetch(turn, &page);
 *         if (status == TROUPE_OK)
 *             (void)troupe_cache_put(turn, TROUPE_SCOPE_AGENT, "front page", page, 600000);
 *     }
 *
 * Bounds: a key of 1 to 200 bytes of UTF-8, a value of 256 kB, a life of a millisecond to a day. Beside
 * the codes that are named, every call fails with TROUPE_ARGUMENT for a key or a life that is none,
 * TROUPE_LIMIT for a value above its bound, TROUPE_DENIED without the capability and TROUPE_UNSUPPORTED in
 * a turn without the scope asked for. While the cache is away nothing is found, and what is put is lost:
 * that is no error.
 */
#ifndef TROUPE_CACHE_H
#define TROUPE_CACHE_H

#include <troupe/kv.h>
#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_CACHE "troupe.cache/1"

/* The extension's table. */
typedef struct troupe_cache_v1 {
    uint32_t size;
    uint32_t reserved;
    /* The value, valid until the stage or function ends; TROUPE_NOT_FOUND where there is none (any more).
     * Noted. [turn, waits] */
    troupe_status (*get)(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret);
    /* Puts a value in place of what is there, for `life_ms`. The same value once more lives on and stays whose it
     * was. Not recorded: a turn that runs again puts it again. [turn, waits] */
    troupe_status (*put)(troupe_turn *turn, uint32_t scope, const char *key, troupe_str value,
                         uint64_t life_ms);
    /* Takes a value away; TROUPE_OK also when there was none. Not recorded. [turn, waits] */
    troupe_status (*remove)(troupe_turn *turn, uint32_t scope, const char *key);
} troupe_cache_v1;

/* The table of this host, or NULL. Not recorded. No errors. [turn] */
static inline const troupe_cache_v1 *troupe_cache(troupe_turn *turn)
{
    return (const troupe_cache_v1 *)troupe_get_extension(turn, TROUPE_CACHE);
}

/* As `get` of the table; TROUPE_NOT_FOUND under a host without a cache. Noted. [turn, waits] */
static inline troupe_status troupe_cache_get(troupe_turn *turn, uint32_t scope, const char *key,
                                             troupe_str *ret)
{
    const troupe_cache_v1 *cache = troupe_cache(turn);

    return cache ? cache->get(turn, scope, key, ret) : TROUPE_NOT_FOUND;
}

/* As `put` of the table, TROUPE_LIMIT for a value above its bound; a host without a cache loses it. Not
 * recorded. [turn, waits] */
static inline troupe_status troupe_cache_put(troupe_turn *turn, uint32_t scope, const char *key,
                                             troupe_str value, uint64_t life_ms)
{
    const troupe_cache_v1 *cache = troupe_cache(turn);

    return cache ? cache->put(turn, scope, key, value, life_ms) : TROUPE_OK;
}

/* As `remove` of the table, TROUPE_ARGUMENT for a key that is none; a host without a cache has nothing to
 * take away. Not recorded. [turn, waits] */
static inline troupe_status troupe_cache_remove(troupe_turn *turn, uint32_t scope, const char *key)
{
    const troupe_cache_v1 *cache = troupe_cache(turn);

    return cache ? cache->remove(turn, scope, key) : TROUPE_OK;
}

#endif
