/* SPDX-License-Identifier: Apache-2.0
 *
 * Which model is asked, and which next: whole talks against scripted providers.
 */
#include "fake_turn.h"
#include "llm/converse.h"
#include "llm/cost.h"
#include "llm/hedge.h"
#include "llm/routes.h"
#include "llm_talk_rig.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*model_fn)(troupe_turn *, troupe_str);
typedef troupe_status (*status_fn)(troupe_turn *);

#define SECONDS ((int64_t)1000)
#define NOW     ((int64_t)1795176000000)

/* ---- a talk -------------------------------------------------------------------------------------*/

#define GOOD LLM_TALK_GOOD

/* A local model first, then one behind Anthropic's format that has two keys. */
static struct fake_turn *routed(void)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "base_url", "http://127.0.0.1:8080/v1");
    fake_config(fake, "base_url_2", "https://second.example.com/v1");
    fake_config(fake, "format_2", "anthropic");
    fake_config(fake, "local_2", "yes"); /* so that it has a price */
    fake_config(fake, "api_key_2", "x");
    fake_config(fake, "api_key_2_alt", "y");
    fake_config(fake, "route_chat", "own-1 90, 2:far-1 60");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = llm_talk_call;
    return fake;
}

#define ANTHROPIC_GOOD                                                                             \
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","      \
    "\"text\":\"from afar\"}}\n\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"    \
    "\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\ndata: {\"type\":\"message_stop\"}\n\n"

static void the_next_model_answers_whatever_befell_the_first(void **state)
{
    static const struct {
        const char *what;
        struct fake_response response;
    } faults[] = {
        {"no connection", {0}},
        {"429", {.status = 429}},
        {"500", {.status = 500}},
        {"529", {.status = 529}},
        {"no first token", {.open_status = TROUPE_DEADLINE, .dispatched = 1}},
        {"silence", {.status = 200, .end = TROUPE_DEADLINE}},
        {"broken off", {.status = 200, .end = TROUPE_IO}},
        {"empty stream", {.status = 200}},
        {"garbage", {.status = 200, .chunks = {"data: {{{\n\n"}}},
        {"unknown model",
         {.status = 404, .chunks = {"{\"error\":{\"code\":\"model_not_found\"}}"}}},
        {"refused parameter",
         {.status = 400,
          .chunks = {"{\"error\":{\"code\":\"unsupported_parameter\",\"param\":\"stream\"}}"}}},
        {"wrong key", {.status = 401}},
        {"no credit", {.status = 402}},
        {"bad certificate", {.open_status = TROUPE_FAILED, .dispatched = 1}},
        {"moved", {.status = 302}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct fake_turn *fake = routed();
        troupe_status status;

        fake->responses[0] = faults[i].response;
        fake->responses[1].status = 200;
        fake->responses[1].chunks[0] = ANTHROPIC_GOOD;
        status = llm_talk(fake);
        if (status != TROUPE_OK || !fake->written.ptr ||
            strcmp(fake->written.ptr, "from afar") != 0 || fake->request_count != 2)
            fail_msg("%s: status %d, %u requests", faults[i].what, status, fake->request_count);
        assert_string_equal(fake->requests[1].url, "https://second.example.com/v1/messages");
        assert_non_null(strstr(fake->requests[1].headers, "x-api-key: {secret:api_key_2}\n"));
        assert_non_null(strstr(fake->requests[1].headers, "anthropic-version: "));
        assert_int_equal(fake->slept_ms, 0);
        assert_true(fake_text_has(&fake->reasons, "llm.route: chat: own-1 at 127.0.0.1"));
        assert_true(fake_text_has(&fake->reasons, "llm.fallback: own-1 failed"));
        assert_int_equal(fake->open_http, 0);
        fake_turn_free(fake);
    }
}

/* A database that is away for a while: each model is as good afterwards as it was before. */
static void what_the_host_could_not_store_is_no_failure_of_a_model(void **state)
{
    static const char *const codes[] = {"budget.storage", "budget.dispatch"};
    struct fake_turn *fake = routed();

    (void)state;
    for (int i = 0; i < 2 * LLM_BREAKER_FAILURES; i++) {
        fake->responses[0].open_status = i % 3 ? TROUPE_UNAVAILABLE : TROUPE_MAYBE_DONE;
        fake->responses[0].code = codes[i % 2];
        assert_int_equal(llm_talk(fake), i % 3 ? TROUPE_UNAVAILABLE : TROUPE_MAYBE_DONE);
        assert_int_equal(fake->request_count, 1);
        assert_false(fake_text_has(&fake->reasons, "llm.fallback"));
        fake_next(fake);
    }
    fake->responses[0].status = 200;
    fake->responses[0].code = NULL;
    fake->responses[0].chunks[0] = GOOD;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->requests[0].url, "http://127.0.0.1:8080/v1/chat/completions");
    assert_false(fake_text_has(&fake->reasons, "(is down)"));
    assert_false(fake_text_has(&fake->told, "failed"));
    fake_turn_free(fake);
}

