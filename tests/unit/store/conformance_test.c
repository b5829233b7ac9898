/* SPDX-License-Identifier: Apache-2.0
 *
 * What store.h promises, over each database: the same tests, with a file and with a server that the
 * program starts itself.
 */
#include "each_fixture.h"

#include "sched/sql/sched.h"
#include "turn/sql/erase.h"
#include "turn/sql/turn.h"

static const struct store_migration steps[] = {
    {1, "001_item.sql",
     "CREATE TABLE {item} (id INTEGER PRIMARY KEY, name TEXT UNIQUE, n INTEGER NOT NULL DEFAULT 0, "
     "ratio REAL, body BLOB); -- things\nCREATE INDEX {item_n} ON {item} (n);",
     NULL},
    {2, "002_more.sql",
     "CREATE TABLE {pair} (a INTEGER NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a, b));"
     "ALTER TABLE {item} ADD COLUMN note TEXT;",
     NULL},
};

static troupe_status make_tables(void *arg)
{
    struct fixture *f = arg;

    return store_migrate(f->store, "suite", steps, 2, 0, &f->err);
}

static int setup(void **state)
{
    (void)each_setup(state);
    if (*state && fixture_run(((struct fixture *)*state)->loop, make_tables, *state) != TROUPE_OK)
        fail_msg("store_migrate: %s", ((struct fixture *)*state)->err.text);
    return 0;
}

#define OWN(text, ...)                                                                             \
    (&(const struct store_statement){                                                              \
        .sql = (text), .ns = "suite", .expect = STORE_ANY, STORE_PARAMS(__VA_ARGS__)})
#define OWN_EXPECT(rows, text, ...)                                                                \
    (&(const struct store_statement){                                                              \
        .sql = (text), .ns = "suite", .expect = (rows), STORE_PARAMS(__VA_ARGS__)})

static int64_t own_int(struct fixture *f, const char *sql)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement statement = {.sql = sql, .ns = "suite", .expect = STORE_ANY};

    if (store_query(f->store, &statement, 0, &rows, &f->err) != TROUPE_OK)
        return -1;
    return store_cell_int(rows, 0, 0, -1);
}

/* ---- all or nothing ------------------------------------------------------------------------- */

static troupe_status all_or_nothing_body(void *arg)
{
    static const struct {
        const char *sql;
        int64_t expect;
        troupe_status status;
    } wrong[] = {
        {"UPDATE {item} SET n = 1 WHERE name = 'nobody'", 1, TROUPE_CONFLICT},
        {"INSERT INTO {item} (name) VALUES ('kept?')", STORE_ANY, TROUPE_CONFLICT},
        {"INSERT INTO {item} (n) VALUES (NULL)", STORE_ANY, TROUPE_CONFLICT},
        {"INSERT INTO {nothing} (n) VALUES (1)", STORE_ANY, TROUPE_ARGUMENT},
        {"INSRT INTO {item} (n) VALUES (1)", STORE_ANY, TROUPE_DENIED},
        {"INSERT INTO {item} (n) VALUES (?)", STORE_ANY, TROUPE_ARGUMENT},
        {"INSERT INTO event (n) VALUES (1)", STORE_ANY, TROUPE_DENIED},
        {"DELETE FROM kv", STORE_ANY, TROUPE_DENIED},
    };
    struct fixture *f = arg;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        troupe_status status;

        store_batch_add(batch, OWN("INSERT INTO {item} (name) VALUES ('kept?')"));
        store_batch_add(batch, OWN_EXPECT(wrong[i].expect, wrong[i].sql));
        f->err.text[0] = '\0';
        status = store_commit(f->store, batch, 0, &f->err);
        /* PostgreSQL does not see a table of the host at all. */
        CHECK(status == wrong[i].status ||
              (wrong[i].status == TROUPE_DENIED && status == TROUPE_ARGUMENT && f->url[0]));
        CHECK(f->err.text[0]);
    }
    CHECK(own_int(f, "SELECT count(*) FROM {item}") == 0);
    return TROUPE_OK;
}

static void a_batch_is_written_whole_or_not_at_all(void **state)
{
    run_body(fixture_of(state), all_or_nothing_body);
}

/* ---- batches that meet ---------------------------------------------------------------------- */

struct told {
    struct fixture *f;
    int order[8], count;
    troupe_status status[8];
};

struct one {
    struct told *told;
    int number;
};

