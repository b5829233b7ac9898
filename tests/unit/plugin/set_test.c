/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets from INI text to calls, with the real runner. A script is a coroutine that builds, looks, and
 * lets go; what it leaves behind is looked at when its loop has run.
 */
#include "loop/sanitize.h"
#include "plugin_fixture.h"

#include "base/log.h"
#include "hostile.h"
#include "plugin/isolate.h"
#include "plugin/sandbox.h"

#include <sys/wait.h>

struct script {
    struct loop *loop;
    struct plugin_manager *manager;
    struct scratch scratch; /* files called @/NAME in the INI text */
    void (*run)(struct script *script);
    const char *package; /* package_dir */
};

/* ---- building ------------------------------------------------------------------------------ */

/* Replaces "@" in a text by the scratch directory and "%" by the directory of the test plugins. */
static char *expand(const struct script *script, const char *text)
{
    _cleanup_buf_ struct buf out = BUF_INIT;

    for (const char *p = text; *p; p++) {
        if (*p == '@')
            buf_puts(&out, script->scratch.dir);
        else if (*p == '%')
            buf_printf(&out, "%s/tests/plugins/.libs", build_dir());
        else
            buf_putc(&out, *p);
    }
    return buf_take(&out);
}

static troupe_status try_build(struct script *script, const char *ini, struct plugin_set *previous,
                               unsigned flags, struct plugin_set **ret,
                               struct config_problems *problems)
{
    _cleanup_mem_ char *text = expand(script, ini);
    struct config_raw *raw = NULL;
    troupe_status status = config_parse_text("t.ini", text, strlen(text), &raw, problems);

    if (status == TROUPE_OK)
        status = plugin_set_build(script->manager, raw, previous, flags, ret, problems);
    config_raw_free(raw);
    return status;
}

static struct plugin_set *build(struct script *script, const char *ini, struct plugin_set *previous)
{
    struct config_problems problems = {0};
    struct plugin_set *set = NULL;

    if (try_build(script, ini, previous, 0, &set, &problems) < 0)
        fail_msg("%s", problems.count ? problems.items[0].text : "canceled");
    config_problems_clear(&problems);
    return set;
}

/* Expects exactly these problems, one a line, and that nothing has changed. */
static void refuse(struct script *script, const char *ini, struct plugin_set *previous,
                   const char *sentences)
{
    _cleanup_buf_ struct buf got = BUF_INIT;
    _cleanup_mem_ char *want = expand(script, sentences);
    struct config_problems problems = {0};
    struct plugin_set *set = NULL;
    size_t sets, loaded;

    /* What was unpinned before is gone, so that it is not counted. */
    while (script->manager->reaping)
        assert_status(co_sleep(1), TROUPE_OK);
    sets = script->manager->set_count;
    loaded = script->manager->images.loaded;
    assert_status(try_build(script, ini, previous, 0, &set, &problems), TROUPE_CONFIG);
    assert_null(set);
    for (size_t i = 0; i < problems.count; i++)
        buf_printf(&got, "%s%s", i ? "\n" : "", problems.items[i].text);
    assert_string_equal(buf_text(&got), want);
    assert_int_equal(script->manager->set_count, sets);
    assert_int_equal(script->manager->images.loaded, loaded);
    config_problems_clear(&problems);
}

/* Calls a function by name with typed arguments; the reply lives until the next call. */
static const char *call(struct plugin_set *set, const char *name, const char *line)
{
    static struct fake_turn fake;
    _cleanup_plugin_args_ struct plugin_args args = {0};
    const struct plugin_target *target = NULL;
    struct error err = {0};

    if (plugin_set_find(set, name, &target, &err) < 0)
        fail_msg("%s", err.text);
    fake_turn_init(&fake, target->agent);
    if (plugin_args_from_text(target->function, line, strlen(line), &args, &err) < 0 ||
        plugin_agent_invoke(target->agent, target->function, &fake.turn, args.values, NULL, &err) <
            0)
        fail_msg("%s", err.text);
    return fake.reply;
}

static troupe_status run_coroutine(void *arg)
{
    struct script *script = arg;

    script->run(script);
    return TROUPE_OK;
}

static void play_in(void (*run)(struct script *script), const char *package, bool any_location)
{
    struct script script = {.loop = fixture_new(NULL), .run = run, .package = package};
    _cleanup_mem_ char *runner = runner_path();
    int status;

    scratch_make(&script.scratch);
    script.manager = plugin_manager_new(
        script.loop, &(struct plugin_manager_options){.package_dir = package,
                                                      .runner = runner,
                                                      .trial_ms = 60000,
                                                      .any_location = any_location});
    fixture_run(script.loop, run_coroutine, &script);
    assert_int_equal(script.manager->set_count, 0);
    plugin_manager_free(script.manager);
    loop_step(script.loop, 0);
    fixture_free(script.loop);
    scratch_remove(&script.scratch);
    assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
}

