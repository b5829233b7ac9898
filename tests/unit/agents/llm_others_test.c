/* SPDX-License-Identifier: Apache-2.0
 *
 * Judgements and pictures, and what goes from model to model: what is asked of providers, what comes of it, and what it costs.
 */
#include "llm_others_rig.h"
#include "tap.h"

#include "llm/embed.h"
#include "llm/pick.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*moderate_fn)(troupe_turn *, troupe_str);
typedef troupe_status (*image_fn)(troupe_turn *, troupe_str, troupe_str, troupe_str, troupe_str,
                                  troupe_str);

/* ---- one model after the other -----------------------------------------------------------------*/

#define VECTOR  "{\"data\":[{\"embedding\":[1,0]}],\"usage\":{\"prompt_tokens\":4}}"
#define VERDICT "{\"results\":[{\"flagged\":false,\"categories\":{},\"category_scores\":{}}]}"
#define PICTURE "{\"data\":[{\"b64_json\":\"iVBORw0KGgoAAA==\"}]}"

static const char *const several[] = {"alert_count",
                                      "10",
                                      "base_url",
                                      "https://api.openai.com/v1",
                                      "base_url_2",
                                      "http://127.0.0.1:8080/v1",
                                      "embed_model",
                                      "text-embedding-3-small, 2:nomic",
                                      "moderation_model",
                                      "omni-moderation-latest, 2:guard",
                                      "image_model",
                                      "gpt-image-2 , 2:flux",
                                      NULL};

static const char *const several_once[] = {"base_url",
                                           "https://api.openai.com/v1",
                                           "base_url_2",
                                           "http://127.0.0.1:8080/v1",
                                           "embed_model",
                                           "text-embedding-3-small, 2:nomic",
                                           "moderation_model",
                                           "omni-moderation-latest, 2:guard",
                                           "image_model",
                                           "gpt-image-2 , 2:flux",
                                           "attempts",
                                           "1",
                                           NULL};

/* Each service once; its answer, and the second model's name. */
static troupe_status judge(struct fake_turn *fake)
{
    return ((moderate_fn)fake_function(fake, "llm.moderate"))(&fake->turn, str("a"));
}

static troupe_status draw(struct fake_turn *fake)
{
    return ((image_fn)fake_function(fake, "llm.image"))(&fake->turn, str("a cat"), str("square"),
                                                        str("auto"), str("data"), str(""));
}

static troupe_status embed_one(struct fake_turn *fake)
{
    return embed(fake, "[\"a\"]", 0, "float");
}

static const struct {
    troupe_status (*ask)(struct fake_turn *fake);
    const char *answer, *second;
} asked[] = {{embed_one, VECTOR, "nomic"}, {judge, VERDICT, "guard"}, {draw, PICTURE, "flux"}};

static void what_one_model_does_not_answer_the_next_one_does_at_once(void **state)
{
    static const struct {
        uint32_t status;
        troupe_status open_status;
        const char *body;
    } failures[] = {
        {429, 0, "{\"error\":{\"message\":\"RAW\"}}"},
        {500, 0, "RAW"},
        {503, 0, "RAW"},
        {404, 0, "{\"error\":{\"code\":\"model_not_found\",\"message\":\"RAW\"}}"},
        {401, 0, "{\"error\":{\"message\":\"RAW\"}}"},
        {200, 0, "RAW no json"},
        {0, TROUPE_DEADLINE, NULL},
        {0, TROUPE_UNAVAILABLE, NULL},
    };

    (void)state;
    for (size_t s = 0; s < sizeof(asked) / sizeof(asked[0]); s++)
        for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
            struct fake_turn *fake = agent(several);

            fake->responses[0].status = failures[i].status;
            fake->responses[0].open_status = failures[i].open_status;
            fake->responses[0].dispatched = failures[i].open_status == TROUPE_DEADLINE;
            fake->responses[0].chunks[0] = failures[i].body;
            answers(fake, 1, 200, asked[s].answer);
            assert_int_equal(asked[s].ask(fake), TROUPE_OK);
            assert_int_equal(fake->request_count, 2);
            assert_int_equal(fake->slept_ms, 0);
            assert_non_null(strstr(fake->requests[1].url, "127.0.0.1:8080"));
            assert_true(fake_text_has(&fake->result, asked[s].second));
            assert_true(fake_text_has(&fake->reasons, "llm.fallback"));
            /* What may have been billed stays for the host to book; the other one is settled. */
            assert_int_equal(fake->reservations[0].state,
                             failures[i].open_status == TROUPE_DEADLINE || failures[i].status == 200
                                 ? FAKE_DISPATCHED
                             : failures[i].status ? FAKE_SETTLED
                                                  : FAKE_RELEASED);
            assert_int_equal(fake->reservations[0].settled, 0);
            assert_int_equal(fake->reservations[1].state, FAKE_SETTLED);
            finish(fake);
        }
}

