/* SPDX-License-Identifier: Apache-2.0 */
#include "host/index.h"

#include "base/mem.h"
#include "base/text.h"
#include "host/host_table.h"
#include "turn/engine_private.h"

#include <string.h>

troupe_status host_index_begin(const struct host_index *index, struct turn_frame *frame,
                               uint32_t scope, char ret_place[STORE_KV_SCOPE_MAX])
{
    size_t len = strlen(index->prefix);
    troupe_status status = host_need(frame, index->name);

    if (status < 0)
        return status;
    memcpy(ret_place, index->prefix, len + 1);
    return host_kv_scope(frame, scope, ret_place + len, STORE_KV_SCOPE_MAX - len);
}

troupe_status host_index_entry(const struct host_index *index, struct turn_frame *frame,
                               uint32_t scope, const char *key, char ret_place[STORE_KV_SCOPE_MAX])
{
    size_t len = key ? strlen(key) : 0;
    troupe_status status = host_index_begin(index, frame, scope, ret_place);

    if (status < 0)
        return status;
    if (!len || len > HOST_INDEX_KEY || !text_is_utf8(key, len))
        return turn_frame_error(frame, TROUPE_ARGUMENT, index->bad_key,
                                "a key has 1 to %d bytes of UTF-8", HOST_INDEX_KEY);
    return TROUPE_OK;
}

int64_t host_index_hash(uint32_t scope, const char *key)
{
    return turn_record_hash_text(turn_record_hash_int(RECORD_HASH_START, scope), key);
}

/* ---- put and remove ---- */

/* Whether the key would be one too many. [waits] */
static troupe_status check_room(const struct host_index *index, struct turn_frame *frame,
                                const char *place, const char *key)
{
    int64_t others = 0;
    struct error err;
    troupe_status status = store_index_others(frame->turn->engine->store, frame->agent->name, place,
                                              key, 0, &others, &err);

    if (status < 0)
        return turn_frame_error(frame, status, index->storage, "%s", err.text);
    if (others >= HOST_INDEX_SCOPE)
        return turn_frame_error(frame, TROUPE_LIMIT, index->full,
                                "more than %d %s in a scope: remove some", HOST_INDEX_SCOPE,
                                index->name);
    return TROUPE_OK;
}

static troupe_status put_new(const struct host_index *index, struct record_call *call,
                             const char *place, const char *key, const void *data, size_t len)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    troupe_status status = check_room(index, call->frame, place, key);

    if (status < 0)
        return turn_record_note(call, status, NULL, 0);
    batch = store_batch_new();
    store_index_put(batch, call->frame->agent->name, place, key, data, len);
    return turn_record_commit(call, batch, index->storage, NULL, 0);
}

troupe_status host_index_put(const struct host_index *index, struct turn_frame *frame,
                             uint32_t scope, const char *place, const char *key, const void *data,
                             size_t len)
{
    const int64_t args = turn_record_hash(host_index_hash(scope, key), data, len);
    struct record_call call = {0};
    troupe_status status;

    if (frame->batch) {
        if ((status = check_room(index, frame, place, key)) < 0)
            return status;
        store_index_put(frame->batch, frame->agent->name, place, key, data, len);
        frame->batch_hash = turn_record_hash_int(frame->batch_hash, args);
        return TROUPE_OK;
    }
    status = turn_record_begin(&call, frame, index->put, args);
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    return status < 0 ? status : put_new(index, &call, place, key, data, len);
}

troupe_status host_index_remove(const struct host_index *index, struct turn_frame *frame,
                                uint32_t scope, const char *key)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct record_call call = {0};
    char place[STORE_KV_SCOPE_MAX];
    troupe_status status = host_index_entry(index, frame, scope, key, place);

    if (status == TROUPE_OK && frame->batch) {
        store_index_remove(frame->batch, frame->agent->name, place, key);
        frame->batch_hash = turn_record_hash_int(frame->batch_hash, host_index_hash(scope, key));
        return TROUPE_OK;
    }
    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, index->remove, host_index_hash(scope, key));
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    batch = store_batch_new();
    store_index_remove(batch, frame->agent->name, place, key);
    return turn_record_commit(&call, batch, index->storage, NULL, 0);
}

/* ---- search ---- */

troupe_status host_index_read(const struct host_index *index, struct turn_frame *frame,
                              const char *place,
                              void (*look)(void *arg, const struct store_rows *rows), void *arg,
                              struct error *err)
{
    _cleanup_mem_ char *after = NULL;

    for (size_t page = 0; page <= HOST_INDEX_SCOPE / index->page; page++) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        troupe_status status = store_kv_list(frame->turn->engine->store, frame->agent->name, place,
                                             "", after, index->page, 0, &rows, err);

        if (status < 0)
            return status;
        look(arg, rows);
        if (rows->count < index->page)
            break;
        mem_free(after);
        after = mem_strdup(store_cell_text(rows, rows->count - 1, 0, ""));
    }
    return TROUPE_OK;
}

troupe_status host_index_replay(const struct host_index *index, struct record_call *call,
                                const char **ret_data, size_t *ret_len)
{
    troupe_status status = turn_record_status(call);
    struct error err;

    if (status < 0)
        return status;
    status = turn_record_result(call, ret_data, ret_len, &err);
    return status < 0 ? turn_frame_error(call->frame, status, index->storage, "%s", err.text)
                      : status;
}