static void play(void (*run)(struct script *script))
{
    play_in(run, "/package", true);
}

/* ---- the scripts --------------------------------------------------------------------------- */

static void builds_and_calls(struct script *script)
{
    struct plugin_set *set = build(script,
                                   "[agent dice]\nplugin = %/dice1.so\ncolor = blue\n"
                                   "[agent off]\nplugin = /nowhere.so\nenabled = no\nits_own = 1\n"
                                   "[agent echo]\nplugin = %/service.so\n",
                                   NULL);

    assert_int_equal(set->number, 1);
    assert_int_equal(set->pins, 1);
    assert_int_equal(set->agent_count, 2);
    assert_string_equal(set->agents[0]->name, "dice");
    assert_string_equal(set->agents[1]->name, "echo");
    assert_null(plugin_set_agent(set, "off"));
    assert_string_equal(call(set, "roll", "20 2"), "1.0.0 dice 20 2 #1");
    assert_string_equal(call(set, "dice.roll", "8"), "1.0.0 dice 8 1 #2");
    assert_string_equal(call(set, "test.echo", "1 0.5 text=hi any=[1] who=9"),
                        "echo: 1 0.5 0 hi [1] 9");
    assert_string_equal(call(set, "echo.test.echo", "1 0.5 no hi"), "echo: 1 0.5 0 hi  0");
    assert_ptr_equal(plugin_set_tool(set, "test_echo")->agent, set->agents[1]);
    assert_ptr_equal(plugin_set_tool(set, "roll")->agent, set->agents[0]);
    assert_null(plugin_set_tool(set, "rol"));
    plugin_set_unpin(set);
}

static void finds_plugins_by_name(struct script *script)
{
    _cleanup_mem_ char *dice = mem_printf("%s/dice.so", script->scratch.dir);
    struct plugin_set *set;

    copy_plugin("dice1", dice);
    set = build(script, "[plugins]\npath = /nowhere @\n[agent dice]\n", NULL);
    assert_string_equal(set->agents[0]->image->path, dice);
    plugin_set_unpin(set);
}

static void refuses_with_place_and_remedy(struct script *script)
{
    refuse(script, "[plugins]\npath = /nowhere\n\n[agent dice]\n\n[agent other]\nplugin = sub/x\n",
           NULL,
           "t.ini:4: plugin \"dice\" of [agent dice] was not found, looked for /nowhere/dice.so, "
           "/package/dice.so, /package/dice/.libs/dice.so; install it, or set its path by plugin = "
           "/path/to/dice.so\n"
           "t.ini:7: key \"plugin\" in [agent other]: expected a name like \"dice\" or an absolute "
           "path, got \"sub/x\"");
    refuse(script, "[agent dice]\nplugin = %/dice1.so\nlukc = 8\n", NULL,
           "t.ini:3: key \"lukc\" in [agent dice]: unknown key; did you mean \"luck\"");
    refuse(script, "[agent dice]\nplugin = %/dice1.so\nluck = 101\n[agent x]\nplugin = /no.so\n",
           NULL,
           "t.ini:4: agent \"x\": plugin file \"/no.so\" cannot be opened: No such file or "
           "directory");
    refuse(script, "[agent dice]\nplugin = %/dice1.so\nluck = 13\n", NULL,
           "t.ini:1: agent \"dice\": plugin \"org.example.dice\" 1.0.0 cannot start: a luck of 13 "
           "cannot be; choose another number");
    refuse(script, "[agent a]\nplugin = %/crash_early.so\n[agent b]\nplugin = %/odd_abi.so\n", NULL,
           "t.ini:3: agent \"b\": plugin \"org.example.odd\" was built for plugin ABI 2, this host "
           "has "
           "1; install a build for ABI 1\n"
           "t.ini:1: plugin \"org.example.crash\" crashed while loading (signal SEGV); nothing was "
           "changed, install another build of it");
    script->manager->trial_ms = 300;
    refuse(script, "[agent a]\nplugin = %/spin_early.so\n", NULL,
           "t.ini:1: plugin \"org.example.spin\" did not finish within 0.3 s while loading; "
           "nothing was "
           "changed, install another build of it");
    script->manager->trial_ms = 60000;
    refuse(
        script, "[agent bad]\nplugin = %/bad.so\n", NULL,
        "t.ini:1: plugin \"org.example.bad\": function \"lift\": parameter \"weight\": its default "
        "is not a whole number from 1 to 10; correct the declaration and build it again");
    refuse(
        script, "[agent a.b]\nplugin = %/dice1.so\n", NULL,
        "t.ini:1: section [agent a.b]: a name begins with a lower-case letter, has such letters, "
        "digits, - and single _, and does not end with _");
    refuse(script, "[agent core]\nplugin = %/dice1.so\n", NULL,
           "t.ini:1: section [agent core]: the name \"core\" is the host's own; choose another");
}

