/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool_format.h"

#include <string.h>

#define SUMMED 8 /* from there on */

const char spool_head[SPOOL_HEAD_SIZE] = "troupe spool 1\n";

/* ---- numbers --------------------------------------------------------------------------------- */

static void put(char *at, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (char)(number >> 8 * i & 0xff);
}

static uint64_t get(const char *at, size_t size)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)(unsigned char)at[i] << 8 * i;
    return number;
}

/* Four bits at a time, by the reflected polynomial 0x82f63b78. */
uint32_t spool_crc(uint32_t crc, const void *data, size_t len)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const unsigned char *p = data;

    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc = crc >> 4 ^ table[(crc ^ p[i]) & 15];
        crc = crc >> 4 ^ table[(crc ^ (uint32_t)p[i] >> 4) & 15];
    }
    return ~crc;
}

/* ---- records --------------------------------------------------------------------------------- */

void spool_put(struct buf *out, const struct spool_record *record)
{
    char head[SPOOL_RECORD_SIZE] = {0};
    uint32_t crc;

    put(head, record->len, 4);
    head[8] = (char)record->kind;
    head[9] = (char)record->flags;
    put(head + 12, record->number, 8);
    put(head + 20, (uint64_t)record->time_ms, 8);
    crc = spool_crc(0, head, 4);
    crc = spool_crc(crc, head + SUMMED, sizeof(head) - SUMMED);
    put(head + 4, spool_crc(crc, record->data, record->len), 4);
    buf_append(out, head, sizeof(head));
    buf_append(out, record->data, record->len);
}

enum spool_found spool_get(const char *data, size_t len, struct spool_record *ret, size_t *ret_size)
{
    size_t content;
    uint32_t crc;

    if (len < 4)
        return SPOOL_SHORT;
    content = (size_t)get(data, 4);
    if (content > SPOOL_CONTENT_MAX)
        return SPOOL_STRANGE;
    if (len < SPOOL_RECORD_SIZE || len - SPOOL_RECORD_SIZE < content)
        return SPOOL_SHORT;
    *ret_size = SPOOL_RECORD_SIZE + content;
    crc = spool_crc(0, data, 4);
    crc = spool_crc(crc, data + SUMMED, *ret_size - SUMMED);
    if (crc != (uint32_t)get(data + 4, 4))
        return SPOOL_DAMAGED;
    *ret = (struct spool_record){
        .kind = (uint8_t)data[8],
        .flags = (uint8_t)data[9],
        .number = get(data + 12, 8),
        .time_ms = (int64_t)get(data + 20, 8),
        .data = data + SPOOL_RECORD_SIZE,
        .len = content,
    };
    return data[10] || data[11] ? SPOOL_STRANGE : SPOOL_WHOLE;
}
