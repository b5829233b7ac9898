/* SPDX-License-Identifier: Apache-2.0 */
#include "store/text_postings.h"

#include "base/map.h"
#include "base/mem.h"
#include "store/text_list.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEY_OVERHEAD = 96, /* of a key in the map, beside its bytes; about */
    GONE_MIN = 64,     /* texts that are removed before they are swept out */
    GONE_PART = 5,     /* and of how many one is                           */
    SLOTS_MIN = 64
};

/* A text, and what a search adds up for it: nothing between searches. */
struct sum {
    double score;
    uint32_t has;   /* a bit for each word of the query */
    uint32_t words; /* of the text; 0: removed          */
};

/* By number, from 1; one more is there for the end of `found`. */
struct texts {
    const char **keys; /* the map's */
    struct sum *sums;
    uint32_t *found; /* by a search, which needs no memory of its own so */
    size_t count, cap;
};

struct text_postings {
    struct map keys; /* to the number, as a pointer */
    struct texts texts;
    size_t live, total; /* texts, and their words together */
    struct text_list *lists;
    size_t list_count, list_cap;
    uint32_t *slots; /* 1 above the list's place; 0: free */
    size_t slot_count;
    size_t bytes;
};

/* ---- lists ---- */

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

static struct text_list *list_for(struct text_postings *postings, uint32_t hash)
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
        postings->lists = mem_resize(postings->lists, postings->list_cap, sizeof(struct text_list));
        postings->bytes += (postings->list_cap - cap) * sizeof(struct text_list);
    }
    postings->lists[postings->list_count] = (struct text_list){.hash = hash};
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
        (void)text_list_free(&postings->lists[i]);
    if (postings->lists)
        explicit_bzero(postings->lists, postings->list_cap * sizeof(*postings->lists));
    map_clear(&postings->keys);
    mem_free(postings->lists);
    mem_free(postings->slots);
    mem_free(postings->texts.keys);
    mem_free(postings->texts.sums);
    mem_free(postings->texts.found);
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

static void size_texts(struct text_postings *postings, size_t cap)
{
    struct texts *texts = &postings->texts;
    size_t size = sizeof(*texts->keys) + sizeof(*texts->sums) + sizeof(*texts->found);

    texts->keys = mem_resize(texts->keys, cap, sizeof(*texts->keys));
    texts->sums = mem_resize(texts->sums, cap, sizeof(*texts->sums));
    texts->found = mem_resize(texts->found, cap, sizeof(*texts->found));
    postings->bytes = postings->bytes + cap * size - texts->cap * size;
    texts->cap = cap;
}

/* Room for one more, and the end. */
static void make_room(struct text_postings *postings)
{
    size_t cap = postings->texts.cap;

    if (postings->texts.count + 2 >= cap)
        size_texts(postings, cap ? cap + cap / 2 : SLOTS_MIN);
}

static void sweep(struct text_postings *postings)
{
    struct texts *texts = &postings->texts;
    _cleanup_mem_ uint32_t *numbers = mem_zero(texts->count + 1, sizeof(*numbers));
    size_t kept = 0;

    for (size_t i = 1; i <= texts->count; i++) {
        if (!texts->sums[i].words)
            continue;
        numbers[i] = (uint32_t)++kept;
        texts->keys[kept] = texts->keys[i];
        texts->sums[kept] = texts->sums[i];
        (void)map_set(&postings->keys, texts->keys[kept], (void *)(uintptr_t)kept);
    }
    texts->count = kept;
    if (texts->cap > SLOTS_MIN && kept < texts->cap / 4)
        size_texts(postings, kept + kept / 2 + SLOTS_MIN);
    kept = 0;
    for (size_t i = 0; i < postings->list_count; i++) {
        postings->bytes -= text_list_renumber(&postings->lists[i], numbers);
        if (postings->lists[i].count)
            postings->lists[kept++] = postings->lists[i];
    }
    postings->list_count = kept;
    make_slots(postings, postings->slot_count);
}

static void drop(struct text_postings *postings, const char *key)
{
    size_t number = (uintptr_t)map_get(&postings->keys, key);
    struct sum *sum;

    if (!number)
        return;
    sum = &postings->texts.sums[number];
    postings->live--;
    postings->total -= sum->words;
    sum->words = 0;
    postings->texts.keys[number] = NULL;
    postings->bytes -= key_bytes(key);
    (void)map_remove(&postings->keys, key);
}

