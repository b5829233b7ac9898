/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.blobs/1". Pieces are written before the call's own commit, while no key leads to them: what a crash
 * leaves of them is cleared, and the run after it writes them anew. The commit that makes the key lead to them has the
 * call's row, so a put is done once. Nothing here touches megabytes at once on the loop's thread.
 */
#include "host/blobs.h"

#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "host/digest.h"
#include "turn/engine_private.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX   200
#define COUNT_MAX 10000

troupe_status host_blobs_begin(struct turn_frame *frame, uint32_t scope, const char *key,
                               bool any_key, struct host_blob *ret)
{
    size_t len = key ? strlen(key) : 0;
    troupe_status status = host_need(frame, "blobs");

    if (status < 0)
        return status;
    if ((!len && !any_key) || len > KEY_MAX || !text_is_utf8(key ? key : "", len))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "blobs.key",
                                "a key has 1 to %d bytes of UTF-8", KEY_MAX);
    if (frame->batch)
        return turn_frame_error(frame, TROUPE_UNSUPPORTED, "blobs.batch",
                                "blobs are put and read outside of a batch");
    ret->place = (struct store_blob_place){frame->agent->name, ret->scope, key ? key : ""};
    return host_kv_scope(frame, scope, ret->scope, sizeof(ret->scope));
}

int64_t host_blobs_hash(uint32_t scope, const char *key)
{
    return turn_record_hash_text(turn_record_hash_int(RECORD_HASH_START, scope), key);
}

troupe_status host_blobs_failed(struct turn_frame *frame, troupe_status status,
                                const struct error *err)
{
    return turn_frame_error(frame, status, "blobs.storage", "%s", err->text);
}

troupe_status host_blobs_look(struct turn_frame *frame, const struct host_blob *at,
                              struct store_blob_head *ret)
{
    struct error err;
    troupe_status status = store_blob_info(frame->turn->engine->store, &at->place, ret, &err);

    if (status >= 0 && !store_blob_is_live(ret))
        status = TROUPE_NOT_FOUND;
    if (status == TROUPE_NOT_FOUND)
        return turn_frame_error(frame, status, "blobs.none", "there is no blob \"%.80s\"",
                                at->place.key);
    return status < 0 ? host_blobs_failed(frame, status, &err) : status;
}

/* ---- put and remove ---- */

static troupe_status too_much(struct turn_frame *frame, const char *key, const char *most,
                              const char *remedy)
{
    return turn_frame_error(frame, TROUPE_LIMIT, "blobs.full",
                            "blob \"%.80s\" does not fit, since %s; remove some%s", key, most,
                            remedy);
}

static troupe_status check_room(struct turn_frame *frame, const struct host_blob *at, uint64_t size)
{
    const struct config_section *section = config_section(frame->turn->set->config, "store", NULL);
    const uint64_t of_scope = (uint64_t)config_bytes(section, "scope_blobs"),
                   of_agent = (uint64_t)config_bytes(section, "agent_blobs");
    struct store_blob_use use;
    struct error err;
    troupe_status status = store_blob_use(frame->turn->engine->store, &at->place, &use, &err);

    if (status < 0)
        return host_blobs_failed(frame, status, &err);
    if (use.count >= COUNT_MAX)
        return too_much(frame, at->place.key, "its scope has 10,000 of them", "");
    if (use.scope_bytes + size > of_scope)
        return too_much(frame, at->place.key, "its scope is full", " or raise [store] scope_blobs");
    if (use.bytes + size > of_agent)
        return too_much(frame, at->place.key, "the agent has as many bytes as it may have",
                        " or raise [store] agent_blobs");
    return TROUPE_OK;
}

static troupe_status upload(struct store *store, const struct host_blob *at, troupe_str data,
                            int64_t *ret_body, struct error *err)
{
    troupe_status status = store_blob_begin(store, &at->place, data.len, ret_body, err);
    int64_t part = 0;

    for (uint64_t done = 0; status >= 0 && done < data.len; part += STORE_BLOB_AT_ONCE) {
        size_t written = 0;

        status = store_blob_write(store, &at->place, *ret_body, part, data.ptr + done,
                                  (size_t)(data.len - done), &written, err);
        done += written;
    }
    return status;
}

