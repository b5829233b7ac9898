/* SPDX-License-Identifier: Apache-2.0
 *
 * Stages that run again: what their models came to is noted once, and they go the way that they went, whatever
 * time is left by then.
 */
#include "fake_turn.h"
#include "llm/converse.h"
#include "llm/limit_wait.h"
#include "llm_others_rig.h"
#include "llm_talk_rig.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY      "{\"error\":{\"message\":\"RAW\",\"code\":\"server_error\"}}"
#define VECTORS   "{\"data\":[{\"index\":0,\"embedding\":[0.5,1]}],\"usage\":{\"prompt_tokens\":3}}"
#define ONE_TEXT  "[\"a cat\"]"
#define ONE_MODEL "base_url", "https://api.openai.com/v1", "model", "gpt-5-mini"

static const char *const talks[] = {ONE_MODEL, "requests_per_minute", "10", NULL};
static const char *const embeds[] = {"base_url",
                                     "https://api.openai.com/v1",
                                     "embed_model",
                                     "text-embedding-3-small",
                                     "requests_per_minute",
                                     "10",
                                     NULL};

static struct fake_turn *talker(const char *const *config)
{
    struct fake_turn *fake = agent(config);

    fake->on_call = llm_talk_call;
    return fake;
}

static void streams(struct fake_turn *fake, unsigned i, const char *chunk)
{
    fake->responses[i].headers[0] = "content-type";
    fake->responses[i].headers[1] = "text/event-stream";
    answers(fake, i, 200, chunk);
}

/* How often a figure was counted. */
static unsigned counted(const struct fake_turn *fake, const char *line)
{
    unsigned n = 0;

    for (const char *at = fake->counted.ptr; at && (at = strstr(at, line)) != NULL; at++)
        n++;
    return n;
}

/* All that an agent learned of its models, to be compared. */
struct learned {
    struct llm_health health, embed;
    struct llm_alert alert, embed_alert;
    struct llm_link link;
    double retries;
    size_t log, counted;
};

static void learn(const struct fake_turn *fake, struct learned *ret)
{
    const struct llm_agent *agent = fake->state;

    ret->health = agent->candidates[0].health;
    ret->alert = agent->candidates[0].alert;
    ret->embed = agent->others.embed.health[0];
    ret->embed_alert = agent->others.embed.alerts[0];
    ret->link = agent->router.links[0];
    ret->retries = agent->router.retries;
    ret->log = fake->host.log.len;
    ret->counted = fake->counted.len;
}

static void assert_learned_nothing(const struct fake_turn *fake, const struct learned *before)
{
    static struct learned after;

    learn(fake, &after);
    assert_int_equal(after.health.first_count, before->health.first_count);
    assert_int_equal(after.health.breaker.failures, before->health.breaker.failures);
    assert_int_equal(after.embed.breaker.failures, before->embed.breaker.failures);
    assert_memory_equal(&after.health, &before->health, sizeof(after.health));
    assert_memory_equal(&after.embed, &before->embed, sizeof(after.embed));
    assert_memory_equal(&after.alert, &before->alert, sizeof(after.alert));
    assert_memory_equal(&after.embed_alert, &before->embed_alert, sizeof(after.alert));
    assert_memory_equal(&after.link, &before->link, sizeof(after.link));
    assert_true(after.retries == before->retries);
    assert_int_equal(after.log, before->log);
    assert_int_equal(after.counted, before->counted);
}

/* ---- once --------------------------------------------------------------------------------------*/

static void what_a_talk_came_to_is_noted_once(void **state)
{
    struct fake_turn *fake = talker(talks);
    struct llm_agent *llm = fake->state;
    static struct learned before;

    (void)state;
    answers(fake, 0, 503, BUSY);
    streams(fake, 1, LLM_TALK_GOOD);
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(counted(fake, "errors "), 1);
    learn(fake, &before);
    assert_int_equal(before.health.first_count, 1);
    for (int i = 0; i < 3; i++) {
        fake_again(fake);
        fake->left_ms = 250000;
        assert_int_equal(llm_talk(fake), TROUPE_OK);
        assert_true(fake_text_has(&fake->result, "\"text\":\"fine\""));
        assert_int_equal(fake->request_count, 2);
        assert_learned_nothing(fake, &before);
    }
    /* What had not come before counts, and nothing else. */
    fake_again(fake);
    fake->replayed_requests = 1;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(counted(fake, "errors "), 1);
    assert_int_equal(llm->candidates[0].health.first_count, 2);
    finish(fake);
}

