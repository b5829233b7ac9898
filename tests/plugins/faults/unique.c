/* SPDX-License-Identifier: Apache-2.0
 *
 * Has a unique symbol, as C++ makes them for inline variables.
 */
#include "fault.h"

__asm__(".pushsection .rodata\n.globl shared_by_all\n.type shared_by_all, %gnu_unique_object\n"
        ".size shared_by_all, 8\n.balign 8\nshared_by_all:\n.quad 0\n.popsection\n");

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

FAULTY();
