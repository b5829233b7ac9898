/* SPDX-License-Identifier: Apache-2.0
 *
 * The number that a later process resumes from is never ahead of what is stored.
 */
#include "tap.h"

#include "gateway/discord/seq.h"

static void an_open_event_holds_the_number_back(void **state)
{
    struct discord_seq seq = {0};
    int64_t a, b;

    (void)state;
    discord_seq_session(&seq, -1);
    assert_int_equal(discord_seq_safe(&seq, 0), -1);
    discord_seq_event(&seq, 1);
    assert_int_equal(discord_seq_safe(&seq, 0), 1);
    a = discord_seq_event(&seq, 2);
    discord_seq_begin(&seq, a);
    b = discord_seq_event(&seq, 3);
    discord_seq_begin(&seq, b);
    discord_seq_event(&seq, 4);
    assert_true(b > a && a > 0);
    assert_int_equal(discord_seq_safe(&seq, 0), 1);
    /* In a batch that stores the first, the number is the one before the second. */
    assert_int_equal(discord_seq_safe(&seq, a), 2);
    assert_int_equal(discord_seq_safe(&seq, b), 4);
    discord_seq_done(&seq, a);
    assert_int_equal(discord_seq_safe(&seq, 0), 2);
    discord_seq_done(&seq, b);
    assert_int_equal(discord_seq_safe(&seq, 0), 4);
    discord_seq_clear(&seq);
}

static void numbers_of_an_older_session_count_no_more(void **state)
{
    struct discord_seq seq = {0};
    int64_t old, fresh;

    (void)state;
    discord_seq_session(&seq, 5000);
    old = discord_seq_event(&seq, 5001);
    discord_seq_begin(&seq, old);
    discord_seq_session(&seq, 1);
    fresh = discord_seq_event(&seq, 2);
    discord_seq_begin(&seq, fresh);
    assert_true(fresh > old);
    assert_int_equal(discord_seq_safe(&seq, old), 1);
    discord_seq_done(&seq, old);
    assert_int_equal(discord_seq_safe(&seq, 0), 1);
    discord_seq_done(&seq, fresh);
    assert_int_equal(discord_seq_safe(&seq, 0), 2);
    discord_seq_clear(&seq);
}

static void events_that_come_again_after_a_resume_change_nothing(void **state)
{
    struct discord_seq seq = {0};
    int64_t first;

    (void)state;
    discord_seq_session(&seq, 6);
    first = discord_seq_event(&seq, 7);
    discord_seq_begin(&seq, first);
    discord_seq_event(&seq, 8);
    assert_int_equal(discord_seq_event(&seq, 7), first);
    discord_seq_begin(&seq, first);
    assert_int_equal(seq.count, 1);
    discord_seq_done(&seq, first);
    assert_int_equal(discord_seq_safe(&seq, 0), 8);
    discord_seq_clear(&seq);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_event_holds_the_number_back),
        cmocka_unit_test(numbers_of_an_older_session_count_no_more),
        cmocka_unit_test(events_that_come_again_after_a_resume_change_nothing),
    };

    return cmocka_run_group_tests_name("gateway/discord_seq", tests, NULL, NULL);
}
