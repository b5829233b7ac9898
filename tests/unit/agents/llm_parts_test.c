/* SPDX-License-Identifier: Apache-2.0 */
#include "llm/cost.h"
#include "llm/day.h"
#include "llm/errors.h"
#include "llm/price.h"
#include "llm/request.h"
#include "llm/retry.h"
#include "llm/settings.h"
#include "llm/stream.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

/* ---- errors -----------------------------------------------------------------------------------*/

static void every_provider_error_gets_its_code(void **state)
{
    static const struct {
        uint32_t http_status;
        const char *body, *code;
        troupe_status status;
        int retryable;
    } cases[] = {
        {429,
         "{\"error\":{\"message\":\"slow\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}"
         "}",
         "llm.rate_limited", TROUPE_BUSY, 1},
        {429, "{\"error\":{\"message\":\"pay\",\"type\":\"insufficient_quota\",\"code\":null}}",
         "llm.account", TROUPE_DENIED, 0},
        {429, "", "llm.rate_limited", TROUPE_BUSY, 1},
        {429, "{\"error\":{\"code\":\"organization_spend_limit_exceeded\"}}", "llm.account",
         TROUPE_DENIED, 0},
        {402, "{\"error\":{\"code\":402,\"message\":\"no credits\"}}", "llm.account", TROUPE_DENIED,
         0},
        {401, "{\"error\":{\"code\":\"invalid_api_key\"}}", "llm.account", TROUPE_DENIED, 0},
        {401, "<html>", "llm.account", TROUPE_DENIED, 0},
        {403, "{\"error\":{\"message\":\"input was flagged by moderation\"}}", "llm.refused",
         TROUPE_DENIED, 0},
        {403, "{}", "llm.account", TROUPE_DENIED, 0},
        {404, "{\"error\":\"model 'tiny' not found, try pulling it first\"}", "llm.bad_model",
         TROUPE_CONFIG, 0},
        {404, "{\"error\":{\"code\":\"model_not_found\"}}", "llm.bad_model", TROUPE_CONFIG, 0},
        {404, "404 page not found", "llm.bad_model", TROUPE_CONFIG, 0},
        {400, "{\"error\":{\"code\":\"context_length_exceeded\"}}", "llm.too_long", TROUPE_LIMIT,
         0},
        {400, "{\"error\":{\"message\":\"x is not a valid model ID\",\"code\":400}}",
         "llm.bad_model", TROUPE_CONFIG, 0},
        {400, "[{\"error\":{\"code\":400,\"message\":\"API key not valid\"}}]", "llm.account",
         TROUPE_DENIED, 0},
        {400, "{\"error\":{\"code\":\"content_filter\"}}", "llm.refused", TROUPE_DENIED, 0},
        {400, "{\"error\":{\"type\":\"invalid_request_error\"}}", "llm.provider_error",
         TROUPE_UNAVAILABLE, 0},
        {408, "", "llm.too_slow", TROUPE_DEADLINE, 1},
        {409, "", "llm.provider_error", TROUPE_UNAVAILABLE, 1},
        {413, "", "llm.too_long", TROUPE_LIMIT, 0},
        {500, "oops", "llm.provider_error", TROUPE_UNAVAILABLE, 1},
        {502, "", "llm.provider_error", TROUPE_UNAVAILABLE, 1},
        {503, "{\"error\":{\"code\":503,\"message\":\"Loading model\"}}", "llm.provider_error",
         TROUPE_UNAVAILABLE, 1},
        {504, "", "llm.too_slow", TROUPE_DEADLINE, 1},
        {529, "{\"error\":{\"type\":\"overloaded_error\"}}", "llm.provider_error",
         TROUPE_UNAVAILABLE, 1},
        /* in the middle of a stream: 200 outside */
        {200, "{\"error\":{\"code\":429,\"message\":\"upstream\"}}", "llm.rate_limited",
         TROUPE_BUSY, 1},
        {200, "{\"error\":{\"code\":502}}", "llm.provider_error", TROUPE_UNAVAILABLE, 1},
        {200, "{\"error\":{\"type\":\"server_error\"}}", "llm.provider_error", TROUPE_UNAVAILABLE,
         1},
        {200, "{\"error\":\"whatever\"}", "llm.provider_error", TROUPE_UNAVAILABLE, 1},
        {302, "", "llm.provider_error", TROUPE_UNAVAILABLE, 0},
        {418, "", "llm.provider_error", TROUPE_UNAVAILABLE, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_provider_error error;
        const struct llm_kind *kind;

        llm_provider_error_read(cases[i].body, strlen(cases[i].body), &error);
        kind = llm_classify(cases[i].http_status, &error);
        if (strcmp(kind->code, cases[i].code) != 0 || kind->status != cases[i].status ||
            kind->retryable != cases[i].retryable)
            fail_msg("%u %s: %s, %d, %d", cases[i].http_status, cases[i].body, kind->code,
                     kind->status, kind->retryable);
        assert_true(strlen(kind->sentence) > 20);
    }
}

static void raw_text_is_cut_and_cleaned_for_the_log(void **state)
{
    struct llm_provider_error error;
    char body[3000];

    (void)state;
    snprintf(body, sizeof(body), "line\n\x1b[31mred\r\x7f");
    llm_provider_error_read(body, strlen(body), &error);
    assert_string_equal(error.message, "line  [31mred  ");
    /* 2-byte letters: the cut falls before one, never into it */
    for (int i = 0; i < 600; i++)
        memcpy(body + 2 * i, "\xc3\xa4", 3);
    llm_provider_error_read(body, strlen(body), &error);
    assert_int_equal(strlen(error.message) % 2, 0);
    assert_true(strlen(error.message) >= sizeof(error.message) - 3);
    /* nesting that would run through a stack is not parsed at all */
    memset(body, '[', sizeof(body) - 1);
    body[sizeof(body) - 1] = 0;
    assert_null(llm_json_load(body, strlen(body)));
}

/* ---- prices -----------------------------------------------------------------------------------*/

static const char small_table[] =
    "{\"format\":1,\"providers\":{\"a\":[\"api.a.com\"],\"b\":[\"api.b.com\"]},\"prices\":["
    "{\"provider\":\"a\",\"model\":\"big\",\"effective_from\":\"2026-01-01\",\"input\":2000000,"
    "\"cached\":200000,\"output\":8000000},"
    "{\"provider\":\"a\",\"model\":\"big\",\"effective_from\":\"2026-09-01\",\"input\":3000000,"
    "\"output\":9000000},"
    "{\"provider\":\"a\",\"model\":\"big-2026-05-05\",\"effective_from\":\"2026-01-01\","
    "\"input\":7,\"output\":7},"
    "{\"provider\":\"a\",\"model\":\"big-*\",\"effective_from\":\"2026-01-01\",\"input\":5,"
    "\"output\":5},"
    "{\"provider\":\"b\",\"model\":\"*/tiny*x\",\"effective_from\":\"2030-01-01\",\"input\":1,"
    "\"output\":1}]}";

static uint64_t input_price(const struct llm_price_table *table, const char *host,
                            const char *model, const char *day)
{
    struct llm_price price;

    return llm_price_find(table, host, model, llm_day(day), &price) < 0 ? UINT64_MAX : price.input;
}

static void a_price_is_found_by_host_pattern_and_date(void **state)
{
    struct llm_price_table *table = NULL;
    struct llm_price price;
    char error[256];

    (void)state;
    assert_int_equal(
        llm_price_table_parse(small_table, strlen(small_table), &table, error, sizeof(error)),
        TROUPE_OK);
    assert_int_equal(input_price(table, "api.a.com", "big", "2026-08-31"), 2000000);
    assert_int_equal(input_price(table, "api.a.com", "big", "2026-09-01"), 3000000);
    assert_int_equal(input_price(table, "api.a.com", "big", "2020-01-01"), 2000000);
    assert_int_equal(input_price(table, "api.a.com", "big-2026-05-05", "2026-10-01"), 7);
    assert_int_equal(input_price(table, "api.a.com", "big-20260606", "2026-08-01"), 5);
    assert_int_equal(input_price(table, "api.a.com", "bigger", "2026-08-01"), UINT64_MAX);
    assert_int_equal(input_price(table, "api.a.com", "bi", "2026-08-01"), UINT64_MAX);
    assert_int_equal(input_price(table, "api.b.com", "me/tiny-1x", "2026-08-01"), 1);
    assert_int_equal(input_price(table, "api.b.com", "me/tiny-1y", "2026-08-01"), UINT64_MAX);
    assert_int_equal(input_price(table, "api.b.com", "big", "2026-08-01"), UINT64_MAX);
    assert_int_equal(input_price(table, "reseller.com", "big", "2026-08-01"), UINT64_MAX);
    assert_int_equal(input_price(NULL, "api.a.com", "big", "2026-08-01"), UINT64_MAX);
    /* without a cached price, cached input costs what input costs */
    assert_int_equal(llm_price_find(table, "api.a.com", "big", llm_day("2026-10-01"), &price),
                     TROUPE_OK);
    assert_int_equal(price.cached, 3000000);
    llm_price_table_free(table);
}

static void a_dated_snapshot_has_its_models_price(void **state)
{
    static const char json[] = "{\"format\":1,\"providers\":{\"a\":[\"h\"]},\"prices\":[{"
                               "\"provider\":\"a\",\"model\":\"m-1\",\"effective_from\":"
                               "\"2026-01-01\",\"input\":4,\"output\":4}]}";
    struct llm_price_table *table = NULL;
    char error[256];

    (void)state;
    assert_int_equal(llm_price_table_parse(json, strlen(json), &table, error, sizeof(error)),
                     TROUPE_OK);
    assert_int_equal(input_price(table, "h", "m-1-2026-02-03", "2026-03-01"), 4);
    assert_int_equal(input_price(table, "h", "m-1-20260203", "2026-03-01"), 4);
    assert_int_equal(input_price(table, "h", "m-1-pro", "2026-03-01"), UINT64_MAX);
    assert_int_equal(input_price(table, "h", "m-1-2026-02-03x", "2026-03-01"), UINT64_MAX);
    assert_int_equal(input_price(table, "h", "m-1-2026020", "2026-03-01"), UINT64_MAX);
    llm_price_table_free(table);
}

static void a_bad_table_names_its_row(void **state)
{
    static const struct {
        const char *row, *words;
    } cases[] = {
        {"{\"provider\":\"z\",\"model\":\"m\",\"effective_from\":\"2026-01-01\",\"input\":1,"
         "\"output\":1}",
         "row 1 of \"prices\": \"provider\""},
        {"{\"provider\":\"a\",\"model\":\"\",\"effective_from\":\"2026-01-01\",\"input\":1,"
         "\"output\":1}",
         "\"model\""},
        {"{\"provider\":\"a\",\"model\":\"m\",\"effective_from\":\"2026-02-30\",\"input\":1,"
         "\"output\":1}",
         "\"effective_from\""},
        {"{\"provider\":\"a\",\"model\":\"m\",\"effective_from\":\"2026-01-01\",\"input\":0.5,"
         "\"output\":1}",
         "\"input\""},
        {"{\"provider\":\"a\",\"model\":\"m\",\"effective_from\":\"2026-01-01\",\"input\":1,"
         "\"output\":-1}",
         "\"output\""},
        {"{\"provider\":\"a\",\"model\":\"m\",\"effective_from\":\"2026-01-01\",\"input\":1,"
         "\"output\":1,\"cached\":\"x\"}",
         "\"cached\""},
        {"{\"provider\":\"a\",\"model\":\"m\",\"effective_from\":\"2026-01-01\",\"input\":1,"
         "\"output\":1,\"context\":\"4k\"}",
         "\"context\""},
        {"{\"provider\":\"a\",\"model\":\"m\",\"effective_from\":\"2026-01-01\",\"input\":1,"
         "\"output\":1,\"context\":100}",
         "at least 256"},
        {"{\"provider\":\"a\",\"model\":\"m\",\"effective_from\":\"2026-01-01\",\"input\":1,"
         "\"output\":1,\"lacks\":[\"patience\"]}",
         "\"lacks\" lists"},
        {"{\"provider\":\"a\",\"model\":\"m\",\"effective_from\":\"2026-01-01\",\"input\":1,"
         "\"output\":1,\"vector\":{\"values\":0}}",
         "\"vector\" has"},
        {"{\"provider\":\"a\",\"model\":\"m\",\"effective_from\":\"2026-01-01\",\"input\":1,"
         "\"output\":1,\"vector\":{\"values\":8,\"fewer\":1}}",
         "\"vector\" has"},
    };
    struct llm_price_table *table = NULL;
    char json[512], error[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(json, sizeof(json), "{\"format\":1,\"providers\":{\"a\":[]},\"prices\":[%s]}",
                 cases[i].row);
        assert_int_equal(llm_price_table_parse(json, strlen(json), &table, error, sizeof(error)),
                         TROUPE_DATA);
        assert_non_null(strstr(error, cases[i].words));
    }
    assert_int_equal(llm_price_table_parse("{}", 2, &table, error, sizeof(error)), TROUPE_DATA);
    assert_int_equal(llm_price_table_load(str("/nonexistent"), &table, error, sizeof(error)),
                     TROUPE_NOT_FOUND);
    assert_non_null(strstr(error, "price_input"));
    assert_null(table);
}

static struct llm_price_table *installed_table(void)
{
    struct llm_price_table *table = NULL;
    const char *source = getenv("TROUPE_SRCDIR");
    char path[4096], error[256] = "";

    snprintf(path, sizeof(path), "%s/etc/prices.json", source ? source : ".");
    if (llm_price_table_load(str(path), &table, error, sizeof(error)) < 0)
        fail_msg("%s", error);
    return table;
}

static void the_installed_table_holds(void **state)
{
    struct llm_price_table *table = installed_table();

    (void)state;
    assert_int_equal(input_price(table, "api.openai.com", "gpt-5-mini", "2026-11-20"), 250000);
    assert_int_equal(input_price(table, "api.openai.com", "gpt-4o-2024-05-13", "2026-11-20"),
                     5000000);
    assert_int_equal(input_price(table, "api.anthropic.com", "claude-sonnet-5", "2026-08-01"),
                     2000000);
    assert_int_equal(input_price(table, "api.anthropic.com", "claude-sonnet-5", "2026-11-20"),
                     3000000);
    assert_int_equal(input_price(table, "api.openai.com", "gpt-5-pro", "2026-11-20"), UINT64_MAX);
    assert_int_equal(llm_price_context(table, "api.openai.com", "gpt-4o-mini"), 128000);
    assert_int_equal(llm_price_context(table, "api.openai.com", "text-embedding-3-small"), 0);
    assert_int_equal(llm_price_context(table, "api.example.com", "gpt-4o-mini"), 0);
    assert_int_equal(llm_price_lacks(table, "api.openai.com", "o4-mini"),
                     LLM_LACKS_MAX_TOKENS | LLM_LACKS_TEMPERATURE);
    assert_int_equal(llm_price_lacks(table, "api.anthropic.com", "claude-opus-5"),
                     LLM_LACKS_TEMPERATURE);
    llm_price_table_free(table);
}

static void costs_are_whole_and_rounded_up(void **state)
{
    const struct llm_price price = {250000, 25000, 2000000};
    const struct llm_price dear = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    const struct llm_price tiny = {1, 0, 0};

    (void)state;
    assert_int_equal(llm_price_cost(&price, 1000, 0, 0), 250);
    assert_int_equal(llm_price_cost(&price, 1000, 400, 500), 150 + 10 + 1000);
    assert_int_equal(llm_price_cost(&price, 1000, 2000, 0), 25);
    assert_int_equal(llm_price_cost(&price, 1, 0, 0), 1);
    assert_int_equal(llm_price_cost(&tiny, 1, 0, 0), 1);
    assert_int_equal(llm_price_cost(&tiny, 1000001, 0, 0), 2);
    assert_int_equal(llm_price_cost(&price, 0, 0, 0), 0);
    assert_true(llm_price_cost(&dear, 2, 0, 2) == UINT64_MAX - 1);
}

static void dates_count_as_the_calendar_does(void **state)
{
    static const struct {
        const char *text;
        int64_t day;
    } cases[] = {{"1970-01-01", 0},     {"1970-12-31", 364}, {"2000-02-29", 11016},
                 {"2026-07-24", 20658}, {"2026-02-29", -1},  {"2100-02-29", -1},
                 {"2028-02-29", 21243}, {"2026-13-01", -1},  {"2026-00-10", -1},
                 {"2026-1-1", -1},      {"2026-01-01x", -1}, {"", -1},
                 {"1969-12-31", -1},    {"20260101--", -1},  {"2026-04-31", -1}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(llm_day(cases[i].text), cases[i].day);
    assert_int_equal(llm_day(NULL), -1);
}

/* ---- requests and their worst case ------------------------------------------------------------*/

static struct llm_settings settings(const char *model)
{
    struct llm_settings ret = {.max_tokens = 1024, .context_tokens = 8000};

    snprintf(ret.model, sizeof(ret.model), "%s", model);
    return ret;
}

static void a_request_says_what_the_model_takes(void **state)
{
    static const struct {
        const char *model, *has;
    } cases[] = {
        {"gpt-4o", "\"max_tokens\":1024"},
        {"gpt-5-mini", "\"max_completion_tokens\":1024"},
        {"gpt-5-mini-2025-08-07", "\"max_completion_tokens\":1024"},
        {"o3", "\"max_completion_tokens\":1024"},
        {"llama3.2:3b", "\"max_tokens\":1024"},
        {"o", "\"max_tokens\":1024"},
    };
    struct llm_price_table *table = installed_table();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_settings config = settings(cases[i].model);
        struct llm_request request;
        const char *problem = NULL;
        char *body;

        config.lacks = llm_price_lacks(table, "api.openai.com", cases[i].model);
        assert_int_equal(llm_request_init(&request, &config,
                                          str("[{\"role\":\"user\",\"content\":\"h\\u00e4\"}]"), 0,
                                          -1, &problem),
                         TROUPE_OK);
        assert_int_equal(request.input_bytes, 3);
        body = llm_request_body(&request);
        assert_non_null(strstr(body, cases[i].has));
        assert_non_null(strstr(body, "\"stream\":true"));
        assert_non_null(strstr(body, "\"stream_options\":{\"include_usage\":true}"));
        assert_null(strstr(body, "temperature"));
        free(body);
        llm_request_clear(&request);
    }
    llm_price_table_free(table);
}

static void a_refused_parameter_is_left_out_once(void **state)
{
    struct llm_settings config = settings("strange");
    struct llm_request request;
    const char *problem = NULL;
    char *body;

    (void)state;
    assert_int_equal(llm_request_init(&request, &config,
                                      str("[{\"role\":\"user\",\"content\":\"x\"}]"), 50, 0.7,
                                      &problem),
                     TROUPE_OK);
    assert_true(llm_request_adapt(&request, "max_tokens",
                                  "Unsupported parameter: 'max_tokens'. Use "
                                  "'max_completion_tokens' instead."));
    assert_false(llm_request_adapt(&request, "max_tokens", ""));
    assert_true(llm_request_adapt(&request, NULL, "temperature does not support 0.7"));
    assert_false(llm_request_adapt(&request, "temperature", ""));
    assert_true(llm_request_adapt(&request, NULL, "unknown field stream_options"));
    assert_false(llm_request_adapt(&request, NULL, "something else"));
    assert_false(llm_request_adapt(&request, NULL, NULL));
    body = llm_request_body(&request);
    assert_string_equal(body, "{\"model\":\"strange\",\"messages\":[{\"role\":\"user\","
                              "\"content\":\"x\"}],\"stream\":true,\"max_completion_tokens\":50}");
    free(body);
    llm_request_clear(&request);
}

static void bad_messages_are_refused(void **state)
{
    static const char *const cases[] = {"",
                                        "{}",
                                        "[]",
                                        "[1]",
                                        "[{\"role\":\"tool\",\"content\":\"x\"}]",
                                        "[{\"role\":\"user\"}]",
                                        "[{\"role\":\"user\",\"content\":[]}]",
                                        "[{\"role\":\"user\",\"content\":\"x\"}"};
    struct llm_settings config = settings("m");
    struct llm_request request;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *problem = NULL;

        assert_int_equal(llm_request_init(&request, &config, str(cases[i]), 0, -1, &problem),
                         TROUPE_ARGUMENT);
        assert_non_null(problem);
    }
}

