/* SPDX-License-Identifier: Apache-2.0
 *
 * What "troupe.blobs/1" tells about blobs beside their bytes.
 */
#include "host/blobs.h"

#include "turn/engine_private.h"
#include "turn/pack.h"

#include <string.h>

/* What every caller has room for; of what a later minor appends, ask its `size`. */
#define BLOB_1 (offsetof(troupe_blob, expires_ms) + sizeof(int64_t))

static void pack_blob(struct buf *out, const char *key, const struct store_blob_head *blob)
{
    pack_text(out, key);
    pack_text(out, blob->type);
    pack_text(out, blob->sha256);
    pack_int(out, (int64_t)blob->size);
    pack_int(out, blob->created_ms);
    pack_int(out, blob->changed_ms);
    pack_int(out, blob->expires_ms);
}

static troupe_str take_text(struct turn_frame *frame, struct unpack *in)
{
    size_t len;
    const char *text = unpack_bytes(in, &len);

    return (troupe_str){arena_strndup(&frame->arena, text, len), len};
}

static void take_blob(struct turn_frame *frame, struct unpack *in, troupe_blob *ret)
{
    ret->key = take_text(frame, in);
    ret->type = take_text(frame, in);
    ret->sha256 = take_text(frame, in);
    ret->bytes = (uint64_t)unpack_int(in);
    ret->created_ms = unpack_int(in);
    ret->changed_ms = unpack_int(in);
    ret->expires_ms = unpack_int(in);
}

static troupe_status broken(struct turn_frame *frame)
{
    return turn_frame_error(frame, TROUPE_DATA, "blobs.record", "a stored result cannot be read");
}

static troupe_status give_blob(struct turn_frame *frame, const char *data, size_t len,
                               troupe_blob *ret)
{
    struct unpack in = {data, len, false};
    troupe_blob blob = {.size = ret->size};
    troupe_status status = host_hold(frame, len);

    if (status < 0)
        return status;
    take_blob(frame, &in, &blob);
    if (in.bad)
        return broken(frame);
    memcpy(ret, &blob, BLOB_1);
    return TROUPE_OK;
}

static troupe_status give_list(struct turn_frame *frame, const char *data, size_t len,
                               troupe_array *ret)
{
    struct unpack in = {data, len, false};
    int64_t count = unpack_int(&in);
    troupe_blob *blobs;
    troupe_status status;

    if (in.bad || count < 0 || count > STORE_BLOB_LIST_MAX)
        return broken(frame);
    status = host_hold(frame, len + ((size_t)count + 1) * sizeof(*blobs));
    if (status < 0)
        return status;
    blobs = arena_alloc(&frame->arena, ((size_t)count + 1) * sizeof(*blobs));
    for (int64_t i = 0; i < count; i++) {
        blobs[i].size = sizeof(blobs[i]);
        take_blob(frame, &in, &blobs[i]);
    }
    if (in.bad)
        return broken(frame);
    *ret = (troupe_array){blobs, (uint32_t)count, (uint32_t)sizeof(*blobs)};
    return TROUPE_OK;
}

/* The packed result of a replayed call. */
static troupe_status replayed(struct record_call *call, const char **ret_data, size_t *ret_len)
{
    struct error err;
    troupe_status status = turn_record_status(call);

    if (status < 0)
        return status;
    status = turn_record_result(call, ret_data, ret_len, &err);
    return status < 0 ? host_blobs_failed(call->frame, status, &err) : status;
}

troupe_status host_blobs_info(troupe_turn *turn, uint32_t scope, const char *key, troupe_blob *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_buf_ struct buf packed = BUF_INIT;
    struct record_call call = {0};
    struct store_blob_head blob;
    struct host_blob at;
    const char *data = "";
    size_t len = 0;
    troupe_status status = host_blobs_begin(frame, scope, key, false, &at);

    if (status < 0)
        return status;
    if (!ret || ret->size < BLOB_1)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "blobs.size",
                                "troupe_blob is smaller than this host writes");
    status = turn_record_begin(&call, frame, "blobs.info", host_blobs_hash(scope, key));
    if (status == RECORD_REPLAYED) {
        status = replayed(&call, &data, &len);
        return status < 0 ? status : give_blob(frame, data, len, ret);
    }
    if (status < 0)
        return status;
    status = host_blobs_look(frame, &at, &blob);
    if (status >= 0)
        pack_blob(&packed, key, &blob);
    status = turn_record_note(&call, status, packed.data, packed.len);
    return status < 0 ? status : give_blob(frame, packed.data, packed.len, ret);
}

static troupe_status list_new(struct turn_frame *frame, const struct host_blob *at,
                              const char *after, uint32_t most, struct buf *out)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct error err;
    troupe_status status =
        store_blob_list(frame->turn->engine->store, &at->place, after, most, &rows, &err);

    if (status < 0)
        return host_blobs_failed(frame, status, &err);
    pack_int(out, (int64_t)rows->count);
    for (size_t i = 0; i < rows->count; i++) {
        struct store_blob_head blob;

        store_blob_of(rows, i, &blob);
        pack_blob(out, store_blob_key(rows, i), &blob);
    }
    return TROUPE_OK;
}

troupe_status host_blobs_list(troupe_turn *turn, uint32_t scope, const char *prefix,
                              const char *after, uint32_t most, troupe_array *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_buf_ struct buf packed = BUF_INIT;
    struct record_call call = {0};
    struct host_blob at;
    const char *data = "";
    size_t len = 0;
    int64_t args;
    troupe_status status = host_blobs_begin(frame, scope, after, true, &at);

    if (status == TROUPE_OK)
        status = host_blobs_begin(frame, scope, prefix, true, &at);
    if (status < 0)
        return status;
    if (!ret || !most || most > TROUPE_BLOBS_LIST_MAX)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "blobs.most",
                                "a list wants 1 to %u blobs and a place for them",
                                TROUPE_BLOBS_LIST_MAX);
    args = turn_record_hash_text(host_blobs_hash(scope, prefix ? prefix : ""), after ? after : "");
    status = turn_record_begin(&call, frame, "blobs.list", turn_record_hash_int(args, most));
    if (status == RECORD_REPLAYED) {
        status = replayed(&call, &data, &len);
        return status < 0 ? status : give_list(frame, data, len, ret);
    }
    if (status < 0)
        return status;
    status = list_new(frame, &at, after, most, &packed);
    status = turn_record_note(&call, status, packed.data, packed.len);
    return status < 0 ? status : give_list(frame, packed.data, packed.len, ret);
}
