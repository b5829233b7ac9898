/* SPDX-License-Identifier: Apache-2.0
 *
 * Declarations are constant data, so each defect is a table written down here.
 */
#include "plugin_fixture.h"

#include <math.h>
#include <troupe/troupe.h>

TROUPE_FUNCTION(wave, "Wave", TROUPE_SLASH, TROUPE_INT(times, "How often", .min = 1, .def = 1))
static troupe_status wave(troupe_turn *turn, int64_t times)
{
    (void)turn;
    return times > 0 ? TROUPE_OK : TROUPE_FAILED;
}

static const uint32_t kv_table[2] = {sizeof(kv_table), 0};
static struct plugin_registry registry = {.items = {{"troupe.kv/1", kv_table}}, .count = 1};

#define BASE                                                                                       \
    .size = sizeof(troupe_plugin), .id = "org.example.test", .version = "1.0.0", .doc = "A test",  \
    .functions = TROUPE_LIST(wave)

static troupe_status read_table(const troupe_plugin *table, struct plugin_manifest **ret,
                                struct error *err)
{
    struct plugin_note note = {.abi_major = 1, .id = "org.example.test", .version = "1.0.0"};

    return plugin_manifest_read(table, &note, &registry, ret, err);
}

static void refuse_as(const troupe_plugin *table, troupe_status want, const char *sentence)
{
    struct plugin_manifest *manifest = NULL;
    struct error err = {0};

    assert_status(read_table(table, &manifest, &err), want);
    assert_sentence(err, sentence);
    assert_null(manifest);
}

/* Most defects end in the same words. */
static void refuse(const troupe_plugin *table, const char *what)
{
    _cleanup_mem_ char *sentence = mem_printf(
        "plugin \"org.example.test\": %s; correct the declaration and build it again", what);

    refuse_as(table, TROUPE_DATA, sentence);
}

