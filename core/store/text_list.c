/* SPDX-License-Identifier: Apache-2.0 */
#include "store/text_list.h"

#include "base/mem.h"

#include <string.h>

enum {
    OVERHEAD = 16,  /* of an allocation; about */
    POSTING_MAX = 8 /* bytes of a posting      */
};

/* ---- reading ---- */

static uint32_t read_number(struct text_walk *walk)
{
    uint32_t byte = *walk->at++, value = byte & 127;

    for (unsigned shift = 7; byte & 128; shift += 7) {
        byte = *walk->at++;
        value |= (byte & 127) << shift;
    }
    return value;
}

struct text_walk text_walk_long(struct text_walk walk)
{
    uint32_t step = read_number(&walk);

    walk.text += step >> 1;
    walk.times = step & 1 ? read_number(&walk) : 1;
    return walk;
}

/* ---- writing ---- */

static size_t write_number(unsigned char *to, uint32_t value)
{
    size_t n = 0;

    for (; value >= 128; value >>= 7)
        to[n++] = (unsigned char)(value | 128);
    to[n++] = (unsigned char)value;
    return n;
}

static size_t write_posting(unsigned char to[POSTING_MAX], uint32_t step, uint32_t times)
{
    size_t n = write_number(to, step << 1 | (times > 1));

    return times > 1 ? n + write_number(to + n, times) : n;
}

static unsigned char *bytes_of(struct text_list *list)
{
    return list->cap ? list->at.big : list->at.small;
}

static size_t grow(struct text_list *list, size_t wanted)
{
    size_t had = list->cap, cap = had ? had + had / 2 : 3 * (size_t)TEXT_LIST_SMALL;
    unsigned char *big;

    cap = cap < wanted ? wanted : cap;
    if (had) {
        big = mem_resize(list->at.big, cap, 1);
    } else {
        big = mem_alloc(cap);
        memcpy(big, list->at.small, list->len);
    }
    list->at.big = big;
    list->cap = (uint32_t)cap;
    return cap - had + (had ? 0 : OVERHEAD);
}

size_t text_list_append(struct text_list *list, uint32_t text, uint32_t times)
{
    unsigned char packed[POSTING_MAX];
    size_t n = write_posting(packed, text - list->last, times), grown = 0;

    if (list->len + n >= (list->cap ? list->cap : TEXT_LIST_SMALL))
        grown = grow(list, list->len + n + 1);
    memcpy(bytes_of(list) + list->len, packed, n);
    list->len += (uint32_t)n;
    list->last = text;
    list->count++;
    return grown;
}

size_t text_list_free(struct text_list *list)
{
    size_t cap = list->cap;

    if (!cap)
        return 0;
    explicit_bzero(list->at.big, cap);
    mem_free(list->at.big);
    list->cap = 0;
    return cap + OVERHEAD;
}

/* What is left is shorter, so it is written where it is read. */
size_t text_list_renumber(struct text_list *list, const uint32_t *numbers)
{
    unsigned char *to = bytes_of(list), *from = to, packed[POSTING_MAX];
    struct text_walk walk = text_walk_of(list);
    size_t len = list->len;

    list->count = 0;
    list->last = 0;
    while (text_walk_next(&walk)) {
        uint32_t number = numbers[walk.text];
        size_t n;

        if (!number)
            continue;
        n = write_posting(packed, number - list->last, walk.times);
        memcpy(to, packed, n);
        to += n;
        list->last = number;
        list->count++;
    }
    list->len = (uint32_t)(to - from);
    explicit_bzero(to, len - list->len);
    return list->len ? 0 : text_list_free(list);
}
