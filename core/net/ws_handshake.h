/* SPDX-License-Identifier: Apache-2.0
 *
 * The opening handshake of RFC 6455 (4.1, 4.2.2) as text: the request that asks for a WebSocket and
 * the judgement of what came back. No extension and no subprotocol is offered, so none is accepted.
 * Pure but for ws_handshake_key; any thread.
 */
#ifndef NET_WS_HANDSHAKE_H
#define NET_WS_HANDSHAKE_H

#include "base/error.h"

#include <stddef.h>

#define WS_KEY_SIZE    25 /* base64 of 16 bytes and a NUL */
#define WS_ACCEPT_SIZE 29 /* base64 of 20 bytes and a NUL */
#define WS_ANSWER_MAX  ((size_t)16 * 1024)

troupe_status ws_handshake_key(char ret_key[WS_KEY_SIZE], struct error *err);
/* What a server answers to `key`. */
troupe_status ws_handshake_accept(const char *key, char ret_accept[WS_ACCEPT_SIZE],
                                  struct error *err);
/* `target` is path and query, `host` with its port where that is not the scheme's. mem_free. */
char *ws_handshake_request(const char *target, const char *host, const char *user_agent,
                           const char *key);
/* Bytes of the answer's head with its empty line, 0 while that is not there. */
size_t ws_handshake_head(const char *answer, size_t len);
/* TROUPE_DATA unless the head (`len` by ws_handshake_head) upgrades as asked; the text names the
 * HTTP status, and `label` as who answered. */
troupe_status ws_handshake_check(const char *head, size_t len, const char *key, const char *label,
                                 struct error *err);

#endif
