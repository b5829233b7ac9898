/* SPDX-License-Identifier: Apache-2.0
 *
 * The budget's statements over each database: caps of an hour and a month, marks, what is stopped, and sums whose
 * time is over.
 */
#include "../store/each_fixture.h"
#include "budget_fixture.h"

#include "base/clock.h"
#include "turn/budget_stop.h"
#include "turn/budget_warn.h"

static int setup(void **state)
{
    return each_setup(state);
}

static struct turn_budget_request request_of(uint64_t worst)
{
    static const struct turn_budget_caps none = {TURN_BUDGET_NO_CAP, TURN_BUDGET_NO_CAP,
                                                 TURN_BUDGET_NO_CAP, TURN_BUDGET_NO_CAP};

    return (struct turn_budget_request){.caps = {[TURN_BUDGET_DAY] = &none},
                                        .scope = {"bot", "g1", "m1", "llm"},
                                        .turn_id = 1,
                                        .worst = worst,
                                        .what = "test"};
}

static troupe_status reserve_of(struct fixture *f, const struct turn_budget_caps *hour,
                                const struct turn_budget_caps *month, uint64_t worst)
{
    struct turn_budget_request request = request_of(worst);
    int64_t id;

    request.caps[TURN_BUDGET_HOUR] = hour;
    request.caps[TURN_BUDGET_MONTH] = month;
    return budget_reserve(f, &request, &id, &f->err);
}

