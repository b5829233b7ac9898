/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits of keys: what went out within a minute, and whole talks that keep to that and to what headers say.
 */
#include "fake_turn.h"
#include "llm/allowance.h"
#include "llm/converse.h"
#include "llm/limits.h"
#include "llm_talk_rig.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*status_fn)(troupe_turn *);

#define NOW ((int64_t)1795176000000) /* 2026-11-20T12:00:00Z */
#define S   ((int64_t)1000)

/* ---- a minute ----------------------------------------------------------------------------------*/

static void no_sixty_seconds_have_more_than_is_allowed(void **state)
{
    enum { MOST = 7, STEPS = 4000 };
    const struct llm_need need = {1, 0, 0};
    struct llm_window window = {.most_requests = MOST};
    static int64_t taken[STEPS];
    int count = 0;
    int64_t now = NOW;

    (void)state;
    for (int i = 0; i < STEPS; i++) {
        int64_t wait;

        llm_window_look(&window, now);
        wait = llm_window_wait(&window, &need, now);
        assert_true(wait >= 0 && wait <= 61 * S);
        if (wait == 0) {
            llm_window_take(&window, &need, now);
            taken[count] = now;
            if (count >= MOST)
                assert_true(now - taken[count - MOST] >= 60 * S);
            count++;
        } else {
            /* it is so when it says */
            struct llm_window later = window;

            llm_window_look(&later, now + wait - 1);
            assert_true(llm_window_wait(&later, &need, now + wait - 1) > 0);
            llm_window_look(&later, now + wait);
            assert_int_equal(llm_window_wait(&later, &need, now + wait), 0);
        }
        now += 137 + i % 911;
    }
    assert_true(count > MOST * 20);
}

static void tokens_count_as_guessed_and_then_as_told(void **state)
{
    const struct llm_need need = {400, 600, 0};
    struct llm_window window = {.most_tokens = 2500};
    struct llm_taken taken = {NOW, need};

    (void)state;
    llm_window_take(&window, &need, NOW);
    llm_window_take(&window, &need, NOW + S);
    assert_true(llm_window_wait(&window, &need, NOW + S) > 0);
    /* the first one had 450 */
    llm_limits_settle(&window, &taken, LLM_SPENT_TOKENS, 450);
    assert_int_equal(window.tokens, 1450);
    assert_int_equal(window.requests, 2);
    assert_int_equal(llm_window_wait(&window, &need, NOW + S), 0);
    /* only once */
    llm_limits_settle(&window, &taken, LLM_SPENT_TOKENS, 450);
    assert_int_equal(window.tokens, 1450);
    /* the second was refused, or never went out */
    taken = (struct llm_taken){NOW + S, need};
    llm_limits_settle(&window, &taken, LLM_SPENT_REQUEST, 0);
    assert_int_equal(window.tokens, 450);
    assert_int_equal(window.requests, 2);
    llm_window_take(&window, &need, NOW + 2 * S);
    taken = (struct llm_taken){NOW + 2 * S, need};
    llm_limits_settle(&window, &taken, LLM_SPENT_NOTHING, 0);
    assert_int_equal(window.tokens, 450);
    assert_int_equal(window.requests, 2);
    /* what broke off stays as it was guessed */
    llm_window_take(&window, &need, NOW + 3 * S);
    taken = (struct llm_taken){NOW + 3 * S, need};
    llm_limits_settle(&window, &taken, LLM_SPENT_UNKNOWN, 0);
    assert_int_equal(window.tokens, 1450);
    /* what is older than a minute is not made less than nothing */
    llm_window_look(&window, NOW + 62 * S);
    taken = (struct llm_taken){NOW, need};
    llm_limits_settle(&window, &taken, LLM_SPENT_TOKENS, 0);
    assert_int_equal(window.tokens, 1000);
    llm_window_look(&window, NOW + 200 * S);
    assert_int_equal(window.tokens, 0);
    assert_int_equal(window.requests, 0);
}

/* A turn that waited for a button runs again from its first line, with the times of its first run. */
static void a_call_is_settled_once_though_its_turn_runs_again(void **state)
{
    const struct llm_need need = {400, 600, 0};
    struct llm_window window = {.most_tokens = 2500};

    (void)state;
    llm_window_take(&window, &need, NOW);
    llm_window_take(&window, &need, NOW);
    for (int run = 0; run < 3; run++)
        for (int call = 0; call < 2; call++) {
            struct llm_taken taken = {NOW, need};

            llm_limits_settle(&window, &taken, call == 0 ? LLM_SPENT_UNKNOWN : LLM_SPENT_NOTHING,
                              0);
        }
    assert_int_equal(window.tokens, 1000);
    assert_int_equal(window.requests, 1);
}

