/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.texts/1": what is kept of a text is an entry of an index (index.h), and found by texts_find.h.
 */
#include "host/host_table.h"
#include "host/index.h"
#include "host/texts_find.h"

#include "base/mem.h"
#include "store/fuse.h"
#include "store/text_index.h"
#include "turn/engine_private.h"
#include "turn/pack.h"

#include <string.h>

enum {
    MOST_MAX = HOST_INDEX_MOST,
    TEXT_BYTES_MAX = 1 << 20, /* of a text; what lies beyond the index's bound is skipped */
    WEIGHT_MAX = 100
};

static const struct host_index texts = {
    .name = "texts",
    .prefix = "texts/",
    .page = 500, /* 3 MB at most */
    .put = "texts.put",
    .remove = "texts.remove",
    .bad_key = "texts.key",
    .full = "texts.full",
    .storage = "texts.storage",
};

/* ---- put and remove ---- */

static troupe_status put(troupe_turn *turn, uint32_t scope, const char *key, troupe_str text)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_buf_ struct buf packed = BUF_INIT;
    char place[STORE_KV_SCOPE_MAX];
    troupe_status status = host_index_entry(&texts, frame, scope, key, place);

    if (status == TROUPE_OK)
        status = host_bytes(frame, text.ptr, text.len, TEXT_BYTES_MAX, "a text");
    if (status < 0)
        return status;
    if (!text_index_pack(text.ptr ? text.ptr : "", (size_t)text.len, &packed))
        return turn_frame_error(frame, TROUPE_NOT_FOUND, "texts.text", "the text has no word");
    return host_index_put(&texts, frame, scope, place, key, packed.data, packed.len);
}

static troupe_status take_out(troupe_turn *turn, uint32_t scope, const char *key)
{
    return host_index_remove(&texts, turn_frame_of(turn), scope, key);
}

/* What words found. */
struct looking {
    struct text_query query;
    struct host_text found[MOST_MAX];
    size_t count;
};

/* ---- together with vectors ---- */

struct hit {
    const char *key;
    double score, share, likeness;
};

static void add_parts(struct hit *hit, const struct looking *looking, const struct host_near *near,
                      size_t near_count)
{
    for (size_t i = 0; i < looking->count; i++)
        if (strcmp(looking->found[i].key, hit->key) == 0)
            hit->share = looking->found[i].share;
    for (size_t i = 0; i < near_count; i++)
        if (strcmp(near[i].key, hit->key) == 0)
            hit->likeness = near[i].score;
}

/* The best hundred of each become one order. */
static size_t join(const struct looking *looking, const struct host_near *near, size_t near_count,
                   const troupe_text_query *query, struct hit *out)
{
    const char *words[MOST_MAX], *directions[MOST_MAX];
    struct fused fused[MOST_MAX];
    size_t word_count = looking->count, count;
    const struct fuse_list lists[] = {{words, word_count, 1},
                                      {directions, near_count, query->weight}};

    for (size_t i = 0; i < word_count; i++)
        words[i] = looking->found[i].key;
    for (size_t i = 0; i < near_count; i++)
        directions[i] = near[i].key;
    count = fuse_ranks(lists, 2, query->most, fused);
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct hit){.key = fused[i].key, .score = fused[i].score};
        add_parts(&out[i], looking, near, near_count);
    }
    return count;
}

static void pack_hits(struct buf *out, const struct looking *looking, const struct host_near *near,
                      size_t near_count, const troupe_text_query *query)
{
    struct hit hits[MOST_MAX];
    size_t count = 0;

    if (query->values) {
        count = join(looking, near, near_count, query, hits);
    } else {
        for (; count < looking->count && count < query->most; count++) {
            const struct host_text *found = &looking->found[count];

            hits[count] = (struct hit){found->key, found->score, found->share, 0};
        }
    }
    pack_int(out, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        pack_text(out, hits[i].key);
        buf_append(out, &hits[i].score, sizeof(double));
        buf_append(out, &hits[i].share, sizeof(double));
        buf_append(out, &hits[i].likeness, sizeof(double));
    }
}

/* ---- search ---- */

