/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts in a variable of the thread.
 */
#include "fault.h"

static __thread int64_t counted;

static troupe_status do_it(troupe_turn *turn)
{
    return troupe_reply(turn, "%lld", (long long)++counted);
}

FAULTY();
