/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

static const char create[] = "-- the first step\nCREATE TABLE {a} (id INTEGER PRIMARY KEY);\n"
                             "INSERT INTO {a} VALUES (1), (2);\n";
static const char extend[] = "ALTER TABLE {a} ADD COLUMN b TEXT NOT NULL DEFAULT '{x;}';\n"
                             "CREATE UNIQUE INDEX {a_b} ON {a} (id, b);";
static const char rename_column[] = "ALTER TABLE {a} RENAME COLUMN b TO c; DROP INDEX {a_b};\n"
                                    "ALTER TABLE {a} DROP COLUMN c;"
                                    "CREATE TABLE {n} (id INTEGER PRIMARY KEY AUTOINCREMENT, "
                                    "x TEXT UNIQUE); DROP TABLE {n};";

static int64_t tables(struct fixture *f)
{
    return ask_int(f, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'echo%'");
}

static troupe_status steps_body(void *arg)
{
    struct fixture *f = arg;
    const struct store_migration steps[] = {{1, "001.sql", create, NULL},
                                            {2, "002.sql", extend, NULL},
                                            {3, "003.sql", rename_column, NULL}};

    CHECK_STATUS(store_migrate_check(f->store, "echo", steps, 3, 0, &f->err), TROUPE_OK);
    CHECK(tables(f) == 0);
    CHECK_STATUS(store_migrate(f->store, "echo", steps, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_migrate(f->store, "echo", steps, 1, 0, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM \"echo__a\"") == 2);
    CHECK_STATUS(store_migrate(f->store, "echo", steps, 2, 0, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM \"echo__a\" WHERE b = '{x;}'") == 2);
    CHECK_STATUS(store_migrate_check(f->store, "echo", steps, 3, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_migrate(f->store, "echo", steps, 3, 0, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT max(version) FROM migration WHERE ns = 'echo'") == 3);
    CHECK(ask_int(f, "SELECT count(*) FROM migration WHERE ns = 'core'") >= 1);
    return TROUPE_OK;
}

static void missing_steps_run_once_and_in_order(void **state)
{
    run_body(*state, steps_body);
}

static troupe_status bad_body(void *arg)
{
    struct fixture *f = arg;
    static const struct {
        const char *sql;
        troupe_status status;
        const char *says;
    } table[] = {
        {"CREATE TABLE {b} (x);\n\n  INSERT INTO {nothing}\n VALUES (1);", TROUPE_DATA,
         "\"echo\": migration 2 (002.sql) line 3: no such table"},
        {"CREATE TABLE {b} (x);\nCREATE TABLE {b} (x);", TROUPE_DATA, "line 2: table"},
        {"CREATE TABLE {b} (x);\nCREATE TABLE {c} (", TROUPE_DATA, "line 2: incomplete input"},
        {"INSERT INTO {a} VALUES (1);", TROUPE_DATA, "UNIQUE constraint failed"},
        {"CREATE TABLE {b} (x);\n'", TROUPE_DENIED, "line 2"},
        {"CREATE TABLE {b} (x DEFAULT '", TROUPE_DATA, "not closed"},
        {"INSERT INTO {a} VALUES (?1)", TROUPE_DATA, "no parameters"},
        {"CREATE TABLE {b} (x);\nDROP TABLE event", TROUPE_DENIED, "line 2: table \"event\""},
        {"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) INSERT INTO {a} "
         "SELECT x FROM c WHERE x < 0",
         TROUPE_DEADLINE, ""},
    };

    const struct store_migration first[] = {{1, "001.sql", create, NULL}};

    CHECK_STATUS(store_migrate(f->store, "echo", first, 1, 0, &f->err), TROUPE_OK);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct store_migration steps[] = {first[0], {2, "002.sql", table[i].sql, NULL}};

        for (int check = 0; check < 2; check++) {
            troupe_status status = (check ? store_migrate_check : store_migrate)(
                f->store, "echo", steps, 2, co_after(i == 8 ? 50 : 5000), &f->err);

            CHECK_STATUS(status, table[i].status);
            if (!strstr(f->err.text, table[i].says)) {
                fprintf(stderr, "# %s: %s\n", table[i].sql, f->err.text);
                return TROUPE_FAILED;
            }
        }
        CHECK(tables(f) == 1);
        CHECK(ask_int(f, "SELECT max(version) FROM migration WHERE ns = 'echo'") == 1);
    }
    return TROUPE_OK;
}

static void a_bad_step_changes_nothing_and_is_named(void **state)
{
    run_body(*state, bad_body);
}

static troupe_status altered_body(void *arg)
{
    struct fixture *f = arg;
    struct store_migration steps[] = {{1, "001.sql", create, NULL}, {2, "002.sql", extend, NULL}};

    CHECK_STATUS(store_migrate(f->store, "echo", steps, 2, 0, &f->err), TROUPE_OK);
    steps[0].sql = extend;
    CHECK_STATUS(store_migrate(f->store, "echo", steps, 2, 0, &f->err), TROUPE_DATA);
    CHECK(strstr(f->err.text, "\"echo\": migration 1 (001.sql) was altered"));
    steps[0].sql = create;
    CHECK_STATUS(store_migrate(f->store, "echo", steps, 1, 0, &f->err), TROUPE_VERSION);
    CHECK(strstr(f->err.text, "is at version 2 and this build knows 1"));
    steps[1].version = 3;
    CHECK_STATUS(store_migrate(f->store, "echo", steps, 2, 0, &f->err), TROUPE_ARGUMENT);
    CHECK(strstr(f->err.text, "without a gap"));
    steps[1].version = 2;
    CHECK_STATUS(store_migrate(f->store, "core", steps, 2, 0, &f->err), TROUPE_ARGUMENT);
    CHECK_STATUS(store_migrate(f->store, NULL, steps, 2, 0, &f->err), TROUPE_ARGUMENT);
    CHECK_STATUS(store_migrate(f->store, "echo", steps, 2, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_migrate(f->store, "fresh", NULL, 0, 0, &f->err), TROUPE_OK);
    return TROUPE_OK;
}

static void an_altered_missing_or_newer_step_is_refused(void **state)
{
    run_body(*state, altered_body);
}

static troupe_status newer_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL("INSERT INTO migration SELECT 'core', max(version) + 1, 'x', "
                                     "'x', 1 FROM migration WHERE ns = 'core'"));
    return store_commit(f->store, batch, 0, &f->err);
}

static void a_newer_core_schema_is_refused_at_open(void **state)
{
    struct fixture *f = *state;
    const struct store_options options = {.path = f->place.path};
    struct store *store = NULL;
    troupe_status status;

    run_body(f, newer_body);
    store_settle(f);
    status = store_open(f->loop, &options, &store, &f->err);
    assert_status(status, TROUPE_VERSION);
    assert_int_equal(store_exit_code(status), 65);
    assert_non_null(strstr(f->err.text, "install the newer build"));
    assert_null(store);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(missing_steps_run_once_and_in_order),
        STORE_TEST(a_bad_step_changes_nothing_and_is_named),
        STORE_TEST(an_altered_missing_or_newer_step_is_refused),
        STORE_TEST(a_newer_core_schema_is_refused_at_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
