/* SPDX-License-Identifier: Apache-2.0
 *
 * Has an address in its code, as what was built without -fPIC has.
 */
#include "fault.h"

__asm__(".text\n.balign 8\nhere_in_text:\n.quad here_in_text\n");

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

FAULTY();