static void hear(void *arg, struct store_batch *batch, troupe_status status,
                 const struct error *err)
{
    struct one *one = arg;

    (void)batch;
    (void)err;
    one->told->status[one->number] = status;
    one->told->order[one->told->count++] = one->number;
}

static troupe_status order_body(void *arg)
{
    static const char *const names[] = {"a", "b", "a", "c", "d"};
    struct fixture *f = arg;
    struct told told = {.f = f};
    struct one ones[5];

    for (int i = 0; i < 5; i++) {
        struct store_batch *batch = store_batch_new();

        ones[i] = (struct one){&told, i};
        store_batch_add(batch, OWN("INSERT INTO {item} (name, n) VALUES (?1, ?2)",
                                   store_text(names[i]), store_int(i)));
        store_batch_add(batch, OWN_EXPECT(1, "UPDATE {item} SET n = n * 10 WHERE name = ?1",
                                          store_text(i == 3 ? "nobody" : names[i])));
        CHECK_STATUS(store_submit(f->store, batch, hear, &ones[i], &f->err), TROUPE_OK);
        store_batch_free(batch);
    }
    CHECK_STATUS(write_one(f, OWN("UPDATE {item} SET n = n + 1")), TROUPE_OK);
    CHECK(told.count == 5);
    for (int i = 0; i < 5; i++) {
        CHECK(told.order[i] == i);
        CHECK(told.status[i] == (i == 2 || i == 3 ? TROUPE_CONFLICT : TROUPE_OK));
    }
    CHECK(own_int(f, "SELECT sum(n) FROM {item}") == 0 + 10 + 40 + 3);
    CHECK(own_int(f, "SELECT max(id) - min(id) FROM {item}") >= 2);
    return TROUPE_OK;
}

static void batches_are_written_in_order_and_a_bad_one_is_undone_alone(void **state)
{
    run_body(fixture_of(state), order_body);
}

static troupe_status rowid_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_rows_ struct store_rows *rows = NULL;
    size_t insert, returning;

    insert = store_batch_add(batch, OWN("INSERT INTO {item} (name) VALUES ('x')"));
    returning = store_batch_add(
        batch, OWN_EXPECT(1, "INSERT INTO {item} (name, n) VALUES ('y', ?1) RETURNING id, n, name",
                          store_rowid_of(insert)));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK(store_batch_changes(batch, insert) == 1 && !store_batch_result(batch, insert));
    CHECK(store_batch_rowid(batch, insert) == 1);
    CHECK(store_cell_int(store_batch_result(batch, returning), 0, 1, -1) == 1);
    CHECK(strcmp(store_batch_result(batch, returning)->names[2], "name") == 0);
    CHECK_STATUS(
        store_query(f->store, OWN("SELECT n FROM {item} WHERE name = 'y'"), 0, &rows, &f->err),
        TROUPE_OK);
    CHECK(store_cell_int(rows, 0, 0, -1) == 1);
    return TROUPE_OK;
}

static void a_row_gets_a_number_that_later_statements_can_use(void **state)
{
    run_body(fixture_of(state), rowid_body);
}

static troupe_status lease_body(void *arg)
{
    struct fixture *f = arg;

    for (int64_t epoch = 0; epoch < 4; epoch++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        if (epoch == 0)
            store_batch_add(batch, STORE_SQL("INSERT INTO lease (name, epoch) VALUES ('host', 2)"));
        store_batch_add(batch, OWN("INSERT INTO {item} (n) VALUES (?)", store_int(epoch)));
        store_batch_lease(batch, epoch);
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err),
                     epoch == 0 || epoch == 2 ? TROUPE_OK : TROUPE_CONFLICT);
    }
    CHECK(strstr(f->err.text, "lease is over"));
    CHECK(own_int(f, "SELECT sum(n) FROM {item}") == 2);
    return TROUPE_OK;
}

static void a_lost_lease_stops_every_write(void **state)
{
    run_body(fixture_of(state), lease_body);
}

/* ---- values --------------------------------------------------------------------------------- */

