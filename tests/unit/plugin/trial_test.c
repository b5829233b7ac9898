/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin_fixture.h"

#include "escape.h"
#include "plugin/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static const uint64_t kv_table[4] = {sizeof(kv_table)};

/* One trial in a coroutine of a fresh loop, from the file on. */
struct run {
    const char *plugin;
    unsigned mode, sandbox;
    uint64_t timeout_ms;
    const char *ini; /* of CREATE */
    const char *runner;
    troupe_status cancel; /* the scope is ended with it after 50 ms */
    /* results */
    troupe_status status;
    struct error err;
    struct buf log;
};

struct canceller {
    struct scope *scope;
    troupe_status why;
};

static troupe_status cancel_soon(void *arg)
{
    struct canceller *canceller = arg;

    co_sleep(50);
    scope_cancel(canceller->scope, canceller->why);
    return TROUPE_OK;
}

struct inner {
    struct pool *pool;
    const struct plugin_trial *trial;
    struct run *run;
};

static troupe_status run_inner(void *arg)
{
    struct inner *inner = arg;

    inner->run->status =
        plugin_trial_run(inner->pool, inner->trial, &inner->run->log, &inner->run->err);
    return TROUPE_OK;
}

static troupe_status run_coroutine(void *arg)
{
    struct run *run = arg;
    _cleanup_mem_ char *path = plugin_path(run->plugin), *runner = runner_path();
    struct plugin_images images;
    struct plugin_registry registry = {.items = {{"troupe.kv/1", kv_table}}, .count = 1};
    struct plugin_trial trial = {.runner = run->runner ? run->runner : runner,
                                 .mode = run->mode,
                                 .registry = &registry,
                                 .agent = "tried",
                                 .timeout_ms = run->timeout_ms,
                                 .sandbox = run->sandbox};
    struct plugin_image *image = NULL;
    struct plugin_values values = {0};
    struct config_problems problems = {0};
    struct config_raw *raw = NULL;
    struct config *config = NULL;
    struct scope scope;
    struct canceller canceller = {&scope, run->cancel};
    struct inner inner = {.trial = &trial, .run = run};

    plugin_images_init(&images);
    assert_status(plugin_image_open(&images, path, &image, &run->err), TROUPE_OK);
    if (run->mode == PLUGIN_TRIAL_CREATE) {
        struct config_schema schema = {.kind = "agent", .name = "tried", .flags = CONFIG_NAMED};

        /* Only of plugins that harm nobody by being loaded. */
        assert_status(plugin_image_load(image, &registry, &run->err), TROUPE_OK);
        schema.keys = image->manifest->schema;
        schema.count = image->manifest->key_count;
        assert_status(config_parse_text("t.ini", run->ini, strlen(run->ini), &raw, &problems),
                      TROUPE_OK);
        assert_status(config_check(raw, &schema, 1, 0, &config, &problems), TROUPE_OK);
        plugin_values_read(&values, image->manifest, config_section(config, "agent", "tried"));
        trial.values = &values;
    }
    trial.image = image;
    assert_status(pool_new(loop_current(), 1, 8, &inner.pool, &run->err), TROUPE_OK);
    scope_open(&scope, 0);
    assert_status(co_spawn(&scope, &(struct co_owner){"trial", 0}, run_inner, &inner), TROUPE_OK);
    if (run->cancel) {
        SCOPE(outside, 0);
        assert_status(co_spawn(&outside, &(struct co_owner){"cancel", 0}, cancel_soon, &canceller),
                      TROUPE_OK);
    }
    scope_close(&scope);
    pool_free(inner.pool);
    plugin_values_clear(&values);
    config_problems_clear(&problems);
    config_unref(config);
    config_raw_free(raw);
    plugin_image_unref(image);
    plugin_images_clear(&images);
    return TROUPE_OK;
}

