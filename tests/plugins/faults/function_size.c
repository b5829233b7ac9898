/* SPDX-License-Identifier: Apache-2.0
 *
 * Declares a function by hand, with a size that none has.
 */
#include "fault.h"

static troupe_status look(troupe_turn *turn)
{
    return troupe_reply(turn, "here");
}

static const troupe_function look_function_ = {.size = sizeof(troupe_function) + 8,
                                               .flags = TROUPE_SLASH,
                                               .name = "look",
                                               .doc = "Looks",
                                               .params = {NULL, 0, sizeof(troupe_param)},
                                               .fn = (troupe_fn)look};

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

FAULTY(.functions = TROUPE_LIST(look));
