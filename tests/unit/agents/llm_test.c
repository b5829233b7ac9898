/* SPDX-License-Identifier: Apache-2.0
 *
 * The llm agent against a scripted provider: what it sends, hands out, pays and says.
 */
#include "fake_turn.h"
#include "tap.h"

#include "llm/cost.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*chat_fn)(troupe_turn *, troupe_str, troupe_str, int64_t, double, troupe_str,
                                 troupe_str, troupe_str);
typedef troupe_status (*status_fn)(troupe_turn *);

#define QUESTION "[{\"role\":\"user\",\"content\":\"hello there\"}]"
#define TEXT(t)  "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" t "\"}}]}\n\n"
#define STOP     "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE                                                                                      \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":4,"               \
    "\"prompt_tokens_details\":{\"cached_tokens\":0}}}\n\n"
#define DONE "data: [DONE]\n\n"

/* An agent with a paid model: a million tokens cost 1 USD in and 2 USD out. */
static struct fake_turn *paid_with(const char *key, const char *value)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    if (key)
        fake_config(fake, key, value);

    fake_config(fake, "base_url", "https://api.example.com/v1/");
    fake_config(fake, "api_key", "not for the plugin");
    fake_config(fake, "model", "tiny-1");
    fake_config(fake, "price_input", "1");
    fake_config(fake, "price_output", "2");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    return fake;
}

static struct fake_turn *paid(void)
{
    return paid_with(NULL, NULL);
}

static troupe_status chat(struct fake_turn *fake)
{
    const troupe_str messages = {QUESTION, strlen(QUESTION)}, route = {"chat", 4};

    return ((chat_fn)fake_function(fake, "llm.chat"))(&fake->turn, messages, route, 0, -1,
                                                      (troupe_str){"none", 4}, (troupe_str){"", 0},
                                                      (troupe_str){"", 0});
}

static void script(struct fake_turn *fake, unsigned i, uint32_t status, const char *const *chunks)
{
    fake->responses[i].status = status;
    for (unsigned n = 0; chunks && chunks[n]; n++)
        fake->responses[i].chunks[n] = chunks[n];
}

static json_int_t number(const struct fake_turn *fake, const char *key, const char *inner)
{
    json_t *tree = json_loads(fake->result.ptr ? fake->result.ptr : "", 0, NULL);
    const json_t *value = json_object_get(tree, key);
    json_int_t ret;

    assert_non_null(tree);
    value = inner ? json_object_get(value, inner) : value;
    ret = json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);
    json_decref(tree);
    return ret;
}

/* Whatever happens: nothing stays open, and members never see the provider's words. */
static void finish(struct fake_turn *fake)
{
    assert_int_equal(fake->open_http, 0);
    assert_null(strstr(fake->sentence, "RAW"));
    assert_null(strstr(fake->sentence, "10.9.8.7"));
    fake_turn_free(fake);
}

