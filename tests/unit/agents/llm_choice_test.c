/* SPDX-License-Identifier: Apache-2.0
 *
 * Which model is asked, and which next: the choice alone.
 */
#include "fake_turn.h"
#include "llm/converse.h"
#include "llm/cost.h"
#include "llm/hedge.h"
#include "llm/routes.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

#define SECONDS ((int64_t)1000)
#define NOW     ((int64_t)1795176000000)

static const struct llm_kind *kind_of(const char *name)
{
    for (size_t i = 0; llm_kind_at(i); i++)
        if (strcmp(llm_kind_at(i)->name, name) == 0)
            return llm_kind_at(i);
    fail_msg("no kind %s", name);
    return NULL;
}

/* Three models: dear and good at provider 0, cheap and fair at 1, own and free at 2. */
enum { DEAR, CHEAP, OWN, MODELS };

struct rig {
    struct llm_candidate candidates[LLM_CANDIDATES_MAX];
    struct llm_router router;
};

static struct rig *rig_new(void)
{
    static const struct {
        const char *model;
        uint8_t quality;
        uint64_t price;
    } models[MODELS] = {
        [DEAR] = {"dear", 95, 20000000}, [CHEAP] = {"cheap", 70, 500000}, [OWN] = {"own", 40, 0}};
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    llm_router_init(&rig->router, rig->candidates);
    rig->router.count = MODELS;
    for (uint8_t i = 0; i < MODELS; i++) {
        struct llm_candidate *candidate = &rig->candidates[i];

        candidate->provider = i;
        llm_health_init(&candidate->health);
        snprintf(candidate->settings.model, LLM_MODEL_MAX, "%s", models[i].model);
        candidate->settings.has_price = 1;
        candidate->settings.price =
            (struct llm_price){models[i].price, models[i].price, models[i].price};
        for (int route = 0; route < LLM_ROUTES; route++) {
            struct llm_way *way = &rig->router.ways[route];

            way->to[way->count].candidate = i;
            way->to[way->count++].quality = models[i].quality;
        }
        rig->router.links[i].keys = 1;
    }
    return rig;
}

/* Valid until the next one. */
static const struct llm_choice *choose(struct rig *rig, enum llm_route route, int64_t now_ms)
{
    const struct llm_ask ask = {
        .route = route, .tokens = 500, .max_tokens = 1000, .last = -1, .complexity = 0};
    static struct llm_choice choice;

    llm_router_choose(&rig->router, &ask, now_ms, &choice);
    return &choice;
}

static void note(struct rig *rig, uint32_t candidate, const char *kind)
{
    llm_router_note(&rig->router, candidate, 0, kind ? kind_of(kind) : NULL, -1, 300, 900);
}

/* Be it the worst of them. */
static void who_is_preferred_and_down_is_gone_round(void **state)
{
    struct llm_ask ask = {
        .route = LLM_CODE, .tokens = 500, .max_tokens = 1000, .last = -1, .prefer = 1u << OWN};
    struct rig *rig = rig_new();
    static struct llm_choice choice;

    (void)state;
    rig->router.cost_weight = 0;
    for (int i = 0; i < LLM_BREAKER_FAILURES; i++)
        note(rig, OWN, "provider_failed");
    llm_router_choose(&rig->router, &ask, NOW, &choice);
    assert_int_equal(choice.candidate, DEAR);
    assert_int_equal(choice.around, 1u << OWN);
    ask.prefer = 0;
    llm_router_choose(&rig->router, &ask, NOW, &choice);
    assert_int_equal(choice.candidate, DEAR);
    assert_int_equal(choice.around, 0);
    free(rig);
}

static void the_task_decides_what_quality_is_worth(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, OWN);
    assert_int_equal(choose(rig, LLM_CODE, NOW)->candidate, CHEAP);
    /* where money does not matter, the good one is as good as the fair one for an easy task, and
     * alone good enough for a hard one */
    rig->router.cost_weight = 0;
    {
        const struct llm_ask hard = {
            .route = LLM_CODE, .tokens = 500, .max_tokens = 1000, .last = -1, .complexity = 100};
        struct llm_choice choice;

        llm_router_choose(&rig->router, &hard, NOW, &choice);
        assert_int_equal(choice.candidate, DEAR);
    }
    rig->router.cost_weight = 1;
    assert_int_equal(choose(rig, LLM_CODE, NOW)->candidate, OWN);
    free(rig);
}