static void run_trial(struct run *run)
{
    struct loop *loop = fixture_new(NULL);
    size_t before;
    int status;

    before = open_files();
    fixture_run(loop, run_coroutine, run);
    loop_step(loop, 0);
    assert_int_equal(open_files(), before);
    /* Nothing was left to reap. */
    assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    fixture_free(loop);
}

static void refuse(const char *plugin, unsigned mode, troupe_status want, const char *sentence)
{
    struct run run = {.plugin = plugin,
                      .mode = mode,
                      .timeout_ms = want == TROUPE_DEADLINE ? 300 : 60000,
                      .ini = "[agent tried]\n"};

    run_trial(&run);
    assert_status(run.status, want);
    assert_sentence(run.err, sentence);
    buf_clear(&run.log);
}

static void a_good_plugin_passes_both_forms(void **state)
{
    struct run load = {.plugin = "dice1", .timeout_ms = 60000};
    struct run create = {.plugin = "dice1",
                         .timeout_ms = 60000,
                         .mode = PLUGIN_TRIAL_CREATE,
                         .ini = "[agent tried]\n"};

    (void)state;
    run_trial(&load);
    if (load.status < 0)
        fail_msg("%s", load.err.text);
    run_trial(&create);
    if (create.status < 0)
        fail_msg("%s", create.err.text);
}

static void a_crashing_constructor_is_named_with_its_signal(void **state)
{
    (void)state;
    refuse("crash_early", PLUGIN_TRIAL_LOAD, TROUPE_CRASHED,
           "plugin \"org.example.crash\" crashed while loading (signal SEGV); nothing was changed, "
           "install another build of it");
}

static void a_spinning_constructor_is_ended(void **state)
{
    (void)state;
    refuse("spin_early", PLUGIN_TRIAL_LOAD, TROUPE_DEADLINE,
           "plugin \"org.example.spin\" did not finish within 0.3 s while loading; nothing was "
           "changed, install another build of it");
}

static void a_leaving_constructor_is_named(void **state)
{
    (void)state;
    refuse("exit_early", PLUGIN_TRIAL_LOAD, TROUPE_CRASHED,
           "plugin \"org.example.exit\" ended its process while loading (status 3); nothing was "
           "changed, install another build of it");
}

/* It would run before the tight filter. */
static void code_that_runs_before_constructors_is_refused(void **state)
{
    (void)state;
    refuse("indirect", PLUGIN_TRIAL_LOAD, TROUPE_DATA,
           "plugin \"org.example.indirect\" has an indirect function, which runs before it can be "
           "watched; build it without ifunc and target_clones");
}

static void create_may_crash_or_hang(void **state)
{
    (void)state;
    refuse(
        "crash_late", PLUGIN_TRIAL_CREATE, TROUPE_CRASHED,
        "plugin \"org.example.crashlate\" crashed while creating an agent (signal ABRT); nothing "
        "was changed, install another build of it");
    refuse("spin_late", PLUGIN_TRIAL_CREATE, TROUPE_DEADLINE,
           "plugin \"org.example.spinlate\" did not finish within 0.3 s while creating an agent; "
           "nothing was changed, install another build of it");
}

static void a_bad_declaration_is_told(void **state)
{
    (void)state;
    refuse(
        "bad", PLUGIN_TRIAL_LOAD, TROUPE_DATA,
        "plugin \"org.example.bad\": function \"lift\": parameter \"weight\": its default is not "
        "a whole number from 1 to 10; correct the declaration and build it again");
}

static void a_failing_create_says_why(void **state)
{
    struct run run = {.plugin = "dice1",
                      .mode = PLUGIN_TRIAL_CREATE,
                      .timeout_ms = 60000,
                      .ini = "[agent tried]\nluck = 13\n"};

    (void)state;
    run_trial(&run);
    assert_status(run.status, TROUPE_CONFIG);
    assert_sentence(run.err,
                    "agent \"tried\": plugin \"org.example.dice\" 1.0.0 cannot start: a luck "
                    "of 13 cannot be; choose another number");
    assert_string_equal(buf_text(&run.log), "looking at the luck\n"
                                            "a luck of 13 cannot be; choose another number\n"
                                            "giving up\n");
    buf_clear(&run.log);
}

