/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/member_hash.h"

#include "store/kv.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define SPACE "core"
#define KEY   "log.member_key"

static troupe_status read_key(struct store *store, uint64_t deadline, struct ops_member_key *ret,
                              struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_kv_get(store, SPACE, "", KEY, deadline, &rows, err);
    const struct store_value *value;

    if (status < 0)
        return status;
    value = store_cell(rows, 0, 0);
    if (value->len != sizeof(ret->bytes))
        return error_set(err, TROUPE_DATA, "the key that hides members in the log is damaged");
    memcpy(ret->bytes, value->data, value->len);
    return TROUPE_OK;
}

troupe_status ops_member_key(struct store *store, uint64_t deadline, struct ops_member_key *ret,
                             struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct ops_member_key made;
    troupe_status status = read_key(store, deadline, ret, err);

    if (status != TROUPE_NOT_FOUND)
        return status;
    if (RAND_bytes(made.bytes, sizeof(made.bytes)) != 1)
        return error_set(err, TROUPE_IO, "there is no randomness for the log's key");
    batch = store_batch_new();
    store_kv_put_if(batch, SPACE, "", KEY, made.bytes, sizeof(made.bytes), 0, 0);
    status = store_commit(store, batch, deadline, err);
    if (status == TROUPE_CONFLICT) /* somebody was faster */
        return read_key(store, deadline, ret, err);
    if (status == TROUPE_OK)
        *ret = made;
    return status;
}

void ops_member_hash(const struct ops_member_key *key, const char *source, const char *member,
                     char ret[OPS_MEMBER_HASH_SIZE])
{
    unsigned char text[512], digest[SHA256_DIGEST_LENGTH];
    const size_t space = sizeof(text) - sizeof(key->bytes);
    int used;

    ret[0] = '\0';
    if (!member)
        return;
    /* The key in front is enough: only a quarter of the digest is shown, so nothing can be told from
     * it about a longer text. */
    memcpy(text, key->bytes, sizeof(key->bytes));
    used = snprintf((char *)text + sizeof(key->bytes), space, "%s%c%s", source, '\0', member);
    if (used >= 0 && (size_t)used < space) {
        SHA256(text, sizeof(key->bytes) + (size_t)used, digest);
        for (size_t i = 0; i < OPS_MEMBER_HASH_SIZE - 1; i++)
            ret[i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
        ret[OPS_MEMBER_HASH_SIZE - 1] = '\0';
    }
    explicit_bzero(text, sizeof(text));
}
