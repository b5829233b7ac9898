/* SPDX-License-Identifier: Apache-2.0
 *
 * Exports a helper beside the entry.
 */
#include "fault.h"

TROUPE_EXPORT int helper(int value);
TROUPE_EXPORT int helper(int value)
{
    return value + 1;
}

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

FAULTY();
