/* SPDX-License-Identifier: Apache-2.0
 *
 * Says a size that leaves out what every table has.
 */
#include "fault.h"

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

static troupe_status stage(troupe_turn *turn)
{
    return do_it(turn);
}

FAULTY_NOTE(TROUPE_ABI_MAJOR);
FAULTY_TABLE(.size = 40, .abi_minor = TROUPE_ABI_MINOR, .id = "org.example.faulty",
             .version = "1.0.0", .doc = "Has a fault", .stage = stage);