/* Three standard descriptors and the result; what was read is closed. */
static void the_runner_is_bare(void **state)
{
    struct run run = {.plugin = "probe",
                      .mode = PLUGIN_TRIAL_CREATE,
                      .timeout_ms = 60000,
                      .ini = "[agent tried]\nkey = top-secret\nmotto = hello there\n"};

    (void)state;
    assert_int_equal(setenv("TROUPE_TEST_SECRET", "visible?", 1), 0);
    run_trial(&run);
    if (run.status < 0)
        fail_msg("%s", run.err.text);
    assert_string_equal(buf_text(&run.log), "agent tried\n"
                                            "files 4\n"
                                            "variables 0\n"
                                            "secret -6\n"
                                            "motto hello there\n"
                                            "core 0\n"
                                            "kv 1\n");
    buf_clear(&run.log);
}

/* The same ways out as tests/unit/plugin/sandbox_test.c, by a real plugin in a real trial. */
static void constructors_and_create_do_not_get_out(void **state)
{
    (void)state;
    for (unsigned sandbox = 0; sandbox <= PLUGIN_SANDBOX_NO_LANDLOCK; sandbox++) {
        struct run run = {.plugin = "escape",
                          .mode = PLUGIN_TRIAL_CREATE,
                          .sandbox = sandbox,
                          .timeout_ms = 60000,
                          .ini = "[agent tried]\n"};

        run_trial(&run);
        if (run.status < 0)
            fail_msg("%s", run.err.text);
        assert_string_equal(buf_text(&run.log), "early all none\n"
                                                "late all none\n"
                                                "at least 60: yes\n");
        buf_clear(&run.log);
    }
}

static void what_no_plugin_may_ends_the_trial(void **state)
{
    (void)state;
    for (size_t i = 0; i < escape_count; i++) {
        _cleanup_mem_ char *ini = mem_printf("[agent tried]\nway = %zu\n", i);
        struct run run = {
            .plugin = "escape", .mode = PLUGIN_TRIAL_CREATE, .timeout_ms = 60000, .ini = ini};

        if (!(escapes[i].flags & ESCAPE_FATAL))
            continue;
        run_trial(&run);
        if (run.status != TROUPE_DENIED)
            fail_msg("\"%s\": %s %s", escapes[i].name, run.err.text, buf_text(&run.log));
        assert_sentence(run.err,
                        "plugin \"org.example.escape\" was ended while creating an agent: it asked "
                        "the system for what no plugin may, like running a program; nothing was "
                        "changed, install another build of it");
        buf_clear(&run.log);
    }
}

static void cancelling_ends_the_child(void **state)
{
    struct run run = {.plugin = "spin_early", .timeout_ms = 60000, .cancel = TROUPE_CANCELED};

    (void)state;
    run_trial(&run);
    assert_status(run.status, TROUPE_CANCELED);
    assert_sentence(run.err, "the trial of plugin \"org.example.spin\" was given up");
    buf_clear(&run.log);
}

