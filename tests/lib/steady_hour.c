/* SPDX-License-Identifier: Apache-2.0
 *
 * The wall clock of a test in which no hour, day or month ends: it begins ten minutes past the hour and
 * goes on from there. Linked with -Wl,--wrap=clock_wall_ms. Any thread.
 */
#include "base/clock.h"

#include <stdatomic.h>

#define HOUR_MS  INT64_C(3600000)
#define BEGIN_MS INT64_C(600000)

int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);

static _Atomic int64_t begun_ms; /* 0: nobody has asked */

int64_t __wrap_clock_wall_ms(void)
{
    int64_t now = __real_clock_wall_ms(), begun = 0;

    if (atomic_compare_exchange_strong(&begun_ms, &begun, now))
        begun = now;
    return begun - begun % HOUR_MS + BEGIN_MS + (now - begun);
}