static void a_temperature_is_sent_unless_the_config_says_none(void **state)
{
    static const char *const chunks[] = {TEXT("Hello") STOP USAGE DONE, NULL};
    static const struct {
        const char *value, *sent;
    } cases[] = {{NULL, "\"temperature\":0.7"}, {"0", "\"temperature\":0"}, {"-1", NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = paid_with(cases[i].value ? "temperature" : NULL, cases[i].value);

        script(fake, 0, 200, chunks);
        assert_int_equal(chat(fake), TROUPE_OK);
        if (cases[i].sent)
            assert_non_null(strstr(fake->requests[0].body, cases[i].sent));
        else
            assert_null(strstr(fake->requests[0].body, "temperature"));
        finish(fake);
    }
}

static void an_answer_streams_and_is_paid_by_its_usage(void **state)
{
    static const char *const chunks[] = {": hi\n\n", TEXT("Hel") TEXT("lo, "), TEXT("Ada"),
                                         STOP USAGE DONE, NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 200, chunks);
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_string_equal(fake->written.ptr, "Hello, Ada");
    assert_int_equal(fake->write_count, 2); /* what came together goes on together */
    assert_true(fake_text_has(&fake->result, "\"text\":\"Hello, Ada\""));
    assert_true(fake_text_has(&fake->result, "\"finish\":\"stop\""));
    assert_int_equal(number(fake, "usage", "input"), 20);
    assert_int_equal(number(fake, "usage", "estimated"), 0);
    assert_int_equal(number(fake, "usage", "guessed"), 4 + 4); /* eleven letters, and a message */
    assert_int_equal(number(fake, "cost_micros", NULL), 28);
    assert_int_equal(fake->reservation_count, 1);
    assert_int_equal(fake->reservations[0].state, FAKE_SETTLED);
    assert_int_equal(fake->reservations[0].settled, 28);
    assert_true(fake->reservations[0].worst >= 2048);
    assert_string_equal(fake->requests[0].url, "https://api.example.com/v1/chat/completions");
    assert_non_null(strstr(fake->requests[0].headers, "Bearer {secret:api_key}\n"));
    assert_non_null(strstr(fake->requests[0].body, "\"content\":\"hello there\""));
    assert_int_equal(fake->requests[0].reservation, 1);
    assert_null(fake->host.log.ptr);
    finish(fake);
}

static void usage_that_is_missing_is_estimated_and_marked(void **state)
{
    static const char *const chunks[] = {TEXT("four words of text") STOP, NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 200, chunks); /* [DONE] is missing, too */
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_int_equal(number(fake, "usage", "estimated"), 1);
    assert_true(number(fake, "usage", "output") >= 4);
    assert_int_equal(fake->reservations[0].state, FAKE_SETTLED);
    assert_true(fake->reservations[0].settled > 0);
    assert_true(fake->reservations[0].settled <= fake->reservations[0].worst);
    finish(fake);
}

static void usage_of_nothing_is_no_report(void **state)
{
    struct llm_usage usage = {.known = 1};

    (void)state;
    assert_false(llm_usage_reported(&usage));
    usage.output = 1;
    assert_true(llm_usage_reported(&usage));
    usage.known = 0;
    assert_false(llm_usage_reported(&usage));
}

static void the_providers_own_cost_counts(void **state)
{
    static const char *const chunks[] = {TEXT("a") STOP
                                         "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,"
                                         "\"completion_tokens\":1,\"cost\":0.0000421}}\n\n" DONE,
                                         NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 200, chunks);
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_int_equal(fake->reservations[0].settled, 43);
    finish(fake);
}

static void a_server_that_does_not_stream_answers_too(void **state)
{
    static const char *const chunks[] = {
        "{\"object\":\"chat.completion\",\"choices\":[{\"message\":{\"role\":\"assistant\",",
        "\"content\":\"whole\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
        "\"completion_tokens\":1}}",
        NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 200, chunks);
    fake->responses[0].headers[0] = "Content-Type";
    fake->responses[0].headers[1] = "application/json";
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_string_equal(fake->written.ptr, "whole");
    finish(fake);
}

static void without_a_provider_it_says_what_to_set(void **state)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "talker");

    (void)state;
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    assert_int_equal(chat(fake), TROUPE_UNAVAILABLE);
    assert_string_equal(fake->code, "llm.not_configured");
    assert_non_null(strstr(fake->sentence, "base_url and model in [agent talker]"));
    assert_int_equal(fake->reservation_count, 0);
    assert_int_equal(((status_fn)fake_function(fake, "llm-status"))(&fake->turn),
                     TROUPE_UNAVAILABLE);
    finish(fake);
}

static void an_unknown_price_is_refused_with_the_remedy(void **state)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");
    char path[4096];

    (void)state;
    snprintf(path, sizeof(path), "%s/etc/prices.json",
             getenv("TROUPE_SRCDIR") ? getenv("TROUPE_SRCDIR") : ".");
    fake_config(fake, "base_url", "https://api.openai.com/v1");
    fake_config(fake, "model", "nobody-knows-me");
    fake_config(fake, "price_table", path);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    assert_int_equal(chat(fake), TROUPE_BUDGET);
    assert_string_equal(fake->code, "budget.price_unknown");
    assert_non_null(strstr(fake->sentence, "name it in prices of [agent llm]"));
    assert_int_equal(fake->request_count, 0);
    finish(fake);
}

static void a_cap_is_named_in_the_hosts_words_and_nothing_leaves(void **state)
{
    struct fake_turn *fake = paid();

    (void)state;
    fake->cap = 100;
    assert_int_equal(chat(fake), TROUPE_BUDGET);
    assert_string_equal(fake->code, "budget.daily");
    assert_string_equal(fake->sentence,
                        "The budget of today is used up; raise the cap in [budget].");
    assert_int_equal(fake->request_count, 0);
    finish(fake);
}

