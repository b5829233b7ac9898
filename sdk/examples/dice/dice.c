/* SPDX-License-Identifier: Apache-2.0
 *
 * dice - a command of members and a tool of the model. Where all dice are at their best it asks whether
 * to roll again, and waits for the member: through a restart or a reload, with the same dice.
 */
#include <troupe/troupe.h>

TROUPE_FUNCTION(roll, "Roll dice", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_INT(sides, "Sides of a die", .min = 2, .max = 1000, .def = 6),
                TROUPE_INT(count, "How many dice", .min = 1, .max = 100, .def = 1))
static troupe_status roll(troupe_turn *turn, int64_t sides, int64_t count)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += 1 + troupe_random(turn, sides);
    if (sum == count * sides) { /* straight-line and durable: this may wait ten minutes, */
        int32_t again;          /* through a restart or a reload, and goes on here       */
        if (troupe_ask(turn, "All best! Roll again?", TROUPE_BUTTONS("Again", "Enough"), &again) ==
                TROUPE_OK &&
            again == 0)
            return roll(turn, sides, count);
    }
    return troupe_reply(turn, "you rolled %lld", (long long)sum);
}

TROUPE_PLUGIN("org.example.dice", "1.0.0", "Dice for your server", .functions = TROUPE_LIST(roll));
