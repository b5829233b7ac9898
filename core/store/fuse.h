/* SPDX-License-Identifier: Apache-2.0
 *
 * One order out of several: by words and by direction, say. Reciprocal rank fusion: a key gets, from each list
 * that has it, the list's weight divided by 60 plus its rank there. Scores of different kinds need not be
 * comparable, and what two lists have in front comes before what one of them has. Pure; any thread.
 */
#ifndef STORE_FUSE_H
#define STORE_FUSE_H

#include <stddef.h>

struct fuse_list {
    const char *const *keys; /* the best first; of a key that is there twice the first counts */
    size_t count;
    double weight; /* 1, or more for what is trusted more; 0: it has no say */
};

struct fused {
    const char *key; /* the list's */
    double score;
};

/* The `most` best of all lists, the best first, those alike by key. Returns how many; `out` has room for
 * `most`. */
size_t fuse_ranks(const struct fuse_list *lists, size_t list_count, size_t most, struct fused *out);

#endif