static void sweep_if_worth(struct text_postings *postings)
{
    size_t gone = postings->texts.count - postings->live;

    if (gone >= GONE_MIN && gone * GONE_PART >= postings->texts.count)
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
    size_t count = text_index_count(packed, len, &words);
    uint32_t number;

    text_postings_remove(postings, key);
    if (!count || !words)
        return;
    make_room(postings);
    number = (uint32_t)++postings->texts.count;
    (void)map_set(&postings->keys, key, (void *)(uintptr_t)number);
    /* A new key is the map's last. */
    postings->texts.keys[number] = postings->keys.entries[postings->keys.count - 1].key;
    postings->texts.sums[number] = (struct sum){.words = words};
    postings->bytes += key_bytes(key);
    postings->live++;
    postings->total += words;
    for (size_t i = 0; i < count; i++) {
        text_index_item(packed, i, &hash, &times);
        if (times)
            postings->bytes += text_list_append(list_for(postings, hash), number, times);
    }
}

/* ---- search ---- */

struct looking {
    const struct text_list *lists[TEXT_INDEX_QUERY_MAX]; /* by word; NULL: no text has it */
    double rareness[TEXT_INDEX_QUERY_MAX];
    uint8_t order[TEXT_INDEX_QUERY_MAX];
    size_t word_count;
    double per_word;
    struct texts *texts;
    size_t found; /* texts that may be among the best */
    double most;  /* of a score so far                */
};

static const struct text_list *find_list(const struct text_postings *postings, uint32_t hash)
{
    uint32_t slot = postings->slot_count ? *slot_of(postings, hash) : 0;

    return slot ? &postings->lists[slot - 1] : NULL;
}

static size_t holders_of(const struct text_postings *postings, const struct text_list *list)
{
    struct text_walk walk = text_walk_of(list);
    size_t count = 0;

    if (postings->live == postings->texts.count)
        return list->count;
    while (text_walk_next(&walk))
        count += postings->texts.sums[walk.text].words > 0;
    return count;
}

static void add_word(struct looking *looking, size_t word)
{
    struct sum *sums = looking->texts->sums;
    uint32_t *texts = looking->texts->found;
    const double rareness = looking->rareness[word], per_word = looking->per_word;
    const uint32_t bit = UINT32_C(1) << word;
    struct text_walk walk = text_walk_of(looking->lists[word]);
    size_t found = looking->found;
    double most = looking->most;

    while (text_walk_next(&walk)) {
        struct sum *sum = &sums[walk.text];

        if (!sum->words)
            continue;
        texts[found] = walk.text;
        found += sum->has == 0;
        sum->has |= bit;
        sum->score += text_query_part(rareness, walk.times, sum->words, per_word);
        most = sum->score > most ? sum->score : most;
    }
    looking->found = found;
    looking->most = most;
}

