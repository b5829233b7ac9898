/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls what nobody defines.
 */
#include "fault.h"

int nobody_defines_this(void);

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return nobody_defines_this() ? TROUPE_NEXT : TROUPE_FAILED;
}

FAULTY();