/* Whether the set's one agent has a process of its own. */
static bool is_isolated(const struct plugin_set *set)
{
    const struct plugin_agent *agent = plugin_set_agent(set, "dice");

    return agent->isolate && agent->isolate->state == ISOLATE_READY;
}

static void isolates_what_the_package_did_not_bring(struct script *script)
{
    _cleanup_mem_ char *inside = mem_printf("%s/dice.so", script->package);
    struct plugin_set *set = build(script, "[agent dice]\nplugin = %/dice1.so\n", NULL);

    assert_true(is_isolated(set));
    /* Nothing of it is in this process. */
    assert_null(plugin_set_agent(set, "dice")->image->handle);
    plugin_set_unpin(set);
    set = build(script, "[agent dice]\nplugin = %/dice1.so\nisolation = inprocess\n", NULL);
    assert_false(is_isolated(set));
    plugin_set_unpin(set);
    copy_plugin("dice2", inside);
    set = build(script, "[agent dice]\n", NULL);
    assert_false(is_isolated(set));
    assert_string_equal(call(set, "version", ""), "2.0.0");
    plugin_set_unpin(set);
    /* A link out of the package is not part of it. */
    unlink(inside);
    {
        _cleanup_mem_ char *target = plugin_path("dice1");

        assert_int_equal(symlink(target, inside), 0);
    }
    set = build(script, "[agent dice]\n", NULL);
    assert_true(is_isolated(set));
    plugin_set_unpin(set);
}

static void carries_over_what_is_the_same(struct script *script)
{
    static const char one[] = "[agent dice]\nplugin = %/dice1.so\n[agent count]\nplugin = "
                              "%/counter1.so\n";
    static const char two[] =
        "# another line\n[agent count]\nplugin = %/counter1.so\n[agent dice]\n"
        "plugin = %/dice1.so\nluck = 8\n";
    struct plugin_set *first = build(script, one, NULL), *second;

    assert_string_equal(call(first, "count", ""), "1 from 0");
    second = build(script, two, first);
    assert_int_equal(second->number, 2);
    assert_ptr_equal(plugin_set_agent(first, "count"), plugin_set_agent(second, "count"));
    assert_int_equal(plugin_set_agent(second, "count")->generation, 1);
    assert_ptr_not_equal(plugin_set_agent(first, "dice"), plugin_set_agent(second, "dice"));
    assert_int_equal(plugin_set_agent(second, "dice")->generation, 2);
    /* The bytes are the same, so the image is. */
    assert_ptr_equal(plugin_set_agent(first, "dice")->image,
                     plugin_set_agent(second, "dice")->image);
    assert_status(plugin_set_take_over(second, first, NULL), TROUPE_OK);
    plugin_set_unpin(first);
    assert_status(co_sleep(5), TROUPE_OK);
    assert_string_equal(call(second, "count", ""), "2 from 0");
    assert_int_equal(troupe_config_int(&plugin_set_agent(second, "dice")->host, "luck", 0), 8);
    plugin_set_unpin(second);
}

/* A pinned turn goes on with its build, however the file was replaced; new ones get the new. */
static void replace_while_pinned(struct script *script,
                                 void (*replace)(const char *name, const char *path))
{
    static const char ini[] = "[agent dice]\nplugin = @/dice.so\n";
    _cleanup_mem_ char *path = mem_printf("%s/dice.so", script->scratch.dir);
    struct plugin_set *first, *turn, *second;

    copy_plugin("dice1", path);
    first = build(script, ini, NULL);
    turn = plugin_set_pin(first);
    assert_string_equal(call(turn, "version", ""), "1.0.0");
    replace("dice2", path);
    second = build(script, ini, first);
    assert_status(plugin_set_take_over(second, first, NULL), TROUPE_OK);
    plugin_set_unpin(first);
    assert_status(co_sleep(5), TROUPE_OK);
    assert_int_equal(script->manager->set_count, 2);
    assert_string_equal(call(turn, "version", ""), "1.0.0");
    assert_string_equal(call(second, "version", ""), "2.0.0");
    plugin_set_unpin(turn);
    assert_status(co_sleep(5), TROUPE_OK);
    assert_int_equal(script->manager->set_count, 1);
    assert_int_equal(script->manager->images.loaded, 1);
    assert_string_equal(call(second, "version", ""), "2.0.0");
    plugin_set_unpin(second);
}

