/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps values and does not say so.
 */
#include "fault.h"

static troupe_status do_it(troupe_turn *turn)
{
    return troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "last", (troupe_str){"now", 3}, 0);
}

FAULTY();