static troupe_status spans_body(void *arg)
{
    static const struct turn_budget_caps hour = {TURN_BUDGET_NO_CAP, 10, 100, TURN_BUDGET_NO_CAP};
    static const struct turn_budget_caps month = {40, TURN_BUDGET_NO_CAP, 100, TURN_BUDGET_NO_CAP};
    struct fixture *f = arg;
    _cleanup_rows_ struct store_rows *most = NULL;
    struct turn_budget_sum sum = {-1, -1, -1};
    int64_t two, eight;

    CHECK_STATUS(reserve_of(f, &hour, NULL, 11), TROUPE_BUDGET); /* the hour's first, too */
    CHECK_STATUS(reserve_of(f, &hour, NULL, 8), TROUPE_OK);
    CHECK_STATUS(reserve_of(f, &hour, NULL, 3), TROUPE_BUDGET);
    CHECK(strstr(f->err.text, "this server's budget for this hour is used up"));
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger") == 1); /* the refused left nothing */
    CHECK_STATUS(reserve_of(f, &hour, NULL, 2), TROUPE_OK);       /* up to the cap, exactly */
    /* What is given back or cost less makes room; what was an hour ago does not count. */
    two = ask_int(f, "SELECT max(id) FROM budget_ledger");
    CHECK_STATUS(turn_budget_release(f->store, two, 1, 0, &f->err), TROUPE_OK);
    eight = ask_int(f, "SELECT min(id) FROM budget_ledger");
    CHECK_STATUS(turn_budget_dispatch(f->store, eight, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_settle(f->store, eight, 1, 5, 0, NULL, &f->err), TROUPE_OK);
    CHECK_STATUS(
        turn_budget_span_sum(f->store, TURN_BUDGET_HOUR, TURN_BUDGET_GUILD, "g1", 0, &sum, &f->err),
        TROUPE_OK);
    CHECK(sum.reserved == 0 && sum.settled == 5 && sum.unknown == 0);
    CHECK_STATUS(
        turn_budget_span_most(f->store, TURN_BUDGET_HOUR, TURN_BUDGET_GUILD, 3, 0, &most, &f->err),
        TROUPE_OK);
    CHECK(most->count == 1 && !strcmp(store_cell_text(most, 0, 0, ""), "g1"));
    CHECK(store_cell_int(most, 0, 1, -1) == 0 && store_cell_int(most, 0, 2, -1) == 5);
    CHECK_STATUS(reserve_of(f, &hour, NULL, 6), TROUPE_BUDGET);
    CHECK_STATUS(write_one(f, STORE_SQL("UPDATE budget_hour SET hour = hour - 1")), TROUPE_OK);
    CHECK_STATUS(reserve_of(f, &hour, NULL, 6), TROUPE_OK);

    /* Days of this month count, others and other scopes do not. */
    CHECK_STATUS(write_one(f, STORE_SQL("DELETE FROM budget_day WHERE scope = 'bot'")), TROUPE_OK);
    CHECK_STATUS(write_one(f, STORE_SQL("INSERT INTO budget_day (day, scope, scope_id, "
                                        "settled_micros) VALUES ('2000-01-31', 'bot', 'bot', 99), "
                                        "('9000-01-01', 'bot', 'other', 99), "
                                        "('9000-01-02', 'bot', 'bot', 30)")),
                 TROUPE_OK);
    CHECK_STATUS(
        turn_budget_span_sum(f->store, TURN_BUDGET_MONTH, TURN_BUDGET_BOT, "bot", 0, &sum, &f->err),
        TROUPE_OK);
    CHECK(sum.reserved == 0 && sum.settled == 30);
    store_rows_free(most);
    most = NULL;
    CHECK_STATUS(
        turn_budget_span_most(f->store, TURN_BUDGET_MONTH, TURN_BUDGET_BOT, 1, 0, &most, &f->err),
        TROUPE_OK);
    CHECK(most->count == 1 && store_cell_int(most, 0, 2, -1) == 99); /* the other's */
    CHECK_STATUS(reserve_of(f, NULL, &month, 11), TROUPE_BUDGET);
    CHECK(strstr(f->err.text, "the bot's budget for this month is used up"));
    CHECK_STATUS(reserve_of(f, &hour, &month, 10), TROUPE_BUDGET); /* the hour's, which is nested */
    CHECK_STATUS(reserve_of(f, NULL, &month, 10), TROUPE_OK);
    CHECK_STATUS(reserve_of(f, NULL, &month, 1), TROUPE_BUDGET);
    CHECK_STATUS(reserve_of(f, &hour, &month, 0), TROUPE_BUDGET); /* above the hour's by now */
    return TROUPE_OK;
}

static troupe_status stops_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_rows_ struct store_rows *rows = NULL;
    static const struct turn_budget_caps none = {TURN_BUDGET_NO_CAP, TURN_BUDGET_NO_CAP,
                                                 TURN_BUDGET_NO_CAP, TURN_BUDGET_NO_CAP};
    struct turn_budget_request again = {.caps = {[TURN_BUDGET_DAY] = &none}, .turn_id = 1};
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_rows_ struct store_rows *of = NULL;
    int64_t id, cut, over = 0;

    CHECK_STATUS(reserve_of(f, NULL, NULL, 1), TROUPE_OK);
    cut = ask_int(f, "SELECT max(id) FROM budget_ledger");
    CHECK_STATUS(turn_budget_dispatch(f->store, cut, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(reserve_of(f, NULL, NULL, 8), TROUPE_OK);
    id = ask_int(f, "SELECT max(id) FROM budget_ledger");
    CHECK_STATUS(turn_budget_dispatch(f->store, id, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_settle(f->store, id, 1, 8, 0, &over, &f->err), TROUPE_OK);
    CHECK_STATUS(reserve_of(f, NULL, NULL, 8), TROUPE_OK); /* exactly what was reserved is right */
    id = ask_int(f, "SELECT max(id) FROM budget_ledger");
    CHECK_STATUS(turn_budget_dispatch(f->store, id, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_settle(f->store, id, 1, 11, 0, &over, &f->err), TROUPE_OK);
    CHECK(over == 3);
    CHECK(ask_int(f, "SELECT settled_micros FROM budget_day WHERE scope = 'bot'") == 19);
    CHECK_STATUS(reserve_of(f, NULL, NULL, 1), TROUPE_BUDGET);
    CHECK(strstr(f->err.text, "\"test\" cost more than it could"));
    /* Nor is what a crash cut tried again. */
    CHECK_STATUS(turn_budget_read(f->store, cut, 0, &again, &of, &f->err), TROUPE_OK);
    turn_budget_add_again(batch, &again, cut, 1000);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_CONFLICT);
    CHECK_STATUS(turn_budget_stop_list(f->store, 0, &rows, &f->err), TROUPE_OK);
    CHECK(rows->count == 1 && store_cell_int(rows, 0, 1, 0) == 3);
    CHECK_STATUS(turn_budget_stop_confirm(f->store, "other", 0, &f->err), TROUPE_NOT_FOUND);
    CHECK_STATUS(turn_budget_stop_confirm(f->store, "test", 0, &f->err), TROUPE_OK);
    CHECK_STATUS(reserve_of(f, NULL, NULL, 1), TROUPE_OK);
    return TROUPE_OK;
}

static const struct turn_budget_limits mark_limits = {
    {[TURN_BUDGET_HOUR] = {TURN_BUDGET_NO_CAP, TURN_BUDGET_NO_CAP, 1102, 0},
     [TURN_BUDGET_DAY] = {100, 1000, TURN_BUDGET_NO_CAP, 0},
     [TURN_BUDGET_MONTH] = {TURN_BUDGET_NO_CAP, 0, 0, 1200}}};

/* Those of the month alone: half of 1200 by an agent. */
static void count_marks(void *arg, int64_t turn_id, const struct store_batch *batch,
                        const struct turn_budget_watch *watch)
{
    struct turn_budget_mark marks[TURN_BUDGET_MARKS];

    for (size_t i = turn_budget_marks(batch, watch, &mark_limits, marks); i > 0; i--)
        *(int *)arg += turn_id == 1 && marks[i - 1].span == TURN_BUDGET_MONTH &&
                       marks[i - 1].percent == 50 && marks[i - 1].spent == 600 &&
                       marks[i - 1].whose == TURN_BUDGET_PLUGIN &&
                       !strcmp(marks[i - 1].agent, "llm");
}

/* Reserves and settles so much, by turns with and without knowing what was reserved; the marks that it
 * passed. */
static int settle_marks(struct fixture *f, uint64_t micros, struct turn_budget_mark *ret)
{
    const struct turn_budget_request known = request_of(micros);
    struct turn_budget_watch watch;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    int64_t id;

    CHECK_STATUS(reserve_of(f, NULL, NULL, micros), TROUPE_OK);
    id = ask_int(f, "SELECT max(id) FROM budget_ledger");
    CHECK_STATUS(turn_budget_dispatch(f->store, id, 1, 0, &f->err), TROUPE_OK);
    if (id % 2)
        turn_budget_add_book(batch, &known, id, clock_wall_ms(), micros);
    else
        turn_budget_add_settle(batch, id, 1, micros);
    watch = turn_budget_watch(batch, &mark_limits, id, micros);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    return (int)turn_budget_marks(batch, &watch, &mark_limits, ret);
}

static troupe_status marks_body(void *arg)
{
    struct fixture *f = arg;
    struct turn_budget_mark marks[TURN_BUDGET_MARKS];
    int passed = 0;
    const struct turn_budget_watcher watcher = {&mark_limits, count_marks, &passed};
    int64_t id;

    CHECK(settle_marks(f, 49, marks) == 0);
    CHECK(settle_marks(f, 1, marks) == 1 && marks[0].percent == 50 && marks[0].cap == 100);
    CHECK(settle_marks(f, 29, marks) == 0);
    CHECK(settle_marks(f, 21, marks) == 1 && marks[0].percent == 100 && marks[0].spent == 100);
    CHECK(settle_marks(f, 50, marks) == 0);
    CHECK(settle_marks(f, 0, marks) == 0);
    CHECK(settle_marks(f, 400, marks) == 1 && marks[0].percent == 50 && marks[0].cap == 1000);
    /* Of an hour and a month likewise, and what ended at its worst case passes them, too. */
    CHECK(settle_marks(f, 1, marks) == 1 && marks[0].span == TURN_BUDGET_HOUR);
    CHECK(marks[0].percent == 50 && marks[0].spent == 551 && marks[0].cap == 1102);
    CHECK_STATUS(reserve_of(f, NULL, NULL, 49), TROUPE_OK);
    id = ask_int(f, "SELECT max(id) FROM budget_ledger");
    CHECK_STATUS(turn_budget_dispatch(f->store, id, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_close(f->store, 1, 0, &watcher, &f->err), TROUPE_OK);
    CHECK(passed == 1);
    CHECK_STATUS(turn_budget_close(f->store, 1, 0, &watcher, &f->err), TROUPE_OK);
    CHECK(passed == 1);
    return TROUPE_OK;
}

static void count_days(void *arg, int64_t turn_id, const struct store_batch *batch,
                       const struct turn_budget_watch *watch)
{
    struct turn_budget_mark marks[TURN_BUDGET_MARKS];

    (void)turn_id;
    for (size_t i = turn_budget_marks(batch, watch, &mark_limits, marks); i > 0; i--)
        *(int *)arg += marks[i - 1].span == TURN_BUDGET_DAY;
}

#define BEFORE_MS INT64_C(1577934245000) /* 2020-01-02 */

/* Dispatched on another day; its number. */
static int64_t dispatch_before(struct fixture *f, uint64_t micros)
{
    int64_t id;

    CHECK_STATUS(reserve_of(f, NULL, NULL, micros), TROUPE_OK);
    id = ask_int(f, "SELECT max(id) FROM budget_ledger");
    CHECK_STATUS(turn_budget_dispatch(f->store, id, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(write_one(f, STORE_SQL("UPDATE budget_day SET day = '2020-01-02'")), TROUPE_OK);
    CHECK_STATUS(write_one(f, STORE_SQL("UPDATE budget_ledger SET day = '2020-01-02' WHERE id = ?1",
                                        store_int(id))),
                 TROUPE_OK);
    return id;
}

/* What a crash left is booked in the day that it was reserved in, which may be over. */
static troupe_status marks_before_body(void *arg)
{
    struct fixture *f = arg;
    int passed = 0;
    const struct turn_budget_watcher watcher = {&mark_limits, count_days, &passed};
    const struct turn_budget_request known = request_of(60);
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn_budget_mark marks[TURN_BUDGET_MARKS];
    struct turn_budget_watch watch;
    int64_t id;

    dispatch_before(f, 60);
    CHECK_STATUS(turn_budget_close(f->store, 1, 0, &watcher, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT settled_micros FROM budget_day WHERE scope = 'bot'") == 60);
    CHECK(passed == 0);
    CHECK_STATUS(write_one(f, STORE_SQL("DELETE FROM budget_day")), TROUPE_OK);
    id = dispatch_before(f, 60);
    turn_budget_add_book(batch, &known, id, BEFORE_MS, 60);
    watch = turn_budget_watch(batch, &mark_limits, id, 60);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT settled_micros FROM budget_day WHERE scope = 'bot'") == 60);
    CHECK(turn_budget_marks(batch, &watch, &mark_limits, marks) == 0);
    CHECK(settle_marks(f, 60, marks) == 1 && marks[0].percent == 50 && marks[0].cap == 100);
    return TROUPE_OK;
}

/* What a crash cut is reserved again on a day of which no sum is there yet, and with caps that may be lower. */
static troupe_status again_body(void *arg)
{
    static const struct turn_budget_caps low = {5, TURN_BUDGET_NO_CAP, TURN_BUDGET_NO_CAP,
                                                TURN_BUDGET_NO_CAP};
    static const struct turn_budget_caps enough = {8, 8, 8, 8};
    struct fixture *f = arg;
    struct turn_budget_request again = {.caps = {[TURN_BUDGET_DAY] = &low}, .turn_id = 1};
    _cleanup_batch_ struct store_batch *batch = store_batch_new(), *fits = store_batch_new();
    _cleanup_rows_ struct store_rows *of = NULL;
    int64_t id = dispatch_before(f, 8);

    CHECK_STATUS(turn_budget_read(f->store, id, 0, &again, &of, &f->err), TROUPE_OK);
    turn_budget_add_again(batch, &again, id, 1000);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_CONFLICT);
    again.caps[TURN_BUDGET_DAY] = &enough;
    turn_budget_add_again(fits, &again, id, 1000);
    CHECK_STATUS(store_commit(f->store, fits, 0, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_day WHERE reserved_micros = 8") == 4);
    return TROUPE_OK;
}

/* The sums of a time that is over go when a member is deleted, though something of it may be on its way. */
static troupe_status gone_body(void *arg)
{
    const struct turn_budget_request known = request_of(60);
    struct fixture *f = arg;

    for (int way = 0; way < 3; way++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        const int64_t at = clock_wall_ms();
        int64_t id;

        CHECK_STATUS(reserve_of(f, NULL, NULL, 60), TROUPE_OK);
        id = ask_int(f, "SELECT max(id) FROM budget_ledger");
        CHECK_STATUS(turn_budget_dispatch(f->store, id, 1, 0, &f->err), TROUPE_OK);
        CHECK_STATUS(write_one(f, STORE_SQL("DELETE FROM budget_day WHERE scope = 'member'")),
                     TROUPE_OK);
        CHECK_STATUS(write_one(f, STORE_SQL("DELETE FROM budget_hour WHERE scope = 'member'")),
                     TROUPE_OK);
        if (way == 0)
            turn_budget_add_book(batch, &known, id, at, 7);
        else if (way == 1)
            turn_budget_add_settle(batch, id, 1, 7);
        if (way < 2)
            CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
        else
            CHECK_STATUS(turn_budget_close(f->store, 1, 0, NULL, &f->err), TROUPE_OK);
        CHECK(ask_int(f, "SELECT sum(reserved_micros) FROM budget_day") == 0);
        CHECK(ask_int(f, "SELECT sum(reserved_micros) FROM budget_hour") == 0);
        CHECK(ask_int(f, "SELECT settled_micros FROM budget_day WHERE scope = 'member'") ==
              (way < 2 ? 7 : 60));
        CHECK(ask_int(f, "SELECT settled_micros FROM budget_hour WHERE scope = 'member'") ==
              (way < 2 ? 7 : 60));
    }
    CHECK(ask_int(f, "SELECT settled_micros FROM budget_day WHERE scope = 'bot'") == 74);
    return TROUPE_OK;
}

static void a_sum_that_is_gone_is_made_again_with_what_was_spent(void **state)
{
    run_body(fixture_of(state), gone_body);
}

static void what_is_reserved_again_is_held_by_a_cap_that_is_lower_by_now(void **state)
{
    run_body(fixture_of(state), again_body);
}

static void a_mark_of_a_day_that_is_over_is_not_told_as_todays(void **state)
{
    run_body(fixture_of(state), marks_before_body);
}

static void each_mark_of_a_cap_is_passed_once(void **state)
{
    run_body(fixture_of(state), marks_body);
}

static void what_costs_more_than_its_worst_case_is_stopped_until_confirmed(void **state)
{
    run_body(fixture_of(state), stops_body);
}

static void caps_of_an_hour_and_a_month_hold_inside_each_other(void **state)
{
    run_body(fixture_of(state), spans_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(each_mark_of_a_cap_is_passed_once),
        EACH(what_is_reserved_again_is_held_by_a_cap_that_is_lower_by_now),
        EACH(a_sum_that_is_gone_is_made_again_with_what_was_spent),
        EACH(a_mark_of_a_day_that_is_over_is_not_told_as_todays),
        EACH(what_costs_more_than_its_worst_case_is_stopped_until_confirmed),
        EACH(caps_of_an_hour_and_a_month_hold_inside_each_other),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
