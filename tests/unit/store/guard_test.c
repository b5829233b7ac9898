/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin's SQL and everything it might try to get out of its namespace.
 */
#include "store_fixture.h"

static const struct store_migration history[] = {
    {1, "001.sql",
     "CREATE TABLE {history} (id INTEGER PRIMARY KEY, guild TEXT, member TEXT, text TEXT);\n"
     "CREATE INDEX {history_member} ON {history} (guild, member);\n",
     NULL},
};

static troupe_status plugin_run(struct fixture *f, const char *ns, const char *sql)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    const struct store_statement statement = {.sql = sql, .ns = ns, .expect = STORE_ANY};

    store_batch_add(batch, &statement);
    return store_commit(f->store, batch, 0, &f->err);
}

static troupe_status plugin_read(struct fixture *f, const char *ns, const char *sql)
{
    const struct store_statement statement = {.sql = sql, .ns = ns, .expect = STORE_ANY};
    struct store_rows *rows = NULL;
    troupe_status status = store_query(f->store, &statement, 0, &rows, &f->err);

    store_rows_free(rows);
    return status;
}

static troupe_status prepare_two(struct fixture *f)
{
    CHECK_STATUS(store_migrate(f->store, "echo", history, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_migrate(f->store, "echo2", history, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(plugin_run(f, "echo2", "INSERT INTO {history} (text) VALUES ('private')"),
                 TROUPE_OK);
    return TROUPE_OK;
}

/* Each of them goes as a batch and as a query. */
static const char *const escapes[] = {
    "SELECT * FROM event",
    "SELECT count(*) FROM event",
    "SELECT 1 FROM event",
    "SELECT * FROM main.event",
    "SELECT * FROM \"event\"",
    "SELECT * FROM [event]",
    "SELECT (SELECT payload FROM event)",
    "SELECT * FROM {history} JOIN kv",
    "SELECT * FROM {history} WHERE EXISTS (SELECT 1 FROM setting)",
    "WITH a AS (SELECT * FROM budget_ledger) SELECT * FROM a",
    "SELECT * FROM echo2__history",
    "SELECT * FROM \"echo2__history\"",
    "SELECT text FROM ECHO2__HISTORY",
    "SELECT * FROM migration",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM sqlite_schema",
    "SELECT * FROM \"sqlite_master\"",
    "SELECT * FROM sqlite_temp_master",
    "SELECT * FROM sqlite_sequence",
    "SELECT * FROM sqlite_dbpage",
    "SELECT * FROM dbstat",
    "SELECT * FROM pragma_table_info('event')",
    "SELECT * FROM pragma_database_list",
    "INSERT INTO {history} (text) SELECT payload FROM event",
    "INSERT INTO event (source, source_id, kind, payload, created_ms) VALUES ('a','b','c','d',1)",
    "INSERT OR REPLACE INTO kv (ns, scope, key, value, updated_ms) VALUES ('a','b','c','d',1)",
    "UPDATE setting SET value = 'x'",
    "UPDATE {history} SET text = (SELECT payload FROM event)",
    "DELETE FROM audit_log",
    "DELETE FROM {history} RETURNING (SELECT payload FROM event)",
    "DELETE FROM echo2__history",
    "ATTACH '/tmp/x.db' AS x",
    "DETACH main",
    "PRAGMA table_info(event)",
    "PRAGMA writable_schema = 1",
    "PRAGMA query_only = 0",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT a",
    "RELEASE batch",
    "ROLLBACK TO batch",
    "END",
    "VACUUM",
    "VACUUM INTO '/tmp/troupe-store-escape.db'",
    "ANALYZE",
    "REINDEX",
    "EXPLAIN SELECT 1",
    "CREATE TABLE {more} (a)",
    "CREATE TEMP TABLE a (b)",
    "DROP TABLE {history}",
    "ALTER TABLE {history} ADD COLUMN more TEXT",
    "SELECT load_extension('/tmp/x.so')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('/tmp/x', 'y')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT sqlite_version()",
    "SELECT sqlite_compileoption_get(1)",
    "SELECT 1; DELETE FROM event",
    "SELECT 1; SELECT 2",
    "SELECT 1 /* */; /* */ PRAGMA user_version",
    "SELECT * FROM temp.history",
};

static troupe_status escapes_body(void *arg)
{
    struct fixture *f = arg;
    bool all = true;

    CHECK_STATUS(prepare_two(f), TROUPE_OK);
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        troupe_status written = plugin_run(f, "echo", escapes[i]);
        troupe_status read = plugin_read(f, "echo", escapes[i]);

        /* What is not there at all is an error of its own. */
        if ((written != TROUPE_DENIED && written != TROUPE_ARGUMENT) ||
            (read != TROUPE_DENIED && read != TROUPE_ARGUMENT)) {
            fprintf(stderr, "# %s: %s, %s (%s)\n", escapes[i], status_name(written),
                    status_name(read), f->err.text);
            all = false;
        }
    }
    CHECK(all);
    CHECK(access("/tmp/troupe-store-escape.db", F_OK) < 0);
    CHECK(ask_int(f, "SELECT count(*) FROM \"echo2__history\"") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM \"echo__history\"") == 0);
    return TROUPE_OK;
}

static void no_statement_gets_out_of_its_namespace(void **state)
{
    run_body(*state, escapes_body);
}

static const char *const bad_steps[] = {
    "CREATE TABLE other (a)",
    "CREATE TABLE \"echo2__other\" (a)",
    "CREATE TABLE {a} AS SELECT * FROM event",
    "CREATE TABLE {a} AS SELECT sql FROM sqlite_master",
    "CREATE TEMP TABLE {a} (b)",
    "CREATE TABLE temp.a (b)",
    "CREATE VIEW {a} AS SELECT * FROM event",
    "CREATE TRIGGER {a} AFTER INSERT ON {history} BEGIN DELETE FROM event; END",
    "CREATE TRIGGER {a} AFTER INSERT ON event BEGIN DELETE FROM {history}; END",
    "CREATE VIRTUAL TABLE {a} USING fts5(b)",
    "CREATE INDEX a ON {history} (text)",
    "CREATE INDEX {a} ON event (kind)",
    "CREATE INDEX \"echo2__a\" ON {history} (text)",
    "DROP TABLE event",
    "DROP TABLE echo2__history",
    "DROP INDEX event_open",
    "ALTER TABLE event ADD COLUMN a TEXT",
    "ALTER TABLE echo2__history RENAME TO {a}",
    "INSERT INTO event (source) VALUES ('a')",
    "UPDATE sqlite_master SET sql = ''",
    "DELETE FROM sqlite_sequence",
    "DELETE FROM 'sqlite_sequence'",
    "UPDATE main.'SQLITE_sequence' SET seq = 0",
    "CREATE TABLE {a} AS SELECT sql FROM 'sqlite_master'",
    "DELETE FROM migration",
    "PRAGMA writable_schema = 1",
    "COMMIT",
    "CREATE TABLE {a} (b); COMMIT; DELETE FROM event",
    "SELECT load_extension('x')",
    "ATTACH ':memory:' AS x",
    "ANALYZE",
    "REINDEX",
    "VACUUM",
};

static troupe_status bad_steps_body(void *arg)
{
    struct fixture *f = arg;
    bool all = true;

    CHECK_STATUS(prepare_two(f), TROUPE_OK);
    for (size_t i = 0; i < sizeof(bad_steps) / sizeof(bad_steps[0]); i++) {
        const struct store_migration steps[] = {history[0], {2, "002.sql", bad_steps[i], NULL}};
        troupe_status status = store_migrate(f->store, "echo", steps, 2, 0, &f->err);

        if (status != TROUPE_DENIED && status != TROUPE_DATA) {
            fprintf(stderr, "# %s: %s\n", bad_steps[i], status_name(status));
            all = false;
        }
    }
    CHECK(all);
    CHECK(ask_int(f, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'echo%'") == 4);
    CHECK(ask_int(f, "SELECT count(*) FROM migration WHERE ns LIKE 'echo%'") == 2);
    return TROUPE_OK;
}

static void no_migration_gets_out_of_its_namespace(void **state)
{
    run_body(*state, bad_steps_body);
}

static troupe_status rename_to(struct fixture *f, const char *sql)
{
    const struct store_migration steps[] = {history[0], {2, "002.sql", sql, NULL}};

    return store_migrate(f->store, "echo", steps, 2, 0, &f->err);
}

static troupe_status rename_body(void *arg)
{
    struct fixture *f = arg;

    CHECK_STATUS(prepare_two(f), TROUPE_OK);
    /* The new name is no argument that the authorizer is asked about. */
    CHECK(rename_to(f, "ALTER TABLE {history} RENAME TO echo2__stolen") < 0);
    CHECK(rename_to(f, "ALTER TABLE {history} RENAME TO other") < 0);
    CHECK(ask_int(f, "SELECT count(*) FROM sqlite_master WHERE name IN "
                     "('other', 'echo2__stolen')") == 0);
    CHECK_STATUS(rename_to(f, "ALTER TABLE {history} RENAME TO {kept}"), TROUPE_OK);
    CHECK_STATUS(plugin_run(f, "echo", "INSERT INTO {kept} (text) VALUES ('a')"), TROUPE_OK);
    return TROUPE_OK;
}

static void a_table_cannot_be_renamed_out_of_its_namespace(void **state)
{
    run_body(*state, rename_body);
}

static troupe_status allowed_body(void *arg)
{
    static const char *const texts[] = {
        "INSERT INTO {history} (text) VALUES ('a'), ('b') ON CONFLICT (id) DO NOTHING RETURNING id",
        "REPLACE INTO {history} (id, text) VALUES (1, 'c')",
        "UPDATE {history} SET text = upper(text) WHERE id = 1;",
        "WITH w AS (SELECT id FROM {history}) DELETE FROM {history} WHERE id IN (SELECT id FROM w)",
        "-- a comment\nDELETE FROM {history}",
    };
    static const char *const queries[] = {
        "SELECT h.id, count(*) FROM {history} AS h GROUP BY h.id HAVING count(*) > 1",
        "SELECT count(*) FROM {history}",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 5) SELECT x FROM c",
        "SELECT a.x FROM (SELECT id AS x FROM {history}) AS a",
        "SELECT row_number() OVER (ORDER BY id), json_extract(text, '$.a') FROM {history}",
        "SELECT text FROM {history} WHERE text LIKE 'a%' ORDER BY lower(text) DESC LIMIT 3",
        "VALUES (1), (2)",
        "SELECT abs(-1), coalesce(NULL, 1), date('now'), hex('a'), ifnull(1, 2), iif(1, 2, 3), "
        "instr('ab', 'b'), julianday('now'), length('a'), ltrim(' a'), max(1, 2), min(1, 2), "
        "nullif(1, 2), printf('%d', 1), quote('a'), random(), replace('a', 'b', 'c'), "
        "round(1.5), rtrim('a'), strftime('%s', 'now'), substr('abc', 1), trim('a'), "
        "typeof(1), unicode('a'), upper('a'), CURRENT_TIMESTAMP, '{\"a\":1}' ->> 'a'",
        "SELECT avg(id), group_concat(text), sum(id), total(id), json_group_array(id), "
        "json_object('a', 1) FROM {history}",
        "SELECT lag(id) OVER w, ntile(2) OVER w, rank() OVER w FROM {history} "
        "WINDOW w AS (ORDER BY id)",
    };
    struct fixture *f = arg;

    CHECK_STATUS(prepare_two(f), TROUPE_OK);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK_STATUS(plugin_run(f, "echo", texts[i]), TROUPE_OK);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        CHECK_STATUS(plugin_read(f, "echo", queries[i]), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM \"echo2__history\"") == 1);
    return TROUPE_OK;
}

static void ordinary_sql_works(void **state)
{
    run_body(*state, allowed_body);
}

static troupe_status scope_body(void *arg)
{
    struct fixture *f = arg;
    const struct store_scope scope = {.account = "bot", .guild = "g1", .member = "m1"};
    const struct store_value text = store_text("hi"), other = store_text("m2");
    const struct store_value forged = store_named("member", other);
    const struct store_value named = store_named("own", text);
    struct store_statement insert = {
        .sql = "INSERT INTO {history} (guild, member, text) VALUES (:guild, :member, ?1)",
        .ns = "echo",
        .scope = &scope,
        .expect = 1,
        .params = &text,
        .param_count = 1,
    };
    _cleanup_rows_ struct store_rows *rows = NULL;

    CHECK_STATUS(prepare_two(f), TROUPE_OK);
    {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        store_batch_add(batch, &insert);
        insert.sql = "INSERT INTO {history} (guild, member, text) VALUES (:channel, :guild, :own)";
        insert.params = &named;
        store_batch_add(batch, &insert);
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    }
    CHECK(ask_int(f, "SELECT count(*) FROM \"echo__history\" WHERE guild = 'g1' AND "
                     "member = 'm1' AND text = 'hi'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM \"echo__history\" WHERE guild IS NULL AND "
                     "member = 'g1' AND text = 'hi'") == 1);
    {
        const struct store_statement bad = {
            .sql = "SELECT text FROM {history} WHERE member = :member",
            .ns = "echo",
            .scope = &scope,
            .expect = STORE_ANY,
            .params = &forged,
            .param_count = 1,
        };
        CHECK_STATUS(store_query(f->store, &bad, 0, &rows, &f->err), TROUPE_DENIED);
        CHECK(strstr(f->err.text, "is the host's"));
    }
    { /* a positional value cannot slip into the host's place either */
        const struct store_statement bad = {
            .sql = "SELECT text FROM {history} WHERE member = :member",
            .ns = "echo",
            .scope = &scope,
            .expect = STORE_ANY,
            .params = &other,
            .param_count = 1,
        };
        CHECK_STATUS(store_query(f->store, &bad, 0, &rows, &f->err), TROUPE_ARGUMENT);
    }
    { /* without a scope they are NULL, not somebody */
        const struct store_statement none = {
            .sql = "SELECT text FROM {history} WHERE member = :member",
            .ns = "echo",
            .expect = 0,
        };
        CHECK_STATUS(store_query(f->store, &none, 0, &rows, &f->err), TROUPE_OK);
    }
    return TROUPE_OK;
}

static void the_scope_is_bound_by_the_host_alone(void **state)
{
    run_body(*state, scope_body);
}

static troupe_status changed_body(void *arg)
{
    struct fixture *f = arg;
    const struct store_migration steps[] = {
        history[0], {2, "002.sql", "ALTER TABLE {history} ADD COLUMN more TEXT DEFAULT 'x'", NULL}};

    /* A compiled statement is compiled anew, under the guard, when the schema changed. */
    CHECK_STATUS(prepare_two(f), TROUPE_OK);
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(plugin_run(f, "echo", "INSERT INTO {history} (text) VALUES ('a')"), TROUPE_OK);
        CHECK_STATUS(plugin_read(f, "echo", "SELECT * FROM {history}"), TROUPE_OK);
        CHECK_STATUS(plugin_read(f, "echo", "SELECT * FROM event"), TROUPE_DENIED);
        if (i == 1)
            CHECK_STATUS(store_migrate(f->store, "echo", steps, 2, 0, &f->err), TROUPE_OK);
    }
    CHECK(ask_int(f, "SELECT count(*) FROM \"echo__history\" WHERE more = 'x'") == 4);
    return TROUPE_OK;
}

static void a_changed_schema_keeps_the_guard(void **state)
{
    run_body(*state, changed_body);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(no_statement_gets_out_of_its_namespace),
        STORE_TEST(no_migration_gets_out_of_its_namespace),
        STORE_TEST(a_table_cannot_be_renamed_out_of_its_namespace),
        STORE_TEST(ordinary_sql_works),
        STORE_TEST(the_scope_is_bound_by_the_host_alone),
        STORE_TEST(a_changed_schema_keeps_the_guard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
