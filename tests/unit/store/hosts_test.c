/* SPDX-License-Identifier: Apache-2.0
 *
 * Several hosts on one database of a server: their places and numbers, and what one may do that others
 * took for dead. A host is a store here; one that is silent has its writer held at a COMMIT.
 */
#include "server_fixture.h"
#include "store_fixture.h"

#include <semaphore.h>
#include <stdatomic.h>

#define FIRST_MS  4000 /* it looks at the others every fifth of it */
#define SILENT_MS 400

static int databases;

/* The hook has no argument: how many calls of it pass before the writer waits, and what ends that. */
static _Atomic int passes = -1;
static sem_t held, resumed;
static _Atomic int taken;

static void on_commit(void)
{
    if (atomic_load(&passes) < 0 || atomic_fetch_sub(&passes, 1) > 0)
        return;
    sem_post(&held);
    sem_wait(&resumed);
}

static void on_taken(void *arg)
{
    (void)arg;
    atomic_fetch_add(&taken, 1);
}

static troupe_status open_host(struct fixture *f, const char *name, uint32_t lease_ms, bool alone,
                               struct store **ret)
{
    const struct store_options options = {.url = f->url,
                                          .name = name,
                                          .lease_ms = lease_ms,
                                          .alone = alone,
                                          .busy_ms = 300,
                                          .on_commit = lease_ms == SILENT_MS ? on_commit : NULL,
                                          .on_taken = on_taken};

    return store_open(f->loop, &options, ret, &f->err);
}

static int setup(void **state)
{
    struct fixture *f;

    if (!have_server)
        return 0;
    f = mem_zero(1, sizeof(*f));
    place_make(&f->place);
    f->loop = fixture_new(NULL);
    snprintf(f->name, sizeof(f->name), "test%d", ++databases);
    postgres_server_database(&server, f->name, NULL, f->url);
    assert_status(open_host(f, "first", FIRST_MS, false, &f->store), TROUPE_OK);
    assert_status(fixture_run(f->loop, make_items, f), TROUPE_OK);
    atomic_store(&passes, -1);
    atomic_store(&taken, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    return *state ? store_teardown(state) : 0;
}

static struct fixture *fixture_of(void **state)
{
    if (!*state) {
        skip(); /* no PostgreSQL on this machine; it does not return, as an analyser cannot know */
        abort();
    }
    return *state;
}

static void close_host(struct fixture *f, struct store *store)
{
    store_close(store);
    for (int i = 0; i < 3; i++)
        loop_step(f->loop, 0);
}

/* ---- places ---------------------------------------------------------------------------------- */

static void each_host_has_a_place_and_numbers_of_its_own(void **state)
{
    struct fixture *f = fixture_of(state);
    struct store *hosts[STORE_HOSTS_MAX] = {f->store}, *more = NULL;
    bool seen[100 * STORE_HOSTS_MAX] = {false};

    for (int i = 1; i < STORE_HOSTS_MAX; i++)
        assert_status(open_host(f, NULL, 0, false, &hosts[i]), TROUPE_OK);
    for (int i = 0; i < STORE_HOSTS_MAX; i++) {
        int64_t id = 7;

        assert_int_equal(store_host(hosts[i]), i);
        assert_true(store_is_shared(hosts[i]) && store_holds(hosts[i]));
        for (int n = 0; n < 50; n++) {
            int64_t next = store_next_id(hosts[i], id);

            assert_true(next > id && next - id <= STORE_HOSTS_MAX && !seen[next]);
            seen[next] = true;
            id = next;
        }
    }
    assert_status(open_host(f, NULL, 0, false, &more), TROUPE_UNAVAILABLE);
    assert_non_null(strstr(f->err.text, "16 hosts"));
    for (int i = 1; i < STORE_HOSTS_MAX; i++)
        close_host(f, hosts[i]);
}

static void a_host_that_starts_again_has_its_place_again(void **state)
{
    struct fixture *f = fixture_of(state);
    struct store *second = NULL, *third = NULL;

    assert_status(open_host(f, "second", 0, false, &second), TROUPE_OK);
    assert_status(open_host(f, "third", 0, false, &third), TROUPE_OK);
    close_host(f, second);
    close_host(f, third);
    assert_status(open_host(f, "third", 0, false, &third), TROUPE_OK);
    assert_int_equal(store_host(third), 2);
    assert_status(open_host(f, "another", 0, false, &second), TROUPE_OK);
    assert_int_equal(store_host(second), 1); /* nobody has it any more */
    close_host(f, second);
    close_host(f, third);
}

static void who_needs_the_database_alone_has_it_alone(void **state)
{
    struct fixture *f = fixture_of(state);
    struct store *other = NULL;

    assert_status(open_host(f, NULL, 0, true, &other), TROUPE_UNAVAILABLE);
    assert_non_null(strstr(f->err.text, "another host"));
    store_settle(f);
    assert_status(open_host(f, NULL, 0, true, &f->store), TROUPE_OK);
    assert_status(open_host(f, NULL, 0, false, &other), TROUPE_UNAVAILABLE);
    assert_non_null(strstr(f->err.text, "for itself"));
}

/* ---- who was taken for dead ------------------------------------------------------------------ */

struct silence {
    struct fixture *f;
    struct store *silent;
    int hook; /* which of the hook's two calls around a COMMIT it is held in */
    troupe_status told;
    bool is_told;
};

static void told(void *arg, struct store_batch *batch, troupe_status status,
                 const struct error *err)
{
    struct silence *silence = arg;

    (void)batch;
    if (status < 0)
        fprintf(stderr, "# %s\n", err->text);
    silence->told = status;
    silence->is_told = true;
}

static troupe_status submit(struct silence *silence, const char *sql)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    silence->is_told = false;
    store_batch_add(batch, STORE_SQL(sql));
    return store_submit(silence->silent, batch, told, silence, &silence->f->err);
}

