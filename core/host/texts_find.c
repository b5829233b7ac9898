/* SPDX-License-Identifier: Apache-2.0 */
#include "host/texts_find.h"

#include "base/mem.h"
#include "host/host_table.h"
#include "turn/engine_private.h"

#include <stdlib.h>
#include <string.h>

void host_texts_clear(struct host_text *found, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(found[i].key);
}

/* ---- reading all of the scope ---- */

struct read {
    char *key;
    struct text_match match;
    double score;
};

struct reading {
    struct text_query *query;
    struct read *all;
    size_t count, cap;
};

static void look_at(void *arg, const struct store_rows *rows)
{
    struct reading *reading = arg;
    struct text_match match;

    for (size_t i = 0; i < rows->count; i++) {
        const struct store_value *value = store_cell(rows, i, 1);

        if (!value->data || !text_query_look(reading->query, value->data, value->len, &match))
            continue;
        if (reading->count == reading->cap) {
            reading->cap = reading->cap ? reading->cap * 2 : 64;
            reading->all = mem_resize(reading->all, reading->cap, sizeof(*reading->all));
        }
        reading->all[reading->count++] =
            (struct read){mem_strdup(store_cell_text(rows, i, 0, "")), match, 0};
    }
}

static int by_score(const void *a, const void *b)
{
    const struct read *x = a, *y = b;

    if (x->score > y->score || x->score < y->score)
        return x->score > y->score ? -1 : 1;
    return strcmp(x->key, y->key);
}

static troupe_status read_all(const struct host_index *index, struct turn_frame *frame,
                              const char *place, struct text_query *query, struct host_text *found,
                              size_t *ret_count, struct error *err)
{
    struct reading reading = {.query = query};
    troupe_status status = host_index_read(index, frame, place, look_at, &reading, err);
    size_t count = 0;

    for (size_t i = 0; i < reading.count; i++)
        reading.all[i].score = text_query_score(query, &reading.all[i].match);
    if (reading.count > 0)
        qsort(reading.all, reading.count, sizeof(*reading.all), by_score);
    for (size_t i = 0; i < reading.count; i++) {
        struct read *read = &reading.all[i];

        if (status == TROUPE_OK && count < HOST_INDEX_MOST)
            found[count++] =
                (struct host_text){read->key, read->score, text_query_share(query, &read->match)};
        else
            mem_free(read->key);
    }
    mem_free(reading.all);
    *ret_count = count;
    return status;
}

/* ---- out of the index ---- */

size_t host_texts_take(struct text_postings *postings, const struct text_query *query,
                       struct host_text found[HOST_INDEX_MOST])
{
    struct text_hit hits[HOST_INDEX_MOST];
    size_t count = text_postings_search(postings, query, HOST_INDEX_MOST, hits);

    for (size_t i = 0; i < count; i++)
        found[i] = (struct host_text){mem_strdup(hits[i].key), hits[i].score, hits[i].share};
    return count;
}

troupe_status host_texts_find(const struct host_index *index, struct turn_frame *frame,
                              const char *place, struct text_query *query,
                              struct host_text found[HOST_INDEX_MOST], size_t *ret_count,
                              struct error *err)
{
    void *postings = NULL;
    troupe_status status = store_index_use(frame->turn->engine->store, &store_index_texts, 0,
                                           frame->agent->name, place, 0, &postings, err);

    *ret_count = 0;
    if (status == TROUPE_LIMIT)
        return read_all(index, frame, place, query, found, ret_count, err);
    if (status < 0 || !postings)
        return status;
    *ret_count = host_texts_take(postings, query, found);
    return TROUPE_OK;
}
