/* SPDX-License-Identifier: Apache-2.0
 *
 * Which model is asked, and which next: the choice alone, and a whole talk against scripted
 * providers.
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

typedef troupe_status (*chat_fn)(troupe_turn *, troupe_str, troupe_str, int64_t, double, troupe_str,
                                 troupe_str, troupe_str);
typedef troupe_status (*route_fn)(troupe_turn *, troupe_str, int64_t, int64_t, int64_t, int64_t,
                                  int64_t, int64_t, int32_t, int32_t);
typedef troupe_status (*model_fn)(troupe_turn *, troupe_str);

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

/* ---- the choice ---------------------------------------------------------------------------------
 * Three models: dear and good at provider 0, cheap and fair at 1, own and free at 2. */

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

static struct llm_choice choose(struct rig *rig, enum llm_route route, int64_t now_ms)
{
    const struct llm_ask ask = {
        .route = route, .tokens = 500, .max_tokens = 1000, .last = -1, .complexity = 0};
    struct llm_choice choice;

    llm_router_choose(&rig->router, &ask, now_ms, &choice);
    return choice;
}

static void note(struct rig *rig, uint32_t candidate, const char *kind)
{
    llm_router_note(&rig->router, candidate, 0, kind ? kind_of(kind) : NULL, -1, 300, 900);
}

static void the_task_decides_what_quality_is_worth(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, OWN);
    assert_int_equal(choose(rig, LLM_CODE, NOW).candidate, CHEAP);
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
    assert_int_equal(choose(rig, LLM_CODE, NOW).candidate, OWN);
    free(rig);
}

static void what_is_below_the_floor_is_never_asked(void **state)
{
    struct rig *rig = rig_new();
    struct llm_choice choice;

    (void)state;
    rig->router.ways[LLM_QUICK].floor = 60;
    choice = choose(rig, LLM_QUICK, NOW);
    assert_int_equal(choice.candidate, CHEAP);
    assert_non_null(strstr(choice.why, "own at"));
    assert_non_null(strstr(choice.why, "(below the floor)"));
    rig->router.ways[LLM_QUICK].floor = 100;
    choice = choose(rig, LLM_QUICK, NOW);
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
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, CHEAP);
    free(rig);

    /* four failures in a row do not open the breaker, but count; after an hour they are forgotten */
    rig = rig_new();
    for (int i = 0; i < 4; i++) {
        note(rig, OWN, "provider_failed");
        note(rig, CHEAP, NULL);
    }
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, CHEAP);
    assert_int_equal(choose(rig, LLM_QUICK, NOW + 3600 * SECONDS).candidate, OWN);
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
        assert_int_equal(choose(rig, LLM_QUICK, now).candidate, OWN);
        note(rig, OWN, "provider_failed");
    }
    assert_int_equal(choose(rig, LLM_QUICK, now).candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, now + LLM_BREAKER_FIRST_MS - 1).candidate, -1);
    /* half open: one is let through, no second one beside it */
    now += LLM_BREAKER_FIRST_MS;
    assert_int_equal(choose(rig, LLM_QUICK, now).candidate, OWN);
    assert_int_equal(choose(rig, LLM_QUICK, now).candidate, -1);
    /* it failed: open for twice as long */
    note(rig, OWN, "provider_failed");
    assert_int_equal(choose(rig, LLM_QUICK, now + LLM_BREAKER_FIRST_MS).candidate, -1);
    now += 2 * LLM_BREAKER_FIRST_MS + 1;
    assert_int_equal(choose(rig, LLM_QUICK, now).candidate, -1);
    now += LLM_BREAKER_FIRST_MS;
    assert_int_equal(choose(rig, LLM_QUICK, now).candidate, OWN);
    /* a probe of which nothing is heard does not keep it shut for ever */
    assert_int_equal(choose(rig, LLM_QUICK, now).candidate, -1);
    assert_int_equal(choose(rig, LLM_QUICK, now + LLM_PROBE_MS).candidate, OWN);
    note(rig, OWN, NULL);
    assert_int_equal(choose(rig, LLM_QUICK, now).candidate, OWN);
    assert_int_equal(choose(rig, LLM_QUICK, now).candidate, OWN);
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
    choice = choose(rig, LLM_CODE, NOW);
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
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, OWN);
    free(rig);
}

