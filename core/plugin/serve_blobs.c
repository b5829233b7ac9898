/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.blobs/1" for an isolated agent, as serve_extension.c does the others. What `get` gives is held by the
 * turn, and goes to the child a portion at a time: a message of it all would keep the loop for too long.
 */
#include "plugin/isolate.h"

#include "base/mem.h"
#include "plugin/set.h"

#define PORTION (256u << 10)

static troupe_status put(troupe_turn *turn, const troupe_blobs_v1 *blobs, uint32_t scope,
                         const char *key, struct wire_in *in)
{
    const char *type = wire_take_text(in);
    troupe_str data = wire_take_str(in);
    uint64_t ttl = (uint64_t)wire_take_int(in);

    return wire_taken(in) ? blobs->put(turn, scope, key, type, data, ttl) : ISOLATE_BROKEN;
}

static void put_portion(const struct isolate_call *call, uint64_t offset, struct buf *out)
{
    uint64_t left = offset < call->blob.len ? call->blob.len - offset : 0;

    wire_put_bytes(out, left ? call->blob.ptr + offset : "", left < PORTION ? left : PORTION);
}

static troupe_status get(struct isolate_call *call, const troupe_blobs_v1 *blobs, uint32_t scope,
                         const char *key, struct wire_in *in, struct buf *out)
{
    bool wanted = wire_take_int(in) != 0;
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    call->blob = (troupe_str){"", 0};
    status = blobs->get(call->turn, scope, key, wanted ? &call->blob : NULL);
    if (status < 0)
        return status;
    wire_put_int(out, (int64_t)call->blob.len);
    put_portion(call, 0, out);
    return status;
}

static troupe_status more(struct isolate_call *call, struct wire_in *in, struct buf *out)
{
    uint64_t offset = wire_take_count(in, TROUPE_BLOBS_MAX);

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    put_portion(call, offset, out);
    return TROUPE_OK;
}

static troupe_status read_range(troupe_turn *turn, const troupe_blobs_v1 *blobs, uint32_t scope,
                                const char *key, struct wire_in *in, struct buf *out)
{
    uint64_t offset = (uint64_t)wire_take_int(in), len = (uint64_t)wire_take_int(in), got = 0;
    _cleanup_mem_ char *buf = NULL;
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    /* The host says what is wrong with a length; memory is made for none that it refuses. */
    if (len <= TROUPE_BLOBS_READ_MAX)
        buf = mem_alloc((size_t)len + 1);
    status = blobs->read(turn, scope, key, offset, buf, len, &got);
    if (status >= 0)
        wire_put_bytes(out, buf, got);
    return status;
}

static void put_blob(struct buf *out, const troupe_blob *blob)
{
    wire_put_bytes(out, blob->key.ptr, blob->key.len);
    wire_put_bytes(out, blob->type.ptr, blob->type.len);
    wire_put_bytes(out, blob->sha256.ptr, blob->sha256.len);
    wire_put_int(out, (int64_t)blob->bytes);
    wire_put_int(out, blob->created_ms);
    wire_put_int(out, blob->changed_ms);
    wire_put_int(out, blob->expires_ms);
}

static troupe_status info(troupe_turn *turn, const troupe_blobs_v1 *blobs, uint32_t scope,
                          const char *key, struct wire_in *in, struct buf *out)
{
    uint64_t size = wire_take_count(in, UINT32_MAX);
    troupe_blob blob = {.size = (uint32_t)(size < sizeof(blob) ? size : sizeof(blob))};
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = blobs->info(turn, scope, key, &blob);
    if (status >= 0)
        put_blob(out, &blob);
    return status;
}

static troupe_status list(troupe_turn *turn, const troupe_blobs_v1 *blobs, uint32_t scope,
                          const char *prefix, struct wire_in *in, struct buf *out)
{
    const char *after = wire_take_text(in);
    uint32_t most = (uint32_t)wire_take_count(in, UINT32_MAX);
    troupe_array found = {NULL, 0, 0};
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = blobs->list(turn, scope, prefix, after, most, &found);
    if (status < 0)
        return status;
    wire_put_int(out, found.count);
    for (uint32_t i = 0; i < found.count; i++)
        put_blob(out, TROUPE_AT(found, troupe_blob, i));
    return status;
}

troupe_status plugin_serve_blobs(struct isolate_call *call, uint32_t what, struct wire_in *in,
                                 struct buf *out)
{
    troupe_turn *turn = call->turn;
    const troupe_blobs_v1 *blobs = turn->api->get_extension(turn, TROUPE_BLOBS);
    const char *key;
    uint32_t scope;

    if (!blobs)
        return TROUPE_UNSUPPORTED;
    if (what == WIRE_DO_BLOBS_MORE)
        return more(call, in, out);
    scope = (uint32_t)wire_take_count(in, UINT32_MAX);
    key = wire_take_text(in);
    switch (what) {
    case WIRE_DO_BLOBS_PUT: return put(turn, blobs, scope, key, in);
    case WIRE_DO_BLOBS_GET: return get(call, blobs, scope, key, in, out);
    case WIRE_DO_BLOBS_READ: return read_range(turn, blobs, scope, key, in, out);
    case WIRE_DO_BLOBS_INFO: return info(turn, blobs, scope, key, in, out);
    case WIRE_DO_BLOBS_LIST: return list(turn, blobs, scope, key, in, out);
    default: return wire_taken(in) ? blobs->remove(turn, scope, key) : ISOLATE_BROKEN;
    }
}
