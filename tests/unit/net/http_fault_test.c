/* SPDX-License-Identifier: Apache-2.0 */
#include "net_fixture.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHAT                                                                                       \
    "{\"model\":\"fake-1\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

/* ---- a server that misbehaves -------------------------------------------------------------- */

struct fault_case {
    const char *script;
    bool opens; /* the headers arrive: the status comes from reading */
    troupe_status status;
    const char *text; /* in the sentence */
    uint32_t first_byte_ms, idle_ms, total_ms;
};

static const struct fault_case faults[] = {
    {"[{\"fault\":\"hang_before_headers\"}]", false, TROUPE_DEADLINE, "did not begin", 150, 0, 0},
    {"[{\"fault\":\"hang_before_headers\"}]", false, TROUPE_DEADLINE, "was not done", 0, 0, 150},
    {"[{\"fault\":\"hang_after_headers\"}]", true, TROUPE_DEADLINE, "sent nothing", 0, 150, 0},
    {"[{\"fault\":\"hang_mid_stream\"}]", true, TROUPE_DEADLINE, "sent nothing", 0, 150, 0},
    {"[{\"fault\":\"hang_mid_stream\"}]", true, TROUPE_DEADLINE, "was not done", 0, 0, 500},
    {"[{\"answer_repeat\":50,\"delay_ms\":20}]", true, TROUPE_DEADLINE, "was not done", 0, 0, 500},
    {"[{\"fault\":\"slow_loris\"}]", false, TROUPE_DEADLINE, "was not done", 0, 0, 500},
    {"[{\"fault\":\"cut_before_headers\"}]", false, TROUPE_IO, "closed", 0, 0, 0},
    {"[{\"fault\":\"cut_mid_stream\"}]", true, TROUPE_IO, "closed", 0, 0, 0},
    {"[{\"fault\":\"reset_mid_stream\",\"delay_ms\":20}]", true, TROUPE_IO, "closed", 0, 0, 0},
    {"[{\"fault\":\"empty_stream\"}]", true, TROUPE_END, "", 0, 0, 0},
    {"[{\"fault\":\"garbage_sse\"}]", true, TROUPE_END, "", 0, 0, 0},
    {"[{\"fault\":\"no_done\"}]", true, TROUPE_END, "", 0, 0, 0},
    {"[{\"fault\":\"wrong_content_type\"}]", true, TROUPE_END, "", 0, 0, 0},
    {"[{\"fault\":\"status\",\"status\":529}]", true, TROUPE_END, "", 0, 0, 0},
};

static const struct fault_case *fault;

static troupe_status meet_fault(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *url = net_url(net, "/v1/chat/completions?key=hidden");
    struct http_request request = {.url = url,
                                   .body = CHAT,
                                   .body_len = strlen(CHAT),
                                   .trust = HTTP_TRUST_CONFIGURED,
                                   .first_byte_timeout_ms = fault->first_byte_ms,
                                   .idle_timeout_ms = fault->idle_ms};
    _cleanup_http_ struct http_stream *stream = NULL;
    struct error err = {0};
    troupe_status status;
    const char *data;
    size_t len;

    if (fault->total_ms)
        request.deadline = co_after(fault->total_ms);
    status = http_open(net->client, &request, &stream, &err);
    /* Where the whole time is short, a slow machine may not even have got the headers. */
    if (!fault->opens || (status != TROUPE_OK && !fault->total_ms)) {
        assert_status(status, fault->opens ? TROUPE_OK : fault->status);
    }
    while (stream && (status = http_read(stream, &data, &len, 0, &err)) == TROUPE_OK)
        continue;
    assert_status(status, fault->status);
    if (status != TROUPE_END) {
        assert_int_equal(err.status, status);
        assert_non_null(strstr(err.text, fault->text));
        assert_null(strstr(err.text, "hidden"));
        assert_non_null(strstr(err.text, "\"127.0.0.1:"));
    }
    return TROUPE_OK;
}

