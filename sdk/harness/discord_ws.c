/* SPDX-License-Identifier: Apache-2.0 */
#include "discord_ws.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>

void discord_ws_accept(struct fake_text *out, struct discord_slice key)
{
    char text[128];
    unsigned char sum[SHA_DIGEST_LENGTH], encoded[64];
    int n = snprintf(text, sizeof(text), "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                     (int)(key.len < 64 ? key.len : 64), key.ptr ? key.ptr : "");

    SHA1((const unsigned char *)text, (size_t)n, sum);
    EVP_EncodeBlock(encoded, sum, sizeof(sum));
    fake_text_printf(out,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                     (char *)encoded);
}

static void write_frame(struct fake_text *out, unsigned op, bool fin, const void *data, size_t len)
{
    unsigned char head[10] = {(unsigned char)((fin ? 0x80 : 0) | op)};
    size_t n = 2;

    if (len < 126) {
        head[1] = (unsigned char)len;
    } else if (len < 65536) {
        head[1] = 126;
        head[2] = (unsigned char)(len >> 8);
        head[3] = (unsigned char)len;
        n = 4;
    } else {
        head[1] = 127;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
        n = 10;
    }
    fake_text_put(out, head, n);
    fake_text_put(out, data, len);
}

void discord_ws_write(struct fake_text *out, enum discord_ws_op op, const void *data, size_t len,
                      size_t fragment)
{
    size_t at = 0;

    if (fragment == 0 || len <= fragment || op >= DISCORD_WS_CLOSE) {
        write_frame(out, op, true, data, len);
        return;
    }
    while (at < len) {
        size_t n = len - at < fragment ? len - at : fragment;

        write_frame(out, at == 0 ? op : DISCORD_WS_CONTINUATION, at + n == len,
                    (const char *)data + at, n);
        at += n;
    }
}

int discord_ws_read(char *data, size_t len, size_t max, struct discord_ws_frame *ret,
                    size_t *ret_used)
{
    unsigned char *p = (unsigned char *)data;
    uint64_t size;
    size_t at = 2;
    unsigned char *mask;

    if (len < 2)
        return 0;
    if ((p[0] & 0x70) != 0 || (p[1] & 0x80) == 0)
        return -1;
    size = p[1] & 0x7f;
    if (size >= 126) {
        size_t bytes = size == 126 ? 2 : 8;

        if (len < 2 + bytes)
            return 0;
        size = 0;
        for (size_t i = 0; i < bytes; i++)
            size = size << 8 | p[2 + i];
        at += bytes;
    }
    if (size > max)
        return -1;
    if (len < at + 4 + size)
        return 0;
    mask = p + at;
    at += 4;
    for (size_t i = 0; i < size; i++)
        p[at + i] ^= mask[i & 3];
    *ret = (struct discord_ws_frame){
        .op = (enum discord_ws_op)(p[0] & 0x0f),
        .fin = (p[0] & 0x80) != 0,
        .data = data + at,
        .len = (size_t)size,
    };
    *ret_used = at + (size_t)size;
    return 1;
}

/* ---- compression --------------------------------------------------------------------------- */

void discord_packer_init(struct discord_packer *packer, enum discord_pack kind)
{
    *packer = (struct discord_packer){.kind = kind};
    if (kind == DISCORD_PACK_ZLIB)
        deflateInit(&packer->zlib, Z_DEFAULT_COMPRESSION);
    else if (kind == DISCORD_PACK_ZSTD)
        packer->zstd = ZSTD_createCCtx();
}

void discord_packer_clear(struct discord_packer *packer)
{
    if (packer->kind == DISCORD_PACK_ZLIB)
        deflateEnd(&packer->zlib);
    ZSTD_freeCCtx(packer->zstd);
    packer->kind = DISCORD_PACK_NONE;
    packer->zstd = NULL;
}

void discord_packer_put(struct discord_packer *packer, struct fake_text *out, const void *data,
                        size_t len)
{
    char chunk[4096];

    if (packer->kind == DISCORD_PACK_ZLIB) {
        z_stream *zlib = &packer->zlib;

        zlib->next_in = (Bytef *)(uintptr_t)data;
        zlib->avail_in = (uInt)len;
        do {
            zlib->next_out = (Bytef *)chunk;
            zlib->avail_out = sizeof(chunk);
            deflate(zlib, Z_SYNC_FLUSH);
            fake_text_put(out, chunk, sizeof(chunk) - zlib->avail_out);
        } while (zlib->avail_out == 0);
    } else if (packer->kind == DISCORD_PACK_ZSTD) {
        ZSTD_inBuffer in = {data, len, 0};
        size_t left;

        do {
            ZSTD_outBuffer room = {chunk, sizeof(chunk), 0};

            left = ZSTD_compressStream2(packer->zstd, &room, &in, ZSTD_e_flush);
            fake_text_put(out, chunk, room.pos);
        } while (left != 0 && !ZSTD_isError(left));
    } else {
        fake_text_put(out, data, len);
    }
}
