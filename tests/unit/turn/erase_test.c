/* SPDX-License-Identifier: Apache-2.0
 *
 * Deleting what is kept about a member: what waits for the day to be over, and whose is left alone.
 */
#include "budget_fixture.h"
#include "turn_fixture.h"

#include "turn/budget_stop.h"
#include "turn/erase.h"
#include "turn/erase_others.h"

#define DAY_MS (24 * 3600 * 1000ll)

#define BODY(name)                                                                                 \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play(name##_body);                                                                         \
    }                                                                                              \
    static troupe_status name##_body(void *arg)

static int64_t number(struct fixture *f, const char *sql, const char *member)
{
    _cleanup_rows_ struct store_rows *rows = NULL;

    if (store_query(f->store, STORE_SQL(sql, store_text(member)), 0, &rows, &f->err) < 0)
        return -1;
    return store_cell_int(rows, 0, 0, -1);
}

static troupe_status spend(struct fixture *f, const char *member, int64_t micros)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    char day[CLOCK_ISO_SIZE];

    clock_iso(clock_wall_ms(), day);
    day[10] = '\0';
    store_batch_add(batch,
                    STORE_EXPECT(1,
                                 "INSERT INTO budget_day (day, scope, scope_id, settled_micros) "
                                 "VALUES (?1, 'member', ?2, ?3)",
                                 store_text(day), store_text(member), store_int(micros)));
    store_batch_add(batch,
                    STORE_EXPECT(1,
                                 "INSERT INTO budget_hour (hour, scope, scope_id, settled_micros) "
                                 "VALUES (?1, 'member', ?2, ?3)",
                                 store_int(clock_wall_ms() / 3600000), store_text(member),
                                 store_int(micros)));
    store_batch_add(batch,
                    STORE_EXPECT(1,
                                 "INSERT INTO budget_ledger (day, scope_member, reserved_micros, "
                                 "settled_micros, state, created_ms) VALUES (?1, ?2, ?3, ?3, "
                                 "'settled', 1)",
                                 store_text(day), store_text(member), store_int(micros)));
    return store_commit(f->store, batch, 0, &f->err);
}

static const char days[] = "SELECT count(*) FROM budget_day WHERE scope_id = ?1";
static const char hours[] = "SELECT count(*) FROM budget_hour WHERE scope_id = ?1";
static const char ledger[] = "SELECT count(*) FROM budget_ledger WHERE scope_member = ?1";
static const char open_ones[] = "SELECT count(*) FROM erasure WHERE member = ?1";

static troupe_status round_at(struct stage_test *t, int64_t now_ms)
{
    bool soon = false;

    return turn_erase_round(t->engine, now_ms, &soon, &t->base.err);
}