static troupe_status values_body(void *arg)
{
    static const char text[] = "Grüße, 世界 👋 %s ' \" \\ \n\t$1 ?2 :x {y}";
    struct fixture *f = arg;
    _cleanup_mem_ char *bytes = mem_zero(1, 3u << 20);
    _cleanup_rows_ struct store_rows *rows = NULL;
    size_t len = 3u << 20;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    CHECK_STATUS(
        write_one(f,
                  OWN("INSERT INTO {item} (id, name, n, ratio, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                      store_int(INT64_MAX), store_text(text), store_int(INT64_MIN),
                      store_double(-0.1), store_blob(bytes, len))),
        TROUPE_OK);
    CHECK_STATUS(write_one(f, OWN("INSERT INTO {item} (id, name, body) VALUES (?1, ?2, ?3)",
                                  store_int(-5), store_text(""), store_blob("", 0))),
                 TROUPE_OK);
    CHECK_STATUS(write_one(f, OWN("INSERT INTO {item} (id, name, body) VALUES (?1, ?2, ?3)",
                                  store_int(7), store_null(), store_null())),
                 TROUPE_OK);
    CHECK_STATUS(store_query(f->store,
                             OWN("SELECT id, name, n, ratio, body, n > 0, length(body) FROM {item} "
                                 "ORDER BY id DESC"),
                             0, &rows, &f->err),
                 TROUPE_OK);
    CHECK(rows->count == 3);
    CHECK(store_cell_int(rows, 0, 0, 0) == INT64_MAX && store_cell_int(rows, 0, 2, 0) == INT64_MIN);
    CHECK(strcmp(store_cell_text(rows, 0, 1, ""), text) == 0);
    CHECK(store_cell_double(rows, 0, 3, 0) == -0.1);
    CHECK(store_cell(rows, 0, 4)->type == STORE_BLOB && store_cell(rows, 0, 4)->len == len);
    CHECK(memcmp(store_cell(rows, 0, 4)->data, bytes, len) == 0);
    CHECK(store_cell_int(rows, 0, 5, -1) == 0 && store_cell_int(rows, 0, 6, -1) == (int64_t)len);
    CHECK(store_cell(rows, 1, 1)->type == STORE_NULL && store_cell(rows, 1, 4)->type == STORE_NULL);
    CHECK(store_cell(rows, 2, 1)->type == STORE_TEXT && store_cell(rows, 2, 1)->len == 0);
    CHECK(store_cell(rows, 2, 4)->type == STORE_BLOB && store_cell(rows, 2, 4)->len == 0);
    CHECK(own_int(f, "SELECT count(*) FROM {item} WHERE name LIKE 'Gr%'") == 1);
    return TROUPE_OK;
}

static void numbers_texts_and_megabytes_come_back_as_they_were(void **state)
{
    run_body(fixture_of(state), values_body);
}

static troupe_status text_body(void *arg)
{
    struct fixture *f = arg;
    troupe_status zero =
        write_one(f, OWN("INSERT INTO {item} (id, name) VALUES (1, ?1)", store_textn("a\0b", 3)));
    troupe_status broken =
        write_one(f, OWN("INSERT INTO {item} (id, name) VALUES (2, ?1)", store_textn("\xc3(", 2)));

    /* SQLite keeps whatever it is given; a server that would not must say so and keep nothing. */
    CHECK(zero == (f->url[0] ? TROUPE_ARGUMENT : TROUPE_OK) && broken == zero);
    CHECK(own_int(f, "SELECT count(*) FROM {item}") == (f->url[0] ? 0 : 2));
    CHECK_STATUS(
        write_one(f, OWN("INSERT INTO {item} (id, body) VALUES (3, ?1)", store_blob("a\0\xff", 3))),
        TROUPE_OK);
    CHECK(own_int(f, "SELECT length(body) FROM {item} WHERE id = 3") == 3);
    return TROUPE_OK;
}

static void text_that_is_none_is_refused_or_kept_never_changed(void **state)
{
    run_body(fixture_of(state), text_body);
}