static void an_answer_without_a_bound_is_refused_with_the_remedy(void **state)
{
    struct fake_turn *fake = paid_with("max_tokens", "0");

    (void)state;
    assert_int_equal(chat(fake), TROUPE_BUDGET);
    assert_string_equal(fake->code, "budget.price_unknown");
    assert_non_null(strstr(fake->sentence, "set max_tokens in [agent llm]"));
    assert_int_equal(fake->request_count, 0);
    for (unsigned i = 0; i < fake->reservation_count; i++)
        assert_int_equal(fake->reservations[i].state, FAKE_RELEASED);
    finish(fake);
}

static void a_local_model_costs_nothing(void **state)
{
    static const char *const chunks[] = {TEXT("hi") STOP USAGE DONE, NULL};
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    (void)state;
    fake_config(fake, "base_url", "http://127.0.0.1:11434/v1");
    fake_config(fake, "model", "llama3.2");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    script(fake, 0, 200, chunks);
    fake->cap = 0;
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_int_equal(fake->reservations[0].worst, 0);
    assert_int_equal(fake->reservations[0].settled, 0);
    assert_null(strstr(fake->requests[0].headers, "Authorization"));
    finish(fake);
}

/* One scripted failure each, without retries left. */
static void each_failure_has_its_code_and_sentence(void **state)
{
    static const struct {
        const char *what;
        struct fake_response response;
        troupe_status status;
        const char *code;
        enum fake_money money;
        uint64_t settled;
    } cases[] = {
        {"no connection", {0}, TROUPE_UNAVAILABLE, "llm.unreachable", FAKE_RELEASED, 0},
        {"no answer in time",
         {.open_status = TROUPE_DEADLINE, .dispatched = 1},
         TROUPE_DEADLINE,
         "llm.too_slow",
         FAKE_DISPATCHED,
         0},
        {"broken off before the headers",
         {.open_status = TROUPE_IO, .dispatched = 1},
         TROUPE_UNAVAILABLE,
         "llm.unreachable",
         FAKE_DISPATCHED,
         0},
        {"guard", {.open_status = TROUPE_DENIED}, TROUPE_DENIED, "llm.account", FAKE_RELEASED, 0},
        {"certificate",
         {.open_status = TROUPE_FAILED, .dispatched = 1},
         TROUPE_UNAVAILABLE,
         "llm.unreachable",
         FAKE_SETTLED,
         0},
        {"wrong key",
         {.status = 401, .chunks = {"{\"error\":{\"message\":\"RAW sk-123\"}}"}},
         TROUPE_DENIED,
         "llm.account",
         FAKE_SETTLED,
         0},
        {"too many",
         {.status = 429, .chunks = {"{\"error\":{\"message\":\"RAW\"}}"}},
         TROUPE_BUSY,
         "llm.rate_limited",
         FAKE_SETTLED,
         0},
        {"unknown model",
         {.status = 404, .chunks = {"{\"error\":{\"code\":\"model_not_found\"}}"}},
         TROUPE_CONFIG,
         "llm.bad_model",
         FAKE_SETTLED,
         0},
        {"server error",
         {.status = 500, .chunks = {"<html>RAW</html>"}},
         TROUPE_UNAVAILABLE,
         "llm.provider_error",
         FAKE_SETTLED,
         0},
        {"garbage",
         {.status = 200, .chunks = {"\x01\xff garbage\n\n\ndata: {{{\n\n"}},
         TROUPE_DATA,
         "llm.bad_answer",
         FAKE_DISPATCHED,
         0},
        {"a web page",
         {.status = 200, .chunks = {"<html>RAW</html>\n"}},
         TROUPE_DATA,
         "llm.bad_answer",
         FAKE_DISPATCHED,
         0},
        {"nothing", {.status = 200}, TROUPE_DATA, "llm.bad_answer", FAKE_DISPATCHED, 0},
        {"no JSON where it should be",
         {.status = 200,
          .headers = {"Content-Type", "application/json"},
          .chunks = {"{\"choices\":[{\"message\":{\"content\":\"RAW"}},
         TROUPE_DATA,
         "llm.bad_answer",
         FAKE_DISPATCHED,
         0},
        {"another format",
         {.status = 200, .chunks = {"data: {\"type\":\"message_start\"}\n\n"}},
         TROUPE_DATA,
         "llm.bad_answer",
         FAKE_DISPATCHED,
         0},
        {"no text",
         {.status = 200, .chunks = {STOP USAGE DONE}},
         TROUPE_DATA,
         "llm.bad_answer",
         FAKE_SETTLED,
         28},
        {"only thoughts",
         {.status = 200,
          .chunks = {"data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"},"
                     "\"finish_reason\":\"length\"}]}\n\n" USAGE DONE}},
         TROUPE_DATA,
         "llm.bad_answer",
         FAKE_SETTLED,
         28},
        {"filtered",
         {.status = 200,
          .chunks =
              {"data: "
               "{\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n" USAGE}},
         TROUPE_DENIED,
         "llm.refused",
         FAKE_SETTLED,
         28},
        {"an error in the stream",
         {.status = 200, .chunks = {"data: {\"error\":{\"code\":503,\"message\":\"RAW\"}}\n\n"}},
         TROUPE_UNAVAILABLE,
         "llm.provider_error",
         FAKE_SETTLED,
         0},
        {"an error that was paid for",
         {.status = 200,
          .chunks =
              {"data: {\"choices\":[{\"delta\":{},\"error\":{\"code\":502,\"message\":\"RAW\"}}],"
               "\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":4}}\n\n"}},
         TROUPE_UNAVAILABLE,
         "llm.provider_error",
         FAKE_SETTLED,
         28},
        {"a bad key in the stream",
         {.status = 200,
          .chunks = {"data: {\"error\":{\"code\":\"invalid_api_key\",\"message\":\"RAW "
                     "sk-123\"}}\n\n"}},
         TROUPE_DENIED,
         "llm.account",
         FAKE_SETTLED,
         0},
        {"cut before text",
         {.status = 200, .end = TROUPE_IO},
         TROUPE_UNAVAILABLE,
         "llm.unreachable",
         FAKE_DISPATCHED,
         0},
        {"silence",
         {.status = 200, .end = TROUPE_DEADLINE},
         TROUPE_DEADLINE,
         "llm.too_slow",
         FAKE_DISPATCHED,
         0},
        {"only comments",
         {.status = 200, .chunks = {": wait\n\n", ": wait\n\n", ": wait\n\n"}, .chunk_ms = 16000},
         TROUPE_DEADLINE,
         "llm.too_slow",
         FAKE_DISPATCHED,
         0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");
        troupe_status status;

        fake_config(fake, "base_url", "https://api.example.com/v1");
        fake_config(fake, "model", "tiny-1");
        fake_config(fake, "price_input", "1");
        fake_config(fake, "price_output", "2");
        fake_config(fake, "attempts", "1");
        assert_int_equal(fake_create(fake), TROUPE_OK);
        fake->responses[0] = cases[i].response;
        status = chat(fake);
        if (status != cases[i].status || strcmp(fake->code, cases[i].code) != 0 ||
            fake->reservations[0].state != cases[i].money ||
            fake->reservations[0].settled != cases[i].settled)
            fail_msg("%s: status %d, code %s, money %d, settled %llu", cases[i].what, status,
                     fake->code, (int)fake->reservations[0].state,
                     (unsigned long long)fake->reservations[0].settled);
        assert_int_equal(fake->failed, status);
        assert_true(strlen(fake->sentence) > 20);
        assert_null(fake->written.ptr);
        assert_true(fake_text_has(&fake->host.log, cases[i].code));
        assert_false(fake_text_has(&fake->host.log, "sk-123"));
        finish(fake);
    }
}

