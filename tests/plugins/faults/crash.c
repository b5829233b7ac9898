/* SPDX-License-Identifier: Apache-2.0
 *
 * Crashes in its constructor.
 */
#include "fault.h"

__attribute__((constructor)) static void crash(void)
{
    __builtin_trap();
}

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

FAULTY();
