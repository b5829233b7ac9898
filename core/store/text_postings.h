/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of one scope as a search by words wants them: for each stem the texts that have it, so that a search
 * looks at those of the question's words and at nothing else. It holds in memory what text_index_pack made of
 * each text; order and scores are those of text_index.h over the same texts. A text's stem takes 1 to 3
 * bytes, a stem 32 to 80, a text about 125 with its key; 100,000 texts of 60 words 26 MB.
 * What is found keeps no memory of its own: the sums lie beside the texts.
 *
 * What is removed counts for nothing at once; its numbers go, and are overwritten, when a fifth of all texts is
 * such. Pure; one thread at a time. Memory is mem_alloc's: who bounds it asks for the bytes.
 */
#ifndef STORE_TEXT_POSTINGS_H
#define STORE_TEXT_POSTINGS_H

#include "store/text_index.h"

struct text_postings;

struct text_postings *text_postings_new(void);
void text_postings_free(struct text_postings *postings); /* NULL is fine */

/* Puts a packed text, in place of what has the key. One that cannot be read is not there afterwards. */
void text_postings_put(struct text_postings *postings, const char *key, const void *packed,
                       size_t len);
void text_postings_remove(struct text_postings *postings, const char *key); /* absent is fine */
size_t text_postings_count(const struct text_postings *postings);           /* texts          */
size_t text_postings_bytes(const struct text_postings *postings);           /* of memory      */

struct text_hit {
    const char *key; /* borrowed until the next change */
    double score, share;
};
/* The `most` best of what has a word of the query, best first, those alike by key. The query is what
 * text_query_init made. Returns how many. */
size_t text_postings_search(struct text_postings *postings, const struct text_query *query,
                            size_t most, struct text_hit *hits);

#endif
