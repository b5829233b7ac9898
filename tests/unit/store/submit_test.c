/* SPDX-License-Identifier: Apache-2.0
 *
 * Commits that nobody waits for: their order, their outcomes, and the end of the store.
 */
#include "store_fixture.h"

#include <sqlite3.h>

#define SUBMITS 3000

struct seen {
    struct fixture *f;
    unsigned told, durable;
    troupe_status last;
    char text[ERROR_TEXT_MAX];
    int64_t changes;
    bool inside; /* store_submit has not returned yet */
};

static void told(void *arg, struct store_batch *batch, troupe_status status,
                 const struct error *err)
{
    struct seen *seen = arg;

    assert_false(seen->inside);
    assert_null(co_self()); /* the loop's own stack */
    assert_int_equal(status >= 0, err == NULL);
    seen->told++;
    seen->durable += status >= 0;
    seen->last = status;
    seen->changes = store_batch_changes(batch, 0);
    snprintf(seen->text, sizeof(seen->text), "%s", err ? err->text : "");
}

static troupe_status submit(struct seen *seen, const struct store_statement *statement)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status;

    store_batch_add(batch, statement);
    seen->inside = true;
    status = store_submit(seen->f->store, batch, told, seen, &seen->f->err);
    seen->inside = false;
    return status;
}

/* Appends a letter to the one item's name, so that the name tells the order. */
static const struct store_statement *append(const char *letter, struct store_statement *scratch,
                                            struct store_value *value)
{
    *value = store_text(letter);
    *scratch = (struct store_statement){
        .sql = "UPDATE item SET name = name || ?1", .expect = 1, .params = value, .param_count = 1};
    return scratch;
}

struct waiter {
    struct fixture *f;
    const char *letter;
    troupe_status status;
};

static troupe_status commit_letter(void *arg)
{
    struct waiter *w = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct store_statement scratch;
    struct store_value value;

    store_batch_add(batch, append(w->letter, &scratch, &value));
    w->status = store_commit(w->f->store, batch, 0, NULL);
    return TROUPE_OK;
}

static troupe_status order_body(void *arg)
{
    struct fixture *f = arg;
    struct seen seen = {.f = f};
    struct waiter waiters[] = {{f, "b", 1}, {f, "d", 1}};
    struct store_statement scratch;
    struct store_value value;
    struct store_stats before, after;

    CHECK_STATUS(submit(&seen, STORE_SQL("INSERT INTO item (name) VALUES ('')")), TROUPE_OK);
    store_stats(f->store, &before);
    {
        SCOPE(scope, 0);
        CHECK_STATUS(submit(&seen, append("a", &scratch, &value)), TROUPE_OK);
        CHECK_STATUS(co_spawn(&scope, NULL, commit_letter, &waiters[0]), TROUPE_OK);
        CHECK_STATUS(co_pass(), TROUPE_OK);
        CHECK_STATUS(submit(&seen, append("c", &scratch, &value)), TROUPE_OK);
        CHECK_STATUS(co_spawn(&scope, NULL, commit_letter, &waiters[1]), TROUPE_OK);
        CHECK_STATUS(co_pass(), TROUPE_OK);
        CHECK_STATUS(submit(&seen, append("e", &scratch, &value)), TROUPE_OK);
        CHECK_STATUS(scope_close(&scope), TROUPE_OK);
    }
    CHECK(ask_int(f, "SELECT name = 'abcde' FROM item") == 1);
    while (seen.told < 4)
        CHECK_STATUS(co_sleep(1), TROUPE_OK);
    CHECK(seen.durable == 4 && seen.changes == 1);
    CHECK(waiters[0].status == TROUPE_OK && waiters[1].status == TROUPE_OK);
    store_stats(f->store, &after);
    CHECK(after.batches_queued == 0 && after.failed == 0);
    return TROUPE_OK;
}

static void submits_and_commits_are_written_in_the_order_they_came(void **state)
{
    run_body(*state, order_body);
}

