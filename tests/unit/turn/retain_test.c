/* SPDX-License-Identifier: Apache-2.0
 *
 * What agents keep about members goes with time: as they declare, or earlier where the owner says so.
 */
#include "turn_fixture.h"

#include "store/migrate.h"
#include "turn/retain.h"

#define DAY_MS INT64_C(86400000)
#define NOW    (1000 * DAY_MS)

static const char diary_ini[] =
    "[pipeline message]\nstages = d\n[agent d]\nplugin = " LIBS "/diary.so\n";
static const char short_ini[] =
    "[pipeline message]\nstages = d\n[agent d]\nplugin = " LIBS "/diary.so\nkeep = 2d\n";

static const struct store_migration steps[] = {
    {1, "001_diary.sql",
     "CREATE TABLE {page} (member TEXT NOT NULL, n INTEGER NOT NULL, written_ms INTEGER NOT NULL, "
     "PRIMARY KEY (member, n)); CREATE INDEX {page_age} ON {page} (written_ms);"
     "CREATE TABLE {mood} (id INTEGER PRIMARY KEY, member TEXT NOT NULL, at_ms INTEGER NOT NULL);"
     "CREATE TABLE {taste} (member TEXT PRIMARY KEY NOT NULL, at_ms INTEGER NOT NULL)",
     NULL},
};

static int64_t own(struct fixture *f, const char *sql)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement statement = {.sql = sql, .ns = "d", .expect = STORE_ANY};

    if (store_query(f->store, &statement, 0, &rows, &f->err) < 0)
        return -1;
    return store_cell_int(rows, 0, 0, -1);
}

/* A row a day, the newest of now. */
static troupe_status fill(struct fixture *f, int64_t days)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    CHECK_STATUS(store_migrate(f->store, "d", steps, 1, 0, &f->err), TROUPE_OK);
    for (int64_t age = 0; age < days; age++)
        for (int i = 0; i < 2; i++)
            store_batch_add(batch, &(const struct store_statement){
                                       .sql = i ? "INSERT INTO {mood} (member, at_ms) "
                                                  "VALUES ('7', ?1 - ?2)"
                                                : "INSERT INTO {page} (member, n, written_ms) "
                                                  "VALUES ('7', ?2, ?1 - ?2)",
                                       .ns = "d",
                                       .expect = 1,
                                       STORE_PARAMS(store_int(NOW), store_int(age * DAY_MS))});
    store_batch_add(
        batch,
        &(const struct store_statement){
            .sql = "INSERT INTO {taste} (member, at_ms) VALUES ('7', 0)", .ns = "d", .expect = 1});
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_status declared_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    bool more = false;

    CHECK_STATUS(fill(f, 120), TROUPE_OK);
    CHECK_STATUS(turn_retain(t->engine, NOW, &more), TROUPE_OK);
    CHECK(!more);
    CHECK(own(f, "SELECT count(*) FROM {page}") == 91); /* one is just 90 days old */
    CHECK(own(f, "SELECT count(*) FROM {mood}") == 120);
    CHECK(own(f, "SELECT count(*) FROM {mood} WHERE member = '7'") == 31);
    CHECK(own(f, "SELECT count(*) FROM {mood} WHERE member = ''") == 89);
    CHECK(own(f, "SELECT count(*) FROM {taste}") == 1); /* until the member deletes it */
    return TROUPE_OK;
}

static void what_agents_keep_goes_when_it_is_as_old_as_they_declare(void **state)
{
    (void)state;
    play_in(diary_ini, NULL, declared_body);
}

static troupe_status earlier_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    bool more = false;

    CHECK_STATUS(fill(f, 10), TROUPE_OK);
    CHECK_STATUS(turn_retain(t->engine, NOW, &more), TROUPE_OK);
    CHECK(own(f, "SELECT count(*) FROM {page}") == 3);
    CHECK(own(f, "SELECT count(*) FROM {mood} WHERE member = '7'") == 3);
    return TROUPE_OK;
}

static void the_owner_may_have_it_gone_earlier(void **state)
{
    (void)state;
    play_in(short_ini, NULL, earlier_body);
}

#define FILL                                                                                       \
    "INSERT INTO {page} (member, n, written_ms) WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL "      \
    "SELECT n + 1 FROM i WHERE n < 1200) SELECT '8', n, 1 FROM i"

static troupe_status portions_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    static const int64_t left[] = {700, 200, 0};

    CHECK_STATUS(store_migrate(f->store, "d", steps, 1, 0, &f->err), TROUPE_OK);
    store_batch_add(batch,
                    &(const struct store_statement){.sql = FILL, .ns = "d", .expect = STORE_ANY});
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    for (size_t i = 0; i < 3; i++) {
        bool more = false;

        CHECK_STATUS(turn_retain(t->engine, NOW, &more), TROUPE_OK);
        CHECK(own(f, "SELECT count(*) FROM {page}") == left[i]);
        CHECK(more == (i < 2));
    }
    return TROUPE_OK;
}

static void it_goes_in_portions(void **state)
{
    (void)state;
    play_in(diary_ini, NULL, portions_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_agents_keep_goes_when_it_is_as_old_as_they_declare),
        cmocka_unit_test(the_owner_may_have_it_gone_earlier),
        cmocka_unit_test(it_goes_in_portions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
