/* SPDX-License-Identifier: Apache-2.0
 *
 * The way back of schema steps, over each database: what a step made is gone, as if it had never run, and it can
 * run again.
 */
#include "schema_list.h"
#include "server_fixture.h"

#include "store/driver.h"

#define STEPS_MAX 64
#define KEY       "6b65796b65796b65796b65796b65796b65796b65796b65796b65796b65796b65"

static int databases;
static char sqlite[] = "sqlite", postgresql[] = "postgresql";

/* A database, closed at first, on `loop` (NULL: one of its own). */
static struct fixture *place_of(const char *backend, struct loop *loop)
{
    struct fixture *f = mem_zero(1, sizeof(*f));

    place_make(&f->place);
    f->loop = loop ? loop : fixture_new(NULL);
    if (backend == postgresql) {
        snprintf(f->name, sizeof(f->name), "back%d", ++databases);
        postgres_server_database(&server, f->name, NULL, f->url);
    }
    return f;
}

static int setup(void **state)
{
    *state = *state == postgresql && !have_server ? NULL : place_of(*state, NULL);
    return 0;
}

static int teardown(void **state)
{
    return *state ? store_teardown(state) : 0;
}

static struct fixture *fixture_of(void **state)
{
    if (!*state)
        skip(); /* no PostgreSQL on this machine */
    return *state;
}

/* Opens the database as a build does that knows the core up to `version` (0: this one), or as it is. */
static void open_at(struct fixture *f, unsigned version, bool as_is)
{
    const struct store_options options = {
        .url = f->url[0] ? f->url : NULL, .core_version = version, .as_is = as_is, .alone = true};

    fixture_open(f, &options);
}

struct want {
    struct fixture *f;
    const char *ns;
    const struct store_migration *steps;
    size_t count;
    int64_t to;
    char *list;
    troupe_status status;
};

static troupe_status list_body(void *arg)
{
    struct want *want = arg;

    want->list = schema_list(want->f);
    return want->list ? TROUPE_OK : TROUPE_FAILED;
}

static char *list_of(struct fixture *f)
{
    struct want want = {.f = f};

    assert_status(fixture_run(f->loop, list_body, &want), TROUPE_OK);
    return want.list;
}

static troupe_status back_body(void *arg)
{
    struct want *want = arg;

    want->status = store_migrate_back(want->f->store, want->ns, want->steps, want->count, want->to,
                                      0, &want->f->err);
    return TROUPE_OK;
}

static troupe_status back(struct fixture *f, const char *ns, const struct store_migration *steps,
                          size_t count, int64_t to)
{
    struct want want = {.f = f, .ns = ns, .steps = steps, .count = count, .to = to};

    f->err.text[0] = '\0';
    assert_status(fixture_run(f->loop, back_body, &want), TROUPE_OK);
    return want.status;
}

static troupe_status forward_body(void *arg)
{
    struct want *want = arg;

    want->status =
        store_migrate(want->f->store, want->ns, want->steps, want->count, 0, &want->f->err);
    return TROUPE_OK;
}

static void forward(struct fixture *f, const char *ns, const struct store_migration *steps,
                    size_t count)
{
    struct want want = {.f = f, .ns = ns, .steps = steps, .count = count};

    assert_status(fixture_run(f->loop, forward_body, &want), TROUPE_OK);
    if (want.status < 0)
        fail_msg("%s", f->err.text);
}

/* ---- the core ---- */

static troupe_status fill_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    static const char *const texts[] = {
        "INSERT INTO kv (ns, scope, key, value, updated_ms) VALUES ('dice', 'texts/a', 'k', 'v', "
        "1)",
        "INSERT INTO budget_day (day, scope, scope_id, settled_micros) VALUES ('2026-01-02', "
        "'bot', '', 7)",
        "INSERT INTO budget_ledger (id, turn_id, day, scope_bot, what, reserved_micros, "
        "settled_micros, state, created_ms, settled_ms) VALUES (5, 41, '2026-01-02', 'b', 'w', 9, "
        "7, "
        "'settled', 3, 4)",
        "INSERT INTO audit_log (created_ms, actor, action, turn_id) VALUES (1, 'operator', 'x', "
        "41)",
        "INSERT INTO event (id, source, source_id, kind, payload, state, created_ms, finished_ms, "
        "sentence) "
        "VALUES (41, 'console', 'a', 'message', '{\"a\": 1}', 'done', 5, 6, 'so')",
        "INSERT INTO event (id, source, source_id, kind, payload, state, created_ms) "
        "VALUES (43, 'console', 'b', 'message', '{}', 'parked', 7)",
        "INSERT INTO outbox (id, gateway, turn_id, kind, channel, body, created_ms) "
        "VALUES (9, 'console', 41, 'reply', 'c', 'hello', 8)",
        "INSERT INTO outbox (id, gateway, turn_id, kind, channel, parent, thread_name, body, "
        "created_ms) "
        "VALUES (11, 'console', 41, 'reply', 't', 'c', 'talk', 'there', 8)",
        "INSERT INTO wait (id, turn_id, stage, path, ordinal, kind, due_ms, created_ms, form) "
        "VALUES (3, 43, 's', '0', 1, 'ask', 90, 7, 'f')",
        "INSERT INTO rating (turn_id, member, value, at_ms) VALUES (41, 'm', 1, 9)",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        store_batch_add(batch, STORE_SQL(texts[i]));
    return store_commit(f->store, batch, 0, &f->err);
}

