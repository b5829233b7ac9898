/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.texts/1" in the child's process: each call is a message to the host.
 */
#include "plugin/guest.h"

#include <string.h>

#define HITS_MAX 100

static troupe_status put(troupe_turn *turn, uint32_t scope, const char *key, troupe_str text)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, scope);
    wire_put_text(&args, key);
    wire_put_bytes(&args, text.ptr, text.len);
    return guest_call(guest_turn_of(turn), WIRE_DO_TEXTS_PUT, &args);
}

static troupe_status take_out(troupe_turn *turn, uint32_t scope, const char *key)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, scope);
    wire_put_text(&args, key);
    return guest_call(guest_turn_of(turn), WIRE_DO_TEXTS_REMOVE, &args);
}

static troupe_status search(troupe_turn *turn, const troupe_text_query *query, troupe_array *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    bool whole = query && ret && query->size >= sizeof(*query);
    troupe_text_hit *hits;
    troupe_status status;
    uint64_t found, len;

    /* The host says what is wrong with it: here with no results wanted. */
    wire_put_int(&args, whole ? query->scope : 0);
    wire_put_bytes(&args, whole ? query->text.ptr : NULL, whole ? query->text.len : 0);
    wire_put_int(&args, whole ? query->most : 0);
    wire_put_bytes(&args, whole ? &query->weight : NULL, whole ? sizeof(query->weight) : 0);
    wire_put_bytes(&args, whole ? query->values : NULL,
                   whole && query->values ? (uint64_t)query->count * sizeof(float) : 0);
    status = guest_call(t, WIRE_DO_TEXTS_SEARCH, &args);
    if (status < 0 || !ret)
        return status;
    found = wire_take_count(&t->in, HITS_MAX);
    hits = arena_alloc(&t->arena, ((size_t)found + 1) * sizeof(*hits));
    for (uint64_t i = 0; i < found; i++) {
        double figures[3] = {0, 0, 0};
        const char *data;

        hits[i].key = guest_take(t);
        data = wire_take_bytes(&t->in, &len);
        if (data && len == sizeof(figures))
            memcpy(figures, data, sizeof(figures));
        hits[i].score = figures[0];
        hits[i].share = figures[1];
        hits[i].likeness = figures[2];
    }
    *ret = (troupe_array){hits, (uint32_t)found, (uint32_t)sizeof(*hits)};
    return status;
}

const troupe_texts_v1 *guest_texts_table(void)
{
    static const troupe_texts_v1 table = {
        .size = sizeof(table), .put = put, .search = search, .remove = take_out};

    return &table;
}