static void reads_what_is_right(void **state)
{
    const troupe_plugin table = {BASE, .needs = "troupe.kv/1",
                                 .capabilities = "kv  call:llm.chat http:*.example.org",
                                 .migrations = TROUPE_MIGRATIONS({1, 0, "start", "CREATE", NULL},
                                                                 {2, 0, "more", "ALTER", NULL})};
    struct plugin_manifest *manifest = NULL;
    struct error err = {0};

    (void)state;
    if (read_table(&table, &manifest, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(manifest->function_count, 1);
    assert_non_null(plugin_manifest_function(manifest, "wave"));
    assert_null(plugin_manifest_function(manifest, "waves"));
    assert_int_equal(manifest->migration_count, 2);
    assert_string_equal(manifest->migrations[1].sql, "ALTER");
    assert_true(plugin_manifest_can(manifest, "kv"));
    assert_true(plugin_manifest_can(manifest, "call:llm.chat"));
    assert_false(plugin_manifest_can(manifest, "call:llm"));
    assert_false(plugin_manifest_can(manifest, "sql"));
    assert_true(plugin_manifest_can(manifest, "http:api.example.org"));
    assert_false(plugin_manifest_can(manifest, "http:example.org"));
    assert_false(plugin_manifest_can(manifest, "http:badexample.org"));
    plugin_manifest_free(manifest);
}

/* A list of an older minor's headers has shorter elements, without a way back. */
static void a_way_back_is_read_where_the_list_has_one(void **state)
{
    const troupe_array empty = TROUPE_MIGRATIONS({1, 0, "start", "CREATE", ""});
    static const struct {
        uint32_t version, reserved;
        const char *name, *sql;
    } old[] = {{1, 0, "start", "CREATE"}, {2, 0, "more", "ALTER"}};
    troupe_plugin table = {BASE, .migrations = TROUPE_MIGRATIONS({1, 0, "start", "CREATE", "DROP"},
                                                                 {2, 0, "more", "ALTER", NULL})};
    struct plugin_manifest *manifest = NULL;
    struct error err = {0};

    (void)state;
    if (read_table(&table, &manifest, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(manifest->migrations[0].back, "DROP");
    assert_null(manifest->migrations[1].back);
    plugin_manifest_free(manifest);
    table.migrations = (troupe_array){old, 2, sizeof(old[0])};
    if (read_table(&table, &manifest, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(manifest->migrations[1].sql, "ALTER");
    assert_null(manifest->migrations[0].back);
    assert_null(manifest->migrations[1].back);
    plugin_manifest_free(manifest);
    table.migrations = empty;
    refuse(&table, "the way back of migration 1 needs SQL of at most 1 MB, or is NULL");
}

/* A plugin of a newer minor has a longer table; the rest is not looked at. */
static void reads_a_longer_table(void **state)
{
    struct {
        troupe_plugin plugin;
        void *later[4];
    } table = {.plugin = {BASE}};
    struct plugin_manifest *manifest = NULL;
    struct error err = {0};

    (void)state;
    table.plugin.size = sizeof(table);
    assert_status(read_table(&table.plugin, &manifest, &err), TROUPE_OK);
    plugin_manifest_free(manifest);
}

static troupe_status some_job(troupe_turn *turn, troupe_str payload)
{
    (void)turn;
    (void)payload;
    return TROUPE_OK;
}

/* A plugin of an older minor ends before it. */
static void a_job_is_read_where_the_table_has_one(void **state)
{
    troupe_plugin table = {BASE};
    struct plugin_manifest *manifest = NULL;
    struct error err = {0};

    (void)state;
    table.job = some_job;
    assert_status(read_table(&table, &manifest, &err), TROUPE_OK);
    assert_ptr_equal(manifest->job, some_job);
    plugin_manifest_free(manifest);
    table.size = offsetof(troupe_plugin, job);
    assert_status(read_table(&table, &manifest, &err), TROUPE_OK);
    assert_null(manifest->job);
    plugin_manifest_free(manifest);
}

static void reads_what_is_kept_about_members(void **state)
{
    troupe_plugin table = {
        BASE, .capabilities = "sql kv",
        .user_data = TROUPE_USER_DATA(TROUPE_USER_TABLE("vote", "Your votes"),
                                      TROUPE_USER_TABLE("letter", "Letters", .member = "author",
                                                        .flags = TROUPE_USER_ANONYMISE),
                                      TROUPE_USER_KEY("best/{member}", "Your best"))};
    struct plugin_manifest *manifest = NULL;
    struct error err = {0};

    (void)state;
    assert_status(read_table(&table, &manifest, &err), TROUPE_OK);
    assert_int_equal(manifest->user_data_count, 3);
    assert_string_equal(manifest->user_data[0].member, "member");
    assert_string_equal(manifest->user_data[1].member, "author");
    assert_int_equal(manifest->user_data[1].flags, TROUPE_USER_ANONYMISE);
    assert_int_equal(manifest->user_data[2].kind, TROUPE_USER_IS_KEY);
    plugin_manifest_free(manifest);
    table.size = offsetof(troupe_plugin, user_data); /* of an older minor */
    assert_status(read_table(&table, &manifest, &err), TROUPE_OK);
    assert_int_equal(manifest->user_data_count, 0);
    plugin_manifest_free(manifest);
}

#define LINE(...)                                                                                  \
    (&(const troupe_plugin){BASE, .capabilities = "sql kv",                                        \
                            .user_data = TROUPE_USER_DATA(__VA_ARGS__)})

static void refuses_what_cannot_be_found_for_a_member(void **state)
{
    (void)state;
    refuse(LINE(TROUPE_USER_TABLE("Vote; --", "x")),
           "line 1 of its user_data names no table and column in small letters, digits and _");
    refuse(LINE(TROUPE_USER_TABLE("vote", "x", .member = "a b")),
           "line 1 of its user_data names no table and column in small letters, digits and _");
    refuse(LINE(TROUPE_USER_TABLE("vote", "x", .age = "at_ms")),
           "line 1 of its user_data wants the column of the age and 1 to 3,650 days together, of a "
           "table");
    refuse(LINE(TROUPE_USER_KEY("best/{member}", "x", .age = "at_ms", .keep_days = 3)),
           "line 1 of its user_data wants the column of the age and 1 to 3,650 days together, of a "
           "table");
    refuse(LINE(TROUPE_USER_KEY("best", "x")),
           "line 1 of its user_data names no key with {member} in it");
    refuse(LINE(TROUPE_USER_TABLE("vote", "")),
           "line 1 of its user_data needs a doc of one line and at most 200 bytes");
    refuse(LINE(TROUPE_USER_TABLE("vote", "x"), TROUPE_USER_NOTHING("no more")),
           "line 2 of its user_data says nothing beside others");
    refuse(
        &(const troupe_plugin){BASE, .user_data = TROUPE_USER_DATA(TROUPE_USER_TABLE("vote", "x"))},
        "line 1 of its user_data names a table, and there are no migrations and no capability "
        "\"sql\"");
}

#define METRIC(...) (&(const troupe_plugin){BASE, .metrics = TROUPE_METRICS(__VA_ARGS__)})

static void reads_figures_and_refuses_what_cannot_be_shown(void **state)
{
    const troupe_plugin *table = METRIC(TROUPE_COUNTER("votes", "Votes", .labels = "choice|how"),
                                        TROUPE_HISTOGRAM("wait", "Wait", "0.5|1|10"));
    struct plugin_manifest *manifest = NULL;
    struct error err = {0};

    (void)state;
    assert_status(read_table(table, &manifest, &err), TROUPE_OK);
    assert_int_equal(manifest->metric_count, 2);
    assert_int_equal(manifest->metrics[0].label_count, 2);
    assert_string_equal(manifest->metrics[0].labels[1], "how");
    assert_int_equal(manifest->metrics[1].bucket_count, 3);
    assert_true(manifest->metrics[1].buckets[0] < 0.6);
    plugin_manifest_free(manifest);
    refuse(METRIC(TROUPE_COUNTER("Votes", "x")),
           "metric 1 has a name that is not [a-z][a-z0-9_]*, at most 48");
    refuse(METRIC(TROUPE_GAUGE("a", "x"), TROUPE_COUNTER("a", "x")),
           "metric 2 has the name of another one");
    refuse(METRIC(TROUPE_GAUGE("a", "x", .labels = "a|b|c")),
           "metric 1 has labels that are not one or two names with | between");
    refuse(METRIC(TROUPE_GAUGE("a", "x", .labels = "le")),
           "metric 1 has labels that are not one or two names with | between");
    refuse(METRIC(TROUPE_HISTOGRAM("a", "x", "1|1")),
           "metric 1 needs 1 to 16 ascending bounds with | between if it is a histogram, and else "
           "none");
    refuse(METRIC(TROUPE_COUNTER("a", "x", .buckets = "1")),
           "metric 1 needs 1 to 16 ascending bounds with | between if it is a histogram, and else "
           "none");
    refuse(METRIC(TROUPE_GAUGE("a", "")), "metric 1 needs a doc of one line and at most 200 bytes");
}

static void walks_by_the_stride_of_the_plugin(void **state)
{
    struct longer {
        troupe_param param;
        uint64_t later[2];
    };
    static const struct longer params[] = {
        {.param = {.name = "one",
                   .doc = "One",
                   .min = -INFINITY,
                   .max = INFINITY,
                   .def = NAN,
                   .type = TROUPE_TYPE_INT},
         .later = {~0ull, ~0ull}},
        {.param = {.name = "two",
                   .doc = "Two",
                   .min = -INFINITY,
                   .max = INFINITY,
                   .def = NAN,
                   .type = TROUPE_TYPE_STRING},
         .later = {~0ull, ~0ull}},
    };
    const troupe_function function = {.size = sizeof(function),
                                      .name = "far",
                                      .doc = "Far",
                                      .params = {params, 2, sizeof(struct longer)},
                                      .fn = (troupe_fn)(uintptr_t)wave};
    struct plugin_function read = {0};

    (void)state;
    assert_status(plugin_function_read(&function, "org.example.test", &read, NULL), TROUPE_OK);
    assert_int_equal(read.param_count, 2);
    assert_string_equal(read.params[1].name, "two");
    plugin_function_clear(&read);
}

static void an_entry_of_menus_has_its_own_name_or_the_functions(void **state)
{
    static const troupe_param params[] = {{.name = "text",
                                           .doc = "Text",
                                           .min = -INFINITY,
                                           .max = INFINITY,
                                           .def = NAN,
                                           .type = TROUPE_TYPE_STRING}};
    troupe_function function = {.size = sizeof(function),
                                .flags = TROUPE_MENU_MESSAGE,
                                .name = "save_this-quote",
                                .doc = "Saves",
                                .params = {params, 1, sizeof(params[0])},
                                .fn = (troupe_fn)(uintptr_t)wave,
                                .menu = "Keep it"};
    struct plugin_function read = {0};

    (void)state;
    assert_status(plugin_function_read(&function, "org.example.test", &read, NULL), TROUPE_OK);
    assert_string_equal(read.menu, "Keep it");
    plugin_function_clear(&read);
    read = (struct plugin_function){0};
    function.size = offsetof(troupe_function, menu); /* built before there was one */
    assert_status(plugin_function_read(&function, "org.example.test", &read, NULL), TROUPE_OK);
    assert_string_equal(read.menu, "Save this quote");
    plugin_function_clear(&read);
    read = (struct plugin_function){0};
    function.flags = TROUPE_TOOL;
    assert_status(plugin_function_read(&function, "org.example.test", &read, NULL), TROUPE_OK);
    assert_null(read.menu);
    plugin_function_clear(&read);
}

static void refuses_a_broken_head(void **state)
{
    troupe_plugin table = {BASE};

    (void)state;
    refuse(NULL, "troupe_plugin_v1() returned no table");
    table.size = 16;
    refuse_as(&table, TROUPE_VERSION,
              "plugin \"org.example.test\" has a table of 16 bytes, this host's ABI 1.6 needs 144; "
              "build it with the headers of an SDK for ABI 1");
    table = (troupe_plugin){BASE};
    table.version = "1.0.1";
    refuse(&table, "its table and its note name different ids or versions");
    table = (troupe_plugin){BASE};
    table.doc = "two\nlines";
    refuse(&table, "it needs a doc of one line of UTF-8");
    table = (troupe_plugin){BASE};
    table.functions = (troupe_array){NULL, 0, 0};
    refuse(&table, "it has no stage, no observer, no function and no job");
    table.functions = (troupe_array){NULL, 3, 8};
    refuse(&table, "its list of functions is broken");
    table.functions = (troupe_array){&table, 129, 8};
    refuse_as(&table, TROUPE_LIMIT,
              "plugin \"org.example.test\" has 129 functions, at most 128 are possible");
}

static void refuses_needs_and_capabilities_it_does_not_know(void **state)
{
    troupe_plugin table = {BASE};

    (void)state;
    table.needs = "troupe.kv/1 troupe.kv/2";
    refuse_as(&table, TROUPE_VERSION,
              "plugin \"org.example.test\" needs \"troupe.kv/2\", which this host does not have; "
              "install a newer host or an older build of the plugin");
    table.needs = "kv";
    refuse(&table, "\"kv\" in its needs is no \"troupe.NAME/REVISION\"");
    table.needs = NULL;
    table.capabilities = "kvv";
    refuse(&table, "capability \"kvv\" is unknown to this host, did you mean \"kv\"");
    table.capabilities = "astrology";
    refuse(&table, "capability \"astrology\" is unknown to this host");
    table.capabilities = "http:";
    refuse(&table, "capability \"http:\" names nothing after its colon");
    table.capabilities = "http:a/b";
    refuse(&table, "capability \"http:a/b\" names nothing after its colon");
}

static troupe_status look(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

static void reads_and_refuses_events_of_observers(void **state)
{
    static const struct {
        const char *events;
        uint32_t want;
    } good[] = {
        {NULL, 0},
        {"", 0},
        {"seen:message", PLUGIN_EVENT_SEEN_MESSAGE},
        {" owed:message ", PLUGIN_EVENT_OWED_MESSAGE},
    };
    troupe_plugin table = {BASE};

    (void)state;
    table.observe = look;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct plugin_manifest *manifest;

        table.events = good[i].events;
        assert_status(read_table(&table, &manifest, NULL), TROUPE_OK);
        assert_int_equal(manifest->events, good[i].want);
        plugin_manifest_free(manifest);
    }
    table.events = "seen:mesage";
    refuse(&table, "event \"seen:mesage\" is unknown to this host, did you mean \"seen:message\"");
    table.events = "reaction";
    refuse(&table, "event \"reaction\" is unknown to this host");
    table.events = "seen:message owed:message";
    refuse(&table, "its events name \"message\" twice");
    table.events = "seen:message";
    table.observe = NULL;
    refuse(&table, "it names events and has no observer");
    table.size = offsetof(troupe_plugin, events); /* built before there were any */
    {
        struct plugin_manifest *manifest;

        assert_status(read_table(&table, &manifest, NULL), TROUPE_OK);
        assert_int_equal(manifest->events, 0);
        plugin_manifest_free(manifest);
    }
}

static const void *state_of_none(const char *id)
{
    static const troupe_state_v1 none = {.size = sizeof(none)};

    return strcmp(id, "troupe.state/1") == 0 ? &none : NULL;
}

static void refuses_what_cannot_be_handed_over(void **state)
{
    troupe_plugin table = {BASE, .state_version = 1, .state_oldest = 1};

    (void)state;
    refuse(&table, "it declares a state version but no \"troupe.state/1\"");
    table.state_version = 0;
    table.state_flags = TROUPE_STATE_EXCLUSIVE;
    refuse(&table, "it declares state_flags but no \"troupe.state/1\"");
    table.get_extension = state_of_none;
    refuse(&table, "its \"troupe.state/1\" is incomplete");
}

static troupe_status no_save(void *state, void *stream,
                             troupe_status (*io)(void *stream, const void *data, uint64_t len))
{
    (void)state;
    return io(stream, "", 0);
}

static troupe_status no_load(void *state, uint32_t written_version, void *stream,
                             troupe_status (*io)(void *stream, void *data, uint64_t len))
{
    (void)state;
    (void)written_version;
    (void)stream;
    (void)io;
    return TROUPE_OK;
}

static const void *some_state(const char *id)
{
    static const troupe_state_v1 some = {.size = sizeof(some), .save = no_save, .load = no_load};

    return strcmp(id, "troupe.state/1") == 0 ? &some : NULL;
}

static void reads_how_state_is_handed_over(void **state)
{
    troupe_plugin table = {BASE, .state_version = 2, .state_oldest = 1,
                           .state_flags = TROUPE_STATE_EXCLUSIVE, .get_extension = some_state};
    struct plugin_manifest *manifest;

    (void)state;
    assert_status(read_table(&table, &manifest, NULL), TROUPE_OK);
    assert_int_equal(manifest->state_flags, TROUPE_STATE_EXCLUSIVE);
    plugin_manifest_free(manifest);
    table.state_flags = 6;
    refuse(&table, "its state_flags are 0x6; TROUPE_STATE_EXCLUSIVE alone is known");
    table.size = offsetof(troupe_plugin, state_flags); /* built before there were any */
    assert_status(read_table(&table, &manifest, NULL), TROUPE_OK);
    assert_int_equal(manifest->state_flags, 0);
    plugin_manifest_free(manifest);
}

static void refuses_migrations_with_a_gap(void **state)
{
    troupe_plugin table = {BASE};
    const troupe_migration gap[] = {{1, 0, "one", "X", NULL}, {3, 0, "three", "X", NULL}};
    const troupe_migration empty[] = {{1, 0, "one", "", NULL}};

    (void)state;
    table.migrations = (troupe_array){gap, 2, sizeof(gap[0])};
    refuse(&table, "migration 3 stands where version 2 is expected");
    table.migrations = (troupe_array){empty, 1, sizeof(empty[0])};
    refuse(&table, "migration 1 needs a name and SQL of at most 1 MB");
}

/* ---- functions ----------------------------------------------------------------------------- */

#define PARAM_DEFAULTS .doc = "p", .min = -INFINITY, .max = INFINITY, .def = NAN

static void refuse_param(const troupe_param *params, uint32_t count, const char *what)
{
    const troupe_function function = {.size = sizeof(function),
                                      .flags = TROUPE_SLASH,
                                      .name = "f",
                                      .doc = "F",
                                      .params = {params, count, sizeof(*params)},
                                      .fn = (troupe_fn)(uintptr_t)wave};
    const troupe_function *const list[] = {&function};
    troupe_plugin table = {BASE};
    _cleanup_mem_ char *full = mem_printf("function \"f\": %s", what);

    table.functions = (troupe_array){list, 1, sizeof(list[0])};
    refuse(&table, full);
}

static void refuses_bad_parameters(void **state)
{
    static const struct {
        troupe_param param;
        const char *what;
    } cases[] = {
        {{.name = "Big", PARAM_DEFAULTS, .type = TROUPE_TYPE_INT},
         "a parameter's name must be [a-z][a-z0-9_]*, at most 32 characters"},
        {{.name = NULL, PARAM_DEFAULTS, .type = TROUPE_TYPE_INT},
         "a parameter's name must be [a-z][a-z0-9_]*, at most 32 characters"},
        {{.name = "p", .type = TROUPE_TYPE_INT}, "parameter \"p\": it has no doc"},
        {{.name = "p", PARAM_DEFAULTS, .type = 99},
         "parameter \"p\": its type 99 is unknown to this host"},
        {{.name = "p", .doc = "p", .min = 5, .max = 1, .def = NAN, .type = TROUPE_TYPE_INT},
         "parameter \"p\": its minimum is above its maximum"},
        {{.name = "p", .doc = "p", .min = 0.5, .max = 2, .def = NAN, .type = TROUPE_TYPE_INT},
         "parameter \"p\": its range must be whole numbers within 2^53"},
        {{.name = "p", .doc = "p", .min = 0, .max = 1e18, .def = NAN, .type = TROUPE_TYPE_INT},
         "parameter \"p\": its range must be whole numbers within 2^53"},
        {{.name = "p", .doc = "p", .min = 0, .max = 1, .def = NAN, .type = TROUPE_TYPE_BOOL},
         "parameter \"p\": its type takes no range"},
        {{.name = "p", .doc = "p", .min = 1, .max = 10, .def = 11, .type = TROUPE_TYPE_INT},
         "parameter \"p\": its default is not a whole number from 1 to 10"},
        {{.name = "p", .doc = "p", .min = 1, .max = 10, .def = 1.5, .type = TROUPE_TYPE_INT},
         "parameter \"p\": its default is no whole number"},
        {{.name = "p",
          .doc = "p",
          .min = -INFINITY,
          .max = INFINITY,
          .def = 2,
          .type = TROUPE_TYPE_BOOL},
         "parameter \"p\": its default is not yes or no"},
        {{.name = "p",
          .doc = "p",
          .min = -INFINITY,
          .max = INFINITY,
          .def = 7,
          .type = TROUPE_TYPE_MEMBER},
         "parameter \"p\": an id has no default"},
        {{.name = "p", PARAM_DEFAULTS, .choices = "a|b", .type = TROUPE_TYPE_INT},
         "parameter \"p\": only a string or a file has choices"},
        {{.name = "p", PARAM_DEFAULTS, .choices = "text|sound", .type = TROUPE_TYPE_ATTACHMENT},
         "parameter \"p\": a file's choices are \"text\", \"picture\" or both with | between"},
        {{.name = "p",
          .doc = "p",
          .min = -INFINITY,
          .max = 0,
          .def = NAN,
          .type = TROUPE_TYPE_ATTACHMENT},
         "parameter \"p\": its maximum must be whole and in 1 to 67108864 bytes"},
        {{.name = "p", PARAM_DEFAULTS, .choices = "a||b", .type = TROUPE_TYPE_STRING},
         "parameter \"p\": it has an empty choice"},
        {{.name = "p", PARAM_DEFAULTS, .choices = "a|b|a", .type = TROUPE_TYPE_STRING},
         "parameter \"p\": it has the choice \"a\" twice"},
        {{.name = "p",
          PARAM_DEFAULTS,
          .choices = "a|b",
          .def_text = "c",
          .type = TROUPE_TYPE_STRING},
         "parameter \"p\": its default is not a or b"},
        {{.name = "p", PARAM_DEFAULTS, .def_text = "1", .type = TROUPE_TYPE_INT},
         "parameter \"p\": its type takes no .def_text"},
        {{.name = "p",
          .doc = "p",
          .min = -INFINITY,
          .max = INFINITY,
          .def = 1,
          .type = TROUPE_TYPE_STRING},
         "parameter \"p\": a default of text is written .def_text"},
    };
    const troupe_param twice[] = {{.name = "p", PARAM_DEFAULTS, .type = TROUPE_TYPE_INT},
                                  {.name = "p", PARAM_DEFAULTS, .type = TROUPE_TYPE_INT}};
    const troupe_param order[] = {
        {.name = "p", PARAM_DEFAULTS, .type = TROUPE_TYPE_INT, .optional = 1},
        {.name = "q", PARAM_DEFAULTS, .type = TROUPE_TYPE_INT}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        refuse_param(&cases[i].param, 1, cases[i].what);
    refuse_param(twice, 2, "parameter \"p\": there are two of this name");
    refuse_param(order, 2, "parameter \"q\": it must stand before those that can be left out");
    refuse_param(twice, 17, "it has 17 parameters, at most 16 are possible");
}

static void refuses_bad_functions(void **state)
{
    static const troupe_param needed[] = {
        {.name = "p", .doc = "P", .type = TROUPE_TYPE_STRING, .def = __builtin_nan("")}};
    static const struct {
        troupe_function function;
        const char *what;
    } cases[] = {
        {{.size = 8, .name = "f"}, "function \"?\": its declaration is too short"},
        {{.size = sizeof(troupe_function), .name = "F", .doc = "d"},
         "function \"?\": a name must be [a-z][a-z0-9_-]*, at most 32 characters, or such words "
         "joined by dots for a service"},
        {{.size = sizeof(troupe_function), .name = "a..b", .doc = "d"},
         "function \"?\": a name must be [a-z][a-z0-9_-]*, at most 32 characters, or such words "
         "joined by dots for a service"},
        {{.size = sizeof(troupe_function), .name = "f", .doc = ""},
         "function \"f\": it has no doc"},
        {{.size = sizeof(troupe_function), .name = "f", .doc = "\xff"},
         "function \"f\": it has a doc that is not UTF-8"},
        {{.size = sizeof(troupe_function), .name = "f", .doc = "d", .flags = 1u << 20},
         "function \"f\": it has flags (0x100000) that this host does not know"},
        {{.size = sizeof(troupe_function), .name = "a.b", .doc = "d", .flags = TROUPE_SLASH},
         "function \"a.b\": a service cannot be a slash command or in a menu"},
        {{.size = sizeof(troupe_function), .name = "f", .doc = "d"},
         "function \"f\": it has no code"},
        {{.size = sizeof(troupe_function),
          .name = "f",
          .doc = "d",
          .flags = TROUPE_AT_START,
          .fn = (troupe_fn)some_job,
          .params = {needed, 1, sizeof(needed[0])}},
         "function \"f\": what is called at the start has no argument that must be given"},
        {{.size = sizeof(troupe_function),
          .name = "f",
          .doc = "d",
          .fn = (troupe_fn)some_job,
          .limit_member = 3},
         "function \"f\": its limit needs a number of calls and of seconds"},
        {{.size = sizeof(troupe_function),
          .name = "f",
          .doc = "d",
          .fn = (troupe_fn)some_job,
          .limit_guild = 3,
          .limit_seconds = 604801},
         "function \"f\": its limit is at most 1000000 calls in at most 604800 seconds"},
    };
    troupe_plugin table = {BASE};
    const troupe_function *const twice[] = {&wave_function_, &wave_function_};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const troupe_function *const list[] = {&cases[i].function};

        table.functions = (troupe_array){list, 1, sizeof(list[0])};
        refuse(&table, cases[i].what);
    }
    table.functions = (troupe_array){twice, 2, sizeof(twice[0])};
    refuse(&table, "there are two functions called \"wave\"");
}

static void refuses_what_a_menu_cannot_fill_in(void **state)
{
    static const troupe_param text[] = {
        {PARAM_DEFAULTS, .name = "text", .type = TROUPE_TYPE_STRING}};
    static const troupe_param whom[] = {
        {PARAM_DEFAULTS, .name = "whom", .type = TROUPE_TYPE_MEMBER},
        {PARAM_DEFAULTS, .name = "n", .type = TROUPE_TYPE_INT}};
    static const struct {
        uint32_t flags;
        const char *menu;
        const troupe_param *params;
        uint32_t count;
        const char *what;
    } cases[] = {
        {TROUPE_MENU_MEMBER, NULL, text, 1, "on a member's menu it needs a member parameter"},
        {TROUPE_MENU_MESSAGE, NULL, whom, 1,
         "on a message's menu it needs a string parameter for the text"},
        {TROUPE_MENU_MEMBER, NULL, whom, 2,
         "in a menu nothing is typed: \"n\" must be one that can be left out"},
        {TROUPE_MENU_MESSAGE | TROUPE_MENU_MEMBER, NULL, whom, 1,
         "on a message's menu it needs a string parameter for the text"},
        {TROUPE_MENU_MESSAGE, "", text, 1, "its menu entry has 1 to 32 characters of one line"},
        {TROUPE_MENU_MESSAGE, "an entry of more characters than fit", text, 1,
         "its menu entry has 1 to 32 characters of one line"},
        {TROUPE_MENU_MESSAGE, "two\nlines", text, 1,
         "its menu entry has 1 to 32 characters of one line"},
    };
    troupe_plugin table = {BASE};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const troupe_function function = {
            .size = sizeof(function),
            .flags = cases[i].flags,
            .name = "f",
            .doc = "F",
            .params = {cases[i].params, cases[i].count, sizeof(*cases[i].params)},
            .fn = (troupe_fn)(uintptr_t)wave,
            .menu = cases[i].menu};
        const troupe_function *const list[] = {&function};
        _cleanup_mem_ char *full = mem_printf("function \"f\": %s", cases[i].what);

        table.functions = (troupe_array){list, 1, sizeof(list[0])};
        refuse(&table, full);
    }
}

/* ---- config keys --------------------------------------------------------------------------- */

static void refuses_bad_keys(void **state)
{
    static const struct {
        troupe_key key;
        const char *what;
    } cases[] = {
        {{.name = "Key", .doc = "k", .type = TROUPE_TYPE_INT},
         "config key \"?\": a key's name must be [a-z][a-z0-9_]*, at most 32 characters"},
        {{.name = "plugin", .doc = "k", .type = TROUPE_TYPE_STRING},
         "config key \"plugin\": this name is one of the host's own keys"},
        {{.name = "k", .type = TROUPE_TYPE_INT},
         "config key \"k\": it needs a doc of one line of UTF-8"},
        {{.name = "k", .doc = "k", .type = TROUPE_TYPE_BLOB},
         "config key \"k\": its type 16 is none that a config key can have"},
        {{.name = "k", .doc = "k", .type = TROUPE_TYPE_PATH, .flags = TROUPE_KEY_SETTABLE},
         "config key \"k\": a secret, URL or path is set by the files only"},
        {{.name = "k", .doc = "k", .type = TROUPE_TYPE_INT, .flags = 16},
         "config key \"k\": it has flags (0x10) that this host does not know"},
        {{.name = "k",
          .doc = "k",
          .type = TROUPE_TYPE_STRING,
          .flags = TROUPE_KEY_SECRET,
          .def = "x"},
         "config key \"k\": a secret is a string without default and choices"},
        {{.name = "k", .doc = "k", .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_ENDPOINT},
         "config key \"k\": an endpoint is a URL"},
        {{.name = "k", .doc = "k", .type = TROUPE_TYPE_INT, .min = 2, .max = 1},
         "config key \"k\": its minimum is above its maximum"},
        {{.name = "k", .doc = "k", .type = TROUPE_TYPE_STRING, .max = 1},
         "config key \"k\": its type takes no range"},
        {{.name = "k", .doc = "k", .type = TROUPE_TYPE_INT, .choices = "1|2"},
         "config key \"k\": only strings, lists and durations have choices"},
        {{.name = "k", .doc = "k", .type = TROUPE_TYPE_DURATION, .choices = "off|5m"},
         "config key \"k\": its choice \"5m\" is a duration itself"},
        {{.name = "k", .doc = "k", .type = TROUPE_TYPE_DURATION, .choices = "off|"},
         "config key \"k\": it has an empty choice"},
        {{.name = "k", .doc = "k", .type = TROUPE_TYPE_STRING, .choices = "|a"},
         "config key \"k\": it has an empty choice"},
    };
    const troupe_key twice[] = {{.name = "k", .doc = "k", .type = TROUPE_TYPE_INT},
                                {.name = "k", .doc = "k", .type = TROUPE_TYPE_INT}};
    const troupe_key outside[] = {
        {.name = "k", .doc = "k", .type = TROUPE_TYPE_INT, .min = 1, .max = 5, .def = "9"}};
    troupe_plugin table = {BASE};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        table.config = (troupe_array){&cases[i].key, 1, sizeof(troupe_key)};
        refuse(&table, cases[i].what);
    }
    table.config = (troupe_array){twice, 2, sizeof(troupe_key)};
    refuse(&table, "config key \"k\": there are two of this name");
    table.config = (troupe_array){outside, 1, sizeof(troupe_key)};
    refuse_as(
        &table, TROUPE_DATA,
        "plugin \"org.example.test\": key \"k\" in [agent declared]: its own default \"9\" is "
        "wrong, expected an integer from 1 to 5; this is an error of the plugin that "
        "declares it");
    table.config = (troupe_array){twice, 257, sizeof(troupe_key)};
    refuse_as(&table, TROUPE_LIMIT,
              "plugin \"org.example.test\" has 257 config keys, at most 256 are possible");
}

/* ---- state --------------------------------------------------------------------------------- */

static troupe_status save(void *state, void *stream,
                          troupe_status (*io)(void *stream, const void *data, uint64_t len))
{
    (void)state;
    return io(stream, "", 0);
}

static troupe_status load(void *state, uint32_t written_version, void *stream,
                          troupe_status (*io)(void *stream, void *data, uint64_t len))
{
    char none;

    (void)state;
    (void)written_version;
    return io(stream, &none, 0);
}

static const void *whole_state(const char *id)
{
    static const troupe_state_v1 api = {sizeof(api), 0, save, load};

    return strcmp(id, "troupe.state/1") == 0 ? &api : NULL;
}

static const void *half_state(const char *id)
{
    static const troupe_state_v1 api = {sizeof(api), 0, save, NULL};

    return strcmp(id, "troupe.state/1") == 0 ? &api : NULL;
}

static void refuses_half_a_state(void **state)
{
    troupe_plugin table = {BASE};

    (void)state;
    table.state_version = 2;
    refuse(&table, "it declares a state version but no \"troupe.state/1\"");
    table.get_extension = half_state;
    table.state_oldest = 1;
    refuse(&table, "its \"troupe.state/1\" is incomplete");
    table.get_extension = whole_state;
    table.state_oldest = 3;
    refuse(&table, "its state versions 3 to 2 are no range from 1 up");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_right),
        cmocka_unit_test(reads_a_longer_table),
        cmocka_unit_test(a_way_back_is_read_where_the_list_has_one),
        cmocka_unit_test(a_job_is_read_where_the_table_has_one),
        cmocka_unit_test(reads_what_is_kept_about_members),
        cmocka_unit_test(refuses_what_cannot_be_found_for_a_member),
        cmocka_unit_test(reads_figures_and_refuses_what_cannot_be_shown),
        cmocka_unit_test(walks_by_the_stride_of_the_plugin),
        cmocka_unit_test(an_entry_of_menus_has_its_own_name_or_the_functions),
        cmocka_unit_test(refuses_a_broken_head),
        cmocka_unit_test(refuses_needs_and_capabilities_it_does_not_know),
        cmocka_unit_test(reads_and_refuses_events_of_observers),
        cmocka_unit_test(refuses_what_cannot_be_handed_over),
        cmocka_unit_test(reads_how_state_is_handed_over),
        cmocka_unit_test(refuses_migrations_with_a_gap),
        cmocka_unit_test(refuses_bad_parameters),
        cmocka_unit_test(refuses_bad_functions),
        cmocka_unit_test(refuses_what_a_menu_cannot_fill_in),
        cmocka_unit_test(refuses_bad_keys),
        cmocka_unit_test(refuses_half_a_state),
    };

    return cmocka_run_group_tests_name("plugin/manifest", tests, NULL, NULL);
}
