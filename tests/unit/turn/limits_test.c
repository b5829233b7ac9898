/* SPDX-License-Identifier: Apache-2.0
 *
 * Sliding windows on a clock of the test's own.
 */
#include "tap.h"

#include "turn/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define MINUTE 60000u
#define HOUR   (60 * MINUTE)

/* Takes one where there is room; how long to wait else. */
static uint64_t try_one(struct turn_limits *limits, const char *key, int64_t limit, uint64_t window,
                        uint64_t now)
{
    uint64_t wait = turn_limits_wait(limits, key, limit, window, now);

    if (!wait)
        turn_limits_take(limits, key, window, now);
    return wait;
}

static void the_limit_passes_and_no_more(void **state)
{
    struct turn_limits limits = {0};
    uint64_t now = 1000000, wait;

    (void)state;
    turn_limits_init(&limits);
    for (int i = 0; i < 30; i++)
        assert_int_equal(try_one(&limits, "a", 30, MINUTE, now + (uint64_t)i), 0);
    wait = try_one(&limits, "a", 30, MINUTE, now + 30);
    assert_true(wait > 0 && wait <= MINUTE + MINUTE / 12);
    assert_true(try_one(&limits, "a", 30, MINUTE, now + 30 + wait - 1) > 0);
    assert_int_equal(try_one(&limits, "a", 30, MINUTE, now + 30 + wait), 0); /* as it was told */
    assert_int_equal(try_one(&limits, "b", 30, MINUTE, now + 31), 0);        /* another's       */
    assert_int_equal(try_one(&limits, "a", 0, MINUTE, now + 31), 0);         /* no limit        */
    turn_limits_clear(&limits);
}

/* Whatever somebody tries: in no stretch of a window more than the limit, and what was told as the
 * time to wait is true. */
static void no_stretch_of_a_window_holds_more_than_the_limit(void **state)
{
    enum { LIMIT = 7, TRIES = 20000 };
    static uint64_t passed[TRIES];
    const char *given = getenv("TROUPE_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 20261126u;
    struct turn_limits limits = {0};
    uint64_t now = 5000000;
    size_t count = 0;

    (void)state;
    printf("# seed %u\n", seed);
    srandom(seed);
    turn_limits_init(&limits);
    for (int i = 0; i < TRIES; i++) {
        uint64_t wait;

        now += (uint64_t)random() % 3000;
        wait = try_one(&limits, "a", LIMIT, MINUTE, now);
        if (wait) {
            assert_int_equal(turn_limits_wait(&limits, "a", LIMIT, MINUTE, now + wait), 0);
            assert_true(turn_limits_wait(&limits, "a", LIMIT, MINUTE, now + wait - 1) > 0);
            continue;
        }
        passed[count++] = now;
        if (count > LIMIT)
            assert_true(now - passed[count - 1 - LIMIT] >= MINUTE);
    }
    assert_true(count > 1000); /* and it does let through */
    turn_limits_clear(&limits);
}

static void memory_is_bounded_and_the_quietest_goes(void **state)
{
    struct turn_limits limits = {0};
    char key[24];

    (void)state;
    turn_limits_init(&limits);
    assert_int_equal(try_one(&limits, "busy", 1, HOUR, 1), 0);
    assert_int_equal(try_one(&limits, "quiet", 1, HOUR, 1), 0);
    for (int i = 0; i < TURN_LIMITS_KEYS - 2; i++) {
        snprintf(key, sizeof(key), "%d", i);
        turn_limits_take(&limits, key, HOUR, 2);
    }
    turn_limits_take(&limits, "busy", HOUR, 3);
    turn_limits_take(&limits, "one more", HOUR, 3);
    assert_int_equal(limits.windows.count, TURN_LIMITS_KEYS);
    assert_true(turn_limits_wait(&limits, "busy", 1, HOUR, 4) > 0);
    assert_int_equal(turn_limits_wait(&limits, "quiet", 1, HOUR, 4), 0);
    turn_limits_clear(&limits);
}

static void what_was_counted_elsewhere_counts_here_and_less_changes_nothing(void **state)
{
    struct turn_limits limits = {0};
    uint64_t now = 1000000;

    (void)state;
    turn_limits_init(&limits);
    turn_limits_raise(&limits, "a", 9, MINUTE, now); /* it has no window */
    assert_int_equal(limits.windows.count, 0);
    assert_int_equal(try_one(&limits, "a", 5, MINUTE, now), 0);
    turn_limits_raise(&limits, "a", 1, MINUTE, now);
    turn_limits_raise(&limits, "a", -1, MINUTE, now);
    assert_int_equal(try_one(&limits, "a", 5, MINUTE, now + 10000), 0);
    turn_limits_raise(&limits, "a", 4, MINUTE, now + 10000); /* two more than here */
    assert_int_equal(try_one(&limits, "a", 5, MINUTE, now + 10001), 0);
    assert_true(try_one(&limits, "a", 5, MINUTE, now + 10002) > 0);
    assert_int_equal(try_one(&limits, "b", 5, MINUTE, now + 10002), 0);
    /* Once it is over, what comes late from elsewhere is too. */
    turn_limits_raise(&limits, "a", 9, MINUTE, now + 3 * MINUTE);
    assert_int_equal(try_one(&limits, "a", 5, MINUTE, now + 3 * MINUTE), 0);
    turn_limits_clear(&limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_passes_and_no_more),
        cmocka_unit_test(no_stretch_of_a_window_holds_more_than_the_limit),
        cmocka_unit_test(what_was_counted_elsewhere_counts_here_and_less_changes_nothing),
        cmocka_unit_test(memory_is_bounded_and_the_quietest_goes),
    };

    return cmocka_run_group_tests_name("turn/limits", tests, NULL, NULL);
}