static void what_is_below_the_floor_is_never_asked(void **state)
{
    struct rig *rig = rig_new();
    struct llm_choice choice;

    (void)state;
    rig->router.ways[LLM_QUICK].floor = 60;
    choice = *choose(rig, LLM_QUICK, NOW);
    assert_int_equal(choice.candidate, CHEAP);
    assert_non_null(strstr(choice.why, "own at"));
    assert_non_null(strstr(choice.why, "(below the floor)"));
    rig->router.ways[LLM_QUICK].floor = 100;
    choice = *choose(rig, LLM_QUICK, NOW);
    assert_int_equal(choice.candidate, -1);
    assert_non_null(strstr(choice.why, "none is left"));
    free(rig);
}

static void measured_slowness_and_failures_count(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    for (int i = 0; i < 30; i++)
        llm_router_note(&rig->router, OWN, 0, NULL, -1, 40 * SECONDS, 200 * SECONDS);
    note(rig, CHEAP, NULL);
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, CHEAP);
    free(rig);

    /* four failures in a row do not open the breaker, but count; after an hour they are forgotten */
    rig = rig_new();
    for (int i = 0; i < 4; i++) {
        note(rig, OWN, "provider_failed");
        note(rig, CHEAP, NULL);
    }
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, CHEAP);
    assert_int_equal(choose(rig, LLM_QUICK, NOW + 3600 * SECONDS)->candidate, OWN);
    free(rig);
}

static void a_breaker_opens_lets_one_probe_through_and_closes(void **state)
{
    struct rig *rig = rig_new();
    int64_t now = NOW;

    (void)state;
    rig->router.ways[LLM_QUICK].count = 0; /* chat serves it */
    rig->router.ways[LLM_CHAT].to[0].candidate = OWN;
    rig->router.ways[LLM_CHAT].count = 1;
    for (int i = 0; i < LLM_BREAKER_FAILURES; i++) {
        assert_int_equal(choose(rig, LLM_QUICK, now)->candidate, OWN);
        note(rig, OWN, "provider_failed");
    }
    assert_int_equal(choose(rig, LLM_QUICK, now)->candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, now + LLM_BREAKER_FIRST_MS - 1)->candidate, -1);
    /* half open: one is let through, no second one beside it */
    now += LLM_BREAKER_FIRST_MS;
    assert_int_equal(choose(rig, LLM_QUICK, now)->candidate, OWN);
    assert_int_equal(choose(rig, LLM_QUICK, now)->candidate, -1);
    /* it failed: open for twice as long */
    note(rig, OWN, "provider_failed");
    assert_int_equal(choose(rig, LLM_QUICK, now + LLM_BREAKER_FIRST_MS)->candidate, -1);
    now += 2 * LLM_BREAKER_FIRST_MS + 1;
    assert_int_equal(choose(rig, LLM_QUICK, now)->candidate, -1);
    now += LLM_BREAKER_FIRST_MS;
    assert_int_equal(choose(rig, LLM_QUICK, now)->candidate, OWN);
    /* a probe of which nothing is heard does not keep it shut for ever */
    assert_int_equal(choose(rig, LLM_QUICK, now)->candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, now + LLM_PROBE_MS)->candidate, OWN);
    note(rig, OWN, NULL);
    assert_int_equal(choose(rig, LLM_QUICK, now)->candidate, OWN);
    assert_int_equal(choose(rig, LLM_QUICK, now)->candidate, OWN);
    free(rig);
}