/* A gateway says 200 and puts the failure inside; the kind is the inner one's, and nothing was answered. */
static void a_failure_inside_of_an_answer_is_one(void **state)
{
    static const struct {
        const char *body, *code;
        troupe_status status;
        unsigned requests; /* of two models with an attempt each */
        uint64_t settled;
    } failures[] = {
        {"{\"error\":{\"code\":503,\"message\":\"RAW\"}}", "llm.provider_error", TROUPE_UNAVAILABLE,
         2, 0},
        {"{\"error\":\"RAW\"}", "llm.provider_error", TROUPE_UNAVAILABLE, 2, 0},
        {"{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"RAW\"},\"data\":[]}",
         "llm.account", TROUPE_DENIED, 2, 0},
        {"{\"error\":{\"code\":\"invalid_api_key\",\"message\":\"RAW sk-123\"}}", "llm.account",
         TROUPE_DENIED, 2, 0},
        {"{\"error\":{\"code\":\"content_policy_violation\"}}", "llm.refused", TROUPE_DENIED, 1, 0},
    };

    (void)state;
    for (size_t s = 0; s < sizeof(asked) / sizeof(asked[0]); s++)
        for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
            struct fake_turn *fake = agent(several_once);

            answers(fake, 0, 200, failures[i].body);
            answers(fake, 1, 200, failures[i].body);
            assert_int_equal(asked[s].ask(fake), failures[i].status);
            assert_string_equal(fake->code, failures[i].code);
            assert_int_equal(fake->request_count, failures[i].requests);
            for (unsigned n = 0; n < failures[i].requests; n++) {
                assert_int_equal(fake->reservations[n].state, FAKE_SETTLED);
                assert_int_equal(fake->reservations[n].settled, 0);
            }
            assert_false(fake_text_has(&fake->host.log, "sk-123"));
            finish(fake);

            /* where another may answer it does, at once */
            if (failures[i].requests == 1)
                continue;
            fake = agent(several_once);
            answers(fake, 0, 200, failures[i].body);
            answers(fake, 1, 200, asked[s].answer);
            assert_int_equal(asked[s].ask(fake), TROUPE_OK);
            assert_true(fake_text_has(&fake->result, asked[s].second));
            finish(fake);
        }
}

static void an_answer_that_makes_no_sense_goes_to_the_next_model(void **state)
{
    static const char *const nonsense[][4] = {
        {"{\"data\":[]}", "{\"data\":[{\"embedding\":[\"x\"]}]}",
         "{\"usage\":{\"prompt_tokens\":4}}", VERDICT},
        {"{\"results\":[]}", "{\"results\":[{\"flagged\":\"no\",\"categories\":{}}]}", "{}",
         VECTOR},
        {"{\"data\":[]}", "{\"data\":[{\"b64_json\":\"PGh0bWw+\"}]}",
         "{\"data\":[{\"b64_json\":\"iVBORw0KGgo<html>\"}]}",
         "{\"data\":[{\"url\":\"https://example.com/RAW\"}]}"},
    };

    (void)state;
    for (size_t s = 0; s < sizeof(asked) / sizeof(asked[0]); s++)
        for (size_t i = 0; i < 4; i++) {
            struct fake_turn *fake = agent(several);

            answers(fake, 0, 200, nonsense[s][i]);
            answers(fake, 1, 200, asked[s].answer);
            assert_int_equal(asked[s].ask(fake), TROUPE_OK);
            assert_int_equal(fake->request_count, 2);
            assert_true(fake_text_has(&fake->result, asked[s].second));
            assert_true(fake_text_has(&fake->reasons, "llm.fallback"));
            /* it may have been paid for: the host books the worst case */
            assert_int_equal(fake->reservations[0].state, FAKE_DISPATCHED);
            assert_int_equal(fake->reservations[1].state, FAKE_SETTLED);
            finish(fake);

            /* it is not asked again, as that is paid once more */
            fake = agent(several);
            answers(fake, 0, 200, nonsense[s][i]);
            answers(fake, 1, 200, nonsense[s][i]);
            assert_int_equal(asked[s].ask(fake), TROUPE_DATA);
            assert_string_equal(fake->code, "llm.bad_answer");
            assert_int_equal(fake->request_count, 2);
            finish(fake);
        }
}

static void where_none_answers_they_are_asked_again_later_and_the_last_failure_is_told(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof(asked) / sizeof(asked[0]); s++) {
        struct fake_turn *fake = agent(several);

        for (unsigned i = 0; i < 6; i++)
            answers(fake, i, 503, "RAW");
        assert_int_equal(asked[s].ask(fake), TROUPE_UNAVAILABLE);
        assert_int_equal(fake->request_count, 6); /* three attempts with each */
        assert_true(fake->slept_ms > 0);
        assert_string_equal(fake->code, "llm.provider_error");
        finish(fake);
    }
}

static void what_a_provider_does_not_allow_is_not_offered_to_another(void **state)
{
    struct fake_turn *fake = agent(several);

    (void)state;
    answers(fake, 0, 400,
            "{\"error\":{\"code\":\"content_policy_violation\",\"message\":\"RAW\"}}");
    answers(fake, 1, 200, PICTURE);
    assert_int_equal(draw(fake), TROUPE_DENIED);
    assert_int_equal(fake->request_count, 1);
    finish(fake);
}