/* A wrong name or address does not get right by asking again. */
static void what_only_the_admin_can_mend_opens_at_once(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    note(rig, OWN, "bad_model");
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, CHEAP);
    free(rig);
}

static void what_was_asked_is_no_fault_of_the_model(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    for (int i = 0; i < 50; i++)
        note(rig, OWN, i % 2 ? "moderated" : "bad_request");
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, OWN);
    free(rig);
}

static void each_key_has_its_own_limits(void **state)
{
    struct rig *rig = rig_new();
    struct llm_choice choice;

    (void)state;
    rig->router.links[OWN].keys = 2;
    llm_router_note(&rig->router, OWN, 0, kind_of("rate"), 20 * SECONDS, 0, 0);
    choice = choose(rig, LLM_QUICK, NOW);
    assert_int_equal(choice.candidate, OWN);
    assert_int_equal(choice.key, 1);
    llm_router_note(&rig->router, OWN, 1, kind_of("no_credit"), -1, 0, 0);
    choice = choose(rig, LLM_QUICK, NOW);
    assert_int_equal(choice.candidate, CHEAP);
    assert_non_null(strstr(choice.why, "(must wait)"));
    choice = choose(rig, LLM_QUICK, NOW + 20 * SECONDS);
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
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, CHEAP);
    assert_int_equal(choose(rig, LLM_QUICK, NOW + LLM_COOL_MOST_MS - 1).candidate, CHEAP);
    assert_int_equal(choose(rig, LLM_QUICK, NOW + LLM_COOL_MOST_MS).candidate, OWN);
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
    rig->router.links[DEAR].cool_until[1] = NOW + 1; /* it has to wait */
    llm_hedge_choose(&rig->router, &ask, 0, NOW, &choice);
    assert_int_equal(choice.candidate, -1);
    free(rig);
}

static void a_model_without_a_price_is_only_asked_for_the_remedy(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    for (int i = 0; i < MODELS; i++)
        rig->candidates[i].settings.has_price = i == DEAR;
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, DEAR);
    rig->candidates[DEAR].settings.has_price = 0;
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, DEAR);
    free(rig);
}

static void who_holds_the_whole_talk_is_rather_asked(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    rig->router.cost_weight = 0;
    rig->candidates[OWN].settings.context_tokens =
        1500; /* as much as the question and the answer have */
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, DEAR);
    rig->candidates[DEAR].settings.context_tokens = 1499;
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, CHEAP);
    rig->candidates[CHEAP].settings.context_tokens = 1000;
    assert_int_equal(choose(rig, LLM_QUICK, NOW).candidate, OWN);
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
    choice = choose(rig, LLM_CHAT, NOW);
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

/* ---- a talk -------------------------------------------------------------------------------------*/

#define QUESTION "[{\"role\":\"user\",\"content\":\"hello there\"}]"
#define GOOD                                                                                       \
    "data: {\"choices\":[{\"delta\":{\"content\":\"fine\"},\"finish_reason\":\"stop\"}]}\n\n"      \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n"

static const char *call_route(struct fake_turn *fake, const char *name, troupe_str args)
{
    static char result[LLM_CHOICE_MAX];
    json_t *tree = json_loadb(args.ptr, args.len, 0, NULL);
    const char *route = json_string_value(json_object_get(tree, "route"));
    struct fake_text kept = fake->result;

    if (strcmp(name, "llm-place") == 0) {
        json_decref(tree);
        return "{\"place\":true}";
    }
    assert_string_equal(name, "llm-route");
    fake->result = (struct fake_text){0};
    assert_int_equal(((route_fn)fake_function(fake, name))(
                         &fake->turn, (troupe_str){route, strlen(route)},
                         json_integer_value(json_object_get(tree, "tokens")),
                         json_integer_value(json_object_get(tree, "max_tokens")),
                         json_integer_value(json_object_get(tree, "complexity")),
                         json_integer_value(json_object_get(tree, "tried")),
                         json_integer_value(json_object_get(tree, "prefer")),
                         json_integer_value(json_object_get(tree, "last")),
                         json_is_true(json_object_get(tree, "again")),
                         json_is_true(json_object_get(tree, "pictures"))),
                     TROUPE_OK);
    snprintf(result, sizeof(result), "%s", fake->result.ptr);
    free(fake->result.ptr);
    fake->result = kept;
    json_decref(tree);
    return result;
}

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
    fake->on_call = call_route;
    return fake;
}