static void a_question_larger_than_the_limit_goes_out_alone(void **state)
{
    const struct llm_need large = {5000, 0, 0}, small = {10, 0, 0};
    struct llm_window window = {.most_tokens = 1000};

    (void)state;
    llm_window_look(&window, NOW);
    assert_int_equal(llm_window_wait(&window, &large, NOW), 0);
    llm_window_take(&window, &small, NOW);
    assert_int_equal(llm_window_wait(&window, &large, NOW), 61 * S);
    llm_window_look(&window, NOW + 61 * S);
    assert_int_equal(llm_window_wait(&window, &large, NOW + 61 * S), 0);
    llm_window_take(&window, &large, NOW + 61 * S);
    assert_int_equal(llm_window_wait(&window, &small, NOW + 61 * S), 61 * S);
}

static void a_clock_that_is_set_shuts_nobody_out(void **state)
{
    const struct llm_need need = {1, 0, 0};
    struct llm_window window = {.most_requests = 1};

    (void)state;
    llm_window_take(&window, &need, NOW);
    llm_window_look(&window, NOW - 5 * S);
    assert_true(llm_window_wait(&window, &need, NOW - 5 * S) > 60 * S);
    llm_window_look(&window, NOW - 3600 * S);
    assert_int_equal(llm_window_wait(&window, &need, NOW - 3600 * S), 0);
    llm_window_take(&window, &need, NOW - 3600 * S);
    llm_window_look(&window, NOW);
    assert_int_equal(llm_window_wait(&window, &need, NOW), 0);
}

/* ---- the config --------------------------------------------------------------------------------*/

static void limits_are_for_all_keys_or_for_each(void **state)
{
    static const struct {
        const char *value;
        uint32_t keys, most[3]; /* keys 0: refused */
        const char *problem;
    } cases[] = {
        {"60", 3, {60, 60, 60}, NULL},
        {"60, 500,0", 3, {60, 500, 0}, NULL},
        {"60", 1, {60, 0, 0}, NULL},
        {NULL, 3, {0, 0, 0}, NULL},
        {"sixty", 0, {0}, "expected a number for all keys"},
        {"-1", 0, {0}, "expected a number for all keys"},
        {"60,", 3, {60, 60, 60}, NULL},
        {"60 500", 0, {0}, "expected a number for all keys"},
        {"99999999999", 0, {0}, "expected a number for all keys"},
        {"1,2,3,4", 0, {0}, "more numbers than keys are set"},
        {"1,2", 0, {0}, "fewer numbers than keys are set"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");
        struct llm_window *windows = calloc(LLM_KEYS_MAX, sizeof(*windows));
        const uint32_t keys = cases[i].keys ? cases[i].keys : 3;
        troupe_status status;

        if (cases[i].value)
            fake_config(fake, "requests_per_minute_2", cases[i].value);
        status = llm_limits_load(&fake->host.host, "_2", keys, windows);
        assert_int_equal(status, cases[i].keys ? TROUPE_OK : TROUPE_CONFIG);
        for (uint32_t key = 0; key < cases[i].keys; key++)
            assert_int_equal(windows[key].most_requests, cases[i].most[key]);
        if (cases[i].problem) {
            assert_true(fake_text_has(&fake->host.log, "key \"requests_per_minute_2\": \""));
            assert_true(fake_text_has(&fake->host.log, cases[i].problem));
        }
        free(windows);
        fake_turn_free(fake);
    }
}

/* ---- talks -------------------------------------------------------------------------------------*/

/* A model with two keys, and settings of the test's. */
static struct fake_turn *two_keys(const char *const *config)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "base_url", "http://127.0.0.1:8080/v1");
    fake_config(fake, "model", "own-1");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    fake_config(fake, "api_key", "x");
    fake_config(fake, "api_key_alt", "y");
    for (; config && config[0]; config += 2)
        fake_config(fake, config[0], config[1]);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = llm_talk_call;
    for (int i = 0; i < FAKE_MAX; i++) {
        fake->responses[i].status = 200;
        fake->responses[i].chunks[0] = LLM_TALK_GOOD;
    }
    return fake;
}

