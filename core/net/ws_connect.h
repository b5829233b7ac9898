/* SPDX-License-Identifier: Apache-2.0
 *
 * Gets the connection that a WebSocket runs on: name, TCP, proxy, TLS by libcurl, then the upgrade,
 * all on a helper thread that has ended when the call returns.
 */
#ifndef NET_WS_CONNECT_H
#define NET_WS_CONNECT_H

#include "net/ws.h"

#include <curl/curl.h>

struct ws_connection {
    CURLM *multi; /* the connection lives in its cache                        */
    CURL *easy;   /* for curl_easy_send and curl_easy_recv, on the loop       */
    curl_socket_t socket;
    bool holds_back; /* TLS, or that of a proxy: bytes may be there that show on no socket */
    char *early;     /* what came behind the server's handshake; the connection's */
    size_t early_len;
};

/* As ws_connect. [waits] */
troupe_status ws_connection_open(struct loop *loop, const struct ws_options *options,
                                 struct ws_connection *ret, struct error *err);
/* Never blocks: QUICK_EXIT, and TLS says goodbye without waiting. A zeroed one is fine. */
void ws_connection_close(struct ws_connection *connection);

#endif
