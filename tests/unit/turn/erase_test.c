/* SPDX-License-Identifier: Apache-2.0
 *
 * Deleting what is kept about a member: what waits for the day to be over, and whose is left alone.
 */
#include "turn_fixture.h"

#include "turn/erase.h"

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
                                 "INSERT INTO budget_ledger (day, scope_member, reserved_micros, "
                                 "settled_micros, state, created_ms) VALUES (?1, ?2, ?3, ?3, "
                                 "'settled', 1)",
                                 store_text(day), store_text(member), store_int(micros)));
    return store_commit(f->store, batch, 0, &f->err);
}

static const char days[] = "SELECT count(*) FROM budget_day WHERE scope_id = ?1";
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
    CHECK(number(f, days, "free") == 0);
    CHECK_STATUS(round_at(t, clock_wall_ms() + DAY_MS), TROUPE_OK);
    CHECK(number(f, days, "spender") == 0);
    CHECK(number(f, open_ones, "spender") == 0);
    CHECK(number(f, days, "other") == 1);
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
    record = ask_as(t, asker, "ask 600000 Sure?");
    WAIT_FOR(number(f, "SELECT count(*) FROM event WHERE member = ?1 AND state = 'parked'", "77") ==
             1);
    CHECK_STATUS(turn_erase_ask(t->engine, "77", "operator", 0, &f->err), TROUPE_OK);
    WAIT_FOR(number(f, open_ones, "77") == 0);
    CHECK(number(f, notes, "77") == 0);
    CHECK(number(f, "SELECT count(*) FROM event WHERE member = ?1", "77") == 0);
    CHECK(number(f, "SELECT count(*) FROM event WHERE member = ?1 OR finished_ms IS NULL", "77") ==
          0);
    CHECK(number(f, "SELECT count(*) FROM wait WHERE who = ?1", "77") == 0);
    record->hushed = true;
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
        cmocka_unit_test(nobody_elses_values_go),
    };

    return cmocka_run_group_tests_name("turn/erase", tests, NULL, NULL);
}