/* By a day: nobody waits for that, but as long as without it. */
static void a_clock_that_was_set_back_locks_nobody_out(void **state)
{
    const int64_t back = NOW - 86400000;
    struct rig *rig = rig_new();

    (void)state;
    rig->router.ways[LLM_QUICK].count = 0;
    rig->router.ways[LLM_CHAT].to[0].candidate = OWN;
    rig->router.ways[LLM_CHAT].count = 1;
    for (int i = 0; i < LLM_BREAKER_FAILURES; i++)
        note(rig, OWN, "provider_failed");
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, back)->candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, back + LLM_BREAKER_FIRST_MS - 1)->candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, back + LLM_BREAKER_FIRST_MS)->candidate, OWN);
    /* A probe of before, of which nothing is heard. */
    assert_int_equal(choose(rig, LLM_QUICK, back - 86400000)->candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, back - 86400000 + LLM_PROBE_MS)->candidate, OWN);
    note(rig, OWN, NULL);
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, OWN);
    /* A key that has to wait, and one that was refused. */
    note(rig, OWN, "rate");
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, back)->candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, back + LLM_COOL_MS)->candidate, OWN);
    note(rig, OWN, "bad_key");
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, back)->candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, back + LLM_ONLY_KEY_COOL_MS)->candidate, OWN);
    /* What failed long ago, by the clock of then, is forgotten at the pace of the new one. */
    assert_true(rig->candidates[OWN].health.measured_ms <= back + LLM_ONLY_KEY_COOL_MS);
    free(rig);
}

static void a_question_that_was_thought_about_too_long_takes_no_model_out(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    note(rig, OWN, "no_room");
    assert_null(strstr(choose(rig, LLM_QUICK, NOW)->why, "down"));
    note(rig, OWN, "bad_model");
    assert_non_null(strstr(choose(rig, LLM_QUICK, NOW)->why, "(is down)"));
    free(rig);
}

static void a_provider_that_is_down_takes_its_models_along(void **state)
{
    struct rig *rig = rig_new();
    struct llm_choice choice;

    (void)state;
    rig->candidates[CHEAP].provider = DEAR; /* both are of one provider */
    for (int i = 0; i < 3; i++) {
        note(rig, CHEAP, "unreachable");
        note(rig, DEAR, "broken_off");
    }
    choice = *choose(rig, LLM_CODE, NOW);
    assert_int_equal(choice.candidate, OWN);
    assert_non_null(strstr(choice.why, "(provider is down)"));
    free(rig);
}

/* After a restart many questions are found cut at once. */
static void what_the_host_did_itself_is_no_fault_of_the_model(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    for (int i = 0; i < 50; i++)
        note(rig, OWN, i % 2 ? "interrupted" : "own_limit");
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, OWN);
    free(rig);
}

/* A wrong name or address does not get right by asking again. */
static void what_only_the_admin_can_mend_opens_at_once(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    note(rig, OWN, "bad_model");
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, CHEAP);
    free(rig);
}

static void what_was_asked_is_no_fault_of_the_model(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    for (int i = 0; i < 50; i++)
        note(rig, OWN, i % 2 ? "moderated" : "bad_request");
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, OWN);
    free(rig);
}

static void each_key_has_its_own_limits(void **state)
{
    struct rig *rig = rig_new();
    struct llm_choice choice;

    (void)state;
    rig->router.links[OWN].keys = 2;
    llm_router_note(&rig->router, OWN, 0, kind_of("rate"), 20 * SECONDS, 0, 0);
    choice = *choose(rig, LLM_QUICK, NOW);
    assert_int_equal(choice.candidate, OWN);
    assert_int_equal(choice.key, 1);
    llm_router_note(&rig->router, OWN, 1, kind_of("no_credit"), -1, 0, 0);
    choice = *choose(rig, LLM_QUICK, NOW);
    assert_int_equal(choice.candidate, CHEAP);
    assert_non_null(strstr(choice.why, "(must wait)"));
    choice = *choose(rig, LLM_QUICK, NOW + 20 * SECONDS);
    assert_int_equal(choice.candidate, OWN);
    assert_int_equal(choice.key, 0);
    free(rig);
}

/* A header with a year that is wrong is no reason to be without the model until somebody starts the bot anew. */
static void no_wait_that_a_provider_names_is_longer_than_an_hour(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    llm_router_note(&rig->router, OWN, 0, kind_of("rate"), INT64_MAX, 0, 0);
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, CHEAP);
    assert_int_equal(choose(rig, LLM_QUICK, NOW + LLM_COOL_MOST_MS - 1)->candidate, CHEAP);
    assert_int_equal(choose(rig, LLM_QUICK, NOW + LLM_COOL_MOST_MS)->candidate, OWN);
    free(rig);
}

