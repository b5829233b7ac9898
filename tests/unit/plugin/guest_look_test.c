/* SPDX-License-Identifier: Apache-2.0
 *
 * When host and child of an isolated agent look for each other's message before they sleep.
 */
#include "plugin_fixture.h"

#include "plugin/guest.h"

#include <sched.h>

/* On one processor for the rest of the test, so that it has one number. */
static uint32_t stay_here(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
    return guest_processor();
}

static void who_shares_a_processor_is_not_looked_for(void **state)
{
    struct guest_look look = {0};
    uint32_t here = stay_here();

    (void)state;
    assert_true(here > 0);
    assert_false(guest_look_worth(&look, here));
    assert_false(guest_look_worth(&look, 0)); /* nobody knows where it is */
    assert_true(guest_look_worth(&look, here + 1));
}

static void after_four_misses_it_is_tried_now_and_then(void **state)
{
    struct guest_look look = {0};
    uint32_t elsewhere = stay_here() + 1;
    unsigned tried = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_true(guest_look_worth(&look, elsewhere));
        guest_look_done(&look, false);
    }
    for (unsigned i = 0; i < 320; i++) {
        if (!guest_look_worth(&look, elsewhere))
            continue;
        tried++;
        guest_look_done(&look, false);
    }
    assert_int_equal(tried, 10);
    guest_look_done(&look, true);
    assert_true(guest_look_worth(&look, elsewhere));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_shares_a_processor_is_not_looked_for),
        cmocka_unit_test(after_four_misses_it_is_tried_now_and_then),
    };

    return cmocka_run_group_tests_name("guest_look", tests, NULL, NULL);
}