static void the_oldest_messages_make_room(void **state)
{
    struct llm_settings config = settings("m");
    struct llm_request request;
    const char *problem = NULL;
    char words[700];
    json_t *messages = json_array();
    char *text;

    (void)state;
    memset(words, 'w', sizeof(words) - 1);
    words[sizeof(words) - 1] = 0;
    json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "system", "content", "be"));
    for (int i = 0; i < 9; i++) {
        words[0] = (char)('0' + i);
        json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "user", "content", words));
    }
    text = json_dumps(messages, 0);
    config.context_tokens = 1000;
    config.max_tokens = 200;
    assert_int_equal(llm_request_init(&request, &config, str(text), 0, -1, &problem), TROUPE_OK);
    assert_int_equal(request.dropped, 6);
    assert_int_equal(json_array_size(request.messages), 4);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(request.messages, 0), "role")), "system");
    assert_int_equal(
        json_string_value(json_object_get(json_array_get(request.messages, 1), "content"))[0], '6');
    assert_true(llm_estimate_request(&request) + 200 <= 1000);
    llm_request_clear(&request);
    config.context_tokens = 400;
    assert_int_equal(llm_request_init(&request, &config, str(text), 0, -1, &problem), TROUPE_LIMIT);
    config.max_tokens = 400;
    assert_int_equal(llm_request_init(&request, &config, str(text), 0, -1, &problem), TROUPE_LIMIT);
    free(text);
    json_decref(messages);
}

