/* SPDX-License-Identifier: Apache-2.0
 *
 * A Discord session against the fake Discord, which shares no code with it and counts what a client
 * may not do: each event comes once through cuts at any byte, and every code and opcode has the action
 * that Discord asks for, on the wire.
 */
#include "../loop/loop_fixture.h"
#include "fake.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "gateway/discord/inflate.h"
#include "gateway/discord/intents.h"
#include "gateway/discord/session.h"
#include "net/http.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE_MS 120000 /* no assertion depends on it */

struct test {
    struct fake_llm fake;
    struct loop *loop;
    struct http_client *client;
    struct discord_session_options options;
    troupe_status (*body)(struct test *test);

    struct discord_session *session;
    enum discord_phase phase;
    char why[256];
    unsigned readies, ends, identifies, changes;
    int fatal_code;
    uint64_t created, repeated; /* messages                      */
    struct map seen;            /* their ids                     */
};

/* ---- the fake ---------------------------------------------------------------------------------------- */

/* The answer's; -1 in place of one that is not 200. [waits] */
static json_t *call(struct test *test, const char *path, const char *body)
{
    _cleanup_mem_ char *url = mem_printf("%s%s", test->fake.url, path);
    struct http_request request = {.url = url,
                                   .trust = HTTP_TRUST_CONFIGURED,
                                   .body = body,
                                   .body_len = body ? strlen(body) : 0};
    struct http_response response = {0};
    json_t *value = NULL;
    struct error err;

    if (http_fetch(test->client, &request, &response, &err) < 0)
        fprintf(stderr, "# %s: %s\n", path, err.text);
    else if (response.status != 200)
        fprintf(stderr, "# %s: HTTP %d: %s\n", path, response.status, buf_text(&response.body));
    else
        (void)json_parse(response.body.data, response.body.len, &value, &err);
    http_response_clear(&response);
    return value;
}

static void tell(struct test *test, const char *path, const char *body)
{
    json_decref(call(test, path, body));
}

static int64_t report(struct test *test, const char *name)
{
    _cleanup_json_ json_t *value = call(test, "/_fake/report", NULL);

    return json_get_int(value, name, -1);
}

/* ---- the handler ---------------------------------------------------------------------------------------- */

static void on_dispatch(void *arg, const struct discord_scan *scan, char *json, size_t len)
{
    struct test *test = arg;
    char id[24];

    (void)json;
    (void)len;
    if (scan->type.len != strlen("MESSAGE_CREATE") ||
        memcmp(scan->type.ptr, "MESSAGE_CREATE", scan->type.len) != 0)
        return;
    snprintf(id, sizeof(id), "%" PRIu64, scan->id);
    if (map_get(&test->seen, id))
        test->repeated++;
    else
        test->created++;
    map_set(&test->seen, id, test);
}

static void on_changed(void *arg, const struct discord_resume *resume)
{
    (void)resume;
    ((struct test *)arg)->changes++;
}

static troupe_status on_identify(void *arg, uint64_t *ret_wait_ms, struct error *err)
{
    (void)ret_wait_ms;
    (void)err;
    ((struct test *)arg)->identifies++;
    return TROUPE_OK;
}

static troupe_status on_base_url(void *arg, char ret[256], struct error *err)
{
    (void)err;
    snprintf(ret, 256, "ws://127.0.0.1:%d", ((struct test *)arg)->fake.port);
    return TROUPE_OK;
}

static void on_phase(void *arg, enum discord_phase phase, const char *why)
{
    struct test *test = arg;

    test->phase = phase;
    test->readies += phase == DISCORD_READY;
    snprintf(test->why, sizeof(test->why), "%s", why);
}

static void on_fatal(void *arg, int code, const char *sentence)
{
    (void)sentence;
    ((struct test *)arg)->fatal_code = code;
}

static const struct discord_session_handler handler = {
    .dispatch = on_dispatch,
    .changed = on_changed,
    .identify = on_identify,
    .base_url = on_base_url,
    .phase = on_phase,
    .fatal = on_fatal,
};

/* ---- running -------------------------------------------------------------------------------------------- */

