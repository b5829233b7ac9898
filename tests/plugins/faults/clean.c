/* SPDX-License-Identifier: Apache-2.0
 *
 * Has none: what it shares is marked, what it uses is declared.
 */
#include "fault.h"

static TROUPE_SHARED _Atomic uint64_t asked;

static troupe_status do_it(troupe_turn *turn)
{
    asked++;
    return troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "last", (troupe_str){"now", 3}, 0);
}

FAULTY(.capabilities = "kv", .needs = "troupe.kv/1");