/* The n-th answer says that nothing is left of `what` for so long. */
static void says_empty(struct fake_turn *fake, int n, const char *left, const char *reset_name,
                       const char *reset)
{
    fake->responses[n].headers[0] = left;
    fake->responses[n].headers[1] = "0";
    fake->responses[n].headers[2] = reset_name;
    fake->responses[n].headers[3] = reset;
}

static void no_requests_left(struct fake_turn *fake, int n, const char *reset)
{
    says_empty(fake, n, "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", reset);
}

/* One more question, which is answered with that key. */
static void is_asked_with(struct fake_turn *fake, const char *key)
{
    char secret[64];
    const unsigned n = fake->request_count;

    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, n + 1);
    snprintf(secret, sizeof(secret), "{secret:%s}", key);
    if (!strstr(fake->requests[n].headers, secret))
        fail_msg("request %u: %s", n, fake->requests[n].headers);
}

static void a_key_with_nothing_left_is_passed_over_until_its_reset(void **state)
{
    static const char *const all[][2] = {
        {"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"},
        {"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fake_turn *fake = two_keys(NULL);

        says_empty(fake, 0, all[i][0], all[i][1], "6m0s");
        is_asked_with(fake, "api_key");
        is_asked_with(fake, "api_key_alt");
        assert_true(fake_text_has(&fake->reasons, " with key 2 (one before it is at its limit)"));
        fake->now_ms += 359 * S;
        is_asked_with(fake, "api_key_alt");
        fake->now_ms += 2 * S;
        is_asked_with(fake, "api_key");
        assert_int_equal(fake->slept_ms, 0);
        fake_turn_free(fake);
    }
}

/* Not from the end of an answer that took longer than that. */
static void the_reset_counts_from_when_it_was_told(void **state)
{
    struct fake_turn *fake = two_keys(NULL);

    (void)state;
    no_requests_left(fake, 0, "5s");
    fake->responses[0].chunk_ms = 10 * S;
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key");
    fake_turn_free(fake);
}

/* As OpenAI's own refusals have it: all is back in minutes, something in a second. */
static void a_refusal_that_says_when_to_come_back_is_believed(void **state)
{
    struct fake_turn *fake = two_keys(NULL);

    (void)state;
    no_requests_left(fake, 0, "6m0s");
    fake->responses[0].status = 429;
    fake->responses[0].chunks[0] = "{\"error\":{\"code\":\"rate_limit_exceeded\"}}";
    fake->responses[0].headers[4] = "retry-after";
    fake->responses[0].headers[5] = "2";
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, 2);
    is_asked_with(fake, "api_key_alt");
    fake->now_ms += 3 * S;
    is_asked_with(fake, "api_key");
    fake_turn_free(fake);
}

static void an_answer_shows_that_something_was_left(void **state)
{
    struct fake_turn *fake = two_keys(NULL);

    (void)state;
    /* both are refused, and asked again all the same where nothing says when */
    for (int i = 0; i < 2; i++) {
        no_requests_left(fake, i, "6m0s");
        fake->responses[i].status = 429;
        fake->responses[i].chunks[0] = "{\"error\":{\"code\":\"rate_limit_exceeded\"}}";
    }
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, 3);
    fake->now_ms += LLM_COOL_MS;
    is_asked_with(fake, "api_key");
    fake_turn_free(fake);
}

static void so_is_one_that_has_less_left_than_the_question_takes(void **state)
{
    struct fake_turn *fake = two_keys(NULL);

    (void)state;
    says_empty(fake, 0, "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", "30s");
    fake->responses[0].headers[1] = "1000"; /* and the answer may have 1,024 */
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key_alt");
    fake_turn_free(fake);
}

static void anthropics_keys_are_passed_over_alike(void **state)
{
    static const char *const config[] = {"format", "anthropic", NULL};
    static const char *const good =
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
        "\"text\":\"fine\"}}\n\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
        "\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\ndata: {\"type\":\"message_stop\"}\n\n";
    struct fake_turn *fake = two_keys(config);

    (void)state;
    for (int i = 0; i < FAKE_MAX; i++)
        fake->responses[i].chunks[0] = good;
    says_empty(fake, 0, "anthropic-ratelimit-output-tokens-remaining",
               "anthropic-ratelimit-output-tokens-reset", "2026-11-20T12:00:20Z");
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key_alt");
    fake->now_ms += 20 * S;
    is_asked_with(fake, "api_key");
    fake_turn_free(fake);
}

