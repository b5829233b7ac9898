/* SPDX-License-Identifier: Apache-2.0
 *
 * What every test program includes: cmocka with its headers in order. cmocka prints TAP when
 * CMOCKA_MESSAGE_OUTPUT=TAP, which the test run sets. A test's name says the promise it proves.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Like assert_int_equal for a status, with its name in the message. */
#define assert_status(got, want)                                                                   \
    do {                                                                                           \
        troupe_status got_ = (got);                                                                \
        if (got_ != (want))                                                                        \
            fail_msg("%s is %s, expected %s", #got, status_name(got_), status_name(want));         \
    } while (0)

#endif
