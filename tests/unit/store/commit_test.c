/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include <sys/stat.h>

struct writer {
    struct fixture *f;
    const char *name, *second;
    int64_t expect;
    troupe_status status;
    char text[ERROR_TEXT_MAX];
};

static troupe_status write_names(void *arg)
{
    struct writer *w = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct error err = {0};

    store_batch_add(batch, STORE_SQL("INSERT INTO item (name) VALUES (?1)", store_text(w->name)));
    store_batch_add(batch, STORE_EXPECT(w->expect, "UPDATE item SET n = n + 1 WHERE name = ?1",
                                        store_text(w->second)));
    w->status = store_commit(w->f->store, batch, 0, &err);
    snprintf(w->text, sizeof(w->text), "%s", err.text);
    return TROUPE_OK;
}

static troupe_status run_writers(struct writer *writers, size_t n)
{
    const struct co_owner owner = {"test:writer", 0};
    SCOPE(scope, 0);

    for (size_t i = 0; i < n; i++)
        if (co_spawn(&scope, &owner, write_names, &writers[i]) < 0)
            return TROUPE_FAILED;
    return scope_close(&scope);
}

static troupe_status a_bad_batch_among_good_ones(void *arg)
{
    struct fixture *f = arg;
    struct writer writers[] = {
        {.f = f, .name = "a", .second = "a", .expect = 1},
        {.f = f, .name = "b", .second = "nobody", .expect = 1},
        {.f = f, .name = "c", .second = "c", .expect = 1},
        {.f = f, .name = "a", .second = "a", .expect = 1},
        {.f = f, .name = "d", .second = "d", .expect = STORE_ANY},
    };
    struct store_stats before, after;

    store_stats(f->store, &before);
    CHECK_STATUS(run_writers(writers, 5), TROUPE_OK);
    store_stats(f->store, &after);
    CHECK(writers[0].status == TROUPE_OK);
    CHECK(writers[1].status == TROUPE_CONFLICT);
    CHECK(strstr(writers[1].text, "statement 2 of 2: 0 rows where 1 were expected"));
    CHECK(writers[2].status == TROUPE_OK);
    CHECK(writers[3].status == TROUPE_CONFLICT);
    CHECK(strstr(writers[3].text, "UNIQUE constraint failed: item.name"));
    CHECK(writers[4].status == TROUPE_OK);
    CHECK(after.transactions == before.transactions + 1);
    CHECK(after.batches == before.batches + 3 && after.failed == before.failed + 2);
    CHECK(after.batches_queued == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 3);
    CHECK(ask_int(f, "SELECT sum(n) FROM item") == 3);
    return TROUPE_OK;
}

static void batches_of_a_tick_share_a_transaction_and_a_bad_one_is_undone_alone(void **state)
{
    run_body(*state, a_bad_batch_among_good_ones);
}

/* OR ROLLBACK and an interrupt make SQLite throw the whole transaction away. */
static troupe_status write_sql(void *arg)
{
    struct writer *w = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct error err = {0};

    store_batch_add(batch, STORE_SQL(w->name));
    w->status = store_commit(w->f->store, batch, 0, &err);
    snprintf(w->text, sizeof(w->text), "%s", err.text);
    return TROUPE_OK;
}

#define ENDLESS "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "

static troupe_status one_ends_the_transaction(void *arg)
{
    struct fixture *f = arg;
    const struct co_owner owner = {"test:writer", 0};
    struct writer writers[] = {
        {.f = f, .name = "INSERT INTO item (name) VALUES ('one')"},
        {.f = f, .name = "INSERT OR ROLLBACK INTO item (name) VALUES ('one')"},
        {.f = f, .name = "INSERT INTO item (name) VALUES ('two') RETURNING id"},
        {.f = f, .name = ENDLESS "INSERT INTO item (n) SELECT x FROM c WHERE x < 0"},
        {.f = f, .name = "INSERT INTO item (name) VALUES ('three')"},
    };
    {
        SCOPE(scope, 0);
        for (size_t i = 0; i < 5; i++)
            CHECK_STATUS(co_spawn(&scope, &owner, write_sql, &writers[i]), TROUPE_OK);
        CHECK_STATUS(scope_close(&scope), TROUPE_OK);
    }
    CHECK(writers[0].status == TROUPE_OK);
    CHECK(writers[1].status == TROUPE_CONFLICT);
    CHECK(writers[2].status == TROUPE_OK);
    CHECK(writers[3].status == TROUPE_DEADLINE);
    CHECK(strstr(writers[3].text, "ran too long"));
    CHECK(writers[4].status == TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 3);
    CHECK(ask_int(f, "SELECT count(*) FROM item WHERE name IN ('one', 'two', 'three')") == 3);
    return TROUPE_OK;
}

