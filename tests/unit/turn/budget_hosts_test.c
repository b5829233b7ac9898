/* SPDX-License-Identifier: Apache-2.0
 *
 * Two hosts on one database of a server spend at once, for the same servers and members: each sum is
 * right in the end, and no two transactions ever waited for each other in a ring.
 */
#include "config.h"

#include "../store/server_fixture.h"
#include "budget_fixture.h"

#include "base/clock.h"
#include "turn/budget_warn.h"

#ifdef HAVE_POSTGRES
#include <libpq-fe.h>

#define HOSTS    2
#define SPENDERS 8  /* of a host  */
#define CALLS    30 /* of each    */
#define WAIT_MS  20000

static const struct turn_budget_caps caps[TURN_BUDGET_SPANS] = {
    {INT64_C(1) << 40, INT64_C(1) << 40, INT64_C(1) << 40, INT64_C(1) << 40},
    {INT64_C(1) << 40, INT64_C(1) << 40, INT64_C(1) << 40, INT64_C(1) << 40},
    {INT64_C(1) << 40, INT64_C(1) << 40, INT64_C(1) << 40, INT64_C(1) << 40}};

struct host {
    struct fixture *f;
    struct store *store;
    int64_t last; /* number that was given */
    struct turn_budget_limits limits;
};

struct spender {
    struct host *host;
    int64_t turn;
    unsigned seed;
    troupe_status status;
};

static int64_t ask(PGconn *pg, const char *sql)
{
    PGresult *result = PQexec(pg, sql);
    int64_t number = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;

    PQclear(result);
    return number;
}

/* A ring of locks is found at once, so that many can be. */
static void look_soon(const struct fixture *f)
{
    PGconn *pg = PQconnectdb(f->url);
    char text[128];

    snprintf(text, sizeof(text), "ALTER DATABASE %s SET deadlock_timeout = '10ms'", f->name);
    (void)ask(pg, text);
    PQfinish(pg);
}

