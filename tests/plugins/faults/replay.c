/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks the C library for the time.
 */
#include "fault.h"

#include <time.h>

static troupe_status do_it(troupe_turn *turn)
{
    return troupe_reply(turn, "%lld", (long long)time(NULL));
}

FAULTY();
