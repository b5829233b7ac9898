/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_gzip.h"

static const unsigned char gzip_head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};

static uint32_t crc_add(uint32_t crc, const unsigned char *data, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

static void put_le(struct fake_text *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)(value >> (8 * i));

        fake_text_put(out, &byte, 1);
    }
}

static void put_stored(struct fake_text *out, const unsigned char *data, size_t len, int last)
{
    put_le(out, (uint32_t)last, 1); /* BFINAL and BTYPE 00, then to the byte's end */
    put_le(out, (uint32_t)len, 2);
    put_le(out, ~(uint32_t)len & 0xffff, 2);
    fake_text_put(out, data, len);
}

static void begin(struct fake_gzip *gzip, struct fake_text *out)
{
    if (!gzip->begun)
        fake_text_put(out, gzip_head, sizeof(gzip_head));
    gzip->begun = 1;
}

void fake_gzip_put(struct fake_gzip *gzip, struct fake_text *out, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    begin(gzip, out);
    gzip->crc = crc_add(gzip->crc, bytes, len);
    gzip->size += (uint32_t)len;
    while (len > 0) {
        size_t n = len < 65535 ? len : 65535;

        put_stored(out, bytes, n, 0);
        bytes += n;
        len -= n;
    }
}

void fake_gzip_end(struct fake_gzip *gzip, struct fake_text *out)
{
    begin(gzip, out);
    put_stored(out, (const unsigned char *)"", 0, 1);
    put_le(out, gzip->crc, 4);
    put_le(out, gzip->size, 4);
}

struct bits {
    struct fake_text *out;
    uint32_t pending;
    int count;
};

static void put_bit(struct bits *bits, int bit)
{
    bits->pending |= (uint32_t)bit << bits->count;
    if (++bits->count == 8) {
        put_le(bits->out, bits->pending, 1);
        bits->pending = 0;
        bits->count = 0;
    }
}

/* Huffman codes go most significant bit first. */
static void put_code(struct bits *bits, unsigned code, int len)
{
    while (len-- > 0)
        put_bit(bits, (int)(code >> len & 1));
}

void fake_gzip_bomb(struct fake_text *out, uint64_t size)
{
    struct bits bits = {.out = out};

    fake_text_put(out, gzip_head, sizeof(gzip_head));
    put_bit(&bits, 1); /* the last block, */
    put_bit(&bits, 1); /* with fixed codes */
    put_bit(&bits, 0);
    put_code(&bits, 0x30, 8); /* the literal 0 */
    for (uint64_t at = 1; at < size; at += 258) {
        put_code(&bits, 0xc5, 8); /* length 258 */
        put_code(&bits, 0, 5);    /* distance 1 */
    }
    put_code(&bits, 0, 7); /* end of block */
    for (int i = 0; i < 7; i++)
        put_bit(&bits, 0);
}
