/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/texts.h - "troupe.texts/1": finding texts by the words that they share with a question, in the agent's
 * own namespace and in a scope that the host fills in from the turn (TROUPE_SCOPE_HERE and its like), alone or
 * together with vectors of the same keys (troupe/vectors.h). Capability "texts". Nothing is ever found across
 * scopes, and what belongs to a member goes when they delete their data, like values of troupe/kv.h.
 *
 *     troupe_text_query query = {.size = sizeof(query), .scope = TROUPE_SCOPE_HERE, .most = 5};
 *     troupe_array hits = {0};
 *     troupe_status status = troupe_texts_put(turn, TROUPE_SCOPE_HERE, "cat", text);
 *
 *     query.text = question;
 *     if (status == TROUPE_OK)
 *         status = troupe_texts_search(turn, &query, &hits);
 *     for (uint32_t i = 0; status == TROUPE_OK && i < hits.count; i++)
 *         show(TROUPE_AT(hits, troupe_text_hit, i));
 *
 * Kept of a text are hashes of its words, not the text: that is for the agent to keep. Words lose a few endings of
 * English and German before they are compared; those that nearly every text has count only where the
 * question has no others. Rare words count more, long texts less (Okapi BM25 within the scope), the same
 * on every database. Bounds: 100,000 texts of an agent in a scope, 100 results; of a text the first 64 kB
 * and 1,000 different words count, of a question 32. Beside the codes that are named, every call fails with
 * TROUPE_ARGUMENT for a key that has not 1 to 200 bytes of UTF-8, TROUPE_DENIED without the capability,
 * TROUPE_UNSUPPORTED in a turn without the scope asked for, and TROUPE_UNAVAILABLE while the storage is away.
 */
#ifndef TROUPE_TEXTS_H
#define TROUPE_TEXTS_H

#include <troupe/kv.h>
#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_TEXTS "troupe.texts/1"

/* How much direction counts beside words where the vectors are those of troupe_vectors_of_text: it decides
 * between texts that the words put beside each other, and adds what has no word in common. Measured, see
 * docs/architecture.md. */
#define TROUPE_TEXTS_LOCAL 0.01

/* What is looked for. The size is sizeof(troupe_text_query). */
typedef struct troupe_text_query {
    uint32_t size;
    uint32_t scope; /* TROUPE_SCOPE_… */
    troupe_str text;
    const float
        *values;    /* a vector to look for as well, like troupe/vectors.h; NULL: words alone */
    uint32_t count; /* of its values */
    uint32_t most;  /* results, 1 to 100 */
    double
        weight; /* of direction beside words, above 0 to 100: 1 for the embedding of a good model */
} troupe_text_query;

/* One result. A list is walked by its stride. */
typedef struct troupe_text_hit {
    troupe_str key;
    double score;    /* what they are ordered by; comparable within one search only */
    double share;    /* of the question's words, the rare ones counting more: 0 none, 1 all */
    double likeness; /* cosine of the vectors; 0 where it was not among the nearest hundred */
} troupe_text_hit;

/* The extension's table. */
typedef struct troupe_texts_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Puts a text's words under a key of the scope, in place of what is there. TROUPE_NOT_FOUND, and nothing
     * changes, for a text without a word; TROUPE_LIMIT where the scope is full. Stored. [turn, waits] */
    troupe_status (*put)(troupe_turn *turn, uint32_t scope, const char *key, troupe_str text);
    /* The best of the scope, the best first, those alike by key: troupe_text_hit, valid until the stage or
     * function ends. Words alone: what shares at least one. With a vector the agent's vectors of the same
     * scope are searched too (capability "vectors") and the two orders become one by reciprocal ranks. An
     * empty list where there is nothing, also for a question without a word. TROUPE_ARGUMENT for another
     * number of results, another weight, or a vector that is none. Noted. [turn, waits] */
    troupe_status (*search)(troupe_turn *turn, const troupe_text_query *query, troupe_array *ret);
    /* Takes a key's words away; TROUPE_OK also when there were none. Stored. [turn, waits] */
    troupe_status (*remove)(troupe_turn *turn, uint32_t scope, const char *key);
} troupe_texts_v1;

/* The table of this host, or NULL. Not recorded. No errors. [turn] */
static inline const troupe_texts_v1 *troupe_texts(troupe_turn *turn)
{
    return (const troupe_texts_v1 *)troupe_get_extension(turn, TROUPE_TEXTS);
}

/* As `put` of the table; TROUPE_UNSUPPORTED under a host without texts. Stored. [turn, waits] */
static inline troupe_status troupe_texts_put(troupe_turn *turn, uint32_t scope, const char *key,
                                             troupe_str text)
{
    const troupe_texts_v1 *texts = troupe_texts(turn);

    return texts ? texts->put(turn, scope, key, text) : TROUPE_UNSUPPORTED;
}

/* As `search` of the table; TROUPE_UNSUPPORTED under a host without texts. Noted. [turn, waits] */
static inline troupe_status troupe_texts_search(troupe_turn *turn, const troupe_text_query *query,
                                                troupe_array *ret)
{
    const troupe_texts_v1 *texts = troupe_texts(turn);

    return texts ? texts->search(turn, query, ret) : TROUPE_UNSUPPORTED;
}

/* As `remove` of the table; TROUPE_UNSUPPORTED under a host without texts. Stored. [turn, waits] */
static inline troupe_status troupe_texts_remove(troupe_turn *turn, uint32_t scope, const char *key)
{
    const troupe_texts_v1 *texts = troupe_texts(turn);

    return texts ? texts->remove(turn, scope, key) : TROUPE_UNSUPPORTED;
}

#endif