static troupe_status failure_body(void *arg)
{
    struct fixture *f = arg;
    struct seen good = {.f = f}, guard = {.f = f}, twice = {.f = f}, wrong = {.f = f};

    CHECK_STATUS(submit(&good, STORE_SQL("INSERT INTO item (name) VALUES ('a')")), TROUPE_OK);
    CHECK_STATUS(submit(&guard, STORE_EXPECT(1, "UPDATE item SET n = 1 WHERE name = 'b'")),
                 TROUPE_OK);
    CHECK_STATUS(submit(&twice, STORE_SQL("INSERT INTO item (name) VALUES ('a')")), TROUPE_OK);
    CHECK_STATUS(submit(&wrong, STORE_SQL("INSERT INTO nothing VALUES (1)")), TROUPE_OK);
    while (!wrong.told)
        CHECK_STATUS(co_sleep(1), TROUPE_OK);
    CHECK(good.told == 1 && good.durable == 1);
    CHECK(guard.told == 1 && guard.last == TROUPE_CONFLICT);
    CHECK(strstr(guard.text, "0 rows where 1 were expected"));
    CHECK(twice.told == 1 && twice.last == TROUPE_CONFLICT);
    CHECK(wrong.told == 1 && wrong.last == TROUPE_ARGUMENT);
    CHECK(strstr(wrong.text, "nothing"));
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 1);
    return TROUPE_OK;
}

static void a_failure_is_told_with_its_reason_and_undone_alone(void **state)
{
    run_body(*state, failure_body);
}

static troupe_status refusal_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *used = store_batch_new(), *failed = store_batch_new();
    struct seen seen = {.f = f};

    store_batch_add(used, STORE_SQL("INSERT INTO item (name) VALUES ('used')"));
    CHECK_STATUS(store_submit(f->store, used, NULL, NULL, &f->err), TROUPE_OK);
    CHECK_STATUS(store_submit(f->store, used, told, &seen, &f->err), TROUPE_ARGUMENT);
    store_batch_fail(failed, TROUPE_LIMIT, "too much");
    CHECK_STATUS(store_submit(f->store, failed, told, &seen, &f->err), TROUPE_LIMIT);
    CHECK_STATUS(submit(&seen, STORE_SQL("INSERT INTO item (name) VALUES ('1')")), TROUPE_OK);
    CHECK_STATUS(submit(&seen, STORE_SQL("INSERT INTO item (name) VALUES ('2')")), TROUPE_BUSY);
    while (!seen.told)
        CHECK_STATUS(co_sleep(1), TROUPE_OK);
    CHECK_STATUS(submit(&seen, STORE_SQL("INSERT INTO item (name) VALUES ('2')")), TROUPE_OK);
    while (seen.told < 2)
        CHECK_STATUS(co_sleep(1), TROUPE_OK);
    CHECK(seen.durable == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 3);
    return TROUPE_OK;
}

static void what_is_refused_is_not_told_and_the_queue_is_bounded(void **state)
{
    struct fixture *f = *state;
    const struct store_options options = {.max_queued = 2};

    store_settle(f);
    fixture_open(f, &options);
    run_body(f, refusal_body);
}

static troupe_status many_body(void *arg)
{
    struct seen *seen = arg;
    struct fixture *f = seen->f;

    for (int64_t i = 0; i < SUBMITS; i++)
        CHECK_STATUS(submit(seen, STORE_SQL("INSERT INTO item (n) VALUES (?1)", store_int(i))),
                     TROUPE_OK);
    return TROUPE_OK;
}

