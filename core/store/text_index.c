/* SPDX-License-Identifier: Apache-2.0 */
#include "store/text_index.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/text_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PACKED_VERSION = 1, /* of the packed bytes, and of the rules that make stems */
    HEAD_SIZE = 8,      /* version, 3 bytes of nothing, the words of the text    */
    ITEM_SIZE = 6,      /* hash, times                                           */
    STEM_MIN = 3        /* characters that an ending leaves                      */
};

/* ---- stems ---- */

static bool is_vowel(uint32_t c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y' || c == 0xe4 ||
           c == 0xf6 || c == 0xfc;
}

static bool has_vowel(const uint32_t *word, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (is_vowel(word[i]))
            return true;
    return false;
}

static bool ends(const uint32_t *word, size_t len, const char *ending)
{
    size_t n = strlen(ending);

    if (len < n + STEM_MIN)
        return false;
    for (size_t i = 0; i < n; i++)
        if (word[len - n + i] != (unsigned char)ending[i])
            return false;
    return true;
}

/* What is left of a word: running, runs and run are one, so are Katzen and Katze. */
static size_t stem(uint32_t *word, size_t len)
{
    size_t before = len;

    if (ends(word, len, "ies") || ends(word, len, "ied")) {
        word[len - 3] = 'y';
        len -= 2;
    } else if (ends(word, len, "sses") || ends(word, len, "shes") || ends(word, len, "ches") ||
               ends(word, len, "xes")) {
        len -= 2;
    } else if (ends(word, len, "s") && word[len - 2] != 's' && word[len - 2] != 'u' &&
               word[len - 2] != 'i') {
        len--;
    }
    if (ends(word, len, "ing") && has_vowel(word, len - 3))
        len -= 3;
    else if ((ends(word, len, "ed") && has_vowel(word, len - 2)) || ends(word, len, "ly"))
        len -= 2;
    else if (ends(word, len, "en") || ends(word, len, "er"))
        len -= len > 5 ? 2 : 0;
    if (len < before && len > STEM_MIN && word[len - 1] == word[len - 2] &&
        !is_vowel(word[len - 1]) && word[len - 1] != 'l' && word[len - 1] != 's')
        len--; /* planned, plan */
    if (ends(word, len, "e"))
        len--;
    if (len > STEM_MIN && word[len - 1] == 'y')
        word[len - 1] = 'i';
    return len;
}

/* ---- the words of a text ---- */

struct item {
    uint32_t hash;
    uint32_t times;
};

struct items {
    struct item *list;
    size_t count, most;
    size_t total;
};

/* The lower half of a table of places, which `items` stand in the order of. */
struct places {
    uint32_t *at; /* 1 above the place; 0: free */
    size_t mask;
};

static void add(struct items *items, struct places *places, uint64_t hash)
{
    uint32_t small = (uint32_t)(hash ^ hash >> 32);
    size_t slot = small & places->mask;

    items->total++;
    for (; places->at[slot]; slot = (slot + 1) & places->mask)
        if (items->list[places->at[slot] - 1].hash == small) {
            items->list[places->at[slot] - 1].times++;
            return;
        }
    if (items->count == items->most)
        return;
    items->list[items->count++] = (struct item){small, 1};
    places->at[slot] = (uint32_t)items->count;
}

/* Of writing without spaces each two characters beside each other are a word. */
static void add_wide(struct items *items, struct places *places, const uint32_t *chars, size_t len)
{
    if (len == 1)
        add(items, places, hash_finish(text_hash_chars(HASH_START, chars, 1)));
    for (size_t i = 0; i + 2 <= len; i++)
        add(items, places, hash_finish(text_hash_chars(HASH_START, chars + i, 2)));
}

static void read_items(const char *text, size_t len, bool with_common, struct items *items)
{
    struct text_reading reading;
    struct places places = {.mask = 1};

    len = len < TEXT_INDEX_TEXT_MAX ? len : TEXT_INDEX_TEXT_MAX;
    while (places.mask < 2 * items->most)
        places.mask = places.mask * 2 + 1;
    places.at = mem_zero(places.mask + 1, sizeof(*places.at));
    text_reading_init(&reading, text, len);
    for (size_t i = 0; i < reading.word_count; i++) {
        const struct text_word *word = &reading.words[i];
        uint32_t chars[TEXT_WORD_MAX];

        if (!with_common && text_word_common(&reading, word))
            continue;
        memcpy(chars, reading.chars + word->start, word->len * sizeof(*chars));
        if (word->wide)
            add_wide(items, &places, chars, word->len);
        else
            add(items, &places,
                hash_finish(text_hash_chars(HASH_START, chars, stem(chars, word->len))));
    }
    text_reading_clear(&reading);
    mem_free(places.at);
}

/* ---- packed ---- */

static void put_number(unsigned char *at, size_t size, uint32_t value)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(value >> 8 * i & 0xff);
}