static void what_a_talk_failed_by_is_noted_once(void **state)
{
    struct fake_turn *fake = talker(talks);
    static struct learned before;

    (void)state;
    answers(fake, 0, 401, "{\"error\":{\"message\":\"RAW\",\"code\":\"invalid_api_key\"}}");
    assert_true(llm_talk(fake) < 0);
    assert_true(fake_text_has(&fake->told, "gives no answers"));
    learn(fake, &before);
    fake_again(fake);
    assert_true(llm_talk(fake) < 0);
    assert_learned_nothing(fake, &before);
    finish(fake);
}

static void what_vectors_came_to_is_noted_once(void **state)
{
    struct fake_turn *fake = agent(embeds);
    struct llm_agent *llm = fake->state;
    static struct learned before;

    (void)state;
    answers(fake, 0, 503, BUSY);
    answers(fake, 1, 200, VECTORS);
    assert_int_equal(embed(fake, ONE_TEXT, 0, "float"), TROUPE_OK);
    assert_int_equal(counted(fake, "errors "), 1);
    learn(fake, &before);
    for (int i = 0; i < 3; i++) {
        fake_again(fake);
        assert_int_equal(embed(fake, ONE_TEXT, 0, "float"), TROUPE_OK);
        assert_learned_nothing(fake, &before);
    }
    fake_again(fake);
    fake->replayed_requests = 1;
    assert_int_equal(embed(fake, ONE_TEXT, 0, "float"), TROUPE_OK);
    assert_int_equal(counted(fake, "errors "), 1);
    assert_int_equal(llm->others.embed.health[0].first_count, before.embed.first_count + 1);
    finish(fake);
}

/* ---- the same way ------------------------------------------------------------------------------*/

static void a_wait_was_kept_however_little_time_is_left_by_now(void **state)
{
    struct fake_turn *fake = talker(talks);

    (void)state;
    answers(fake, 0, 503, BUSY);
    streams(fake, 1, LLM_TALK_GOOD);
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(fake->sleep_count, 1);
    fake_again(fake);
    fake->left_ms = 1500;
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, 2);
    finish(fake);

    fake = agent(embeds);
    answers(fake, 0, 503, BUSY);
    answers(fake, 1, 200, VECTORS);
    assert_int_equal(embed(fake, ONE_TEXT, 0, "float"), TROUPE_OK);
    fake_again(fake);
    fake->left_ms = 1500;
    assert_int_equal(embed(fake, ONE_TEXT, 0, "float"), TROUPE_OK);
    assert_int_equal(fake->request_count, 2);
    finish(fake);
}

static void a_wait_for_which_there_was_no_time_is_not_made_up_for(void **state)
{
    struct fake_turn *fake = talker(talks);

    (void)state;
    fake->left_ms = 1500;
    answers(fake, 0, 503, BUSY);
    streams(fake, 1, LLM_TALK_GOOD);
    assert_true(llm_talk(fake) < 0);
    fake_again(fake);
    fake->left_ms = 300000;
    assert_true(llm_talk(fake) < 0);
    assert_int_equal(fake->request_count, 1);
    assert_int_equal(fake->sleep_count, 0);
    finish(fake);
}

/* Of an answer that never began only comments came. */
static void a_silent_model_was_slow_and_stays_that(void **state)
{
    static const char *const config[] = {ONE_MODEL, "first_token_timeout", "10s", NULL};
    struct fake_turn *fake = talker(config);
    char code[sizeof(fake->code)];

    (void)state;
    streams(fake, 0, ": wait\n\n");
    for (int i = 1; i < 8; i++)
        fake->responses[0].chunks[i] = ": wait\n\n";
    fake->responses[0].chunk_ms = 4000;
    assert_true(llm_talk(fake) < 0);
    assert_int_equal(counted(fake, "errors slow"), 1);
    memcpy(code, fake->code, sizeof(code));
    fake_again(fake);
    assert_true(llm_talk(fake) < 0);
    assert_string_equal(fake->code, code);
    assert_int_equal(fake->request_count, 1);
    finish(fake);
}

