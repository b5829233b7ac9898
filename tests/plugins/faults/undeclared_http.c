/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks for the network and names no host.
 */
#include "fault.h"

static troupe_status do_it(troupe_turn *turn)
{
    return troupe_get_extension(turn, "troupe.http/1") ? TROUPE_NEXT : TROUPE_UNSUPPORTED;
}

FAULTY(.capabilities = "kv");
