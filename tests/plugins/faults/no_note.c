/* SPDX-License-Identifier: Apache-2.0
 *
 * Has a table and no note.
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

FAULTY_TABLE(.size = sizeof(troupe_plugin), .abi_minor = TROUPE_ABI_MINOR,
             .id = "org.example.faulty", .version = "1.0.0", .doc = "Has a fault", .stage = stage);
