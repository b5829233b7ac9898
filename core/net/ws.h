/* SPDX-License-Identifier: Apache-2.0
 *
 * A WebSocket client (RFC 6455) over a connection of libcurl's (CURLOPT_CONNECT_ONLY), so that TLS,
 * certificates and proxy are those of the HTTP client. Frames are parsed in blocks out of a large
 * read buffer; messages are handed out whole. Connecting blocks in libcurl and runs on a helper
 * thread; everything else is for the loop thread.
 *
 * http_global_init was called. Losing a connection does not free it: ws_free is always due.
 *
 * Promises: masked client frames, UTF-8 of text messages and close reasons checked (RFC 6455 8.1),
 * fragments joined, pings answered, every protocol violation closes with 1002/1007/1009 as the RFC
 * says. Memory is bounded: one message at most `max_message`, what waits to be sent at most 64 kB.
 */
#ifndef NET_WS_H
#define NET_WS_H

#include "base/error.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>

#define WS_NO_CODE 1005 /* the peer closed without a code                  */
#define WS_LOST    1006 /* the connection ended without a closing handshake */

struct ws;

struct ws_options {
    const char *url;        /* ws:// or wss://, with path and query                        */
    const char *ca_file;    /* as in http_client_options                                    */
    const char *proxy;      /* NULL: none; none is taken from the environment               */
    const char *user_agent; /* NULL: "troupe/VERSION"                                       */
    uint64_t deadline;      /* of connect and upgrade, absolute loop_now(); 0: 20 s from now */
    size_t max_message;     /* bytes on the wire; 0: 16 MB; above: closed with 1009         */
    bool bare_answer;       /* the peer's close is answered without a code, not with its own
                               (RFC 6455 5.5.1 leaves it open): for a peer to whom a code of ours
                               means more than that                                          */
};

/* Called on the loop's stack, never inside ws_connect; they must not wait. */
struct ws_handler {
    /* One whole message. `data` is NUL-terminated behind `len`, may be changed, and is valid until
     * the call returns. */
    void (*message)(void *arg, bool binary, char *data, size_t len);
    /* Everything that had arrived was handed out. NULL is fine. */
    void (*drained)(void *arg);
    /* The last call, exactly once, unless ws_free came first: `code` is the peer's close code,
     * WS_NO_CODE or WS_LOST; `reason` is the peer's text ("" for none) or why it was lost. */
    void (*closed)(void *arg, int code, const char *reason);
};

/* Connects and upgrades. On failure nothing is left open: TROUPE_UNAVAILABLE not reached,
 * TROUPE_DEADLINE, TROUPE_FAILED TLS, TROUPE_DATA no upgrade (the text says the HTTP status). [waits] */
troupe_status ws_connect(struct loop *loop, const struct ws_options *options,
                         const struct ws_handler *handler, void *arg, struct ws **ret,
                         struct error *err);
/* A text message; copied. TROUPE_BUSY when too much waits already, TROUPE_CANCELED after a close. */
troupe_status ws_send(struct ws *ws, const char *text, size_t len);
/* No message is handed out from now on. Sends a close frame with `code` and waits at most `ms` for
 * the peer's; code 0: drops the connection without a word. `closed` is called in the end. */
void ws_close(struct ws *ws, int code, const char *reason, uint64_t ms);
/* Gives it up at any time, also inside a handler; no handler is called any more. NULL is fine. */
void ws_free(struct ws *ws);

#endif
