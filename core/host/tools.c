/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.tools/1": what a language model may call for the member of the turn.
 */
#include "host/host_table.h"

#include "base/json.h"
#include "turn/engine_private.h"
#include "turn/rights.h"

#include <jansson.h>
#include <string.h>

#define TOOLS_MAX 128

static bool offered(const struct turn_frame *frame, const struct plugin_target *target)
{
    struct error err;

    return (target->function->flags & TROUPE_TOOL) && target->agent != frame->agent &&
           turn_may_call(frame->turn, target->function, &err);
}

static json_t *entry(const struct plugin_target *target)
{
    return json_pack("{s:s, s:o, s:s, s:b, s:I}", "type", "function", "function",
                     plugin_function_schema(target->function, target->tool_name), "call",
                     target->qualified, "idempotent",
                     (target->function->flags & TROUPE_IDEMPOTENT) != 0, "priority",
                     (json_int_t)target->agent->priority);
}

static troupe_status list(troupe_turn *turn, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    const struct plugin_set *set = frame->turn->set;
    troupe_status status = host_need(frame, "tools");
    json_t *tools;
    char *text;

    if (status < 0)
        return status;
    tools = json_array();
    for (size_t i = 0; i < set->target_count && json_array_size(tools) < TOOLS_MAX; i++)
        if (offered(frame, &set->targets[i]))
            json_array_append_new(tools, entry(&set->targets[i]));
    text = json_dumps(tools, JSON_COMPACT);
    json_decref(tools);
    if (!text)
        return TROUPE_NOMEM;
    status = host_keep(frame, text, strlen(text), ret);
    free(text);
    return status;
}

bool host_may_use_tool(const struct turn_frame *frame, const char *name)
{
    const struct plugin_target *target;
    struct error err;

    return plugin_manifest_can(frame->agent->manifest, "tools") &&
           plugin_set_find(frame->turn->set, name, &target, &err) == TROUPE_OK &&
           (target->function->flags & TROUPE_TOOL);
}

static troupe_status call(troupe_turn *turn, const char *name, troupe_str args, uint32_t flags,
                          troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    troupe_status status = host_need(frame, "tools");

    if (status < 0)
        return status;
    if (flags & ~TROUPE_TOOL_CONFIRM)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "call.argument",
                                "the call of a tool has flags that this host does not know");
    return host_call(frame, name, args, flags & TROUPE_TOOL_CONFIRM, ret);
}

const troupe_tools_v1 *host_tools_table(void)
{
    static const troupe_tools_v1 table = {.size = sizeof(table), .list = list, .call = call};

    return &table;
}