static troupe_status dialect_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_rows_ struct store_rows *rows = NULL;

    CHECK_STATUS(
        write_one(f, OWN("INSERT INTO {item} (name, n) VALUES ('b', 2), ('B', 3), ('ä', 4), "
                         "('a', 1)")),
        TROUPE_OK);
    CHECK_STATUS(
        store_query(f->store,
                    OWN("SELECT name, substr(name, ?1, ?2), coalesce(?3, n), max(n, ?1), "
                        "CAST(name AS TEXT), instr(name, 'b'), hex(body), sum(n) OVER () "
                        "FROM {item} ORDER BY name LIMIT ?4 OFFSET ?5",
                        store_int(1), store_int(1), store_null(), store_int(3), store_int(0)),
                    0, &rows, &f->err),
        TROUPE_OK);
    CHECK(rows->count == 3);
    CHECK(strcmp(store_cell_text(rows, 0, 0, ""), "B") == 0); /* byte order, whatever the locale */
    CHECK(strcmp(store_cell_text(rows, 1, 0, ""), "a") == 0);
    CHECK(strcmp(store_cell_text(rows, 2, 1, ""), "b") == 0);
    CHECK(store_cell_int(rows, 2, 2, -1) == 2 && store_cell_int(rows, 1, 3, -1) == 1);
    CHECK(store_cell_int(rows, 2, 5, -1) == 1 && store_cell_int(rows, 2, 7, -1) == 10);
    store_rows_free(rows);
    rows = NULL;
    CHECK_STATUS(
        store_query(f->store,
                    OWN("SELECT count(*) FROM {item} WHERE (?1 IS NULL OR n = ?1) AND note "
                        "IS ?2 AND name IS NOT ?3 AND note IS :guild AND name <> '$1'",
                        store_null(), store_null(), store_text("a")),
                    0, &rows, &f->err),
        TROUPE_OK);
    CHECK(store_cell_int(rows, 0, 0, -1) == 3);
    CHECK_STATUS(
        write_one(f, OWN("INSERT INTO {item} (id, name, n) SELECT ?1, ?2, ?3 WHERE ?2 IS NULL",
                         store_int(99), store_null(), store_int(1))),
        TROUPE_OK);
    CHECK(own_int(f, "SELECT count(*) FROM {item} WHERE id = 99 AND name IS NULL") == 1);
    return TROUPE_OK;
}

static void one_text_means_the_same_in_both(void **state)
{
    run_body(fixture_of(state), dialect_body);
}

/* ---- the wall around a plugin --------------------------------------------------------------- */