static troupe_status chat(struct fake_turn *fake)
{
    const troupe_str messages = {QUESTION, strlen(QUESTION)}, route = {"chat", 4};

    return ((chat_fn)fake_function(fake, "llm.chat"))(&fake->turn, messages, route, 0, -1,
                                                      (troupe_str){"none", 4}, (troupe_str){"", 0},
                                                      (troupe_str){"", 0});
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
        status = chat(fake);
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

/* Turns that end while a model is waited for, enough for one of the two; then one that tells whether it counted. */
static int ends_count_against_the_model(const struct fake_response *response)
{
    struct fake_turn *fake = routed();
    int down;

    for (int i = 0; i < 2 * LLM_BREAKER_FAILURES - 1; i++) {
        fake->responses[0] = *response;
        assert_true(chat(fake) < 0);
        assert_int_equal(fake->request_count, 1);
        assert_int_equal(fake->open_http, 0);
        fake_next(fake);
        fake->ended = TROUPE_OK;
    }
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = GOOD;
    fake->responses[1].status = 200;
    fake->responses[1].chunks[0] = ANTHROPIC_GOOD;
    (void)chat(fake);
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

static troupe_status ask(struct fake_turn *fake, const char *messages)
{
    return ((chat_fn)fake_function(fake, "llm.chat"))(
        &fake->turn, (troupe_str){messages, strlen(messages)}, (troupe_str){"chat", 4}, 0, -1,
        (troupe_str){"none", 4}, (troupe_str){"", 0}, (troupe_str){"", 0});
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
    fake->on_call = call_route;
    memset(messages, 'w', sizeof(messages));
    memcpy(messages, "[{\"role\":\"user\",\"content\":\"old ", 31);
    snprintf(messages + 2500, 200, "\"},{\"role\":\"user\",\"content\":\"new question\"}]");
    fake->responses[0].status = 500;
    fake->responses[1].status = 200;
    fake->responses[1].chunks[0] = "{\"message\":{\"content\":\"all\"},\"done\":true}\n";
    assert_int_equal(ask(fake, messages), TROUPE_OK);
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
    fake->on_call = call_route;
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = "{\"message\":{\"content\":\"all\"},\"done\":true}\n";
    assert_int_equal(ask(fake, messages), TROUPE_OK);
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
    assert_int_equal(chat(fake), TROUPE_OK);
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
    fake->on_call = call_route;
    return fake;
}

static void answer_with(struct fake_turn *fake, const struct fake_response *response,
                        troupe_status expected)
{
    fake_next(fake);
    fake->left_ms = 300 * SECONDS;
    fake->responses[0] = *response;
    assert_int_equal(chat(fake), expected);
}

static void the_only_model_has_a_breaker_too(void **state)
{
    const struct fake_response broken = {.status = 500}, good = {.status = 200, .chunks = {GOOD}};
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

/* Told again what the admin can do, and not for ten minutes. */
static void the_only_key_that_is_refused_is_tried_again_soon(void **state)
{
    const struct fake_response refused = {.status = 401}, good = {.status = 200, .chunks = {GOOD}};
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
    const struct fake_response soon = {.status = 429, .headers = {"retry-after", "20"}},
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
    assert_int_equal(chat(fake), TROUPE_DENIED);
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
    assert_int_equal(chat(fake), TROUPE_INTERRUPTED);
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
    assert_int_equal(chat(fake), TROUPE_OK);
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
    fake->on_call = call_route;
    for (int i = 0; i < LLM_KEYS_MAX - 1; i++)
        fake->responses[i].status = 429;
    fake->responses[LLM_KEYS_MAX - 1].status = 200;
    fake->responses[LLM_KEYS_MAX - 1].chunks[0] = GOOD;
    assert_int_equal(chat(fake), TROUPE_OK);
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
    assert_int_equal(chat(fake), TROUPE_UNAVAILABLE);
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
    fake->on_call = call_route;
    fake->cap = 100;
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = GOOD;
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_string_equal(fake->requests[0].url, "http://127.0.0.1:8080/v1/chat/completions");
    assert_true(fake_text_has(&fake->reasons, "llm.cheaper: no money for dear-1; asking own-1"));
    /* and that somebody prefers it changes nothing */
    assert_int_equal(
        ((model_fn)fake_function(fake, "model"))(&fake->turn, (troupe_str){"dear-1", 6}),
        TROUPE_OK);
    fake->responses[1] = fake->responses[0];
    assert_int_equal(chat(fake), TROUPE_OK);
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
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_string_equal(fake->requests[0].url, "https://second.example.com/v1/messages");
    assert_true(fake_text_has(&fake->reasons, "(preferred); not own-1"));
    /* It does not answer: another one does. */
    fake->responses[1].status = 500;
    fake->responses[2].status = 200;
    fake->responses[2].chunks[0] = GOOD;
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_string_equal(fake->requests[2].url, "http://127.0.0.1:8080/v1/chat/completions");
    /* Somebody else gets what is best. */
    fake->message.author++;
    fake->responses[3].status = 200;
    fake->responses[3].chunks[0] = GOOD;
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_string_equal(fake->requests[3].url, "http://127.0.0.1:8080/v1/chat/completions");
    fake->message.author--;
    assert_int_equal(set_model(fake, "-"), TROUPE_OK);
    fake->responses[4].status = 200;
    fake->responses[4].chunks[0] = GOOD;
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_string_equal(fake->requests[4].url, "http://127.0.0.1:8080/v1/chat/completions");
    fake_turn_free(fake);
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
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, 2);
    fake_next(fake);
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = GOOD;
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_int_equal(fake->request_count, 1);
    assert_non_null(strstr(fake->requests[0].body, "\"max_completion_tokens\""));
    fake_turn_free(fake);
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
        cmocka_unit_test(the_task_decides_what_quality_is_worth),
        cmocka_unit_test(what_is_below_the_floor_is_never_asked),
        cmocka_unit_test(measured_slowness_and_failures_count),
        cmocka_unit_test(a_breaker_opens_lets_one_probe_through_and_closes),
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
        cmocka_unit_test(a_model_without_a_price_is_only_asked_for_the_remedy),
        cmocka_unit_test(who_holds_the_whole_talk_is_rather_asked),
        cmocka_unit_test(sixteen_candidates_are_told_the_chosen_one_first),
        cmocka_unit_test(code_and_length_make_a_question_hard),
        cmocka_unit_test(the_next_model_answers_whatever_befell_the_first),
        cmocka_unit_test(a_turn_that_ran_out_of_time_counts_against_who_kept_silent),
        cmocka_unit_test(each_model_gets_what_it_holds),
        cmocka_unit_test(each_model_has_a_price_of_its_own),
        cmocka_unit_test(the_table_says_what_a_model_refuses),
        cmocka_unit_test(the_only_model_has_a_breaker_too),
        cmocka_unit_test(the_only_key_that_is_refused_is_tried_again_soon),
        cmocka_unit_test(a_limit_on_questions_is_waited_for_where_it_is_short),
        cmocka_unit_test(what_no_provider_would_answer_is_not_offered_to_the_next),
        cmocka_unit_test(nothing_falls_back_after_text_was_handed_out),
        cmocka_unit_test(the_other_key_is_used_where_the_first_may_not),
        cmocka_unit_test(each_of_eight_keys_is_used_before_anybody_waits),
        cmocka_unit_test(when_all_fail_the_talk_ends_with_a_sentence),
        cmocka_unit_test(a_model_beyond_the_budget_gives_way_to_a_cheaper_one),
        cmocka_unit_test(a_member_talks_with_the_model_that_they_prefer),
        cmocka_unit_test(what_is_preferred_keeps_to_floor_breaker_and_price),
        cmocka_unit_test(a_models_refusals_are_remembered),
        cmocka_unit_test(bad_routes_are_refused_with_the_remedy),
    };

    return cmocka_run_group_tests_name("llm routes", tests, NULL, NULL);
}