static void replaced_by_rename(struct script *script)
{
    replace_while_pinned(script, rename_plugin);
}

static void replaced_in_place(struct script *script)
{
    replace_while_pinned(script, copy_plugin);
}

static void a_refused_reload_changes_nothing(struct script *script)
{
    static const char ini[] = "[agent count]\nplugin = @/count.so\n";
    _cleanup_mem_ char *path = mem_printf("%s/count.so", script->scratch.dir);
    struct plugin_set *set;

    copy_plugin("counter1", path);
    set = build(script, ini, NULL);
    assert_string_equal(call(set, "count", ""), "1 from 0");
    rename_plugin("crash_early", path);
    refuse(script, ini, set,
           "t.ini:1: plugin \"org.example.crash\" crashed while loading (signal SEGV); nothing was "
           "changed, install another build of it");
    assert_string_equal(call(set, "count", ""), "2 from 0");
    assert_int_equal(set->pins, 1);
    plugin_set_unpin(set);
}

static void hands_state_over(struct script *script)
{
    static const char ini[] = "[agent count]\nplugin = @/count.so\n";
    _cleanup_mem_ char *path = mem_printf("%s/count.so", script->scratch.dir);
    struct plugin_set *first, *second;
    struct error err = {0};

    copy_plugin("counter1", path);
    first = build(script, ini, NULL);
    call(first, "count", "");
    assert_string_equal(call(first, "count", ""), "2 from 0");
    rename_plugin("counter2", path);
    second = build(script, ini, first);
    /* Until the last moment the old one counts on. */
    assert_string_equal(call(first, "count", ""), "3 from 0");
    assert_status(plugin_set_take_over(second, first, &err), TROUPE_OK);
    plugin_set_unpin(first);
    assert_status(co_sleep(5), TROUPE_OK);
    assert_string_equal(call(second, "count", ""), "4 from 1");

    rename_plugin("counter5", path);
    refuse(script, ini, second,
           "t.ini:1: agent \"count\": plugin \"org.example.counter\" 1.5 cannot take over the "
           "state of "
           "1.2: it is written in version 2, 4 to 5 can be read; install a build that reads it, or "
           "restart the host to begin without");
    rename_plugin("counter1", path);
    refuse(script, ini, second,
           "t.ini:1: agent \"count\": plugin \"org.example.counter\" 1.1 cannot take over the "
           "state of "
           "1.2: it is written in version 2, 1 to 1 can be read; install a build that reads it, or "
           "restart the host to begin without");
    rename_plugin("counter_broken", path);
    first = build(script, ini, second);
    assert_status(plugin_set_take_over(first, second, &err), TROUPE_DATA);
    assert_sentence(
        err, "agent \"count\": plugin \"org.example.counter\" 1.3 cannot load the state that "
             "1.2 saved (data); the running one stays");
    plugin_set_unpin(first);
    assert_string_equal(call(second, "count", ""), "5 from 1");
    plugin_set_unpin(second);
}

static void hands_state_from_process_to_process(struct script *script)
{
    static const char there[] = "[agent count]\nplugin = %/counter2.so\nisolation = process\n";
    struct plugin_set *first =
        build(script, "[agent count]\nplugin = %/counter1.so\nisolation = process\n", NULL);
    struct plugin_set *second, *third;
    struct error err = {0};

    call(first, "count", "");
    assert_string_equal(call(first, "count", ""), "2 from 0");
    second = build(script, there, first);
    assert_status(plugin_set_hand_over(second, first, &err), TROUPE_OK);
    assert_status(plugin_set_take_over(second, first, &err), TROUPE_OK);
    plugin_set_unpin(first);
    assert_string_equal(call(second, "count", ""), "3 from 1");

    /* What cannot be loaded there is told, and changes nothing. */
    first =
        build(script, "[agent count]\nplugin = %/counter_broken.so\nisolation = process\n", second);
    assert_status(plugin_set_hand_over(first, second, &err), TROUPE_DATA);
    assert_sentence(
        err, "agent \"count\": plugin \"org.example.counter\" 1.3 cannot load the state that "
             "1.2 saved (data); the running one stays");
    plugin_set_unpin(first);
    assert_string_equal(call(second, "count", ""), "4 from 1");

    /* Into the host's process, and out of it again. */
    third = build(script, "[agent count]\nplugin = %/counter2.so\nisolation = inprocess\n", second);
    assert_status(plugin_set_hand_over(third, second, &err), TROUPE_OK);
    plugin_set_unpin(second);
    assert_string_equal(call(third, "count", ""), "5 from 2");
    second = build(script, there, third);
    assert_status(plugin_set_hand_over(second, third, &err), TROUPE_OK);
    plugin_set_unpin(third);
    assert_string_equal(call(second, "count", ""), "6 from 2");
    plugin_set_unpin(second);
}