static void the_configs_limits_lead_to_the_next_key(void **state)
{
    static const char *const config[] = {"requests_per_minute", "2, 5", NULL};
    struct fake_turn *fake = two_keys(config);

    (void)state;
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key_alt");
    fake->now_ms += 61 * S;
    is_asked_with(fake, "api_key");
    fake_turn_free(fake);
}

static void tokens_are_given_back_that_an_answer_did_not_have(void **state)
{
    /* A question is taken for some 1,030 tokens and has ten. */
    static const char *const config[] = {"tokens_per_minute", "1100", NULL};
    struct fake_turn *fake = two_keys(config);

    (void)state;
    for (int i = 0; i < 4; i++)
        is_asked_with(fake, "api_key");
    fake->responses[4].chunks[0] =
        "data: {\"choices\":[{\"delta\":{\"content\":\"fine\"},\"finish_reason\":\"stop\"}]}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":900,\"completion_tokens\":1}}\n\n";
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key_alt");
    fake_turn_free(fake);
}

static void each_request_of_a_talk_counts(void **state)
{
    static const char *const config[] = {"requests_per_minute", "1", "temperature", "0.5", NULL};
    struct fake_turn *fake = two_keys(config);

    (void)state;
    fake->responses[0].status = 400;
    fake->responses[0].chunks[0] =
        "{\"error\":{\"code\":\"unsupported_parameter\",\"param\":\"temperature\"}}";
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, 2);
    assert_non_null(strstr(fake->requests[0].headers, "{secret:api_key}"));
    assert_non_null(strstr(fake->requests[1].headers, "{secret:api_key_alt}"));
    assert_true(fake_text_has(&fake->reasons, "llm.key: key 1 of own-1 may not be used now"));
    fake_turn_free(fake);
}

static const char *look_or_choose(struct fake_turn *fake, const char *name, troupe_str args)
{
    return strcmp(name, "x.look") == 0 ? "seen" : llm_talk_call(fake, name, args);
}

/* Three rounds with two keys of one request a minute: the last one waits for the first key's minute. */
static void so_does_each_round_with_functions(void **state)
{
    static const char *const config[] = {"requests_per_minute", "1", "first_token_timeout", "70s",
                                         NULL};
    struct fake_turn *fake = two_keys(config);

    (void)state;
    fake->tools = "[{\"type\":\"function\",\"function\":{\"name\":\"look\",\"parameters\":{}},"
                  "\"call\":\"x.look\",\"idempotent\":false}]";
    fake->on_call = look_or_choose;
    for (int i = 0; i < 2; i++) {
        fake->responses[i].chunks[0] =
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\","
            "\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}}]},\"finish_reason\":"
            "\"tool_calls\"}]}\n\n";
        fake->responses[i].chunk_ms = 8 * S;
    }
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->written.ptr, "fine");
    assert_int_equal(fake->request_count, 3);
    assert_non_null(strstr(fake->requests[0].headers, "{secret:api_key}"));
    assert_non_null(strstr(fake->requests[1].headers, "{secret:api_key_alt}"));
    assert_non_null(strstr(fake->requests[2].headers, "{secret:api_key}"));
    assert_true(fake->slept_ms > 20 * S && fake->slept_ms < 30 * S);
    assert_true(fake_text_has(&fake->reasons, "llm.waited: all keys are at their limits"));
    fake_turn_free(fake);
}

static void what_is_not_paid_for_takes_nothing(void **state)
{
    static const char *const config[] = {
        "requests_per_minute", "1", "local", "no", "price_input", "1", "price_output", "1", NULL};
    struct fake_turn *fake = two_keys(config);
    const uint64_t cap = fake->cap;

    (void)state;
    fake->cap = 1;
    for (int i = 0; i < 5; i++)
        assert_int_equal(llm_talk(fake), TROUPE_BUDGET);
    assert_int_equal(fake->request_count, 0);
    fake->cap = cap;
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key_alt");
    fake_turn_free(fake);
}

static const char *const with_another[] = {"base_url_2", "http://127.0.0.1:8081/v1", "route_chat",
                                           "own-1 90, 2:far-1 60", NULL};