/* What no step's way back may touch, and what comes through all of them. */
static troupe_status kept_body(void *arg)
{
    struct fixture *f = arg;

    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'k' AND ns = 'dice'") == 1);
    CHECK(ask_int(f, "SELECT settled_micros FROM budget_day") == 7);
    CHECK(ask_int(f,
                  "SELECT id FROM budget_ledger WHERE turn_id = 41 AND day = '2026-01-02' AND "
                  "scope_bot = 'b' AND what = 'w' AND reserved_micros = 9 AND settled_micros = 7 "
                  "AND state = 'settled' AND created_ms = 3 AND settled_ms = 4") == 5);
    CHECK(ask_int(f, "SELECT turn_id FROM audit_log") == 41);
    CHECK(ask_int(f, "SELECT count(*) FROM event") == 2);
    CHECK(ask_int(f, "SELECT id FROM event WHERE payload = '{\"a\": 1}' AND state = 'done' AND "
                     "created_ms = 5 AND finished_ms = 6") == 41);
    CHECK(ask_int(f, "SELECT id FROM event WHERE source_id = 'b' AND finished_ms IS NULL") == 43);
    CHECK(ask_int(f, "SELECT turn_id FROM outbox WHERE body = 'hello' AND state = 'ready'") == 41);
    return TROUPE_OK;
}

static troupe_status reached_1_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    CHECK(ask_int(f, "SELECT count(*) FROM turn AS t JOIN event AS e ON e.id = t.event_id "
                     "WHERE t.sentence = 'so' AND t.id = 41 AND t.state = 'done'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE id = 43 AND state = 'owed'") == 1);
    /* the numbers that the older build makes go on behind those that are there */
    store_batch_add(batch, STORE_SQL("INSERT INTO event (source, source_id, kind, payload, "
                                     "created_ms) VALUES ('console', 'c', 'message', '{}', 10)"));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT id FROM event WHERE source_id = 'c'") == 44);
    return TROUPE_OK;
}

/* Added up anew on the way forward. */
static troupe_status of_hour_body(void *arg)
{
    struct fixture *f = arg;

    CHECK(ask_int(f, "SELECT settled_micros FROM budget_hour WHERE scope = 'bot' AND "
                     "scope_id = 'b' AND hour = 0 AND reserved_micros = 0") == 7);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_hour") == 1);
    return TROUPE_OK;
}

static troupe_status of_thread_body(void *arg)
{
    struct fixture *f = arg;

    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE body = 'there' AND channel = 'c'") == 1);
    CHECK(ask_int(f, "SELECT due_ms FROM wait WHERE id = 3") == 0);
    return TROUPE_OK;
}

static void each_step_of_the_core_goes_back_and_forward_again(void **state)
{
    struct fixture *f = fixture_of(state);
    struct fixture *young = place_of(f->url[0] ? postgresql : sqlite, f->loop);
    char *want[STEPS_MAX + 1] = {0};
    size_t newest;

    (void)store_core_migrations(&newest);
    assert_true(newest <= STEPS_MAX);
    for (size_t k = 1; k <= newest; k++) {
        open_at(young, (unsigned)k, false);
        want[k] = list_of(young);
        store_settle(young);
    }
    open_at(f, 0, false);
    run_body(f, fill_body);
    store_settle(f);
    for (size_t k = newest; k >= 2; k--) {
        char *list;

        open_at(f, 0, true);
        if (back(f, NULL, NULL, 0, (int64_t)k - 1) < 0)
            fail_msg("back to %zu: %s", k - 1, f->err.text);
        store_settle(f);
        open_at(f, (unsigned)k - 1, false); /* the older build */
        list = list_of(f);
        if (!schema_same(want[k - 1], list))
            fail_msg("the way back to %zu leaves something else", k - 1);
        mem_free(list);
        run_body(f, kept_body);
        if (k == 8)
            run_body(f, of_thread_body);
        store_settle(f);
        open_at(f, 0, false);
        run_body(f, of_hour_body);
        list = list_of(f);
        if (!schema_same(want[newest], list))
            fail_msg("after %zu it does not go forward to the same", k - 1);
        mem_free(list);
        run_body(f, kept_body);
        store_settle(f);
    }
    open_at(f, 0, true);
    assert_status(back(f, NULL, NULL, 0, 1), TROUPE_OK);
    store_settle(f);
    open_at(f, 1, false);
    run_body(f, reached_1_body);
    for (size_t k = 1; k <= newest; k++)
        mem_free(want[k]);
    place_remove(&young->place);
    mem_free(young);
}

