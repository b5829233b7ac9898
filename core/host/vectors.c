/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.vectors/1": vectors are entries of an index (index.h). A search looks into what the store keeps of the
 * scope in memory, or reads all of it and ranks its rows by their floats where that is too large.
 */
#include "host/host_table.h"
#include "host/index.h"

#include "base/mem.h"
#include "store/vector_kernel.h"
#include "store/vector_near.h"
#include "store/vector_text.h"
#include "turn/engine_private.h"
#include "turn/pack.h"

#include <string.h>

static const struct host_index vectors = {
    .name = "vectors",
    .prefix = "vectors/",
    .page = 200, /* 3 MB at most */
    .put = "vectors.put",
    .remove = "vectors.remove",
    .bad_key = "vectors.key",
    .full = "vectors.full",
    .storage = "vectors.storage",
};

enum { MOST_MAX = HOST_INDEX_MOST };

static troupe_status bad_values(struct turn_frame *frame)
{
    return turn_frame_error(frame, TROUPE_ARGUMENT, "vectors.values",
                            "a vector has 1 to %d finite numbers, not all of them zero",
                            VECTOR_DIM_MAX);
}

/* The values with length one, for mem_free. */
static troupe_status take_values(struct turn_frame *frame, const float *values, uint32_t count,
                                 float **ret)
{
    float *own;

    if (!values || count == 0 || count > VECTOR_DIM_MAX)
        return bad_values(frame);
    own = mem_alloc(count * sizeof(*own));
    if (!vector_normalise(values, count, own)) {
        mem_free(own);
        return bad_values(frame);
    }
    *ret = own;
    return TROUPE_OK;
}

/* ---- put and remove ---- */

static troupe_status put(troupe_turn *turn, uint32_t scope, const char *key, const float *values,
                         uint32_t count)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_mem_ float *own = NULL;
    char place[STORE_KV_SCOPE_MAX];
    troupe_status status = host_index_entry(&vectors, frame, scope, key, place);

    if (status == TROUPE_OK)
        status = take_values(frame, values, count, &own);
    return status < 0
               ? status
               : host_index_put(&vectors, frame, scope, place, key, own, count * sizeof(*own));
}

static troupe_status take_out(troupe_turn *turn, uint32_t scope, const char *key)
{
    return host_index_remove(&vectors, turn_frame_of(turn), scope, key);
}

/* ---- search ---- */

struct looking {
    const float *query;
    float *copy; /* of a row's bytes, which lie anywhere */
    uint32_t count;
    size_t most, found;
    struct host_near best[MOST_MAX]; /* the best first */
};

static void looking_clear(struct looking *looking)
{
    for (size_t i = 0; i < looking->found; i++)
        mem_free(looking->best[i].key);
}

static bool is_before(double score, const char *key, const struct host_near *other)
{
    return score > other->score || (score >= other->score && strcmp(key, other->key) < 0);
}

static void consider(struct looking *looking, const char *key, double score)
{
    size_t at = looking->found;

    if (at == looking->most && !is_before(score, key, &looking->best[at - 1]))
        return;
    if (at == looking->most)
        mem_free(looking->best[--at].key);
    else
        looking->found++;
    for (; at > 0 && is_before(score, key, &looking->best[at - 1]); at--)
        looking->best[at] = looking->best[at - 1];
    looking->best[at] = (struct host_near){mem_strdup(key), score};
}

static void look_at(void *arg, const struct store_rows *rows)
{
    struct looking *looking = arg;
    size_t size = looking->count * sizeof(*looking->copy);

    for (size_t i = 0; i < rows->count; i++) {
        const struct store_value *value = store_cell(rows, i, 1);
        float score;

        if (!value->data || value->len != size)
            continue;
        memcpy(looking->copy, value->data, size);
        score = vector_dot(looking->query, looking->copy, looking->count);
        consider(looking, store_cell_text(rows, i, 0, ""),
                 (double)(score > 1    ? 1
                          : score < -1 ? -1
                                       : score));
    }
}

static troupe_status read_all(struct turn_frame *frame, const char *scope, struct looking *looking,
                              struct error *err)
{
    troupe_status status;

    looking->copy = mem_alloc(looking->count * sizeof(*looking->copy));
    status = host_index_read(&vectors, frame, scope, look_at, looking, err);
    mem_free(looking->copy);
    return status;
}

size_t host_vectors_pick(const struct vector_near *near, const float *query, size_t most,
                         struct host_near *out)
{
    struct vector_near_hit hits[MOST_MAX];
    size_t count = vector_near_search(near, query, most, hits);

    for (size_t i = 0; i < count; i++)
        out[i] = (struct host_near){mem_strdup(hits[i].key), hits[i].score};
    return count;
}

/* [waits] */
static troupe_status look(struct turn_frame *frame, const char *scope, struct looking *looking,
                          struct error *err)
{
    void *near = NULL;
    troupe_status status =
        store_index_use(frame->turn->engine->store, &store_index_vectors, looking->count,
                        frame->agent->name, scope, 0, &near, err);

    if (status == TROUPE_LIMIT)
        return read_all(frame, scope, looking, err);
    if (status < 0 || !near)
        return status;
    looking->found = host_vectors_pick(near, looking->query, looking->most, looking->best);
    return TROUPE_OK;
}

