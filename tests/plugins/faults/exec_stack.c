/* SPDX-License-Identifier: Apache-2.0
 *
 * Is linked for stacks that can be executed.
 */
#include "fault.h"

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

FAULTY();
