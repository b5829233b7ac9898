/* SPDX-License-Identifier: Apache-2.0
 *
 * Transport compression of the Discord gateway: one context a connection (gateway.mdx, "Transport
 * Compression"). A message of zlib-stream ends with 00 00 ff ff and may span WebSocket messages; one
 * of zstd-stream is a WebSocket message but no frame of zstd's. Without transport compression a
 * binary message is a zlib packet of its own (payload compression).
 */
#ifndef GATEWAY_DISCORD_INFLATE_H
#define GATEWAY_DISCORD_INFLATE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum discord_compress { DISCORD_PLAIN, DISCORD_ZLIB, DISCORD_ZSTD };

#define DISCORD_MESSAGE_MAX ((size_t)32 * 1024 * 1024) /* unpacked bytes of one message */

struct discord_inflate;

/* NULL where this build lacks the library of `compress`. */
struct discord_inflate *discord_inflate_new(enum discord_compress compress);
void discord_inflate_free(struct discord_inflate *inflate); /* NULL is fine */
/* The value of the URL's "compress" parameter, NULL for none. */
const char *discord_compress_name(enum discord_compress compress);
/* Takes one WebSocket message (which may be changed); `*ret` is NULL while a message of the gateway's
 * is not whole, else it is NUL-terminated text that lives until the next call. TROUPE_DATA: torn or
 * no compression; TROUPE_LIMIT: above DISCORD_MESSAGE_MAX. After a failure the connection is lost. */
troupe_status discord_inflate_take(struct discord_inflate *inflate, bool binary, char *data,
                                   size_t len, char **ret, size_t *ret_len, struct error *err);

#endif
