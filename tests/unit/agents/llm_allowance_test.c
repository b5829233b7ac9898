/* SPDX-License-Identifier: Apache-2.0
 *
 * What providers tell in headers of a key's limits, and what is made of it.
 */
#include "fake_turn.h"
#include "llm/allowance.h"
#include "llm/health.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NOW ((int64_t)1795176000000) /* 2026-11-20T12:00:00Z */
#define S   ((int64_t)1000)

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

/* ---- headers -----------------------------------------------------------------------------------*/

static void a_reset_is_read_in_each_of_its_forms(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1s", 1000},
        {"6m0s", 360000},
        {"17ms", 17},
        {"2m59.56s", 179560},
        {"7.66s", 7660},
        {"1h2m3s", 3723000},
        {"0s", 0},
        {"500us", 1},
        {"500\xc2\xb5s", 1},
        {"1ns", 1},
        {"30", 30000},
        {"33011.382867", 33011382},
        {"0", 0},
        {"1795176060", 60000},
        {"1795176060000", 60000},
        {"1795175000000", 0},
        {"2026-11-20T12:00:05Z", 5000},
        {"2026-11-20T12:00:05.250Z", 5250},
        {"2026-11-20T13:00:05+01:00", 5000},
        {"2026-11-20T09:30:05-02:30", 5000},
        {"2026-11-20T11:59:59Z", 0},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799000) - NOW},
        {"99999999999999h", INT64_MAX},
        /* garbage */
        {"", -1},
        {"soon", -1},
        {"-5", -1},
        {"-1s", -1},
        {"5x", -1},
        {"5m3", -1},
        {"1s ", -1},
        {" 1s", -1},
        {".5s", -1},
        {"1e9", -1},
        {"12345678901234567890", -1},
        {"2026-11-20", -1},
        {"2026-13-20T12:00:05Z", -1},
        {"2026-11-20T25:00:05Z", -1},
        {"2026-11-20T12:00:05", -1},
        {"2026-11-20T12:00:05+1:00", -1},
        {"2026-11-20T12:00:05Zulu", -1},
        {"2026-11-20T12:00:5Z.......", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* without a byte behind it that could be read by mistake */
        const size_t len = strlen(cases[i].text);
        char *text = malloc(len ? len : 1);
        int64_t ms;

        memcpy(text, cases[i].text, len);
        ms = llm_allowed_reset((troupe_str){text, len}, NOW);
        free(text);
        if (ms != cases[i].ms)
            fail_msg("\"%s\": %lld", cases[i].text, (long long)ms);
    }
}

/* Name and value in turn. */
static const char *const *headers;

static troupe_status find_header(const troupe_http *http, const char *name, troupe_str *ret)
{
    (void)http;
    for (size_t i = 0; headers[i]; i += 2)
        if (strcasecmp(headers[i], name) == 0) {
            *ret = str(headers[i + 1]);
            return TROUPE_OK;
        }
    return TROUPE_NOT_FOUND;
}

static const troupe_http_v1 api = {.size = sizeof(api), .header = find_header};

static struct llm_allowed read_headers(enum llm_format format, const char *const *list)
{
    struct llm_allowed allowed;

    headers = list;
    llm_allowed_read(&api, NULL, format, NOW, &allowed);
    return allowed;
}