/* Generous token counts for texts of every kind, up to one for each byte. */
static void the_worst_case_is_never_below_what_is_billed(void **state)
{
    static const struct {
        const char *text;
        uint64_t tokens;
    } samples[] = {
        {"Hello, how are you today?", 7},
        {"!@#$%^&*()_+{}|:<>?", 15},
        {"0123456789012345678901234567890123456789", 40},
        {"\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x96\xe7\x95\x8c", 9},
        {"\xf0\x9f\x99\x82\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80", 12},
        {"\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7", 6},
        {"a b c d e f g h i j k l m n o p q r s t u v w x y z", 26},
        {"", 0},
    };
    const struct llm_tariff tariff = {1, {250000, 25000, 2000000}};
    struct llm_settings config = settings("m");

    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct llm_request request;
        struct llm_usage usage = {.known = 1, .input = samples[i].tokens + 11, .output = 1024};
        const char *problem = NULL;
        json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", samples[i].text);
        char *text = json_dumps(messages, 0);

        assert_int_equal(llm_request_init(&request, &config, str(text), 0, -1, &problem),
                         TROUPE_OK);
        assert_true(llm_cost_worst(&tariff, &request) >= llm_cost_actual(&tariff, &usage));
        free(text);
        json_decref(messages);
        llm_request_clear(&request);
    }
}

