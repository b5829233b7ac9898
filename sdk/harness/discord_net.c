/* SPDX-License-Identifier: Apache-2.0 */
#include "discord_net.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void conn_flush(struct discord_conn *conn);

/* ---- ending -------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct discord_conn *conn = handle->data;

    if (--conn->open_handles > 0)
        return;
    SSL_free(conn->ssl); /* with its BIOs */
    fake_text_clear(&conn->in);
    fake_text_clear(&conn->out);
    fake_text_clear(&conn->sealed);
    fake_text_clear(&conn->wire);
    free(conn);
}

static void unlink_dirty(struct discord_conn *conn)
{
    for (struct discord_conn **at = &conn->net->dirty; *at; at = &(*at)->next_dirty) {
        if (*at == conn) {
            *at = conn->next_dirty;
            return;
        }
    }
}

static void conn_end(struct discord_conn *conn, bool reset)
{
    struct discord_net *net = conn->net;

    if (conn->closing)
        return;
    conn->closing = true;
    if (conn->dirty)
        unlink_dirty(conn);
    if (conn->next)
        conn->next->previous = conn->previous;
    *(conn->previous ? &conn->previous->next : &net->all) = conn->next;
    net->open--;
    if (conn->gone)
        conn->gone(conn);
    uv_close((uv_handle_t *)&conn->timer, on_closed);
    uv_close((uv_handle_t *)&conn->pause, on_closed);
    if (!reset || uv_tcp_close_reset(&conn->tcp, on_closed) != 0)
        uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

void discord_conn_reset(struct discord_conn *conn)
{
    conn_end(conn, true);
}

void discord_conn_close(struct discord_conn *conn)
{
    conn->closing_soon = true;
    discord_conn_dirty(conn);
}

/* ---- writing ------------------------------------------------------------------------------- */

void discord_conn_dirty(struct discord_conn *conn)
{
    if (conn->dirty || conn->closing)
        return;
    conn->dirty = true;
    conn->next_dirty = conn->net->dirty;
    conn->net->dirty = conn;
}

void discord_conn_put(struct discord_conn *conn, const void *data, size_t len)
{
    if (conn->closing)
        return;
    fake_text_put(&conn->out, data, len);
    discord_conn_dirty(conn);
}

/* OpenSSL writes its records here. */
static int bio_write(BIO *bio, const char *data, int len)
{
    struct discord_conn *conn = BIO_get_data(bio);

    fake_text_put(&conn->sealed, data, (size_t)len);
    return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

void discord_conn_seal(struct discord_conn *conn)
{
    if (!conn->ssl || conn->out.len == 0 || !SSL_is_init_finished(conn->ssl))
        return;
    SSL_write(conn->ssl, conn->out.data, (int)conn->out.len);
    conn->out.len = 0;
}

/* Moves what is to be written into `wire`. */
static void gather(struct discord_conn *conn)
{
    struct fake_text *from = conn->ssl ? &conn->sealed : &conn->out;

    discord_conn_seal(conn);
    if (conn->wire.len == 0) {
        struct fake_text swap = conn->wire;

        conn->wire = *from;
        *from = swap;
    } else if (from->len > 0) {
        fake_text_put(&conn->wire, from->data, from->len);
        from->len = 0;
    }
}

static void on_written(uv_write_t *write, int status)
{
    struct discord_conn *conn = write->data;

    conn->writing = false;
    conn->wire.len = conn->wire_at = 0;
    if (conn->closing)
        return;
    if (status < 0)
        conn_end(conn, false);
    else
        conn_flush(conn);
}

static void on_piece(uv_timer_t *timer)
{
    conn_flush(timer->data);
}

/* The rest that the kernel did not take at once. */
static void write_later(struct discord_conn *conn)
{
    size_t n = conn->wire.len - conn->wire_at;
    uv_buf_t buf = uv_buf_init(conn->wire.data + conn->wire_at, (unsigned)n);

    conn->writing = true;
    conn->bytes_sent += n;
    conn->write.data = conn;
    if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, on_written) != 0) {
        conn->writing = false;
        conn_end(conn, false);
    }
}

static void conn_flush(struct discord_conn *conn)
{
    size_t n, limit;
    uv_buf_t buf;
    int r;

    if (conn->closing || conn->writing)
        return;
    gather(conn);
    n = limit = conn->wire.len - conn->wire_at;
    if (n > 0) {
        if (conn->split > 0 && n > conn->split)
            n = conn->split;
        if (n > conn->reset_at)
            n = (size_t)conn->reset_at;
        buf = uv_buf_init(conn->wire.data + conn->wire_at, (unsigned)n);
        r = n > 0 ? uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1) : 0;
        if (r < 0 && r != UV_EAGAIN) {
            conn_end(conn, false);
            return;
        }
        r = r < 0 ? 0 : r;
        conn->wire_at += (size_t)r;
        conn->bytes_sent += (uint64_t)r;
        if (conn->reset_at != UINT64_MAX) {
            conn->reset_at -= (uint64_t)r;
            if (conn->reset_at == 0) {
                conn_end(conn, true);
                return;
            }
        }
        if ((size_t)r < limit) {
            if (conn->split > 0 || conn->reset_at != UINT64_MAX)
                uv_timer_start(&conn->timer, on_piece, 1, 0);
            else
                write_later(conn);
            return;
        }
        conn->wire.len = conn->wire_at = 0;
    }
    if (conn->closing_soon && conn->out.len + conn->sealed.len == 0)
        conn_end(conn, false);
}

