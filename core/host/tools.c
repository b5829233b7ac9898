/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.tools/1": what a language model may call for the member of the turn.
 */
#include "host/host_table.h"

#include "base/buf.h"
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

/* Names of those that are offered, a line each. [waits] */
static void find_offered(const struct turn_frame *frame, struct buf *ret)
{
    const struct plugin_set *set = frame->turn->set;
    size_t count = 0;

    for (size_t i = 0; i < set->target_count && count < TOOLS_MAX; i++) {
        if (!offered(frame, &set->targets[i]))
            continue;
        buf_printf(ret, "%s\n", set->targets[i].qualified);
        count++;
    }
}

static json_t *tools_of(const struct plugin_set *set, const char *names)
{
    json_t *tools = json_array();

    for (const char *line = names, *end; (end = strchr(line, '\n')); line = end + 1) {
        const size_t len = (size_t)(end - line);

        for (size_t i = 0; i < set->target_count; i++)
            if (!strncmp(set->targets[i].qualified, line, len) && !set->targets[i].qualified[len])
                json_array_append_new(tools, entry(&set->targets[i]));
    }
    return tools;
}

/* Noted, so that a model's call of a tool is one also where its member lost the right while they were asked: what
 * they may do is looked at again at the call. */
static troupe_status list(troupe_turn *turn, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct record_call recorded = {0};
    _cleanup_buf_ struct buf names = BUF_INIT;
    troupe_status status = host_need(frame, "tools");
    troupe_str noted;
    json_t *tools;
    char *text;

    if (status == TROUPE_OK)
        status = turn_record_begin(&recorded, frame, "tools", RECORD_HASH_START);
    if (status == RECORD_REPLAYED) {
        status = host_replay_text(&recorded, &noted);
        if (status == TROUPE_OK)
            buf_append(&names, noted.ptr, (size_t)noted.len);
    } else if (status == TROUPE_OK) {
        find_offered(frame, &names);
        status = turn_record_note(&recorded, TROUPE_OK, buf_text(&names), names.len);
    }
    if (status < 0)
        return status;
    tools = tools_of(frame->turn->set, buf_text(&names));
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
