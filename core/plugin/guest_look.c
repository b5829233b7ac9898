/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/guest.h"

#include <sched.h>

#define MISSES_MAX   4 /* in a row, before it is tried only now and then */
#define NOW_AND_THEN 32

uint32_t guest_processor(void)
{
    return (uint32_t)(sched_getcpu() + 1);
}

bool guest_look_worth(struct guest_look *look, uint32_t processor)
{
    const uint32_t own = guest_processor();

    if (!own || !processor || own == processor)
        return false;
    return look->misses < MISSES_MAX || ++look->skipped % NOW_AND_THEN == 0;
}

void guest_look_done(struct guest_look *look, bool found)
{
    if (found)
        look->misses = 0;
    else if (look->misses < MISSES_MAX)
        look->misses++;
}
