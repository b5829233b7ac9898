/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip (RFC 1952) without a library: stored blocks for what must arrive piece by piece, and a bomb
 * of one fixed-Huffman block for what must blow up.
 */
#ifndef FAKE_GZIP_H
#define FAKE_GZIP_H

#include "fake_text.h"

#include <stdint.h>

struct fake_gzip {
    uint32_t crc, size;
    int begun;
};

/* Appends the packed form of `data` to `out`; a zeroed state begins a file. */
void fake_gzip_put(struct fake_gzip *gzip, struct fake_text *out, const void *data, size_t len);
void fake_gzip_end(struct fake_gzip *gzip, struct fake_text *out);
/* A file that unpacks to about `size` zeros and ends without its checksum: a reader with a bound
 * never gets there. Packed about 150:1. */
void fake_gzip_bomb(struct fake_text *out, uint64_t size);

#endif