static void a_transient_failure_is_tried_again_with_its_own_money(void **state)
{
    static const char *const good[] = {TEXT("at last") STOP USAGE DONE, NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 503, NULL);
    /* the second is not even connected */
    script(fake, 2, 200, good);
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_string_equal(fake->written.ptr, "at last");
    assert_int_equal(fake->request_count, 3);
    assert_int_equal(fake->reservation_count, 3);
    assert_int_equal(fake->reservations[0].state, FAKE_SETTLED);
    assert_int_equal(fake->reservations[0].settled, 0);
    assert_int_equal(fake->reservations[1].state, FAKE_RELEASED);
    assert_int_equal(fake->reservations[2].settled, 28);
    assert_int_equal(fake->requests[2].reservation, 3);
    assert_int_equal(fake->slept_ms, 500 + 1000);
    assert_true(fake_text_has(&fake->reasons, "llm.retry: llm.provider_error"));
    finish(fake);
}

static void attempts_end(void **state)
{
    struct fake_turn *fake = paid();

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        script(fake, i, 500, NULL);
    assert_int_equal(chat(fake), TROUPE_UNAVAILABLE);
    assert_int_equal(fake->request_count, 3);
    finish(fake);
}

/* The member reads none of it (finish). */
static void why_there_is_no_connection_is_for_the_admin(void **state)
{
    static const troupe_status statuses[] = {TROUPE_UNAVAILABLE, TROUPE_FAILED, TROUPE_DENIED};

    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct fake_turn *fake = paid();

        fake_config(fake, "attempts", "1");
        fake->responses[0].open_status = statuses[i];
        assert_true(chat(fake) < 0);
        assert_true(fake_text_has(&fake->host.log, "connection refused by 10.9.8.7"));
        assert_true(
            fake_text_has(&fake->reasons, "llm.connection: connection refused by 10.9.8.7"));
        finish(fake);
    }
}

