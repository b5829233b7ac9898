/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.blobs/1" in the child's process: each call is a message to the host, and what `get` gives comes in
 * several, so that the host never makes a message of many megabytes at once.
 */
#include "plugin/guest.h"

#include <string.h>

#define BLOB_1 (offsetof(troupe_blob, expires_ms) + sizeof(int64_t))

static struct buf place(uint32_t scope, const char *key)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, scope);
    wire_put_text(&args, key);
    return args;
}

static troupe_status put(troupe_turn *turn, uint32_t scope, const char *key, const char *type,
                         troupe_str data, uint64_t ttl_ms)
{
    struct buf args = place(scope, key);

    wire_put_text(&args, type);
    wire_put_bytes(&args, data.ptr, data.len);
    wire_put_int(&args, (int64_t)ttl_ms);
    return guest_call(guest_turn_of(turn), WIRE_DO_BLOBS_PUT, &args);
}

/* The reply's bytes, as far as there is room for them. */
static uint64_t take_bytes(struct guest_turn *t, char *buf, uint64_t room)
{
    uint64_t len;
    const char *data = wire_take_bytes(&t->in, &len);

    if (!data)
        return 0;
    len = len < room ? len : room;
    memcpy(buf, data, (size_t)len);
    return len;
}

static troupe_status get(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = place(scope, key);
    uint64_t total, have, more = 1;
    troupe_status status;
    char *data;

    wire_put_int(&args, ret != NULL);
    status = guest_call(t, WIRE_DO_BLOBS_GET, &args);
    if (status < 0 || !ret)
        return status;
    total = wire_take_count(&t->in, TROUPE_BLOBS_MAX);
    data = arena_alloc(&t->arena, (size_t)total + 1);
    have = take_bytes(t, data, total);
    while (have < total && more) {
        args = (struct buf)BUF_INIT;
        wire_put_int(&args, (int64_t)have);
        status = guest_call(t, WIRE_DO_BLOBS_MORE, &args);
        if (status < 0)
            return status;
        more = take_bytes(t, data + have, total - have);
        have += more;
    }
    *ret = (troupe_str){data, have};
    return TROUPE_OK;
}

static troupe_status read_range(troupe_turn *turn, uint32_t scope, const char *key, uint64_t offset,
                                void *buf, uint64_t len, uint64_t *ret_len)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = place(scope, key);
    troupe_status status;

    wire_put_int(&args, (int64_t)offset);
    wire_put_int(&args, buf && ret_len ? (int64_t)len : 0);
    status = guest_call(t, WIRE_DO_BLOBS_READ, &args);
    if (status >= 0 && buf && ret_len)
        *ret_len = take_bytes(t, buf, len);
    return status;
}

static void take_blob(struct guest_turn *t, troupe_blob *ret)
{
    ret->key = guest_take(t);
    ret->type = guest_take(t);
    ret->sha256 = guest_take(t);
    ret->bytes = (uint64_t)wire_take_int(&t->in);
    ret->created_ms = wire_take_int(&t->in);
    ret->changed_ms = wire_take_int(&t->in);
    ret->expires_ms = wire_take_int(&t->in);
}

static troupe_status info(troupe_turn *turn, uint32_t scope, const char *key, troupe_blob *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = place(scope, key);
    troupe_blob blob = {.size = ret ? ret->size : 0};
    troupe_status status;

    wire_put_int(&args, blob.size);
    status = guest_call(t, WIRE_DO_BLOBS_INFO, &args);
    if (status < 0 || !ret)
        return status;
    take_blob(t, &blob);
    memcpy(ret, &blob, BLOB_1);
    return status;
}

static troupe_status list(troupe_turn *turn, uint32_t scope, const char *prefix, const char *after,
                          uint32_t most, troupe_array *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = place(scope, prefix);
    troupe_status status;
    troupe_blob *blobs;
    uint64_t count;

    wire_put_text(&args, after);
    wire_put_int(&args, ret ? most : 0);
    status = guest_call(t, WIRE_DO_BLOBS_LIST, &args);
    if (status < 0 || !ret)
        return status;
    count = wire_take_count(&t->in, TROUPE_BLOBS_LIST_MAX);
    blobs = arena_alloc(&t->arena, ((size_t)count + 1) * sizeof(*blobs));
    for (uint64_t i = 0; i < count; i++) {
        blobs[i].size = sizeof(blobs[i]);
        take_blob(t, &blobs[i]);
    }
    *ret = (troupe_array){blobs, (uint32_t)count, (uint32_t)sizeof(*blobs)};
    return status;
}

static troupe_status take_out(troupe_turn *turn, uint32_t scope, const char *key)
{
    struct buf args = place(scope, key);

    return guest_call(guest_turn_of(turn), WIRE_DO_BLOBS_REMOVE, &args);
}

const troupe_blobs_v1 *guest_blobs_table(void)
{
    static const troupe_blobs_v1 table = {.size = sizeof(table),
                                          .put = put,
                                          .get = get,
                                          .read = read_range,
                                          .info = info,
                                          .list = list,
                                          .remove = take_out};

    return &table;
}
