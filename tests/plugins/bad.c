/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin whose declaration does not hold: the default lies outside its own range.
 */
#include <troupe/troupe.h>

TROUPE_FUNCTION(lift, "Lift a weight", TROUPE_SLASH,
                TROUPE_INT(weight, "In kilos", .min = 1, .max = 10, .def = 11))
static troupe_status lift(troupe_turn *turn, int64_t weight)
{
    return troupe_reply(turn, "%lld", (long long)weight);
}

TROUPE_PLUGIN("org.example.bad", "1.0.0", "Declares what it does not keep",
              .functions = TROUPE_LIST(lift));