/* Turns that end while a model is waited for, enough for one of the two; then one that tells whether it counted. */
static int ends_count_against_the_model(const struct fake_response *response)
{
    struct fake_turn *fake = routed();
    int down;

    for (int i = 0; i < 2 * LLM_BREAKER_FAILURES - 1; i++) {
        fake->responses[0] = *response;
        assert_true(llm_talk(fake) < 0);
        assert_int_equal(fake->request_count, 1);
        assert_int_equal(fake->open_http, 0);
        fake_next(fake);
        fake->ended = TROUPE_OK;
    }
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = GOOD;
    fake->responses[1].status = 200;
    fake->responses[1].chunks[0] = ANTHROPIC_GOOD;
    (void)llm_talk(fake);
    down = fake_text_has(&fake->reasons, "(is down)");
    fake_turn_free(fake);
    return down;
}

static void a_turn_that_ran_out_of_time_counts_against_who_kept_silent(void **state)
{
    static const struct fake_response silent = {
        .status = 200, .chunk_ms = 5 * SECONDS, .times_out = 1};
    static const struct fake_response stopped = {
        .status = 200, .chunk_ms = 5 * SECONDS, .ends_turn = 1};
    static const struct fake_response late = {
        .status = 200, .chunk_ms = 4 * SECONDS, .times_out = 1};
    static struct fake_response talking;

    (void)state;
    talking = silent;
    talking.chunks[0] = "data: {\"choices\":[{\"delta\":{\"content\":\"Once\"}}]}\n\n";
    assert_true(ends_count_against_the_model(&silent));
    assert_false(ends_count_against_the_model(&stopped)); /* the member said so        */
    assert_false(ends_count_against_the_model(&late));    /* it was only just asked    */
    assert_false(ends_count_against_the_model(&talking)); /* it was at work            */
}

/* The first one holds less than the talk: it gets the end of it, and the next one all. */
static void each_model_gets_what_it_holds(void **state)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");
    char messages[5000];

    (void)state;
    fake_config(fake, "base_url", "http://127.0.0.1:8080/api");
    fake_config(fake, "route_chat", "small:1b 90, large 5");
    fake_config(fake, "contexts", "tiny-* 300, small:* 1000");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    fake_config(fake, "max_tokens", "600");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = llm_talk_call;
    memset(messages, 'w', sizeof(messages));
    memcpy(messages, "[{\"role\":\"user\",\"content\":\"old ", 31);
    snprintf(messages + 2500, 200, "\"},{\"role\":\"user\",\"content\":\"new question\"}]");
    fake->responses[0].status = 500;
    fake->responses[1].status = 200;
    fake->responses[1].chunks[0] = "{\"message\":{\"content\":\"all\"},\"done\":true}\n";
    assert_int_equal(llm_talk_about(fake, messages), TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].body, "\"num_ctx\":1000"));
    assert_non_null(strstr(fake->requests[0].body, "\"num_predict\":500")); /* half of it */
    assert_null(strstr(fake->requests[0].body, "old "));
    assert_non_null(strstr(fake->requests[0].body, "new question"));
    assert_non_null(strstr(fake->requests[1].body, "\"num_ctx\":8000"));
    assert_non_null(strstr(fake->requests[1].body, "\"num_predict\":600"));
    assert_non_null(strstr(fake->requests[1].body, "old "));
    assert_true(fake_text_has(&fake->reasons, "llm.trimmed: 1 old messages"));
    fake_turn_free(fake);

    snprintf(messages + 2500, 200, "\"}]");
    /* what it cannot take at all goes to the next one, and it is not blamed for it */
    fake = fake_turn_new(troupe_plugin_v1(), "llm");
    fake_config(fake, "base_url", "http://127.0.0.1:8080/api");
    fake_config(fake, "route_chat", "small:1b 90, large 5");
    fake_config(fake, "contexts", "small:* 300");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = llm_talk_call;
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = "{\"message\":{\"content\":\"all\"},\"done\":true}\n";
    assert_int_equal(llm_talk_about(fake, messages), TROUPE_OK);
    assert_int_equal(fake->request_count, 1);
    assert_non_null(strstr(fake->requests[0].body, "\"model\":\"large\""));
    assert_true(fake_text_has(&fake->reasons, "llm.fallback: small:1b failed (no_context)"));
    fake_turn_free(fake);
}

