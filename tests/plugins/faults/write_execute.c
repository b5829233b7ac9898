/* SPDX-License-Identifier: Apache-2.0
 *
 * Has memory that can be written and executed.
 */
#include "fault.h"

__asm__(".pushsection patched,\"awx\"\n.balign 8\n.quad 0\n.popsection\n");

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

FAULTY();