troupe_status host_vectors_take(struct turn_frame *frame, const float *values, uint32_t count,
                                float **ret)
{
    troupe_status status = host_need(frame, "vectors");

    return status < 0 ? status : take_values(frame, values, count, ret);
}

troupe_status host_vectors_scope(struct turn_frame *frame, uint32_t scope, char *out)
{
    return host_index_begin(&vectors, frame, scope, out);
}

troupe_status host_vectors_near(struct turn_frame *frame, uint32_t scope, const float *values,
                                uint32_t count, struct host_near *out, size_t most,
                                size_t *ret_count, struct error *err)
{
    _cleanup_mem_ struct looking *looking = mem_zero(1, sizeof(*looking));
    char text[STORE_KV_SCOPE_MAX];
    troupe_status status = host_index_begin(&vectors, frame, scope, text);

    if (status < 0)
        return error_set(err, status, "these vectors are not there");
    looking->query = values;
    looking->count = count;
    looking->most = most < MOST_MAX ? most : MOST_MAX;
    status = look(frame, text, looking, err);
    if (status < 0) {
        looking_clear(looking);
        return status;
    }
    for (size_t i = 0; i < looking->found; i++)
        out[i] = looking->best[i];
    *ret_count = looking->found;
    return TROUPE_OK;
}

static void pack_hits(struct buf *out, const struct looking *looking)
{
    pack_int(out, (int64_t)looking->found);
    for (size_t i = 0; i < looking->found; i++) {
        pack_text(out, looking->best[i].key);
        buf_append(out, &looking->best[i].score, sizeof(double));
    }
}

static troupe_status broken(struct turn_frame *frame)
{
    return turn_frame_error(frame, TROUPE_DATA, "vectors.record", "a stored result cannot be read");
}

static troupe_status give_hits(struct turn_frame *frame, const char *data, size_t len,
                               troupe_array *ret)
{
    struct unpack in = {data, len, false};
    int64_t count = unpack_int(&in), bits;
    troupe_vector_hit *hits;
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

        bits = unpack_int(&in);
        memcpy(&hits[i].score, &bits, sizeof(bits));
        hits[i].key = (troupe_str){arena_strndup(&frame->arena, key, key_len), key_len};
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
    troupe_status status = host_index_replay(&vectors, call, &data, &len);

    return status < 0 ? status : give_hits(call->frame, data, len, ret);
}

static troupe_status search_new(struct record_call *call, const char *scope,
                                struct looking *looking, troupe_array *ret)
{
    _cleanup_buf_ struct buf packed = BUF_INIT;
    struct error err;
    troupe_status status = look(call->frame, scope, looking, &err);

    if (status < 0)
        turn_frame_error(call->frame, status, "vectors.storage", "%s", err.text);
    else
        pack_hits(&packed, looking);
    status = turn_record_note(call, status, packed.data, packed.len);
    return status < 0 ? status : give_hits(call->frame, packed.data, packed.len, ret);
}

static troupe_status search(troupe_turn *turn, uint32_t scope, const float *values, uint32_t count,
                            uint32_t most, troupe_array *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_mem_ float *own = NULL;
    _cleanup_mem_ struct looking *looking = NULL;
    struct record_call call = {0};
    char text[STORE_KV_SCOPE_MAX];
    troupe_status status = host_index_begin(&vectors, frame, scope, text);

    if (status < 0)
        return status;
    if (!ret || most == 0 || most > MOST_MAX)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "vectors.most",
                                "a search wants 1 to %d results and a place for them", MOST_MAX);
    if ((status = take_values(frame, values, count, &own)) < 0)
        return status;
    status =
        turn_record_begin(&call, frame, "vectors.search",
                          turn_record_hash(turn_record_hash_int(host_index_hash(scope, NULL), most),
                                           own, count * sizeof(*own)));
    if (status == RECORD_REPLAYED)
        return replay_hits(&call, ret);
    if (status < 0)
        return status;
    looking = mem_zero(1, sizeof(*looking));
    looking->query = own;
    looking->count = count;
    looking->most = most;
    status = search_new(&call, text, looking, ret);
    looking_clear(looking);
    return status;
}

/* ---- of a text ---- */

static troupe_status of_text(troupe_turn *turn, troupe_str text, float *ret, uint32_t count)
{
    struct turn_frame *frame = turn_frame_of(turn);
    troupe_status status = host_need(frame, "vectors");
    _cleanup_mem_ float *own = NULL;

    if (status < 0)
        return status;
    if (!ret || count == 0 || count > VECTOR_DIM_MAX)
        return bad_values(frame);
    if ((status = host_bytes(frame, text.ptr, text.len, UINT32_MAX, "a text")) < 0)
        return status;
    own = mem_alloc(count * sizeof(*own));
    if (!vector_of_text(text.ptr ? text.ptr : "", (size_t)text.len, own, count))
        return turn_frame_error(frame, TROUPE_NOT_FOUND, "vectors.text", "the text has no word");
    memcpy(ret, own, count * sizeof(*own));
    return TROUPE_OK;
}

const troupe_vectors_v1 *host_vectors_table(void)
{
    static const troupe_vectors_v1 table = {.size = sizeof(table),
                                            .put = put,
                                            .search = search,
                                            .remove = take_out,
                                            .of_text = of_text};

    return &table;
}
