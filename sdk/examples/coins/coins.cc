// SPDX-License-Identifier: Apache-2.0
//
// coins - a plugin in C++17. Where all coins show heads it asks whether to toss again, through restarts
// and reloads. No exception leaves a function that the host calls, and nothing of the standard library
// that could throw is needed.
#include <troupe/troupe.h>

TROUPE_FUNCTION(toss, "Toss coins", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_INT(count, "How many coins", .min = 1, .max = 100, .def = 1))
static troupe_status toss(troupe_turn *turn, int64_t count)
{
    int64_t heads = 0;
    int32_t again = -1;

    for (int64_t i = 0; i < count; i++)
        heads += troupe_random(turn, 2);
    if (heads == count &&
        troupe_ask(turn, "All heads! Toss again?", TROUPE_BUTTONS("Again", "Enough"), &again) ==
            TROUPE_OK &&
        again == 0)
        return toss(turn, count);
    return troupe_reply(turn, "%lld of %lld show heads", static_cast<long long>(heads),
                        static_cast<long long>(count));
}

TROUPE_PLUGIN("org.example.coins", "1.0.0", "Coins, in C++", .functions = TROUPE_LIST(toss));
