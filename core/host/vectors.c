/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.vectors/1". Vectors are values of the kv table, in scopes of their own ("vectors/" before what
 * kv.c composes, which no plugin can write): so they commit with what the turn does, on either database,
 * and go with a member's other data. A search reads the scope's rows in pages and ranks them by their floats;
 * the bound of a scope keeps that short.
 */
#include "host/host_table.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/kv.h"
#include "store/vector_kernel.h"
#include "store/vector_text.h"
#include "turn/engine_private.h"
#include "turn/pack.h"

#include <stdio.h>
#include <string.h>

enum {
    KEY_MAX = 200,
    MOST_MAX = 100,    /* results of a search                                               */
    SCOPE_MAX = 10000, /* vectors of an agent in a scope                                    */
    PAGE = 200         /* rows read at once: 3 MB at most, and looked at without a pause    */
};

static troupe_status bad_values(struct turn_frame *frame)
{
    return turn_frame_error(frame, TROUPE_ARGUMENT, "vectors.values",
                            "a vector has 1 to %d finite numbers, not all of them zero",
                            VECTOR_DIM_MAX);
}

static troupe_status begin(struct turn_frame *frame, uint32_t scope, char *out, size_t size)
{
    static const char prefix[] = "vectors/";
    troupe_status status = host_need(frame, "vectors");

    if (status < 0)
        return status;
    memcpy(out, prefix, sizeof(prefix));
    return host_kv_scope(frame, scope, out + sizeof(prefix) - 1, size - sizeof(prefix) + 1);
}

static troupe_status check_key(struct turn_frame *frame, const char *key)
{
    size_t len = key ? strlen(key) : 0;

    if (!len || len > KEY_MAX || !text_is_utf8(key, len))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "vectors.key",
                                "a key has 1 to %d bytes of UTF-8", KEY_MAX);
    return TROUPE_OK;
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

static int64_t hash(uint32_t scope, const char *key)
{
    return turn_record_hash_text(turn_record_hash_int(RECORD_HASH_START, scope), key);
}

/* ---- put and remove ---- */

/* Whether the key would be one too many. [waits] */
static troupe_status check_room(struct turn_frame *frame, const char *scope, const char *key)
{
    int64_t others = 0;
    struct error err;
    troupe_status status = store_kv_count(frame->turn->engine->store, frame->agent->name, scope,
                                          key, 0, &others, &err);

    if (status < 0)
        return turn_frame_error(frame, status, "vectors.storage", "%s", err.text);
    if (others >= SCOPE_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "vectors.full",
                                "more than %d vectors in a scope: remove some", SCOPE_MAX);
    return TROUPE_OK;
}

static troupe_status put_new(struct record_call *call, const char *scope, const char *key,
                             const float *values, uint32_t count)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    troupe_status status = check_room(call->frame, scope, key);

    if (status < 0)
        return turn_record_note(call, status, NULL, 0);
    batch = store_batch_new();
    store_kv_put(batch, call->frame->agent->name, scope, key, values, count * sizeof(*values), 0);
    return turn_record_commit(call, batch, "vectors.storage", NULL, 0);
}

static troupe_status put(troupe_turn *turn, uint32_t scope, const char *key, const float *values,
                         uint32_t count)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_mem_ float *own = NULL;
    struct record_call call = {0};
    char text[STORE_KV_SCOPE_MAX];
    int64_t args;
    troupe_status status = begin(frame, scope, text, sizeof(text));

    if (status == TROUPE_OK)
        status = check_key(frame, key);
    if (status == TROUPE_OK)
        status = take_values(frame, values, count, &own);
    if (status < 0)
        return status;
    args = turn_record_hash(hash(scope, key), own, count * sizeof(*own));
    if (frame->batch) {
        if ((status = check_room(frame, text, key)) < 0)
            return status;
        store_kv_put(frame->batch, frame->agent->name, text, key, own, count * sizeof(*own), 0);
        frame->batch_hash = turn_record_hash_int(frame->batch_hash, args);
        return TROUPE_OK;
    }
    status = turn_record_begin(&call, frame, "vectors.put", args);
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    return status < 0 ? status : put_new(&call, text, key, own, count);
}

