/* SPDX-License-Identifier: Apache-2.0
 *
 * A server that goes away, and connections that break at the worst moment. Each database is reached
 * through a relay.
 */
#include "config.h"

#include "server_fixture.h"
#include "store_fixture.h"

#ifdef HAVE_POSTGRES
#include <libpq-fe.h>
#endif
#include <stdatomic.h>

static struct relay relay;
static int databases;

/* What the relay loses at the first COMMIT that is sent; the hook has no argument. */
static _Atomic int loss_at_commit;

static void on_commit(void)
{
    int loss = atomic_exchange(&loss_at_commit, RELAY_NOTHING);

    if (loss != RELAY_NOTHING)
        atomic_store(&relay.loss, loss);
}

static void reopen(struct fixture *f, uint32_t away_ms)
{
    const struct store_options options = {.url = f->url,
                                          .write_ms = 1000,
                                          .busy_ms = 500,
                                          .away_ms = away_ms,
                                          .on_commit = on_commit};

    fixture_open(f, &options);
}

static int setup(void **state)
{
    struct fixture *f;

    if (!have_server)
        return 0;
    f = mem_zero(1, sizeof(*f));
    place_make(&f->place);
    f->loop = fixture_new(NULL);
    relay_start(&relay, &server);
    snprintf(f->name, sizeof(f->name), "test%d", ++databases);
    postgres_server_database(&server, f->name, relay.dir, f->url);
    reopen(f, 5000);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    if (!*state)
        return 0;
    store_teardown(state);
    relay_stop(&relay);
    return 0;
}

static struct fixture *fixture_of(void **state)
{
    if (!*state)
        skip(); /* no PostgreSQL on this machine */
    return *state;
}

static troupe_status put(struct fixture *f, const char *key)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_kv_put(batch, "core", "", key, key, strlen(key), 0);
    return store_commit(f->store, batch, 0, &f->err);
}

/* How often a key was written. */
static int64_t written(struct fixture *f, const char *key)
{
    _cleanup_rows_ struct store_rows *rows = NULL;

    if (store_kv_get(f->store, "core", "", key, 0, &rows, &f->err) < 0)
        return 0;
    return store_cell_int(rows, 0, 1, -1);
}

static bool is_degraded(struct fixture *f)
{
    struct store_stats stats;

    store_stats(f->store, &stats);
    return stats.degraded;
}

/* ---- cut connections ------------------------------------------------------------------------ */

static troupe_status cut_body(void *arg)
{
    static const enum relay_loss losses[] = {RELAY_NEXT_QUESTION, RELAY_NEXT_ANSWER};
    struct fixture *f = arg;

    for (int i = 0; i < 2; i++) { /* within the transaction */
        atomic_store(&relay.loss, losses[i]);
        CHECK_STATUS(put(f, i ? "b" : "a"), TROUPE_OK);
        CHECK(written(f, i ? "b" : "a") == 1);
    }
    CHECK(relay.count == 2);
    CHECK(!is_degraded(f));
    return TROUPE_OK;
}

static void a_transaction_that_was_cut_is_written_once(void **state)
{
    run_body(fixture_of(state), cut_body);
}

static troupe_status commit_body(void *arg)
{
    static const enum relay_loss losses[] = {RELAY_NEXT_QUESTION, RELAY_NEXT_ANSWER};
    struct fixture *f = arg;

    for (int i = 0; i < 2; i++) {
        atomic_store(&loss_at_commit, losses[i]);
        CHECK_STATUS(put(f, i ? "b" : "a"), TROUPE_OK);
        CHECK(relay.count == i + 1);
        CHECK(written(f, i ? "b" : "a") == 1);
    }
    CHECK_STATUS(put(f, "c"), TROUPE_OK);
    return TROUPE_OK;
}

static void a_commit_without_an_answer_is_looked_up_and_never_doubled(void **state)
{
    run_body(fixture_of(state), commit_body);
}

static troupe_status reader_body(void *arg)
{
    struct fixture *f = arg;

    CHECK_STATUS(put(f, "a"), TROUPE_OK);
    CHECK(written(f, "a") == 1);
    for (int i = 0; i < 2; i++) {
        atomic_store(&relay.loss, i ? RELAY_NEXT_ANSWER : RELAY_NEXT_QUESTION);
        CHECK(written(f, "a") == 1);
    }
    CHECK(relay.count == 2);
    return TROUPE_OK;
}

