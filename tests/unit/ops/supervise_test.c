/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "base/error.h"
#include "main/supervise.h"

#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>

static void what_another_try_may_cure_is_started_again(void **state)
{
    static const int codes[] = {1, EX_UNAVAILABLE, EX_SOFTWARE, EX_OSERR, EX_IOERR, EX_TEMPFAIL};

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        assert_true(supervise_restarts(W_EXITCODE(codes[i], 0)));
    assert_true(supervise_restarts(W_EXITCODE(0, SIGKILL)));
    assert_true(supervise_restarts(W_EXITCODE(0, SIGSEGV)));
    assert_true(supervise_restarts(W_EXITCODE(0, SIGABRT) | WCOREFLAG));
}

static void what_only_a_person_can_cure_is_the_end(void **state)
{
    static const int codes[] = {EX_OK, EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_NOPERM, EX_CONFIG, 127};

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        assert_false(supervise_restarts(W_EXITCODE(codes[i], 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_another_try_may_cure_is_started_again),
        cmocka_unit_test(what_only_a_person_can_cure_is_the_end),
    };

    return cmocka_run_group_tests_name("main/supervise", tests, NULL, NULL);
}
