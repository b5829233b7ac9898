/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions that count against a limit of their own: whether one more was let through is noted in the
 * turn's record, so that a stage which runs again hears what was decided then.
 */
#include "host/host_table.h"

#include "plugin/set.h"
#include "turn/gate.h"

static const struct plugin_function *function_of(const struct turn_frame *frame, const char *name,
                                                 const char **ret_agent)
{
    const struct plugin_function *own = plugin_manifest_function(frame->agent->manifest, name);
    const struct plugin_target *target;
    struct error err;

    *ret_agent = frame->agent->name;
    if (own)
        return own;
    if (plugin_set_find(frame->turn->set, name, &target, &err) < 0)
        return NULL;
    *ret_agent = target->agent->name;
    return target->function;
}

troupe_status host_limit(struct turn_frame *frame, const char *name)
{
    const char *agent;
    const struct plugin_function *function = function_of(frame, name, &agent);
    struct record_call call = {0};
    char code[64] = "limit";
    struct error err;
    troupe_status status;

    if (!function || !turn_gate_counts(frame->turn, function))
        return TROUPE_OK;
    status = turn_record_begin(&call, frame, "limit",
                               turn_record_hash_text(RECORD_HASH_START, function->name));
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    status = turn_gate_call(frame->turn, agent, function, code, &err);
    if (status == TROUPE_OK)
        return turn_record_note(&call, status, NULL, 0);
    turn_frame_error(frame, status, code, "%s", err.text);
    turn_trace_add(&frame->turn->trace, frame->agent->owner, code, "%s", err.text);
    return turn_record_note(&call, status, NULL, 0);
}
