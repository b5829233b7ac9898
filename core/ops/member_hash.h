/* SPDX-License-Identifier: Apache-2.0
 *
 * A name for a member in the log that is the same in every line and tells nobody who it is: a keyed
 * hash whose key is made at random for each installation and kept in its store, so that knowing all
 * ids of a server does not help.
 */
#ifndef OPS_MEMBER_HASH_H
#define OPS_MEMBER_HASH_H

#include "store/store.h"

#include <openssl/evp.h>

#define OPS_MEMBER_KEY_SIZE  32
#define OPS_MEMBER_HASH_SIZE 17 /* 16 hex digits and the NUL */

struct ops_member_key {
    unsigned char bytes[OPS_MEMBER_KEY_SIZE];
    EVP_MD_CTX *digest; /* used again for each: looking an algorithm up costs more than its use */
};

/* Reads the installation's key; makes it where there is none. ops_member_key_clear is for both. [waits] */
troupe_status ops_member_key(struct store *store, uint64_t deadline, struct ops_member_key *ret,
                             struct error *err);
void ops_member_key_init(struct ops_member_key *key,
                         const unsigned char bytes[OPS_MEMBER_KEY_SIZE]);
void ops_member_key_clear(struct ops_member_key *key);
/* `source` tells apart the members of two gateways; `member` NULL gives "". */
void ops_member_hash(const struct ops_member_key *key, const char *source, const char *member,
                     char ret[OPS_MEMBER_HASH_SIZE]);

#endif