static void a_model_that_cannot_be_paid_gives_way_to_one_that_can(void **state)
{
    struct fake_turn *fake = agent(several);

    (void)state;
    fake->cap = 0;
    answers(fake, 0, 200, PICTURE);
    assert_int_equal(draw(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, 1);
    assert_true(fake_text_has(&fake->result, "flux"));
    finish(fake);
}

/* Vectors of two models cannot be compared. */
static void all_vectors_of_a_call_are_one_models(void **state)
{
    static const char eight[] =
        "{\"data\":[{\"embedding\":[1]},{\"embedding\":[2]},{\"embedding\":[3]},{\"embedding\":"
        "[4]},{\"embedding\":[5]},{\"embedding\":[6]},{\"embedding\":[7]},{\"embedding\":[8]}]}";
    struct fake_turn *fake = agent(several);
    json_t *texts = json_array();
    static char words[30001];
    char *dump;

    (void)state;
    memset(words, 'w', sizeof(words) - 1);
    for (int i = 0; i < 9; i++)
        json_array_append_new(texts, json_string(words));
    dump = json_dumps(texts, 0);
    answers(fake, 0, 200, eight);
    answers(fake, 1, 404, "{\"error\":{\"code\":\"model_not_found\"}}");
    answers(fake, 2, 200, eight);
    answers(fake, 3, 200, "{\"data\":[{\"embedding\":[9]}]}");
    assert_int_equal(embed(fake, dump, 0, "float"), TROUPE_OK);
    assert_int_equal(fake->request_count, 4);
    assert_true(fake_text_has(&fake->result, "\"model\":\"nomic\",\"dimensions\":1"));
    assert_true(fake_text_has(&fake->result, "[[1],[2],[3],[4],[5],[6],[7],[8],[9]]"));
    assert_non_null(strstr(fake->requests[2].url, "127.0.0.1:8080"));
    json_decref(texts);
    free(dump);
    finish(fake);

    fake = agent(several);
    answers(fake, 0, 200, VECTOR);
    assert_int_equal(((embed_fn)fake_function(fake, "llm.embed"))(&fake->turn, str("[\"a\"]"), 0,
                                                                  str("float"), str("nomic")),
                     TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].url, "127.0.0.1:8080"));
    finish(fake);
}

/* ---- what is down ------------------------------------------------------------------------------*/

static const char *const patient[] = {
    "base_url", "http://127.0.0.1:8080/v1", "embed_model", "own", "attempts", "1", NULL};

static void a_model_that_is_down_is_not_asked_until_its_probe(void **state)
{
    struct fake_turn *fake = agent(patient);
    unsigned n = 0;

    (void)state;
    for (; n < LLM_BREAKER_FAILURES; n++) {
        answers(fake, n, 503, "RAW");
        assert_int_equal(embed_one(fake), TROUPE_UNAVAILABLE);
        assert_string_equal(fake->code, "llm.provider_error");
        assert_int_equal(fake->request_count, n + 1);
    }
    /* Nobody waits for it, and the caller is told what to do. */
    assert_int_equal(embed_one(fake), TROUPE_UNAVAILABLE);
    assert_string_equal(fake->code, "llm.unreachable");
    assert_non_null(strstr(fake->sentence, "The model for vectors cannot be asked"));
    assert_true(fake_text_has(&fake->reasons, "(is down); none is left"));
    fake->now_ms += LLM_BREAKER_FIRST_MS - 1;
    assert_int_equal(embed_one(fake), TROUPE_UNAVAILABLE);
    assert_int_equal(fake->request_count, n);
    /* The probe fails, and it stays away for twice as long; the next one answers. */
    fake->now_ms += 1;
    answers(fake, n, 503, "RAW");
    assert_int_equal(embed_one(fake), TROUPE_UNAVAILABLE);
    assert_int_equal(fake->request_count, ++n);
    fake->now_ms += 2 * LLM_BREAKER_FIRST_MS - 1;
    assert_int_equal(embed_one(fake), TROUPE_UNAVAILABLE);
    assert_int_equal(fake->request_count, n);
    fake->now_ms += 1;
    for (unsigned i = n; i < n + 2; i++) {
        answers(fake, i, 200, VECTOR);
        assert_int_equal(embed_one(fake), TROUPE_OK);
    }
    assert_int_equal(fake->request_count, n + 2);
    finish(fake);
}

/* Turns that end while the only model is waited for, enough to take it out; then one that tells whether it is. */
static int ends_count(const char *const *config, troupe_status (*ask)(struct fake_turn *),
                      const struct fake_response *response)
{
    struct fake_turn *fake = agent(config);
    int down;

    for (int i = 0; i < LLM_BREAKER_FAILURES; i++) {
        fake->responses[0] = *response;
        assert_true(ask(fake) < 0);
        assert_int_equal(fake->request_count, 1);
        fake_next(fake);
        fake->ended = TROUPE_OK;
        fake->left_ms = 300000;
    }
    answers(fake, 0, 200, VECTOR);
    (void)ask(fake);
    down = fake->request_count == 0;
    assert_int_equal(fake_text_has(&fake->told, "(slow)"), down);
    finish(fake);
    return down;
}

