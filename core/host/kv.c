/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.kv/1". The scope's text is composed here from the turn's event; a plugin only says how
 * narrow it wants it.
 */
#include "host/host_table.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/kv.h"
#include "turn/engine_private.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX   200
#define VALUE_MAX (256u << 10)

troupe_status host_kv_scope(struct turn_frame *frame, uint32_t scope, char *out, size_t size)
{
    const struct event *event = frame->turn->event;
    const char *account = event->account ? event->account : "0";
    bool missing = false;
    int n = 0;

    switch (scope) {
    case TROUPE_SCOPE_AGENT: n = snprintf(out, size, "agent"); break;
    case TROUPE_SCOPE_GUILD:
        missing = !event->guild;
        n = snprintf(out, size, "%s/guild/%s", account, event->guild ? event->guild : "");
        break;
    case TROUPE_SCOPE_CHANNEL:
        missing = !event->channel;
        n = snprintf(out, size, "%s/channel/%s", account, event->channel ? event->channel : "");
        break;
    case TROUPE_SCOPE_MEMBER:
        missing = !event->member;
        n = snprintf(out, size, "%s/member/%s", account, event->member ? event->member : "");
        break;
    case TROUPE_SCOPE_SESSION:
        missing = !event->member || !event->channel;
        n = snprintf(out, size, "%s/session/%s/%s", account, event->channel ? event->channel : "",
                     event->member ? event->member : "");
        break;
    case TROUPE_SCOPE_HERE: /* ends like MEMBER: whoever deletes a member's data finds both by that */
        missing = !event->member;
        n = snprintf(out, size, "%s/place/%s/member/%s", account,
                     event->guild ? event->guild : "direct", event->member ? event->member : "");
        break;
    default: return turn_frame_error(frame, TROUPE_ARGUMENT, "kv.scope", "unknown scope %u", scope);
    }
    if (missing)
        return turn_frame_error(frame, TROUPE_UNSUPPORTED, "kv.scope",
                                "this turn has no such scope");
    return n > 0 && (size_t)n < size ? TROUPE_OK : TROUPE_LIMIT;
}

static troupe_status begin(struct turn_frame *frame, uint32_t scope, const char *key, char *out,
                           size_t size)
{
    size_t len = key ? strlen(key) : 0;
    troupe_status status = host_need(frame, "kv");

    if (status < 0)
        return status;
    if (!len || len > KEY_MAX || !text_is_utf8(key, len))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "kv.key",
                                "a key has 1 to %d bytes of UTF-8", KEY_MAX);
    return host_kv_scope(frame, scope, out, size);
}

static int64_t hash(uint32_t scope, const char *key)
{
    return turn_record_hash_text(turn_record_hash_int(RECORD_HASH_START, scope), key);
}

static troupe_status get(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_value *value;
    struct record_call call = {0};
    struct error err;
    char text[STORE_KV_SCOPE_MAX];
    troupe_status status = begin(frame, scope, key, text, sizeof(text));

    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "kv.get", hash(scope, key));
    if (status == RECORD_REPLAYED)
        return host_replay_text(&call, ret);
    if (status < 0)
        return status;
    status =
        store_kv_get(frame->turn->engine->store, frame->agent->name, text, key, 0, &rows, &err);
    if (status < 0 && status != TROUPE_NOT_FOUND)
        turn_frame_error(frame, status, "kv.storage", "%s", err.text);
    value = store_cell(rows, 0, 0);
    status = turn_record_note(&call, status, value->data, status < 0 ? 0 : value->len);
    return status < 0 ? status : host_keep(frame, value->data ? value->data : "", value->len, ret);
}

static troupe_status put(troupe_turn *turn, uint32_t scope, const char *key, troupe_str value,
                         uint64_t ttl_ms)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct record_call call = {0};
    int64_t expires = 0, args;
    char text[STORE_KV_SCOPE_MAX];
    troupe_status status = begin(frame, scope, key, text, sizeof(text));

    if (status == TROUPE_OK)
        status = host_bytes(frame, value.ptr, value.len, VALUE_MAX, "a value");
    if (status < 0)
        return status;
    if (ttl_ms &&
        (ttl_ms > INT64_MAX || __builtin_add_overflow(clock_wall_ms(), (int64_t)ttl_ms, &expires)))
        expires = 0;
    args = turn_record_hash(hash(scope, key), value.ptr, (size_t)value.len);
    args = turn_record_hash_int(args, (int64_t)ttl_ms);
    if (frame->batch) {
        store_kv_put(frame->batch, frame->agent->name, text, key, value.ptr, (size_t)value.len,
                     expires);
        frame->batch_hash = turn_record_hash_int(frame->batch_hash, args);
        return TROUPE_OK;
    }
    status = turn_record_begin(&call, frame, "kv.put", args);
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    batch = store_batch_new();
    store_kv_put(batch, frame->agent->name, text, key, value.ptr, (size_t)value.len, expires);
    return turn_record_commit(&call, batch, "kv.storage", NULL, 0);
}

static troupe_status take_out(troupe_turn *turn, uint32_t scope, const char *key)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct record_call call = {0};
    char text[STORE_KV_SCOPE_MAX];
    troupe_status status = begin(frame, scope, key, text, sizeof(text));

    if (status == TROUPE_OK && frame->batch) {
        store_kv_delete(frame->batch, frame->agent->name, text, key);
        frame->batch_hash = turn_record_hash_int(frame->batch_hash, hash(scope, key));
        return TROUPE_OK;
    }
    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "kv.remove", hash(scope, key));
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    batch = store_batch_new();
    store_kv_delete(batch, frame->agent->name, text, key);
    return turn_record_commit(&call, batch, "kv.storage", NULL, 0);
}

const troupe_kv_v1 *host_kv_table(void)
{
    static const troupe_kv_v1 table = {
        .size = sizeof(table), .get = get, .put = put, .remove = take_out};

    return &table;
}