static void repeated_questions_stay_a_fifth_of_all(void **state)
{
    struct rig *rig = rig_new();
    const struct llm_ask again = {.route = LLM_QUICK, .tried = 7, .last = OWN, .again = 1};
    unsigned repeated = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct llm_choice choice;

        llm_router_earn(&rig->router);
        llm_router_choose(&rig->router, &again, NOW, &choice);
        repeated += choice.candidate == OWN;
        if (choice.candidate < 0)
            assert_non_null(strstr(choice.why, "too many questions were repeated"));
    }
    assert_true(repeated >= 190 && repeated <= 212);
    free(rig);
}

static void a_hedge_is_off_a_time_or_measured(void **state)
{
    static const struct {
        const char *text;
        int32_t ms;
    } cases[] = {{NULL, 0},      {"off", 0},   {"p95", LLM_HEDGE_P95},
                 {"100ms", 100}, {"2s", 2000}, {"1m", 60000}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");
        struct llm_settings settings;

        if (cases[i].text)
            fake_config(fake, "hedge", cases[i].text);
        assert_int_equal(llm_settings_load(&fake->host.host, &settings), TROUPE_OK);
        assert_int_equal(settings.hedge_ms, cases[i].ms);
        llm_settings_clear(&settings);
        fake_turn_free(fake);
    }
}

static void a_measured_hedge_waits_for_the_slowest_twentieth(void **state)
{
    struct rig *rig = rig_new();
    struct llm_health *health = &rig->candidates[DEAR].health;

    (void)state;
    rig->candidates[DEAR].settings.hedge_ms = LLM_HEDGE_P95;
    for (int64_t i = 1; i < LLM_HEDGE_SAMPLES; i++)
        llm_health_note(health, &rig->router.links[DEAR], 0, NULL, -1, 200, 300);
    assert_int_equal(llm_hedge_delay(&rig->router, DEAR, 60000), -1); /* too few are known */
    for (int64_t i = 1; i <= 200; i++)                                /* the newest 64 count */
        llm_health_note(health, &rig->router.links[DEAR], 0, NULL, -1, i, i);
    assert_int_equal(llm_hedge_delay(&rig->router, DEAR, 60000), 136 + 61);
    assert_int_equal(llm_hedge_delay(&rig->router, DEAR, 2100), -1); /* no time is left for it */
    free(rig);
}

static void hedges_keep_to_their_share_and_to_that_of_repetitions(void **state)
{
    struct rig *rig = rig_new();
    const struct llm_ask ask = {.route = LLM_CHAT, .last = DEAR};
    struct llm_choice choice;
    unsigned sent = 0;

    (void)state;
    rig->candidates[DEAR].settings.hedge_ms = 500;
    rig->candidates[DEAR].settings.hedge_share = 5;
    for (int i = 0; i < 1000; i++) {
        llm_router_earn(&rig->router);
        assert_int_equal(llm_hedge_delay(&rig->router, DEAR, 60000), 500);
        llm_hedge_choose(&rig->router, &ask, 0, NOW, &choice);
        assert_int_not_equal(choice.candidate, DEAR);
        sent += choice.candidate >= 0;
        if (choice.candidate < 0)
            assert_non_null(strstr(choice.why, "hedge_share is used up"));
    }
    assert_true(sent >= 49 && sent <= 51);
    rig->router.hedges = 5;
    rig->router.retries = 0.5;
    llm_hedge_choose(&rig->router, &ask, 0, NOW, &choice);
    assert_int_equal(choice.candidate, -1);
    assert_non_null(strstr(choice.why, "repeated lately"));
    free(rig);
}