static void a_turn_that_ran_out_of_time_counts_against_who_kept_silent(void **state)
{
    static const char *const vectors[] = {
        "base_url", "http://127.0.0.1:8080/v1", "embed_model", "own", "alert_count", "5", NULL};
    static const char *const pictures[] = {"base_url",    "http://127.0.0.1:8080/v1",
                                           "image_model", "own",
                                           "image_price", "0",
                                           "alert_count", "5",
                                           NULL};
    static const struct fake_response silent = {.status = 200, .chunk_ms = 5000, .times_out = 1},
                                      late = {.status = 200, .chunk_ms = 4000, .times_out = 1},
                                      stopped = {.status = 200, .chunk_ms = 5000, .ends_turn = 1},
                                      long_silent = {
                                          .status = 200, .chunk_ms = 60000, .times_out = 1};
    static const struct fake_response talking = {
        .status = 200, .chunk_ms = 5000, .chunks = {"{\"data\":"}, .times_out = 1};

    (void)state;
    assert_true(ends_count(vectors, embed_one, &silent));
    assert_false(ends_count(vectors, embed_one, &stopped)); /* the member said so      */
    assert_false(ends_count(vectors, embed_one, &late));    /* it was only just asked  */
    assert_false(ends_count(vectors, embed_one, &talking)); /* it was at work          */
    assert_false(ends_count(pictures, draw, &silent));      /* painting takes its time */
    assert_true(ends_count(pictures, draw, &long_silent));
}

static void while_one_is_down_the_next_one_is_asked_in_its_stead(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof(asked) / sizeof(asked[0]); s++) {
        struct fake_turn *fake = agent(several);

        /* Nothing of it is ever right: once is enough. */
        answers(fake, 0, 404, "{\"error\":{\"code\":\"model_not_found\",\"message\":\"RAW\"}}");
        answers(fake, 1, 200, asked[s].answer);
        answers(fake, 2, 200, asked[s].answer);
        answers(fake, 3, 200, asked[s].answer);
        assert_int_equal(asked[s].ask(fake), TROUPE_OK);
        assert_int_equal(fake->request_count, 2);
        assert_int_equal(asked[s].ask(fake), TROUPE_OK);
        assert_int_equal(fake->request_count, 3);
        assert_non_null(strstr(fake->requests[2].url, "127.0.0.1:8080"));
        assert_true(fake_text_has(&fake->reasons, "llm.pick"));
        fake->now_ms += LLM_BREAKER_FIRST_MS;
        assert_int_equal(asked[s].ask(fake), TROUPE_OK);
        assert_non_null(strstr(fake->requests[3].url, "api.openai.com"));
        finish(fake);
    }
}

static void the_owner_hears_of_a_model_that_questions_go_round(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof(asked) / sizeof(asked[0]); s++) {
        struct fake_turn *fake = agent(several);

        for (int i = 0; i < LLM_BREAKER_FAILURES; i++) {
            answers(fake, 0, 500, "RAW");
            answers(fake, 1, 200, asked[s].answer);
            assert_int_equal(asked[s].ask(fake), TROUPE_OK);
            fake_next(fake);
            fake->reservation_count = 0;
        }
        for (int i = LLM_BREAKER_FAILURES; i < 20; i++) {
            fake_next(fake);
            fake->reservation_count = 0;
            answers(fake, 0, 200, asked[s].answer);
            assert_int_equal(asked[s].ask(fake), TROUPE_OK);
            assert_int_equal(fake->request_count, 1);
            assert_int_equal(fake_text_has(&fake->told, "(provider_failed)"), i >= 9);
        }
        assert_int_equal(strchr(fake->told.ptr, '\n')[1], 0); /* once */
        finish(fake);
    }
}