static void who_ends_the_transaction_does_not_take_the_others_along(void **state)
{
    struct fixture *f = *state;
    const struct store_options options = {.write_ms = 100};

    store_settle(f);
    fixture_open(f, &options);
    run_body(f, one_ends_the_transaction);
}

static troupe_status results_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    const struct store_rows *rows;
    size_t insert, returning, select, update;

    insert = store_batch_add(batch, STORE_EXPECT(1, "INSERT INTO item (name, n) VALUES (?, ?)",
                                                 store_text("x"), store_int(7)));
    returning = store_batch_add(
        batch, STORE_EXPECT(1, "INSERT INTO item (name, n) VALUES ('y', ?1) RETURNING id, n, name",
                            store_rowid_of(insert)));
    select = store_batch_add(batch, STORE_EXPECT(1, "SELECT 1 FROM item WHERE name = :name",
                                                 store_named("name", store_text("y"))));
    update = store_batch_add(batch, STORE_SQL("UPDATE item SET n = n"));
    CHECK(store_batch_count(batch) == 4);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK(store_batch_rowid(batch, insert) == 1);
    CHECK(store_batch_changes(batch, insert) == 1);
    CHECK(store_batch_result(batch, insert) == NULL);
    rows = store_batch_result(batch, returning);
    CHECK(rows && rows->count == 1 && rows->columns == 3);
    CHECK(strcmp(rows->names[2], "name") == 0);
    CHECK(store_cell_int(rows, 0, 0, -1) == 2);
    CHECK(store_cell_int(rows, 0, 1, -1) == 1);
    CHECK(strcmp(store_cell_text(rows, 0, 2, ""), "y") == 0);
    CHECK(store_batch_result(batch, select)->count == 1);
    CHECK(store_batch_changes(batch, update) == 2);
    CHECK(store_batch_rowid(batch, update) == 0);
    CHECK(store_batch_changes(batch, 99) == 0 && store_batch_result(batch, 99) == NULL);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_ARGUMENT);
    return TROUPE_OK;
}

static void a_batch_gives_row_ids_counts_and_returned_rows(void **state)
{
    run_body(*state, results_body);
}

static troupe_status lease_body(void *arg)
{
    struct fixture *f = arg;

    for (int64_t epoch = 0; epoch < 4; epoch++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        if (epoch == 0)
            store_batch_add(batch, STORE_SQL("INSERT INTO lease (name, epoch) VALUES ('host', 2)"));
        store_batch_add(batch, STORE_SQL("INSERT INTO item (n) VALUES (?)", store_int(epoch)));
        store_batch_lease(batch, epoch);
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err),
                     epoch == 0 || epoch == 2 ? TROUPE_OK : TROUPE_CONFLICT);
    }
    CHECK(strstr(f->err.text, "lease is over"));
    CHECK(ask_int(f, "SELECT sum(n) FROM item") == 2);
    return TROUPE_OK;
}

static void a_lost_lease_stops_every_write(void **state)
{
    run_body(*state, lease_body);
}