BODY(what_was_spent_counts_until_the_day_is_over)
{
    struct stage_test *t = arg;
    struct fixture *f = &t->base;

    CHECK_STATUS(spend(f, "spender", 5), TROUPE_OK);
    CHECK_STATUS(spend(f, "other", 5), TROUPE_OK);
    CHECK_STATUS(spend(f, "free", 0), TROUPE_OK);
    CHECK_STATUS(turn_erase_ask(t->engine, "spender", "member", 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_erase_ask(t->engine, "free", "member", 0, &f->err), TROUPE_OK);
    WAIT_FOR(number(f, open_ones, "free") == 0 && number(f, ledger, "spender") == 0);
    CHECK(number(f, days, "spender") == 1); /* his cap holds by it */
    CHECK(number(f, ledger, "spender") == 0);
    CHECK(number(f, open_ones, "spender") == 1);
    CHECK(number(f, days, "free") == 0 && number(f, hours, "free") == 0);
    CHECK_STATUS(round_at(t, clock_wall_ms() + DAY_MS), TROUPE_OK);
    CHECK(number(f, days, "spender") == 0 && number(f, hours, "spender") == 0);
    CHECK(number(f, open_ones, "spender") == 0);
    CHECK(number(f, days, "other") == 1 && number(f, hours, "other") == 1);
    CHECK(number(f, ledger, "other") == 1);
    return TROUPE_OK;
}

BODY(a_turn_that_waits_for_the_member_is_ended)
{
    struct stage_test *t = arg;
    struct fixture *f = &t->base;
    const struct asking asker = {.member = "77"};
    struct record *record;
    const char *notes = "SELECT count(*) FROM a__note WHERE member = ?1";

    record = ask_as(t, asker, "sql INSERT INTO {note} VALUES (:member, :channel, 'mine')");
    WAIT_FOR(is_answered(record));
    CHECK(number(f, notes, "77") == 1);
    record = ask_as(t, asker, "reserve 5; ask 600000 Sure?");
    WAIT_FOR(number(f, "SELECT count(*) FROM event WHERE member = ?1 AND state = 'parked'", "77") ==
             1);
    CHECK_STATUS(turn_erase_ask(t->engine, "77", "operator", 0, &f->err), TROUPE_OK);
    WAIT_FOR(number(f, open_ones, "77") == 0);
    CHECK(number(f, notes, "77") == 0);
    CHECK(number(f, "SELECT count(*) FROM event WHERE member = ?1", "77") == 0);
    CHECK(number(f, "SELECT count(*) FROM event WHERE member = ?1 OR finished_ms IS NULL", "77") ==
          0);
    CHECK(number(f, "SELECT count(*) FROM wait WHERE who = ?1", "77") == 0);
    CHECK(number(f, "SELECT count(*) FROM budget_ledger WHERE state = ?1", "released") == 1);
    record->hushed = true;
    return TROUPE_OK;
}

/* What waits for a platform that is away goes, too, when its time is over. */
BODY(an_answer_that_is_not_delivered_goes_after_ten_minutes)
{
    struct stage_test *t = arg;
    struct fixture *f = &t->base;
    const struct asking asker = {.member = "78"};
    const char *waiting = "SELECT count(*) FROM outbox WHERE state = ?1 AND body LIKE '%zilpzalp%'";
    struct record *record;

    t->away = true;
    record = ask_as(t, asker, "reply zilpzalp");
    record->hushed = true;
    WAIT_FOR(number(f, waiting, "ready") == 1);
    CHECK_STATUS(turn_erase_ask(t->engine, "78", "member", 0, &f->err), TROUPE_OK);
    CHECK_STATUS(round_at(t, clock_wall_ms()), TROUPE_OK);
    CHECK(number(f, waiting, "ready") == 1 && number(f, open_ones, "78") == 1);
    CHECK_STATUS(round_at(t, clock_wall_ms() + 11 * 60 * 1000), TROUPE_OK);
    CHECK(number(f, waiting, "ready") == 0 && number(f, open_ones, "78") == 0);
    CHECK(number(f, "SELECT count(*) FROM event WHERE payload LIKE ?1", "%zilpzalp%") == 0);
    return TROUPE_OK;
}

/* One that came due while a deletion waits would be an event of after it. */
BODY(what_is_planned_goes_when_the_deletion_is_asked_for)
{
    struct stage_test *t = arg;
    struct fixture *f = &t->base;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    const char *planned = "SELECT count(*) FROM scheduled_job WHERE member = ?1";
    static const char plan[] =
        "INSERT INTO scheduled_job (agent, gateway, member, payload, when_text, policy, next_ms, "
        "created_ms) VALUES ('a', 'away', ?1, 'zilpzalp', '', 'run', 9e15, 1)";

    store_batch_add(batch, STORE_EXPECT(1, plan, store_text("79")));
    store_batch_add(batch, STORE_EXPECT(1, plan, store_text("80")));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    t->engine->erase.running = true; /* nothing is done yet */
    CHECK_STATUS(turn_erase_ask(t->engine, "79", "member", 0, &f->err), TROUPE_OK);
    CHECK(number(f, open_ones, "79") == 1);
    CHECK(number(f, planned, "79") == 0 && number(f, planned, "80") == 1);
    t->engine->erase.running = false;
    turn_erase_wake(t->engine);
    WAIT_FOR(number(f, open_ones, "79") == 0);
    return TROUPE_OK;
}

static void a_trace_without_agents_words_keeps_what_the_host_wrote(void **state)
{
    char *text = turn_erase_words(
        "{\"entries\":[{\"ms\":1,\"at\":\"admission\",\"code\":\"started\",\"text\":\"1 run\"},"
        "{\"ms\":2,\"at\":\"plugin:hoard\",\"code\":\"hoard.told\",\"text\":\"zilpzalp\"},"
        "{\"ms\":3,\"at\":\"command "
        "rummage\",\"code\":\"x\",\"text\":\"zilpzalp\"}],\"dropped\":2}");

    (void)state;
    assert_non_null(text);
    assert_null(strstr(text, "zilpzalp"));
    assert_non_null(strstr(text, "1 run"));
    assert_non_null(strstr(text, "hoard.told"));
    assert_non_null(strstr(text, "\"dropped\""));
    assert_null(turn_erase_words(text));
    mem_free(text);
    assert_null(turn_erase_words("no JSON"));
    assert_null(turn_erase_words("{}"));
}

/* A name that others' have as well is no word of the member's. */
BODY(what_money_was_for_stays_only_where_others_have_the_same)
{
    struct stage_test *t = arg;
    struct fixture *f = &t->base;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    const char *named = "SELECT count(*) FROM budget_ledger WHERE what = ?1";
    const char *stopped = "SELECT count(*) FROM budget_stop WHERE what = ?1";
    const struct turn_budget_caps caps = {1000000, 1000000, 1000000, 1000000};
    const struct turn_budget_request request = {.scope = {"1", NULL, "82", "p"},
                                                .worst = 1,
                                                .caps = {[TURN_BUDGET_DAY] = &caps},
                                                .what = "draw zilpzalp"};
    char alias[TURN_BUDGET_ALIAS_SIZE];
    int64_t id;
    static const char *const rows[][2] = {
        {"81", "llm.chat x"}, {"82", "llm.chat x"}, {"81", "draw zilpzalp"}};

    for (size_t i = 0; i < 3; i++)
        store_batch_add(batch,
                        STORE_EXPECT(1,
                                     "INSERT INTO budget_ledger (day, scope_member, what, "
                                     "reserved_micros, state, created_ms) VALUES ('2026-01-01', "
                                     "?1, ?2, 0, 'settled', 1)",
                                     store_text(rows[i][0]), store_text(rows[i][1])));
    for (size_t i = 1; i < 3; i++)
        store_batch_add(batch, STORE_SQL("INSERT INTO budget_stop (what, ledger_id, over_micros, "
                                         "stopped_ms) VALUES (?1, 1, 5, 1)",
                                         store_text(rows[i][1])));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_erase_ask(t->engine, "81", "member", 0, &f->err), TROUPE_OK);
    WAIT_FOR(number(f, open_ones, "81") == 0);
    CHECK(number(f, named, "llm.chat x") == 2 && number(f, named, "draw zilpzalp") == 0);
    /* What is stopped stays stopped, under a name that tells nothing. */
    CHECK(number(f, stopped, "llm.chat x") == 1 && number(f, stopped, "draw zilpzalp") == 0);
    turn_budget_stop_alias("draw zilpzalp", alias);
    CHECK(number(f, stopped, alias) == 1);
    CHECK_STATUS(turn_budget_stop_refusal(f->store, &request, 0, &f->err), TROUPE_BUDGET);
    CHECK_STATUS(budget_reserve(f, &request, &id, &f->err), TROUPE_BUDGET);
    CHECK_STATUS(turn_budget_stop_confirm(f->store, "draw zilpzalp", 0, &f->err), TROUPE_OK);
    CHECK_STATUS(budget_reserve(f, &request, &id, &f->err), TROUPE_OK);
    CHECK(number(f, named, "deleted") == 1);
    return TROUPE_OK;
}