static void who_fails_more_often_than_not_goes_behind_the_others(void **state)
{
    struct fake_turn *fake = agent(several);
    unsigned n = 0;

    (void)state;
    /* Never often enough in a row for its breaker. */
    for (int i = 0; i < 5; i++) {
        const unsigned fails = i != 2;

        answers(fake, n, fails ? 500 : 200, fails ? "RAW" : VECTOR);
        answers(fake, n + fails, 200, VECTOR);
        assert_int_equal(embed_one(fake), TROUPE_OK);
        n += 1 + fails;
        assert_int_equal(fake->request_count, n);
    }
    answers(fake, n, 200, VECTOR);
    assert_int_equal(embed_one(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, n + 1);
    assert_non_null(strstr(fake->requests[n].url, "127.0.0.1:8080"));
    assert_true(fake_text_has(&fake->reasons, "(fails often)"));
    fake->now_ms += 3600 * 1000;
    answers(fake, n + 1, 200, VECTOR);
    assert_int_equal(embed_one(fake), TROUPE_OK);
    assert_non_null(strstr(fake->requests[n + 1].url, "api.openai.com"));
    finish(fake);
}

static void a_key_that_may_not_be_used_gives_way_to_the_other_one(void **state)
{
    static const char *const config[] = {
        "base_url",    "https://api.openai.com/v1", "embed_model", "text-embedding-3-small",
        "api_key_alt", "not for the plugin either", NULL};
    static const uint32_t refusals[] = {401, 402, 429};

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct fake_turn *fake = agent(config);

        answers(fake, 0, refusals[i], "{\"error\":{\"message\":\"RAW\"}}");
        answers(fake, 1, 200, VECTOR);
        answers(fake, 2, 200, VECTOR);
        assert_int_equal(embed_one(fake), TROUPE_OK);
        assert_int_equal(fake->slept_ms, 0);
        assert_non_null(strstr(fake->requests[1].headers, "{secret:api_key_alt}"));
        assert_int_equal(embed_one(fake), TROUPE_OK);
        assert_non_null(strstr(fake->requests[2].headers, "{secret:api_key_alt}"));
        finish(fake);
    }
}

static void limits_of_keys_are_kept_here_too(void **state)
{
    static const char *const config[] = {"base_url",
                                         "https://api.openai.com/v1",
                                         "base_url_2",
                                         "http://127.0.0.1:11434/v1",
                                         "embed_model",
                                         "text-embedding-3-small, 2:nomic",
                                         "api_key_alt",
                                         "not for the plugin either",
                                         "requests_per_minute",
                                         "1, 2",
                                         NULL};
    static const char *const secrets[] = {"{secret:api_key}", "{secret:api_key_alt}",
                                          "{secret:api_key_alt}"};
    struct fake_turn *fake = agent(config);

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        answers(fake, i, 200, VECTOR);
    /* the second key is told to have nothing left, too, before the config's two are used */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(embed_one(fake), TROUPE_OK);
        assert_non_null(strstr(fake->requests[i].headers, secrets[i]));
        fake->responses[1].headers[0] = "x-ratelimit-remaining-requests";
        fake->responses[1].headers[1] = "0";
        fake->responses[1].headers[2] = "x-ratelimit-reset-requests";
        fake->responses[1].headers[3] = "50s";
    }
    assert_true(fake_text_has(&fake->reasons, "with key 2 (one before it is at its limit)"));
    assert_int_equal(embed_one(fake), TROUPE_OK);
    assert_non_null(strstr(fake->requests[2].url, "127.0.0.1"));
    fake->now_ms += 51 * 1000;
    assert_int_equal(embed_one(fake), TROUPE_OK);
    assert_non_null(strstr(fake->requests[3].headers, secrets[2]));
    finish(fake);
}

static void where_all_are_at_limits_the_caller_waits_or_is_told(void **state)
{
    static const char *const config[] = {"base_url",
                                         "https://api.openai.com/v1",
                                         "embed_model",
                                         "text-embedding-3-small",
                                         "tokens_per_minute",
                                         "20",
                                         NULL};
    struct fake_turn *fake = agent(config);

    (void)state;
    for (unsigned i = 0; i < 3; i++) /* all that a minute has */
        answers(fake, i, 200, "{\"data\":[{\"embedding\":[1]}],\"usage\":{\"prompt_tokens\":20}}");
    assert_int_equal(embed_one(fake), TROUPE_OK);
    assert_int_equal(embed_one(fake), TROUPE_BUSY);
    assert_string_equal(fake->code, "llm.rate_limited");
    assert_non_null(strstr(fake->sentence, "Please try again in 61 seconds."));
    assert_int_equal(fake->request_count, 1);
    fake->now_ms += 40 * 1000;
    assert_int_equal(embed_one(fake), TROUPE_OK);
    assert_int_equal(fake->slept_ms, 21000);
    assert_true(fake_text_has(&fake->reasons, "llm.waited: llm.embed: all keys are at their"));
    finish(fake);
}

static void questions_that_are_repeated_stay_a_fifth_of_all(void **state)
{
    struct llm_candidate *candidates = calloc(LLM_CANDIDATES_MAX, sizeof(*candidates));
    struct llm_models *models = calloc(1, sizeof(*models));
    const struct llm_wish again = {.until = 1, .again = 1};
    struct llm_router *router = calloc(1, sizeof(*router));
    struct llm_pick pick;
    int repeated = 0;

    (void)state;
    llm_router_init(router, candidates);
    models->count = 1;
    llm_health_init(&models->health[0]);
    for (int i = 0; i < 200; i++) {
        llm_router_earn(router);
        llm_pick(models, router, &again, 1000, &pick);
        repeated += pick.model == 0;
    }
    assert_int_equal(repeated, (int)(LLM_RETRY_RESERVE + 199 * LLM_RETRY_SHARE));
    assert_non_null(strstr(pick.why, "too many questions were repeated lately"));
    free(router);
    free(models);
    free(candidates);
}

/* ---- judgements -------------------------------------------------------------------------------*/