static void where_all_keys_are_used_up_the_next_model_answers(void **state)
{
    struct fake_turn *fake = two_keys(with_another);

    (void)state;
    no_requests_left(fake, 0, "40s");
    no_requests_left(fake, 1, "50s");
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key_alt");
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->requests[2].url, "http://127.0.0.1:8081/v1/chat/completions");
    assert_true(fake_text_has(&fake->reasons, "llm.route: chat: far-1 at 127.0.0.1"));
    assert_true(fake_text_has(&fake->reasons, "(at its limit)"));
    assert_int_equal(fake->slept_ms, 0);
    fake->now_ms += 40 * S;
    is_asked_with(fake, "api_key");
    fake_turn_free(fake);
}

static void for_a_moment_the_better_model_is_waited_for(void **state)
{
    struct fake_turn *fake = two_keys(with_another);

    (void)state;
    no_requests_left(fake, 0, "700ms");
    no_requests_left(fake, 1, "900ms");
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key_alt");
    is_asked_with(fake, "api_key");
    assert_true(fake->slept_ms >= 700 && fake->slept_ms < 1500);
    assert_true(fake_text_has(&fake->reasons, "llm.waited: all keys are at their limits"));
    fake_turn_free(fake);
}

/* For the owner a question that waits and is put again is one, though nobody chose for it at first. */
static void who_waits_goes_round_a_model_that_is_down_once(void **state)
{
    static const char *const config[] = {"base_url_2",  "http://127.0.0.1:8081/v1",
                                         "route_chat",  "own-1 90, 2:far-1 5",
                                         "alert_count", "7",
                                         "alert_share", "0",
                                         "cost_weight", "0",
                                         NULL};
    struct fake_turn *fake = two_keys(config);

    (void)state;
    for (int i = 0; i < LLM_BREAKER_FAILURES; i++) {
        fake->responses[2 * i].status = 500;
        no_requests_left(fake, 2 * i + 1, "700ms");
        fake->now_ms += S;
        assert_int_equal(llm_talk(fake), TROUPE_OK);
        assert_int_equal(fake->request_count, 2 * i + 2);
    }
    assert_int_equal(fake->slept_ms, 0);
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_true(fake->slept_ms >= 700);
    assert_null(fake->told.ptr);
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_true(fake_text_has(&fake->told, "failed 7 times"));
    fake_turn_free(fake);
}

/* A wait that is longer than the first token may take is none, though it is short. */
static void who_may_not_wait_so_long_gets_the_next_model_at_once(void **state)
{
    static const char *const config[] = {"base_url_2",
                                         "http://127.0.0.1:8081/v1",
                                         "route_chat",
                                         "own-1 90, 2:far-1 60",
                                         "first_token_timeout",
                                         "500ms",
                                         NULL};
    struct fake_turn *fake = two_keys(config);

    (void)state;
    no_requests_left(fake, 0, "900ms");
    no_requests_left(fake, 1, "900ms");
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key_alt");
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->requests[2].url, "http://127.0.0.1:8081/v1/chat/completions");
    assert_int_equal(fake->slept_ms, 0);
    fake_turn_free(fake);
}

/* What /llm-status says. */
static int status_has(struct fake_turn *fake, const char *part)
{
    fake->responses[fake->request_count].chunks[0] = "{\"data\":[{\"id\":\"own-1\"}]}";
    assert_int_equal(((status_fn)fake_function(fake, "llm-status"))(&fake->turn), TROUPE_OK);
    return fake_text_has(&fake->reply, part);
}

static void the_status_tells_of_keys_at_their_limits(void **state)
{
    static const char *const config[] = {"requests_per_minute", "1", NULL};
    struct fake_turn *fake = two_keys(config);

    (void)state;
    is_asked_with(fake, "api_key");
    assert_true(status_has(fake, "It answers. Of its 2 keys at their limits: 1; made to wait: 0."));
    is_asked_with(fake, "api_key_alt");
    assert_true(status_has(fake, "It answers. It gets as many questions as its limits allow: none "
                                 "for another 61 seconds."));
    fake_turn_free(fake);
}

static void where_nothing_else_is_left_a_short_limit_is_waited_for(void **state)
{
    static const char *const config[] = {"requests_per_minute", "1", "first_token_timeout", "20s",
                                         NULL};
    struct fake_turn *fake = two_keys(config);

    (void)state;
    is_asked_with(fake, "api_key");
    fake->now_ms += 30 * S;
    is_asked_with(fake, "api_key_alt");
    fake->now_ms += 15 * S;
    is_asked_with(fake, "api_key"); /* 16 seconds later */
    assert_true(fake->slept_ms >= 15 * S && fake->slept_ms <= 17 * S);
    fake_turn_free(fake);
}