static void every_fault_ends_with_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        fault = &faults[i];
        net_run(NULL, fault->script, meet_fault);
    }
}

/* ---- no server ----------------------------------------------------------------------------- */

static troupe_status fetch_status(struct net *net, const char *url, enum http_trust trust,
                                  unsigned redirects, struct error *err)
{
    struct http_request request = {.url = url, .trust = trust, .follow_redirects = redirects};
    struct http_response response = {0};
    troupe_status status = http_fetch(net->client, &request, &response, err);

    http_response_clear(&response);
    return status;
}

/* A port that was free a moment ago and that nobody listens on: bound, never listened to. */
static int dead_port(int *ret_fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*ret_fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&address, &len), 0);
    return ntohs(address.sin_port);
}

static troupe_status nobody_there(void *arg)
{
    struct net *net = arg;
    struct error err = {0};
    int fd, port = dead_port(&fd);
    _cleanup_mem_ char *refused = mem_printf("http://127.0.0.1:%d/?key=hidden", port);
    _cleanup_mem_ char *no_tls = mem_printf("https://127.0.0.1:%d/?key=hidden", net->fake.port);

    assert_status(fetch_status(net, refused, HTTP_TRUST_CONFIGURED, 0, &err), TROUPE_UNAVAILABLE);
    assert_non_null(strstr(err.text, "cannot connect to \"127.0.0.1:"));
    assert_null(strstr(err.text, "hidden"));
    close(fd);
    assert_status(fetch_status(net, "http://no-such-name.invalid/?key=hidden",
                               HTTP_TRUST_CONFIGURED, 0, &err),
                  TROUPE_UNAVAILABLE);
    assert_non_null(strstr(err.text, "cannot resolve the name of \"no-such-name.invalid:80\""));
    assert_status(fetch_status(net, no_tls, HTTP_TRUST_CONFIGURED, 0, &err), TROUPE_FAILED);
    assert_non_null(strstr(err.text, "TLS"));
    return TROUPE_OK;
}

static void an_absent_server_is_unavailable(void **state)
{
    (void)state;
    net_run(NULL, NULL, nobody_there);
}

/* ---- bad requests -------------------------------------------------------------------------- */

static troupe_status refuse_requests(void *arg)
{
    static const char *const urls[] = {
        "",
        "example.org",
        "/path",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://",
        "http://user@127.0.0.1/",
        "http://user:word@127.0.0.1/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX: y",
        "http://127.0.0.1:99999/",
    };
    static const struct http_header headers[] = {
        {"Host", "other"},
        {"content-length", "3"},
        {"Transfer-Encoding", "chunked"},
        {"X-A", "1\r\nX-B: 2"},
        {"X A", "1"},
        {"", "1"},
        {"X:", "1"},
        {"X-A", "bell\a"},
        {"Connection", "close"},
    };
    static const char *const methods[] = {"", "GE T", "CONNECT", "TRACE", "AVERYLONGMETHODNAME"};
    struct net *net = arg;
    struct error err = {0};

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        if (fetch_status(net, urls[i], HTTP_TRUST_CONFIGURED, 0, &err) != TROUPE_ARGUMENT)
            fail_msg("URL \"%s\" was not refused: %s", urls[i], err.text);
    }
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct http_request request = net_get(net->fake.url);
        struct http_response response;

        request.headers = &headers[i];
        request.header_count = 1;
        if (http_fetch(net->client, &request, &response, &err) != TROUPE_ARGUMENT)
            fail_msg("header \"%s\" was not refused", headers[i].name);
        assert_null(strstr(err.text, "bell"));
    }
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct http_request request = net_get(net->fake.url);
        struct http_response response;

        request.method = methods[i];
        if (http_fetch(net->client, &request, &response, &err) != TROUPE_ARGUMENT)
            fail_msg("method \"%s\" was not refused", methods[i]);
    }
    return TROUPE_OK;
}