static troupe_status take_out(troupe_turn *turn, uint32_t scope, const char *key)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct record_call call = {0};
    char text[STORE_KV_SCOPE_MAX];
    troupe_status status = begin(frame, scope, text, sizeof(text));

    if (status == TROUPE_OK)
        status = check_key(frame, key);
    if (status == TROUPE_OK && frame->batch) {
        store_kv_delete(frame->batch, frame->agent->name, text, key);
        frame->batch_hash = turn_record_hash_int(frame->batch_hash, hash(scope, key));
        return TROUPE_OK;
    }
    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "vectors.remove", hash(scope, key));
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    batch = store_batch_new();
    store_kv_delete(batch, frame->agent->name, text, key);
    return turn_record_commit(&call, batch, "vectors.storage", NULL, 0);
}

/* ---- search ---- */

struct looking {
    const float *query;
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

static void look_at(struct looking *looking, const struct store_rows *rows, float *copy)
{
    size_t size = looking->count * sizeof(*copy);

    for (size_t i = 0; i < rows->count; i++) {
        const struct store_value *value = store_cell(rows, i, 1);
        float score;

        if (!value->data || value->len != size)
            continue;
        memcpy(copy, value->data, size); /* a row's bytes lie anywhere */
        score = vector_dot(looking->query, copy, looking->count);
        consider(looking, store_cell_text(rows, i, 0, ""),
                 (double)(score > 1    ? 1
                          : score < -1 ? -1
                                       : score));
    }
}

/* [waits] */
static troupe_status look(struct turn_frame *frame, const char *scope, struct looking *looking,
                          struct error *err)
{
    _cleanup_mem_ float *copy = mem_alloc(looking->count * sizeof(*copy));
    _cleanup_mem_ char *after = NULL;

    for (size_t page = 0; page <= SCOPE_MAX / PAGE; page++) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        troupe_status status = store_kv_list(frame->turn->engine->store, frame->agent->name, scope,
                                             "", after, PAGE, 0, &rows, err);

        if (status < 0)
            return status;
        look_at(looking, rows, copy);
        if (rows->count < PAGE)
            break;
        mem_free(after);
        after = mem_strdup(store_cell_text(rows, rows->count - 1, 0, ""));
    }
    return TROUPE_OK;
}

troupe_status host_vectors_take(struct turn_frame *frame, const float *values, uint32_t count,
                                float **ret)
{
    troupe_status status = host_need(frame, "vectors");

    return status < 0 ? status : take_values(frame, values, count, ret);
}

troupe_status host_vectors_near(struct turn_frame *frame, uint32_t scope, const float *values,
                                uint32_t count, struct host_near *out, size_t most,
                                size_t *ret_count, struct error *err)
{
    _cleanup_mem_ struct looking *looking = mem_zero(1, sizeof(*looking));
    char text[STORE_KV_SCOPE_MAX];
    troupe_status status = begin(frame, scope, text, sizeof(text));

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
    troupe_status status = turn_record_status(call);
    const char *data = "";
    struct error err;
    size_t len = 0;

    if (status < 0)
        return status;
    status = turn_record_result(call, &data, &len, &err);
    if (status < 0)
        return turn_frame_error(call->frame, status, "vectors.storage", "%s", err.text);
    return give_hits(call->frame, data, len, ret);
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
    troupe_status status = begin(frame, scope, text, sizeof(text));

    if (status < 0)
        return status;
    if (!ret || most == 0 || most > MOST_MAX)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "vectors.most",
                                "a search wants 1 to %d results and a place for them", MOST_MAX);
    if ((status = take_values(frame, values, count, &own)) < 0)
        return status;
    status = turn_record_begin(
        &call, frame, "vectors.search",
        turn_record_hash(turn_record_hash_int(hash(scope, NULL), most), own, count * sizeof(*own)));
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
