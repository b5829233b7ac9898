/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ws_handshake.h"

#include "base/mem.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define ACCEPT_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* 1.3 */

enum { KEY_BYTES = 16, DIGEST_BYTES = 20, SWITCHING_PROTOCOLS = 101 };

troupe_status ws_handshake_key(char ret_key[WS_KEY_SIZE], struct error *err)
{
    unsigned char bytes[KEY_BYTES];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return error_set(err, TROUPE_FAILED, "the system gave no random bytes");
    EVP_EncodeBlock((unsigned char *)ret_key, bytes, KEY_BYTES);
    return TROUPE_OK;
}

troupe_status ws_handshake_accept(const char *key, char ret_accept[WS_ACCEPT_SIZE],
                                  struct error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    _cleanup_mem_ char *text = mem_printf("%s" ACCEPT_SUFFIX, key);
    unsigned len = 0;

    if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha1(), NULL) != 1 || len != DIGEST_BYTES)
        return error_set(err, TROUPE_FAILED, "OpenSSL gives no SHA-1, which WebSockets need");
    EVP_EncodeBlock((unsigned char *)ret_accept, digest, DIGEST_BYTES);
    return TROUPE_OK;
}

char *ws_handshake_request(const char *target, const char *host, const char *user_agent,
                           const char *key)
{
    return mem_printf("GET %s HTTP/1.1\r\n"
                      "Host: %s\r\n"
                      "Upgrade: websocket\r\n"
                      "Connection: Upgrade\r\n"
                      "Sec-WebSocket-Key: %s\r\n"
                      "Sec-WebSocket-Version: 13\r\n"
                      "User-Agent: %s\r\n\r\n",
                      target, host, key, user_agent);
}

size_t ws_handshake_head(const char *answer, size_t len)
{
    const char *end = memmem(answer, len, "\r\n\r\n", 4);

    return end ? (size_t)(end - answer) + 4 : 0;
}

/* ---- the answer ---------------------------------------------------------------------------- */

struct span {
    const char *ptr;
    size_t len;
};

static struct span trim(struct span text)
{
    while (text.len > 0 && (*text.ptr == ' ' || *text.ptr == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool same(struct span text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

/* Whether a list of tokens, split by commas, has the word. */
static bool lists(struct span text, const char *word)
{
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.ptr) : text.len;

        if (same(trim((struct span){text.ptr, len}), word))
            return true;
        len += comma ? 1 : 0;
        text.ptr += len;
        text.len -= len;
    }
    return false;
}

/* "HTTP/1.1 503 …": 503, -1 where that is no status line. */
static int read_status(struct span line)
{
    const char *p = line.ptr + strlen("HTTP/1.x ");
    int status = 0;

    if (line.len < strlen("HTTP/1.x nnn") || strncmp(line.ptr, "HTTP/1.", 7) != 0 || p[-1] != ' ')
        return -1;
    for (int i = 0; i < 3; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        status = status * 10 + (p[i] - '0');
    }
    return status;
}

struct answer {
    bool upgrade, connection, accept, accept_wrong, unasked;
};

static void read_header(struct span line, const char *accept, struct answer *answer)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    struct span name, value;

    if (!colon)
        return;
    name = (struct span){line.ptr, (size_t)(colon - line.ptr)};
    value = trim((struct span){colon + 1, line.len - name.len - 1});
    if (same(name, "Upgrade")) {
        answer->upgrade |= lists(value, "websocket");
    } else if (same(name, "Connection")) {
        answer->connection |= lists(value, "upgrade");
    } else if (same(name, "Sec-WebSocket-Accept")) {
        bool right = value.len == strlen(accept) && memcmp(value.ptr, accept, value.len) == 0;

        answer->accept = true;
        answer->accept_wrong |= !right;
    } else if (same(name, "Sec-WebSocket-Extensions") || same(name, "Sec-WebSocket-Protocol")) {
        answer->unasked |= value.len > 0;
    }
}

troupe_status ws_handshake_check(const char *head, size_t len, const char *key, const char *label,
                                 struct error *err)
{
    struct answer answer = {0};
    char accept[WS_ACCEPT_SIZE];
    troupe_status status = ws_handshake_accept(key, accept, err);
    bool first = true;

    if (status != TROUPE_OK)
        return status;
    while (len > 2) { /* the last line is the empty one */
        const char *end = memmem(head, len, "\r\n", 2);
        struct span line = {head, end ? (size_t)(end - head) : len};

        if (first) {
            int http = read_status(line);

            if (http < 0)
                return error_set(err, TROUPE_DATA, "what \"%s\" answered is no HTTP", label);
            if (http != SWITCHING_PROTOCOLS)
                return error_set(err, TROUPE_DATA,
                                 "\"%s\" answered with HTTP status %d where a WebSocket was asked "
                                 "for; check the URL",
                                 label, http);
            first = false;
        } else {
            read_header(line, accept, &answer);
        }
        if (!end)
            break;
        len -= line.len + 2;
        head = end + 2;
    }
    if (!answer.upgrade || !answer.connection)
        return error_set(err, TROUPE_DATA,
                         "\"%s\" answered with HTTP status 101 but upgrades to no WebSocket",
                         label);
    if (!answer.accept || answer.accept_wrong)
        return error_set(err, TROUPE_DATA,
                         "\"%s\" answered with HTTP status 101 and a wrong Sec-WebSocket-Accept: "
                         "something between answers in its name",
                         label);
    if (answer.unasked)
        return error_set(err, TROUPE_DATA,
                         "\"%s\" chose an extension or subprotocol that nobody offered", label);
    return TROUPE_OK;
}