static double unpack_double(struct unpack *in)
{
    int64_t bits = unpack_int(in);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static troupe_status broken(struct turn_frame *frame)
{
    return turn_frame_error(frame, TROUPE_DATA, "texts.record", "a stored result cannot be read");
}

static troupe_status give_hits(struct turn_frame *frame, const char *data, size_t len,
                               troupe_array *ret)
{
    struct unpack in = {data, len, false};
    int64_t count = unpack_int(&in);
    troupe_text_hit *hits;
    troupe_status status;

    if (in.bad || count < 0 || count > MOST_MAX)
        return broken(frame);
    status = host_hold(frame, len + ((size_t)count + 1) * sizeof(*hits));
    if (status < 0)
        return status;
    hits = arena_alloc(&frame->arena, ((size_t)count + 1) * sizeof(*hits));
    for (int64_t i = 0; i < count; i++) {
        size_t key_len;
        const char *key = unpack_bytes(&in, &key_len);

        hits[i].key = (troupe_str){arena_strndup(&frame->arena, key, key_len), key_len};
        hits[i].score = unpack_double(&in);
        hits[i].share = unpack_double(&in);
        hits[i].likeness = unpack_double(&in);
    }
    if (in.bad)
        return broken(frame);
    *ret = (troupe_array){hits, (uint32_t)count, (uint32_t)sizeof(*hits)};
    return TROUPE_OK;
}

static troupe_status replay_hits(struct record_call *call, troupe_array *ret)
{
    const char *data = "";
    size_t len = 0;
    troupe_status status = host_index_replay(&texts, call, &data, &len);

    return status < 0 ? status : give_hits(call->frame, data, len, ret);
}

/* Words and vectors by one look at the database. [waits] */
static troupe_status find_both(struct turn_frame *frame, const char *place,
                               const troupe_text_query *query, struct looking *looking,
                               struct host_near *near, size_t *ret_count, struct error *err)
{
    char vectors[STORE_KV_SCOPE_MAX];
    struct store_index_wish wishes[2] = {
        {.form = &store_index_texts, .scope = place},
        {.form = &store_index_vectors, .variant = query->count, .scope = vectors}};
    troupe_status status = host_vectors_scope(frame, query->scope, vectors);

    if (status < 0)
        return error_set(err, status, "these vectors are not there");
    status = store_index_use_both(frame->turn->engine->store, frame->agent->name, wishes, 0, err);
    if (status < 0)
        return status;
    if (wishes[0].index)
        looking->count = host_texts_take(wishes[0].index, &looking->query, looking->found);
    if (wishes[1].index)
        *ret_count = host_vectors_pick(wishes[1].index, query->values, MOST_MAX, near);
    return TROUPE_OK;
}

/* [waits] */
static troupe_status find(struct turn_frame *frame, const char *place,
                          const troupe_text_query *query, struct looking *looking,
                          struct host_near *near, size_t *ret_count, struct error *err)
{
    bool with_words = text_query_init(&looking->query, query->text.ptr, (size_t)query->text.len);
    troupe_status status = TROUPE_LIMIT;

    if (with_words && query->values)
        status = find_both(frame, place, query, looking, near, ret_count, err);
    if (status != TROUPE_LIMIT)
        return status;
    status = TROUPE_OK;
    if (with_words)
        status = host_texts_find(&texts, frame, place, &looking->query, looking->found,
                                 &looking->count, err);
    if (status == TROUPE_OK && query->values)
        status = host_vectors_near(frame, query->scope, query->values, query->count, near, MOST_MAX,
                                   ret_count, err);
    return status;
}

static troupe_status search_new(struct record_call *call, const char *place,
                                const troupe_text_query *query, struct looking *looking,
                                troupe_array *ret)
{
    _cleanup_buf_ struct buf packed = BUF_INIT;
    _cleanup_mem_ struct host_near *near = mem_zero(MOST_MAX, sizeof(*near));
    size_t near_count = 0;
    struct error err;
    troupe_status status = find(call->frame, place, query, looking, near, &near_count, &err);

    if (status < 0)
        turn_frame_error(call->frame, status, "texts.storage", "%s", err.text);
    else
        pack_hits(&packed, looking, near, near_count, query);
    for (size_t i = 0; i < near_count; i++)
        mem_free(near[i].key);
    status = turn_record_note(call, status, packed.data, packed.len);
    return status < 0 ? status : give_hits(call->frame, packed.data, packed.len, ret);
}

static troupe_status check_query(struct turn_frame *frame, troupe_text_query *query,
                                 float **ret_values)
{
    troupe_status status =
        host_bytes(frame, query->text.ptr, query->text.len, TEXT_BYTES_MAX, "a question");

    if (status < 0)
        return status;
    if (query->most == 0 || query->most > MOST_MAX)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "texts.most",
                                "a search wants 1 to %d results and a place for them", MOST_MAX);
    if (!query->text.ptr)
        query->text = (troupe_str){"", 0};
    if (!query->values)
        return TROUPE_OK;
    if (!(query->weight > 0 && query->weight <= WEIGHT_MAX))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "texts.weight",
                                "the weight of direction is above 0 and at most %d", WEIGHT_MAX);
    status = host_vectors_take(frame, query->values, query->count, ret_values);
    query->values = *ret_values;
    return status;
}

static int64_t hash_query(const troupe_text_query *query)
{
    int64_t sum = turn_record_hash_int(host_index_hash(query->scope, NULL), query->most);

    sum = turn_record_hash(sum, query->text.ptr, (size_t)query->text.len);
    if (!query->values)
        return sum;
    sum = turn_record_hash(sum, &query->weight, sizeof(query->weight));
    return turn_record_hash(sum, query->values, query->count * sizeof(*query->values));
}

static troupe_status search(troupe_turn *turn, const troupe_text_query *asked, troupe_array *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_mem_ struct looking *looking = NULL;
    _cleanup_mem_ float *values = NULL;
    troupe_text_query query;
    struct record_call call = {0};
    char place[STORE_KV_SCOPE_MAX];
    troupe_status status;

    if (!asked || !ret || asked->size < sizeof(query))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "texts.most",
                                "a search wants a question with its size, and a place for results");
    query = *asked;
    status = host_index_begin(&texts, frame, query.scope, place);
    if (status == TROUPE_OK)
        status = check_query(frame, &query, &values);
    if (status < 0)
        return status;
    status = turn_record_begin(&call, frame, "texts.search", hash_query(&query));
    if (status == RECORD_REPLAYED)
        return replay_hits(&call, ret);
    if (status < 0)
        return status;
    looking = mem_zero(1, sizeof(*looking));
    status = search_new(&call, place, &query, looking, ret);
    host_texts_clear(looking->found, looking->count);
    return status;
}

const troupe_texts_v1 *host_texts_table(void)
{
    static const troupe_texts_v1 table = {
        .size = sizeof(table), .put = put, .search = search, .remove = take_out};

    return &table;
}