static void each_model_has_a_price_of_its_own(void **state)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");
    const struct llm_agent *agent;

    (void)state;
    fake_config(fake, "base_url", "https://openrouter.ai/api/v1");
    fake_config(fake, "base_url_2", "https://second.example.com/v1");
    fake_config(fake, "route_chat", "x/large, x/small, 2:x/small, 2:y/other, unknown");
    fake_config(fake, "prices", "x/large 3/15.5, 2:x/small 0.000001/7, x/* 0.25/2, y/* 1/1");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    agent = fake->state;
    assert_int_equal(agent->candidates[0].settings.price.input, 3000000);
    assert_int_equal(agent->candidates[0].settings.price.output, 15500000);
    assert_int_equal(agent->candidates[1].settings.price.cached, 250000);
    assert_int_equal(agent->candidates[2].settings.price.input, 1);
    assert_int_equal(agent->candidates[2].settings.price.output, 7000000);
    assert_int_equal(agent->candidates[3].settings.price.output, 1000000);
    for (int i = 0; i < 4; i++)
        assert_true(llm_tariff_find(&agent->candidates[i].settings, NOW).known);
    assert_false(llm_tariff_find(&agent->candidates[4].settings, NOW).known);
    assert_int_equal(agent->settings.price.output, 15500000); /* what llm-status tells */
    fake_turn_free(fake);
}

static void the_table_says_what_a_model_refuses(void **state)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");
    const char *source = getenv("TROUPE_SRCDIR");
    char path[4096];

    (void)state;
    snprintf(path, sizeof(path), "%s/etc/prices.json", source ? source : ".");
    fake_config(fake, "base_url", "https://api.openai.com/v1");
    fake_config(fake, "model", "gpt-5-mini");
    fake_config(fake, "price_table", path);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] =
        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\n";
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].body, "\"max_completion_tokens\":1024"));
    assert_null(strstr(fake->requests[0].body, "temperature"));
    fake_turn_free(fake);
}

/* One model with one key, as most have it. */
static struct fake_turn *alone(void)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "base_url", "http://127.0.0.1:8080/v1");
    fake_config(fake, "model", "own-1");
    fake_config(fake, "attempts", "1");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = llm_talk_call;
    return fake;
}

/* Everybody is refused, or another model answers dearly: the owner may not know. */
static void a_model_without_a_price_is_told_to_the_owner_once(void **state)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    (void)state;
    fake_config(fake, "base_url", "http://127.0.0.1:8080/v1");
    fake_config(fake, "local", "no");
    fake_config(fake, "route_chat", "nobody-knows-me, own-1");
    fake_config(fake, "prices", "own-1 1/2");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = llm_talk_call;
    for (int i = 0; i < 2; i++) {
        fake_next(fake);
        fake->responses[0] = (struct fake_response){.status = 200, .chunks = {LLM_TALK_GOOD}};
        assert_int_equal(llm_talk(fake), TROUPE_OK);
        assert_string_equal(
            fake->told.ptr,
            "the model \"nobody-knows-me\" at 127.0.0.1 is not asked, as its price is not known. "
            "Name it in prices of [agent llm], or add it to a copy of the price table, and "
            "reload.\n");
    }
    fake_turn_free(fake);
}

