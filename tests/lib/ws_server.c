/* SPDX-License-Identifier: Apache-2.0 */
#include "ws_server.h"

#include "net/ws_handshake.h"

#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S 60 /* no assertion depends on it */

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "ws_server: %s\n", what);
    abort();
}

void ws_server_make_certificate(const char *path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    FILE *file = fopen(path, "w");

    must(key && file && names, "no certificate can be made");
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    X509_add_ext(certificate, names, -1);
    must(X509_sign(certificate, key, EVP_sha256()) > 0, "no certificate can be signed");
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    PEM_write_X509(file, certificate);
    must(fclose(file) == 0, "the certificate cannot be written");
    X509_EXTENSION_free(names);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* ---- bytes --------------------------------------------------------------------------------- */

bool ws_server_write(struct ws_server *server, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        int piece = len < INT32_MAX ? (int)len : INT32_MAX;
        ssize_t n =
            server->ssl ? SSL_write(server->ssl, p, piece) : send(server->fd, p, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

bool ws_server_read(struct ws_server *server, void *data, size_t len)
{
    char *p = data;

    while (len > 0) {
        int piece = len < INT32_MAX ? (int)len : INT32_MAX;
        ssize_t n = server->ssl ? SSL_read(server->ssl, p, piece) : recv(server->fd, p, len, 0);

        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

bool ws_server_frame(struct ws_server *server, unsigned first, const char *data, size_t len)
{
    unsigned char head[10] = {(unsigned char)first};
    size_t size = len < 126 ? 2 : len <= UINT16_MAX ? 4 : 10;

    head[1] = (unsigned char)(size == 2 ? len : size == 4 ? 126 : 127);
    for (size_t i = 0; i + 2 < size; i++)
        head[2 + i] = (unsigned char)((uint64_t)len >> (8 * (size - 3 - i)));
    return ws_server_write(server, head, size) && ws_server_write(server, data, len);
}

bool ws_server_text(struct ws_server *server, const char *text)
{
    return ws_server_frame(server, 0x81, text, strlen(text));
}

int ws_server_expect(struct ws_server *server, char *data, size_t size, size_t *ret_len)
{
    unsigned char head[2], more[8], mask[4];
    size_t len;

    if (!ws_server_read(server, head, 2) || !(head[1] & 0x80))
        return -1;
    len = head[1] & 0x7f;
    if (len >= 126) {
        size_t bytes = len == 126 ? 2 : 8;

        if (!ws_server_read(server, more, bytes))
            return -1;
        len = 0;
        for (size_t i = 0; i < bytes; i++)
            len = len << 8 | more[i];
    }
    if (!ws_server_read(server, mask, 4) || len >= size || !ws_server_read(server, data, len))
        return -1;
    for (size_t i = 0; i < len; i++)
        data[i] ^= (char)mask[i % 4];
    data[len] = '\0';
    if (ret_len)
        *ret_len = len;
    return head[0] & 0x0f;
}

/* ---- the connection ------------------------------------------------------------------------ */

/* Until the client closes its side. */
static void wait_for_end(struct ws_server *server)
{
    char byte;

    while (ws_server_read(server, &byte, 1))
        ;
}

static bool read_request(struct ws_server *server)
{
    size_t len = 0;

    while (len + 1 < sizeof(server->request)) {
        if (!ws_server_read(server, server->request + len, 1))
            return false;
        server->request[++len] = '\0';
        if (ws_handshake_head(server->request, len) > 0)
            return true;
    }
    return false;
}

static bool upgrade(struct ws_server *server)
{
    const char *line = strstr(server->request, "Sec-WebSocket-Key: ");
    char key[WS_KEY_SIZE] = "", accept[WS_ACCEPT_SIZE] = "", answer[4096];
    int len;

    must(line != NULL, "the client sent no key");
    memcpy(key, line + strlen("Sec-WebSocket-Key: "), WS_KEY_SIZE - 1);
    must(ws_handshake_accept(key, accept, NULL) == TROUPE_OK, "no SHA-1");
    if (server->answer == WS_ANSWER_WRONG_ACCEPT)
        accept[3] ^= 1;
    len = snprintf(answer, sizeof(answer),
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                   accept);
    must((size_t)len + server->early_len < sizeof(answer), "too much to send early");
    if (server->early_len > 0)
        memcpy(answer + len, server->early, server->early_len);
    return ws_server_write(server, answer, (size_t)len + server->early_len);
}

static void converse(struct ws_server *server)
{
    static const char refusal[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    static const char begin[] = "HTTP/1.1 101 Switching Protocols\r\nX-Slow: ";

    if (!read_request(server))
        return;
    switch (server->answer) {
    case WS_ANSWER_UPGRADE:
        if (upgrade(server) && server->script)
            server->script(server);
        break;
    case WS_ANSWER_WRONG_ACCEPT: upgrade(server); break;
    case WS_ANSWER_REFUSE: ws_server_write(server, refusal, strlen(refusal)); break;
    case WS_ANSWER_NOTHING: wait_for_end(server); break;
    case WS_ANSWER_DRIP:
        ws_server_write(server, begin, strlen(begin));
        while (ws_server_write(server, "x", 1) &&
               poll(&(struct pollfd){.fd = server->fd, .events = POLLIN}, 1, 10) == 0)
            ;
        break;
    case WS_ANSWER_ENDLESS:
        ws_server_write(server, begin, strlen(begin));
        while (ws_server_write(server, "and so on ", 10))
            ;
        break;
    case WS_ANSWER_HANG_UP: break;
    }
}

void ws_server_serve(struct ws_server *server)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};

    server->fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (server->fd < 0)
        return;
    setsockopt(server->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(server->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (server->tls) {
        server->ssl = SSL_new(server->context);
        SSL_set_fd(server->ssl, server->fd);
    }
    if (!server->tls || SSL_accept(server->ssl) == 1)
        converse(server);
    if (server->ssl)
        SSL_free(server->ssl);
    if (server->fd >= 0)
        close(server->fd);
}

static void *serve(void *arg)
{
    ws_server_serve(arg);
    return NULL;
}

void ws_server_listen(struct ws_server *server, const char *certificate)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    signal(SIGPIPE, SIG_IGN); /* TLS writes without MSG_NOSIGNAL */
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(server->listener, (struct sockaddr *)&address, len) == 0, "no port");
    must(listen(server->listener, 1) == 0, "no listener");
    getsockname(server->listener, (struct sockaddr *)&address, &len);
    snprintf(server->url, sizeof(server->url), "%s://localhost:%d/?v=10",
             server->tls ? "wss" : "ws", ntohs(address.sin_port));
    if (server->tls) {
        server->context = SSL_CTX_new(TLS_server_method());
        must(SSL_CTX_use_certificate_file(server->context, certificate, SSL_FILETYPE_PEM) == 1 &&
                 SSL_CTX_use_PrivateKey_file(server->context, certificate, SSL_FILETYPE_PEM) == 1,
             "the certificate cannot be used");
    }
}

void ws_server_start(struct ws_server *server, const char *certificate)
{
    ws_server_listen(server, certificate);
    must(pthread_create(&server->thread, NULL, serve, server) == 0, "no thread");
}

void ws_server_stop(struct ws_server *server)
{
    shutdown(server->listener, SHUT_RDWR); /* nobody may have come */
    pthread_join(server->thread, NULL);
    close(server->listener);
    SSL_CTX_free(server->context);
}
