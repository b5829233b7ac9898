/* SPDX-License-Identifier: Apache-2.0 */
#include "host/digest.h"

#include "base/mem.h"
#include "loop/pool.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define AT_ONCE (64u << 10)
#define PORTION (1u << 20)

/* Whoever waits may be called off while a thread is at work, so the bytes are copied and both have a hold. */
struct digest {
    unsigned refs;
    EVP_MD_CTX *ctx;
    char *data;
    size_t len;
};

static void digest_unref(void *arg)
{
    struct digest *digest = arg;

    if (--digest->refs)
        return;
    EVP_MD_CTX_free(digest->ctx);
    mem_free(digest->data);
    mem_free(digest);
}

static troupe_status add(void *arg)
{
    struct digest *digest = arg;

    return EVP_DigestUpdate(digest->ctx, digest->data, digest->len) == 1 ? TROUPE_OK
                                                                         : TROUPE_FAILED;
}

static troupe_status add_all(struct digest *digest, struct pool *pool, const char *data, size_t len,
                             uint64_t deadline)
{
    troupe_status status = TROUPE_OK;

    digest->data = mem_alloc(len < PORTION ? len : PORTION);
    for (size_t at = 0; status >= 0 && at < len; at += digest->len) {
        digest->len = len - at < PORTION ? len - at : PORTION;
        memcpy(digest->data, data + at, digest->len);
        digest->refs++;
        status = pool_run(pool, add, digest, digest_unref, deadline);
    }
    return status;
}

troupe_status host_digest(struct pool *pool, const void *data, size_t len, uint64_t deadline,
                          char ret[HOST_DIGEST + 1], struct error *err)
{
    struct digest *digest = mem_zero(1, sizeof(*digest));
    unsigned char hash[EVP_MAX_MD_SIZE];
    troupe_status status = TROUPE_OK;

    digest->refs = 1;
    digest->ctx = EVP_MD_CTX_new();
    if (!digest->ctx || EVP_DigestInit_ex(digest->ctx, EVP_sha256(), NULL) != 1 ||
        (len && len <= AT_ONCE && EVP_DigestUpdate(digest->ctx, data, len) != 1))
        status = TROUPE_FAILED;
    else if (len > AT_ONCE)
        status = add_all(digest, pool, data, len, deadline);
    if (status >= 0 && EVP_DigestFinal_ex(digest->ctx, hash, NULL) != 1)
        status = TROUPE_FAILED;
    digest_unref(digest);
    if (status == TROUPE_BUSY)
        return error_set(err, status, "too much work waits for a thread; try again later");
    if (status < 0)
        return error_set(err, status, "no sum of the bytes came about");
    for (size_t i = 0; i < HOST_DIGEST / 2; i++)
        snprintf(ret + 2 * i, 3, "%02x", hash[i]);
    return TROUPE_OK;
}