static void sift_down(double *heap, size_t count, double moved)
{
    size_t i = 0, child;

    while ((child = 2 * i + 1) < count) {
        child += child + 1 < count && heap[child + 1] < heap[child];
        if (heap[child] >= moved)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moved;
}

static int upwards(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double score_of(const struct looking *looking, size_t i)
{
    return looking->texts->sums[looking->texts->found[i]].score;
}

/* What so many texts have at least; 0 where these are not so many. `heap` has room for them. */
static double least_of_best(const struct looking *looking, size_t most, double *heap)
{
    if (looking->found < most)
        return 0;
    for (size_t i = 0; i < most; i++)
        heap[i] = score_of(looking, i);
    qsort(heap, most, sizeof(*heap), upwards);
    for (size_t i = most; i < looking->found; i++) {
        double score = score_of(looking, i);

        if (score > heap[0])
            sift_down(heap, most, score);
    }
    return heap[0];
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void forget(struct sum *sum)
{
    sum->score = 0;
    sum->has = 0;
}

/* Leaves those with at least so much, by number, and one after them that none has. */
static void leave(struct looking *looking, double least)
{
    enum { FEW = 128 }; /* of so many texts one: then they are sorted, else looked for */
    struct texts *texts = looking->texts;
    size_t count = 0;

    for (size_t i = 0; i < looking->found; i++) {
        uint32_t text = texts->found[i];

        if (texts->sums[text].score >= least)
            texts->found[count++] = text;
        else
            forget(&texts->sums[text]);
    }
    if (count <= texts->count / FEW) {
        qsort(texts->found, count, sizeof(*texts->found), by_number);
    } else {
        count = 0;
        for (size_t i = 1; i <= texts->count; i++) {
            texts->found[count] = (uint32_t)i;
            count += texts->sums[i].has != 0;
        }
    }
    looking->found = count;
    texts->found[count] = UINT32_MAX;
}

static void add_left(const struct looking *looking, size_t word)
{
    struct sum *sums = looking->texts->sums;
    struct text_walk walk = text_walk_of(looking->lists[word]);
    const uint32_t *next = looking->texts->found;

    while (*next != UINT32_MAX && text_walk_next(&walk)) {
        struct sum *sum = &sums[walk.text];

        if (walk.text < *next)
            continue;
        while (*next < walk.text)
            next++;
        if (*next > walk.text)
            continue;
        sum->has |= UINT32_C(1) << word;
        sum->score +=
            text_query_part(looking->rareness[word], walk.times, sum->words, looking->per_word);
        next++;
    }
}

/* What words from a place in the order on add to a text at most: each less than its rareness times the end that
 * many times of it come near to. */
static double most_of_rest(const struct looking *looking, size_t from)
{
    double rest = 0;

    for (size_t i = from; i < looking->word_count; i++)
        if (looking->lists[looking->order[i]])
            rest += looking->rareness[looking->order[i]] * (TEXT_INDEX_SATURATION + 1);
    return rest;
}

/* Common words, which most texts have, lift few of these to the best. So the rare ones come first, until a text
 * with none of them is too little, and what is left of the others' texts are those that may still be enough. */
static void add_words(struct looking *looking, size_t most)
{
    const double worth = 0.5, digits = 1e-9; /* when to look; what sums may be off by */
    _cleanup_mem_ double *heap = mem_alloc(most * sizeof(*heap));
    bool left = false;

    for (size_t i = 0; i < looking->word_count; i++) {
        size_t word = looking->order[i];
        double rest = most_of_rest(looking, i + 1), least;

        if (!looking->lists[word])
            continue;
        if (left) {
            add_left(looking, word);
            continue;
        }
        add_word(looking, word);
        if (rest <= 0 || rest > looking->most * worth)
            continue;
        least = least_of_best(looking, most, heap) * (1 - digits);
        left = rest < least;
        if (left)
            leave(looking, least - rest);
    }
}

static bool is_before(double score, const char *key, const struct text_hit *other)
{
    return score > other->score || (score >= other->score && strcmp(key, other->key) < 0);
}

/* The words of a hit stand in its share for now. */
static size_t choose(const struct looking *looking, size_t most, struct text_hit *hits)
{
    const struct texts *texts = looking->texts;
    size_t count = 0;

    for (size_t i = 0; i < looking->found; i++) {
        const char *key = texts->keys[texts->found[i]];
        const struct sum *sum = &texts->sums[texts->found[i]];
        size_t at = count;

        if (count == most &&
            (sum->score < hits[most - 1].score || !is_before(sum->score, key, &hits[most - 1])))
            continue;
        if (count == most)
            at--;
        else
            count++;
        for (; at > 0 && is_before(sum->score, key, &hits[at - 1]); at--)
            hits[at] = hits[at - 1];
        hits[at] = (struct text_hit){key, sum->score, (double)sum->has};
    }
    return count;
}

size_t text_postings_search(struct text_postings *postings, const struct text_query *query,
                            size_t most, struct text_hit *hits)
{
    struct looking looking = {.texts = &postings->texts, .word_count = query->word_count};
    double all = 0;
    size_t found;

    if (!postings->live || !most)
        return 0;
    looking.per_word = text_query_per_word(postings->total, postings->live);
    for (size_t w = 0; w < query->word_count; w++) {
        const struct text_list *list = find_list(postings, query->words[w]);

        looking.lists[w] = list;
        looking.rareness[w] =
            text_query_rareness(list ? holders_of(postings, list) : 0, postings->live);
        all += looking.rareness[w];
    }
    text_query_order(looking.rareness, query->word_count, looking.order);
    add_words(&looking, most);
    found = choose(&looking, most, hits);
    for (size_t i = 0; i < looking.found; i++)
        forget(&postings->texts.sums[postings->texts.found[i]]);
    for (size_t i = 0; i < found; i++) {
        uint32_t has = (uint32_t)hits[i].share;
        double had = 0;

        for (size_t w = 0; w < query->word_count; w++)
            had += has >> w & 1 ? looking.rareness[w] : 0;
        hits[i].share = all > 0 ? had / all : 0;
    }
    return found;
}
