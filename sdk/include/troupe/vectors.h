/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/vectors.h - "troupe.vectors/1": finding by direction what was put under a key before, in the agent's
 * own namespace and in a scope that the host fills in from the turn (TROUPE_SCOPE_MEMBER and its like).
 * Capability "vectors". Nothing is ever found across scopes, and what belongs to a member goes when they
 * delete their data, like values of troupe/kv.h.
 *
 *     float values[384];
 *     troupe_array hits = {0};
 *     troupe_status status = troupe_vectors_of_text(turn, text, values, 384);
 *
 *     if (status == TROUPE_OK)
 *         status = troupe_vectors_put(turn, TROUPE_SCOPE_MEMBER, "cat", values, 384);
 *     if (status == TROUPE_OK)
 *         status = troupe_vectors_search(turn, TROUPE_SCOPE_MEMBER, values, 384, 5, &hits);
 *     for (uint32_t i = 0; status == TROUPE_OK && i < hits.count; i++)
 *         show(TROUPE_AT(hits, troupe_vector_hit, i));
 *
 * Only the direction of a vector counts, not its length. Bounds: 1 to 4,096 values, 100,000 vectors of an agent
 * in a scope, 100 results. Vectors of different numbers of values may be in one scope and never find each other;
 * those of different models must not have the same number, since nothing tells them apart. Beside the codes
 * that are named, every call fails with TROUPE_ARGUMENT for a key that has not 1 to 200 bytes of UTF-8, for
 * another number of values, one that is no finite number or all zero; TROUPE_DENIED without the
 * capability, TROUPE_UNSUPPORTED in a turn without the scope asked for (no guild in a direct message),
 * and TROUPE_UNAVAILABLE while the storage is away.
 */
#ifndef TROUPE_VECTORS_H
#define TROUPE_VECTORS_H

#include <troupe/kv.h>
#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_VECTORS "troupe.vectors/1"

/* One result of a search. */
typedef struct troupe_vector_hit {
    troupe_str key;
    double score; /* cosine: 1 is the same direction, 0 nothing in common, -1 the opposite */
} troupe_vector_hit;

/* The extension's table. */
typedef struct troupe_vectors_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Puts `count` values under a key of the scope, in place of what is there. TROUPE_LIMIT where the scope is
     * full. Stored. [turn, waits] */
    troupe_status (*put)(troupe_turn *turn, uint32_t scope, const char *key, const float *values,
                         uint32_t count);
    /* The `most` nearest of the scope, 1 to 100, the best first, those alike by key: troupe_vector_hit, valid
     * until the stage or function ends. An empty list where there is nothing. Exact: every vector of the
     * scope is looked at. Noted. [turn, waits] */
    troupe_status (*search)(troupe_turn *turn, uint32_t scope, const float *values, uint32_t count,
                            uint32_t most, troupe_array *ret);
    /* Takes a key's vector away; TROUPE_OK also when there was none. Stored. [turn, waits] */
    troupe_status (*remove)(troupe_turn *turn, uint32_t scope, const char *key);
    /* Makes `count` values of a text without a model: hashed words and pieces of words. Texts that share words,
     * their forms or misspellings are near, those that say the same in other words are not: the
     * weaker of what there is, but free and always there. The first 64 kB count. 384 values are what it is
     * meant for. TROUPE_NOT_FOUND for a text without a word. Not recorded, and the same for the
     * same text. [turn] */
    troupe_status (*of_text)(troupe_turn *turn, troupe_str text, float *ret, uint32_t count);
} troupe_vectors_v1;

/* The table of this host, or NULL. Not recorded. No errors. [turn] */
static inline const troupe_vectors_v1 *troupe_vectors(troupe_turn *turn)
{
    return (const troupe_vectors_v1 *)troupe_get_extension(turn, TROUPE_VECTORS);
}

/* As `put` of the table; TROUPE_UNSUPPORTED under a host without vectors. Stored. [turn, waits] */
static inline troupe_status troupe_vectors_put(troupe_turn *turn, uint32_t scope, const char *key,
                                               const float *values, uint32_t count)
{
    const troupe_vectors_v1 *vectors = troupe_vectors(turn);

    return vectors ? vectors->put(turn, scope, key, values, count) : TROUPE_UNSUPPORTED;
}

/* As `search` of the table; TROUPE_UNSUPPORTED under a host without vectors. Noted. [turn, waits] */
static inline troupe_status troupe_vectors_search(troupe_turn *turn, uint32_t scope,
                                                  const float *values, uint32_t count,
                                                  uint32_t most, troupe_array *ret)
{
    const troupe_vectors_v1 *vectors = troupe_vectors(turn);

    return vectors ? vectors->search(turn, scope, values, count, most, ret) : TROUPE_UNSUPPORTED;
}

/* As `remove` of the table; TROUPE_UNSUPPORTED under a host without vectors. Stored. [turn, waits] */
static inline troupe_status troupe_vectors_remove(troupe_turn *turn, uint32_t scope,
                                                  const char *key)
{
    const troupe_vectors_v1 *vectors = troupe_vectors(turn);

    return vectors ? vectors->remove(turn, scope, key) : TROUPE_UNSUPPORTED;
}

/* As `of_text` of the table; TROUPE_UNSUPPORTED under a host without vectors. Not recorded. [turn] */
static inline troupe_status troupe_vectors_of_text(troupe_turn *turn, troupe_str text, float *ret,
                                                   uint32_t count)
{
    const troupe_vectors_v1 *vectors = troupe_vectors(turn);

    return vectors ? vectors->of_text(turn, text, ret, count) : TROUPE_UNSUPPORTED;
}

#endif
