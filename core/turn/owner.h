/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose a value in the cache is: a hash of the member's id, which tells it to nobody who looks at the server
 * by chance, and is the same in every agent and account, so that a deletion finds all of a member's. Pure.
 */
#ifndef TURN_OWNER_H
#define TURN_OWNER_H

#include "store/cache.h"

/* False: libcrypto has no SHA-256. */
bool turn_owner(const char *member, char ret[CACHE_OWNER + 1]);

#endif
