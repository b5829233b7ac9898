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
#include "store/fuse.h"
#include "store/text_postings.h"
#include "store/vector_near.h"
#include "store/vector_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL_WEIGHT 0.01 /* TROUPE_TEXTS_LOCAL of troupe/texts.h */

enum { DEEP = 100, SHOWN = 10 };

static struct text_postings *postings;
static struct vector_near *vectors;

static size_t by_words(const char *text, const char **ret)
{
    struct text_hit hits[DEEP];
    struct text_query query;
    size_t count = 0;

    if (text_query_init(&query, text, strlen(text)))
        count = text_postings_search(postings, &query, DEEP, hits);
    for (size_t i = 0; i < count; i++)
        ret[i] = hits[i].key;
    return count;
}

static size_t by_direction(const char *text, const char **ret)
{
    struct vector_near_hit hits[DEEP];
    float vector[VECTOR_TEXT_DIM];
    size_t count = 0;

    if (vector_of_text(text, strlen(text), vector, VECTOR_TEXT_DIM))
        count = vector_near_search(vectors, vector, DEEP, hits);
    for (size_t i = 0; i < count; i++)
        ret[i] = hits[i].key;
    return count;
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
    _cleanup_buf_ struct buf packed = BUF_INIT;
    float vector[VECTOR_TEXT_DIM];

    if (text_index_pack(text, strlen(text), &packed))
        text_postings_put(postings, key, packed.data, packed.len);
    if (vector_of_text(text, strlen(text), vector, VECTOR_TEXT_DIM) &&
        !vector_near_put(vectors, key, vector)) {
        fprintf(stderr, "no memory for a vector\n");
        exit(1);
    }
}

static void forget(void)
{
    text_postings_free(postings);
    vector_near_free(vectors);
    postings = NULL;
    vectors = NULL;
}

static void begin(void)
{
    forget();
    postings = text_postings_new();
    vectors = vector_near_new(VECTOR_TEXT_DIM);
}

int main(void)
{
    char *line = NULL, *rest;
    size_t size = 0;

    begin();
    while (getline(&line, &size, stdin) > 0) {
        const char *what, *key, *text;

        line[strcspn(line, "\n")] = '\0';
        what = strtok_r(line, "\t", &rest);
        key = strtok_r(NULL, "\t", &rest);
        text = strtok_r(NULL, "\t", &rest);
        if (what && !strcmp(what, "N"))
            begin();
        else if (what && key && text && !strcmp(what, "T"))
            add(key, text);
        else if (what && key && text && !strcmp(what, "Q"))
            ask(key, text);
    }
    forget();
    free(line);
    return 0;
}
