/* SPDX-License-Identifier: Apache-2.0
 *
 * FNV-1a over 64 bits: quick and good enough to spread keys, to tell texts apart and to put people
 * into shares. No protection against whoever chooses the input; a map adds a random start. Values
 * are stored (checksums of migrations), so they stay as they are. Pure; any thread.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Goes on from `hash`: HASH_START, or what an earlier call gave. */
static inline uint64_t hash_add(uint64_t hash, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#define HASH_LONG ((size_t)256)
#define HASH_ODD  UINT64_C(0x9e3779b97f4a7c15)
#define HASH_MIX  UINT64_C(0xbf58476d1ce4e5b9)

static inline uint64_t hash_eight(uint64_t sum, const char *data)
{
    uint64_t eight;

    memcpy(&eight, data, 8);
    sum += le64toh(eight) * HASH_ODD;
    return (sum << 29 | sum >> 35) * HASH_MIX;
}

/* Goes on from `hash` over much data, some ten times as fast: four sums over eight bytes each, which do not
 * wait for each other, and then their bytes. Below HASH_LONG it is hash_add. */
static inline uint64_t hash_add_long(uint64_t hash, const char *data, size_t len)
{
    uint64_t sums[4] = {HASH_ODD, HASH_MIX, ~HASH_ODD, ~HASH_MIX};
    size_t i = 0;

    if (len < HASH_LONG)
        return hash_add(hash, data, len);
    for (; len - i >= sizeof(sums); i += sizeof(sums)) { /* one by one, to stay in registers */
        sums[0] = hash_eight(sums[0], data + i);
        sums[1] = hash_eight(sums[1], data + i + 8);
        sums[2] = hash_eight(sums[2], data + i + 16);
        sums[3] = hash_eight(sums[3], data + i + 24);
    }
    for (size_t k = 0; k < 4; k++)
        for (int shift = 0; shift < 64; shift += 8)
            hash = (hash ^ (sums[k] >> shift & 0xff)) * UINT64_C(0x100000001b3);
    return hash_add(hash, data + i, len - i);
}

/* Spreads the last bytes over all bits, for whoever takes a remainder. */
static inline uint64_t hash_finish(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 33);
}

#endif