static void a_hedge_takes_another_key_where_there_is_no_other_model(void **state)
{
    struct rig *rig = rig_new();
    const struct llm_ask ask = {.route = LLM_CHAT, .last = DEAR, .tried = 1u << CHEAP | 1u << OWN};
    struct llm_choice choice;

    (void)state;
    llm_hedge_choose(&rig->router, &ask, 0, NOW, &choice);
    assert_int_equal(choice.candidate, -1);
    rig->router.links[DEAR].keys = 2;
    llm_hedge_choose(&rig->router, &ask, 0, NOW, &choice);
    assert_int_equal(choice.candidate, DEAR);
    assert_int_equal(choice.key, 1);
    llm_hedge_return(&rig->router);
    rig->router.links[DEAR].cooling[1] = (struct llm_cooling){NOW + 1, 1, 0}; /* it has to wait */
    llm_hedge_choose(&rig->router, &ask, 0, NOW, &choice);
    assert_int_equal(choice.candidate, -1);
    free(rig);
}

static void a_hedge_keeps_to_the_limits_of_keys(void **state)
{
    struct rig *rig = rig_new();
    const struct llm_ask ask = {.route = LLM_CHAT, .last = DEAR, .tried = 1u << OWN};
    struct llm_window *cheap = &rig->router.links[CHEAP].windows[0];
    struct llm_window *other = &rig->router.links[DEAR].windows[1];
    struct llm_choice choice;

    (void)state;
    rig->router.links[DEAR].keys = 2;
    rig->router.hedges = 3;
    cheap->most_requests = other->most_requests = 1;
    llm_hedge_choose(&rig->router, &ask, 0, NOW, &choice);
    assert_int_equal(choice.candidate, CHEAP);
    assert_int_equal(cheap->requests, 1);
    assert_int_equal(choice.at_ms, NOW);
    llm_hedge_choose(&rig->router, &ask, 0, NOW, &choice);
    assert_int_equal(choice.candidate, DEAR);
    assert_int_equal(choice.key, 1);
    assert_int_equal(other->requests, 1);
    llm_hedge_choose(&rig->router, &ask, 0, NOW, &choice);
    assert_int_equal(choice.candidate, -1);
    llm_hedge_choose(&rig->router, &ask, 0, NOW + 61 * SECONDS, &choice);
    assert_int_equal(choice.candidate, CHEAP);
    free(rig);
}

static void a_model_without_a_price_is_only_asked_for_the_remedy(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    for (int i = 0; i < MODELS; i++)
        rig->candidates[i].settings.has_price = i == DEAR;
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, DEAR);
    rig->candidates[DEAR].settings.has_price = 0;
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, DEAR);
    free(rig);
}

static void who_holds_the_whole_talk_is_rather_asked(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig->router.cost_weight = 0;
    rig->candidates[OWN].settings.context_tokens =
        1500; /* as much as the question and the answer have */
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, DEAR);
    rig->candidates[DEAR].settings.context_tokens = 1499;
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, CHEAP);
    rig->candidates[CHEAP].settings.context_tokens = 1000;
    assert_int_equal(choose(rig, LLM_QUICK, NOW)->candidate, OWN);
    free(rig);
}

static void sixteen_candidates_are_told_the_chosen_one_first(void **state)
{
    struct rig *rig = rig_new();
    struct llm_way *way = &rig->router.ways[LLM_CHAT];
    struct llm_choice choice;
    const char *at = choice.why;
    char part[480], all[LLM_WHY_MAX] = "", name[LLM_MODEL_MAX + 1];
    int parts = 0;

    (void)state;
    for (uint8_t i = MODELS; i < LLM_CANDIDATES_MAX; i++) {
        rig->candidates[i] = rig->candidates[OWN];
        memset(name, 'm', sizeof(name) - 1);
        name[sizeof(name) - 1] = 0;
        name[0] = (char)('a' + i);
        memcpy(rig->candidates[i].settings.model, name, sizeof(name));
        memset(rig->candidates[i].settings.host_name, 'h', LLM_HOST_MAX);
        way->to[way->count].candidate = i;
        way->to[way->count++].quality = i == LLM_CANDIDATES_MAX - 1 ? 100 : 20;
        rig->router.count++;
    }
    way->to[OWN].quality = 20;
    choice = *choose(rig, LLM_CHAT, NOW);
    assert_int_equal(choice.candidate, LLM_CANDIDATES_MAX - 1);
    assert_memory_equal(choice.why, "chat: pmmm", 10);
    while (llm_choice_tell(&at, part, sizeof(part))) {
        assert_true(strlen(part) < sizeof(part));
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s", part);
        parts++;
    }
    assert_string_equal(all, choice.why);
    assert_in_range(parts, 5, 10);
    for (uint8_t i = MODELS; i < LLM_CANDIDATES_MAX - 1; i++) {
        snprintf(name, sizeof(name), " %cmmm", 'a' + i);
        assert_non_null(strstr(choice.why, name));
    }
    assert_non_null(strstr(choice.why, "dear at "));
    free(rig);
}

