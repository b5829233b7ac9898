/* SPDX-License-Identifier: Apache-2.0
 *
 * Never comes out of its constructor.
 */
#include "fault.h"

__attribute__((constructor)) static void hang(void)
{
    for (;;)
        __asm__ volatile("" ::: "memory");
}

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

FAULTY();