static troupe_status wall_body(void *arg)
{
    static const char *const out[] = {
        "SELECT key FROM kv",
        "SELECT key FROM troupe.kv",
        "SELECT key FROM \"troupe\".kv",
        "SELECT n FROM \"troupe:other\".secret",
        "SELECT relname FROM pg_class",
        "SELECT relname FROM pg_catalog.pg_class",
        "SELECT table_name FROM information_schema.tables",
        "SELECT query_to_xml('select * from troupe.kv', true, true, '')",
        "SELECT \"query_to_xml\" ('select * from troupe.kv', true, true, '')",
        "SELECT set_config('search_path', 'troupe', false)",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT E'\\' FROM kv -- '",
        "SELECT U&\"\\0074roupe\".kv FROM {item}",
        "SELECT 1 /* /* */ ' */ FROM kv -- '",
        "SELECT 'troupe.kv'::regclass",
        "TABLE kv",
        "SET search_path = troupe",
        "COPY kv TO STDOUT",
        "SELECT 1; DELETE FROM kv",
        "WITH gone AS (DELETE FROM kv RETURNING key) SELECT key FROM gone",
    };
    static const char *const steps_out[] = {
        "CREATE VIEW {v} AS SELECT 1",
        "CREATE TABLE troupe.mine (n INTEGER)",
        "ALTER TABLE kv ADD COLUMN n INTEGER",
        "CREATE TABLE {x} (n INTEGER); DROP TABLE kv",
        "CREATE TABLE {x} (n INTEGER); INSERT INTO {x} (n) SELECT count(*) FROM kv",
        "CREATE TABLE {x} (n TEXT); INSERT INTO {x} SELECT query_to_xml('', true, true, '')",
    };
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_kv_put(batch, "core", "", "secret", "x", 1, 0);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        struct store_rows *rows = NULL;
        troupe_status status = store_query(f->store, OWN(out[i]), 0, &rows, &f->err);
        bool nothing = status >= 0 && rows->count == 1 && store_cell_int(rows, 0, 0, 0) == 1;

        store_rows_free(rows);
        /* What reads as a comment in one is none in the other: it may give its own 1, and no more. */
        if (!nothing && status != TROUPE_DENIED && status != TROUPE_ARGUMENT) {
            fprintf(stderr, "# %s\n", out[i]);
            CHECK_STATUS(status, TROUPE_DENIED);
        }
        CHECK(nothing || write_one(f, OWN(out[i])) < 0);
    }
    for (size_t i = 0; i < sizeof(steps_out) / sizeof(steps_out[0]); i++) {
        const struct store_migration step = {1, "out.sql", steps_out[i], NULL};
        troupe_status status = store_migrate(f->store, "outside", &step, 1, 0, &f->err);

        if (status != TROUPE_DENIED && status != TROUPE_DATA) {
            fprintf(stderr, "# %s\n", steps_out[i]);
            CHECK_STATUS(status, TROUPE_DENIED);
        }
    }
    CHECK(ask_int(f, "SELECT count(*) FROM kv") == 1);
    /* A plugin of another namespace has a table of the same name. */
    CHECK_STATUS(store_migrate(f->store, "other", steps, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(write_one(f, OWN("INSERT INTO {item} (n) VALUES (1)")), TROUPE_OK);
    CHECK_STATUS(write_one(f, &(struct store_statement){.sql = "DELETE FROM {item}",
                                                        .ns = "other",
                                                        .expect = STORE_ANY}),
                 TROUPE_OK);
    CHECK(own_int(f, "SELECT count(*) FROM {item}") == 1);
    return TROUPE_OK;
}

static void a_plugin_reaches_its_own_tables_only(void **state)
{
    run_body(fixture_of(state), wall_body);
}

static troupe_status migrate_body(void *arg)
{
    static const struct store_migration altered[] = {
        {1, "001_item.sql", "CREATE TABLE {item} (id INTEGER)", NULL},
        {2, "002_more.sql", "SELECT 1", NULL}};
    static const struct store_migration half[] = {
        {1, "001.sql", "CREATE TABLE {t} (id INTEGER);\nCREATE TABLE {u} (id NONSENSE,);", NULL}};
    struct fixture *f = arg;

    CHECK_STATUS(store_migrate(f->store, "suite", steps, 2, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_migrate(f->store, "suite", steps, 1, 0, &f->err), TROUPE_VERSION);
    CHECK_STATUS(store_migrate(f->store, "suite", altered, 2, 0, &f->err), TROUPE_DATA);
    CHECK(strstr(f->err.text, "altered"));
    CHECK_STATUS(store_migrate(f->store, "half", half, 1, 0, &f->err), TROUPE_DATA);
    CHECK(strstr(f->err.text, "migration 1 (001.sql)"));
    CHECK_STATUS(store_migrate_check(f->store, "fresh", steps, 1, 0, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM migration WHERE ns = 'fresh' OR ns = 'half'") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM migration WHERE ns = 'suite'") == 2);
    return TROUPE_OK;
}

static void steps_run_once_and_all_or_none(void **state)
{
    run_body(fixture_of(state), migrate_body);
}

/* ---- the host's own tables ------------------------------------------------------------------ */

static troupe_status put_if(struct fixture *f, const char *value, int64_t expires, int64_t version)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_kv_put_if(batch, "suite", "s", "k", value, strlen(value), expires, version);
    return store_commit(f->store, batch, 0, &f->err);
}

static troupe_status kv_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_rows_ struct store_rows *rows = NULL, *page = NULL;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    int64_t others = 0;
    size_t removed = 0;

    CHECK_STATUS(put_if(f, "one", 1, 0), TROUPE_OK); /* over already */
    CHECK_STATUS(store_kv_get(f->store, "suite", "s", "k", 0, &rows, &f->err), TROUPE_NOT_FOUND);
    CHECK_STATUS(put_if(f, "two", 0, 0), TROUPE_OK);
    CHECK_STATUS(put_if(f, "three", 0, 0), TROUPE_CONFLICT);
    CHECK_STATUS(store_kv_get(f->store, "suite", "s", "k", 0, &rows, &f->err), TROUPE_OK);
    CHECK(strcmp(store_cell_text(rows, 0, 0, ""), "two") == 0);
    CHECK_STATUS(put_if(f, "three", 0, store_cell_int(rows, 0, 1, -1) + 1), TROUPE_CONFLICT);
    CHECK_STATUS(put_if(f, "three", 0, store_cell_int(rows, 0, 1, -1)), TROUPE_OK);
    store_kv_put(batch, "suite", "s", "k\xc3\xa4", "x", 1, 0);
    store_kv_put(batch, "suite", "s", "kB", "x", 1, 0);
    store_kv_put(batch, "suite", "s", "l", "x", 1, 0);
    store_kv_put(batch, "suite", "t", "k", "x", 1, 1);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_kv_list(f->store, "suite", "s", "k", NULL, 2, 0, &page, &f->err), TROUPE_OK);
    CHECK(page->count == 2 && strcmp(store_cell_text(page, 0, 0, ""), "k") == 0);
    CHECK(strcmp(store_cell_text(page, 1, 0, ""), "kB") == 0);
    CHECK_STATUS(store_kv_count(f->store, "suite", "s", "k", 0, &others, &f->err), TROUPE_OK);
    CHECK(others == 3);
    CHECK_STATUS(store_kv_sweep(f->store, 10, 0, &removed, &f->err), TROUPE_OK);
    CHECK(removed == 1 && ask_int(f, "SELECT count(*) FROM kv WHERE ns = 'suite'") == 4);
    return TROUPE_OK;
}