static troupe_status wrong_body(void *arg)
{
    static const struct {
        const char *sql;
        size_t values;
        troupe_status status;
    } table[] = {
        {"INSERT INTO nothing VALUES (1)", 0, TROUPE_ARGUMENT},
        {"INSRT INTO item VALUES (1)", 0, TROUPE_ARGUMENT},
        {"INSERT INTO item (n) VALUES (?)", 0, TROUPE_ARGUMENT},
        {"INSERT INTO item (n) VALUES (?)", 2, TROUPE_ARGUMENT},
        {"INSERT INTO item (n) VALUES (1); SELECT 1", 0, TROUPE_ARGUMENT},
        {"INSERT INTO item (n) VALUES (NULL)", 0, TROUPE_CONFLICT},
        {"INSERT INTO item (n) SELECT zeroblob(20000000)", 0, TROUPE_LIMIT},
    };
    struct fixture *f = arg;
    const struct store_value values[2] = {store_int(1), store_int(2)};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        const struct store_statement statement = {
            .sql = table[i].sql,
            .expect = STORE_ANY,
            .params = values,
            .param_count = table[i].values,
        };

        store_batch_add(batch, STORE_SQL("INSERT INTO item (name) VALUES ('kept?')"));
        store_batch_add(batch, &statement);
        f->err.text[0] = '\0';
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), table[i].status);
        CHECK(f->err.text[0]);
    }
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 0);
    return TROUPE_OK;
}

static void a_wrong_statement_undoes_its_batch_and_says_why(void **state)
{
    run_body(*state, wrong_body);
}

static troupe_status limits_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_mem_ char *big = mem_zero(1, STORE_BATCH_BYTES + 1);

    for (int kind = 0; kind < 5; kind++) {
        static const troupe_status want[] = {TROUPE_LIMIT, TROUPE_LIMIT, TROUPE_ARGUMENT,
                                             TROUPE_ARGUMENT, TROUPE_BUDGET};
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        store_batch_add(batch, STORE_SQL("INSERT INTO item (n) VALUES (1)"));
        switch (kind) {
        case 0:
            for (int i = 0; i < STORE_BATCH_STATEMENTS; i++)
                store_batch_add(batch, STORE_SQL("INSERT INTO item (n) VALUES (1)"));
            break;
        case 1:
            store_batch_add(batch, STORE_SQL("INSERT INTO item (n) VALUES (?)",
                                             store_blob(big, STORE_BATCH_BYTES)));
            break;
        case 2:
            store_batch_add(batch, STORE_SQL("INSERT INTO item (n) VALUES (?)", store_rowid_of(1)));
            break;
        case 3:
            store_batch_add(batch, &(struct store_statement){.sql = "SELECT 1", .ns = "Bad"});
            break;
        default: store_batch_fail(batch, TROUPE_BUDGET, "over the cap");
        }
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), want[kind]);
    }
    CHECK(strcmp(f->err.text, "over the cap") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 0);
    return TROUPE_OK;
}

static void a_batch_is_bounded_and_keeps_its_first_mistake(void **state)
{
    run_body(*state, limits_body);
}

static troupe_status full_body(void *arg)
{
    struct fixture *f = arg;
    struct writer writers[4];
    size_t busy = 0, ok = 0;

    for (size_t i = 0; i < 4; i++)
        writers[i] = (struct writer){.f = f, .name = NULL, .second = "", .expect = STORE_ANY};
    CHECK_STATUS(run_writers(writers, 4), TROUPE_OK);
    for (size_t i = 0; i < 4; i++) {
        busy += writers[i].status == TROUPE_BUSY;
        ok += writers[i].status == TROUPE_OK;
    }
    CHECK(busy == 2 && ok == 2);
    CHECK_STATUS(run_writers(writers, 1), TROUPE_OK);
    CHECK(writers[0].status == TROUPE_OK);
    return TROUPE_OK;
}

static void a_full_queue_says_busy_and_takes_more_later(void **state)
{
    struct fixture *f = *state;
    const struct store_options options = {.max_queued = 2};

    store_settle(f);
    fixture_open(f, &options);
    run_body(f, full_body);
}

struct leaver {
    struct fixture *f;
    troupe_status status;
};

static troupe_status commit_and_leave(void *arg)
{
    struct leaver *l = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL("INSERT INTO item (name) VALUES ('late')"));
    l->status = store_commit(l->f->store, batch, 0, NULL);
    return TROUPE_OK;
}

static troupe_status canceled_body(void *arg)
{
    struct fixture *f = arg;
    const struct co_owner owner = {"test:leaver", 0};
    struct leaver l = {.f = f, .status = TROUPE_FAILED};

    { /* the same tick: nothing is handed over before the loop polls */
        SCOPE(scope, 0);
        CHECK_STATUS(co_spawn(&scope, &owner, commit_and_leave, &l), TROUPE_OK);
        scope_cancel(&scope, TROUPE_CANCELED);
        (void)scope_close(&scope);
    }
    CHECK(l.status == TROUPE_CANCELED);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 0);
    return TROUPE_OK;
}

