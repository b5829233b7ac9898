/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "base/mem.h"
#include "net/ws_handshake.h"

#include <stdio.h>
#include <string.h>

/* RFC 6455, 1.3 */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void the_accept_is_that_of_the_rfc(void **state)
{
    char accept[WS_ACCEPT_SIZE];

    (void)state;
    assert_status(ws_handshake_accept(KEY, accept, NULL), TROUPE_OK);
    assert_string_equal(accept, ACCEPT);
}

static void keys_are_16_bytes_and_never_the_same(void **state)
{
    char one[WS_KEY_SIZE], two[WS_KEY_SIZE];

    (void)state;
    assert_status(ws_handshake_key(one, NULL), TROUPE_OK);
    assert_status(ws_handshake_key(two, NULL), TROUPE_OK);
    assert_int_equal(strlen(one), 24);
    assert_string_not_equal(one, two);
}

static void the_request_asks_for_version_13(void **state)
{
    _cleanup_mem_ char *request = ws_handshake_request("/?v=10", "localhost:80", "troupe/1", KEY);

    (void)state;
    assert_string_equal(request, "GET /?v=10 HTTP/1.1\r\nHost: localhost:80\r\n"
                                 "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n"
                                 "User-Agent: troupe/1\r\n\r\n");
}

#define FIRST "HTTP/1.1 101 Switching Protocols\r\n"
#define GOOD  "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static void only_an_upgrade_as_asked_is_taken(void **state)
{
    static const struct {
        const char *head;
        const char *error; /* NULL: good */
    } cases[] = {
        {FIRST GOOD "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", NULL},
        {"HTTP/1.1 101 \r\nupgrade:WebSocket\r\nCONNECTION: keep-alive, upgrade \r\n"
         "sec-websocket-accept:\t" ACCEPT "  \r\nX: y\r\nSec-WebSocket-Protocol: \r\n\r\n",
         NULL},
        {FIRST GOOD "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=\r\n\r\n", "wrong Sec"},
        {FIRST GOOD "Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO=\r\n\r\n", "wrong Sec"},
        {FIRST GOOD "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Accept: x\r\n\r\n",
         "wrong Sec"},
        {FIRST GOOD "\r\n", "wrong Sec"},
        {FIRST "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", "no WebSocket"},
        {FIRST "Upgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", "no WebSocket"},
        {FIRST "Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
         "no WebSocket"},
        {FIRST GOOD "Sec-WebSocket-Accept: " ACCEPT
                    "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
         "nobody offered"},
        {FIRST GOOD "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
         "nobody offered"},
        {"HTTP/1.1 200 OK\r\n\r\n", "status 200"},
        {"HTTP/1.1 503 Service Unavailable\r\n" GOOD "\r\n", "status 503"},
        {"HTTP/2 101\r\n\r\n", "no HTTP"},
        {"HTTP/1.1 1x1 \r\n\r\n", "no HTTP"},
        {"HTTP/1.1\r\n\r\n", "no HTTP"},
        {"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP"},
        {"\r\n\r\n", "no HTTP"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        size_t len = strlen(cases[i].head);

        assert_int_equal(ws_handshake_head(cases[i].head, len), len);
        assert_int_equal(ws_handshake_head(cases[i].head, len - 1), 0);
        if (!cases[i].error) {
            assert_status(ws_handshake_check(cases[i].head, len, KEY, "h:1", &err), TROUPE_OK);
            continue;
        }
        assert_status(ws_handshake_check(cases[i].head, len, KEY, "h:1", &err), TROUPE_DATA);
        if (!strstr(err.text, cases[i].error))
            fail_msg("case %zu says: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_accept_is_that_of_the_rfc),
        cmocka_unit_test(keys_are_16_bytes_and_never_the_same),
        cmocka_unit_test(the_request_asks_for_version_13),
        cmocka_unit_test(only_an_upgrade_as_asked_is_taken),
    };

    return cmocka_run_group_tests_name("net/ws_handshake", tests, NULL, NULL);
}