static void answer_with(struct fake_turn *fake, const struct fake_response *response,
                        troupe_status expected)
{
    fake_next(fake);
    fake->left_ms = 300 * SECONDS;
    fake->responses[0] = *response;
    assert_int_equal(llm_talk(fake), expected);
}

/* The first model is far better, so that only its failures keep questions away from it. */
static struct fake_turn *preferred(const char *first)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "base_url", "http://127.0.0.1:8080/v1");
    fake_config(fake, "base_url_2", "http://127.0.0.1:8081/v1");
    fake_config(fake, "api_key", "x");
    fake_config(fake, "route_chat", first);
    fake_config(fake, "cost_weight", "0");
    fake_config(fake, "alert_count", "10");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = llm_talk_call;
    return fake;
}

static const struct fake_response *of_first;

/* The first candidate answers as `of_first` says, every other one well. */
static const char *call_by_model(struct fake_turn *fake, const char *name, troupe_str args)
{
    static const struct fake_response good = {.status = 200, .chunks = {GOOD}};
    const char *result = llm_talk_call(fake, name, args);

    if (strcmp(name, "llm-route") == 0)
        fake->responses[fake->request_count] =
            strstr(result, "\"candidate\":0,") ? *of_first : good;
    return result;
}

/* One question; how often something was told since the last one. */
static unsigned told_by_one(struct fake_turn *fake, const struct fake_response *first)
{
    const size_t before = fake->told.len;
    unsigned lines = 0;

    fake_next(fake);
    fake->reservation_count = 0;
    of_first = first;
    fake->on_call = call_by_model;
    assert_int_equal(llm_talk(fake), TROUPE_OK); /* the other one answers them all */
    for (size_t i = before; i < fake->told.len; i++)
        lines += fake->told.ptr[i] == '\n';
    return lines;
}

static void the_owner_hears_of_a_model_that_questions_go_round(void **state)
{
    static const struct {
        struct fake_response response;
        const char *kind;
        int times; /* that it fails, be it asked or not */
    } faults[] = {{{.status = 500}, "(provider_failed)", 10}, {{.status = 401}, "(bad_key)", 1}};
    static const struct fake_response good = {.status = 200, .chunks = {GOOD}};

    (void)state;
    for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
        struct fake_turn *fake = preferred("own-1 90, 2:other-1 5");
        unsigned lines = 0, passed = 0;

        for (int i = 0; i < 40; i++) {
            const int was_told = fake->told.len > 0;

            fake->now_ms += SECONDS;
            lines += told_by_one(fake, &faults[f].response);
            passed += fake->request_count == 1;
            assert_int_equal(lines, i + 1 >= faults[f].times);
            assert_true(was_told || !lines || strstr(fake->told.ptr, faults[f].kind));
        }
        assert_true(passed > 30);
        /* and that it is over, once */
        fake->now_ms += 1800 * SECONDS;
        assert_int_equal(told_by_one(fake, &good), 1);
        assert_true(fake_text_has(&fake->told, "answers again"));
        assert_int_equal(told_by_one(fake, &good), 0);
        fake_turn_free(fake);
    }
}

static void what_is_not_asked_for_other_reasons_fails_nobody(void **state)
{
    static const struct fake_response broken = {.status = 503}, limited = {.status = 429},
                                      good = {.status = 200, .chunks = {GOOD}};
    struct fake_turn *fake = preferred("own-1 90, 2:other-1 5");

    (void)state;
    for (int i = 0; i < 40; i++) /* a limit on questions: it answers, only not so many */
        assert_int_equal(told_by_one(fake, &limited), 0);
    fake_turn_free(fake);

    /* The one behind failed once and is out; nobody would have asked it. */
    fake = preferred("2:other-1 90, own-1 5");
    fake_next(fake);
    fake->responses[0] = broken;
    fake->responses[1] = (struct fake_response){.status = 401};
    assert_true(llm_talk(fake) < 0);
    for (int i = 0; i < 40; i++)
        assert_int_equal(told_by_one(fake, &good), 0);
    fake_turn_free(fake);
}

