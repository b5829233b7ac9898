/* SPDX-License-Identifier: Apache-2.0
 *
 * A WebSocket server for one connection, on a thread or process of its own, with or without TLS: it upgrades
 * as `answer` says and then runs the test's script. A write or read that fails ends the script
 * quietly; what the test asserts is what its client saw and what the script noted.
 */
#ifndef TESTS_WS_SERVER_H
#define TESTS_WS_SERVER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum ws_answer {
    WS_ANSWER_UPGRADE,
    WS_ANSWER_REFUSE, /* 403                                   */
    WS_ANSWER_WRONG_ACCEPT,
    WS_ANSWER_NOTHING, /* until the client goes                 */
    WS_ANSWER_DRIP,    /* a byte now and then, never the end    */
    WS_ANSWER_ENDLESS, /* headers without end                   */
    WS_ANSWER_HANG_UP,
};

struct ws_server {
    bool tls;
    enum ws_answer answer;
    void (*script)(struct ws_server *server);
    /* Sent in one write with the server's handshake. */
    const char *early;
    size_t early_len;

    char url[64];
    char request[1024]; /* the client's handshake                            */
    char noted[1024];   /* by the script, read after ws_server_stop          */
    int listener, fd;
    pthread_t thread;
    SSL_CTX *context;
    SSL *ssl;
};

/* A key and a certificate of its own for localhost and 127.0.0.1 in `path`, to be trusted. */
void ws_server_make_certificate(const char *path);
/* `certificate` as made above, for TLS. */
void ws_server_start(struct ws_server *server, const char *certificate);
void ws_server_stop(struct ws_server *server); /* waits for the script */
/* The halves of a start, for a server in a process of its own. */
void ws_server_listen(struct ws_server *server, const char *certificate);
void ws_server_serve(struct ws_server *server);

/* For scripts. Both all or nothing. */
bool ws_server_write(struct ws_server *server, const void *data, size_t len);
bool ws_server_read(struct ws_server *server, void *data, size_t len);
/* One unmasked frame with this first byte. */
bool ws_server_frame(struct ws_server *server, unsigned first, const char *data, size_t len);
bool ws_server_text(struct ws_server *server, const char *text);
/* The next frame of the client's, unmasked and with a NUL; its opcode, -1 at the end or when it is
 * not masked. `size` bounds it. */
int ws_server_expect(struct ws_server *server, char *data, size_t size, size_t *ret_len);

#endif