static void a_text_is_judged_by_openais_own_classifier(void **state)
{
    struct fake_turn *fake = agent(openai);

    (void)state;
    fake->cap = 0;
    answers(fake, 0, 200,
            "{\"results\":[{\"flagged\":true,\"categories\":{\"violence\":true,\"hate\":false,"
            "\"illicit\":null},\"category_scores\":{\"violence\":0.75,\"hate\":0.5,\"illicit\":"
            "null}}]}");
    assert_int_equal(
        ((moderate_fn)fake_function(fake, "llm.moderate"))(&fake->turn, str("hit \"him\"")),
        TROUPE_OK);
    assert_true(fake_text_has(&fake->result, "\"flagged\":true,\"categories\":[\"violence\"],"
                                             "\"scores\":{\"violence\":0.75,\"hate\":0.5}"));
    assert_string_equal(fake->requests[0].url, "https://api.openai.com/v1/moderations");
    assert_string_equal(fake->requests[0].body,
                        "{\"model\":\"omni-moderation-latest\",\"input\":\"hit \\\"him\\\"\"}");
    finish(fake);
}

static void where_nobody_judges_that_is_said(void **state)
{
    static const char *const configs[][6] = {
        {"base_url", "https://api.anthropic.com/v1", "moderation_model", "x", NULL},
        {"base_url", "https://api.example.com/v1", "model", "m", NULL},
        {"base_url", "http://127.0.0.1:8080/v1", "moderation_model", "x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        struct fake_turn *fake = agent(configs[i]);

        answers(fake, 0, 404, "{\"error\":\"RAW\"}");
        assert_int_equal(((moderate_fn)fake_function(fake, "llm.moderate"))(&fake->turn, str("a")),
                         TROUPE_UNSUPPORTED);
        assert_string_equal(fake->code, "llm.unsupported");
        assert_non_null(strstr(fake->sentence, "moderation_model"));
        assert_int_equal(fake->request_count, i == 2);
        finish(fake);
    }
}

/* ---- pictures ---------------------------------------------------------------------------------*/

static troupe_status paint(struct fake_turn *fake, const char *shape, const char *quality)
{
    return ((image_fn)fake_function(fake, "llm.image"))(&fake->turn, str("a cat"), str(shape),
                                                        str(quality), str("file"), str(""));
}

static const char *const openai_two[] = {
    "base_url",    "https://api.openai.com/v1",  "base_url_2", "http://10.9.8.7/v1",
    "image_model", "gpt-image-2, 2:other-image", NULL};

static void one_of_several_models_may_be_asked_by_its_name(void **state)
{
    struct fake_turn *fake = agent(openai_two);
    const image_fn image = (image_fn)fake_function(fake, "llm.image");

    (void)state;
    answers(fake, 0, 200, "{\"data\":[{\"b64_json\":\"UklGRiQA\"}]}");
    assert_int_equal(image(&fake->turn, str("a cat"), str("square"), str("auto"), str("data"),
                           str("other-image")),
                     TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].body, "\"model\":\"other-image\""));
    assert_int_equal(
        image(&fake->turn, str("a cat"), str("square"), str("auto"), str("data"), str("nobody")),
        TROUPE_ARGUMENT);
    assert_non_null(strstr(fake->sentence, "no model \"nobody\" for pictures here. There is: "
                                           "gpt-image-2, other-image."));
    assert_int_equal(fake->request_count, 1);
    finish(fake);
}

/* The first model is down; who asks for the second by its name goes round nobody, and leaves the first one's probe to
 * those who would ask it. */
static void a_model_that_is_not_meant_is_not_gone_round(void **state)
{
    struct fake_turn *fake = agent(openai_two);
    const image_fn image = (image_fn)fake_function(fake, "llm.image");
    static const char good[] = "{\"data\":[{\"b64_json\":\"UklGRiQA\"}]}";

    (void)state;
    answers(fake, 0, 404, "{\"error\":{\"code\":\"model_not_found\",\"message\":\"RAW\"}}");
    answers(fake, 1, 200, good);
    assert_int_equal(paint(fake, "square", "auto"), TROUPE_OK);
    for (unsigned i = 0; i < 2 * LLM_ALERT_LEAST; i++) {
        fake_next(fake);
        fake->reservation_count = 0;
        fake->now_ms += LLM_BREAKER_FIRST_MS; /* the first may be tried again */
        answers(fake, 0, 200, good);
        assert_int_equal(image(&fake->turn, str("a cat"), str("square"), str("auto"), str("data"),
                               str("other-image")),
                         TROUPE_OK);
        assert_non_null(strstr(fake->requests[0].body, "\"model\":\"other-image\""));
        assert_false(fake_text_has(&fake->reasons, "gpt-image-2"));
    }
    fake_next(fake);
    fake->reservation_count = 0;
    answers(fake, 0, 200, good);
    assert_int_equal(paint(fake, "square", "auto"), TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].body, "\"model\":\"gpt-image-2\""));
    finish(fake);
}