/* In a coroutine a failed check ends the body with its place; cmocka must not jump between stacks. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "# %s:%d: %s (%s; %" PRIu64 " created, %" PRIu64 " repeated)\n",       \
                    __FILE__, __LINE__, #condition, test->why, test->created, test->repeated);     \
            return TROUPE_FAILED;                                                                  \
        }                                                                                          \
    } while (0)
#define CHECK_REPORT(name, wanted)                                                                 \
    do {                                                                                           \
        int64_t got_ = report(test, name);                                                         \
        if (got_ != (wanted)) {                                                                    \
            fprintf(stderr, "# %s:%d: %s is %" PRId64 "\n", __FILE__, __LINE__, name, got_);       \
            return TROUPE_FAILED;                                                                  \
        }                                                                                          \
    } while (0)
/* Waits until `done` is true; the loop turns meanwhile. */
#define WAIT(done)                                                                                 \
    do {                                                                                           \
        uint64_t until_ = co_after(PATIENCE_MS);                                                   \
        while (!(done)) {                                                                          \
            CHECK(loop_now(test->loop) <= until_ && #done);                                        \
            co_sleep(1);                                                                           \
        }                                                                                          \
    } while (0)

static troupe_status body(void *arg)
{
    struct test *test = arg;
    troupe_status status = test->body(test);

    if (test->session)
        discord_session_stop(test->session, true);
    discord_session_free(test->session);
    return status;
}

static void begin(struct test *test)
{
    test->session = discord_session_new(test->loop, &test->options, &handler, test);
}

static void run(struct test *test, const char *const *options)
{
    test->options.token = test->options.token ? test->options.token : "fake-token";
    test->options.intents =
        DISCORD_INTENT_GUILDS | DISCORD_INTENT_GUILD_MESSAGES | DISCORD_INTENT_MESSAGE_CONTENT;
    test->options.resume.seq = -1;
    test->options.compress_local = true;
    test->options.time_scale = 0.05;
    fake_discord_start(&test->fake, options);
    test->loop = fixture_new(NULL);
    assert_status(http_client_new(test->loop, NULL, &test->client, NULL), TROUPE_OK);
    assert_status(fixture_run(test->loop, body, test), TROUPE_OK);
    http_client_free(test->client);
    for (int i = 0; i < 3; i++)
        loop_step(test->loop, 0);
    fixture_free(test->loop);
    fake_llm_stop(&test->fake);
    map_clear(&test->seen);
}

static const char *const plain[] = {NULL};

/* ---- tests ---------------------------------------------------------------------------------------------- */

static troupe_status check_manners(struct test *test)
{
    CHECK_REPORT("closes_1000", 0);
    CHECK_REPORT("query_changed", 0);
    CHECK_REPORT("protocol_errors", 0);
    CHECK_REPORT("identifies_refused", 0);
    return TROUPE_OK;
}

#define BURST 500
#define CUTS  10

static troupe_status cut_bursts(struct test *test)
{
    begin(test);
    WAIT(test->readies == 1);
    for (unsigned cut = 1; cut <= CUTS; cut++) {
        char order[64];

        snprintf(order, sizeof(order), "{\"do\":\"reset\",\"n\":%u}", cut * 7919 % 12000);
        tell(test, "/_fake/gateway", order);
        tell(test, "/_fake/burst", "{\"kind\":\"plain\",\"rate\":0,\"count\":500}");
        WAIT(test->created == (uint64_t)cut * BURST && test->phase == DISCORD_READY);
    }
    CHECK(test->identifies == 1 && test->changes == 1);
    CHECK(report(test, "resumed") >= CUTS / 2);
    CHECK_REPORT("resumes_on_base", 0);
    return check_manners(test);
}

static void bursts_that_are_cut_at_any_byte_come_whole(void **state)
{
    (void)state;
    for (int compress = DISCORD_PLAIN; compress <= DISCORD_ZSTD; compress++) {
        struct test test = {.body = cut_bursts, .options = {.compress = compress}};

        run(&test, plain);
    }
}

static troupe_status each_action(struct test *test)
{
    static const struct {
        const char *order;
        bool identifies;
    } rows[] = {
        {"{\"do\":\"close\",\"code\":1000}", false},
        {"{\"do\":\"close\",\"code\":1001}", false},
        {"{\"do\":\"close\",\"code\":1011}", false},
        {"{\"do\":\"close\",\"code\":4000}", false},
        {"{\"do\":\"close\",\"code\":4001}", false},
        {"{\"do\":\"close\",\"code\":4002}", false},
        {"{\"do\":\"close\",\"code\":4003}", true},
        {"{\"do\":\"close\",\"code\":4005}", false},
        {"{\"do\":\"close\",\"code\":4007}", true},
        {"{\"do\":\"close\",\"code\":4008}", false},
        {"{\"do\":\"close\",\"code\":4009}", true},
        {"{\"do\":\"close\",\"code\":4099}", false},
        {"{\"do\":\"cut\"}", false},
        {"{\"do\":\"op7\"}", false},
        {"{\"do\":\"op9\",\"resumable\":true}", false},
        {"{\"do\":\"op9\",\"resumable\":false}", true},
    };

    begin(test);
    WAIT(test->readies == 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned readies = test->readies, identifies = test->identifies;

        tell(test, "/_fake/gateway", rows[i].order);
        WAIT(test->readies > readies);
        if (test->identifies != identifies + rows[i].identifies)
            fprintf(stderr, "# %s\n", rows[i].order);
        CHECK(test->identifies == identifies + rows[i].identifies);
    }
    CHECK_REPORT("resumes_on_base", 0);
    return check_manners(test);
}

static void each_code_and_opcode_has_its_action_on_the_wire(void **state)
{
    struct test test = {.body = each_action, .options = {.compress = DISCORD_ZSTD}};

    (void)state;
    run(&test, plain);
}

static troupe_status poison(struct test *test)
{
    static const char *const faults[] = {
        "{\"on\":\"connect\",\"host\":\"resume\",\"do\":\"status\",\"status\":503,\"times\":0}",
        "{\"on\":\"connect\",\"host\":\"resume\",\"do\":\"reset\",\"times\":0}",
        "{\"on\":\"resume\",\"host\":\"resume\",\"do\":\"cut\",\"times\":0}",
        "{\"on\":\"hello\",\"host\":\"resume\",\"do\":\"hang\",\"times\":0}",
        "{\"on\":\"hello\",\"host\":\"resume\",\"do\":\"reconnect\",\"times\":0}",
    };

    begin(test);
    WAIT(test->readies == 1);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        unsigned readies = test->readies;

        tell(test, "/_fake/fault", faults[i]);
        tell(test, "/_fake/gateway", "{\"do\":\"cut\"}");
        WAIT(test->readies > readies);
        CHECK(report(test, "resumes_on_base") == (int64_t)i + 1);
        tell(test, "/_fake/heal", "{}");
        readies = test->readies;
        tell(test, "/_fake/gateway", "{\"do\":\"cut\"}");
        WAIT(test->readies > readies);
    }
    CHECK(test->identifies == 1);
    /* Dead there, too: a new one. */
    tell(test, "/_fake/fault", faults[0]);
    tell(test, "/_fake/gateway", "{\"do\":\"forget\"}");
    tell(test, "/_fake/gateway", "{\"do\":\"cut\"}");
    WAIT(test->identifies == 2 && test->phase == DISCORD_READY);
    return check_manners(test);
}