static void malformed_requests_never_leave(void **state)
{
    (void)state;
    net_run(NULL, NULL, refuse_requests);
}

/* ---- the address guard --------------------------------------------------------------------- */

static troupe_status knock_untrusted(void *arg)
{
    static const char *const hosts[] = {
        "127.0.0.1",          "127.1",       "2130706433", "0x7f000001",
        "0177.0.0.1",         "localhost",   "0.0.0.0",    "[::1]",
        "[::ffff:127.0.0.1]", "[::]",        "10.0.0.1",   "169.254.169.254",
        "[fe80::1]",          "192.168.0.1", "100.64.0.1", "127.0.0.1.",
        "[64:ff9b::7f00:1]",
    };
    struct net *net = arg;
    struct http_client_stats stats;
    int64_t before;

    assert_true(net_stat(net, "requests") > 0); /* leaves a pooled connection to the fake */
    before = net_stat(net, "requests");
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        _cleanup_mem_ char *url =
            mem_printf("http://%s:%d/v1/models?key=hidden", hosts[i], net->fake.port);
        struct error err = {0};
        troupe_status status = fetch_status(net, url, HTTP_TRUST_UNTRUSTED, 3, &err);

        if (strcmp(hosts[i], "127.0.0.1.") == 0 && status == TROUPE_UNAVAILABLE)
            continue; /* some resolvers take it for a name */
        if (status != TROUPE_DENIED)
            fail_msg("%s: %s, %s", hosts[i], status_name(status), err.text);
        assert_non_null(strstr(err.text, "allow_private"));
        assert_null(strstr(err.text, "hidden"));
    }
    assert_int_equal(net_stat(net, "requests"), before + 1);
    http_client_stats(net->client, &stats);
    assert_true(stats.denied >= sizeof(hosts) / sizeof(hosts[0]) - 1);
    return TROUPE_OK;
}

static void an_untrusted_request_reaches_no_private_address(void **state)
{
    (void)state;
    net_run(NULL, NULL, knock_untrusted);
}

static troupe_status redirects(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *once = net_url(net, "/_redirect?to=/v1/models");
    _cleanup_mem_ char *thrice =
        net_url(net, "/_redirect?to=/_redirect?to=/_redirect?to=/v1/models");
    _cleanup_mem_ char *often =
        net_url(net, "/_redirect?to=/_redirect?to=/_redirect?to=/_redirect?to=/v1/models");
    _cleanup_mem_ char *file = net_url(net, "/_redirect?to=file:///etc/passwd");
    _cleanup_mem_ char *user = net_url(net, "/_redirect?to=http://a:b@127.0.0.1/");
    _cleanup_mem_ char *private =
        mem_printf("%s/_redirect?to=http://localhost:%d/v1/models", net->fake.url, net->fake.port);
    struct error err = {0};

    assert_status(fetch_status(net, once, HTTP_TRUST_CONFIGURED, 1, &err), TROUPE_OK);
    assert_status(fetch_status(net, once, HTTP_TRUST_CONFIGURED, 0, &err), TROUPE_OK);
    assert_status(fetch_status(net, thrice, HTTP_TRUST_CONFIGURED, 3, &err), TROUPE_OK);
    assert_status(fetch_status(net, thrice, HTTP_TRUST_CONFIGURED, 2, &err), TROUPE_LIMIT);
    assert_status(fetch_status(net, often, HTTP_TRUST_CONFIGURED, 9, &err), TROUPE_LIMIT);
    assert_status(fetch_status(net, file, HTTP_TRUST_CONFIGURED, 3, &err), TROUPE_DATA);
    assert_status(fetch_status(net, user, HTTP_TRUST_CONFIGURED, 3, &err), TROUPE_DATA);
    /* The same server by another name is another origin, which nobody configured. */
    assert_status(fetch_status(net, private, HTTP_TRUST_CONFIGURED, 3, &err), TROUPE_DENIED);
    return TROUPE_OK;
}