static void retry_after_is_honoured_up_to_the_time_left(void **state)
{
    static const char *const good[] = {TEXT("ok") STOP DONE, NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 429, NULL);
    fake->responses[0].headers[0] = "Retry-After";
    fake->responses[0].headers[1] = "20";
    script(fake, 1, 200, good);
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_int_equal(fake->slept_ms, 20000);
    finish(fake);

    fake = paid();
    script(fake, 0, 429, NULL);
    fake->responses[0].headers[0] = "retry-after";
    fake->responses[0].headers[1] = "20";
    fake->left_ms = 15000;
    assert_int_equal(chat(fake), TROUPE_BUSY);
    assert_int_equal(fake->slept_ms, 0);
    assert_non_null(strstr(fake->sentence, "in 20 seconds"));
    finish(fake);

    fake = paid();
    script(fake, 0, 429, NULL);
    fake->responses[0].headers[0] = "retry-after";
    fake->responses[0].headers[1] = "99999999999999";
    assert_int_equal(chat(fake), TROUPE_BUSY);
    assert_non_null(strstr(fake->sentence, "in 86400 seconds"));
    finish(fake);

    /* the provider's own word on it counts */
    fake = paid();
    script(fake, 0, 500, NULL);
    fake->responses[0].headers[0] = "x-should-retry";
    fake->responses[0].headers[1] = "false";
    assert_int_equal(chat(fake), TROUPE_UNAVAILABLE);
    assert_int_equal(fake->request_count, 1);
    finish(fake);
}

static void nothing_is_repeated_after_text_was_handed_out(void **state)
{
    static const char *const cut[] = {TEXT("Once upon"), NULL};
    static const char *const broken[] = {TEXT("Once upon") "data: {\"error\":{\"code\":500}}\n\n",
                                         NULL};
    static const char *const garbage[] = {TEXT("Once upon") "data: oops\n\n", NULL};
    const char *const *scripts[] = {cut, broken, garbage};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct fake_turn *fake = paid();

        script(fake, 0, 200, scripts[i]);
        assert_int_equal(chat(fake), TROUPE_INTERRUPTED);
        assert_string_equal(fake->code, "llm.interrupted");
        assert_string_equal(fake->written.ptr, "Once upon");
        assert_true(fake_text_has(&fake->result, "\"finish\":\"interrupted\""));
        assert_int_equal(number(fake, "usage", "estimated"), 1);
        assert_int_equal(fake->request_count, 1);
        /* Without the provider's figures the host books the worst case. */
        assert_int_equal(fake->reservations[0].state, FAKE_DISPATCHED);
        assert_int_equal(number(fake, "cost_micros", NULL), fake->reservations[0].worst);
        finish(fake);
    }
}

/* Nobody knows what an answer that cannot be read has cost: each is booked at its worst case. */
static void an_answer_that_cannot_be_read_counts_as_paid(void **state)
{
    static const char *const garbage[] = {"data: oops\n\n", NULL};
    static const char *const good[] = {TEXT("ok") STOP USAGE DONE, NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 200, garbage);
    script(fake, 1, 200, good);
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_int_equal(fake->reservations[0].state, FAKE_DISPATCHED);
    assert_int_equal(fake->reservations[1].settled, 28);
    finish(fake);
}

static void a_cut_answer_costs_what_its_usage_says(void **state)
{
    static const char *const cut[] = {TEXT("Once upon") USAGE, NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 200, cut);
    assert_int_equal(chat(fake), TROUPE_INTERRUPTED);
    assert_int_equal(fake->reservations[0].state, FAKE_SETTLED);
    assert_int_equal(fake->reservations[0].settled, 28);
    finish(fake);
}

