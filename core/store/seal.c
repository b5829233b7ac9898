/* SPDX-License-Identifier: Apache-2.0
 *
 * A sealed value: "~seal1:", the key's id and ":", then salt, counter, what is encrypted and the tag;
 * the latter as base64 in a text.
 */
#include "store/seal.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"

#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define MAGIC     "~seal1:"
#define MAGIC_LEN (sizeof(MAGIC) - 1)

enum {
    SALT = 16,
    COUNTER = 8,
    HEAD = SALT + COUNTER,
    TAG = 16,
    NONCE = 12,
    KNOWN = 8, /* derived keys that are kept: of the connections that wrote what is read */
};

#define COUNT_MAX (UINT64_C(1) << 32) /* values under one salt */

/* A key derived from one of the ring's by a salt. */
struct derived {
    char id[SEAL_KEY_ID_SIZE];
    unsigned char salt[SALT];
    EVP_CIPHER_CTX *ctx;
};

struct seal {
    struct seal_keys keys;
    struct derived out;
    uint64_t count; /* values that `out` sealed */
    struct derived known[KNOWN];
    size_t next;
    struct buf identity;
    struct arena arena;
};

/* ---- keys ----------------------------------------------------------------------------------- */

static troupe_status failed(struct error *err, const char *what)
{
    return error_set(err, TROUPE_FAILED, "libcrypto cannot %s", what);
}

static troupe_status derive(const struct seal_key *key, const unsigned char salt[SALT],
                            bool encrypts, struct derived *ret, struct error *err)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    bool done;

    memcpy(ret->id, key->id, sizeof(ret->id));
    memcpy(ret->salt, salt, SALT);
    if (!ret->ctx)
        ret->ctx = EVP_CIPHER_CTX_new();
    done = ret->ctx && HMAC(EVP_sha256(), key->bytes, SEAL_KEY_SIZE, salt, SALT, bytes, NULL) &&
           EVP_CipherInit_ex(ret->ctx, EVP_aes_256_gcm(), NULL, bytes, NULL, encrypts) == 1;
    explicit_bzero(bytes, sizeof(bytes));
    return done ? TROUPE_OK : failed(err, "use AES-256-GCM");
}

static troupe_status renew(struct seal *seal, struct error *err)
{
    unsigned char salt[SALT];

    seal->count = 0;
    if (RAND_bytes(salt, SALT) != 1)
        return failed(err, "give random numbers");
    return derive(&seal->keys.keys[0], salt, true, &seal->out, err);
}

static troupe_status derived_for(struct seal *seal, const struct seal_key *key,
                                 const unsigned char salt[SALT], struct derived **ret,
                                 struct error *err)
{
    for (size_t i = 0; i < KNOWN; i++) {
        struct derived *known = &seal->known[i];

        if (known->ctx && memcmp(known->salt, salt, SALT) == 0 &&
            memcmp(known->id, key->id, SEAL_KEY_ID_SIZE) == 0) {
            *ret = known;
            return TROUPE_OK;
        }
    }
    *ret = &seal->known[seal->next];
    seal->next = (seal->next + 1) % KNOWN;
    return derive(key, salt, false, *ret, err);
}

troupe_status seal_new(const struct seal_keys *keys, struct seal **ret, struct error *err)
{
    struct seal *seal;
    troupe_status status;

    *ret = NULL;
    if (!keys->count)
        return TROUPE_OK;
    seal = mem_zero(1, sizeof(*seal));
    seal->keys = *keys;
    status = keys->writes ? renew(seal, err) : TROUPE_OK;
    if (status < 0)
        seal_free(seal);
    else
        *ret = seal;
    return status;
}

void seal_free(struct seal *seal)
{
    if (!seal)
        return;
    EVP_CIPHER_CTX_free(seal->out.ctx); /* overwrites its key */
    for (size_t i = 0; i < KNOWN; i++)
        EVP_CIPHER_CTX_free(seal->known[i].ctx);
    buf_clear(&seal->identity);
    arena_clear(&seal->arena);
    seal_keys_clear(&seal->keys);
    mem_free(seal);
}

void seal_reset(struct seal *seal)
{
    if (seal->arena.used)
        arena_clear(&seal->arena);
}

/* ---- what is authenticated with a value ------------------------------------------------------ */

static void put_part(struct buf *out, const char *data, size_t len)
{
    uint32_t size = (uint32_t)len;
    unsigned char head[4] = {(unsigned char)(size >> 24), (unsigned char)(size >> 16),
                             (unsigned char)(size >> 8), (unsigned char)size};

    (void)buf_append(out, head, sizeof(head));
    (void)buf_append(out, data, len);
}

/* Numbers as text, since one database has for a number what the other has for a text; a NULL is as
 * good as an empty text. */
