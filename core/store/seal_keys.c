/* SPDX-License-Identifier: Apache-2.0 */
#include "store/seal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define DIGITS    ((size_t)SEAL_KEY_SIZE * 2)
#define SEPARATED " ,\t\r\n"

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* By a hash under the key itself: it tells nothing about the key, and nobody can choose it. */
static troupe_status name_key(struct seal_key *key, struct error *err)
{
    static const unsigned char what[] = "troupe key id";
    unsigned char hash[EVP_MAX_MD_SIZE];

    if (!HMAC(EVP_sha256(), key->bytes, SEAL_KEY_SIZE, what, sizeof(what) - 1, hash, NULL))
        return error_set(err, TROUPE_FAILED, "libcrypto has no HMAC-SHA256");
    snprintf(key->id, sizeof(key->id), "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
    return TROUPE_OK;
}

static troupe_status add(struct seal_keys *keys, const char *text, size_t len, const char *what,
                         struct error *err)
{
    struct seal_key *key = &keys->keys[keys->count];

    if (keys->count == SEAL_KEYS_MAX)
        return error_set(err, TROUPE_ARGUMENT, "more than %d keys: take away those not needed",
                         SEAL_KEYS_MAX);
    for (size_t i = 0; i < DIGITS; i++) {
        int value = i < len ? digit(text[i]) : -1;

        if (value < 0 || len != DIGITS)
            return error_set(err, TROUPE_ARGUMENT,
                             "%s is not a key of %zu hexadecimal digits: make one with \"openssl "
                             "rand -hex %d\"",
                             what, DIGITS, SEAL_KEY_SIZE);
        key->bytes[i / 2] = (unsigned char)(key->bytes[i / 2] << 4 | value);
    }
    keys->count++;
    return name_key(key, err);
}

troupe_status seal_keys_parse(const char *key, const char *old, struct seal_keys *ret,
                              struct error *err)
{
    struct seal_keys keys = {.count = 0};
    troupe_status status = TROUPE_OK;

    key = key ? key + strspn(key, SEPARATED) : "";
    if (*key) {
        status = add(&keys, key, strcspn(key, SEPARATED), "encrypt_key", err);
        keys.writes = true;
    }
    for (old = old ? old : ""; status >= 0 && *(old += strspn(old, SEPARATED));) {
        size_t len = strcspn(old, SEPARATED);

        status = add(&keys, old, len, "one of encrypt_old_keys", err);
        old += len;
    }
    if (status >= 0)
        *ret = keys;
    seal_keys_clear(&keys);
    return status;
}

void seal_keys_clear(struct seal_keys *keys)
{
    explicit_bzero(keys, sizeof(*keys));
}

const struct seal_key *seal_keys_find(const struct seal_keys *keys, const char *id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->keys[i].id, id, SEAL_KEY_ID_SIZE - 1) == 0)
            return &keys->keys[i];
    return NULL;
}

troupe_status seal_keys_check(const struct seal_keys *keys, const struct store_rows *used,
                              bool unfinished, struct error *err)
{
    for (size_t i = 0; i < used->count; i++) {
        const struct store_value *id = store_cell(used, i, 0);

        if (id->type == STORE_TEXT && !strcmp(id->data, SEAL_UNFINISHED)) {
            if (unfinished)
                continue;
            return error_set(err, TROUPE_DATA,
                             "troupe migrate did not fill the database to its end: run it again");
        }
        if (id->type != STORE_TEXT || id->len != SEAL_KEY_ID_SIZE - 1 ||
            !seal_keys_find(keys, id->data))
            return error_set(
                err, TROUPE_ARGUMENT,
                keys->count ? "the database is encrypted with another key, whose id is %.8s: give "
                              "that as encrypt_key in [store], or add it to encrypt_old_keys"
                            : "the database is encrypted, with the key whose id is %.8s: give it "
                              "as encrypt_key in [store]",
                id->type == STORE_TEXT ? id->data : "?");
    }
    return TROUPE_OK;
}