static void a_picture_is_reserved_at_its_price_and_paid_by_its_tokens(void **state)
{
    struct fake_turn *fake = agent(openai);

    (void)state;
    answers(
        fake, 0, 200,
        "{\"data\":[{\"b64_json\":\"UklGRiQA\"}],\"usage\":{\"input_tokens\":10,\"output_tokens\":"
        "1000}}");
    assert_int_equal(paint(fake, "landscape", "low"), TROUPE_OK);
    assert_true(fake_text_has(&fake->result, "\"type\":\"image/webp\",\"data\":\"UklGRiQA\""));
    assert_string_equal(fake->requests[0].url, "https://api.openai.com/v1/images/generations");
    assert_string_equal(
        fake->requests[0].body,
        "{\"model\":\"gpt-image-2\",\"prompt\":\"a cat\",\"n\":1,\"size\":\"1536x1024\","
        "\"output_format\":\"webp\",\"output_compression\":70,\"quality\":\"low\"}");
    assert_int_equal(fake->reservations[0].worst, 300000);
    assert_int_equal(fake->reservations[0].settled, 50 + 30000);
    finish(fake);

    /* without a count it costs what it may */
    fake = agent(openai);
    answers(fake, 0, 200, "{\"data\":[{\"b64_json\":\"iVBORw0KGgoAAA\"}]}");
    assert_int_equal(paint(fake, "square", "auto"), TROUPE_OK);
    assert_true(fake_text_has(&fake->result, "image/png"));
    assert_null(strstr(fake->requests[0].body, "quality"));
    assert_int_equal(fake->reservations[0].settled, 300000);
    finish(fake);
}

static void openrouter_tells_itself_what_a_picture_cost(void **state)
{
    static const char *const config[] = {"base_url",    "https://openrouter.ai/api/v1",
                                         "image_model", "some/painter",
                                         "image_price", "0.1",
                                         NULL};
    struct fake_turn *fake = agent(config);

    (void)state;
    answers(fake, 0, 200, "{\"data\":[{\"b64_json\":\"/9j/4AAQ\"}],\"usage\":{\"cost\":0.0123}}");
    assert_int_equal(paint(fake, "portrait", "auto"), TROUPE_OK);
    assert_string_equal(fake->requests[0].url, "https://openrouter.ai/api/v1/images");
    assert_int_equal(fake->reservations[0].worst, 100000);
    assert_int_equal(fake->reservations[0].settled, 12300);
    finish(fake);
}

static void what_is_no_picture_or_none_to_pay_for_is_refused(void **state)
{
    static const char *const unknown[] = {"base_url", "https://api.openai.com/v1", "image_model",
                                          "gpt-image-9", NULL};
    static const char *const ollama[] = {"base_url", "http://127.0.0.1:11434/api", "image_model",
                                         "x", NULL};
    static const char *const none[] = {"base_url", "https://api.openai.com/v1", NULL};
    static const struct {
        const char *const *config;
        const char *body;
        troupe_status status;
        const char *code;
    } cases[] = {
        {unknown, NULL, TROUPE_BUDGET, "budget.price_unknown"},
        {ollama, NULL, TROUPE_UNSUPPORTED, "llm.unsupported"},
        {none, NULL, TROUPE_UNAVAILABLE, "llm.not_configured"},
        {openai, "{\"data\":[{\"b64_json\":\"PGh0bWw+\"}]}", TROUPE_DATA, "llm.bad_answer"},
        {openai, "{\"data\":[{\"url\":\"https://RAW\"}]}", TROUPE_DATA, "llm.bad_answer"},
        {openai, "{\"data\":[]}", TROUPE_DATA, "llm.bad_answer"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = agent(cases[i].config);

        if (cases[i].body)
            answers(fake, 0, 200, cases[i].body);
        assert_int_equal(paint(fake, "square", "auto"), cases[i].status);
        assert_string_equal(fake->code, cases[i].code);
        finish(fake);
    }
}

/* For members and for the owner: "model" is right, and another key is not. */
static void what_a_provider_does_not_know_is_told_with_the_key_that_names_it(void **state)
{
    static const char *const vectors[] = {"base_url", "http://127.0.0.1:8080/v1", "embed_model",
                                          "x", NULL};
    struct fake_turn *fake = agent(openai);

    (void)state;
    answers(fake, 0, 404, "{\"error\":{\"code\":\"model_not_found\"}}");
    assert_int_equal(paint(fake, "square", "auto"), TROUPE_CONFIG);
    assert_non_null(
        strstr(fake->sentence, "does not know the model. The admin has to check image_model."));
    assert_true(fake_text_has(&fake->told, "The admin has to check image_model."));
    finish(fake);

    fake = agent(vectors);
    answers(fake, 0, 404, "404 page not found");
    assert_int_equal(embed_one(fake), TROUPE_CONFIG);
    assert_non_null(strstr(fake->sentence, "The admin has to check base_url and embed_model."));
    finish(fake);
}

static void a_model_without_a_price_is_told_to_the_owner_once(void **state)
{
    static const char *const config[] = {"base_url",
                                         "https://api.openai.com/v1",
                                         "embed_model",
                                         "text-embedding-9",
                                         "moderation_model",
                                         "moderation-9",
                                         "image_model",
                                         "gpt-image-9",
                                         NULL};
    struct fake_turn *fake = agent(config);

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(embed(fake, "[\"a\"]", 0, "float"), TROUPE_BUDGET);
        assert_int_equal(judge(fake), TROUPE_BUDGET);
        assert_int_equal(paint(fake, "square", "auto"), TROUPE_BUDGET);
        fake_next(fake);
    }
    assert_string_equal(
        fake->told.ptr,
        "the model \"text-embedding-9\" at api.openai.com is not asked, as its price is not known. "
        "Name it in embed_price of [agent llm], or add it to a copy of the price table, and "
        "reload.\n"
        "the model \"moderation-9\" at api.openai.com is not asked, as its price is not known. Add "
        "it to a copy of the price table, and reload.\n"
        "the model \"gpt-image-9\" at api.openai.com is not asked, as its price is not known. Name "
        "it in image_price of [agent llm], or add it to a copy of the price table, and reload.\n");
    finish(fake);
}

