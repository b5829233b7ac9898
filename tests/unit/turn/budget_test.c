/* SPDX-License-Identifier: Apache-2.0
 *
 * The budget on a real store: caps hold under concurrency, every reservation ends exactly once, and
 * the sums of a day always equal the ledger.
 */
#include "budget_fixture.h"

#include "base/clock.h"
#include "turn/budget_stop.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define FREE TURN_BUDGET_NO_CAP

static const struct turn_budget_caps no_caps = {FREE, FREE, FREE, FREE};
static const struct turn_budget_scope someone = {"bot", "guild-1", "member-1", "llm"};

static troupe_status reserve(struct fixture *f, const struct turn_budget_caps *caps, uint64_t worst,
                             int64_t *ret)
{
    const struct turn_budget_request request = {.caps = {[TURN_BUDGET_DAY] = caps},
                                                .scope = someone,
                                                .turn_id = 1,
                                                .worst = worst,
                                                .what = "test"};

    return budget_reserve(f, &request, ret, &f->err);
}

static struct turn_budget_sum sum_of(struct fixture *f, enum turn_budget_whose whose,
                                     const char *id)
{
    struct turn_budget_sum sum = {-1, -1, -1};

    turn_budget_span_sum(f->store, TURN_BUDGET_DAY, whose, id, 0, &sum, &f->err);
    return sum;
}