static void a_question_that_was_cut_is_asked_again(void **state)
{
    run_body(fixture_of(state), reader_body);
}

/* ---- a server that is away ------------------------------------------------------------------ */

struct putting {
    struct fixture *f;
    const char *key;
    troupe_status status;
    bool over;
};

static troupe_status put_one(void *arg)
{
    struct putting *p = arg;

    p->status = put(p->f, p->key);
    p->over = true;
    return TROUPE_OK;
}

static troupe_status restart_body(void *arg)
{
    struct fixture *f = arg;
    const struct co_owner owner = {"test:putting", 0};
    struct putting one = {.f = f, .key = "b"}, two = {.f = f, .key = "c"};
    SCOPE(scope, 0);

    CHECK_STATUS(put(f, "a"), TROUPE_OK);
    postgres_server_kill(&server);
    CHECK_STATUS(co_spawn(&scope, &owner, put_one, &one), TROUPE_OK);
    while (!is_degraded(f))
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    CHECK_STATUS(co_spawn(&scope, &owner, put_one, &two), TROUPE_OK);
    CHECK_STATUS(co_sleep(50), TROUPE_OK);
    CHECK(!one.over && !two.over); /* they wait */
    postgres_server_again(&server);
    CHECK_STATUS(scope_close(&scope), TROUPE_OK);
    CHECK_STATUS(one.status, TROUPE_OK);
    CHECK_STATUS(two.status, TROUPE_OK);
    CHECK(written(f, "a") == 1 && written(f, "b") == 1 && written(f, "c") == 1);
    CHECK(!is_degraded(f));
    return TROUPE_OK;
}

static void what_is_written_waits_for_a_server_that_was_killed(void **state)
{
    run_body(fixture_of(state), restart_body);
}

static troupe_status away_body(void *arg)
{
    struct fixture *f = arg;

    postgres_server_kill(&server);
    CHECK_STATUS(put(f, "a"), TROUPE_UNAVAILABLE);
    CHECK(is_degraded(f));
    {
        _cleanup_rows_ struct store_rows *rows = NULL;

        CHECK_STATUS(store_kv_get(f->store, "core", "", "a", 0, &rows, &f->err),
                     TROUPE_UNAVAILABLE);
    }
    postgres_server_again(&server);
    while (is_degraded(f)) /* by itself: nobody writes */
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    CHECK_STATUS(put(f, "a"), TROUPE_OK);
    CHECK(written(f, "a") == 1);
    return TROUPE_OK;
}

static void who_waited_long_enough_is_told_and_the_host_recovers_by_itself(void **state)
{
    struct fixture *f = fixture_of(state);

    store_settle(f);
    reopen(f, 100);
    run_body(f, away_body);
}

static troupe_status undecided_body(void *arg)
{
    struct fixture *f = arg;
    const struct co_owner owner = {"test:putting", 0};
    struct putting one = {.f = f, .key = "a"}, two = {.f = f, .key = "b"};
    SCOPE(scope, 0);

    atomic_store(&relay.away, true);
    atomic_store(&loss_at_commit, RELAY_NEXT_ANSWER);
    CHECK_STATUS(co_spawn(&scope, &owner, put_one, &one), TROUPE_OK);
    while (!is_degraded(f))
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    CHECK_STATUS(co_spawn(&scope, &owner, put_one, &two), TROUPE_OK);
    while (!two.over)
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    CHECK(!one.over);
    CHECK_STATUS(two.status, TROUPE_UNAVAILABLE);
    atomic_store(&relay.away, false);
    CHECK_STATUS(scope_close(&scope), TROUPE_OK);
    CHECK_STATUS(one.status, TROUPE_OK);
    CHECK(written(f, "a") == 1 && written(f, "b") == 0);
    return TROUPE_OK;
}

static void who_comes_behind_what_nobody_knows_of_is_told_in_time(void **state)
{
    struct fixture *f = fixture_of(state);

    store_settle(f);
    reopen(f, 100);
    run_body(f, undecided_body);
}

static troupe_status leave_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    postgres_server_kill(&server);
    while (!is_degraded(f)) /* seen without a question */
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    store_kv_put(batch, "core", "", "late", "x", 1, 0);
    CHECK_STATUS(store_commit(f->store, batch, co_after(50), &f->err), TROUPE_DEADLINE);
    postgres_server_again(&server);
    CHECK_STATUS(put(f, "a"), TROUPE_OK);
    CHECK(written(f, "late") == 0);
    return TROUPE_OK;
}

