/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of store/spool.h: its head, then records one behind the other.
 *
 *     head     16 bytes: "troupe spool 1", a line feed, a zero
 *     record   length of the content (4 bytes), CRC32C of all the rest (4), kind (1), flags (1), zero (2),
 *              number (8), time (8), content
 *
 * All numbers have their lowest byte first. Records are numbered from 1 without a gap. Pure; the bytes are
 * outside's: a disk's, after a loss of power.
 */
#ifndef STORE_SPOOL_FORMAT_H
#define STORE_SPOOL_FORMAT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_HEAD_SIZE   16
#define SPOOL_RECORD_SIZE 28 /* of a record without its content */
#define SPOOL_CONTENT_MAX ((1u << 20) + 256)
/* What is read at once has room for the largest record. */
#define SPOOL_READ_SIZE (SPOOL_RECORD_SIZE + SPOOL_CONTENT_MAX)

#define SPOOL_SEALED    0x1u /* a flag: the content is encrypted (store/seal.h) */

struct spool_record {
    uint8_t kind, flags;
    uint64_t number;
    int64_t time_ms;
    const char *data;
    size_t len;
};

extern const char spool_head[SPOOL_HEAD_SIZE];

void spool_put(struct buf *out, const struct spool_record *record);

enum spool_found {
    SPOOL_WHOLE,
    SPOOL_SHORT,   /* it goes on behind these bytes, or was never written to its end */
    SPOOL_DAMAGED, /* its length may be right, its sum is not                        */
    SPOOL_STRANGE, /* no record begins like this                                     */
};

/* The record at the start of these bytes, whose content is theirs. `ret_size`: how long it is, of a
 * damaged one, too. */
enum spool_found spool_get(const char *data, size_t len, struct spool_record *ret,
                           size_t *ret_size);

/* CRC-32C (Castagnoli), going on from `crc`, which begins as 0. */
uint32_t spool_crc(uint32_t crc, const void *data, size_t len);

#endif