static void keys_and_values_hold_versions_expiry_and_order(void **state)
{
    run_body(fixture_of(state), kv_body);
}

static troupe_status add_job(struct fixture *f, int64_t id, int64_t due)
{
    return write_one(f, STORE_EXPECT(1, SQL_SCHED_ADD, store_int(id), store_text("agent"),
                                     store_text("console"), store_text("bot"), store_null(),
                                     store_text("c"), store_text("m"), store_null(), store_text(""),
                                     store_text("{}"), store_int(0), store_text("once"),
                                     store_text(""), store_text("run"), store_int(0),
                                     store_int(due), store_int(1), store_int(3), store_int(100)));
}

static troupe_status jobs_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_rows_ struct store_rows *rows = NULL;

    CHECK_STATUS(add_job(f, 1, 20), TROUPE_OK);
    CHECK_STATUS(add_job(f, 2, 10), TROUPE_OK);
    CHECK_STATUS(add_job(f, 3, 900), TROUPE_OK);
    CHECK_STATUS(add_job(f, 4, 10), TROUPE_CONFLICT); /* the member has three */
    CHECK_STATUS(store_query(f->store,
                             STORE_SQL(SQL_SCHED_DUE, store_text("console"), store_int(100)), 0,
                             &rows, &f->err),
                 TROUPE_OK);
    CHECK(rows->count == 1 && store_cell_int(rows, 0, 0, -1) == 2);
    for (int i = 0; i < 2; i++)
        CHECK_STATUS(write_one(f, STORE_EXPECT(1, SQL_SCHED_CLAIM, store_int(2), store_int(10),
                                               store_int(10), store_int(1), store_text("done"),
                                               store_int(0), store_int(50))),
                     i == 0 ? TROUPE_OK : TROUPE_CONFLICT);
    return TROUPE_OK;
}

static void a_due_job_is_claimed_once(void **state)
{
    run_body(fixture_of(state), jobs_body);
}

static troupe_status add_event(struct fixture *f, int64_t id, const char *member)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_EXPECT(1, SQL_TURN_INTAKE, store_int(id), store_text("console"),
                                        store_int(id), store_text("bot"), store_null(),
                                        store_text("c"), store_text(member), store_text("message"),
                                        store_text("{\"text\":\"canary\"}"), store_int(1),
                                        store_text("[\"a\"]"), store_int(1)));
    store_batch_add(batch, STORE_SQL(SQL_TURN_INTAKE, store_int(id + 100), store_text("console"),
                                     store_int(id), store_null(), store_null(), store_null(),
                                     store_null(), store_text("message"), store_text("{}"),
                                     store_int(1), store_text("[]"), store_int(1)));
    store_batch_add(batch, STORE_EXPECT(1, SQL_TURN_FINISH, store_int(id), store_text("done"),
                                        store_text("ok"), store_null(), store_text("{}"),
                                        store_int(0), store_int(1), store_int(5)));
    return store_commit(f->store, batch, 0, &f->err);
}

