/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_turn.h"
#include "tap.h"

#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*hello_fn)(troupe_turn *, troupe_str);

static void hello_greets_the_member_by_name(void **state)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "hello");
    const troupe_str wish = {"luck", 4};

    (void)state;
    assert_int_equal(((hello_fn)fake_function(fake, "hello"))(&fake->turn, wish), TROUPE_OK);
    assert_string_equal(fake->reply.ptr, "Hello, Ada! I wish you luck.");
    fake_next(fake);
    fake->has_message = 0;
    assert_int_equal(((hello_fn)fake_function(fake, "hello"))(&fake->turn, wish), TROUPE_OK);
    assert_string_equal(fake->reply.ptr, "Hello! I wish you luck.");
    fake_turn_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hello_greets_the_member_by_name)};

    return cmocka_run_group_tests_name("hello", tests, NULL, NULL);
}