static void so_many_generations_live_at_a_time(struct script *script)
{
    static const char ini[] = "[agent dice]\nplugin = %/dice1.so\n";
    struct plugin_set *set = build(script, ini, NULL);

    script->manager->set_count += PLUGIN_MAX_SETS - 1; /* as if turns of so many were under way */
    refuse(script, "[agent dice]\nplugin = %/dice2.so\n", set,
           "64 generations live still, as turns that began with them have not ended; try again in "
           "a moment");
    script->manager->set_count--;
    plugin_set_unpin(build(script, "[agent dice]\nplugin = %/dice2.so\n", set));
    script->manager->set_count -= PLUGIN_MAX_SETS - 2;
    plugin_set_unpin(set);
}

static void names_of_several_agents_are_kept_apart(struct script *script)
{
    struct plugin_set *set = build(script,
                                   "[agent dice]\nplugin = %/dice1.so\n"
                                   "[agent casino]\nplugin = %/dice2.so\n",
                                   NULL);
    const struct plugin_target *target = NULL;
    struct error err = {0};

    assert_status(plugin_set_find(set, "roll", &target, &err), TROUPE_CONFLICT);
    assert_sentence(err,
                    "\"roll\" is a function of the agents \"dice\" and \"casino\"; write dice.roll "
                    "or casino.roll");
    assert_null(target);
    assert_string_equal(call(set, "casino.version", ""), "2.0.0");
    assert_string_equal(call(set, "dice.version", ""), "1.0.0");
    assert_string_equal(plugin_set_tool(set, "casino_roll")->qualified, "casino.roll");
    assert_string_equal(plugin_set_tool(set, "dice_roll")->qualified, "dice.roll");
    assert_null(plugin_set_tool(set, "roll"));
    assert_status(plugin_set_find(set, "casino.rol", &target, &err), TROUPE_NOT_FOUND);
    assert_sentence(err, "there is no function \"casino.rol\"; did you mean \"casino.roll\"");
    assert_status(plugin_set_find(set, "astrology", &target, &err), TROUPE_NOT_FOUND);
    assert_sentence(err, "there is no function \"astrology\"");
    plugin_set_unpin(set);
}

