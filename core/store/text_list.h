/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts that have one stem, by rising number: how much it rises, twice, plus 1 where a number of times
 * follows that is not 1; seven bits a byte. For text_postings.c. Pure; one thread at a time.
 */
#ifndef STORE_TEXT_LIST_H
#define STORE_TEXT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_LIST_SMALL = 8 /* bytes of a list that need no allocation, with one beyond the end */ };

struct text_list {
    uint32_t hash;
    uint32_t last;     /* number of the last text                          */
    uint32_t count;    /* with those removed since                         */
    uint32_t len, cap; /* bytes; `cap` is 0, or more than `len` by at least 1 */
    union {
        unsigned char small[TEXT_LIST_SMALL]; /* while cap is 0 */
        unsigned char *big;
    } at;
};

/* Each returns by how much what is allocated grew, or became less. */
size_t text_list_append(struct text_list *list, uint32_t text, uint32_t times);
size_t text_list_free(struct text_list *list); /* overwrites it */
/* Leaves out texts whose number in `numbers` is 0, and numbers the others so. */
size_t text_list_renumber(struct text_list *list, const uint32_t *numbers);

struct text_walk {
    const unsigned char *at, *end;
    uint32_t text, times;
};

static inline struct text_walk text_walk_of(const struct text_list *list)
{
    const unsigned char *at = list->cap ? list->at.big : list->at.small;

    return (struct text_walk){.at = at, .end = at + list->len};
}

/* After the next one, of numbers that take more than a byte. By value: so a walk is in registers else. */
struct text_walk text_walk_long(struct text_walk walk);

/* The next one. What most lists have most of, one byte with or without another one of times, is read without
 * a jump, for whether there is one cannot be foreseen; so the byte after the last is read, too. */
static inline bool text_walk_next(struct text_walk *walk)
{
    uint32_t step, times, more;

    if (walk->at == walk->end)
        return false;
    step = walk->at[0];
    times = walk->at[1];
    more = step & 1;
    if ((step | (times & (0 - more))) & 128) {
        *walk = text_walk_long(*walk);
        return true;
    }
    walk->text += step >> 1;
    walk->times = 1 + ((times - 1) & (0 - more));
    walk->at += 1 + more;
    return true;
}

#endif
