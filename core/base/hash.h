/* SPDX-License-Identifier: Apache-2.0
 *
 * FNV-1a over 64 bits: quick and good enough to spread keys, to tell texts apart and to put people
 * into shares. No protection against whoever chooses the input; a map adds a random start. Values
 * are stored (checksums of migrations), so they stay as they are. Pure; any thread.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Goes on from `hash`: HASH_START, or what an earlier call gave. */
static inline uint64_t hash_add(uint64_t hash, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Spreads the last bytes over all bits, for whoever takes a remainder. */
static inline uint64_t hash_finish(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 33);
}

#endif
