/* SPDX-License-Identifier: Apache-2.0
 *
 * Has an indirect function: the dynamic linker calls `choose` while it relocates.
 */
#include <troupe/troupe.h>

static int one(void)
{
    return 1;
}

typedef int number(void);

__attribute__((used, no_sanitize("address"), no_sanitize("undefined"))) static number *choose(void)
{
    return one;
}

__attribute__((ifunc("choose"))) static int chosen(void);

TROUPE_FUNCTION(number_of, "A number", TROUPE_SLASH)
static troupe_status number_of(troupe_turn *turn)
{
    return troupe_reply(turn, "%d", chosen());
}

TROUPE_PLUGIN("org.example.indirect", "1.0.0", "Chooses a function while it is loaded",
              .functions = TROUPE_LIST(number_of));
