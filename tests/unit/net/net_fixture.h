/* SPDX-License-Identifier: Apache-2.0
 *
 * A fake server, a loop and a client for a test whose body is one coroutine.
 */
#ifndef TESTS_NET_FIXTURE_H
#define TESTS_NET_FIXTURE_H

#include "../loop/loop_fixture.h"
#include "fake.h"

#include "base/json.h"
#include "base/mem.h"
#include "net/http.h"

#include <stdio.h>
#include <string.h>

struct net {
    struct fake_llm fake;
    struct loop *loop;
    struct http_client *client;
};

/* What a stalled test is given at most; no assertion depends on it. */
#define NET_PATIENCE_MS 60000

static inline void net_run(const struct http_client_options *options, const char *script,
                           co_fn body)
{
    struct net net = {0};
    struct error err = {0};

    fake_llm_start(&net.fake, script);
    net.loop = fixture_new(NULL);
    if (http_client_new(net.loop, options, &net.client, &err) != TROUPE_OK)
        fail_msg("http_client_new: %s", err.text);
    assert_status(fixture_run(net.loop, body, &net), TROUPE_OK);
    http_client_free(net.client);
    fixture_free(net.loop);
    fake_llm_stop(&net.fake);
}

static inline char *net_url(const struct net *net, const char *path)
{
    return mem_printf("%s%s", net->fake.url, path);
}

/* GET by the path from the fake, as a configured endpoint. */
static inline struct http_request net_get(const char *url)
{
    return (struct http_request){.url = url, .trust = HTTP_TRUST_CONFIGURED};
}

static inline json_t *net_json(const struct net *net, const char *path)
{
    _cleanup_mem_ char *url = net_url(net, path);
    struct http_request request = net_get(url);
    struct http_response response = {0};
    struct error err = {0};
    json_t *value = NULL;

    if (http_fetch(net->client, &request, &response, &err) != TROUPE_OK)
        fail_msg("%s: %s", path, err.text);
    assert_status(json_parse(response.body.data, response.body.len, &value, &err), TROUPE_OK);
    http_response_clear(&response);
    return value;
}

static inline int64_t net_stat(const struct net *net, const char *name)
{
    _cleanup_json_ json_t *stats = net_json(net, "/_stats");

    return json_get_int(stats, name, -1);
}

/* Waits until no transfer is left on the thread. */
static inline void net_wait_idle(const struct net *net)
{
    uint64_t until = co_after(NET_PATIENCE_MS);
    struct http_client_stats stats;

    for (;;) {
        http_client_stats(net->client, &stats);
        if (stats.active == 0)
            return;
        if (loop_now(net->loop) > until)
            fail_msg("%zu transfers are still running", stats.active);
        co_sleep(2);
    }
}

/* Around all tests of a program. */
static inline int net_group_begin(void **state)
{
    struct error err;

    (void)state;
    return http_global_init(&err) == TROUPE_OK ? 0 : -1;
}

static inline int net_group_end(void **state)
{
    (void)state;
    http_global_cleanup();
    return 0;
}

#endif
