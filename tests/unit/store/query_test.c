/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#define ENDLESS "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "

static troupe_status types_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_value *cell;

    CHECK_STATUS(
        store_query(f->store,
                    STORE_SQL("SELECT ?1 AS i, ?2 AS d, ?3 AS t, ?4 AS b, ?5 AS n, '' AS e",
                              store_int(INT64_MIN), store_double(0.5),
                              store_textn("a\0\xc3\xa4", 4), store_blob("\xff\0", 2),
                              store_text(NULL)),
                    0, &rows, &f->err),
        TROUPE_OK);
    CHECK(rows->count == 1 && rows->columns == 6);
    CHECK(strcmp(rows->names[0], "i") == 0 && strcmp(rows->names[5], "e") == 0);
    CHECK(store_cell_int(rows, 0, 0, 0) == INT64_MIN);
    CHECK(store_cell_double(rows, 0, 1, 0) > 0.49 && store_cell_double(rows, 0, 1, 0) < 0.51);
    cell = store_cell(rows, 0, 2);
    CHECK(cell->type == STORE_TEXT && cell->len == 4 && memcmp(cell->data, "a\0\xc3\xa4", 5) == 0);
    cell = store_cell(rows, 0, 3);
    CHECK(cell->type == STORE_BLOB && cell->len == 2 && memcmp(cell->data, "\xff\0", 2) == 0);
    CHECK(store_cell(rows, 0, 4)->type == STORE_NULL);
    CHECK(strcmp(store_cell_text(rows, 0, 5, "no"), "") == 0);
    CHECK(store_cell_int(rows, 0, 4, 9) == 9 && store_cell_int(rows, 0, 2, 9) == 9);
    CHECK(store_cell(rows, 1, 0)->type == STORE_NULL && store_cell(rows, 0, 6)->type == STORE_NULL);
    return TROUPE_OK;
}

static void cells_keep_their_type_and_every_byte(void **state)
{
    run_body(*state, types_body);
}

static troupe_status sees_body(void *arg)
{
    struct fixture *f = arg;

    for (int64_t i = 1; i <= 50; i++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        store_batch_add(batch, STORE_SQL("INSERT INTO item (n) VALUES (?)", store_int(i)));
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
        CHECK(ask_int(f, "SELECT count(*) FROM item") == i);
    }
    return TROUPE_OK;
}

static void a_query_sees_what_was_acknowledged_before(void **state)
{
    run_body(*state, sees_body);
}

static troupe_status bounds_body(void *arg)
{
    struct fixture *f = arg;
    struct store_rows *rows = NULL;

    CHECK_STATUS(
        store_query(f->store, STORE_SQL(ENDLESS "SELECT x FROM c LIMIT 10000"), 0, &rows, &f->err),
        TROUPE_OK);
    CHECK(rows->count == STORE_ROWS_MAX);
    CHECK(store_cell_int(rows, 9999, 0, 0) == 10000);
    store_rows_free(rows);
    rows = NULL;
    CHECK_STATUS(
        store_query(f->store, STORE_SQL(ENDLESS "SELECT x FROM c LIMIT 10001"), 0, &rows, &f->err),
        TROUPE_LIMIT);
    CHECK_STATUS(store_query(f->store, STORE_SQL("SELECT zeroblob(8388609)"), 0, &rows, &f->err),
                 TROUPE_LIMIT);
    CHECK_STATUS(store_query(f->store,
                             STORE_SQL(ENDLESS "SELECT zeroblob(100000) FROM c LIMIT 100"), 0,
                             &rows, &f->err),
                 TROUPE_LIMIT);
    CHECK(rows == NULL);
    CHECK(ask_int(f, "SELECT 5") == 5);
    return TROUPE_OK;
}

static void a_result_is_whole_or_refused(void **state)
{
    run_body(*state, bounds_body);
}

static troupe_status deadline_body(void *arg)
{
    struct fixture *f = arg;
    struct store_rows *rows = NULL;

    /* One reader only: the interrupted statement must free it for the next query. */
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(store_query(f->store, STORE_SQL(ENDLESS "SELECT count(*) FROM c WHERE x < 0"),
                                 co_after(20), &rows, &f->err),
                     TROUPE_DEADLINE);
        CHECK(rows == NULL);
        CHECK(ask_int(f, "SELECT 1") == 1);
    }
    return TROUPE_OK;
}

