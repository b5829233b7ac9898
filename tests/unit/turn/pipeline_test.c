/* SPDX-License-Identifier: Apache-2.0
 *
 * Pipelines: what is refused when they are compiled, for whom a stage runs, and whose turn it is.
 */
#include "turn_fixture.h"

/* ---- conditions ----------------------------------------------------------------------------- */

static const char *gate(const struct turn_stage *stage, const struct event *event)
{
    const char *code = "open";

    return turn_stage_applies(stage, event, &code) ? "open" : code;
}

static void every_condition_must_hold(void **state)
{
    const char *const two[] = {"1", "2"};
    const char *const roles[] = {"9", "2"};
    const struct config_list list = {2, two}, none = {0, NULL};
    const struct turn_stage any = {.name = "s", .percent = 100, .guilds = &none, .roles = &none};
    const struct {
        struct turn_stage stage;
        const char *yes, *no, *missing; /* of the attribute set to "2", to "3", and left away */
    } cases[] = {
        {{.name = "s", .percent = 100, .guilds = &list}, "open", "skip.guild", "skip.guild"},
        {{.name = "s", .percent = 100, .channels = &list}, "open", "skip.channel", "skip.channel"},
        {{.name = "s", .percent = 100, .accounts = &list}, "open", "skip.account", "skip.account"},
        {{.name = "s", .percent = 100, .roles = &list}, "open", "skip.role", "skip.role"},
        {{.name = "s", .percent = 0}, "skip.percent", "skip.percent", "skip.percent"},
    };
    const struct event two_event = {
        .guild = "2", .channel = "2", .account = "2", .roles = roles, .role_count = 2};
    const struct event three = {
        .guild = "3", .channel = "3", .account = "3", .roles = roles, .role_count = 1};
    const struct event empty = {0};

    (void)state;
    assert_string_equal(gate(&any, &empty), "open");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(gate(&cases[i].stage, &two_event), cases[i].yes);
        assert_string_equal(gate(&cases[i].stage, &three), cases[i].no);
        assert_string_equal(gate(&cases[i].stage, &empty), cases[i].missing);
    }
}

static size_t share_of(const char *name, double percent, bool inside[10000])
{
    const struct turn_stage stage = {.name = name, .percent = percent};
    size_t count = 0;

    for (unsigned i = 0; i < 10000; i++) {
        char member[24];
        const struct event event = {.member = member};

        snprintf(member, sizeof(member), "%llu", 80351110224678912ull + i * 4194304ull);
        inside[i] = !strcmp(gate(&stage, &event), "open");
        count += inside[i];
    }
    return count;
}

static void a_share_is_stable_and_about_right(void **state)
{
    static bool ten[10000], again[10000], thirty[10000], other[10000];
    size_t both = 0, count;

    (void)state;
    count = share_of("trial", 10, ten);
    assert_in_range(count, 850, 1150); /* five standard deviations */
    share_of("trial", 10, again);
    assert_memory_equal(ten, again, sizeof(ten));
    assert_in_range(share_of("trial", 30, thirty), 2770, 3230);
    for (size_t i = 0; i < 10000; i++)
        assert_true(!ten[i] || thirty[i]); /* who was in stays in */
    assert_in_range(share_of("another", 30, other), 2770, 3230);
    for (size_t i = 0; i < 10000; i++)
        both += thirty[i] && other[i];
    assert_in_range(both, 750, 1050); /* each stage picks its own members */
    assert_int_equal(share_of("trial", 100, ten), 10000);
    assert_int_equal(share_of("trial", 0, ten), 0);
}

/* ---- whose turn it is ----------------------------------------------------------------------- */

static void agents_are_chosen_by_their_balance(void **state)
{
    struct plugin_agent one = {.running = 2}, two = {.running = 1}, three = {.running = 1};
    struct plugin_agent *agents[] = {&one, &two, &three};
    struct turn_stage stage = {.name = "s", .agents = agents, .agent_count = 3};
    size_t seen[3] = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(turn_stage_choose(&stage), &one);
    stage.balance = TURN_ROUND_ROBIN;
    for (size_t i = 0; i < 9; i++)
        assert_ptr_equal(turn_stage_choose(&stage), agents[i % 3]);
    stage.balance = TURN_LEAST_BUSY;
    assert_ptr_equal(turn_stage_choose(&stage), &two);
    two.running = 2;
    assert_ptr_equal(turn_stage_choose(&stage), &three);
    stage.balance = TURN_RANDOM;
    for (int i = 0; i < 3000; i++) {
        struct plugin_agent *agent = turn_stage_choose(&stage);

        seen[agent == &one ? 0 : agent == &two ? 1 : 2]++;
    }
    for (size_t i = 0; i < 3; i++)
        assert_in_range(seen[i], 800, 1200); /* seven standard deviations */
}

/* ---- compiling ------------------------------------------------------------------------------ */