static void the_only_model_has_a_breaker_too(void **state)
{
    static const struct fake_response broken = {.status = 500},
                                      good = {.status = 200, .chunks = {GOOD}};
    struct fake_turn *fake = alone();

    (void)state;
    for (int i = 0; i < LLM_BREAKER_FAILURES; i++) {
        answer_with(fake, &broken, TROUPE_UNAVAILABLE);
        assert_int_equal(fake->request_count, 1);
        assert_true(fake_text_has(&fake->reasons, "llm.route: chat: own-1 at 127.0.0.1"));
    }
    answer_with(fake, &good, TROUPE_UNAVAILABLE);
    assert_int_equal(fake->request_count, 0);
    assert_string_equal(fake->code, "llm.unreachable");
    assert_non_null(strstr(fake->sentence, "Please try again in 30 seconds."));
    assert_true(fake_text_has(&fake->reasons, "chat: none is left; not own-1 at 127.0.0.1"));
    /* one asks, and it is there again */
    fake->now_ms += LLM_BREAKER_FIRST_MS;
    answer_with(fake, &good, TROUPE_OK);
    answer_with(fake, &good, TROUPE_OK);
    fake_turn_free(fake);
}

/* Its list of models is there all the same. */
static void the_status_tells_what_keeps_questions_away(void **state)
{
    static const struct fake_response refused = {.status = 402},
                                      good = {.status = 200, .chunks = {GOOD}},
                                      list = {.status = 200,
                                              .chunks = {"{\"data\":[{\"id\":\"own-1\"}]}"}};
    struct fake_turn *fake = alone();

    (void)state;
    for (int i = 0; i < 2; i++) {
        fake_next(fake);
        fake->responses[0] = list;
        assert_int_equal(((status_fn)fake_function(fake, "llm-status"))(&fake->turn), TROUPE_OK);
        assert_true(fake_text_has(&fake->reply, " It answers."));
        assert_int_equal(fake_text_has(&fake->reply,
                                       " No question is put to it for another 60 seconds. The "
                                       "last one failed: The account at the language model's "
                                       "provider has no credit left."),
                         i == 1);
        answer_with(fake, i == 0 ? &refused : &good, TROUPE_DENIED);
    }
    fake->now_ms += 60 * SECONDS;
    answer_with(fake, &good, TROUPE_OK);
    fake_next(fake);
    fake->responses[0] = list;
    assert_int_equal(((status_fn)fake_function(fake, "llm-status"))(&fake->turn), TROUPE_OK);
    assert_false(fake_text_has(&fake->reply, "No question"));
    fake_turn_free(fake);
}

/* Told again what the admin can do, and not for ten minutes. */
static void the_only_key_that_is_refused_is_tried_again_soon(void **state)
{
    static const struct fake_response refused = {.status = 401},
                                      good = {.status = 200, .chunks = {GOOD}};
    struct fake_turn *fake = alone();
    char sentence[sizeof(fake->sentence)];

    (void)state;
    answer_with(fake, &refused, TROUPE_DENIED);
    snprintf(sentence, sizeof(sentence), "%s", fake->sentence);
    answer_with(fake, &good, TROUPE_DENIED);
    assert_int_equal(fake->request_count, 0);
    assert_memory_equal(fake->sentence, sentence, strlen(sentence));
    assert_non_null(strstr(fake->sentence, " It is asked again in 60 seconds."));
    fake->now_ms += LLM_ONLY_KEY_COOL_MS;
    answer_with(fake, &good, TROUPE_OK);
    fake_turn_free(fake);
}

static void a_limit_on_questions_is_waited_for_where_it_is_short(void **state)
{
    static const struct fake_response soon = {.status = 429, .headers = {"retry-after", "20"}},
                                      late = {.status = 429, .headers = {"retry-after", "40"}},
                                      good = {.status = 200, .chunks = {GOOD}};
    struct fake_turn *fake = alone();
    const int64_t before = fake->slept_ms;

    (void)state;
    answer_with(fake, &soon, TROUPE_BUSY);
    answer_with(fake, &good, TROUPE_OK);
    assert_true(fake_text_has(&fake->reasons, "llm.waited: "));
    assert_true(fake->slept_ms - before >= 20 * SECONDS);
    answer_with(fake, &late, TROUPE_BUSY);
    answer_with(fake, &good, TROUPE_BUSY);
    assert_int_equal(fake->request_count, 0);
    assert_non_null(strstr(fake->sentence, "Please try again in 40 seconds."));
    fake_turn_free(fake);
}