static void an_unknown_price_is_never_free(void **state)
{
    struct llm_settings config = settings("m");
    struct llm_tariff tariff;
    struct llm_request request;
    const char *problem = NULL;

    (void)state;
    snprintf(config.host_name, sizeof(config.host_name), "api.example.com");
    tariff = llm_tariff_find(&config, 0);
    assert_false(tariff.known);
    assert_int_equal(llm_request_init(&request, &config,
                                      str("[{\"role\":\"user\",\"content\":\"x\"}]"), 0, -1,
                                      &problem),
                     TROUPE_OK);
    assert_true(llm_cost_worst(&tariff, &request) == TROUPE_PRICE_UNKNOWN);
    config.is_local = 1;
    tariff = llm_tariff_find(&config, 0);
    assert_int_equal(llm_cost_worst(&tariff, &request), 0);
    config.has_price = 1;
    config.price = (struct llm_price){1000000, 1000000, 2000000};
    tariff = llm_tariff_find(&config, 0);
    assert_true(llm_cost_worst(&tariff, &request) >= 2048);
    llm_request_clear(&request);
}

/* ---- retries, addresses -----------------------------------------------------------------------*/

static void retry_after_is_read_in_all_its_forms(void **state)
{
    const int64_t now = llm_day("2026-10-21") * INT64_C(86400000);

    (void)state;
    assert_int_equal(llm_retry_after(str("7"), now), 7000);
    assert_int_equal(llm_retry_after(str(" 0.25 "), now), 250);
    assert_int_equal(llm_retry_after(str("1.23456"), now), 1234);
    assert_int_equal(llm_retry_after(str("Wed, 21 Oct 2026 00:01:30 GMT"), now), 90000);
    assert_int_equal(llm_retry_after(str("Tue, 20 Oct 2026 00:00:00 GMT"), now), 0);
    assert_int_equal(llm_retry_after(str("Wed, 21 Foo 2026 00:01:30 GMT"), now), -1);
    assert_int_equal(llm_retry_after(str("Wed, 21 Oct 2026 25:01:30 GMT"), now), -1);
    assert_int_equal(llm_retry_after(str("soon"), now), -1);
    assert_int_equal(llm_retry_after(str("-3"), now), -1);
    assert_int_equal(llm_retry_after(str(""), now), -1);
    assert_int_equal(llm_retry_after(str("1.2.3"), now), -1);
    assert_true(llm_retry_after(str("99999999999999999999999999"), now) > LLM_RETRY_AFTER_MAX_MS);
    assert_int_equal(llm_retry_after_ms(str("1500.7")), 1500);
}