static void what_is_in_flight_when_the_store_closes_is_written_and_told(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {.f = f};
    sqlite3_stmt *stmt;
    sqlite3 *db;

    assert_status(fixture_run(f->loop, many_body, &seen), TROUPE_OK);
    store_settle(f);
    assert_int_equal(seen.told, SUBMITS);
    assert_int_equal(seen.durable, SUBMITS);
    assert_int_equal(sqlite3_open(f->place.path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM item WHERE n = id - 1", -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), SUBMITS);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

/* One that goes on from its outcome, as a gateway's send loop does. */
struct chain {
    struct fixture *f;
    int64_t left;
};

static void next(void *arg, struct store_batch *before, troupe_status status,
                 const struct error *err)
{
    struct chain *chain = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    (void)before;
    (void)err;
    assert_status(status, TROUPE_OK);
    if (--chain->left == 0)
        return;
    store_batch_add(batch, STORE_SQL("INSERT INTO item (n) VALUES (1)"));
    assert_status(store_submit(chain->f->store, batch, next, chain, NULL), TROUPE_OK);
}

static troupe_status chain_body(void *arg)
{
    struct fixture *f = arg;
    struct chain chain = {f, 50};
    _cleanup_batch_ struct store_batch *empty = store_batch_new();

    CHECK_STATUS(store_submit(f->store, empty, next, &chain, &f->err), TROUPE_OK);
    while (chain.left)
        CHECK_STATUS(co_sleep(1), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 49);
    return TROUPE_OK;
}

static void an_outcome_may_submit_the_next(void **state)
{
    run_body(*state, chain_body);
}

/* ---- batches that grow ----------------------------------------------------------------------- */

struct growing {
    struct seen seen;
    struct store_batch *batch;
    unsigned closed;
    bool spoil;
};

static void close_growing(void *arg, struct store_batch *batch)
{
    struct growing *growing = arg;

    assert_ptr_equal(batch, growing->batch);
    assert_int_equal(growing->seen.told, 0);
    growing->closed++;
    store_batch_add(batch, STORE_SQL("INSERT INTO item (name) VALUES ('last')"));
    if (growing->spoil)
        store_batch_fail(batch, TROUPE_LIMIT, "too much came");
}

static void told_growing(void *arg, struct store_batch *batch, troupe_status status,
                         const struct error *err)
{
    struct growing *growing = arg;

    told(&growing->seen, batch, status, err);
}

static void grow(struct growing *growing, struct fixture *f)
{
    growing->seen.f = f;
    growing->batch = store_batch_new();
    store_batch_add(growing->batch, STORE_SQL("INSERT INTO item (name) VALUES ('first')"));
    assert_status(
        store_submit_open(f->store, growing->batch, close_growing, told_growing, growing, &f->err),
        TROUPE_OK);
    store_batch_add(growing->batch, STORE_SQL("INSERT INTO item (name) VALUES ('more')"));
}

static troupe_status growing_body(void *arg)
{
    struct fixture *f = arg;
    struct growing good = {.spoil = false}, bad = {.spoil = true};
    struct seen other = {.f = f}, behind = {.f = f};
    struct store_statement scratch;
    struct store_value value;

    CHECK_STATUS(submit(&other, STORE_SQL("INSERT INTO item (name) VALUES ('')")), TROUPE_OK);
    grow(&bad, f);
    while (!bad.seen.told || !other.told)
        CHECK_STATUS(co_sleep(1), TROUPE_OK);
    CHECK(bad.closed == 1 && bad.seen.last == TROUPE_LIMIT);
    CHECK(!strcmp(bad.seen.text, "too much came"));
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 1);

    grow(&good, f);
    CHECK_STATUS(submit(&behind, append("x", &scratch, &value)), TROUPE_OK);
    while (!behind.told)
        CHECK_STATUS(co_sleep(1), TROUPE_OK);
    CHECK(good.closed == 1 && good.seen.told == 1 && good.seen.durable == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 4);
    /* What was submitted behind it would have met one row only, had it gone first. */
    CHECK(behind.last == TROUPE_CONFLICT);
    store_batch_add(good.batch, STORE_SQL("INSERT INTO item (name) VALUES ('late')"));
    CHECK_STATUS(store_submit(f->store, good.batch, NULL, NULL, &f->err), TROUPE_ARGUMENT);
    store_batch_free(good.batch);
    store_batch_free(bad.batch);
    return TROUPE_OK;
}

static void a_batch_grows_until_the_writer_gets_it_and_fails_whole(void **state)
{
    run_body(*state, growing_body);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(submits_and_commits_are_written_in_the_order_they_came),
        STORE_TEST(a_failure_is_told_with_its_reason_and_undone_alone),
        STORE_TEST(what_is_refused_is_not_told_and_the_queue_is_bounded),
        STORE_TEST(what_is_in_flight_when_the_store_closes_is_written_and_told),
        STORE_TEST(an_outcome_may_submit_the_next),
        STORE_TEST(a_batch_grows_until_the_writer_gets_it_and_fails_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
