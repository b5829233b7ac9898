/* SPDX-License-Identifier: Apache-2.0 */
#include "store/text_postings.h"

#include "base/map.h"
#include "base/mem.h"

#include <string.h>

enum {
    KEY_OVERHEAD = 96,   /* of a key in the map, beside its bytes; about */
    BLOCK_OVERHEAD = 16, /* of an allocation; about                      */
    SMALL = 8,           /* bytes of a list that need none               */
    POSTING_MAX = 8,     /* bytes of a posting                           */
    GONE_MIN = 64,       /* texts that are removed before they are swept out */
    GONE_PART = 5,       /* and of how many one is                           */
    SLOTS_MIN = 64
};

/* The texts that have one stem, by rising number: how much it rises, twice, plus 1 where a number of times
 * follows that is not 1; seven bits a byte. */
struct list {
    uint32_t hash;
    uint32_t last;  /* number of the last text  */
    uint32_t count; /* with those removed since */
    uint32_t len, cap;
    union {
        unsigned char small[SMALL]; /* while cap is 0 */
        unsigned char *big;
    } at;
};

struct text {
    const char *key; /* the map's; NULL: removed */
    uint32_t words;
};

struct text_postings {
    struct map keys;    /* to the number, as a pointer */
    struct text *texts; /* by number, from 1           */
    size_t text_count, text_cap;
    size_t live, total; /* texts, and their words together */
    struct list *lists;
    size_t list_count, list_cap;
    uint32_t *slots; /* 1 above the list's place; 0: free */
    size_t slot_count;
    size_t bytes;
};

/* ---- lists ---- */

struct walk {
    const unsigned char *at, *end;
    uint32_t text, times;
};

static unsigned char *bytes_of(struct list *list)
{
    return list->cap ? list->at.big : list->at.small;
}

static struct walk walk_of(const struct list *list)
{
    const unsigned char *at = list->cap ? list->at.big : list->at.small;

    return (struct walk){.at = at, .end = at + list->len};
}

static inline uint32_t read_number(struct walk *walk)
{
    uint32_t byte = *walk->at++, value = byte & 127;

    for (unsigned shift = 7; byte & 128; shift += 7) {
        byte = *walk->at++;
        value |= (byte & 127) << shift;
    }
    return value;
}

static inline bool next_posting(struct walk *walk)
{
    uint32_t step;

    if (walk->at == walk->end)
        return false;
    step = read_number(walk);
    walk->text += step >> 1;
    walk->times = step & 1 ? read_number(walk) : 1;
    return true;
}

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

static void grow(struct text_postings *postings, struct list *list, size_t wanted)
{
    size_t cap = list->cap ? list->cap + list->cap / 2 : 3 * SMALL;
    unsigned char *big;

    cap = cap < wanted ? wanted : cap;
    if (list->cap) {
        big = mem_resize(list->at.big, cap, 1);
    } else {
        big = mem_alloc(cap);
        memcpy(big, list->at.small, list->len);
        postings->bytes += BLOCK_OVERHEAD;
    }
    postings->bytes += cap - list->cap;
    list->at.big = big;
    list->cap = (uint32_t)cap;
}

static void append(struct text_postings *postings, struct list *list, uint32_t text, uint32_t times)
{
    unsigned char packed[POSTING_MAX];
    size_t n = write_posting(packed, text - list->last, times);

    if (list->len + n > (list->cap ? list->cap : SMALL))
        grow(postings, list, list->len + n);
    memcpy(bytes_of(list) + list->len, packed, n);
    list->len += (uint32_t)n;
    list->last = text;
    list->count++;
}

static void free_list(struct text_postings *postings, struct list *list)
{
    if (!list->cap)
        return;
    explicit_bzero(list->at.big, list->cap);
    mem_free(list->at.big);
    postings->bytes -= list->cap + BLOCK_OVERHEAD;
}

/* The slot that has the stem's list, or is free for it. */
static uint32_t *slot_of(const struct text_postings *postings, uint32_t hash)
{
    size_t mask = postings->slot_count - 1, at = hash & mask;

    while (postings->slots[at] && postings->lists[postings->slots[at] - 1].hash != hash)
        at = (at + 1) & mask;
    return &postings->slots[at];
}

