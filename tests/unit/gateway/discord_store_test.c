/* SPDX-License-Identifier: Apache-2.0
 *
 * What of a Discord session survives the process.
 */
#include "../store/store_fixture.h"

#include "base/clock.h"
#include "gateway/discord/store.h"

#define NAME "discord:0"
#define DAY  INT64_C(86400000)

static const struct discord_resume first = {"session-one", "wss://one.example", 1};
static const struct discord_resume second = {"session-two", "wss://two.example", 1};

static troupe_status store_seq(struct fixture *f, const char *session_id, int64_t seq)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    discord_store_seq(batch, NAME, session_id, seq);
    return store_commit(f->store, batch, 0, &f->err);
}

static int64_t loaded_seq(struct fixture *f)
{
    struct discord_resume resume = {.seq = -2};

    return discord_store_load(f->store, NAME, &resume, &f->err) < 0 ? -3 : resume.seq;
}

static troupe_status session_body(void *arg)
{
    struct fixture *f = arg;
    struct discord_resume resume;

    CHECK_STATUS(discord_store_load(f->store, NAME, &resume, &f->err), TROUPE_OK);
    CHECK(resume.session_id[0] == '\0' && resume.url[0] == '\0' && resume.seq == -1);
    CHECK_STATUS(discord_store_session(f->store, NAME, &first, &f->err), TROUPE_OK);
    CHECK_STATUS(store_seq(f, "session-one", 500), TROUPE_OK);
    store_close(f->store);
    f->store = NULL;
    fixture_open(f, NULL);
    CHECK_STATUS(discord_store_load(f->store, NAME, &resume, &f->err), TROUPE_OK);
    CHECK(strcmp(resume.session_id, "session-one") == 0);
    CHECK(strcmp(resume.url, "wss://one.example") == 0 && resume.seq == 500);
    /* Another gateway's is another row. */
    CHECK_STATUS(discord_store_load(f->store, "discord:1", &resume, &f->err), TROUPE_OK);
    CHECK(resume.session_id[0] == '\0');
    return TROUPE_OK;
}

static void a_session_is_there_after_a_restart(void **state)
{
    run_body(*state, session_body);
}

static troupe_status seq_body(void *arg)
{
    struct fixture *f = arg;
    struct discord_resume none = {.seq = -1};

    CHECK_STATUS(store_seq(f, NULL, 7), TROUPE_OK); /* no session at all */
    CHECK(loaded_seq(f) == -1);
    CHECK_STATUS(discord_store_session(f->store, NAME, &first, &f->err), TROUPE_OK);
    CHECK_STATUS(store_seq(f, "session-one", 9), TROUPE_OK);
    CHECK_STATUS(store_seq(f, "session-one", 8), TROUPE_OK);
    CHECK(loaded_seq(f) == 9);
    CHECK_STATUS(discord_store_session(f->store, NAME, &second, &f->err), TROUPE_OK);
    CHECK(loaded_seq(f) == 1);
    /* A late batch with events of the session before: a number of another count. */
    CHECK_STATUS(store_seq(f, "session-one", 10), TROUPE_OK);
    CHECK(loaded_seq(f) == 1);
    CHECK_STATUS(store_seq(f, NULL, 2), TROUPE_OK);
    CHECK(loaded_seq(f) == 2);
    CHECK_STATUS(discord_store_session(f->store, NAME, &none, &f->err), TROUPE_OK);
    CHECK_STATUS(store_seq(f, NULL, 11), TROUPE_OK);
    CHECK(loaded_seq(f) == -1);
    return TROUPE_OK;
}

static void a_number_only_grows_within_its_session(void **state)
{
    run_body(*state, seq_body);
}

static troupe_status batch_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    CHECK_STATUS(discord_store_session(f->store, NAME, &first, &f->err), TROUPE_OK);
    discord_store_seq(batch, NAME, "session-one", 40);
    store_batch_add(batch, STORE_EXPECT(1, "UPDATE item SET n = 1 WHERE id = ?1", store_int(77)));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_CONFLICT);
    CHECK(loaded_seq(f) == 1);
    return TROUPE_OK;
}

static void the_number_is_never_ahead_of_the_batch_it_came_with(void **state)
{
    run_body(*state, batch_body);
}

/* `count` identifies that ended `ago` ms ago, one a second. */
static troupe_status insert_identifies(struct fixture *f, const char *account, int count,
                                       int64_t ago)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    int64_t last = clock_wall_ms() - ago;

    for (int i = 0; i < count; i++)
        store_batch_add(batch, STORE_SQL("INSERT INTO discord_identify VALUES (?1, ?2)",
                                         store_text(account), store_int(last - i * 1000)));
    return store_commit(f->store, batch, 0, &f->err);
}