static void what_no_provider_would_answer_is_not_offered_to_the_next(void **state)
{
    struct fake_turn *fake = routed();

    (void)state;
    fake->responses[0].status = 403;
    fake->responses[0].chunks[0] = "{\"error\":{\"message\":\"flagged by moderation\"}}";
    assert_int_equal(llm_talk(fake), TROUPE_DENIED);
    assert_int_equal(fake->request_count, 1);
    fake_turn_free(fake);
}

static void nothing_falls_back_after_text_was_handed_out(void **state)
{
    struct fake_turn *fake = routed();

    (void)state;
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = "data: {\"choices\":[{\"delta\":{\"content\":\"Once\"}}]}\n\n";
    fake->responses[0].end = TROUPE_IO;
    assert_int_equal(llm_talk(fake), TROUPE_INTERRUPTED);
    assert_int_equal(fake->request_count, 1);
    fake_turn_free(fake);
}

static void the_other_key_is_used_where_the_first_may_not(void **state)
{
    struct fake_turn *fake = routed();

    (void)state;
    /* the local one is gone, and the first key has no credit */
    fake->responses[1].status = 402;
    fake->responses[2].status = 200;
    fake->responses[2].chunks[0] = ANTHROPIC_GOOD;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->written.ptr, "from afar");
    assert_non_null(strstr(fake->requests[1].headers, "{secret:api_key_2}"));
    assert_non_null(strstr(fake->requests[2].headers, "{secret:api_key_2_alt}"));
    assert_true(fake_text_has(&fake->reasons, "with another key"));
    fake_turn_free(fake);
}

/* Eight of them, whose limits are reached one after the other, though it is to be asked once. */
static void each_of_eight_keys_is_used_before_anybody_waits(void **state)
{
    static const char *const alt[] = {"api_key_alt",   "api_key_alt_2", "api_key_alt_3",
                                      "api_key_alt_4", "api_key_alt_5", "api_key_alt_6",
                                      "api_key_alt_7"};
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    (void)state;
    fake_config(fake, "base_url", "http://127.0.0.1:8080/v1");
    fake_config(fake, "model", "own-1");
    fake_config(fake, "attempts", "1");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    fake_config(fake, "api_key", "x");
    for (size_t i = 0; i < sizeof(alt) / sizeof(alt[0]); i++)
        fake_config(fake, alt[i], "x");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = llm_talk_call;
    for (int i = 0; i < LLM_KEYS_MAX - 1; i++)
        fake->responses[i].status = 429;
    fake->responses[LLM_KEYS_MAX - 1].status = 200;
    fake->responses[LLM_KEYS_MAX - 1].chunks[0] = GOOD;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, LLM_KEYS_MAX);
    assert_int_equal(fake->slept_ms, 0);
    assert_non_null(strstr(fake->requests[1].headers, "{secret:api_key_alt}"));
    assert_non_null(strstr(fake->requests[7].headers, "{secret:api_key_alt_7}"));
    fake_turn_free(fake);
}

static void when_all_fail_the_talk_ends_with_a_sentence(void **state)
{
    struct fake_turn *fake = routed();

    (void)state;
    for (int i = 0; i < FAKE_MAX; i++)
        fake->responses[i].status = 500;
    assert_int_equal(llm_talk(fake), TROUPE_UNAVAILABLE);
    assert_string_equal(fake->code, "llm.provider_error");
    assert_true(fake->request_count >= 2 && fake->request_count <= 5);
    for (unsigned i = 0; i < fake->reservation_count; i++)
        assert_int_equal(fake->reservations[i].state, FAKE_SETTLED);
    fake_turn_free(fake);
}