static void each_providers_headers_are_understood(void **state)
{
    static const char *const openai[] = {"X-RateLimit-Remaining-Requests",
                                         "59",
                                         "x-ratelimit-reset-requests",
                                         "1s",
                                         "x-ratelimit-remaining-tokens",
                                         "0",
                                         "x-ratelimit-reset-tokens",
                                         "6m0s",
                                         NULL};
    /* its clock is ten minutes ahead of ours */
    static const char *const anthropic[] = {"Date",
                                            "Fri, 20 Nov 2026 12:10:00 GMT",
                                            "anthropic-ratelimit-requests-remaining",
                                            "999",
                                            "anthropic-ratelimit-requests-reset",
                                            "2026-11-20T12:09:59Z",
                                            "anthropic-ratelimit-tokens-remaining",
                                            "30000",
                                            "anthropic-ratelimit-tokens-reset",
                                            "2026-11-20T12:10:12Z",
                                            "anthropic-ratelimit-input-tokens-remaining",
                                            "26000",
                                            "anthropic-ratelimit-input-tokens-reset",
                                            "2026-11-20T12:10:10Z",
                                            "anthropic-ratelimit-output-tokens-remaining",
                                            "0",
                                            "anthropic-ratelimit-output-tokens-reset",
                                            "2026-11-20T12:10:30Z",
                                            NULL};
    static const char *const plain[] = {"X-RateLimit-Remaining", "0", "X-RateLimit-Reset",
                                        "1795176040000", NULL};
    struct llm_allowed allowed = read_headers(LLM_FORMAT_OPENAI, openai);

    (void)state;
    assert_int_equal(allowed.left[LLM_ALLOWED_REQUESTS], 59);
    assert_int_equal(allowed.reset_ms[LLM_ALLOWED_REQUESTS], 1000);
    assert_int_equal(allowed.left[LLM_ALLOWED_TOKENS], 0);
    assert_int_equal(allowed.reset_ms[LLM_ALLOWED_TOKENS], 360000);
    allowed = read_headers(LLM_FORMAT_ANTHROPIC, anthropic);
    assert_int_equal(allowed.left[LLM_ALLOWED_REQUESTS], 999);
    assert_int_equal(allowed.reset_ms[LLM_ALLOWED_REQUESTS], 1); /* all of it is there */
    assert_int_equal(allowed.left[LLM_ALLOWED_TOKENS], 30000);
    assert_int_equal(allowed.reset_ms[LLM_ALLOWED_TOKENS], 12 * S);
    assert_int_equal(allowed.left[LLM_ALLOWED_INPUT], 26000);
    assert_int_equal(allowed.reset_ms[LLM_ALLOWED_INPUT], 10 * S);
    assert_int_equal(allowed.left[LLM_ALLOWED_OUTPUT], 0);
    assert_int_equal(allowed.reset_ms[LLM_ALLOWED_OUTPUT], 30 * S);
    allowed = read_headers(LLM_FORMAT_OPENAI, plain);
    assert_int_equal(allowed.left[LLM_ALLOWED_REQUESTS], 0);
    assert_int_equal(allowed.reset_ms[LLM_ALLOWED_REQUESTS], 40 * S);
    allowed = read_headers(LLM_FORMAT_OLLAMA, openai);
    assert_int_equal(allowed.reset_ms[LLM_ALLOWED_REQUESTS], 0);
}