static uint32_t get_number(const unsigned char *at, size_t size)
{
    uint32_t value = 0;

    for (size_t i = 0; i < size; i++)
        value |= (uint32_t)at[i] << 8 * i;
    return value;
}

bool text_index_pack(const char *text, size_t len, struct buf *out)
{
    struct items items = {.list = mem_zero(TEXT_INDEX_WORDS_MAX, sizeof(*items.list)),
                          .most = TEXT_INDEX_WORDS_MAX};
    unsigned char head[HEAD_SIZE] = {PACKED_VERSION}, packed[ITEM_SIZE];

    read_items(text, len, true, &items);
    if (items.count > 0) {
        put_number(head + 4, 4, (uint32_t)items.total);
        buf_append(out, head, sizeof(head));
    }
    for (size_t i = 0; i < items.count; i++) {
        uint32_t times = items.list[i].times < UINT16_MAX ? items.list[i].times : UINT16_MAX;

        put_number(packed, 4, items.list[i].hash);
        put_number(packed + 4, 2, times);
        buf_append(out, packed, sizeof(packed));
    }
    mem_free(items.list);
    return items.count > 0;
}

/* ---- a search ---- */

bool text_query_init(struct text_query *query, const char *text, size_t len)
{
    struct item list[TEXT_INDEX_QUERY_MAX] = {{0, 0}};
    struct items items = {.list = list, .most = TEXT_INDEX_QUERY_MAX};

    *query = (struct text_query){0};
    read_items(text, len, false, &items);
    if (items.count == 0) /* "to be or not to be" */
        read_items(text, len, true, &items);
    query->word_count = items.count;
    for (size_t i = 0; i < items.count; i++) {
        query->words[i] = list[i].hash;
        query->filter |= UINT64_C(1) << (list[i].hash & 63);
    }
    return items.count > 0;
}

size_t text_index_count(const void *packed, size_t len, uint32_t *ret_words)
{
    const unsigned char *at = packed;

    if (len < HEAD_SIZE || at[0] != PACKED_VERSION || (len - HEAD_SIZE) % ITEM_SIZE)
        return 0;
    *ret_words = get_number(at + 4, 4);
    return (len - HEAD_SIZE) / ITEM_SIZE;
}

void text_index_item(const void *packed, size_t i, uint32_t *ret_hash, uint16_t *ret_times)
{
    const unsigned char *at = (const unsigned char *)packed + HEAD_SIZE + i * ITEM_SIZE;

    *ret_hash = get_number(at, 4);
    *ret_times = (uint16_t)get_number(at + 4, 2);
}

bool text_query_look(struct text_query *query, const void *packed, size_t len,
                     struct text_match *ret)
{
    const unsigned char *at = packed;
    bool found = false;

    *ret = (struct text_match){0};
    if (len < HEAD_SIZE || at[0] != PACKED_VERSION || (len - HEAD_SIZE) % ITEM_SIZE)
        return false;
    ret->words = get_number(at + 4, 4);
    query->texts++;
    query->total += ret->words;
    for (size_t i = HEAD_SIZE; i < len; i += ITEM_SIZE) {
        uint32_t hash = get_number(at + i, 4);

        if (!(query->filter >> (hash & 63) & 1))
            continue;
        for (size_t w = 0; w < query->word_count; w++) {
            if (query->words[w] != hash)
                continue;
            ret->times[w] = (uint16_t)get_number(at + i + 4, 2);
            query->holders[w]++;
            found = true;
        }
    }
    return found;
}

double text_query_rareness(size_t holders, size_t texts)
{
    double had = (double)holders;

    return log(1 + ((double)texts - had + 0.5) / (had + 0.5));
}

static double rareness(const struct text_query *query, size_t word)
{
    return text_query_rareness(query->holders[word], query->texts);
}

void text_query_order(const double *rareness, size_t word_count,
                      uint8_t order[TEXT_INDEX_QUERY_MAX])
{
    for (size_t i = 0; i < word_count; i++) {
        size_t at = i;

        for (; at > 0 && rareness[order[at - 1]] < rareness[i]; at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)i;
    }
}

double text_query_score(const struct text_query *query, const struct text_match *match)
{
    double per_word = text_query_per_word(query->total, query->texts), sum = 0;
    double weights[TEXT_INDEX_QUERY_MAX] = {0};
    uint8_t order[TEXT_INDEX_QUERY_MAX];

    for (size_t i = 0; i < query->word_count; i++)
        weights[i] = rareness(query, i);
    text_query_order(weights, query->word_count, order);
    for (size_t i = 0; i < query->word_count; i++) {
        size_t word = order[i];

        if (match->times[word])
            sum += text_query_part(weights[word], match->times[word], match->words, per_word);
    }
    return sum;
}

double text_query_share(const struct text_query *query, const struct text_match *match)
{
    double had = 0, all = 0;

    for (size_t i = 0; i < query->word_count; i++) {
        double weight = rareness(query, i);

        all += weight;
        had += match->times[i] ? weight : 0;
    }
    return all > 0 ? had / all : 0;
}
