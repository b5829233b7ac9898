/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/blobs.h - "troupe.blobs/1": large values by key (pictures, documents, recordings), in the agent's own
 * namespace and in a scope that the host fills in from the turn (TROUPE_SCOPE_MEMBER and its like). Capability
 * "blobs". What is small and often read is better off with troupe/kv.h. What belongs to a member goes
 * when they delete their data, like values of troupe/kv.h.
 *
 *     troupe_str picture;
 *     troupe_status status =
 *         troupe_blobs_put(turn, TROUPE_SCOPE_MEMBER, "cat.png", "image/png", bytes, 30 * 86400000ull);
 *
 *     if (status == TROUPE_OK)
 *         status = troupe_blobs_get(turn, TROUPE_SCOPE_MEMBER, "cat.png", &picture);
 *
 * Bounds: 32 MB of a blob, 10,000 blobs of an agent in a scope; bytes of an agent in a scope and in all are
 * bounded by the owner ([store] scope_blobs, 256 MB, and agent_blobs, 1 GB). Bytes are kept in pieces, encrypted
 * where the owner encrypts, and no key leads to them before the last piece is there: a blob is there whole or not
 * at all, through crashes, too. Beside the codes that are named, every call fails with TROUPE_ARGUMENT for a
 * key that has not 1 to 200 bytes of UTF-8, TROUPE_DENIED without the capability, TROUPE_UNSUPPORTED in a turn
 * without the scope asked for (no guild in a direct message) and in a batch, and TROUPE_UNAVAILABLE
 * while the storage is away.
 */
#ifndef TROUPE_BLOBS_H
#define TROUPE_BLOBS_H

#include <troupe/kv.h>
#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_BLOBS          "troupe.blobs/1"

#define TROUPE_BLOBS_MAX      (32u << 20) /* bytes of one                      */
#define TROUPE_BLOBS_READ_MAX (1u << 20)  /* bytes that `read` gives at once   */
#define TROUPE_BLOBS_LIST_MAX 100u        /* that `list` gives at once         */

/* What is known of a blob beside its bytes. Times are wall-clock milliseconds. The caller of `info` says its size,
 * sizeof(troupe_blob); a list is walked by its stride. */
typedef struct troupe_blob {
    uint32_t size;
    uint32_t reserved;
    troupe_str key;
    troupe_str type;    /* media type */
    troupe_str sha256;  /* of the bytes, 64 hexadecimal digits */
    uint64_t bytes;     /* how many */
    int64_t created_ms; /* when the key got its first blob */
    int64_t changed_ms; /* when it got this one */
    int64_t expires_ms; /* 0: it stays */
} troupe_blob;

/* The extension's table. */
typedef struct troupe_blobs_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Puts bytes under a key of the scope, in place of what is there. `type` is a media type without parameters, as
     * "image/png"; `ttl_ms` 0: for good, or in a member's scopes as long as the owner
     * wants ([agent NAME] keep), which also shortens it. TROUPE_ARGUMENT for another type; TROUPE_LIMIT for more bytes than
     * TROUPE_BLOBS_MAX, or where the scope or the agent is full; TROUPE_BUSY where others keep
     * putting under the same key. Stored. [turn, waits] */
    troupe_status (*put)(troupe_turn *turn, uint32_t scope, const char *key, const char *type,
                         troupe_str data, uint64_t ttl_ms);
    /* All bytes, valid until the stage or function ends, which may hold 64 MB of such. TROUPE_NOT_FOUND where there
     * is none or it expired; TROUPE_LIMIT beyond that. Of more than 64 kB the record keeps a hash: a stage that
     * runs again gets what is there then. Noted. [turn, waits] */
    troupe_status (*get)(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret);
    /* Bytes from `offset` on into `buf`, `len` of them or as many as there are; how many goes into `ret_len`, 0 behind
     * the end. So a large blob need not be in memory whole; whether it was replaced between two reads tells
     * `sha256`. TROUPE_ARGUMENT for a `len` of 0 or above TROUPE_BLOBS_READ_MAX; else as get. Noted,
     * likewise. [turn, waits] */
    troupe_status (*read)(troupe_turn *turn, uint32_t scope, const char *key, uint64_t offset,
                          void *buf, uint64_t len, uint64_t *ret_len);
    /* What is known of it; its texts are valid until the stage or function ends. TROUPE_NOT_FOUND as above.
     * Noted. [turn, waits] */
    troupe_status (*info)(troupe_turn *turn, uint32_t scope, const char *key, troupe_blob *ret);
    /* Those whose keys begin with `prefix` ("" or NULL: all) and come after the key `after` ("" or NULL: from the
     * first on), by key in byte order: troupe_blob, at most `most`, 1 to TROUPE_BLOBS_LIST_MAX, valid until the
     * stage or function ends. TROUPE_ARGUMENT for another number. Noted. [turn, waits] */
    troupe_status (*list)(troupe_turn *turn, uint32_t scope, const char *prefix, const char *after,
                          uint32_t most, troupe_array *ret);
    /* Takes it away; TROUPE_OK also when there was none, TROUPE_BUSY as put. Stored. [turn, waits] */
    troupe_status (*remove)(troupe_turn *turn, uint32_t scope, const char *key);
} troupe_blobs_v1;

