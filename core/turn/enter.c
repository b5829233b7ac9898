/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/enter.h"

#include "plugin/exclusive.h"
#include "turn/engine_private.h"

/* Whether somebody above is inside of an agent that is held. */
static bool is_within(const struct turn_frame *frame)
{
    for (const struct turn_frame *above = frame->caller; above; above = above->caller)
        if (above->agent->held)
            return true;
    return false;
}

static troupe_status fail(struct turn_frame *frame, troupe_status status)
{
    if (status == TROUPE_BUSY)
        return turn_frame_error(frame, status, "agent.busy",
                                "\"%s\" is being replaced, and too much waits for it; try again "
                                "in a moment",
                                frame->agent->name);
    return status;
}

/* The same of another generation. */
static troupe_status move(struct turn_frame *frame, struct plugin_agent *agent)
{
    const struct plugin_function *function =
        frame->function ? plugin_agent_same_function(agent, frame->function) : NULL;
    struct error err;

    if (!turn_agent_serves(agent, &err))
        return turn_frame_error(frame, TROUPE_UNAVAILABLE, "agent.disabled", "%s", err.text);
    if (frame->function && !function)
        return turn_frame_error(frame, TROUPE_UNAVAILABLE, "agent.replaced",
                                "\"%s\" was replaced by a build without this \"%s\"", agent->name,
                                frame->function->name);
    frame->agent = agent;
    frame->function = function;
    return TROUPE_OK;
}

troupe_status turn_frame_enter(struct turn_frame *frame)
{
    struct plugin_agent *agent = frame->agent;
    troupe_status status =
        plugin_agent_enter(&agent, agent->held && frame->caller && is_within(frame));

    if (status < 0)
        return fail(frame, status);
    if (agent != frame->agent && (status = move(frame, agent)) < 0)
        plugin_agent_leave(agent);
    return status;
}

void turn_frame_left(struct turn_frame *frame)
{
    plugin_agent_leave(frame->agent);
}
