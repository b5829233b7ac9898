/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.attach/1" for an isolated agent, as serve_extension.c does the others.
 */
#include "plugin/isolate.h"

#include "plugin/set.h"

troupe_status plugin_serve_attach(troupe_turn *turn, struct wire_in *in)
{
    const troupe_attach_v1 *table = turn->api->get_extension(turn, TROUPE_ATTACH);
    troupe_new_file file = {.size = sizeof(file)};
    bool given = wire_take_count(in, 1);

    if (given) {
        file.flags = (uint32_t)wire_take_count(in, UINT32_MAX);
        file.name = wire_take_str(in);
        file.type = wire_take_str(in);
        file.alt = wire_take_str(in);
        file.data = wire_take_str(in);
    }
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    return table ? table->attach(turn, given ? &file : NULL) : TROUPE_UNSUPPORTED;
}