static void a_poisoned_resume_host_costs_no_session_that_is_alive(void **state)
{
    struct test test = {.body = poison, .options = {.compress = DISCORD_ZLIB}};

    (void)state;
    run(&test, plain);
}

static troupe_status silent_hello(struct test *test)
{
    tell(test, "/_fake/fault",
         "[{\"on\":\"hello\",\"do\":\"hang\",\"times\":1},"
         "{\"on\":\"hello\",\"do\":\"reconnect\",\"times\":1}]");
    begin(test);
    WAIT(test->readies == 1);
    CHECK(report(test, "connections") >= 3);
    CHECK_REPORT("identifies", 1);
    return check_manners(test);
}

static void without_hello_or_with_op_7_in_its_place_it_connects_again(void **state)
{
    struct test test = {.body = silent_hello};

    (void)state;
    run(&test, plain);
}

static troupe_status no_ack(struct test *test)
{
    struct discord_session_stats stats;

    begin(test);
    WAIT(test->readies == 1);
    tell(test, "/_fake/fault", "{\"on\":\"heartbeat\",\"do\":\"ignore\",\"times\":2}");
    do {
        co_sleep(1);
        discord_session_stats(test->session, &stats);
    } while (!stats.zombies);
    WAIT(test->phase == DISCORD_READY && test->readies > 1);
    CHECK(test->identifies == 1);
    CHECK(report(test, "resumed") >= 1);
    return check_manners(test);
}

static void a_connection_without_ack_is_resumed(void **state)
{
    static const char *const options[] = {"--heartbeat-ms", "1000", NULL};
    struct test test = {.body = no_ack};

    (void)state;
    run(&test, options);
}

static troupe_status refused(struct test *test)
{
    begin(test);
    WAIT(test->fatal_code);
    CHECK(test->phase == DISCORD_ENDED && test->readies == 0);
    return TROUPE_OK;
}

static void a_wrong_token_and_a_denied_intent_are_the_end(void **state)
{
    static const char *const options[] = {"--unprivileged", NULL};
    struct test token = {.body = refused, .options = {.token = "another-token"}};
    struct test intent = {.body = refused};

    (void)state;
    run(&token, plain);
    assert_int_equal(token.fatal_code, 4004);
    run(&intent, options);
    assert_int_equal(intent.fatal_code, 4014);
}

static int start(void **state)
{
    (void)state;
    return http_global_init(NULL) < 0;
}

static int stop(void **state)
{
    (void)state;
    http_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bursts_that_are_cut_at_any_byte_come_whole),
        cmocka_unit_test(each_code_and_opcode_has_its_action_on_the_wire),
        cmocka_unit_test(a_poisoned_resume_host_costs_no_session_that_is_alive),
        cmocka_unit_test(without_hello_or_with_op_7_in_its_place_it_connects_again),
        cmocka_unit_test(a_connection_without_ack_is_resumed),
        cmocka_unit_test(a_wrong_token_and_a_denied_intent_are_the_end),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
