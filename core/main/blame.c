/* SPDX-License-Identifier: Apache-2.0 */
#include "main/blame.h"

#include "base/log.h"
#include "base/text.h"
#include "loop/marker.h"
#include "main/host_private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const char plugin_owner[] = "plugin:";

/* The second crash that a turn is blamed for is its last: see turn_engine_blame. */
static void blame_turn(struct host *host, const struct marker *marker, const char *agent)
{
    struct error err;

    if (marker->turn && turn_engine_blame(host->engine, (int64_t)marker->turn, agent, &err) < 0)
        log_error("main", "turn %" PRIu64 " cannot be blamed: %s", marker->turn, err.text);
}

static void blame_agent(struct host *host, const struct marker *marker, const char *name)
{
    struct plugin_agent *agent = plugin_set_agent(turn_engine_set(host->engine), name);
    bool hang = !strcmp(marker->kind, "hang");

    if (!agent) {
        log_warn("main", "agent \"%s\" is not configured any more", name);
        return;
    }
    plugin_agent_disable(agent, hang ? "held the host up" : "made the host crash");
    log_error(agent->owner, "is switched off until the next reload, since it %s",
              agent->why_disabled);
    host_report_agent(host, agent);
}

void host_take_up_marker(struct host *host, const char *path)
{
    struct marker marker;
    troupe_status status = marker_read(path, &marker);

    if (status == TROUPE_NOT_FOUND)
        return;
    if (status < 0) {
        log_warn("main", "the host before this one died; what it wrote to \"%s\" is not whole",
                 path);
    } else {
        log_error("main", "the host before this one ended by a %s in %s, turn %" PRIu64 "%s%s",
                  marker.kind, marker.owner, marker.turn, *marker.detail ? ": " : "",
                  marker.detail);
        if (text_starts(marker.owner, plugin_owner)) {
            const char *name = marker.owner + strlen(plugin_owner);

            blame_agent(host, &marker, name);
            blame_turn(host, &marker, name);
        }
    }
    if (unlink(path) < 0)
        log_warn("main", "\"%s\" cannot be removed: %s; the next crash leaves no word", path,
                 strerror(errno));
}