static void asks_providers_by_priority(struct script *script)
{
    struct plugin_set *set = build(script,
                                   "[agent one]\nplugin = %/service.so\n"
                                   "[agent two]\nplugin = %/service.so\npriority = 10\n"
                                   "[agent three]\nplugin = %/service.so\n"
                                   "[agent four]\nplugin = %/service.so\npriority = -1\n",
                                   NULL);
    const struct plugin_service *service = plugin_set_service(set, "test.echo");
    static const char *const order[] = {"two", "one", "three", "four"};

    assert_non_null(service);
    assert_int_equal(service->count, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(service->providers[i]->agent->name, order[i]);
    assert_null(plugin_set_service(set, "test.other"));
    assert_string_equal(call(set, "test.echo", "1 0 no x"), "two: 1 0 0 x  0");
    assert_string_equal(plugin_set_tool(set, "test_echo")->agent->name, "two");
    assert_string_equal(plugin_set_tool(set, "one_test_echo")->agent->name, "one");
    /* One image for four agents, and it was tried once. */
    assert_int_equal(script->manager->images.loaded, 1);
    plugin_set_unpin(set);
}

/* A priority is a live key: the next set asks in the new order, a turn of the old one goes on. */
static void a_new_priority_counts_from_the_next_set_on(struct script *script)
{
    struct plugin_set *first = build(script,
                                     "[agent one]\nplugin = %/service.so\n"
                                     "[agent two]\nplugin = %/service.so\ntimeout = 1s\n",
                                     NULL);
    struct plugin_set *second = build(script,
                                      "[agent one]\nplugin = %/service.so\n"
                                      "[agent two]\nplugin = %/service.so\npriority = 1\n",
                                      first);

    assert_ptr_equal(plugin_set_agent(first, "one"), plugin_set_agent(second, "one"));
    assert_string_equal(plugin_set_service(first, "test.echo")->providers[0]->agent->name, "one");
    assert_string_equal(plugin_set_service(second, "test.echo")->providers[0]->agent->name, "two");
    assert_int_equal(config_ms(plugin_set_agent(first, "two")->section, "timeout"), 1000);
    assert_false(config_value(plugin_set_agent(second, "two")->section, "timeout")->set);
    plugin_set_unpin(first);
    plugin_set_unpin(second);
}

static void agents_come_in_the_order_of_their_needs(struct script *script)
{
    static const char both[] = "[agent one]\nplugin = %/chain_a.so\n"
                               "[agent two]\nplugin = %/chain_b.so\n";
    _cleanup_mem_ char *path = mem_printf("%s/journal", script->scratch.dir);
    struct config_problems problems = {0};
    struct plugin_set *first, *second = NULL;
    char *journal;
    size_t size;

    setenv("TROUPE_TEST_JOURNAL", path, 1);
    first = build(script, both, NULL);
    assert_string_equal(first->agents[0]->name, "one");
    assert_int_equal(first->order[0], 1);
    assert_int_equal(first->order[1], 0);
    refuse(script, "[agent one]\nplugin = %/chain_a.so\n[agent two]\nplugin = %/chain_back.so\n",
           first,
           "t.ini:1: the agents need each other in a circle: \"one\" needs \"two\" needs "
           "\"one\"; disable one of them, or use a plugin for it that does not call back");
    /* What it needs may go: that is worth a word, no more. */
    assert_status(
        try_build(script, "[agent one]\nplugin = %/chain_a.so\n", first, 0, &second, &problems),
        TROUPE_OK);
    assert_int_equal(problems.count, 1);
    assert_true(problems.items[0].warning);
    assert_string_equal(problems.items[0].text,
                        "t.ini:1: agent \"one\" calls \"test.b\", which no enabled agent "
                        "provides; add one, or its calls will fail");
    config_problems_clear(&problems);
    plugin_set_unpin(second);
    assert_status(co_sleep(5), TROUPE_OK);
    plugin_set_unpin(first);
    assert_status(co_sleep(5), TROUPE_OK);
    journal = read_whole(path, &size);
    journal[size] = '\0';
    assert_string_equal(journal, "+two +one -one -two ");
    mem_free(journal);
    unsetenv("TROUPE_TEST_JOURNAL");
}

static void checks_without_creating(struct script *script)
{
    struct config_problems problems = {0};
    struct plugin_set *set = NULL;

    assert_status(try_build(script, "[agent dice]\nplugin = %/dice1.so\n", NULL, PLUGIN_BUILD_CHECK,
                            &set, &problems),
                  TROUPE_OK);
    assert_int_equal(set->agent_count, 1);
    assert_false(set->agents[0]->created);
    assert_non_null(plugin_manifest_function(set->agents[0]->manifest, "roll"));
    plugin_set_unpin(set);
    set = NULL;
    assert_status(try_build(script, "[agent dice]\nplugin = %/dice1.so\nluck = 13\n", NULL,
                            PLUGIN_BUILD_CHECK, &set, &problems),
                  TROUPE_CONFIG);
    assert_int_equal(problems.errors, 1);
    config_problems_clear(&problems);
}

static void note_freed(void *extra)
{
    *(bool *)extra = true;
}

static void frees_after_the_last_pin_only(struct script *script)
{
    struct plugin_set *set = build(script, "[agent count]\nplugin = %/counter1.so\n", NULL);
    bool freed = false;

    set->extra = &freed;
    set->free_extra = note_freed;
    plugin_set_pin(set);
    plugin_set_unpin(set);
    assert_status(co_sleep(5), TROUPE_OK);
    assert_false(freed);
    plugin_set_unpin(set);
    /* Not inside the caller, which may stand in a frame of the plugin. */
    assert_false(freed);
    assert_status(co_sleep(5), TROUPE_OK);
    assert_true(freed);
}

static void count_info(const struct plugin_info *info, void *user)
{
    struct buf *out = user;

    buf_printf(out, "%s %s %s set %llu gen %llu pins %zu calls %llu\n", info->agent, info->id,
               info->version, (unsigned long long)info->set, (unsigned long long)info->generation,
               info->pins, (unsigned long long)info->calls);
}

static void lists_every_agent_once(struct script *script)
{
    struct plugin_set *first = build(script,
                                     "[agent dice]\nplugin = %/dice1.so\n"
                                     "[agent count]\nplugin = %/counter1.so\n",
                                     NULL);
    struct plugin_set *second = build(script,
                                      "[agent dice]\nplugin = %/dice2.so\n"
                                      "[agent count]\nplugin = %/counter1.so\n",
                                      first);
    _cleanup_buf_ struct buf out = BUF_INIT;

    call(first, "count", "");
    plugin_set_pin(first);
    plugin_manager_list(script->manager, count_info, &out);
    assert_string_equal(buf_text(&out), "dice org.example.dice 2.0.0 set 2 gen 2 pins 1 calls 0\n"
                                        "count org.example.counter 1.1 set 2 gen 1 pins 3 calls 1\n"
                                        "dice org.example.dice 1.0.0 set 1 gen 1 pins 2 calls 0\n");
    plugin_set_unpin(first);
    plugin_set_unpin(first);
    plugin_set_unpin(second);
}

static size_t resident_kb(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size = 0, resident = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
    fclose(file);
    return resident * ((size_t)sysconf(_SC_PAGESIZE) / 1024);
}

static size_t count_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    size_t lines = 0;
    int c;

    assert_non_null(maps);
    while ((c = fgetc(maps)) != EOF)
        lines += c == '\n';
    fclose(maps);
    return lines;
}