#define ACTOR(name) "[agent " name "]\nplugin = " LIBS "/actor.so\n"

struct refused {
    const char *ini, *problems;
};

static troupe_status refuse_body(void *arg)
{
    static const struct refused cases[] = {
        {"[pipeline message]\nstages = a, tlak\n" ACTOR("a") ACTOR("talk"),
         "test.ini:2: key \"stages\" in [pipeline message]: there is no enabled agent \"tlak\"; "
         "did "
         "you mean \"talk\"\n"},
        {"[pipeline message]\nstages = xyzzy\n" ACTOR("a"),
         "test.ini:2: key \"stages\" in [pipeline message]: there is no enabled agent \"xyzzy\"; "
         "add a section [agent xyzzy]\n"},
        {"[pipeline message]\nstages = a\nobservers = d\n" ACTOR("a") "[agent d]\nplugin = "
                                                                      "%/tests/plugins/.libs/"
                                                                      "service.so\n",
         "test.ini:3: key \"observers\" in [pipeline message]: plugin \"org.example.service\" of "
         "agent \"d\" has no observer; name an agent that can work here\n"},
        {"[pipeline message]\nstages = s\n[stage s]\nagents = a, d\nfallback = quux\n" ACTOR(
             "a") "[agent d]\nplugin = %/tests/plugins/.libs/service.so\n",
         "test.ini:4: key \"agents\" in [stage s]: plugin \"org.example.service\" of agent \"d\" "
         "has no stage; name an agent that can work here\n"
         "test.ini:5: key \"fallback\" in [stage s]: there is no enabled agent \"quux\"; add a "
         "section [agent quux]\n"},
        {"[pipeline message]\nstages = s\n[stage s]\nagent = zz\n" ACTOR("a"),
         "test.ini:4: key \"agent\" in [stage s]: there is no enabled agent \"zz\"; add a section "
         "[agent zz]\n"},
    };
    struct stage_test *t = arg;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_mem_ char *text = expand(cases[i].ini);
        _cleanup_buf_ struct buf got = BUF_INIT;
        struct config_problems problems = {0};
        struct config_raw *raw = NULL;
        struct plugin_set *set = NULL;

        CHECK(config_parse_text("test.ini", text, strlen(text), &raw, &problems) == TROUPE_OK);
        if (plugin_set_build(t->manager, raw, NULL, 0, &set, &problems) == TROUPE_OK)
            CHECK(turn_pipelines_compile(set, &problems) == TROUPE_CONFIG);
        for (size_t k = 0; k < problems.count; k++)
            buf_printf(&got, "%s\n", problems.items[k].text);
        if (strcmp(buf_text(&got), cases[i].problems))
            fprintf(stderr, "# %s# expected\n# %s", buf_text(&got), cases[i].problems);
        CHECK(!strcmp(buf_text(&got), cases[i].problems));
        plugin_set_unpin(set);
        config_problems_clear(&problems);
        config_raw_free(raw);
    }
    return TROUPE_OK;
}

static void what_cannot_work_is_refused_with_its_place(void **state)
{
    (void)state;
    play_in(plain_ini, NULL, refuse_body);
}

static troupe_status compiled_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct turn_pipeline *pipeline = turn_pipeline_find(t->engine->set, "message");

    CHECK(pipeline && !turn_pipeline_find(t->engine->set, "job"));
    CHECK(pipeline->stage_count == 2 && pipeline->observer_count == 1);
    CHECK(!strcmp(pipeline->stage_names, "[\"s\",\"a\"]"));
    CHECK(pipeline->timeout_ms == 9000 && pipeline->stages[0].timeout_ms == 2000);
    CHECK(pipeline->stages[0].agent_count == 2 && pipeline->stages[0].fallback_count == 1);
    CHECK(pipeline->stages[0].balance == TURN_ROUND_ROBIN);
    CHECK(pipeline->stages[1].balance == TURN_FIRST && pipeline->stages[1].percent == 100);
    CHECK_ANSWER("call a.echo {\"text\":\"skipped and run\"}", "[skipped and run]");
    CHECK_TRACE("stage s: skip.guild");
    return TROUPE_OK;
}

static void a_pipeline_is_what_was_written(void **state)
{
    (void)state;
    play_in("[pipeline message]\nstages = s, a\nobservers = b\ntimeout = 9s\n"
            "[stage s]\nagents = b, c\nbalance = round_robin\nfallback = a\nguilds = 5, 6\n"
            "timeout = 2s\n" ACTOR("a") ACTOR("b") ACTOR("c"),
            NULL, compiled_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_condition_must_hold),
        cmocka_unit_test(a_share_is_stable_and_about_right),
        cmocka_unit_test(agents_are_chosen_by_their_balance),
        cmocka_unit_test(what_cannot_work_is_refused_with_its_place),
        cmocka_unit_test(a_pipeline_is_what_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