static void a_deadline_interrupts_the_statement(void **state)
{
    struct fixture *f = *state;
    const struct store_options options = {.readers = 1};

    store_settle(f);
    fixture_open(f, &options);
    run_body(f, deadline_body);
}

static troupe_status query_for_ever(void *arg)
{
    struct fixture *f = arg;
    struct store_rows *rows = NULL;

    return store_query(f->store, STORE_SQL(ENDLESS "SELECT count(*) FROM c WHERE x < 0"), 0, &rows,
                       NULL);
}

static troupe_status canceled_body(void *arg)
{
    struct fixture *f = arg;
    const struct co_owner owner = {"test:reader", 0};

    { /* two run, two wait for a reader, all leave */
        SCOPE(scope, 0);
        for (int i = 0; i < 4; i++)
            CHECK_STATUS(co_spawn(&scope, &owner, query_for_ever, f), TROUPE_OK);
        CHECK_STATUS(co_sleep(10), TROUPE_OK);
        scope_cancel(&scope, TROUPE_CANCELED);
        CHECK_STATUS(scope_close(&scope), TROUPE_CANCELED);
    }
    CHECK(ask_int(f, "SELECT 1") == 1);
    return TROUPE_OK;
}

static void who_leaves_takes_the_statement_along(void **state)
{
    run_body(*state, canceled_body);
}

static troupe_status leave_running_body(void *arg)
{
    struct fixture *f = arg;
    struct store_rows *rows = NULL;

    for (int i = 0; i < 4; i++)
        CHECK_STATUS(store_query(f->store, STORE_SQL(ENDLESS "SELECT count(*) FROM c WHERE x < 0"),
                                 co_after(1), &rows, &f->err),
                     TROUPE_DEADLINE);
    return TROUPE_OK;
}

static void an_outcome_after_everybody_left_is_dropped_even_after_closing(void **state)
{
    run_body(*state, leave_running_body); /* the teardown closes the store at once */
}

static troupe_status writes_body(void *arg)
{
    static const char *const texts[] = {
        "INSERT INTO item (n) VALUES (1)",
        "DELETE FROM item RETURNING id",
        "WITH a AS (SELECT 1) UPDATE item SET n = 2",
        "CREATE TABLE other (a)",
        "DROP TABLE item",
    };
    struct fixture *f = arg;
    struct store_rows *rows = NULL;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK_STATUS(store_query(f->store, STORE_SQL(texts[i]), 0, &rows, &f->err), TROUPE_DENIED);
    CHECK_STATUS(store_query(f->store, STORE_EXPECT(1, "SELECT n FROM item"), 0, &rows, &f->err),
                 TROUPE_CONFLICT);
    CHECK_STATUS(store_query(f->store, STORE_SQL("SELECT n FRM item"), 0, &rows, &f->err),
                 TROUPE_ARGUMENT);
    CHECK(rows == NULL);
    return TROUPE_OK;
}

static void a_query_cannot_write(void **state)
{
    run_body(*state, writes_body);
}

static troupe_status cache_body(void *arg)
{
    struct fixture *f = arg;

    /* More texts than a connection keeps compiled, twice: thrown out and compiled anew. */
    for (int64_t i = 0; i < 1200; i++) {
        _cleanup_mem_ char *sql = mem_printf("SELECT %d", (int)(i % 600));

        CHECK(ask_int(f, sql) == i % 600);
    }
    return TROUPE_OK;
}

static void any_number_of_texts_may_come(void **state)
{
    run_body(*state, cache_body);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(cells_keep_their_type_and_every_byte),
        STORE_TEST(a_query_sees_what_was_acknowledged_before),
        STORE_TEST(a_result_is_whole_or_refused),
        STORE_TEST(a_deadline_interrupts_the_statement),
        STORE_TEST(who_leaves_takes_the_statement_along),
        STORE_TEST(an_outcome_after_everybody_left_is_dropped_even_after_closing),
        STORE_TEST(a_query_cannot_write),
        STORE_TEST(any_number_of_texts_may_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
