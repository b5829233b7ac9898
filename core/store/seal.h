/* SPDX-License-Identifier: Apache-2.0
 *
 * Encryption at rest: texts and bytes that members or models wrote stand in the database as AES-256-GCM
 * (libcrypto's). SQL says which, in words of ours that are gone before a database sees them:
 *
 *     INSERT INTO note (id, text) VALUES (?1, seal(?2, 'note.text', ?1))
 *     SELECT id, unseal(text, 'note.text', id) FROM note WHERE id = ?1
 *
 * seal() takes a parameter, the place ('table.column', without braces), and the row's identity: the
 * columns of the table's primary key, in their order, as parameters or literals. unseal() takes an
 * expression, the same place and the same columns; it stands alone in the list of a SELECT or
 * RETURNING, and its column has the place's name. Without a key both are nothing at all.
 *
 * What is sealed names its key, so that old ones can be read; the place, the namespace and the identity
 * are authenticated with it, so that no value can be moved to another row. Values that are NULL or empty
 * stay so; what was not sealed is read as it is. A sealed value is 64 bytes longer, a text by a third
 * more. Each connection derives a key of its own by a random salt and counts its nonces from zero, so
 * none comes twice under a key, also not when a backup is restored. One thread at a time.
 */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include "base/error.h"
#include "store/rows.h"

#include <stdbool.h>

#define SEAL_KEYS_MAX     8 /* the one in use and the old ones */
#define SEAL_KEY_SIZE     32
#define SEAL_KEY_ID_SIZE  9 /* with its NUL */
#define SEAL_PREFIX_SIZE  16
#define SEAL_PLACE_MAX    48 /* bytes of 'table.column' */
#define SEAL_IDENTITY_MAX 8  /* columns of a row's identity */

struct seal_key {
    unsigned char bytes[SEAL_KEY_SIZE];
    char id[SEAL_KEY_ID_SIZE]; /* tells keys apart, and nothing about them */
};

struct seal_keys {
    struct seal_key keys[SEAL_KEYS_MAX];
    size_t count;
    bool writes; /* the first one seals; else all of them only read */
};

/* Reads keys as 64 hexadecimal digits: `key` seals what is written (NULL or "": nothing is), `old` are
 * others, between blanks or commas, that only read. TROUPE_ARGUMENT otherwise; the text of a key is in
 * no error. Any thread. */
troupe_status seal_keys_parse(const char *key, const char *old, struct seal_keys *ret,
                              struct error *err);
void seal_keys_clear(struct seal_keys *keys);
/* Stands among the ids of a database that a transfer did not fill to its end. */
#define SEAL_UNFINISHED "transfer"
/* Whether the keys that a database was sealed with (a row each) are all here; TROUPE_ARGUMENT with the
 * remedy where one is missing. TROUPE_DATA: it is not filled, and `unfinished` does not allow that. */
troupe_status seal_keys_check(const struct seal_keys *keys, const struct store_rows *used,
                              bool unfinished, struct error *err);
/* The key of that id; NULL: there is none. `id` need not end. */
const struct seal_key *seal_keys_find(const struct seal_keys *keys, const char *id);

struct seal;

/* NULL without keys. The keys are copied. TROUPE_FAILED where there is no randomness. */
troupe_status seal_new(const struct seal_keys *keys, struct seal **ret, struct error *err);
void seal_free(struct seal *seal); /* NULL is fine */

/* Where a value stands. */
struct seal_place {
    const char *ns;    /* NULL: the core's */
    const char *place; /* 'table.column' */
    struct store_value identity[SEAL_IDENTITY_MAX];
    size_t identity_count;
};

/* The value sealed, as text or bytes like itself; its memory is the seal's until seal_reset. What is
 * neither, NULL or empty, and everything where no key writes, is given back as it is. */
troupe_status seal_value(struct seal *seal, const struct seal_place *place,
                         const struct store_value *plain, struct store_value *ret,
                         struct error *err);
/* The other way. TROUPE_DATA: it was altered, or belongs to another row. */
troupe_status seal_open(struct seal *seal, const struct seal_place *place,
                        const struct store_value *sealed, struct store_value *ret,
                        struct error *err);
void seal_reset(struct seal *seal);
/* Whether a value looks sealed; its key's id then. */
bool seal_is(const struct store_value *value, char ret_id[SEAL_KEY_ID_SIZE]);

/* A result as the rewriting of unseal() asks for it: values opened, the columns of identities gone. */
#define SEAL_COLUMN   "~unseal:" /* before the place, as a column's name */
#define SEAL_IDENTITY "~identity"
troupe_status seal_open_rows(struct seal *seal, const char *ns, struct store_rows *rows,
                             struct error *err);

#endif