static void the_core_is_refused_what_it_cannot_take_back(void **state)
{
    struct fixture *f = fixture_of(state);
    struct store_options sealed = {
        .url = f->url[0] ? f->url : NULL, .encrypt_key = KEY, .alone = true};
    size_t newest;
    char *before, *after;

    (void)store_core_migrations(&newest);
    fixture_open(f, &sealed);
    before = list_of(f);
    assert_status(back(f, NULL, NULL, 0, 0), TROUPE_CONFLICT);
    assert_non_null(strstr(f->err.text, "001_core.sql) has no way back"));
    assert_status(back(f, NULL, NULL, 0, (int64_t)newest), TROUPE_ARGUMENT);
    assert_status(back(f, NULL, NULL, 0, -1), TROUPE_ARGUMENT);
    assert_status(back(f, NULL, NULL, 0, STORE_CORE_KEEPS - 1), TROUPE_CONFLICT);
    assert_non_null(strstr(f->err.text, "the database is encrypted"));
    after = list_of(f);
    assert_true(schema_same(before, after));
    assert_status(back(f, NULL, NULL, 0, STORE_CORE_KEEPS), TROUPE_OK);
    mem_free(before);
    mem_free(after);
}

static void an_empty_database_is_at_no_version(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct store_options options = {
        .path = f->place.path, .url = f->url[0] ? f->url : NULL, .as_is = true, .alone = true};

    assert_status(store_open(f->loop, &options, &f->store, &f->err), TROUPE_NOT_FOUND);
}

/* ---- agents ---- */

static const struct store_migration echo[] = {
    {1, "001.sql", "CREATE TABLE {a} (id INTEGER PRIMARY KEY); INSERT INTO {a} VALUES (1), (2);",
     "-- lost: everything\nDROP TABLE {a};"},
    {2, "002.sql", "ALTER TABLE {a} ADD COLUMN b TEXT NOT NULL DEFAULT 'x';", NULL},
    {3, "003.sql", "CREATE INDEX {a_b} ON {a} (b);", "DROP INDEX {a_b};"},
    {4, "004.sql", "CREATE TABLE {c} (x INTEGER);", "DROP TABLE {c};\nDROP TABLE {nothing};"},
};

