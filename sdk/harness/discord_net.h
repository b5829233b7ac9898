/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections of the fake Discord: plain or TLS (told by the first byte), written in batches once a
 * turn of the loop, and able to break on the raw wire: a reset at a given byte, writes in small
 * pieces, silence. On 127.0.0.1 only.
 */
#ifndef DISCORD_NET_H
#define DISCORD_NET_H

#include "fake_text.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <uv.h>

#define DISCORD_IN_MAX ((size_t)32 * 1024 * 1024) /* unread bytes of a connection */

struct discord_net;

struct discord_listener {
    struct discord_net *net;
    uv_tcp_t tcp;
    int port;
};

struct discord_conn {
    struct discord_net *net;
    struct discord_listener *listener;
    struct discord_conn *next, *previous; /* all of them */
    uv_tcp_t tcp;
    uv_timer_t timer; /* pieces of a split write   */
    uv_timer_t pause; /* a delayed answer          */
    int open_handles;
    bool closing, closing_soon, first_seen, dirty, paused;
    struct fake_text in; /* what arrived, from in_at on */
    size_t in_at;
    struct fake_text out;    /* to be sealed and written          */
    struct fake_text sealed; /* TLS only: what is to follow `wire` */
    struct fake_text wire;   /* being written, from wire_at on    */
    size_t wire_at;
    bool writing; /* libuv owns `wire` */
    uv_write_t write;
    SSL *ssl;
    BIO *tls_in;
    size_t split;        /* at most so many bytes a write, 1 ms apart; 0: off */
    uint64_t reset_at;   /* reset after so many bytes more; UINT64_MAX: never */
    uint64_t bytes_sent; /* on the wire */
    struct discord_conn *next_dirty;
    /* New bytes are in `in`. */
    void (*take)(struct discord_conn *conn);
    /* It closes, by whomever; NULL: nobody cares. */
    void (*gone)(struct discord_conn *conn);
    void (*resume)(struct discord_conn *conn); /* after a pause */
    void *arg;
};

struct discord_net {
    uv_loop_t *loop;
    SSL_CTX *tls;        /* NULL: plain only */
    BIO_METHOD *tls_out; /* writes into `sealed` */
    uv_prepare_t flush;
    struct discord_conn *all, *dirty;
    size_t open;
    int64_t read_us; /* when what is being taken had come; monotonic */
    /* A connection came; sets take, gone and arg. */
    void (*accept)(struct discord_conn *conn);
    void (*tick)(void *arg); /* before the loop waits */
    void *arg;
    char chunk[256 * 1024]; /* libuv reads into it */
};

/* Begins; `cert` NULL: without TLS. False with a text in `err`. */
bool discord_net_init(struct discord_net *net, uv_loop_t *loop, const char *cert, const char *key,
                      char *err, size_t err_size);
/* 0 or libuv's error; port 0: the kernel chooses. */
int discord_net_listen(struct discord_net *net, struct discord_listener *listener, int port);

/* To be written before the loop waits again. What is put between two calls of seal is one TLS record
 * (as far as it fits), as Discord sends one for each event. */
void discord_conn_put(struct discord_conn *conn, const void *data, size_t len);
void discord_conn_seal(struct discord_conn *conn);
void discord_conn_dirty(struct discord_conn *conn); /* after putting into `out` by hand */
/* Writes what there is now. */
void discord_net_flush(struct discord_net *net);
/* Bytes that the kernel has not taken yet. */
size_t discord_conn_backlog(const struct discord_conn *conn);
/* No more is read from `in` until `ms` have passed, then `resume` is called. */
void discord_conn_pause(struct discord_conn *conn, uint64_t ms,
                        void (*resume)(struct discord_conn *conn));
/* FIN once all is written; or RST at once. */
void discord_conn_close(struct discord_conn *conn);
void discord_conn_reset(struct discord_conn *conn);

#endif
