/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/kv.h - "troupe.kv/1": small values by key, in the agent's own namespace and in a scope that
 * the host fills in from the turn. Capability "kv". Keys: 1 to 200 bytes of UTF-8. Values: at most
 * 256 kB. Beside the codes that are named, every call fails with TROUPE_ARGUMENT for another key,
 * TROUPE_DENIED without the capability, and TROUPE_UNAVAILABLE while the storage
 * is away.
 *
 *     troupe_str before;
 *     troupe_status status = troupe_kv_get(turn, TROUPE_SCOPE_MEMBER, "won", &before);
 *
 *     if (status == TROUPE_NOT_FOUND)
 *         status = troupe_kv_put(turn, TROUPE_SCOPE_MEMBER, "won", (troupe_str){"1", 1}, 0);
 */
#ifndef TROUPE_KV_H
#define TROUPE_KV_H

#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_KV "troupe.kv/1"

/* Whose value it is; everything narrower includes the account. A turn without the part asked for (no
 * guild in a direct message) gets TROUPE_UNSUPPORTED. */
#define TROUPE_SCOPE_AGENT   0u /* one for the agent                                   */
#define TROUPE_SCOPE_GUILD   1u
#define TROUPE_SCOPE_CHANNEL 2u
#define TROUPE_SCOPE_MEMBER  3u /* of this member, in every guild and direct message   */
#define TROUPE_SCOPE_SESSION 4u /* of this member in this channel                      */
/* Of this member in this guild, or in their direct messages: what was said there is not read in a guild, nor
 * one guild's in another. For what should not surface elsewhere. */
#define TROUPE_SCOPE_HERE 5u

typedef struct troupe_kv_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Reads a value; TROUPE_NOT_FOUND when there is none or it expired. Noted. [turn, waits] */
    troupe_status (*get)(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret);
    /* Writes it; `ttl_ms` 0: for good. TROUPE_LIMIT for a longer value. Stored.
     * [turn, waits] */
    troupe_status (*put)(troupe_turn *turn, uint32_t scope, const char *key, troupe_str value,
                         uint64_t ttl_ms);
    /* Takes it away; TROUPE_OK also when there was none. Fails as put does. Stored. [turn, waits] */
    troupe_status (*remove)(troupe_turn *turn, uint32_t scope, const char *key);
} troupe_kv_v1;

static inline troupe_status troupe_kv_get(troupe_turn *turn, uint32_t scope, const char *key,
                                          troupe_str *ret)
{
    const troupe_kv_v1 *kv = (const troupe_kv_v1 *)troupe_get_extension(turn, TROUPE_KV);

    return kv ? kv->get(turn, scope, key, ret) : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_kv_put(troupe_turn *turn, uint32_t scope, const char *key,
                                          troupe_str value, uint64_t ttl_ms)
{
    const troupe_kv_v1 *kv = (const troupe_kv_v1 *)troupe_get_extension(turn, TROUPE_KV);

    return kv ? kv->put(turn, scope, key, value, ttl_ms) : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_kv_remove(troupe_turn *turn, uint32_t scope, const char *key)
{
    const troupe_kv_v1 *kv = (const troupe_kv_v1 *)troupe_get_extension(turn, TROUPE_KV);

    return kv ? kv->remove(turn, scope, key) : TROUPE_UNSUPPORTED;
}

#endif