static troupe_status notes_body(void *arg)
{
    struct fixture *f = arg;

    CHECK(ask_int(f, "SELECT count(*) FROM migration WHERE ns = 'echo'") == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM migration_text WHERE ns = 'echo'") == 2);
    return TROUPE_OK;
}

static void an_agents_steps_go_back_whole_or_not_at_all(void **state)
{
    struct fixture *f = fixture_of(state);
    struct store_migration steps[4];
    char *two, *four, *now;

    memcpy(steps, echo, sizeof(steps));
    open_at(f, 0, false);
    forward(f, "echo", steps, 2);
    two = list_of(f);
    forward(f, "echo", steps, 4);
    four = list_of(f);

    assert_status(back(f, "echo", steps, 4, 4), TROUPE_ARGUMENT);
    assert_non_null(strstr(f->err.text, "\"echo\" is at version 4"));
    assert_status(back(f, "echo", steps, 4, 7), TROUPE_ARGUMENT);
    assert_status(back(f, "echo", steps, 4, 0), TROUPE_CONFLICT);
    assert_non_null(strstr(f->err.text, "migration 2 (002.sql) has no way back"));
    assert_status(back(f, "echo", steps, 3, 2), TROUPE_VERSION);
    assert_status(back(f, "other", steps, 4, 2), TROUPE_ARGUMENT);
    steps[0].sql = "SELECT 1;";
    assert_status(back(f, "echo", steps, 4, 2), TROUPE_DATA);
    assert_non_null(strstr(f->err.text, "migration 1 (001.sql) was altered"));
    steps[0] = echo[0];
    assert_status(back(f, "echo", steps, 4, 2), TROUPE_DATA); /* the second statement of a step's */
    assert_non_null(strstr(f->err.text, "migration 4 (004.sql)"));
    steps[3].back = "DROP TABLE {c}; DROP TABLE event;";
    assert_true(back(f, "echo", steps, 4, 2) < 0);
    now = list_of(f);
    assert_true(schema_same(four, now));
    mem_free(now);

    steps[3].back = "DROP TABLE {c};";
    assert_status(back(f, "echo", steps, 4, 2), TROUPE_OK);
    now = list_of(f);
    assert_true(schema_same(two, now));
    mem_free(now);
    run_body(f, notes_body);
    forward(f, "echo", steps, 4);
    now = list_of(f);
    assert_true(schema_same(four, now));
    mem_free(now);
    mem_free(two);
    mem_free(four);
}

static char *text_of(const char *dir, const char *name)
{
    _cleanup_mem_ char *path = mem_printf("%s/%s", dir, name);
    struct buf out = BUF_INIT;
    FILE *file = fopen(path, "re");
    char part[4096];
    size_t got;

    while (file && (got = fread(part, 1, sizeof(part), file)) > 0)
        buf_append(&out, part, got);
    if (file)
        fclose(file);
    return buf_take(&out);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_sql(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && strcmp(dot, ".sql") == 0;
}

/* The steps in a folder, and their ways back beside. */
static size_t read_steps(const char *dir, struct store_migration *steps)
{
    struct dirent **names = NULL;
    int count = scandir(dir, &names, is_sql, by_name);

    assert_true(count > 0 && count <= STEPS_MAX);
    for (int i = 0; i < count; i++) {
        _cleanup_mem_ char *name = mem_printf("back/%s", names[i]->d_name);

        steps[i] = (struct store_migration){i + 1, mem_strdup(names[i]->d_name),
                                            text_of(dir, names[i]->d_name), text_of(dir, name)};
        assert_true(steps[i].back && *steps[i].back);
        free(names[i]);
    }
    free(names);
    return (size_t)count;
}

static void walk_agent(struct fixture *f, const char *agent)
{
    const char *source = getenv("TROUPE_SRCDIR");
    _cleanup_mem_ char *dir = mem_printf("%s/plugins/%s/sql", source ? source : ".", agent);
    struct store_migration steps[STEPS_MAX];
    size_t count = read_steps(dir, steps);
    char *want[STEPS_MAX + 1];

    want[0] = list_of(f);
    for (size_t k = 1; k <= count; k++) {
        forward(f, agent, steps, k);
        want[k] = list_of(f);
    }
    for (size_t k = count; k >= 1; k--) {
        char *list;

        if (back(f, agent, steps, count, (int64_t)k - 1) < 0)
            fail_msg("%s: back to %zu: %s", agent, k - 1, f->err.text);
        list = list_of(f);
        if (!schema_same(want[k - 1], list))
            fail_msg("%s: the way back to %zu leaves something else", agent, k - 1);
        mem_free(list);
        forward(f, agent, steps, count);
        list = list_of(f);
        if (!schema_same(want[count], list))
            fail_msg("%s: after %zu it does not go forward to the same", agent, k - 1);
        mem_free(list);
    }
    for (size_t k = 0; k <= count; k++)
        mem_free(want[k]);
    for (size_t k = 0; k < count; k++) {
        mem_free((void *)(uintptr_t)steps[k].name);
        mem_free((void *)(uintptr_t)steps[k].sql);
        mem_free((void *)(uintptr_t)steps[k].back);
    }
}

static void each_step_of_the_shipped_agents_goes_back_and_forward_again(void **state)
{
    static const char *const agents[] = {"conversation", "features", "imagine", "memory"};
    struct fixture *f = fixture_of(state);

    open_at(f, 0, false);
    for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++)
        walk_agent(f, agents[i]);
}

static void what_is_lost_is_named_line_by_line(void **state)
{
    const char *at = "-- a\n-- lost: one thing\nDROP TABLE {a}; -- lost: no\n-- lost: another";
    const char *text = NULL;
    size_t len = 0;

    (void)state;
    assert_true(store_migration_lost(&at, &text, &len));
    assert_int_equal(len, 9);
    assert_memory_equal(text, "one thing", len);
    assert_true(store_migration_lost(&at, &text, &len));
    assert_int_equal(len, 7);
    assert_false(store_migration_lost(&at, &text, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(each_step_of_the_core_goes_back_and_forward_again),
        BOTH(the_core_is_refused_what_it_cannot_take_back),
        BOTH(an_empty_database_is_at_no_version),
        BOTH(an_agents_steps_go_back_whole_or_not_at_all),
        BOTH(each_step_of_the_shipped_agents_goes_back_and_forward_again),
        cmocka_unit_test(what_is_lost_is_named_line_by_line),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