static troupe_status erase_body(void *arg)
{
    struct fixture *f = arg;

    CHECK_STATUS(add_event(f, 1, "m1"), TROUPE_OK);
    CHECK_STATUS(add_event(f, 2, "m2"), TROUPE_OK);
    CHECK_STATUS(write_one(f, STORE_SQL(SQL_ERASE_ASK_PARTS, store_text("m1"))), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM erasure_part") == 4);
    CHECK_STATUS(write_one(f, STORE_EXPECT(1, SQL_ERASE_EVENTS, store_text("m1"), store_int(9))),
                 TROUPE_OK);
    CHECK_STATUS(write_one(f, STORE_SQL(SQL_ERASE_CALLS, store_text("m1"), store_int(9))),
                 TROUPE_OK);
    /* What another's turn was told goes when that turn is over, and not what an open one has use for. */
    CHECK_STATUS(
        write_one(f,
                  STORE_SQL("INSERT INTO event (id, source, source_id, kind, payload, created_ms) "
                            "VALUES (5, 'console', '5', 'message', '{}', 1)")),
        TROUPE_OK);
    CHECK_STATUS(
        write_one(f, STORE_SQL("INSERT INTO call (turn_id, stage, path, ordinal, kind, build, "
                               "format, args_hash, state, status, result, created_ms) SELECT id, "
                               "'a', '0', 0, 'kv.get', 'b', 1, 0, 'done', 0, ?1, 1 FROM event",
                               store_blob("told", 4))),
        TROUPE_OK);
    CHECK(ask_int(f, "SELECT min(turn_id) FROM call") == 1);
    CHECK_STATUS(write_one(f, STORE_EXPECT(2, SQL_ERASE_OTHERS, store_int(1), store_int(6))),
                 TROUPE_OK);
    CHECK(ask_int(f, "SELECT turn_id FROM call WHERE result IS NOT NULL") == 5);
    CHECK_STATUS(store_forget(f->store, 0, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE payload <> '{}'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM event") == 3);
    CHECK_STATUS(add_event(f, 3, "m1"), TROUPE_OK);
    return TROUPE_OK;
}

static void what_is_erased_is_gone_and_the_rest_stays(void **state)
{
    run_body(fixture_of(state), erase_body);
}

/* ---- reading beside writing ----------------------------------------------------------------- */

struct asking {
    struct fixture *f;
    int wrong;
};

static troupe_status ask_often(void *arg)
{
    struct asking *a = arg;

    for (int i = 0; i < 30; i++) {
        int64_t sum = own_int(a->f, "SELECT sum(n) FROM {item}");

        a->wrong += sum != 100;
    }
    return TROUPE_OK;
}

static troupe_status readers_body(void *arg)
{
    struct fixture *f = arg;
    const struct co_owner owner = {"test:reader", 0};
    struct asking asking = {.f = f};
    SCOPE(scope, 0);

    CHECK_STATUS(write_one(f, OWN("INSERT INTO {item} (name, n) VALUES ('a', 100), ('b', 0)")),
                 TROUPE_OK);
    for (int i = 0; i < 6; i++)
        CHECK_STATUS(co_spawn(&scope, &owner, ask_often, &asking), TROUPE_OK);
    for (int i = 0; i < 50; i++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        store_batch_add(batch, OWN("UPDATE {item} SET n = n - 1 WHERE name = 'a'"));
        store_batch_add(batch, OWN("UPDATE {item} SET n = n + 1 WHERE name = 'b'"));
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
        CHECK(own_int(f, "SELECT n FROM {item} WHERE name = 'b'") == i + 1);
    }
    CHECK_STATUS(scope_close(&scope), TROUPE_OK);
    CHECK(asking.wrong == 0);
    CHECK_STATUS(store_query(f->store, OWN("DELETE FROM {item} RETURNING id"), 0,
                             &(struct store_rows *){NULL}, &f->err),
                 TROUPE_DENIED);
    return TROUPE_OK;
}

static void readers_see_whole_batches_and_every_one_that_was_told(void **state)
{
    run_body(fixture_of(state), readers_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_batch_is_written_whole_or_not_at_all),
        EACH(batches_are_written_in_order_and_a_bad_one_is_undone_alone),
        EACH(a_row_gets_a_number_that_later_statements_can_use),
        EACH(a_lost_lease_stops_every_write),
        EACH(numbers_texts_and_megabytes_come_back_as_they_were),
        EACH(text_that_is_none_is_refused_or_kept_never_changed),
        EACH(one_text_means_the_same_in_both),
        EACH(a_plugin_reaches_its_own_tables_only),
        EACH(steps_run_once_and_all_or_none),
        EACH(keys_and_values_hold_versions_expiry_and_order),
        EACH(a_due_job_is_claimed_once),
        EACH(what_is_erased_is_gone_and_the_rest_stays),
        EACH(readers_see_whole_batches_and_every_one_that_was_told),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