void discord_net_flush(struct discord_net *net)
{
    while (net->dirty) {
        struct discord_conn *conn = net->dirty;

        net->dirty = conn->next_dirty;
        conn->dirty = false;
        conn_flush(conn);
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct discord_net *net = prepare->data;

    net->tick(net->arg);
    discord_net_flush(net);
}

size_t discord_conn_backlog(const struct discord_conn *conn)
{
    return conn->out.len + conn->sealed.len + conn->wire.len - conn->wire_at;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct discord_conn *conn = handle->data;

    (void)suggested;
    *buf = uv_buf_init(conn->net->chunk, sizeof(conn->net->chunk));
}

static void tls_begin(struct discord_conn *conn)
{
    BIO *out = BIO_new(conn->net->tls_out);

    BIO_set_data(out, conn);
    conn->ssl = SSL_new(conn->net->tls);
    conn->tls_in = BIO_new(BIO_s_mem());
    SSL_set_bio(conn->ssl, conn->tls_in, out);
    SSL_set_accept_state(conn->ssl);
}

/* Decrypts what came; false when the connection cannot go on. */
static bool tls_take(struct discord_conn *conn, const char *data, size_t len)
{
    char plain[4096];
    int n;

    BIO_write(conn->tls_in, data, (int)len);
    while ((n = SSL_read(conn->ssl, plain, sizeof(plain))) > 0)
        fake_text_put(&conn->in, plain, (size_t)n);
    n = SSL_get_error(conn->ssl, n);
    ERR_clear_error();
    discord_conn_dirty(conn); /* the handshake's answers */
    return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct discord_conn *conn = stream->data;
    bool alive = true;

    conn->net->read_us = (int64_t)(uv_hrtime() / 1000);
    if (n == 0 || conn->closing)
        return;
    if (n < 0 || conn->in.len - conn->in_at > DISCORD_IN_MAX) {
        conn_end(conn, false);
        return;
    }
    if (!conn->first_seen) {
        conn->first_seen = true;
        if (conn->net->tls && buf->base[0] == 0x16) /* a TLS handshake record */
            tls_begin(conn);
    }
    if (conn->ssl)
        alive = tls_take(conn, buf->base, (size_t)n);
    else
        fake_text_put(&conn->in, buf->base, (size_t)n);
    if (!conn->paused && conn->in.len > conn->in_at)
        conn->take(conn);
    if (conn->in_at == conn->in.len)
        conn->in.len = conn->in_at = 0;
    if (!alive)
        conn_end(conn, false);
}

static void on_pause_over(uv_timer_t *timer)
{
    struct discord_conn *conn = timer->data;

    conn->paused = false;
    conn->net->read_us = (int64_t)(uv_hrtime() / 1000);
    conn->resume(conn);
    if (!conn->closing && !conn->paused && conn->in.len > conn->in_at)
        conn->take(conn);
}

void discord_conn_pause(struct discord_conn *conn, uint64_t ms,
                        void (*resume)(struct discord_conn *conn))
{
    conn->paused = true;
    conn->resume = resume;
    uv_timer_start(&conn->pause, on_pause_over, ms, 0);
}

/* ---- beginning ----------------------------------------------------------------------------- */

static void on_connection(uv_stream_t *stream, int status)
{
    struct discord_listener *listener = stream->data;
    struct discord_net *net = listener->net;
    struct discord_conn *conn;

    if (status < 0)
        return;
    conn = fake_alloc(sizeof(*conn));
    conn->net = net;
    conn->listener = listener;
    conn->reset_at = UINT64_MAX;
    conn->open_handles = 3;
    uv_tcp_init(net->loop, &conn->tcp);
    uv_timer_init(net->loop, &conn->timer);
    uv_timer_init(net->loop, &conn->pause);
    conn->tcp.data = conn->timer.data = conn->pause.data = conn;
    conn->next = net->all;
    if (net->all)
        net->all->previous = conn;
    net->all = conn;
    net->open++;
    net->accept(conn);
    if (uv_accept(stream, (uv_stream_t *)&conn->tcp) != 0) {
        conn_end(conn, false);
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
}

bool discord_net_init(struct discord_net *net, uv_loop_t *loop, const char *cert, const char *key,
                      char *err, size_t err_size)
{
    net->loop = loop;
    if (cert) {
        net->tls_out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
        BIO_meth_set_write(net->tls_out, bio_write);
        BIO_meth_set_ctrl(net->tls_out, bio_ctrl);
        BIO_meth_set_create(net->tls_out, bio_create);
        net->tls = SSL_CTX_new(TLS_server_method());
        if (!net->tls || SSL_CTX_use_certificate_chain_file(net->tls, cert) != 1 ||
            SSL_CTX_use_PrivateKey_file(net->tls, key, SSL_FILETYPE_PEM) != 1) {
            snprintf(err, err_size, "\"%s\" and \"%s\" are no certificate with its key: %s", cert,
                     key, ERR_reason_error_string(ERR_get_error()));
            return false;
        }
    }
    uv_prepare_init(loop, &net->flush);
    net->flush.data = net;
    uv_prepare_start(&net->flush, on_prepare);
    return true;
}

int discord_net_listen(struct discord_net *net, struct discord_listener *listener, int port)
{
    struct sockaddr_in address;
    struct sockaddr_storage bound;
    int bound_len = sizeof(bound);
    int r;

    listener->net = net;
    if ((r = uv_ip4_addr("127.0.0.1", port, &address)) != 0 ||
        (r = uv_tcp_init(net->loop, &listener->tcp)) != 0)
        return r;
    listener->tcp.data = listener;
    if ((r = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)&address, 0)) != 0 ||
        (r = uv_listen((uv_stream_t *)&listener->tcp, 512, on_connection)) != 0 ||
        (r = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&bound, &bound_len)) != 0)
        return r;
    listener->port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    return 0;
}