static troupe_status wait_told(const struct silence *silence)
{
    while (!silence->is_told)
        if (co_sleep(1) < 0)
            return TROUPE_CANCELED;
    return TROUPE_OK;
}

static troupe_status wait_sem(sem_t *sem)
{
    while (sem_trywait(sem) < 0)
        if (co_sleep(1) < 0)
            return TROUPE_CANCELED;
    return TROUPE_OK;
}

#define HELD "SELECT CASE WHEN held THEN 1 ELSE 0 END FROM host WHERE slot = 1"

static troupe_status silence_body(void *arg)
{
    struct silence *silence = arg;
    struct fixture *f = silence->f;

    atomic_store(&passes, silence->hook);
    CHECK_STATUS(submit(silence, "INSERT INTO item (id, name) VALUES (1, 'first')"), TROUPE_OK);
    CHECK_STATUS(wait_sem(&held), TROUPE_OK);
    CHECK(store_holds(silence->silent)); /* as far as it knows */
    while (ask_int(f, HELD) != 0)
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    while (store_holds(silence->silent)) /* without asking anybody */
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    sem_post(&resumed);
    CHECK_STATUS(wait_told(silence), TROUPE_OK);
    if (silence->hook == 1) /* its COMMIT was there before the lease was over */
        CHECK_STATUS(silence->told, TROUPE_OK);
    else
        CHECK(silence->told < 0);
    CHECK(ask_int(f, "SELECT count(*) FROM item WHERE name = 'first'") == silence->hook);
    CHECK_STATUS(submit(silence, "INSERT INTO item (id, name) VALUES (2, 'second')"), TROUPE_OK);
    CHECK_STATUS(wait_told(silence), TROUPE_OK);
    CHECK_STATUS(silence->told, TROUPE_CONFLICT);
    CHECK(ask_int(f, "SELECT count(*) FROM item WHERE name = 'second'") == 0);
    CHECK(atomic_load(&taken) == 1 && !store_holds(silence->silent));
    return TROUPE_OK;
}

static void play_silence(struct fixture *f, int hook)
{
    struct silence silence = {.f = f, .hook = hook};

    assert_status(open_host(f, "silent", SILENT_MS, false, &silence.silent), TROUPE_OK);
    assert_status(fixture_run(f->loop, silence_body, &silence), TROUPE_OK);
    close_host(f, silence.silent);
}

static void a_commit_of_a_host_that_was_taken_for_dead_is_undone(void **state)
{
    play_silence(fixture_of(state), 0);
}

static void a_host_that_was_taken_for_dead_commits_nothing_any_more(void **state)
{
    play_silence(fixture_of(state), 1);
}

static void a_place_that_was_taken_away_is_for_the_next_who_starts(void **state)
{
    struct fixture *f = fixture_of(state);
    struct store *next = NULL;

    play_silence(f, 1);
    assert_status(open_host(f, "silent", 0, false, &next), TROUPE_OK);
    assert_int_equal(store_host(next), 1);
    close_host(f, next);
}

static troupe_status contended_body(void *arg)
{
    struct silence *silence = arg;
    struct fixture *f = silence->f;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    /* The other one holds this name in a transaction that never ends. */
    atomic_store(&passes, 0);
    CHECK_STATUS(submit(silence, "INSERT INTO item (id, name) VALUES (1, 'same')"), TROUPE_OK);
    CHECK_STATUS(wait_sem(&held), TROUPE_OK);
    store_batch_add(batch, STORE_EXPECT(1, "INSERT INTO item (id, name) VALUES (1, 'same') "
                                           "ON CONFLICT (name) DO NOTHING"));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    sem_post(&resumed);
    CHECK_STATUS(wait_told(silence), TROUPE_OK);
    CHECK(silence->told < 0);
    CHECK(ask_int(f, "SELECT count(*) FROM item WHERE name = 'same'") == 1);
    return TROUPE_OK;
}