static void usage_beyond_all_reason_is_no_usage(void **state)
{
    static const char *const chunks[] = {
        TEXT("a") STOP "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9223372036854775807,"
                       "\"completion_tokens\":1}}\n\n" DONE,
        NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 200, chunks);
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_int_equal(number(fake, "usage", "estimated"), 1);
    assert_true(fake->reservations[0].settled <= fake->reservations[0].worst);
    finish(fake);
}

static void thoughts_count_where_usage_is_missing(void **state)
{
    static const char *const chunks[] = {
        "data: "
        "{\"choices\":[{\"delta\":{\"reasoning\":\"0123456789012345678901234567890123456789\","
        "\"reasoning_content\":\"0123456789012345678901234567890123456789\"}}]}\n\n",
        TEXT("a") STOP DONE, NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 200, chunks);
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_int_equal(number(fake, "usage", "output"), 21);
    finish(fake);
}

/* A model may think for longer than it may pause. */
static void silence_before_the_first_token_and_after_it_differ(void **state)
{
    static const char *const slow[] = {TEXT("a") STOP USAGE DONE, NULL};
    static const char *const paused[] = {TEXT("a"), TEXT("b") STOP USAGE DONE, NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 200, slow); /* the end comes as late as the token */
    fake->responses[0].chunk_ms = 19000;
    assert_int_equal(chat(fake), TROUPE_OK);
    finish(fake);

    fake = paid();
    script(fake, 0, 200, paused);
    fake->responses[0].chunk_ms = 25000;
    assert_int_equal(chat(fake), TROUPE_INTERRUPTED);
    assert_string_equal(fake->written.ptr, "a");
    finish(fake);
}

static void a_refused_parameter_is_left_out_and_asked_again(void **state)
{
    static const char *const no[] = {
        "{\"error\":{\"message\":\"Unsupported parameter: 'max_tokens' is not supported with this "
        "model. Use 'max_completion_tokens' instead.\",\"type\":\"invalid_request_error\","
        "\"param\":\"max_tokens\",\"code\":\"unsupported_parameter\"}}",
        NULL};
    static const char *const good[] = {TEXT("ok") STOP USAGE DONE, NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 400, no);
    script(fake, 1, 200, good);
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].body, "\"max_tokens\":1024"));
    assert_null(strstr(fake->requests[1].body, "\"max_tokens\""));
    assert_non_null(strstr(fake->requests[1].body, "\"max_completion_tokens\":1024"));
    assert_int_equal(fake->slept_ms, 0);
    assert_true(fake_text_has(&fake->reasons, "llm.adapted"));
    finish(fake);

    /* the same refusal again is a failure */
    fake = paid();
    script(fake, 0, 400, no);
    script(fake, 1, 400, no);
    assert_int_equal(chat(fake), TROUPE_UNAVAILABLE);
    assert_int_equal(fake->request_count, 2);
    finish(fake);
}

static void a_cancelled_turn_ends_at_once(void **state)
{
    static const char *const chunks[] = {TEXT("Once"), NULL};
    struct fake_turn *fake = paid();

    (void)state;
    script(fake, 0, 200, chunks);
    fake->responses[0].ends_turn = 1;
    assert_int_equal(chat(fake), TROUPE_CANCELED);
    assert_int_equal(fake->request_count, 1);
    assert_int_equal(fake->reservations[0].state, FAKE_DISPATCHED); /* the host books it */
    finish(fake);
}

static void an_endless_answer_is_cut(void **state)
{
    static char chunk[1200];
    struct fake_turn *fake = paid();
    int n = snprintf(chunk, sizeof(chunk),
                     "data: {\"choices\":[{\"delta\":{\"content\":\"%0*d\"}}]}\n\n", 1000, 7);

    (void)state;
    assert_true(n > 1000);
    fake->responses[0].status = 200;
    for (unsigned i = 0; i < 100; i++)
        fake->responses[0].chunks[i] = chunk;
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_true(fake->written.len <= 64 * 1024);
    assert_true(fake->written.len >= 60000);
    assert_true(fake_text_has(&fake->result, "\"finish\":\"length\""));
    finish(fake);
}