static void who_is_cancelled_before_the_writer_took_it_wrote_nothing(void **state)
{
    run_body(*state, canceled_body);
}

/* Cancels at every moment it can hit: the answer and the data must agree each time. */
static troupe_status agree_body(void *arg)
{
    struct fixture *f = arg;
    const struct co_owner owner = {"test:leaver", 0};
    int64_t written = 0;

    for (int round = 0; round < 200; round++) {
        struct leaver l = {.f = f};
        SCOPE(scope, 0);

        CHECK_STATUS(co_spawn(&scope, &owner, commit_and_leave, &l), TROUPE_OK);
        for (int pass = 0; pass < round % 7; pass++)
            CHECK_STATUS(co_pass(), TROUPE_OK);
        if (round % 3 == 0)
            CHECK_STATUS(co_sleep(0), TROUPE_OK);
        scope_cancel(&scope, TROUPE_CANCELED);
        (void)scope_close(&scope);
        written = ask_int(f, "SELECT count(*) FROM item");
        if (l.status == TROUPE_OK || l.status == TROUPE_CANCELED)
            CHECK(written == (l.status == TROUPE_OK));
        else /* a disk that takes its second */
            CHECK(l.status == TROUPE_MAYBE_DONE);
        {
            _cleanup_batch_ struct store_batch *batch = store_batch_new();

            store_batch_add(batch, STORE_SQL("DELETE FROM item"));
            CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
        }
    }
    return TROUPE_OK;
}

static void a_cancelled_commit_tells_the_truth(void **state)
{
    run_body(*state, agree_body);
}

static troupe_status close_body(void *arg)
{
    return run_writers(arg, 1);
}

static void what_was_acknowledged_is_there_after_closing(void **state)
{
    struct fixture *f = *state;
    struct writer w = {.f = f, .name = "kept", .second = "kept", .expect = 1};

    assert_status(fixture_run(f->loop, close_body, &w), TROUPE_OK);
    assert_status(w.status, TROUPE_OK);
    store_settle(f);
    fixture_open(f, NULL);
    w.name = "kept";
    assert_status(fixture_run(f->loop, close_body, &w), TROUPE_OK);
    assert_status(w.status, TROUPE_CONFLICT);
}

static troupe_status checkpoint_body(void *arg)
{
    struct fixture *f = arg;
    struct store_stats stats = {0};
    _cleanup_mem_ char *blob = mem_zero(1, 100000);

    for (int i = 0; i < 300 && stats.checkpoints < 3; i++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        store_batch_add(batch, STORE_SQL("INSERT OR REPLACE INTO item (id, name, n) "
                                         "VALUES (1, ?1, 1)",
                                         store_blob(blob, 100000)));
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
        store_stats(f->store, &stats);
    }
    CHECK(stats.checkpoints >= 3);
    CHECK(!stats.degraded);
    return TROUPE_OK;
}

static void the_log_is_checkpointed_by_hand(void **state)
{
    run_body(*state, checkpoint_body);
}

static troupe_status give_bytes(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new(), *left = store_batch_new();
    struct buf bytes = BUF_INIT, other = BUF_INIT;
    struct store_value value;
    const char *place;

    for (int i = 0; i < 100000; i++)
        buf_printf(&bytes, "%d ", i);
    place = bytes.data;
    value = store_batch_give(batch, &bytes);
    CHECK(!bytes.data && !bytes.len);
    CHECK(value.data == place); /* no copy */
    CHECK(store_batch_add(
              batch, STORE_SQL("INSERT INTO item (name, n) VALUES ('given', ?1)", value)) == 0);
    CHECK_STATUS(store_commit(f->store, batch, 0, NULL), TROUPE_OK);
    CHECK(ask_int(f, "SELECT length(n) FROM item WHERE name = 'given'") == (int64_t)value.len);
    CHECK(ask_int(f, "SELECT substr(n, -6) = CAST('99999 ' AS BLOB) FROM item "
                     "WHERE name = 'given'") == 1);
    buf_puts(&other, "of a batch that nobody commits");
    (void)store_batch_give(left, &other);
    return TROUPE_OK;
}