static troupe_status budget_body(void *arg)
{
    struct fixture *f = arg;
    uint64_t wait_ms = 12345;
    unsigned count = 0;

    /* Old ones go, others do not count. */
    CHECK_STATUS(insert_identifies(f, "bot", 50, DAY + 1000), TROUPE_OK);
    CHECK_STATUS(insert_identifies(f, "other", 900, 3600000), TROUPE_OK);
    CHECK_STATUS(insert_identifies(f, "bot", 899, 3600000), TROUPE_OK);
    CHECK_STATUS(discord_store_identify(f->store, "bot", &wait_ms, &f->err), TROUPE_OK);
    CHECK(wait_ms == 12345);
    CHECK_STATUS(discord_store_identifies(f->store, "bot", &count, &f->err), TROUPE_OK);
    CHECK(count == 900);
    CHECK(ask_int(f, "SELECT count(*) FROM discord_identify WHERE account = 'bot'") == 900);
    /* The 901st waits for the oldest: it began 899 s before the hour. */
    CHECK_STATUS(discord_store_identify(f->store, "bot", &wait_ms, &f->err), TROUPE_LIMIT);
    CHECK(wait_ms <= (uint64_t)(DAY - 3600000 - 898000));
    CHECK(wait_ms > (uint64_t)(DAY - 3600000 - 898000 - 600000));
    CHECK(strstr(f->err.text, "900 sessions within 24 hours") != NULL);
    CHECK(ask_int(f, "SELECT count(*) FROM discord_identify WHERE account = 'bot'") == 900);
    store_close(f->store);
    f->store = NULL;
    fixture_open(f, NULL);
    CHECK_STATUS(discord_store_identify(f->store, "bot", &wait_ms, &f->err), TROUPE_LIMIT);
    return TROUPE_OK;
}

static void the_nine_hundred_and_first_identify_of_a_day_is_refused(void **state)
{
    run_body(*state, budget_body);
}

static troupe_status apart_body(void *arg)
{
    struct fixture *f = arg;
    uint64_t wait_ms = 0;

    CHECK_STATUS(discord_store_identify(f->store, "bot", &wait_ms, &f->err), TROUPE_OK);
    CHECK_STATUS(discord_store_identify(f->store, "bot", &wait_ms, &f->err), TROUPE_BUSY);
    CHECK(wait_ms > 0 && wait_ms <= 5000);
    CHECK_STATUS(discord_store_identify(f->store, "other", &wait_ms, &f->err), TROUPE_OK);
    return TROUPE_OK;
}

static void identifies_of_one_account_are_five_seconds_apart_over_restarts(void **state)
{
    run_body(*state, apart_body);
}

static troupe_status clock_body(void *arg)
{
    struct fixture *f = arg;
    uint64_t wait_ms = 0;

    /* A few in a future that the clock has come back from do not block; too many do. */
    CHECK_STATUS(insert_identifies(f, "bot", 10, -30 * DAY), TROUPE_OK);
    CHECK_STATUS(discord_store_identify(f->store, "bot", &wait_ms, &f->err), TROUPE_OK);
    CHECK_STATUS(insert_identifies(f, "late", 900, -30 * DAY), TROUPE_OK);
    CHECK_STATUS(discord_store_identify(f->store, "late", &wait_ms, &f->err), TROUPE_LIMIT);
    CHECK(wait_ms > 0 && wait_ms <= (uint64_t)DAY);
    return TROUPE_OK;
}

static void identifies_dated_into_the_future_count(void **state)
{
    run_body(*state, clock_body);
}

static troupe_status away_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    uint64_t wait_ms = 12345;

    store_batch_add(batch, STORE_SQL("DROP TABLE discord_identify"));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK(discord_store_identify(f->store, "bot", &wait_ms, &f->err) < 0);
    CHECK(wait_ms == 12345);
    return TROUPE_OK;
}

static void what_cannot_be_counted_is_refused(void **state)
{
    run_body(*state, away_body);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_session_is_there_after_a_restart),
        STORE_TEST(a_number_only_grows_within_its_session),
        STORE_TEST(the_number_is_never_ahead_of_the_batch_it_came_with),
        STORE_TEST(the_nine_hundred_and_first_identify_of_a_day_is_refused),
        STORE_TEST(identifies_of_one_account_are_five_seconds_apart_over_restarts),
        STORE_TEST(identifies_dated_into_the_future_count),
        STORE_TEST(what_cannot_be_counted_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