static void put_identity(struct seal *seal, const struct seal_place *place, enum store_type type)
{
    struct buf *out = &seal->identity;

    buf_reset(out);
    put_part(out, type == STORE_TEXT ? "t" : "b", 1);
    put_part(out, place->ns ? place->ns : "core", strlen(place->ns ? place->ns : "core"));
    put_part(out, place->place, strlen(place->place));
    for (size_t i = 0; i < place->identity_count; i++) {
        const struct store_value *value = &place->identity[i];
        char number[32];

        switch (value->type) {
        case STORE_TEXT:
        case STORE_BLOB: put_part(out, value->data ? value->data : "", value->len); break;
        case STORE_INT:
            put_part(out, number,
                     (size_t)snprintf(number, sizeof(number), "%" PRId64, value->integer));
            break;
        case STORE_DOUBLE:
            put_part(out, number, (size_t)snprintf(number, sizeof(number), "%.17g", value->real));
            break;
        case STORE_NULL:
        case STORE_ROWID: put_part(out, "", 0); break;
        }
    }
}

static void put_counter(unsigned char *at, uint64_t count)
{
    for (int i = 0; i < COUNTER; i++)
        at[i] = (unsigned char)(count >> (8 * (COUNTER - 1 - i)));
}

static bool start(const struct seal *seal, EVP_CIPHER_CTX *ctx, const unsigned char *counter)
{
    unsigned char nonce[NONCE] = {0};
    int len = 0;

    memcpy(nonce + NONCE - COUNTER, counter, COUNTER);
    return EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &len, (const unsigned char *)buf_text(&seal->identity),
                            (int)seal->identity.len) == 1;
}

/* ---- values ---------------------------------------------------------------------------------- */

bool seal_is(const struct store_value *value, char ret_id[SEAL_KEY_ID_SIZE])
{
    if ((value->type != STORE_TEXT && value->type != STORE_BLOB) || !value->data ||
        value->len <= SEAL_PREFIX_SIZE || memcmp(value->data, MAGIC, MAGIC_LEN) != 0 ||
        value->data[SEAL_PREFIX_SIZE - 1] != ':')
        return false;
    if (ret_id) {
        memcpy(ret_id, value->data + MAGIC_LEN, SEAL_KEY_ID_SIZE - 1);
        ret_id[SEAL_KEY_ID_SIZE - 1] = '\0';
    }
    return true;
}

troupe_status seal_value(struct seal *seal, const struct seal_place *place,
                         const struct store_value *plain, struct store_value *ret,
                         struct error *err)
{
    size_t whole = HEAD + plain->len + TAG, len;
    unsigned char *raw, *shown;
    int done = 0, rest = 0;
    troupe_status status = TROUPE_OK;

    *ret = *plain;
    if (!seal->keys.writes || (plain->type != STORE_TEXT && plain->type != STORE_BLOB) ||
        !plain->len)
        return TROUPE_OK;
    if (plain->len > INT_MAX / 2)
        return error_set(err, TROUPE_LIMIT, "%zu bytes are too many to encrypt", plain->len);
    if (seal->count >= COUNT_MAX)
        status = renew(seal, err);
    if (status < 0)
        return status;
    len = plain->type == STORE_TEXT ? (whole + 2) / 3 * 4 : whole;
    shown = arena_alloc(&seal->arena, SEAL_PREFIX_SIZE + len + 1);
    raw = plain->type == STORE_TEXT ? arena_alloc(&seal->arena, whole) : shown + SEAL_PREFIX_SIZE;
    memcpy(shown, MAGIC, MAGIC_LEN);
    memcpy(shown + MAGIC_LEN, seal->out.id, SEAL_KEY_ID_SIZE - 1);
    shown[SEAL_PREFIX_SIZE - 1] = ':';
    memcpy(raw, seal->out.salt, SALT);
    put_counter(raw + SALT, seal->count++);
    put_identity(seal, place, plain->type);
    if (!start(seal, seal->out.ctx, raw + SALT) ||
        EVP_EncryptUpdate(seal->out.ctx, raw + HEAD, &done, (const unsigned char *)plain->data,
                          (int)plain->len) != 1 ||
        EVP_EncryptFinal_ex(seal->out.ctx, raw + HEAD + done, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(seal->out.ctx, EVP_CTRL_GCM_GET_TAG, TAG, raw + HEAD + plain->len) != 1)
        return failed(err, "encrypt");
    if (plain->type == STORE_TEXT)
        EVP_EncodeBlock(shown + SEAL_PREFIX_SIZE, raw, (int)whole);
    ret->data = (const char *)shown;
    ret->len = SEAL_PREFIX_SIZE + len;
    return TROUPE_OK;
}

static troupe_status misfit(const struct seal_place *place, struct error *err)
{
    return error_set(err, TROUPE_DATA,
                     "an encrypted value of %s \"%s\" does not belong where it stands: it was "
                     "altered or moved, restore a backup",
                     place->ns ? place->ns : "core", place->place);
}

troupe_status seal_open(struct seal *seal, const struct seal_place *place,
                        const struct store_value *sealed, struct store_value *ret,
                        struct error *err)
{
    const struct seal_key *key;
    unsigned char *raw, *plain;
    struct derived *derived;
    size_t len;
    int done = 0, rest = 0;
    troupe_status status;