static void a_batch_takes_bytes_that_it_was_given_without_a_copy(void **state)
{
    run_body(*state, give_bytes);
}

static off_t log_size(struct fixture *f)
{
    _cleanup_mem_ char *path = mem_printf("%s-wal", f->place.path);
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}

static troupe_status truncate_body(void *arg)
{
    enum { BLOB = 1 << 20 };
    struct fixture *f = arg;
    _cleanup_mem_ char *blob = mem_zero(1, BLOB);
    struct store_batch *batch = store_batch_new();

    /* One transaction beyond every bound of the log. */
    store_batch_add(batch, STORE_SQL("CREATE TABLE big (data BLOB)"));
    store_batch_add(batch, STORE_SQL("INSERT INTO big VALUES (?1)", store_blob(blob, BLOB)));
    for (int i = 0; i < 5; i++)
        store_batch_add(batch, STORE_SQL("INSERT INTO big SELECT data FROM big"));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    store_batch_free(batch);
    for (int i = 0; i < 2000 && log_size(f) > 0; i++)
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    CHECK(log_size(f) == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM big") == 32);
    return TROUPE_OK;
}

static void a_log_that_grew_is_cut_back_when_it_is_quiet(void **state)
{
    run_body(*state, truncate_body);
}

static troupe_status bytes_body(void *arg)
{
    enum { BLOB = 1 << 20 };
    struct fixture *f = arg;
    _cleanup_mem_ char *blob = mem_zero(1, BLOB);
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_batch_ struct store_batch *giving = store_batch_new();
    struct store_rows *rows = NULL;
    struct buf given = BUF_INIT;

    store_batch_add(batch, STORE_SQL("SELECT ?1", store_blob(blob, BLOB)));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_BUSY);
    buf_append(&given, blob, BLOB);
    store_batch_add(giving, STORE_SQL("SELECT ?1", store_batch_give(giving, &given)));
    CHECK_STATUS(store_commit(f->store, giving, 0, &f->err), TROUPE_BUSY);
    CHECK_STATUS(
        store_query(f->store, STORE_SQL("SELECT ?1", store_blob(blob, BLOB)), 0, &rows, &f->err),
        TROUPE_BUSY);
    for (int i = 0; i < 20; i++) { /* what is done is no longer counted */
        CHECK_STATUS(store_query(f->store,
                                 STORE_SQL("SELECT length(?1)", store_blob(blob, BLOB / 8)), 0,
                                 &rows, &f->err),
                     TROUPE_OK);
        store_rows_free(rows);
    }
    return TROUPE_OK;
}

static void what_is_in_flight_is_bounded_in_bytes(void **state)
{
    struct fixture *f = *state;
    const struct store_options options = {.max_queued_bytes = 500000};

    store_settle(f);
    fixture_open(f, &options);
    run_body(f, bytes_body);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(batches_of_a_tick_share_a_transaction_and_a_bad_one_is_undone_alone),
        STORE_TEST(who_ends_the_transaction_does_not_take_the_others_along),
        STORE_TEST(a_batch_gives_row_ids_counts_and_returned_rows),
        STORE_TEST(a_lost_lease_stops_every_write),
        STORE_TEST(a_wrong_statement_undoes_its_batch_and_says_why),
        STORE_TEST(a_batch_is_bounded_and_keeps_its_first_mistake),
        STORE_TEST(a_full_queue_says_busy_and_takes_more_later),
        STORE_TEST(who_is_cancelled_before_the_writer_took_it_wrote_nothing),
        STORE_TEST(a_cancelled_commit_tells_the_truth),
        STORE_TEST(what_was_acknowledged_is_there_after_closing),
        STORE_TEST(a_batch_takes_bytes_that_it_was_given_without_a_copy),
        STORE_TEST(the_log_is_checkpointed_by_hand),
        STORE_TEST(a_log_that_grew_is_cut_back_when_it_is_quiet),
        STORE_TEST(what_is_in_flight_is_bounded_in_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
