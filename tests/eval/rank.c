/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranks texts for questions as the host does for agents: by words, by direction, by both. It reads lines from
 * its input, with tabs between the fields and no tab or line end in them:
 *
 *     T KEY TEXT    a text
 *     Q KEY TEXT    a question about the texts so far: three lines come out, "lexical KEY TEXT-KEY …",
 *                   "vector …", "hybrid …", the best ten of each
 *     N             forgets the texts
 */
#include "base/mem.h"
#include "base/text.h"
#include "store/fuse.h"
#include "store/text_index.h"
#include "store/vector_kernel.h"
#include "store/vector_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL_WEIGHT 0.015 /* TROUPE_TEXTS_LOCAL of troupe/texts.h */

enum { TEXTS_MAX = 10000, DEEP = 100, SHOWN = 10 };

struct entry {
    char *key;
    struct buf packed;
    float vector[VECTOR_TEXT_DIM];
    bool has_vector;
    struct text_match match;
    double score;
};

static struct entry *entries;
static size_t entry_count;

static int by_score(const void *a, const void *b)
{
    const struct entry *const *x = a, *const *y = b;

    if ((*x)->score > (*y)->score || (*x)->score < (*y)->score)
        return (*x)->score > (*y)->score ? -1 : 1;
    return strcmp((*x)->key, (*y)->key);
}

/* The keys of what scored above `least`, the best first. */
static size_t order(double least, const char **ret)
{
    struct entry **all = mem_zero(entry_count + 1, sizeof(struct entry *));
    size_t count = 0, shown;

    for (size_t i = 0; i < entry_count; i++)
        if (entries[i].score > least)
            all[count++] = &entries[i];
    qsort(all, count, sizeof(struct entry *), by_score);
    shown = count < DEEP ? count : DEEP;
    for (size_t i = 0; i < shown; i++)
        ret[i] = all[i]->key;
    mem_free(all);
    return shown;
}

static size_t by_words(const char *text, const char **ret)
{
    struct text_query query;

    if (!text_query_init(&query, text, strlen(text)))
        return 0;
    for (size_t i = 0; i < entry_count; i++) {
        bool found = text_query_look(&query, entries[i].packed.data, entries[i].packed.len,
                                     &entries[i].match);

        entries[i].score = found ? 1 : 0;
    }
    for (size_t i = 0; i < entry_count; i++)
        if (entries[i].score > 0)
            entries[i].score = text_query_score(&query, &entries[i].match);
    return order(0, ret);
}

static size_t by_direction(const char *text, const char **ret)
{
    float vector[VECTOR_TEXT_DIM];

    if (!vector_of_text(text, strlen(text), vector, VECTOR_TEXT_DIM))
        return 0;
    for (size_t i = 0; i < entry_count; i++)
        entries[i].score = entries[i].has_vector
                               ? (double)vector_dot(vector, entries[i].vector, VECTOR_TEXT_DIM)
                               : -1;
    return order(-1, ret);
}

static void show(const char *how, const char *key, const char *const *keys, size_t count)
{
    printf("%s\t%s", how, key);
    for (size_t i = 0; i < count && i < SHOWN; i++)
        printf("\t%s", keys[i]);
    printf("\n");
}

static void ask(const char *key, const char *text)
{
    static const char *words[DEEP], *directions[DEEP], *both[DEEP];
    static struct fused fused[DEEP];
    struct fuse_list lists[2] = {{words, by_words(text, words), 1},
                                 {directions, by_direction(text, directions), LOCAL_WEIGHT}};
    size_t count = fuse_ranks(lists, 2, DEEP, fused);

    for (size_t i = 0; i < count; i++)
        both[i] = fused[i].key;
    show("lexical", key, words, lists[0].count);
    show("vector", key, directions, lists[1].count);
    show("hybrid", key, both, count);
}

static void add(const char *key, const char *text)
{
    struct entry *entry;

    if (entry_count == TEXTS_MAX) {
        fprintf(stderr, "more than %d texts: forget some by N\n", TEXTS_MAX);
        exit(1);
    }
    entry = &entries[entry_count++];
    *entry = (struct entry){.key = mem_strdup(key)};
    (void)text_index_pack(text, strlen(text), &entry->packed);
    entry->has_vector = vector_of_text(text, strlen(text), entry->vector, VECTOR_TEXT_DIM);
}

static void forget(void)
{
    for (size_t i = 0; i < entry_count; i++) {
        mem_free(entries[i].key);
        buf_clear(&entries[i].packed);
    }
    entry_count = 0;
}

int main(void)
{
    char *line = NULL, *rest;
    size_t size = 0;

    entries = mem_zero(TEXTS_MAX, sizeof(*entries));
    while (getline(&line, &size, stdin) > 0) {
        const char *what, *key, *text;

        line[strcspn(line, "\n")] = '\0';
        what = strtok_r(line, "\t", &rest);
        key = strtok_r(NULL, "\t", &rest);
        text = strtok_r(NULL, "\t", &rest);
        if (what && !strcmp(what, "N"))
            forget();
        else if (what && key && text && !strcmp(what, "T"))
            add(key, text);
        else if (what && key && text && !strcmp(what, "Q"))
            ask(key, text);
    }
    forget();
    mem_free(entries);
    free(line);
    return 0;
}