static void make_slots(struct text_postings *postings, size_t count)
{
    mem_free(postings->slots);
    postings->slots = mem_zero(count, sizeof(*postings->slots));
    postings->bytes += (count - postings->slot_count) * sizeof(*postings->slots);
    postings->slot_count = count;
    for (size_t i = 0; i < postings->list_count; i++)
        *slot_of(postings, postings->lists[i].hash) = (uint32_t)i + 1;
}

static struct list *list_for(struct text_postings *postings, uint32_t hash)
{
    uint32_t *slot;
    size_t cap = postings->list_cap;

    if (3 * postings->slot_count <= 4 * (postings->list_count + 1))
        make_slots(postings, postings->slot_count ? 2 * postings->slot_count : SLOTS_MIN);
    slot = slot_of(postings, hash);
    if (*slot)
        return &postings->lists[*slot - 1];
    if (postings->list_count == cap) {
        postings->list_cap = cap ? cap + cap / 2 : SLOTS_MIN;
        postings->lists = mem_resize(postings->lists, postings->list_cap, sizeof(struct list));
        postings->bytes += (postings->list_cap - cap) * sizeof(struct list);
    }
    postings->lists[postings->list_count] = (struct list){.hash = hash};
    *slot = (uint32_t)++postings->list_count;
    return &postings->lists[postings->list_count - 1];
}

/* ---- texts ---- */

struct text_postings *text_postings_new(void)
{
    struct text_postings *postings = mem_zero(1, sizeof(*postings));

    postings->bytes = sizeof(*postings);
    return postings;
}

void text_postings_free(struct text_postings *postings)
{
    if (!postings)
        return;
    for (size_t i = 0; i < postings->list_count; i++)
        free_list(postings, &postings->lists[i]);
    if (postings->lists)
        explicit_bzero(postings->lists, postings->list_cap * sizeof(*postings->lists));
    map_clear(&postings->keys);
    mem_free(postings->lists);
    mem_free(postings->slots);
    mem_free(postings->texts);
    mem_free(postings);
}

size_t text_postings_count(const struct text_postings *postings)
{
    return postings->live;
}

size_t text_postings_bytes(const struct text_postings *postings)
{
    return postings->bytes;
}

static size_t key_bytes(const char *key)
{
    return KEY_OVERHEAD + strlen(key);
}

/* Leaves out of a list what was removed, with the new numbers of what was not. What is left is shorter, so
 * it is written where it is read. */