static void a_model_beyond_the_budget_gives_way_to_a_cheaper_one(void **state)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    (void)state;
    fake_config(fake, "base_url", "https://api.example.com/v1");
    fake_config(fake, "model", "dear-1");
    fake_config(fake, "price_input", "1");
    fake_config(fake, "price_output", "2");
    fake_config(fake, "base_url_2", "http://127.0.0.1:8080/v1");
    fake_config(fake, "route_chat", "dear-1 100, 2:own-1 10");
    fake_config(fake, "cost_weight", "0");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = llm_talk_call;
    fake->cap = 100;
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = GOOD;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->requests[0].url, "http://127.0.0.1:8080/v1/chat/completions");
    assert_true(fake_text_has(&fake->reasons, "llm.cheaper: no money for dear-1; asking own-1"));
    /* and that somebody prefers it changes nothing */
    assert_int_equal(
        ((model_fn)fake_function(fake, "model"))(&fake->turn, (troupe_str){"dear-1", 6}),
        TROUPE_OK);
    fake->responses[1] = fake->responses[0];
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->requests[1].url, "http://127.0.0.1:8080/v1/chat/completions");
    fake_turn_free(fake);
}

/* ---- what a member would rather have --------------------------------------------------------------*/

static troupe_status set_model(struct fake_turn *fake, const char *name)
{
    return ((model_fn)fake_function(fake, "model"))(&fake->turn, (troupe_str){name, strlen(name)});
}

static void a_member_talks_with_the_model_that_they_prefer(void **state)
{
    struct fake_turn *fake = routed();

    (void)state;
    assert_int_equal(set_model(fake, ""), TROUPE_OK);
    assert_true(fake_text_has(&fake->reply, "There are: own-1, far-1."));
    assert_int_equal(set_model(fake, "gone-1"), TROUPE_ARGUMENT);
    assert_non_null(strstr(fake->sentence, "own-1, far-1"));
    assert_int_equal(set_model(fake, "far-1"), TROUPE_OK);
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = ANTHROPIC_GOOD;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->requests[0].url, "https://second.example.com/v1/messages");
    assert_true(fake_text_has(&fake->reasons, "(preferred); not own-1"));
    /* It does not answer: another one does. */
    fake->responses[1].status = 500;
    fake->responses[2].status = 200;
    fake->responses[2].chunks[0] = GOOD;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->requests[2].url, "http://127.0.0.1:8080/v1/chat/completions");
    /* Somebody else gets what is best. */
    fake->message.author++;
    fake->responses[3].status = 200;
    fake->responses[3].chunks[0] = GOOD;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->requests[3].url, "http://127.0.0.1:8080/v1/chat/completions");
    fake->message.author--;
    assert_int_equal(set_model(fake, "-"), TROUPE_OK);
    fake->responses[4].status = 200;
    fake->responses[4].chunks[0] = GOOD;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_string_equal(fake->requests[4].url, "http://127.0.0.1:8080/v1/chat/completions");
    fake_turn_free(fake);
}

static void a_models_refusals_are_remembered(void **state)
{
    static const char *const no = "{\"error\":{\"message\":\"Unsupported parameter\",\"param\":"
                                  "\"max_tokens\",\"code\":\"unsupported_parameter\"}}";
    struct fake_turn *fake = routed();

    (void)state;
    fake->responses[0].status = 400;
    fake->responses[0].chunks[0] = no;
    fake->responses[1].status = 200;
    fake->responses[1].chunks[0] = GOOD;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, 2);
    fake_next(fake);
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = GOOD;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, 1);
    assert_non_null(strstr(fake->requests[0].body, "\"max_completion_tokens\""));
    fake_turn_free(fake);
}

static struct fake_turn *with_floor(const char *floor, troupe_status expected)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "base_url", "http://127.0.0.1:8080/v1");
    fake_config(fake, "route_chat", "fair 60, good 90");
    fake_config(fake, "route_quick", "fair 60");
    fake_config(fake, "quality_floor", floor);
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    assert_int_equal(fake_create(fake), expected);
    fake->on_call = llm_talk_call;
    return fake;
}

static void a_floor_holds_for_a_route_without_models_of_its_own(void **state)
{
    struct fake_turn *fake = with_floor("code 80", TROUPE_OK);

    (void)state;
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = GOOD;
    assert_int_equal(llm_talk_on(fake, "code", LLM_TALK_QUESTION), TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].body, "\"good\""));
    assert_true(fake_text_has(&fake->reasons, "(below the floor)"));
    fake_turn_free(fake);
}