static void bad_settings_are_refused_with_the_remedy(void **state)
{
    static const struct {
        const char *key, *value, *words;
    } cases[] = {
        {"base_url", "nonsense", "\"base_url\": no host"},
        {"base_url", "http://api.example.com/v1", "write \"https://\""},
        {"max_tokens", "8000",
         "\"max_tokens\": 8000 leaves no room for a question within the 8000"},
        {"context_tokens", "1024", "raise context_tokens"},
        {"price_output", NULL, "set both"},
        {"price_table", "/nonexistent/prices.json", "cannot read \"/nonexistent/prices.json\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

        fake_config(fake, "base_url", "https://api.example.com/v1");
        fake_config(fake, "api_key", "x");
        fake_config(fake, "model", "m");
        if (cases[i].value)
            fake_config(fake, cases[i].key, cases[i].value);
        else
            fake_config(fake, "price_input", "1");
        assert_int_not_equal(fake_create(fake), TROUPE_OK);
        if (!fake_text_has(&fake->host.log, cases[i].words))
            fail_msg("%s: %s", cases[i].key, fake->host.log.ptr);
        assert_int_equal(fake->host.allocated, 0);
        finish(fake);
    }
}

static void the_status_says_model_place_price_and_answer(void **state)
{
    static const char *const list[] = {"{\"data\":[{\"id\":\"tiny-1\"},{\"id\":\"tiny-2\"}]}",
                                       NULL};
    static const char *const other[] = {"{\"data\":[{\"id\":\"tiny-2\"}]}", NULL};
    static const struct {
        uint32_t status;
        const char *const *chunks;
        const char *words;
    } cases[] = {{200, list, "; its price is set in the config. It answers."},
                 {200, other, "does not have that model"},
                 {404, NULL, "offers no list"},
                 {401, NULL, "does not accept the key"},
                 {0, NULL, "cannot be reached"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = paid();

        script(fake, 0, cases[i].status, cases[i].chunks);
        assert_int_equal(((status_fn)fake_function(fake, "llm-status"))(&fake->turn), TROUPE_OK);
        assert_string_equal(fake->requests[0].url, "https://api.example.com/v1/models");
        assert_true(fake_text_has(&fake->reply, "Model \"tiny-1\" at api.example.com"));
        if (!fake_text_has(&fake->reply, cases[i].words))
            fail_msg("%s", fake->reply.ptr);
        finish(fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_temperature_is_sent_unless_the_config_says_none),
        cmocka_unit_test(an_answer_streams_and_is_paid_by_its_usage),
        cmocka_unit_test(usage_that_is_missing_is_estimated_and_marked),
        cmocka_unit_test(usage_of_nothing_is_no_report),
        cmocka_unit_test(the_providers_own_cost_counts),
        cmocka_unit_test(a_server_that_does_not_stream_answers_too),
        cmocka_unit_test(without_a_provider_it_says_what_to_set),
        cmocka_unit_test(an_unknown_price_is_refused_with_the_remedy),
        cmocka_unit_test(a_cap_is_named_in_the_hosts_words_and_nothing_leaves),
        cmocka_unit_test(an_answer_without_a_bound_is_refused_with_the_remedy),
        cmocka_unit_test(a_local_model_costs_nothing),
        cmocka_unit_test(each_failure_has_its_code_and_sentence),
        cmocka_unit_test(a_transient_failure_is_tried_again_with_its_own_money),
        cmocka_unit_test(attempts_end),
        cmocka_unit_test(why_there_is_no_connection_is_for_the_admin),
        cmocka_unit_test(retry_after_is_honoured_up_to_the_time_left),
        cmocka_unit_test(nothing_is_repeated_after_text_was_handed_out),
        cmocka_unit_test(an_answer_that_cannot_be_read_counts_as_paid),
        cmocka_unit_test(a_cut_answer_costs_what_its_usage_says),
        cmocka_unit_test(usage_beyond_all_reason_is_no_usage),
        cmocka_unit_test(thoughts_count_where_usage_is_missing),
        cmocka_unit_test(silence_before_the_first_token_and_after_it_differ),
        cmocka_unit_test(a_refused_parameter_is_left_out_and_asked_again),
        cmocka_unit_test(a_cancelled_turn_ends_at_once),
        cmocka_unit_test(an_endless_answer_is_cut),
        cmocka_unit_test(bad_settings_are_refused_with_the_remedy),
        cmocka_unit_test(the_status_says_model_place_price_and_answer),
    };

    return cmocka_run_group_tests_name("llm", tests, NULL, NULL);
}