/* The key leads to the blob, or with NULL nowhere: one commit with the call's row. */
static troupe_status change(struct record_call *call, const struct host_blob *at,
                            const struct store_blob_head *blob)
{
    struct store *store = call->frame->turn->engine->store;
    troupe_status status = TROUPE_CONFLICT;
    struct store_blob_head before;
    struct error err;

    for (int i = 0; i < HOST_BLOBS_TRIES && status == TROUPE_CONFLICT; i++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        before.body = 0;
        status = store_blob_info(store, &at->place, &before, &err);
        if (status < 0 && status != TROUPE_NOT_FOUND)
            break;
        if (!blob && status == TROUPE_NOT_FOUND)
            return turn_record_note(call, TROUPE_OK, NULL, 0);
        if (blob)
            store_blob_put(batch, &at->place, blob, before.body);
        else
            store_blob_remove(batch, &at->place, before.body);
        status = turn_record_try(call, batch, NULL, 0, &err);
    }
    if (status == TROUPE_CONFLICT)
        status = error_set(&err, TROUPE_BUSY,
                           "blob \"%.80s\" is being changed by others; try again", at->place.key);
    if (status < 0) {
        host_blobs_failed(call->frame, status, &err);
        return turn_record_note(call, status, NULL, 0);
    }
    /* What is left of it where this fails is cleared with other leavings. */
    if (before.body)
        (void)store_blob_clear(store, &at->place, before.body, &err);
    return TROUPE_OK;
}

static troupe_status put_new(struct record_call *call, const struct host_blob *at, troupe_str data,
                             struct store_blob_head *blob)
{
    struct turn_frame *frame = call->frame;
    struct error err;
    troupe_status status = check_room(frame, at, data.len);

    if (status >= 0) {
        status = upload(frame->turn->engine->store, at, data, &blob->body, &err);
        if (status < 0)
            host_blobs_failed(frame, status, &err);
    }
    return status < 0 ? turn_record_note(call, status, NULL, 0) : change(call, at, blob);
}

/* What is a member's stays no longer than the owner wants it to. */
static uint64_t bounded(const struct turn_frame *frame, uint32_t scope, uint64_t ttl_ms)
{
    const struct config_section *section =
        config_section(frame->turn->set->config, "agent", frame->agent->name);
    const int64_t keep = config_ms(section, "keep");

    if (keep <= 0 || (scope != TROUPE_SCOPE_MEMBER && scope != TROUPE_SCOPE_SESSION &&
                      scope != TROUPE_SCOPE_HERE))
        return ttl_ms;
    return ttl_ms && ttl_ms < (uint64_t)keep ? ttl_ms : (uint64_t)keep;
}

static int64_t expiry(uint64_t ttl_ms)
{
    int64_t expires = 0;

    if (ttl_ms &&
        (ttl_ms > INT64_MAX || __builtin_add_overflow(clock_wall_ms(), (int64_t)ttl_ms, &expires)))
        expires = 0;
    return expires;
}

static troupe_status put(troupe_turn *turn, uint32_t scope, const char *key, const char *type,
                         troupe_str data, uint64_t ttl_ms)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct store_blob_head blob = {.size = data.len};
    struct record_call call = {0};
    struct host_blob at;
    struct error err;
    int64_t args;
    troupe_status status = host_blobs_begin(frame, scope, key, false, &at);

    if (status < 0)
        return status;
    if (!host_is_media_type((troupe_str){type, type ? strlen(type) : 0}))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "blobs.type",
                                "a blob's type is like \"image/png\", of at most %d bytes",
                                STORE_BLOB_TYPE_MAX);
    if ((status = host_bytes(frame, data.ptr, data.len, TROUPE_BLOBS_MAX, "a blob")) < 0)
        return status;
    snprintf(blob.type, sizeof(blob.type), "%s", type);
    status = host_digest(frame->turn->engine->options.pool, data.ptr, (size_t)data.len,
                         frame->turn->deadline, blob.sha256, &err);
    if (status < 0)
        return turn_frame_error(frame, status, "blobs.sum", "%s", err.text);
    args = turn_record_hash_text(host_blobs_hash(scope, key), type);
    args = turn_record_hash_text(turn_record_hash_int(args, (int64_t)ttl_ms), blob.sha256);
    status = turn_record_begin(&call, frame, "blobs.put", args);
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    blob.expires_ms = expiry(bounded(frame, scope, ttl_ms));
    return put_new(&call, &at, data, &blob);
}

static troupe_status take_out(troupe_turn *turn, uint32_t scope, const char *key)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct record_call call = {0};
    struct host_blob at;
    troupe_status status = host_blobs_begin(frame, scope, key, false, &at);

    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "blobs.remove", host_blobs_hash(scope, key));
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    return status < 0 ? status : change(&call, &at, NULL);
}

const troupe_blobs_v1 *host_blobs_table(void)
{
    static const troupe_blobs_v1 table = {.size = sizeof(table),
                                          .put = put,
                                          .get = host_blobs_get,
                                          .read = host_blobs_read,
                                          .info = host_blobs_info,
                                          .list = host_blobs_list,
                                          .remove = take_out};

    return &table;
}
