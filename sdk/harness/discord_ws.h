/* SPDX-License-Identifier: Apache-2.0
 *
 * The server's side of WebSocket (RFC 6455), with transport compression of the gateway (one zlib or
 * zstd context a connection).
 */
#ifndef DISCORD_WS_H
#define DISCORD_WS_H

#include "discord_http.h"

#include <zlib.h>
#include <zstd.h>

enum discord_ws_op {
    DISCORD_WS_CONTINUATION = 0,
    DISCORD_WS_TEXT = 1,
    DISCORD_WS_BINARY = 2,
    DISCORD_WS_CLOSE = 8,
    DISCORD_WS_PING = 9,
    DISCORD_WS_PONG = 10,
};

/* The 101 answer for a Sec-WebSocket-Key. */
void discord_ws_accept(struct fake_text *out, struct discord_slice key);
/* Appends a frame; `fragment` > 0: in frames of at most so many bytes. */
void discord_ws_write(struct fake_text *out, enum discord_ws_op op, const void *data, size_t len,
                      size_t fragment);

struct discord_ws_frame {
    enum discord_ws_op op;
    bool fin;
    char *data; /* unmasked in place */
    size_t len;
};

/* Takes one frame of a client's. 1: there, `*ret_used` bytes; 0: more must come; -1: no masked frame
 * of RFC 6455, or longer than `max`. */
int discord_ws_read(char *data, size_t len, size_t max, struct discord_ws_frame *ret,
                    size_t *ret_used);

enum discord_pack { DISCORD_PACK_NONE, DISCORD_PACK_ZLIB, DISCORD_PACK_ZSTD };

struct discord_packer {
    enum discord_pack kind;
    z_stream zlib;
    ZSTD_CCtx *zstd;
};

void discord_packer_init(struct discord_packer *packer, enum discord_pack kind);
void discord_packer_clear(struct discord_packer *packer);
/* Appends the packed form of one message, flushed so that it can be read at once. */
void discord_packer_put(struct discord_packer *packer, struct fake_text *out, const void *data,
                        size_t len);

#endif