/* Reloads with another build each time: what one leaves behind would add up. */
static void many_reloads_leave_nothing(struct script *script)
{
    static const char ini[] = "[agent dice]\nplugin = @/dice.so\n[agent count]\nplugin = "
                              "%/counter1.so\n";
    _cleanup_mem_ char *path = mem_printf("%s/dice.so", script->scratch.dir);
    struct plugin_set *current;
    size_t files = 0, maps = 0, memory = 0;
#if defined(LOOP_ASAN) || defined(LOOP_TSAN)
    const int cycles = 40;
#else
    const int cycles = 500;
#endif

    rename_plugin("dice1", path);
    current = build(script, ini, NULL);
    for (int i = 1; i <= cycles; i++) {
        struct plugin_set *next;

        rename_plugin(i % 2 ? "dice2" : "dice1", path);
        next = build(script, ini, current);
        assert_status(plugin_set_take_over(next, current, NULL), TROUPE_OK);
        plugin_set_unpin(current);
        current = next;
        assert_status(co_sleep(1), TROUPE_OK);
        assert_int_equal(script->manager->set_count, 1);
        assert_int_equal(script->manager->images.loaded, 2);
        assert_string_equal(call(current, "version", ""), i % 2 ? "2.0.0" : "1.0.0");
        if (i == 20) {
            files = open_files();
            maps = count_maps();
            memory = resident_kb();
        }
    }
    assert_int_equal(open_files(), files);
#if !defined(LOOP_ASAN) && !defined(LOOP_TSAN)
    assert_in_range(count_maps(), 0, maps + 2);
    assert_in_range(resident_kb(), 0, memory + 1024);
    assert_int_equal(script->manager->images.parked, 0);
#else
    (void)maps;
    (void)memory;
    assert_int_equal(script->manager->images.parked, 1);
#endif
    plugin_set_unpin(current);
}

static void a_kernel_without_landlock_is_told_once_or_refused(struct script *script)
{
    const uint64_t warned = log_count(LOG_WARN);
    struct plugin_set *first, *second;

    script->manager->sandbox = PLUGIN_SANDBOX_NO_LANDLOCK;
    refuse(script, "[plugins]\nrequire_landlock = yes\n[agent dice]\nplugin = %/dice1.so\n", NULL,
           "t.ini:2: key \"require_landlock\" in [plugins]: this kernel has no Landlock; boot one "
           "with CONFIG_SECURITY_LANDLOCK and \"landlock\" in lsm=, or set require_landlock = no");
    assert_int_equal(log_count(LOG_WARN), warned);
    first = build(script, "[agent dice]\nplugin = %/dice1.so\n", NULL);
    second = build(script, "[agent dice]\nplugin = %/dice2.so\n", first);
    assert_int_equal(log_count(LOG_WARN), warned + 1);
    plugin_set_unpin(first);
    plugin_set_unpin(second);
    script->manager->sandbox = 0;
    if (plugin_landlock_abi())
        plugin_set_unpin(
            build(script, "[plugins]\nrequire_landlock = yes\n[agent dice]\nplugin = %/dice1.so\n",
                  NULL));
}

