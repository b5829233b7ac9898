/* SPDX-License-Identifier: Apache-2.0
 *
 * Crashes when an agent is made of it.
 */
#include "fault.h"

static troupe_status create(troupe_host *host, void **ret_state)
{
    (void)host;
    (void)ret_state;
    __builtin_trap();
}

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

FAULTY(.create = create);