static void redirects_are_counted_and_judged_anew(void **state)
{
    (void)state;
    net_run(NULL, NULL, redirects);
}

static troupe_status redirect_elsewhere(void *arg)
{
    struct net *net = arg;
    _cleanup_mem_ char *away =
        mem_printf("%s/_redirect?to=http://localhost:%d/_echo", net->fake.url, net->fake.port);
    _cleanup_mem_ char *home = net_url(net, "/_redirect?to=/_echo");
    const struct http_header header = {"Authorization", "Bearer hidden"};
    struct http_request request = {.url = away,
                                   .headers = &header,
                                   .header_count = 1,
                                   .body = "text",
                                   .body_len = 4,
                                   .trust = HTTP_TRUST_CONFIGURED,
                                   .follow_redirects = 1};
    struct http_response response = {0};

    assert_status(http_fetch(net->client, &request, &response, NULL), TROUPE_OK);
    assert_null(strstr(response.body.data, "Authorization"));
    assert_non_null(strstr(response.body.data, "\"GET\""));
    http_response_clear(&response);
    request.url = home;
    assert_status(http_fetch(net->client, &request, &response, NULL), TROUPE_OK);
    assert_non_null(strstr(response.body.data, "Authorization"));
    http_response_clear(&response);
    return TROUPE_OK;
}

static void a_redirect_to_another_origin_carries_no_headers(void **state)
{
    const struct http_client_options options = {.allow_private = true};

    (void)state;
    net_run(&options, NULL, redirect_elsewhere);
}

static troupe_status environment_proxy(void *arg)
{
    struct net *net = arg;

    assert_true(net_stat(net, "requests") >= 0);
    return TROUPE_OK;
}

static void the_environments_proxy_is_ignored(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    net_run(NULL, NULL, environment_proxy);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

static troupe_status through_proxy(void *arg)
{
    struct net *net = arg;
    struct error err = {0};

    assert_status(fetch_status(net, "http://example.org/", HTTP_TRUST_UNTRUSTED, 0, &err),
                  TROUPE_DENIED);
    assert_non_null(strstr(err.text, "proxy"));
    return TROUPE_OK;
}

static void untrusted_requests_are_denied_behind_a_proxy(void **state)
{
    const struct http_client_options options = {.proxy = "http://127.0.0.1:1"};

    (void)state;
    net_run(&options, NULL, through_proxy);
}

/* Refused before a socket is opened, also towards what the operator configured. */
static troupe_status stay_at_home(void *arg)
{
    struct net *net = arg;
    struct error err = {0};

    assert_status(fetch_status(net, "http://8.8.8.8/", HTTP_TRUST_CONFIGURED, 0, &err),
                  TROUPE_DENIED);
    assert_non_null(strstr(err.text, "local_only"));
    assert_true(net_stat(net, "requests") >= 0); /* while the fake on loopback answers */
    return TROUPE_OK;
}

static void local_only_reaches_this_machine_and_nothing_else(void **state)
{
    const struct http_client_options options = {.local_only = true};

    (void)state;
    net_run(&options, NULL, stay_at_home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_ends_with_its_status),
        cmocka_unit_test(an_absent_server_is_unavailable),
        cmocka_unit_test(malformed_requests_never_leave),
        cmocka_unit_test(an_untrusted_request_reaches_no_private_address),
        cmocka_unit_test(redirects_are_counted_and_judged_anew),
        cmocka_unit_test(a_redirect_to_another_origin_carries_no_headers),
        cmocka_unit_test(the_environments_proxy_is_ignored),
        cmocka_unit_test(local_only_reaches_this_machine_and_nothing_else),
        cmocka_unit_test(untrusted_requests_are_denied_behind_a_proxy),
    };

    return cmocka_run_group_tests_name("net/http_fault", tests, net_group_begin, net_group_end);
}