/* While it is loaded and when its agent is made; the sentence has the plugin and what it did. */
static void hostile_builds_are_refused_and_the_old_set_serves_on(struct script *script)
{
    static const char good[] = "[agent dice]\nplugin = %/dice1.so\n";
    static const char bad[] =
        "[agent dice]\nplugin = %/dice1.so\n[agent hostile]\nplugin = @/hostile.so\n";
    _cleanup_mem_ char *path = mem_printf("%s/hostile.so", script->scratch.dir),
                       *from = plugin_path("hostile");
    size_t size, files;
    _cleanup_mem_ char *data = read_whole(from, &size);
    struct plugin_set *serving = build(script, good, NULL);

    files = open_files();
    for (size_t i = 0; i < 2 * HOSTILE_COUNT; i++) {
        const struct hostile *hostile = &hostiles[i / 2];
        struct config_problems problems = {0};
        struct plugin_set *set = NULL;
        int status;

#ifdef LOOP_SANITIZED
        if (hostile->memory)
            continue;
#endif
        script->manager->trial_ms = hostile->late ? 300 : 60000;
        assert_true(hostile_order(data, size, i % 2 ? 'l' : 'e', hostile->kind));
        write_whole(path, data, size);
        assert_status(try_build(script, bad, serving, 0, &set, &problems), TROUPE_CONFIG);
        assert_int_equal(problems.count, 1);
        if (!strstr(problems.items[0].text, "t.ini:3: plugin \"org.example.hostile\"") ||
            !strstr(problems.items[0].text, i % 2 ? "while creating an agent" : "while loading") ||
            !strstr(problems.items[0].text, hostile->cause))
            fail_msg("order \"%c\": %s", hostile->kind, problems.items[0].text);
        config_problems_clear(&problems);
        assert_non_null(call(serving, "version", ""));
        assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
        /* A sanitizer's build keeps each image that was loaded. */
        assert_int_equal(open_files(), files + script->manager->images.parked);
    }
    plugin_set_unpin(serving);
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void test_isolates_what_the_package_did_not_bring(void **state)
{
    struct scratch package;

    (void)state;
    scratch_make(&package);
    play_in(isolates_what_the_package_did_not_bring, package.dir, false);
    scratch_remove(&package);
}

#define SCRIPT(name)                                                                               \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        play(name);                                                                                \
    }

SCRIPT(builds_and_calls)
SCRIPT(finds_plugins_by_name)
SCRIPT(refuses_with_place_and_remedy)
SCRIPT(carries_over_what_is_the_same)
SCRIPT(replaced_by_rename)
SCRIPT(replaced_in_place)
SCRIPT(a_refused_reload_changes_nothing)
SCRIPT(hands_state_over)
SCRIPT(hands_state_from_process_to_process)
SCRIPT(so_many_generations_live_at_a_time)
SCRIPT(names_of_several_agents_are_kept_apart)
SCRIPT(asks_providers_by_priority)
SCRIPT(a_new_priority_counts_from_the_next_set_on)
SCRIPT(agents_come_in_the_order_of_their_needs)
SCRIPT(checks_without_creating)
SCRIPT(frees_after_the_last_pin_only)
SCRIPT(lists_every_agent_once)
SCRIPT(many_reloads_leave_nothing)
SCRIPT(a_kernel_without_landlock_is_told_once_or_refused)
SCRIPT(hostile_builds_are_refused_and_the_old_set_serves_on)

#define SCRIPT_TEST(name)                                                                          \
    {                                                                                              \
#name, test_##name, NULL, NULL, NULL                                                       \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TEST(builds_and_calls),
        SCRIPT_TEST(finds_plugins_by_name),
        SCRIPT_TEST(refuses_with_place_and_remedy),
        SCRIPT_TEST(carries_over_what_is_the_same),
        SCRIPT_TEST(replaced_by_rename),
        SCRIPT_TEST(replaced_in_place),
        SCRIPT_TEST(a_refused_reload_changes_nothing),
        SCRIPT_TEST(hands_state_over),
        SCRIPT_TEST(hands_state_from_process_to_process),
        SCRIPT_TEST(so_many_generations_live_at_a_time),
        SCRIPT_TEST(names_of_several_agents_are_kept_apart),
        SCRIPT_TEST(asks_providers_by_priority),
        SCRIPT_TEST(a_new_priority_counts_from_the_next_set_on),
        SCRIPT_TEST(agents_come_in_the_order_of_their_needs),
        SCRIPT_TEST(checks_without_creating),
        SCRIPT_TEST(frees_after_the_last_pin_only),
        SCRIPT_TEST(lists_every_agent_once),
        SCRIPT_TEST(many_reloads_leave_nothing),
        SCRIPT_TEST(a_kernel_without_landlock_is_told_once_or_refused),
        SCRIPT_TEST(hostile_builds_are_refused_and_the_old_set_serves_on),
        SCRIPT_TEST(isolates_what_the_package_did_not_bring),
    };

    return cmocka_run_group_tests_name("plugin/set", tests, NULL, NULL);
}
