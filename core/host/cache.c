/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.cache/1". A key in the cache is a hash of scope and key, so that no member's id and no word
 * stands on a server that others look at. A cache that is away is one in which nothing is.
 */
#include "host/host_table.h"

#include "base/buf.h"
#include "base/text.h"
#include "store/cache.h"
#include "store/kv.h"
#include "turn/engine_private.h"
#include "turn/owner.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define KEY_MAX   200
#define VALUE_MAX (256u << 10)
#define LIFE_MAX  (UINT64_C(24) * 3600 * 1000)
#define NAME_SIZE 65 /* of a hash in hexadecimal */

static troupe_status name_of(struct turn_frame *frame, uint32_t scope, const char *key,
                             char ret[NAME_SIZE])
{
    size_t len = key ? strlen(key) : 0;
    unsigned char hash[EVP_MAX_MD_SIZE];
    char text[STORE_KV_SCOPE_MAX];
    _cleanup_buf_ struct buf whole = BUF_INIT;
    troupe_status status = host_need(frame, "cache");

    if (status < 0)
        return status;
    if (!len || len > KEY_MAX || !text_is_utf8(key, len))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "cache.key",
                                "a key has 1 to %d bytes of UTF-8", KEY_MAX);
    status = host_kv_scope(frame, scope, text, sizeof(text));
    if (status < 0)
        return status;
    buf_printf(&whole, "%s\n%s", text, key);
    if (EVP_Digest(whole.data, whole.len, hash, NULL, EVP_sha256(), NULL) != 1)
        return turn_frame_error(frame, TROUPE_FAILED, "cache.hash", "libcrypto has no SHA-256");
    for (size_t i = 0; i < (NAME_SIZE - 1) / 2; i++)
        snprintf(ret + 2 * i, 3, "%02x", hash[i]);
    return TROUPE_OK;
}

static bool is_away(troupe_status status)
{
    return status == TROUPE_UNAVAILABLE || status == TROUPE_BUSY || status == TROUPE_IO;
}

static troupe_status get(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct cache *cache = frame->turn->engine->cache;
    _cleanup_buf_ struct buf value = BUF_INIT;
    struct record_call call = {0};
    char name[NAME_SIZE];
    struct error err;
    troupe_status status = name_of(frame, scope, key, name);

    if (status == TROUPE_OK)
        status = turn_record_begin(
            &call, frame, "cache.get",
            turn_record_hash_text(turn_record_hash_int(RECORD_HASH_START, scope), key));
    if (status == RECORD_REPLAYED)
        return host_replay_text(&call, ret);
    if (status < 0)
        return status;
    status = cache ? cache_get(cache, frame->agent->name, name, 0, &value, &err) : TROUPE_NOT_FOUND;
    if (is_away(status))
        status = TROUPE_NOT_FOUND;
    else if (status < 0 && status != TROUPE_NOT_FOUND)
        turn_frame_error(frame, status, "cache.failed", "%s", err.text);
    status = turn_record_note(&call, status, buf_text(&value), status < 0 ? 0 : value.len);
    return status < 0 ? status : host_keep(frame, buf_text(&value), value.len, ret);
}

static troupe_status finish(struct turn_frame *frame, troupe_status status, const struct error *err)
{
    if (status >= 0 || is_away(status))
        return TROUPE_OK;
    return turn_frame_error(frame, status, "cache.failed", "%s", err->text);
}

static troupe_status put(troupe_turn *turn, uint32_t scope, const char *key, troupe_str value,
                         uint64_t life_ms)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct cache *cache = frame->turn->engine->cache;
    const char *member = frame->turn->event->member;
    char name[NAME_SIZE], owner[CACHE_OWNER + 1];
    struct error err;
    troupe_status status = name_of(frame, scope, key, name);

    if (status == TROUPE_OK)
        status = host_bytes(frame, value.ptr, value.len, VALUE_MAX, "a value");
    if (status < 0)
        return status;
    if (life_ms == 0 || life_ms > LIFE_MAX)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "cache.life",
                                "what is cached lives from a millisecond to a day");
    if (!cache)
        return TROUPE_OK;
    if (member && !turn_owner(member, owner))
        return turn_frame_error(frame, TROUPE_FAILED, "cache.hash", "libcrypto has no SHA-256");
    status = cache_set_of(cache, member ? owner : NULL, frame->agent->name, name, value.ptr,
                          (size_t)value.len, (int64_t)life_ms, 0, &err);
    return finish(frame, status, &err);
}

static troupe_status take_out(troupe_turn *turn, uint32_t scope, const char *key)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct cache *cache = frame->turn->engine->cache;
    char name[NAME_SIZE];
    struct error err;
    troupe_status status = name_of(frame, scope, key, name);

    if (status < 0 || !cache)
        return status;
    status = cache_remove(cache, frame->agent->name, name, 0, &err);
    return status == TROUPE_NOT_FOUND ? TROUPE_OK : finish(frame, status, &err);
}

const troupe_cache_v1 *host_cache_table(void)
{
    static const troupe_cache_v1 table = {
        .size = sizeof(table), .get = get, .put = put, .remove = take_out};

    return &table;
}