/* What it refused is known by now, and it refuses it all the same where the stage runs again. */
static void a_model_refuses_a_parameter_as_it_did(void **state)
{
    static const char *const config[] = {"base_url",
                                         "https://api.openai.com/v1",
                                         "model",
                                         "tiny-1",
                                         "price_input",
                                         "1",
                                         "price_output",
                                         "1",
                                         NULL};
    struct fake_turn *fake = talker(config);
    const struct llm_agent *llm = fake->state;

    (void)state;
    answers(fake, 0, 400,
            "{\"error\":{\"message\":\"RAW\",\"param\":\"temperature\",\"code\":"
            "\"unsupported_parameter\"}}");
    streams(fake, 1, LLM_TALK_GOOD);
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].body, "temperature"));
    assert_null(strstr(fake->requests[1].body, "temperature"));
    assert_int_equal(llm->candidates[0].shape.no_temperature, 1);
    fake_again(fake);
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, 2);
    assert_int_equal(llm->candidates[0].shape.no_temperature, 1);
    /* A turn behind it profits. */
    fake_next(fake);
    streams(fake, 0, LLM_TALK_GOOD);
    assert_int_equal(llm_talk(fake), TROUPE_OK);
    assert_null(strstr(fake->requests[0].body, "temperature"));
    finish(fake);
}

/* Another turn has shown meanwhile how many values the model makes. */
static void vectors_are_asked_for_as_they_were(void **state)
{
    struct fake_turn *fake = agent(embeds);
    struct llm_agent *llm = fake->state;

    (void)state;
    llm->others.embed.vectors[0] = (struct llm_vector){0};
    answers(fake, 0, 200, VECTORS);
    assert_int_equal(embed(fake, ONE_TEXT, 2, "float"), TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].body, "\"dimensions\":2"));
    llm->others.embed.vectors[0].own = 2;
    fake_again(fake);
    fake->replayed_requests = 0; /* the request itself was cut */
    assert_int_equal(embed(fake, ONE_TEXT, 2, "float"), TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].body, "\"dimensions\":2"));
    finish(fake);
}

/* What was known of a model that was not asked is told, though the process that knew it is gone. */
static void what_a_model_makes_is_told_as_it_was_known(void **state)
{
    struct fake_turn *fake = agent(embeds);
    struct llm_agent *llm = fake->state;
    char sentence[sizeof(fake->sentence)];

    (void)state;
    llm->others.embed.vectors[0] = (struct llm_vector){.own = 5000};
    assert_int_equal(embed(fake, ONE_TEXT, 0, "float"), TROUPE_UNSUPPORTED);
    assert_non_null(strstr(fake->sentence, "vectors of 5000 values"));
    memcpy(sentence, fake->sentence, sizeof(sentence));
    llm->others.embed.vectors[0] = (struct llm_vector){0};
    fake_again(fake);
    assert_int_equal(embed(fake, ONE_TEXT, 0, "float"), TROUPE_UNSUPPORTED);
    assert_string_equal(fake->sentence, sentence);
    assert_int_equal(fake->request_count, 0);
    finish(fake);
}

/* ---- spread ------------------------------------------------------------------------------------*/

static int64_t waits_with(uint64_t random)
{
    static const char *const one[] = {"base_url",
                                      "https://api.openai.com/v1",
                                      "embed_model",
                                      "text-embedding-3-small",
                                      "requests_per_minute",
                                      "1",
                                      NULL};
    struct fake_turn *fake = agent(one);
    int64_t slept;

    answers(fake, 0, 200, VECTORS);
    assert_int_equal(embed(fake, ONE_TEXT, 0, "float"), TROUPE_OK);
    fake_next(fake);
    fake->now_ms += 45000;
    fake->random = random;
    answers(fake, 0, 200, VECTORS);
    assert_int_equal(embed(fake, ONE_TEXT, 0, "float"), TROUPE_OK);
    slept = fake->slept_ms;
    finish(fake);
    return slept;
}

static void who_waits_for_the_same_limit_does_not_come_again_together(void **state)
{
    const int64_t least = waits_with(0);

    (void)state;
    assert_true(least > 0 && least <= LLM_LIMIT_WAIT_MS);
    assert_int_equal(waits_with(1), least + 1);
    assert_int_equal(waits_with(LLM_LIMIT_SPREAD_MS - 1), least + LLM_LIMIT_SPREAD_MS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_talk_came_to_is_noted_once),
        cmocka_unit_test(what_a_talk_failed_by_is_noted_once),
        cmocka_unit_test(what_vectors_came_to_is_noted_once),
        cmocka_unit_test(a_wait_was_kept_however_little_time_is_left_by_now),
        cmocka_unit_test(a_wait_for_which_there_was_no_time_is_not_made_up_for),
        cmocka_unit_test(a_silent_model_was_slow_and_stays_that),
        cmocka_unit_test(a_model_refuses_a_parameter_as_it_did),
        cmocka_unit_test(vectors_are_asked_for_as_they_were),
        cmocka_unit_test(what_a_model_makes_is_told_as_it_was_known),
        cmocka_unit_test(who_waits_for_the_same_limit_does_not_come_again_together),
    };

    return cmocka_run_group_tests_name("llm replay", tests, NULL, NULL);
}