/* The table of this host, or NULL. Not recorded. No errors. [turn] */
static inline const troupe_blobs_v1 *troupe_blobs(troupe_turn *turn)
{
    return (const troupe_blobs_v1 *)troupe_get_extension(turn, TROUPE_BLOBS);
}

/* As `put` of the table; TROUPE_UNSUPPORTED under a host without blobs. Stored. [turn, waits] */
static inline troupe_status troupe_blobs_put(troupe_turn *turn, uint32_t scope, const char *key,
                                             const char *type, troupe_str data, uint64_t ttl_ms)
{
    const troupe_blobs_v1 *blobs = troupe_blobs(turn);

    return blobs ? blobs->put(turn, scope, key, type, data, ttl_ms) : TROUPE_UNSUPPORTED;
}

/* As `get` of the table; TROUPE_UNSUPPORTED under a host without blobs. Noted. [turn, waits] */
static inline troupe_status troupe_blobs_get(troupe_turn *turn, uint32_t scope, const char *key,
                                             troupe_str *ret)
{
    const troupe_blobs_v1 *blobs = troupe_blobs(turn);

    return blobs ? blobs->get(turn, scope, key, ret) : TROUPE_UNSUPPORTED;
}

/* As `read` of the table; TROUPE_UNSUPPORTED under a host without blobs. Noted. [turn, waits] */
static inline troupe_status troupe_blobs_read(troupe_turn *turn, uint32_t scope, const char *key,
                                              uint64_t offset, void *buf, uint64_t len,
                                              uint64_t *ret_len)
{
    const troupe_blobs_v1 *blobs = troupe_blobs(turn);

    return blobs ? blobs->read(turn, scope, key, offset, buf, len, ret_len) : TROUPE_UNSUPPORTED;
}

/* As `info` of the table; TROUPE_UNSUPPORTED under a host without blobs. Noted. [turn, waits] */
static inline troupe_status troupe_blobs_info(troupe_turn *turn, uint32_t scope, const char *key,
                                              troupe_blob *ret)
{
    const troupe_blobs_v1 *blobs = troupe_blobs(turn);

    return blobs ? blobs->info(turn, scope, key, ret) : TROUPE_UNSUPPORTED;
}

/* As `list` of the table; TROUPE_UNSUPPORTED under a host without blobs. Noted. [turn, waits] */
static inline troupe_status troupe_blobs_list(troupe_turn *turn, uint32_t scope, const char *prefix,
                                              const char *after, uint32_t most, troupe_array *ret)
{
    const troupe_blobs_v1 *blobs = troupe_blobs(turn);

    return blobs ? blobs->list(turn, scope, prefix, after, most, ret) : TROUPE_UNSUPPORTED;
}

/* As `remove` of the table; TROUPE_UNSUPPORTED under a host without blobs. Stored. [turn, waits] */
static inline troupe_status troupe_blobs_remove(troupe_turn *turn, uint32_t scope, const char *key)
{
    const troupe_blobs_v1 *blobs = troupe_blobs(turn);

    return blobs ? blobs->remove(turn, scope, key) : TROUPE_UNSUPPORTED;
}

#endif
