/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of "troupe.blobs/1": piece by piece, each in the reader's own time. Short ones are noted whole; of long ones
 * the sum is, as of every long result.
 */
#include "host/blobs.h"

#include "base/mem.h"
#include "turn/engine_private.h"

#include <string.h>

/* ---- into the caller's memory ---- */

/* All of [offset, offset + len), which is inside. TROUPE_CONFLICT: it was replaced meanwhile. */
static troupe_status read_range(struct turn_frame *frame, const struct host_blob *at,
                                const struct store_blob_head *blob, uint64_t offset, char *buf,
                                size_t len)
{
    struct error err;
    troupe_status status = TROUPE_OK;

    for (size_t done = 0, got = 0; status >= 0 && done < len; done += got) {
        status = store_blob_read(frame->turn->engine->store, &at->place, blob, offset + done,
                                 buf + done, len - done, &got, &err);
        if (status < 0)
            host_blobs_failed(frame, status, &err);
    }
    return status;
}

/* How much there is of a range. */
static size_t inside(const struct store_blob_head *blob, uint64_t offset, uint64_t len)
{
    uint64_t left = offset < blob->size ? blob->size - offset : 0;

    return (size_t)(left < len ? left : len);
}

static troupe_status note(struct record_call *call, troupe_status status,
                          const struct store_blob_head *blob, const char *data, size_t len)
{
    if (status >= 0 && len > RECORD_NOTE_MAX)
        return turn_record_note_max(call, status, blob->sha256, sizeof(blob->sha256), 0);
    return turn_record_note(call, status, data, status < 0 ? 0 : len);
}

static troupe_status busy(struct turn_frame *frame, const struct host_blob *at,
                          troupe_status status)
{
    if (status != TROUPE_CONFLICT)
        return status;
    return turn_frame_error(frame, TROUPE_BUSY, "blobs.busy",
                            "blob \"%.80s\" is being changed by others; try again", at->place.key);
}

static troupe_status read_new(struct record_call *call, const struct host_blob *at, uint64_t offset,
                              char *buf, uint64_t len, uint64_t *ret_len)
{
    struct turn_frame *frame = call->frame;
    struct store_blob_head blob = {0};
    troupe_status status = TROUPE_CONFLICT;
    size_t take = 0;

    for (int i = 0; i < HOST_BLOBS_TRIES && status == TROUPE_CONFLICT; i++) {
        status = host_blobs_look(frame, at, &blob);
        if (status < 0)
            break;
        take = inside(&blob, offset, len);
        status = read_range(frame, at, &blob, offset, buf, take);
    }
    status = note(call, busy(frame, at, status), &blob, buf, take);
    if (status >= 0)
        *ret_len = take;
    return status;
}

static troupe_status read_again(struct record_call *call, char *buf, uint64_t len,
                                uint64_t *ret_len)
{
    troupe_status status = turn_record_status(call);
    const char *data = "";
    size_t had = 0;
    struct error err;

    if (status < 0)
        return status;
    status = turn_record_result(call, &data, &had, &err);
    if (status < 0)
        return host_blobs_failed(call->frame, status, &err);
    had = had < len ? had : (size_t)len;
    if (had)
        memcpy(buf, data, had);
    *ret_len = had;
    return TROUPE_OK;
}

troupe_status host_blobs_read(troupe_turn *turn, uint32_t scope, const char *key, uint64_t offset,
                              void *buf, uint64_t len, uint64_t *ret_len)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct record_call call = {0};
    struct host_blob at;
    int64_t args;
    troupe_status status = host_blobs_begin(frame, scope, key, false, &at);

    if (status < 0)
        return status;
    if (!buf || !ret_len || !len || len > TROUPE_BLOBS_READ_MAX)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "blobs.range",
                                "a read wants 1 to %u bytes and a place for them",
                                TROUPE_BLOBS_READ_MAX);
    args = turn_record_hash_int(host_blobs_hash(scope, key), (int64_t)offset);
    status =
        turn_record_begin(&call, frame, "blobs.read", turn_record_hash_int(args, (int64_t)len));
    if (status == RECORD_REPLAYED)
        return read_again(&call, buf, len, ret_len);
    return status < 0 ? status : read_new(&call, &at, offset, buf, len, ret_len);
}

/* ---- whole, into memory of the frame ---- */

struct whole {
    struct turn_resource resource;
    size_t size;
    char data[];
};

static void release(struct turn_resource *resource)
{
    mem_free(container_of(resource, struct whole, resource));
}

static struct whole *whole_new(struct turn_frame *frame, uint64_t size, troupe_status *ret)
{
    struct whole *whole = NULL;

    *ret = size <= STORE_BLOB_MAX ? host_hold(frame, (size_t)size) : TROUPE_LIMIT;
    if (*ret < 0)
        return NULL;
    whole = mem_try(sizeof(*whole) + (size_t)size + 1);
    if (!whole) {
        frame->kept -= (size_t)size;
        *ret = turn_frame_error(frame, TROUPE_LIMIT, "host.memory",
                                "there is no memory for %llu bytes", (unsigned long long)size);
        return NULL;
    }
    whole->size = (size_t)size;
    whole->data[size] = '\0';
    return whole;
}

static void whole_drop(struct turn_frame *frame, struct whole *whole)
{
    if (!whole)
        return;
    frame->kept -= whole->size;
    mem_free(whole);
}

static troupe_status get_new(struct record_call *call, const struct host_blob *at, troupe_str *ret)
{
    struct turn_frame *frame = call->frame;
    struct whole *whole = NULL;
    struct store_blob_head blob = {0};
    troupe_status status = TROUPE_CONFLICT;

    for (int i = 0; i < HOST_BLOBS_TRIES && status == TROUPE_CONFLICT; i++) {
        whole_drop(frame, whole);
        whole = NULL;
        status = host_blobs_look(frame, at, &blob);
        if (status >= 0)
            whole = whole_new(frame, blob.size, &status);
        if (whole)
            status = read_range(frame, at, &blob, 0, whole->data, whole->size);
    }
    status = note(call, busy(frame, at, status), &blob, whole ? whole->data : "",
                  whole ? whole->size : 0);
    if (status < 0 || !whole) {
        whole_drop(frame, whole);
        return status;
    }
    turn_frame_own(frame, &whole->resource, release);
    *ret = (troupe_str){whole->data, whole->size};
    return status;
}

troupe_status host_blobs_get(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct record_call call = {0};
    struct host_blob at;
    troupe_status status = host_blobs_begin(frame, scope, key, false, &at);

    if (status < 0)
        return status;
    if (!ret)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "blobs.place",
                                "a get wants a place for what it gives");
    status = turn_record_begin(&call, frame, "blobs.get", host_blobs_hash(scope, key));
    if (status == RECORD_REPLAYED)
        return host_replay_text(&call, ret);
    return status < 0 ? status : get_new(&call, &at, ret);
}