static void what_a_silent_host_has_locked_is_waited_for_and_then_free(void **state)
{
    struct fixture *f = fixture_of(state);
    struct silence silence = {.f = f};

    assert_status(open_host(f, "silent", SILENT_MS, false, &silence.silent), TROUPE_OK);
    assert_status(fixture_run(f->loop, contended_body, &silence), TROUPE_OK);
    close_host(f, silence.silent);
}

/* ---- a server that was away ------------------------------------------------------------------ */

struct away {
    struct fixture *f;
    struct store *other;
};

static troupe_status away_body(void *arg)
{
    struct away *away = arg;
    struct fixture *f = away->f;

    postgres_server_kill(&server);
    while (store_holds(f->store) || store_holds(away->other))
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    postgres_server_again(&server);
    while ((!store_holds(f->store) || !store_holds(away->other)) && !atomic_load(&taken))
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM host WHERE held") == 2);
    CHECK(ask_int(f, "SELECT max(epoch) FROM host") == 1);
    CHECK(atomic_load(&taken) == 0);
    return TROUPE_OK;
}

static void a_server_that_was_away_makes_no_host_dead(void **state)
{
    struct away away = {.f = fixture_of(state)};

    assert_status(open_host(away.f, "other", SILENT_MS + 100, false, &away.other), TROUPE_OK);
    assert_status(fixture_run(away.f->loop, away_body, &away), TROUPE_OK);
    close_host(away.f, away.other);
}

/* ---- two at a time --------------------------------------------------------------------------- */

struct ring {
    struct fixture *f;
    struct store *other;
    int left;
};

static void ring_told(void *arg, struct store_batch *batch, troupe_status status,
                      const struct error *err)
{
    struct ring *ring = arg;

    (void)batch;
    if (status < 0)
        fprintf(stderr, "# %s\n", err->text);
    ring->left -= status >= 0;
}

/* Each round both change the same two rows, in opposite order. */
static troupe_status ring_body(void *arg)
{
    enum { ROUNDS = 50 };
    struct ring *ring = arg;
    struct fixture *f = ring->f;
    _cleanup_batch_ struct store_batch *rows = store_batch_new();

    store_batch_add(rows,
                    STORE_SQL("INSERT INTO item (id, name, n) VALUES (1, 'a', 0), (2, 'b', 0)"));
    CHECK_STATUS(store_commit(f->store, rows, 0, &f->err), TROUPE_OK);
    ring->left = 2 * ROUNDS;
    for (int i = 0; i < 2 * ROUNDS; i++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        const char *first = i % 2 ? "b" : "a", *second = i % 2 ? "a" : "b";

        store_batch_add(
            batch, STORE_EXPECT(1, "UPDATE item SET n = n + 1 WHERE name = ?1", store_text(first)));
        store_batch_add(batch, STORE_EXPECT(1, "UPDATE item SET n = n + 1 WHERE name = ?1",
                                            store_text(second)));
        CHECK_STATUS(store_submit(i % 2 ? ring->other : f->store, batch, ring_told, ring, &f->err),
                     TROUPE_OK);
        if (i % 2)
            CHECK_STATUS(co_sleep(2), TROUPE_OK);
    }
    while (ring->left)
        CHECK_STATUS(co_sleep(1), TROUPE_OK);
    CHECK(ask_int(f, "SELECT sum(n) FROM item") == 4 * (int64_t)ROUNDS);
    return TROUPE_OK;
}

static void hosts_that_wait_for_each_other_lose_nothing(void **state)
{
    struct ring ring = {.f = fixture_of(state)};

    assert_status(open_host(ring.f, "other", 0, false, &ring.other), TROUPE_OK);
    assert_status(fixture_run(ring.f->loop, ring_body, &ring), TROUPE_OK);
    close_host(ring.f, ring.other);
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int start_all(void **state)
{
    start_server(state);
    return sem_init(&held, 0, 0) || sem_init(&resumed, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(each_host_has_a_place_and_numbers_of_its_own),
        SERVER_TEST(a_host_that_starts_again_has_its_place_again),
        SERVER_TEST(who_needs_the_database_alone_has_it_alone),
        SERVER_TEST(a_commit_of_a_host_that_was_taken_for_dead_is_undone),
        SERVER_TEST(a_host_that_was_taken_for_dead_commits_nothing_any_more),
        SERVER_TEST(a_place_that_was_taken_away_is_for_the_next_who_starts),
        SERVER_TEST(what_a_silent_host_has_locked_is_waited_for_and_then_free),
        SERVER_TEST(a_server_that_was_away_makes_no_host_dead),
        SERVER_TEST(hosts_that_wait_for_each_other_lose_nothing),
    };

    return cmocka_run_group_tests(tests, start_all, stop_server);
}