    *ret = *sealed;
    key = seal_is(sealed, NULL) ? seal_keys_find(&seal->keys, sealed->data + MAGIC_LEN) : NULL;
    if (!key) /* all keys that were ever used are here: it only looks like one */
        return TROUPE_OK;
    len = sealed->len - SEAL_PREFIX_SIZE;
    raw = arena_alloc(&seal->arena, len + 3);
    memcpy(raw, sealed->data + SEAL_PREFIX_SIZE, len);
    if (sealed->type == STORE_TEXT) {
        size_t filled = (raw[len - 1] == '=') + (len > 1 && raw[len - 2] == '=');
        int decoded = len % 4 || len > INT_MAX ? -1 : EVP_DecodeBlock(raw, raw, (int)len);

        if (decoded < 0 || (size_t)decoded < filled)
            return misfit(place, err);
        len = (size_t)decoded - filled;
    }
    if (len <= HEAD + TAG || len > INT_MAX)
        return misfit(place, err);
    status = derived_for(seal, key, raw, &derived, err);
    if (status < 0)
        return status;
    len -= HEAD + TAG;
    plain = arena_alloc(&seal->arena, len + 1);
    put_identity(seal, place, sealed->type);
    if (!start(seal, derived->ctx, raw + SALT) ||
        EVP_DecryptUpdate(derived->ctx, plain, &done, raw + HEAD, (int)len) != 1 ||
        EVP_CIPHER_CTX_ctrl(derived->ctx, EVP_CTRL_GCM_SET_TAG, TAG, raw + HEAD + len) != 1 ||
        EVP_DecryptFinal_ex(derived->ctx, plain + done, &rest) != 1)
        return misfit(place, err);
    ret->data = (const char *)plain;
    ret->len = len;
    return TROUPE_OK;
}

/* ---- results --------------------------------------------------------------------------------- */

/* The columns that hold the identity of the sealed one at `column`. */
static size_t identity_columns(const struct store_rows *rows, size_t column)
{
    size_t count = 0;

    while (column + 1 + count < rows->columns && count < SEAL_IDENTITY_MAX &&
           strcmp(rows->names[column + 1 + count], SEAL_IDENTITY) == 0)
        count++;
    return count;
}

static bool is_sealed(const struct store_rows *rows, size_t column)
{
    return strncmp(rows->names[column], SEAL_COLUMN, sizeof(SEAL_COLUMN) - 1) == 0;
}

static troupe_status open_row(struct seal *seal, const char *ns, struct store_rows *rows,
                              const struct store_value *from, struct store_value *to,
                              struct error *err)
{
    for (size_t column = 0; column < rows->columns; column++) {
        struct seal_place place = {.ns = ns};
        struct store_value opened;
        troupe_status status;

        if (!is_sealed(rows, column)) {
            *to++ = from[column];
            continue;
        }
        place.place = rows->names[column] + sizeof(SEAL_COLUMN) - 1;
        place.identity_count = identity_columns(rows, column);
        for (size_t i = 0; i < place.identity_count; i++)
            place.identity[i] = from[column + 1 + i];
        status = seal_open(seal, &place, &from[column], &opened, err);
        if (status < 0)
            return status;
        if (opened.data != from[column].data)
            opened.data = arena_strndup(&rows->arena, opened.data, opened.len);
        seal_reset(seal);
        *to++ = opened; /* never ahead of `from` */
        column += place.identity_count;
    }
    return TROUPE_OK;
}

troupe_status seal_open_rows(struct seal *seal, const char *ns, struct store_rows *rows,
                             struct error *err)
{
    size_t columns = 0;

    for (size_t i = 0; i < rows->columns; i++, columns++)
        if (is_sealed(rows, i))
            i += identity_columns(rows, i);
    if (columns == rows->columns)
        return TROUPE_OK;
    for (size_t row = 0; row < rows->count; row++) {
        troupe_status status = open_row(seal, ns, rows, &rows->cells[row * rows->columns],
                                        &rows->cells[row * columns], err);

        if (status < 0)
            return status;
    }
    for (size_t i = 0, to = 0; i < rows->columns; i++, to++) {
        const char *point = is_sealed(rows, i) ? strrchr(rows->names[i], '.') : NULL;

        rows->names[to] = point ? point + 1 : rows->names[i];
        if (is_sealed(rows, i))
            i += identity_columns(rows, i);
    }
    rows->columns = columns;
    rows->cell_used = rows->count * columns;
    return TROUPE_OK;
}
