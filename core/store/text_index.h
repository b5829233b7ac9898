/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding texts by their words. What is kept of a text are hashes of its words' stems with how often each is
 * there, a few hundred bytes and no text; a search weighs by Okapi BM25 what a scope's texts share with a
 * query: rare words count more, long texts less. The stems are made by a few endings of English and German
 * that both sides lose alike; words that nearly every text has are left out. It is the same on every
 * database and machine, and looks at nothing outside of the scope: also how rare a word is. Pure; any
 * thread.
 */
#ifndef STORE_TEXT_INDEX_H
#define STORE_TEXT_INDEX_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TEXT_INDEX_TEXT_MAX = 64 * 1024, /* bytes that are looked at             */
    TEXT_INDEX_WORDS_MAX = 1000,     /* different words of a text: the first */
    TEXT_INDEX_QUERY_MAX = 32        /* and of a query                       */
};

/* Appends what is to be kept of a text. False, and nothing, where it has no word. */
bool text_index_pack(const char *text, size_t len, struct buf *out);

/* What was packed, for whoever keeps it otherwise: how many different words, 0 where it cannot be read; and
 * the i-th of them. */
size_t text_index_count(const void *packed, size_t len, uint32_t *ret_words);
void text_index_item(const void *packed, size_t i, uint32_t *ret_hash, uint16_t *ret_times);

/* A search: what it looks for, then every text of the scope, then the weights. */
struct text_query {
    uint32_t words[TEXT_INDEX_QUERY_MAX];
    uint32_t holders[TEXT_INDEX_QUERY_MAX]; /* texts that have the word */
    size_t word_count;
    uint64_t filter;     /* a bit for each word: most words of a text are none of them */
    size_t texts, total; /* that were looked at, and their words together */
};

/* What one text has of the query: times of each of its words. */
struct text_match {
    uint16_t times[TEXT_INDEX_QUERY_MAX];
    uint32_t words; /* of the whole text */
};

/* False where the query has no word to go by. */
bool text_query_init(struct text_query *query, const char *text, size_t len);
/* Looks at a text, as it was packed: each of the scope once. False where it has nothing of the query, or
 * cannot be read. */
bool text_query_look(struct text_query *query, const void *packed, size_t len,
                     struct text_match *ret);
/* How well it matches, above 0, when all were looked at. */
double text_query_score(const struct text_query *query, const struct text_match *match);
/* How much of the query it has, 0 to 1: its words by how rare they are. One that no text has counts as the
 * rarest. */
double text_query_share(const struct text_query *query, const struct text_match *match);

/* The same in parts, for whoever counts texts otherwise. */

/* The words' places in the order in which their parts are added up: rarest first, those alike as the query has them. */
void text_query_order(const double *rareness, size_t word_count,
                      uint8_t order[TEXT_INDEX_QUERY_MAX]);

/* Okapi BM25's two constants, as usual for short texts. */
#define TEXT_INDEX_SATURATION  0.9
#define TEXT_INDEX_LENGTH_PART 0.4

/* How rare a word is that `holders` of `texts` have. */
double text_query_rareness(size_t holders, size_t texts);
/* What a word of a text makes of how long texts are on average. */
static inline double text_query_per_word(size_t total, size_t texts)
{
    return total ? TEXT_INDEX_SATURATION * TEXT_INDEX_LENGTH_PART * (double)texts / (double)total
                 : 0;
}
/* What `times` of a word add to the score of a text of so many words. */
static inline double text_query_part(double rareness, uint32_t times, uint32_t words,
                                     double per_word)
{
    return rareness * (double)times * (TEXT_INDEX_SATURATION + 1) /
           ((double)times + TEXT_INDEX_SATURATION * (1 - TEXT_INDEX_LENGTH_PART) +
            per_word * (double)words);
}

#endif
