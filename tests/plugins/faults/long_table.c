/* SPDX-License-Identifier: Apache-2.0
 *
 * Says a size that no table of its minor has.
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
FAULTY_TABLE(.size = sizeof(troupe_plugin) + 8, .abi_minor = TROUPE_ABI_MINOR,
             .id = "org.example.faulty", .version = "1.0.0", .doc = "Has a fault", .stage = stage);