/* Everything that could make a second trial end otherwise is in the key. */
static void a_trial_is_known_by_bytes_form_agent_and_config(void **state)
{
    struct plugin_image image = {.build_id = "0123", .size = 5, .note = {.id = "org.example.x"}};
    struct plugin_image other = {.build_id = "0124", .size = 5, .note = {.id = "org.example.x"}};
    struct plugin_registry registry = {.items = {{"troupe.kv/1", kv_table}}, .count = 1},
                           none = {.count = 0};
    struct plugin_value luck = {.name = (char *)(uintptr_t) "luck", .set = true};
    struct plugin_values values = {&luck, 1};
    struct plugin_trial trials[] = {
        {.mode = PLUGIN_TRIAL_LOAD, .image = &image, .registry = &registry},
        {.mode = PLUGIN_TRIAL_LOAD, .image = &other, .registry = &registry},
        {.mode = PLUGIN_TRIAL_LOAD, .image = &image, .registry = &none},
        {.mode = PLUGIN_TRIAL_CREATE,
         .image = &image,
         .registry = &registry,
         .agent = "a",
         .values = &values},
        {.mode = PLUGIN_TRIAL_CREATE,
         .image = &image,
         .registry = &registry,
         .agent = "b",
         .values = &values},
        {.mode = PLUGIN_TRIAL_CREATE,
         .image = &image,
         .registry = &registry,
         .agent = "a",
         .values = &values},
    };
    char keys[6][PLUGIN_BUILD_ID_LEN + 1], again[PLUGIN_BUILD_ID_LEN + 1];

    (void)state;
    luck.value.type = TROUPE_TYPE_INT;
    for (size_t i = 0; i < 6; i++) {
        luck.value.u.i = i == 5 ? 8 : 7;
        plugin_trial_key(&trials[i], keys[i]);
        plugin_trial_key(&trials[i], again);
        assert_string_equal(keys[i], again);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(keys[i], keys[k]);
    }
}

static void the_last_passed_trials_are_known(void **state)
{
    struct plugin_trials *trials = mem_zero(1, sizeof(*trials));
    char key[16];

    (void)state;
    assert_false(plugin_trials_hold(trials, "k0"));
    for (int i = 0; i <= PLUGIN_TRIALS_KEPT; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        plugin_trials_keep(trials, key);
        assert_true(plugin_trials_hold(trials, key));
    }
    assert_false(plugin_trials_hold(trials, "k0"));
    assert_true(plugin_trials_hold(trials, "k1"));
    mem_free(trials);
}

static void a_missing_runner_is_named(void **state)
{
    struct run run = {.plugin = "dice1", .runner = "/nowhere/troupe-runner"};
    _cleanup_mem_ char *here = runner_path();
    char *found = NULL;
    struct error err = {0};

    (void)state;
    run_trial(&run);
    assert_status(run.status, TROUPE_NOT_FOUND);
    assert_sentence(run.err,
                    "the runner \"/nowhere/troupe-runner\" cannot be started: No such file or "
                    "directory; install the whole package or name its place");
    assert_status(plugin_runner_find("/nowhere/troupe-runner", &found, &err), TROUPE_NOT_FOUND);
    assert_sentence(err,
                    "the runner for trials is not at \"/nowhere/troupe-runner\": No such file or "
                    "directory; install the whole package or name its place");
    assert_status(plugin_runner_find(here, &found, &err), TROUPE_OK);
    assert_string_equal(found, here);
    mem_free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_plugin_passes_both_forms),
        cmocka_unit_test(a_crashing_constructor_is_named_with_its_signal),
        cmocka_unit_test(a_spinning_constructor_is_ended),
        cmocka_unit_test(a_leaving_constructor_is_named),
        cmocka_unit_test(code_that_runs_before_constructors_is_refused),
        cmocka_unit_test(create_may_crash_or_hang),
        cmocka_unit_test(a_bad_declaration_is_told),
        cmocka_unit_test(a_failing_create_says_why),
        cmocka_unit_test(the_runner_is_bare),
        cmocka_unit_test(constructors_and_create_do_not_get_out),
        cmocka_unit_test(what_no_plugin_may_ends_the_trial),
        cmocka_unit_test(cancelling_ends_the_child),
        cmocka_unit_test(a_missing_runner_is_named),
        cmocka_unit_test(a_trial_is_known_by_bytes_form_agent_and_config),
        cmocka_unit_test(the_last_passed_trials_are_known),
    };

    return cmocka_run_group_tests_name("plugin/trial", tests, NULL, NULL);
}