static void headers_that_make_no_sense_count_for_nothing(void **state)
{
    static const char *const cases[][5] = {
        {"x-ratelimit-remaining-tokens", "-1", "x-ratelimit-reset-tokens", "0"},
        {"x-ratelimit-remaining-tokens", "-1", "x-ratelimit-reset-tokens", "60"},
        {"x-ratelimit-remaining-tokens", "0"},
        {"x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "0"},
        {"x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "yesterday"},
        {"x-ratelimit-remaining-tokens", "0 tokens", "x-ratelimit-reset-tokens", "60"},
        {"x-ratelimit-remaining-tokens", "", "x-ratelimit-reset-tokens", "60"},
        {"x-ratelimit-reset-tokens", "60"},
        {"x-ratelimit-remaining", "none", "x-ratelimit-reset", "60"},
    };
    static const char *const lie[] = {"x-ratelimit-remaining-tokens", "999999999999",
                                      "x-ratelimit-reset-tokens", "99999999999999h", NULL};

    (void)state;
    assert_int_equal(read_headers(LLM_FORMAT_OPENAI, lie).reset_ms[LLM_ALLOWED_TOKENS],
                     LLM_ALLOWANCE_MOST_MS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct llm_allowed allowed = read_headers(LLM_FORMAT_OPENAI, cases[i]);

        for (int kind = 0; kind < LLM_ALLOWED_KINDS; kind++)
            if (allowed.reset_ms[kind] != 0)
                fail_msg("case %zu, kind %d: %lld", i, kind, (long long)allowed.reset_ms[kind]);
    }
}

static void what_is_left_goes_down_with_each_call(void **state)
{
    const struct llm_need need = {100, 50, 0};
    struct llm_allowance allowance = {0};
    struct llm_allowed allowed = {.at_ms = NOW,
                                  .left = {[LLM_ALLOWED_TOKENS] = 300},
                                  .reset_ms = {[LLM_ALLOWED_TOKENS] = 60 * S}};

    (void)state;
    assert_int_equal(llm_allowance_wait(&allowance, &need, NOW), 0);
    llm_allowance_note(&allowance, &allowed, 1, -1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(llm_allowance_wait(&allowance, &need, NOW), 0);
        llm_allowance_take(&allowance, &need, NOW);
    }
    assert_int_equal(llm_allowance_wait(&allowance, &need, NOW + S), 59 * S);
    assert_int_equal(llm_allowance_wait(&allowance, &need, NOW + 60 * S), 0);
    /* the longest that headers are believed */
    allowed.left[LLM_ALLOWED_TOKENS] = 0;
    allowed.reset_ms[LLM_ALLOWED_TOKENS] = (uint32_t)LLM_ALLOWANCE_MOST_MS;
    llm_allowance_note(&allowance, &allowed, 1, -1);
    assert_int_equal(llm_allowance_wait(&allowance, &need, NOW), LLM_ALLOWANCE_MOST_MS);
    /* and a clock that is set back shuts nobody out for longer */
    assert_int_equal(llm_allowance_wait(&allowance, &need, NOW - 86400 * S), 0);
    /* what is full again is known at once */
    allowed.left[LLM_ALLOWED_TOKENS] = 300;
    allowed.reset_ms[LLM_ALLOWED_TOKENS] = 1;
    llm_allowance_note(&allowance, &allowed, 1, -1);
    assert_int_equal(llm_allowance_wait(&allowance, &need, NOW), 0);
}

/* A long answer ends after others that came behind it, and turns that run again have the times of their first run. */
static void what_was_told_later_is_not_undone_by_what_was_told_before(void **state)
{
    const struct llm_need need = {100, 50, 0};
    struct llm_allowance allowance = {0};
    struct llm_allowed full = {.at_ms = NOW,
                               .left = {[LLM_ALLOWED_TOKENS] = 9000},
                               .reset_ms = {[LLM_ALLOWED_TOKENS] = 60 * S}};
    const struct llm_allowed empty = {.at_ms = NOW + 5 * S,
                                      .reset_ms = {[LLM_ALLOWED_TOKENS] = 55 * S}};
    const struct llm_allowed nothing = {.at_ms = NOW}, silent = {.at_ms = NOW + 6 * S};

    (void)state;
    llm_allowance_note(&allowance, &empty, 1, -1);
    llm_allowance_note(&allowance, &full, 1, -1);
    llm_allowance_note(&allowance, &nothing, 1, -1);
    assert_int_equal(llm_allowance_wait(&allowance, &need, NOW + 30 * S), 30 * S);
    llm_allowance_note(&allowance, &silent, 1, -1);
    llm_allowance_note(&allowance, &empty, 1, -1);
    assert_int_equal(llm_allowance_wait(&allowance, &need, NOW + 30 * S), 0);
    /* a clock that was set back is another matter */
    full.left[LLM_ALLOWED_TOKENS] = 0;
    full.at_ms = NOW - 2 * LLM_ALLOWANCE_MOST_MS;
    llm_allowance_note(&allowance, &full, 1, -1);
    assert_int_equal(llm_allowance_wait(&allowance, &need, full.at_ms), 60 * S);
}

static void what_never_left_takes_nothing_of_what_is_left(void **state)
{
    const struct llm_need need = {100, 50, 0};
    const struct llm_allowed allowed = {
        .at_ms = NOW,
        .left = {[LLM_ALLOWED_REQUESTS] = 1, [LLM_ALLOWED_TOKENS] = 150},
        .reset_ms = {[LLM_ALLOWED_REQUESTS] = 60 * S, [LLM_ALLOWED_TOKENS] = 60 * S}};
    struct llm_health *health = calloc(1, sizeof(*health));
    struct llm_link *link = calloc(1, sizeof(*link));

    (void)state;
    assert_non_null(health);
    assert_non_null(link);
    llm_allowance_note(&health->allowances[1], &allowed, 1, -1);
    for (int i = 0; i < 3; i++) {
        struct llm_taken taken = {NOW + i * S, need};

        assert_int_equal(llm_allowance_wait(&health->allowances[1], &need, NOW + i * S), 0);
        llm_health_take(health, link, 1, &need, NOW + i * S);
        assert_int_not_equal(llm_allowance_wait(&health->allowances[1], &need, NOW + i * S), 0);
        llm_health_settle(health, link, 1, &taken, i < 2 ? LLM_SPENT_NOTHING : LLM_SPENT_UNKNOWN,
                          0);
    }
    assert_int_not_equal(llm_allowance_wait(&health->allowances[1], &need, NOW + 3 * S), 0);
    free(link);
    free(health);
}

static void what_fills_up_evenly_is_counted_on_where_it_is_wanted(void **state)
{
    static const char *const list[] = {"x-ratelimit-limit-requests",
                                       "60",
                                       "x-ratelimit-remaining-requests",
                                       "0",
                                       "x-ratelimit-reset-requests",
                                       "60s",
                                       NULL};
    static const char *const day[] = {"x-ratelimit-limit-requests",
                                      "14400",
                                      "x-ratelimit-remaining-requests",
                                      "0",
                                      "x-ratelimit-reset-requests",
                                      "24h",
                                      NULL};
    const struct llm_need need = {10, 10, 0}, refilled = {10, 10, 1};
    struct llm_allowed allowed = read_headers(LLM_FORMAT_OPENAI, list);
    struct llm_allowance allowance = {0};

    (void)state;
    llm_allowance_note(&allowance, &allowed, 1, -1);
    assert_int_equal(llm_allowance_wait(&allowance, &need, NOW), 60 * S);
    assert_int_equal(llm_allowance_wait(&allowance, &refilled, NOW), S + 1);
    assert_int_equal(llm_allowance_wait(&allowance, &need, NOW + S + 1), 59 * S - 1);
    assert_int_equal(llm_allowance_wait(&allowance, &refilled, NOW + S + 1), 0);
    /* what one call takes is not there for the next one */
    llm_allowance_take(&allowance, &refilled, NOW + S + 1);
    assert_int_equal(llm_allowance_wait(&allowance, &refilled, NOW + S + 1), S);
    /* never longer than until the reset, and from then on nothing is known */
    for (int i = 0; i < 1000; i++)
        llm_allowance_take(&allowance, &refilled, NOW + 2 * S);
    assert_int_equal(llm_allowance_wait(&allowance, &refilled, NOW + 2 * S), 58 * S);
    assert_int_equal(llm_allowance_wait(&allowance, &refilled, NOW + 60 * S), 0);
    /* of a day it is the day's pace, though nothing is believed for longer than an hour */
    allowed = read_headers(LLM_FORMAT_OPENAI, day);
    llm_allowance_note(&allowance, &allowed, 1, -1);
    assert_int_equal(llm_allowance_wait(&allowance, &refilled, NOW), 6 * S + 1);
    /* without the limit nobody knows the pace */
    allowed.gain[LLM_ALLOWED_REQUESTS] = 0;
    llm_allowance_note(&allowance, &allowed, 1, -1);
    assert_int_equal(llm_allowance_wait(&allowance, &refilled, NOW), LLM_ALLOWANCE_MOST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_is_read_in_each_of_its_forms),
        cmocka_unit_test(each_providers_headers_are_understood),
        cmocka_unit_test(headers_that_make_no_sense_count_for_nothing),
        cmocka_unit_test(what_is_left_goes_down_with_each_call),
        cmocka_unit_test(what_was_told_later_is_not_undone_by_what_was_told_before),
        cmocka_unit_test(what_never_left_takes_nothing_of_what_is_left),
        cmocka_unit_test(what_fills_up_evenly_is_counted_on_where_it_is_wanted),
    };

    return cmocka_run_group_tests_name("llm allowances", tests, NULL, NULL);
}