static void a_provider_that_is_not_there_is_refused_with_the_config(void **state)
{
    static const char *const values[] = {"2:x", "9:x"};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

        fake_config(fake, "price_table", "/nonexistent");
        fake_config(fake, "embed_model", values[i]);
        assert_int_equal(fake_create(fake), TROUPE_CONFIG);
        assert_non_null(strstr(fake->host.log.ptr, "embed_model"));
        assert_int_equal(fake->host.allocated, 0);
        fake_turn_free(fake);
    }
}

/* ---- for the schema -----------------------------------------------------------------------------*/

/* Requests as a list of {"method", "path", "body"}, for tests/lib/openapi.py. */
static int print_requests(void)
{
    struct fake_turn *fake = agent(openai);
    json_t *list = json_array();

    for (unsigned i = 0; i < 4; i++)
        answers(fake, i, 400, "{}");
    (void)embed(fake, "[\"a\",\"b\"]", 256, "float");
    (void)((moderate_fn)fake_function(fake, "llm.moderate"))(&fake->turn, str("a"));
    (void)paint(fake, "landscape", "high");
    (void)paint(fake, "square", "auto");
    for (unsigned i = 0; i < fake->request_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "method", "POST", "path",
                                              strstr(fake->requests[i].url, "/v1/"), "body",
                                              json_loads(fake->requests[i].body, 0, NULL)));
    json_dumpf(list, stdout, 0);
    json_decref(list);
    fake_turn_free(fake);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_model_does_not_answer_the_next_one_does_at_once),
        cmocka_unit_test(a_failure_inside_of_an_answer_is_one),
        cmocka_unit_test(an_answer_that_makes_no_sense_goes_to_the_next_model),
        cmocka_unit_test(
            where_none_answers_they_are_asked_again_later_and_the_last_failure_is_told),
        cmocka_unit_test(what_a_provider_does_not_allow_is_not_offered_to_another),
        cmocka_unit_test(a_model_that_cannot_be_paid_gives_way_to_one_that_can),
        cmocka_unit_test(all_vectors_of_a_call_are_one_models),
        cmocka_unit_test(a_model_that_is_down_is_not_asked_until_its_probe),
        cmocka_unit_test(a_turn_that_ran_out_of_time_counts_against_who_kept_silent),
        cmocka_unit_test(while_one_is_down_the_next_one_is_asked_in_its_stead),
        cmocka_unit_test(the_owner_hears_of_a_model_that_questions_go_round),
        cmocka_unit_test(who_fails_more_often_than_not_goes_behind_the_others),
        cmocka_unit_test(a_key_that_may_not_be_used_gives_way_to_the_other_one),
        cmocka_unit_test(limits_of_keys_are_kept_here_too),
        cmocka_unit_test(where_all_are_at_limits_the_caller_waits_or_is_told),
        cmocka_unit_test(questions_that_are_repeated_stay_a_fifth_of_all),
        cmocka_unit_test(a_text_is_judged_by_openais_own_classifier),
        cmocka_unit_test(where_nobody_judges_that_is_said),
        cmocka_unit_test(a_picture_is_reserved_at_its_price_and_paid_by_its_tokens),
        cmocka_unit_test(one_of_several_models_may_be_asked_by_its_name),
        cmocka_unit_test(a_model_that_is_not_meant_is_not_gone_round),
        cmocka_unit_test(openrouter_tells_itself_what_a_picture_cost),
        cmocka_unit_test(what_is_no_picture_or_none_to_pay_for_is_refused),
        cmocka_unit_test(what_a_provider_does_not_know_is_told_with_the_key_that_names_it),
        cmocka_unit_test(a_model_without_a_price_is_told_to_the_owner_once),
        cmocka_unit_test(a_provider_that_is_not_there_is_refused_with_the_config),
    };

    if (argc > 1 && strcmp(argv[1], "--requests") == 0)
        return print_requests();
    return cmocka_run_group_tests_name("llm's other models", tests, NULL, NULL);
}