static void a_floor_that_nobody_reaches_is_refused(void **state)
{
    static const char *const floors[] = {"chat 91", "code 91", "quick 61", "chat 90, summary 100"};

    (void)state;
    for (size_t i = 0; i < sizeof(floors) / sizeof(floors[0]); i++) {
        struct fake_turn *fake = with_floor(floors[i], TROUPE_CONFIG);

        assert_true(fake_text_has(&fake->host.log, "none of the models of this route"));
        fake_turn_free(fake);
    }
}

static void bad_routes_are_refused_with_the_remedy(void **state)
{
    static const struct {
        const char *key, *value, *words;
    } cases[] = {
        {"route_chat", "9:x", "there is no such provider; set base_url_2"},
        {"route_code", "3:x", "there is no such provider"},
        {"route_chat", "2:", "expected a model"},
        {"route_chat", "x 101", "expected a model"},
        {"quality_floor", "poetry 5", "expected a route"},
        {"quality_floor", "code", "expected a route"},
        {"contexts", "tiny", "behind it the tokens"},
        {"prices", "tiny 1", "expected a model"},
        {"prices", "tiny 1/", "expected a model"},
        {"prices", "tiny 1/-2", "expected a model"},
        {"prices", "tiny 1.0000001/2", "expected a model"},
        {"prices", "tiny 99999999999/2", "expected a model"},
        {"contexts", "tiny 100", "at least 256"},
        {"local_only", "yes", "\"api.example.com\": is not local"},
        {"base_url_4", "nonsense", "\"base_url_4\": no host"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

        fake_config(fake, "base_url", "http://127.0.0.1:1/v1");
        fake_config(fake, "base_url_2", "https://api.example.com/v1");
        fake_config(fake, "model", "m");
        fake_config(fake, "price_table", "/nonexistent/prices.json");
        fake_config(fake, cases[i].key, cases[i].value);
        assert_int_not_equal(fake_create(fake), TROUPE_OK);
        if (!fake_text_has(&fake->host.log, cases[i].words))
            fail_msg("%s: %s", cases[i].key, fake->host.log.ptr);
        assert_int_equal(fake->host.allocated, 0);
        fake_turn_free(fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_model_answers_whatever_befell_the_first),
        cmocka_unit_test(what_the_host_could_not_store_is_no_failure_of_a_model),
        cmocka_unit_test(a_turn_that_ran_out_of_time_counts_against_who_kept_silent),
        cmocka_unit_test(each_model_gets_what_it_holds),
        cmocka_unit_test(each_model_has_a_price_of_its_own),
        cmocka_unit_test(the_table_says_what_a_model_refuses),
        cmocka_unit_test(the_owner_hears_of_a_model_that_questions_go_round),
        cmocka_unit_test(what_is_not_asked_for_other_reasons_fails_nobody),
        cmocka_unit_test(a_model_without_a_price_is_told_to_the_owner_once),
        cmocka_unit_test(the_only_model_has_a_breaker_too),
        cmocka_unit_test(a_floor_holds_for_a_route_without_models_of_its_own),
        cmocka_unit_test(a_floor_that_nobody_reaches_is_refused),
        cmocka_unit_test(the_status_tells_what_keeps_questions_away),
        cmocka_unit_test(the_only_key_that_is_refused_is_tried_again_soon),
        cmocka_unit_test(a_limit_on_questions_is_waited_for_where_it_is_short),
        cmocka_unit_test(what_no_provider_would_answer_is_not_offered_to_the_next),
        cmocka_unit_test(nothing_falls_back_after_text_was_handed_out),
        cmocka_unit_test(the_other_key_is_used_where_the_first_may_not),
        cmocka_unit_test(each_of_eight_keys_is_used_before_anybody_waits),
        cmocka_unit_test(when_all_fail_the_talk_ends_with_a_sentence),
        cmocka_unit_test(a_model_beyond_the_budget_gives_way_to_a_cheaper_one),
        cmocka_unit_test(a_member_talks_with_the_model_that_they_prefer),
        cmocka_unit_test(a_models_refusals_are_remembered),
        cmocka_unit_test(bad_routes_are_refused_with_the_remedy),
    };

    return cmocka_run_group_tests_name("llm routes", tests, NULL, NULL);
}
