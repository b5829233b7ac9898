/* SPDX-License-Identifier: Apache-2.0
 *
 * Wants to run at the end of the process.
 */
#include "fault.h"

#include <stdlib.h>

static void goodbye(void)
{
}

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return atexit(goodbye) == 0 ? TROUPE_NEXT : TROUPE_FAILED;
}

FAULTY();