static troupe_status spend(struct spender *spender, const struct turn_budget_request *request)
{
    struct host *host = spender->host;
    struct fixture *f = host->f;
    _cleanup_batch_ struct store_batch *reserving = store_batch_new(), *closing = store_batch_new();
    const int64_t id = host->last = store_next_id(host->store, host->last);
    const uint64_t cost = (uint64_t)rand_r(&spender->seed) % request->worst;
    const int way = rand_r(&spender->seed) % 4;
    int64_t reserved_ms = way == 3 ? turn_budget_add_reserve(reserving, request, id)
                                   : turn_budget_add_spend(reserving, request, id);

    CHECK_STATUS(store_commit(host->store, reserving, 0, &f->err), TROUPE_OK);
    if (way == 2) { /* it is never heard of */
        CHECK_STATUS(turn_budget_close(host->store, spender->turn, 0, NULL, &f->err), TROUPE_OK);
        return TROUPE_OK;
    }
    if (way == 0)
        turn_budget_add_book(closing, request, id, reserved_ms, cost);
    else if (way == 1)
        turn_budget_add_settle(closing, id, spender->turn, cost);
    else
        turn_budget_add_release(closing, id, spender->turn);
    turn_budget_watch(closing, &host->limits, id, cost);
    CHECK_STATUS(store_commit(host->store, closing, 0, &f->err), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_status spend_often(void *arg)
{
    static const char *const guilds[] = {NULL, "1", "2"}, *const members[] = {"11", "12", "13"},
                             *const agents[] = {"llm", "painter"};
    struct spender *spender = arg;

    for (int i = 0; i < CALLS && spender->status == TROUPE_OK; i++) {
        const struct turn_budget_request request = {
            .caps = {&caps[0], &caps[1], &caps[2]},
            .scope = {"bot", guilds[rand_r(&spender->seed) % 3],
                      members[rand_r(&spender->seed) % 3], agents[rand_r(&spender->seed) % 2]},
            .turn_id = spender->turn,
            .worst = 1 + (uint64_t)rand_r(&spender->seed) % 1000,
            .what = "test"};

        spender->status = spend(spender, &request);
    }
    return TROUPE_OK;
}

static troupe_status spend_all(void *arg)
{
    struct host *hosts = arg;
    struct spender spenders[HOSTS * SPENDERS];
    struct fixture *f = hosts->f;
    {
        SCOPE(scope, 0);
        for (int i = 0; i < HOSTS * SPENDERS; i++) {
            spenders[i] =
                (struct spender){&hosts[i % HOSTS], 1 + i, (unsigned)(7 * i + 1), TROUPE_OK};
            CHECK_STATUS(co_spawn(&scope, NULL, spend_often, &spenders[i]), TROUPE_OK);
        }
    }
    for (int i = 0; i < HOSTS * SPENDERS; i++)
        CHECK_STATUS(spenders[i].status, TROUPE_OK);
    return TROUPE_OK;
}

/* Sums that are not those of the ledger's rows. */
static const char *const wrong[] = {
    "SELECT count(*) FROM troupe.budget_day AS d WHERE d.reserved_micros <> 0 OR d.settled_micros "
    "<> "
    "(SELECT coalesce(sum(l.settled_micros), 0) FROM troupe.budget_ledger AS l WHERE l.day = d.day "
    "AND CASE d.scope WHEN 'bot' THEN l.scope_bot WHEN 'guild' THEN l.scope_guild "
    "WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END = d.scope_id)",
    "SELECT count(*) FROM troupe.budget_hour AS h WHERE h.reserved_micros <> 0 OR h.settled_micros "
    "<> "
    "(SELECT coalesce(sum(l.settled_micros), 0) FROM troupe.budget_ledger AS l "
    "WHERE l.created_ms / 3600000 = h.hour AND CASE h.scope WHEN 'bot' THEN l.scope_bot "
    "WHEN 'guild' THEN l.scope_guild WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END "
    "= h.scope_id)"};

static void hosts_that_spend_at_once_never_wait_in_a_ring(void **state)
{
    struct fixture f = {.loop = NULL};
    struct store *stores[HOSTS];
    struct host hosts[HOSTS];
    uint64_t until;
    PGconn *pg;

    (void)state;
    if (!have_server)
        skip(); /* no PostgreSQL on this machine */
    f.loop = fixture_new(NULL);
    snprintf(f.name, sizeof(f.name), "rings");
    postgres_server_database(&server, f.name, NULL, f.url);
    look_soon(&f);
    for (int i = 0; i < HOSTS; i++) {
        const struct store_options options = {.url = f.url, .name = i ? "second" : "first"};

        if (store_open(f.loop, &options, &stores[i], &f.err) != TROUPE_OK)
            fail_msg("store_open: %s", f.err.text);
        hosts[i] = (struct host){&f, stores[i], 0, {{caps[0], caps[1], caps[2]}}};
    }
    assert_status(fixture_run(f.loop, spend_all, hosts), TROUPE_OK);
    for (int i = 0; i < HOSTS; i++)
        store_close(stores[i]);
    for (int i = 0; i < 3; i++)
        loop_step(f.loop, 0);
    fixture_free(f.loop);

    pg = PQconnectdb(f.url);
    /* A session tells what it met when it ends. */
    until = clock_ms() + WAIT_MS;
    while (ask(pg, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") > 1)
        assert_true(clock_ms() < until);
    assert_int_equal(ask(pg, "SELECT count(*) FROM troupe.budget_ledger"),
                     HOSTS * SPENDERS * CALLS);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(ask(pg, wrong[i]), 0);
    assert_int_equal(
        ask(pg, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), 0);
    PQfinish(pg);
}
#else
static void hosts_that_spend_at_once_never_wait_in_a_ring(void **state)
{
    (void)state;
    skip(); /* it is built without PostgreSQL */
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_that_spend_at_once_never_wait_in_a_ring),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