static void code_and_length_make_a_question_hard(void **state)
{
    static const struct {
        const char *content;
        int64_t least, most;
    } cases[] = {{"hi", 0, 2},
                 {"why? how? since when?", 15, 20},
                 {"```c\\nint x;\\n```", 30, 40},
                 {"", 0, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", cases[i].content);
        int64_t value = llm_complexity(messages);

        assert_true(value >= cases[i].least && value <= cases[i].most);
        json_decref(messages);
    }
}

static void what_is_preferred_keeps_to_floor_breaker_and_price(void **state)
{
    struct rig *rig = rig_new();
    const struct llm_ask ask = {
        .route = LLM_QUICK, .tokens = 500, .max_tokens = 1000, .prefer = 1u << OWN, .last = -1};
    struct llm_choice choice;

    (void)state;
    rig->router.cost_weight = 0;
    llm_router_choose(&rig->router, &ask, NOW, &choice);
    assert_int_equal(choice.candidate, OWN);
    rig->router.ways[LLM_QUICK].floor = 60;
    llm_router_choose(&rig->router, &ask, NOW, &choice);
    assert_int_not_equal(choice.candidate, OWN);
    rig->router.ways[LLM_QUICK].floor = 0;
    note(rig, OWN, "bad_model");
    llm_router_choose(&rig->router, &ask, NOW, &choice);
    assert_int_not_equal(choice.candidate, OWN);
    free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_preferred_and_down_is_gone_round),
        cmocka_unit_test(the_task_decides_what_quality_is_worth),
        cmocka_unit_test(what_is_below_the_floor_is_never_asked),
        cmocka_unit_test(measured_slowness_and_failures_count),
        cmocka_unit_test(a_breaker_opens_lets_one_probe_through_and_closes),
        cmocka_unit_test(a_clock_that_was_set_back_locks_nobody_out),
        cmocka_unit_test(a_question_that_was_thought_about_too_long_takes_no_model_out),
        cmocka_unit_test(a_provider_that_is_down_takes_its_models_along),
        cmocka_unit_test(what_the_host_did_itself_is_no_fault_of_the_model),
        cmocka_unit_test(what_only_the_admin_can_mend_opens_at_once),
        cmocka_unit_test(what_was_asked_is_no_fault_of_the_model),
        cmocka_unit_test(each_key_has_its_own_limits),
        cmocka_unit_test(no_wait_that_a_provider_names_is_longer_than_an_hour),
        cmocka_unit_test(repeated_questions_stay_a_fifth_of_all),
        cmocka_unit_test(a_hedge_is_off_a_time_or_measured),
        cmocka_unit_test(a_measured_hedge_waits_for_the_slowest_twentieth),
        cmocka_unit_test(hedges_keep_to_their_share_and_to_that_of_repetitions),
        cmocka_unit_test(a_hedge_takes_another_key_where_there_is_no_other_model),
        cmocka_unit_test(a_hedge_keeps_to_the_limits_of_keys),
        cmocka_unit_test(a_model_without_a_price_is_only_asked_for_the_remedy),
        cmocka_unit_test(who_holds_the_whole_talk_is_rather_asked),
        cmocka_unit_test(sixteen_candidates_are_told_the_chosen_one_first),
        cmocka_unit_test(code_and_length_make_a_question_hard),
        cmocka_unit_test(what_is_preferred_keeps_to_floor_breaker_and_price),
    };

    return cmocka_run_group_tests_name("llm choice", tests, NULL, NULL);
}