static void who_leaves_while_the_server_is_away_wrote_nothing(void **state)
{
    run_body(fixture_of(state), leave_body);
}

static troupe_status paused_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status;

    CHECK_STATUS(put(f, "a"), TROUPE_OK);
    postgres_server_pause(&server, true);
    store_kv_put(batch, "core", "", "slow", "x", 1, 0);
    status = store_commit(f->store, batch, co_after(50), &f->err);
    postgres_server_pause(&server, false);
    CHECK_STATUS(status, TROUPE_MAYBE_DONE);
    CHECK_STATUS(put(f, "b"), TROUPE_OK);
    CHECK(written(f, "slow") == 1 && written(f, "b") == 1);
    return TROUPE_OK;
}

static void who_leaves_a_server_that_hangs_is_told_that_it_may_be_done(void **state)
{
    run_body(fixture_of(state), paused_body);
}

/* ---- opening -------------------------------------------------------------------------------- */

#ifdef HAVE_POSTGRES
static bool says(PGconn *reader, const char *sql)
{
    PGresult *result = PQexec(reader, sql);
    bool good =
        PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;

    PQclear(result);
    return good;
}

/* It would keep what is to go in the files. */
static troupe_status seen_body(void *arg)
{
    struct fixture *f = arg;
    PGconn *reader = PQconnectdb(f->url);

    CHECK_STATUS(put(f, "a"), TROUPE_OK);
    CHECK(says(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ") && says(reader, "SELECT 1"));
    CHECK_STATUS(put(f, "b"), TROUPE_OK);
    CHECK_STATUS(store_forget(f->store, 0, &f->err), TROUPE_BUSY);
    CHECK(strstr(f->err.text, "try again later"));
    CHECK(says(reader, "COMMIT"));
    CHECK_STATUS(store_forget(f->store, 0, &f->err), TROUPE_OK);
    PQfinish(reader);
    return TROUPE_OK;
}

static void what_was_deleted_is_not_said_to_be_gone_while_somebody_sees_it(void **state)
{
    run_body(fixture_of(state), seen_body);
}
#endif

static void what_is_wrong_with_the_url_is_told_without_a_secret(void **state)
{
    static const struct {
        const char *url, *password;
        troupe_status status;
    } table[] = {
        {"postgresql://troupe:canary7@/x?host=/nowhere", NULL, TROUPE_ARGUMENT},
        {"host=/nowhere password=canary7", NULL, TROUPE_ARGUMENT},
        {"postgresql://canary7@[", "canary7", TROUPE_ARGUMENT},
        {"postgresql://troupe@/x?host=/nowhere", "canary7", TROUPE_UNAVAILABLE},
        {NULL, "canary7", TROUPE_NOT_FOUND}, /* no such database */
    };
    struct fixture *f = fixture_of(state);
    char nowhere[160];

    snprintf(nowhere, sizeof(nowhere), "postgresql://troupe@/nowhere?host=%s", server.dir);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct store_options options = {.url = table[i].url ? table[i].url : nowhere,
                                              .password = table[i].password,
                                              .busy_ms = 50};
        struct store *second = NULL;

        assert_status(store_open(f->loop, &options, &second, &f->err), table[i].status);
        assert_null(strstr(f->err.text, "canary7"));
        assert_string_not_equal(f->err.text, "");
    }
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(a_transaction_that_was_cut_is_written_once),
        SERVER_TEST(a_commit_without_an_answer_is_looked_up_and_never_doubled),
        SERVER_TEST(a_question_that_was_cut_is_asked_again),
        SERVER_TEST(what_is_written_waits_for_a_server_that_was_killed),
        SERVER_TEST(who_waited_long_enough_is_told_and_the_host_recovers_by_itself),
        SERVER_TEST(who_comes_behind_what_nobody_knows_of_is_told_in_time),
        SERVER_TEST(who_leaves_while_the_server_is_away_wrote_nothing),
        SERVER_TEST(who_leaves_a_server_that_hangs_is_told_that_it_may_be_done),
#ifdef HAVE_POSTGRES
        SERVER_TEST(what_was_deleted_is_not_said_to_be_gone_while_somebody_sees_it),
#endif
        SERVER_TEST(what_is_wrong_with_the_url_is_told_without_a_secret),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
