/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls a function of another plugin and does not say so. What it declares, its own function and a name
 * that is not known before it runs are no faults.
 */
#include "fault.h"

TROUPE_FUNCTION(look, "Looks", TROUPE_SLASH)
static troupe_status look(troupe_turn *turn)
{
    return troupe_reply(turn, "seen");
}

static troupe_status do_it(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    troupe_status status = troupe_call(turn, "weather.today", (troupe_str){"{}", 2}, NULL);

    if (status >= 0)
        status = troupe_call(turn, "declared.one", (troupe_str){"{}", 2}, NULL);
    if (status >= 0)
        status = troupe_call(turn, "look", (troupe_str){"{}", 2}, NULL);
    return message ? troupe_call(turn, message->content.ptr, (troupe_str){"{}", 2}, NULL) : status;
}

FAULTY(.capabilities = "call:declared.one", .functions = TROUPE_LIST(look));