static void sweep_list(struct text_postings *postings, struct list *list, const uint32_t *numbers)
{
    unsigned char *to = bytes_of(list), *from = to, packed[POSTING_MAX];
    struct walk walk = walk_of(list);
    size_t len = list->len;

    list->count = 0;
    list->last = 0;
    while (next_posting(&walk)) {
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
    if (list->len == 0) {
        free_list(postings, list);
        list->cap = 0;
    }
}

static void sweep(struct text_postings *postings)
{
    _cleanup_mem_ uint32_t *numbers = mem_zero(postings->text_count + 1, sizeof(*numbers));
    size_t kept = 0;

    for (size_t i = 1; i <= postings->text_count; i++) {
        if (!postings->texts[i].key)
            continue;
        numbers[i] = (uint32_t)++kept;
        postings->texts[kept] = postings->texts[i];
        (void)map_set(&postings->keys, postings->texts[kept].key, (void *)(uintptr_t)kept);
    }
    postings->text_count = kept;
    kept = 0;
    for (size_t i = 0; i < postings->list_count; i++) {
        sweep_list(postings, &postings->lists[i], numbers);
        if (postings->lists[i].count)
            postings->lists[kept++] = postings->lists[i];
    }
    postings->list_count = kept;
    make_slots(postings, postings->slot_count);
}

static void drop(struct text_postings *postings, const char *key)
{
    size_t number = (uintptr_t)map_get(&postings->keys, key);
    struct text *text;

    if (!number)
        return;
    text = &postings->texts[number];
    postings->live--;
    postings->total -= text->words;
    *text = (struct text){NULL, 0};
    postings->bytes -= key_bytes(key);
    (void)map_remove(&postings->keys, key);
}

static void sweep_if_worth(struct text_postings *postings)
{
    size_t gone = postings->text_count - postings->live;

    if (gone >= GONE_MIN && gone * GONE_PART >= postings->text_count)
        sweep(postings);
}

void text_postings_remove(struct text_postings *postings, const char *key)
{
    drop(postings, key);
    sweep_if_worth(postings);
}

void text_postings_put(struct text_postings *postings, const char *key, const void *packed,
                       size_t len)
{
    uint32_t words = 0, hash;
    uint16_t times;
    size_t count = text_index_count(packed, len, &words), cap = postings->text_cap;
    uint32_t number;

    text_postings_remove(postings, key);
    if (!count)
        return;
    if (postings->text_count + 1 >= cap) {
        postings->text_cap = cap ? cap + cap / 2 : SLOTS_MIN;
        postings->texts = mem_resize(postings->texts, postings->text_cap, sizeof(struct text));
        postings->bytes += (postings->text_cap - cap) * sizeof(struct text);
    }
    number = (uint32_t)++postings->text_count;
    (void)map_set(&postings->keys, key, (void *)(uintptr_t)number);
    /* A new key is the map's last. */
    postings->texts[number] =
        (struct text){postings->keys.entries[postings->keys.count - 1].key, words};
    postings->bytes += key_bytes(key);
    postings->live++;
    postings->total += words;
    for (size_t i = 0; i < count; i++) {
        text_index_item(packed, i, &hash, &times);
        if (times)
            append(postings, list_for(postings, hash), number, times);
    }
}

/* ---- search ---- */

/* By number of the text: what its words add up to, and a bit for each of the query's that it has. */
struct sums {
    double *scores;
    uint32_t *words;
};

static const struct list *find_list(const struct text_postings *postings, uint32_t hash)
{
    uint32_t slot = postings->slot_count ? *slot_of(postings, hash) : 0;

    return slot ? &postings->lists[slot - 1] : NULL;
}

static size_t holders_of(const struct text_postings *postings, const struct list *list)
{
    struct walk walk = walk_of(list);
    size_t count = 0;

    if (postings->live == postings->text_count)
        return list->count;
    while (next_posting(&walk))
        count += postings->texts[walk.text].key != NULL;
    return count;
}

static void add_word(const struct text_postings *postings, const struct list *list, size_t word,
                     double rareness, struct sums *sums)
{
    double per_word = text_query_per_word(postings->total, postings->live);
    struct walk walk = walk_of(list);

    while (next_posting(&walk)) {
        sums->scores[walk.text] +=
            text_query_part(rareness, walk.times, postings->texts[walk.text].words, per_word);
        sums->words[walk.text] |= UINT32_C(1) << word;
    }
}

static bool is_before(double score, const char *key, const struct text_hit *other)
{
    return score > other->score || (score >= other->score && strcmp(key, other->key) < 0);
}

/* The words of a hit stand in its share for now. */
static size_t choose(const struct text_postings *postings, const struct sums *sums, size_t most,
                     struct text_hit *hits)
{
    size_t found = 0;

    for (size_t i = 1; i <= postings->text_count; i++) {
        const char *key = postings->texts[i].key;
        double score = sums->scores[i];
        size_t at = found;

        if (!sums->words[i] || (found == most && score < hits[most - 1].score) || !key ||
            (found == most && !is_before(score, key, &hits[most - 1])))
            continue;
        if (found == most)
            at--;
        else
            found++;
        for (; at > 0 && is_before(score, key, &hits[at - 1]); at--)
            hits[at] = hits[at - 1];
        hits[at] = (struct text_hit){key, score, (double)sums->words[i]};
    }
    return found;
}

size_t text_postings_search(const struct text_postings *postings, const struct text_query *query,
                            size_t most, struct text_hit *hits)
{
    double rareness[TEXT_INDEX_QUERY_MAX], all = 0;
    size_t room = postings->text_count + 1, found;
    struct sums sums;

    if (!postings->live || !most)
        return 0;
    sums.scores = mem_zero(room, sizeof(*sums.scores));
    sums.words = mem_zero(room, sizeof(*sums.words));
    for (size_t w = 0; w < query->word_count; w++) {
        const struct list *list = find_list(postings, query->words[w]);

        rareness[w] = text_query_rareness(list ? holders_of(postings, list) : 0, postings->live);
        all += rareness[w];
        if (list)
            add_word(postings, list, w, rareness[w], &sums);
    }
    found = choose(postings, &sums, most, hits);
    mem_free(sums.scores);
    mem_free(sums.words);
    for (size_t i = 0; i < found; i++) {
        uint32_t has = (uint32_t)hits[i].share;
        double had = 0;

        for (size_t w = 0; w < query->word_count; w++)
            had += has >> w & 1 ? rareness[w] : 0;
        hits[i].share = all > 0 ? had / all : 0;
    }
    return found;
}