#define CHECK_SUM(whose, id, reserved_, settled_, unknown_)                                        \
    do {                                                                                           \
        struct turn_budget_sum sum_ = sum_of(f, TURN_BUDGET_##whose, id);                          \
        CHECK(sum_.reserved == (reserved_));                                                       \
        CHECK(sum_.settled == (settled_));                                                         \
        CHECK(sum_.unknown == (unknown_));                                                         \
    } while (0)

/* ---- concurrency ---------------------------------------------------------------------------- */

struct taker {
    struct fixture *f;
    troupe_status status;
};

static troupe_status take_three(void *arg)
{
    static const struct turn_budget_caps caps = {100, FREE, FREE, FREE};
    const struct turn_budget_request request = {.caps = {[TURN_BUDGET_DAY] = &caps},
                                                .scope = someone,
                                                .turn_id = 1,
                                                .worst = 3,
                                                .what = "test"};
    struct taker *taker = arg;
    struct error err;
    int64_t id;

    taker->status = budget_reserve(taker->f, &request, &id, &err);
    return TROUPE_OK;
}

static troupe_status hundred_at_once(void *arg)
{
    struct fixture *f = arg;
    struct taker takers[100];
    size_t won = 0;
    {
        SCOPE(scope, 0);
        for (size_t i = 0; i < 100; i++) {
            takers[i] = (struct taker){f, TROUPE_FAILED};
            CHECK_STATUS(co_spawn(&scope, NULL, take_three, &takers[i]), TROUPE_OK);
        }
    }
    for (size_t i = 0; i < 100; i++) {
        CHECK(takers[i].status == TROUPE_OK || takers[i].status == TROUPE_BUDGET);
        won += takers[i].status == TROUPE_OK;
    }
    CHECK(won == 33); /* 33 times 3 is 99; one more would pass 100 */
    CHECK_SUM(BOT, "bot", 99, 0, 0);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger") == 33);
    return TROUPE_OK;
}

static void a_hundred_at_once_cannot_pass_a_cap(void **state)
{
    run_body(*state, hundred_at_once);
}

/* ---- refusals ------------------------------------------------------------------------------- */

static uint64_t queries_of(const struct fixture *f)
{
    struct store_stats stats;

    store_stats(f->store, &stats);
    return stats.queries;
}

static troupe_status refusals(void *arg)
{
    static const struct {
        struct turn_budget_caps caps;
        const char *says;
    } cases[] = {
        {{10, FREE, FREE, FREE}, "the bot's budget for today is used up"},
        {{FREE, 10, FREE, FREE}, "this server's budget for today is used up"},
        {{FREE, FREE, 10, FREE}, "your budget for today is used up"},
        {{FREE, FREE, FREE, 10}, "this plugin's budget for today is used up"},
        {{0, FREE, FREE, FREE}, "the bot's budget for today is 0, so only what costs nothing"},
    };
    struct fixture *f = arg;
    int64_t id = -7, first;

    CHECK_STATUS(reserve(f, &no_caps, 8, &first), TROUPE_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint64_t before = queries_of(f);

        CHECK_STATUS(reserve(f, &cases[i].caps, 3, &id), TROUPE_BUDGET); /* by the guard */
        CHECK(strstr(f->err.text, cases[i].says));
        CHECK_STATUS(reserve(f, &cases[i].caps, 11, &id), TROUPE_BUDGET); /* by itself */
        CHECK(strstr(f->err.text, cases[i].says));
        CHECK(queries_of(f) == before + 2); /* one question each, for all sums */
        CHECK_STATUS(reserve(f, &cases[i].caps, UINT64_MAX, &id), TROUPE_BUDGET);
        CHECK(strstr(f->err.text, "the price of \"test\" is not known"));
        CHECK(id == -7);
    }
    CHECK_SUM(BOT, "bot", 8, 0, 0); /* what was refused left nothing */
    CHECK_SUM(MEMBER, "member-1", 8, 0, 0);
    CHECK_STATUS(reserve(f, &cases[0].caps, 2, &id), TROUPE_OK); /* up to the cap, exactly */
    CHECK_STATUS(reserve(f, &cases[0].caps, 0, &id), TROUPE_OK); /* a free model */
    return TROUPE_OK;
}

static void caps_refuse_with_their_sentence(void **state)
{
    run_body(*state, refusals);
}

static troupe_status scopes(void *arg)
{
    static const struct turn_budget_caps caps = {FREE, 10, 10, 10};
    const struct turn_budget_request direct = {.caps = {[TURN_BUDGET_DAY] = &caps},
                                               .scope = {"bot", NULL, "member-2", ""},
                                               .turn_id = 1,
                                               .worst = 9,
                                               .what = "w"};
    struct fixture *f = arg;
    int64_t id;

    CHECK_STATUS(budget_reserve(f, &direct, &id, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_day") == 2); /* no guild, no plugin */
    CHECK_STATUS(reserve(f, &caps, 9, &id), TROUPE_OK);        /* another member's own */
    CHECK_SUM(BOT, "bot", 18, 0, 0);
    return TROUPE_OK;
}

static void what_a_turn_has_not_does_not_count(void **state)
{
    run_body(*state, scopes);
}

/* ---- the life of a reservation -------------------------------------------------------------- */

static troupe_status life(void *arg)
{
    struct fixture *f = arg;
    int64_t id, over = -1;

    CHECK_STATUS(reserve(f, &no_caps, 100, &id), TROUPE_OK);
    CHECK_STATUS(turn_budget_settle(f->store, id, 1, 5, 0, NULL, &f->err), TROUPE_CONFLICT);
    CHECK_STATUS(turn_budget_dispatch(f->store, id, 2, 0, &f->err), TROUPE_CONFLICT); /* not its */
    CHECK_STATUS(turn_budget_dispatch(f->store, id, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_dispatch(f->store, id, 1, 0, &f->err), TROUPE_CONFLICT);
    CHECK_STATUS(turn_budget_release(f->store, id, 1, 0, &f->err), TROUPE_CONFLICT);
    CHECK_STATUS(turn_budget_settle(f->store, id, 1, 40, 0, &over, &f->err), TROUPE_OK);
    CHECK(over == 0);
    CHECK_SUM(BOT, "bot", 0, 40, 0);
    CHECK_STATUS(turn_budget_settle(f->store, id, 1, 40, 0, NULL, &f->err), TROUPE_CONFLICT);
    CHECK_SUM(GUILD, "guild-1", 0, 40, 0);

    CHECK_STATUS(reserve(f, &no_caps, 100, &id), TROUPE_OK);
    CHECK_STATUS(turn_budget_dispatch(f->store, id, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_settle(f->store, id, 1, 130, 0, &over, &f->err), TROUPE_OK);
    CHECK(over == 30); /* booked all the same, and stopped */
    CHECK_STATUS(reserve(f, &no_caps, 1, &id), TROUPE_BUDGET);
    CHECK_STATUS(turn_budget_stop_confirm(f->store, "test", 0, &f->err), TROUPE_OK);
    CHECK_SUM(PLUGIN, "llm", 0, 170, 0);

    CHECK_STATUS(reserve(f, &no_caps, 100, &id), TROUPE_OK);
    CHECK_STATUS(turn_budget_dispatch(f->store, id, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_undispatch(f->store, id, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_undispatch(f->store, id, 1, 0, &f->err), TROUPE_CONFLICT);
    CHECK_STATUS(turn_budget_release(f->store, id, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_release(f->store, id, 1, 0, &f->err), TROUPE_CONFLICT);
    CHECK_SUM(BOT, "bot", 0, 170, 0);
    return TROUPE_OK;
}

static void a_reservation_ends_exactly_once(void **state)
{
    run_body(*state, life);
}

static troupe_status crash(void *arg)
{
    const struct turn_budget_request others = {.caps = {[TURN_BUDGET_DAY] = &no_caps},
                                               .scope = someone,
                                               .turn_id = 2,
                                               .worst = 5,
                                               .what = "other"};
    struct fixture *f = arg;
    int64_t sent, kept, other;

    CHECK_STATUS(reserve(f, &no_caps, 70, &sent), TROUPE_OK);
    CHECK_STATUS(turn_budget_dispatch(f->store, sent, 1, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(reserve(f, &no_caps, 30, &kept), TROUPE_OK);
    CHECK_STATUS(budget_reserve(f, &others, &other, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_close(f->store, 1, 0, NULL, &f->err), TROUPE_OK);
    CHECK_SUM(BOT, "bot", 5, 70, 70); /* the other turn's stands */
    CHECK_SUM(MEMBER, "member-1", 5, 70, 70);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger WHERE state = 'unknown'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger WHERE state = 'released'") == 1);
    CHECK_STATUS(turn_budget_settle(f->store, sent, 1, 1, 0, NULL, &f->err), TROUPE_CONFLICT);

    /* More than one portion of them, as a crash may leave. */
    for (int i = 0; i < 450; i++) {
        CHECK_STATUS(reserve(f, &no_caps, 1, &kept), TROUPE_OK);
        if (i % 2)
            CHECK_STATUS(turn_budget_dispatch(f->store, kept, 1, 0, &f->err), TROUPE_OK);
    }
    CHECK_STATUS(turn_budget_close(f->store, -1, 0, NULL, &f->err), TROUPE_OK);
    CHECK_SUM(BOT, "bot", 0, 70 + 225, 70 + 225);
    CHECK_STATUS(turn_budget_close(f->store, -1, 0, NULL, &f->err),
                 TROUPE_OK); /* nothing is left */
    return TROUPE_OK;
}

static void a_crash_books_what_left_and_releases_the_rest(void **state)
{
    run_body(*state, crash);
}

/* ---- sums ----------------------------------------------------------------------------------- */

#define OPEN 64

/* As a turn does that knows what it reserved. */
static troupe_status book(struct fixture *f, const struct turn_budget_request *request, int64_t id,
                          uint64_t micros)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    turn_budget_add_book(batch, request, id, clock_wall_ms(), micros);
    return store_commit(f->store, batch, 0, &f->err);
}

static troupe_status random_steps(void *arg)
{
    static const char sums[] =
        "SELECT count(*) FROM budget_day AS d WHERE "
        "d.reserved_micros <> (SELECT coalesce(sum(l.reserved_micros), 0) FROM budget_ledger AS l "
        "  WHERE l.day = d.day AND l.state IN ('reserved', 'dispatched') AND " /* one line */
        "  CASE d.scope WHEN 'bot' THEN l.scope_bot WHEN 'guild' THEN l.scope_guild "
        "  WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END = d.scope_id) "
        "OR d.settled_micros <> (SELECT coalesce(sum(l.settled_micros), 0) FROM budget_ledger AS l "
        "  WHERE l.day = d.day AND l.state IN ('settled', 'unknown') AND "
        "  CASE d.scope WHEN 'bot' THEN l.scope_bot WHEN 'guild' THEN l.scope_guild "
        "  WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END = d.scope_id)";
    static const char hours[] =
        "SELECT count(*) FROM budget_hour AS h WHERE "
        "h.reserved_micros <> (SELECT coalesce(sum(l.reserved_micros), 0) FROM budget_ledger AS l "
        "  WHERE l.created_ms / 3600000 = h.hour AND l.state IN ('reserved', 'dispatched') AND "
        "  CASE h.scope WHEN 'bot' THEN l.scope_bot WHEN 'guild' THEN l.scope_guild "
        "  WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END = h.scope_id) "
        "OR h.settled_micros <> (SELECT coalesce(sum(l.settled_micros), 0) FROM budget_ledger AS l "
        "  WHERE l.created_ms / 3600000 = h.hour AND l.state IN ('settled', 'unknown') AND "
        "  CASE h.scope WHEN 'bot' THEN l.scope_bot WHEN 'guild' THEN l.scope_guild "
        "  WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END = h.scope_id)";
    static const struct turn_budget_caps caps = {20000, 12000, 9000, 15000};
    static const char *const names[] = {NULL, "a", "b", "c"};
    struct fixture *f = arg;
    const char *given = getenv("SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    struct turn_budget_request known[OPEN];
    int64_t open[OPEN] = {0};
    size_t refused = 0, booked = 0;

    fprintf(stderr, "# SEED=%u\n", seed);
    srandom(seed);
    for (int step = 0; step < 1000; step++) {
        const struct turn_budget_scope scope = {"bot", names[random() % 4], names[random() % 4],
                                                names[1 + random() % 3]};
        size_t at = (size_t)random() % OPEN;
        troupe_status status = TROUPE_OK;

        if (!open[at]) {
            known[at] = (struct turn_budget_request){.caps = {[TURN_BUDGET_DAY] = &caps},
                                                     .scope = scope,
                                                     .turn_id = (int64_t)at,
                                                     .worst = (uint64_t)random() % 1000,
                                                     .what = "r"};
            status = budget_reserve(f, &known[at], &open[at], &f->err);
            refused += status == TROUPE_BUDGET;
            CHECK(status == TROUPE_OK || status == TROUPE_BUDGET);
            continue;
        }
        switch (random() % 7) {
        case 0:
        case 1: status = turn_budget_dispatch(f->store, open[at], (int64_t)at, 0, &f->err); break;
        case 2: status = turn_budget_undispatch(f->store, open[at], (int64_t)at, 0, &f->err); break;
        case 3:
            status = turn_budget_settle(f->store, open[at], (int64_t)at, (uint64_t)random() % 1100,
                                        0, NULL, &f->err);
            open[at] = status == TROUPE_OK ? 0 : open[at];
            (void)turn_budget_stop_confirm(f->store, "r", 0, NULL); /* where it went above */
            break;
        case 4:
            status = turn_budget_release(f->store, open[at], (int64_t)at, 0, &f->err);
            open[at] = status == TROUPE_OK ? 0 : open[at];
            break;
        case 5:
            status = book(f, &known[at], open[at], (uint64_t)random() % 1100);
            booked += status == TROUPE_OK;
            open[at] = status == TROUPE_OK ? 0 : open[at];
            (void)turn_budget_stop_confirm(f->store, "r", 0, NULL);
            break;
        default:
            status = turn_budget_close(f->store, (int64_t)at, 0, NULL, &f->err);
            open[at] = 0;
            break;
        }
        CHECK(status == TROUPE_OK || status == TROUPE_CONFLICT);
        if (step % 100 == 99) {
            CHECK(ask_int(f, sums) == 0);
            CHECK(ask_int(f, hours) == 0);
        }
    }
    CHECK(refused > 0); /* the caps were in play */
    CHECK(booked > 0);
    CHECK(ask_int(f, sums) == 0);
    CHECK_STATUS(turn_budget_close(f->store, -1, 0, NULL, &f->err), TROUPE_OK);
    CHECK(ask_int(f, sums) == 0);
    CHECK(ask_int(f, "SELECT sum(reserved_micros) FROM budget_day") == 0);
    return TROUPE_OK;
}

static void sums_equal_the_ledger_after_random_steps(void **state)
{
    run_body(*state, random_steps);
}

/* ---- names ---------------------------------------------------------------------------------- */

static void a_name_that_is_kept_has_its_own_alias(void **state)
{
    static struct turn_budget_aliases aliases;
    char name[128], kept[TURN_BUDGET_ALIAS_SIZE], made[TURN_BUDGET_ALIAS_SIZE];

    (void)state;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < 4 * (size_t)TURN_BUDGET_ALIASES; i++) { /* more than are kept */
            snprintf(name, sizeof(name), "llm.chat model-%zu%s", i,
                     i % 8 ? ""
                           : " of a name that is too long to be kept beside others, by a maker "
                             "who likes to be precise");
            turn_budget_stop_alias(name, made);
            turn_budget_stop_alias_kept(&aliases, name, kept);
            assert_string_equal(kept, made);
            turn_budget_stop_alias_kept(&aliases, name, kept); /* now it is there */
            assert_string_equal(kept, made);
        }
    turn_budget_stop_alias("", made);
    turn_budget_stop_alias_kept(&aliases, "", kept);
    assert_string_equal(kept, made);
    turn_budget_stop_alias_kept(NULL, "", kept);
    assert_string_equal(kept, made);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hundred_at_once_cannot_pass_a_cap),
        TEST(caps_refuse_with_their_sentence),
        TEST(what_a_turn_has_not_does_not_count),
        TEST(a_reservation_ends_exactly_once),
        TEST(a_crash_books_what_left_and_releases_the_rest),
        TEST(sums_equal_the_ledger_after_random_steps),
        cmocka_unit_test(a_name_that_is_kept_has_its_own_alias),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
