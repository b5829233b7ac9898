/* SPDX-License-Identifier: Apache-2.0
 *
 * Says one version in its note and another in its table.
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
FAULTY_TABLE(.size = sizeof(troupe_plugin), .abi_minor = TROUPE_ABI_MINOR,
             .id = "org.example.faulty", .version = "1.0.1", .doc = "Has a fault", .stage = stage);