/* An id with what is a wildcard in a pattern. */
BODY(nobody_elses_values_go)
{
    struct stage_test *t = arg;
    struct fixture *f = &t->base;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_kv_put(batch, "a", "0/member/a_c", "k", "x", 1, 0);
    store_kv_put(batch, "a", "0/session/c1/a_c", "k", "x", 1, 0);
    store_kv_put(batch, "a", "0/member/abc", "k", "x", 1, 0);
    store_kv_put(batch, "a", "0/guild/a_c", "k", "x", 1, 0);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_erase_ask(t->engine, "a_c", "member", 0, &f->err), TROUPE_OK);
    WAIT_FOR(number(f, open_ones, "a_c") == 0);
    CHECK(number(f, "SELECT count(*) FROM kv WHERE ns = ?1", "a") == 2);
    CHECK(number(f, "SELECT count(*) FROM kv WHERE scope = ?1", "0/member/abc") == 1);
    CHECK(number(f, "SELECT count(*) FROM kv WHERE scope = ?1", "0/guild/a_c") == 1);
    return TROUPE_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_spent_counts_until_the_day_is_over),
        cmocka_unit_test(a_turn_that_waits_for_the_member_is_ended),
        cmocka_unit_test(an_answer_that_is_not_delivered_goes_after_ten_minutes),
        cmocka_unit_test(what_is_planned_goes_when_the_deletion_is_asked_for),
        cmocka_unit_test(a_trace_without_agents_words_keeps_what_the_host_wrote),
        cmocka_unit_test(what_money_was_for_stays_only_where_others_have_the_same),
        cmocka_unit_test(nobody_elses_values_go),
    };

    return cmocka_run_group_tests_name("turn/erase", tests, NULL, NULL);
}