/* Token by token: what was there is not copied anew with each. */
static void thoughts_that_grow_are_gathered(void **state)
{
    enum { PIECES = 20000 };
    static char buffer[LLM_TEXT_MAX];
    struct llm_stream stream;
    json_t *block =
        json_pack("{s:s, s:s, s:s}", "type", "thinking", "thinking", "a", "signature", "");
    json_t *piece = json_string("xy"), *first, *second;

    (void)state;
    llm_stream_init(&stream, buffer);
    llm_stream_remember_block(&stream, block);
    for (int i = 0; i < PIECES; i++)
        llm_stream_grow_block(&stream, "thinking", piece);
    assert_int_equal(stream.growth.len, 1 + 2 * PIECES);
    assert_true(stream.growth.size < 4 * PIECES + 1024);
    assert_int_equal(
        json_string_length(json_object_get(json_array_get(stream.details, 0), "thinking")), 1);
    llm_stream_grow_block(&stream, "signature", piece);
    llm_stream_remember_block(&stream, block);
    llm_stream_grow_block(&stream, "thinking", piece);
    first = json_array_get(llm_stream_details(&stream), 0);
    second = json_array_get(llm_stream_details(&stream), 1);
    assert_int_equal(json_array_size(llm_stream_details(&stream)), 2);
    assert_int_equal(json_string_length(json_object_get(first, "thinking")), 1 + 2 * PIECES);
    assert_string_equal(json_string_value(json_object_get(first, "signature")), "xy");
    assert_string_equal(json_string_value(json_object_get(second, "thinking")), "axy");
    assert_string_equal(json_string_value(json_object_get(second, "signature")), "");
    /* What is read once may grow on. */
    llm_stream_grow_block(&stream, "thinking", piece);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(llm_stream_details(&stream), 1), "thinking")),
                        "axyxy");
    llm_stream_clear(&stream);
    json_decref(block);
    json_decref(piece);
}