/* As its bucket fills up evenly, the only key need not be left alone until all of it is back. */
static void the_only_key_is_asked_once_enough_should_be_back(void **state)
{
    static const char *const config[] = {"base_url_2", "http://127.0.0.1:8081/v1", "route_chat",
                                         "2:far-1", NULL};
    struct fake_turn *fake = two_keys(config); /* of the other provider, without keys */

    (void)state;
    for (int i = 0; i < 3; i++) {
        no_requests_left(fake, i, "60s");
        fake->responses[i].headers[4] = "x-ratelimit-limit-requests";
        fake->responses[i].headers[5] = "20";
    }
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_true(fake->slept_ms >= 3 * S && fake->slept_ms < 4 * S);
    assert_true(fake_text_has(&fake->reasons, "as enough of its limit should be back"));
    fake_turn_free(fake);
}

/* Never longer than for a first token: the member reads at once when to come back. */
static void and_a_longer_one_is_told_with_its_time(void **state)
{
    static const char *const config[] = {"requests_per_minute", "1", "first_token_timeout", "20s",
                                         NULL};
    struct fake_turn *fake = two_keys(config);

    (void)state;
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key_alt");
    fake->now_ms += 36 * S;
    assert_int_equal(llm_talk(fake), TROUPE_BUSY);
    assert_string_equal(fake->code, "llm.rate_limited");
    assert_string_equal(fake->sentence,
                        "The language model gets as many questions as its limits allow. Please "
                        "try again in 25 seconds.");
    assert_int_equal(fake->request_count, 2);
    assert_int_equal(fake->slept_ms, 0);
    fake_turn_free(fake);
}

static void headers_that_lie_cost_an_hour_at_most(void **state)
{
    struct fake_turn *fake = two_keys(NULL);

    (void)state;
    no_requests_left(fake, 0, "9999-12-31T23:59:59Z");
    is_asked_with(fake, "api_key");
    is_asked_with(fake, "api_key_alt");
    fake->now_ms += LLM_ALLOWANCE_MOST_MS;
    is_asked_with(fake, "api_key");
    fake_turn_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sixty_seconds_have_more_than_is_allowed),
        cmocka_unit_test(tokens_count_as_guessed_and_then_as_told),
        cmocka_unit_test(a_call_is_settled_once_though_its_turn_runs_again),
        cmocka_unit_test(a_question_larger_than_the_limit_goes_out_alone),
        cmocka_unit_test(a_clock_that_is_set_shuts_nobody_out),
        cmocka_unit_test(limits_are_for_all_keys_or_for_each),
        cmocka_unit_test(a_key_with_nothing_left_is_passed_over_until_its_reset),
        cmocka_unit_test(the_reset_counts_from_when_it_was_told),
        cmocka_unit_test(a_refusal_that_says_when_to_come_back_is_believed),
        cmocka_unit_test(an_answer_shows_that_something_was_left),
        cmocka_unit_test(so_is_one_that_has_less_left_than_the_question_takes),
        cmocka_unit_test(anthropics_keys_are_passed_over_alike),
        cmocka_unit_test(the_configs_limits_lead_to_the_next_key),
        cmocka_unit_test(tokens_are_given_back_that_an_answer_did_not_have),
        cmocka_unit_test(each_request_of_a_talk_counts),
        cmocka_unit_test(so_does_each_round_with_functions),
        cmocka_unit_test(what_is_not_paid_for_takes_nothing),
        cmocka_unit_test(where_all_keys_are_used_up_the_next_model_answers),
        cmocka_unit_test(for_a_moment_the_better_model_is_waited_for),
        cmocka_unit_test(who_waits_goes_round_a_model_that_is_down_once),
        cmocka_unit_test(who_may_not_wait_so_long_gets_the_next_model_at_once),
        cmocka_unit_test(the_status_tells_of_keys_at_their_limits),
        cmocka_unit_test(where_nothing_else_is_left_a_short_limit_is_waited_for),
        cmocka_unit_test(the_only_key_is_asked_once_enough_should_be_back),
        cmocka_unit_test(and_a_longer_one_is_told_with_its_time),
        cmocka_unit_test(headers_that_lie_cost_an_hour_at_most),
    };

    return cmocka_run_group_tests_name("llm limits", tests, NULL, NULL);
}
