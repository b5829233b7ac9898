/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/member_hash.h"

#include "store/kv.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define SPACE "core"
#define KEY   "log.member_key"

void ops_member_key_init(struct ops_member_key *key, const unsigned char bytes[OPS_MEMBER_KEY_SIZE])
{
    memcpy(key->bytes, bytes, sizeof(key->bytes));
    key->digest = EVP_MD_CTX_new();
    if (key->digest && EVP_DigestInit_ex(key->digest, EVP_sha256(), NULL) == 1)
        return;
    EVP_MD_CTX_free(key->digest);
    key->digest = NULL;
}

void ops_member_key_clear(struct ops_member_key *key)
{
    EVP_MD_CTX_free(key->digest);
    key->digest = NULL;
    explicit_bzero(key->bytes, sizeof(key->bytes));
}

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
    ops_member_key_init(ret, (const unsigned char *)value->data);
    return TROUPE_OK;
}

troupe_status ops_member_key(struct store *store, uint64_t deadline, struct ops_member_key *ret,
                             struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    unsigned char made[OPS_MEMBER_KEY_SIZE];
    troupe_status status = read_key(store, deadline, ret, err);

    if (status != TROUPE_NOT_FOUND)
        return status;
    if (RAND_bytes(made, sizeof(made)) != 1)
        return error_set(err, TROUPE_IO, "there is no randomness for the log's key");
    batch = store_batch_new();
    store_kv_put_if(batch, SPACE, "", KEY, made, sizeof(made), 0, 0);
    status = store_commit(store, batch, deadline, err);
    if (status == TROUPE_CONFLICT) /* somebody was faster */
        return read_key(store, deadline, ret, err);
    if (status == TROUPE_OK)
        ops_member_key_init(ret, made);
    explicit_bzero(made, sizeof(made));
    return status;
}

void ops_member_hash(const struct ops_member_key *key, const char *source, const char *member,
                     char ret[OPS_MEMBER_HASH_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    ret[0] = '\0';
    if (!member || !key->digest)
        return;
    /* The key in front is enough: only a quarter of the digest is shown, so nothing can be told from
     * it about a longer text. */
    if (EVP_DigestInit_ex(key->digest, NULL, NULL) == 1 &&
        EVP_DigestUpdate(key->digest, key->bytes, sizeof(key->bytes)) == 1 &&
        EVP_DigestUpdate(key->digest, source, strlen(source) + 1) == 1 &&
        EVP_DigestUpdate(key->digest, member, strlen(member)) == 1 &&
        EVP_DigestFinal_ex(key->digest, digest, NULL) == 1) {
        for (size_t i = 0; i < OPS_MEMBER_HASH_SIZE - 1; i++)
            ret[i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
        ret[OPS_MEMBER_HASH_SIZE - 1] = '\0';
    }
}