static void waits_grow_up_to_a_bound(void **state)
{
    (void)state;
    assert_int_equal(llm_retry_backoff(1, 0), 500);
    assert_int_equal(llm_retry_backoff(2, 0), 1000);
    assert_int_equal(llm_retry_backoff(9, 0), 8000);
    assert_true(llm_retry_backoff(1, 999) >= 375);
    assert_int_equal(llm_retry_wait(1, 3, -1, 0), 500);
    assert_int_equal(llm_retry_wait(1, 3, 9000, 0), 9000);
    assert_int_equal(llm_retry_wait(1, 3, 100, 0), 500);
    assert_int_equal(llm_retry_wait(1, 3, 121000, 0), -1);
    assert_int_equal(llm_retry_wait(3, 3, -1, 0), -1);
}

static void local_addresses_are_told_from_public_ones(void **state)
{
    static const struct {
        const char *url, *host;
        int local;
    } cases[] = {
        {"http://127.0.0.1:11434/v1", "127.0.0.1", 1},
        {"http://LocalHost/v1", "localhost", 1},
        {"http://[::1]:8080/v1", "::1", 1},
        {"http://[fd00::7]/", "fd00::7", 1},
        {"http://10.1.2.3", "10.1.2.3", 1},
        {"http://172.31.0.1", "172.31.0.1", 1},
        {"http://172.32.0.1", "172.32.0.1", 0},
        {"http://192.168.5.5?x", "192.168.5.5", 1},
        {"http://ollama:11434", "ollama", 1},
        {"http://gpu.lan/v1", "gpu.lan", 1},
        {"http://ai.localhost/v1", "ai.localhost", 1},
        {"https://api.openai.com/v1", "api.openai.com", 0},
        {"http://127.0.0.1.evil.example/v1", "127.0.0.1.evil.example", 0},
        {"http://localhost.evil.example/v1", "localhost.evil.example", 0},
        {"http://127.0.0.1@evil.example/v1", "evil.example", 0},
        {"http://134744072/v1", "134744072", 0},
        {"http://0x8080808/v1", "0x8080808", 0},
        {"http://evil%2eexample/v1", "evil%2eexample", 0},
        {"http://evil\xe3\x80\x82"
         "example/v1",
         "evil\xe3\x80\x82"
         "example",
         0},
        {"https://user:p@api.a.com/", "api.a.com", 0},
        {"https://notlocalhost.com", "notlocalhost.com", 0},
        {"http://8.8.8.8", "8.8.8.8", 0},
        {"https://[2606:4700::1]/", "2606:4700::1", 0},
    };
    char host[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(llm_url_host(str(cases[i].url), host, sizeof(host)), TROUPE_OK);
        assert_string_equal(host, cases[i].host);
        assert_int_equal(llm_host_is_local(host), cases[i].local);
    }
    assert_int_equal(llm_url_host(str("ftp://x"), host, sizeof(host)), TROUPE_ARGUMENT);
    assert_int_equal(llm_url_host(str("http:///v1"), host, sizeof(host)), TROUPE_ARGUMENT);
    assert_int_equal(llm_url_host(str("http://[::1"), host, sizeof(host)), TROUPE_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_provider_error_gets_its_code),
        cmocka_unit_test(raw_text_is_cut_and_cleaned_for_the_log),
        cmocka_unit_test(a_price_is_found_by_host_pattern_and_date),
        cmocka_unit_test(a_dated_snapshot_has_its_models_price),
        cmocka_unit_test(a_bad_table_names_its_row),
        cmocka_unit_test(the_installed_table_holds),
        cmocka_unit_test(costs_are_whole_and_rounded_up),
        cmocka_unit_test(dates_count_as_the_calendar_does),
        cmocka_unit_test(a_request_says_what_the_model_takes),
        cmocka_unit_test(a_refused_parameter_is_left_out_once),
        cmocka_unit_test(bad_messages_are_refused),
        cmocka_unit_test(the_oldest_messages_make_room),
        cmocka_unit_test(the_worst_case_is_never_below_what_is_billed),
        cmocka_unit_test(an_unknown_price_is_never_free),
        cmocka_unit_test(retry_after_is_read_in_all_its_forms),
        cmocka_unit_test(thoughts_that_grow_are_gathered),
        cmocka_unit_test(waits_grow_up_to_a_bound),
        cmocka_unit_test(local_addresses_are_told_from_public_ones),
    };

    return cmocka_run_group_tests_name("llm parts", tests, NULL, NULL);
}
