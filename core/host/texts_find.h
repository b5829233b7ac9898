/* SPDX-License-Identifier: Apache-2.0
 *
 * The best of a scope by words, for "troupe.texts/1": out of the index that the store keeps in memory, or by
 * reading all of the scope's entries where that is too large for it. Both give the same. Loop thread.
 */
#ifndef HOST_TEXTS_FIND_H
#define HOST_TEXTS_FIND_H

#include "host/index.h"
#include "store/text_postings.h"

struct host_text {
    char *key;
    double score, share;
};

/* At most HOST_INDEX_MOST, the best first; host_texts_clear frees the keys. [waits] */
troupe_status host_texts_find(const struct host_index *index, struct turn_frame *frame,
                              const char *place, struct text_query *query,
                              struct host_text found[HOST_INDEX_MOST], size_t *ret_count,
                              struct error *err);
/* The same out of an index; how many. */
size_t host_texts_take(struct text_postings *postings, const struct text_query *query,
                       struct host_text found[HOST_INDEX_MOST]);
void host_texts_clear(struct host_text *found, size_t count);

#endif
