/* SPDX-License-Identifier: Apache-2.0
 *
 * Observers that are owed each message ("owed:message"): the message has a row for them alone, and
 * its turn runs them one after the other, each recorded as a stage of its own name. A restart takes
 * it up like any other turn. Nobody is told anything, and no member waits for it: these turns have
 * places of their own.
 */
#include "turn/engine_private.h"

#include "base/log.h"
#include "base/text.h"
#include "turn/frame.h"
#include "turn/pipeline.h"

#include <string.h>

bool turn_is_watched(const struct plugin_set *set, const struct event *event)
{
    const struct turn_pipeline *watched = turn_pipeline_watched(set);

    return watched && watched->owed_count && !strcmp(event->kind, TURN_MESSAGE) &&
           !(event->flags & (EVENT_OBSERVED | EVENT_AGAIN));
}

static struct plugin_agent *agent_of(const struct turn_pipeline *pipeline, const char *name)
{
    for (size_t i = 0; pipeline && i < pipeline->owed_count; i++)
        if (text_starts(name, TURN_OBSERVER) &&
            !strcmp(pipeline->owed[i]->name, name + strlen(TURN_OBSERVER)))
            return pipeline->owed[i];
    return NULL;
}

/* Runs one to its end, within a time of its own. */
static troupe_status run(struct turn *turn, struct plugin_agent *agent, uint64_t timeout_ms)
{
    const struct co_owner owner = {agent->owner, (uint64_t)turn->id};
    struct turn_job job;
    char code[64], why[ERROR_TEXT_MAX];
    struct scope scope;
    troupe_status status, joined;

    turn->deadline = co_after(timeout_ms);
    turn_frame_init(&job.frame, turn, agent, NULL, "0");
    job.frame.observer = true;
    job.fn = agent->manifest->observe;
    scope_open(&scope, turn->deadline);
    turn->active++;
    status = co_spawn_wait(&scope, &owner, turn_job_main, &job, turn->deadline);
    turn->active -= status < 0;
    joined = scope_close(&scope);
    if (status == TROUPE_OK)
        status = joined < 0 ? joined : job.frame.verdict;
    if (status < 0 && !turn->state) {
        if (!turn_frame_explain(&job.frame, status, code, why)) {
            snprintf(code, sizeof(code), "%s", status_name(status));
            why[0] = '\0';
        }
        turn_trace_add(&turn->trace, agent->owner, code, why[0] ? "%s" : NULL, why);
        log_warn(agent->owner, "observer failed on turn %lld: %s", (long long)turn->id,
                 why[0] ? why : code);
    }
    turn_frame_clear(&job.frame);
    return status;
}

/* The one of that name; what it has done before a restart stands. False: it failed. */
static bool observe(struct turn *turn, const struct turn_pipeline *pipeline, const char *name)
{
    struct plugin_agent *agent = agent_of(pipeline, name);
    struct error err;
    troupe_status status;

    if (turn_record_marked(turn, name, RECORD_END)) {
        turn_trace_add(&turn->trace, name, "replayed", "it had ended before the restart");
        return true;
    }
    if (!agent) {
        turn_trace_add(&turn->trace, name, "stage_removed", NULL);
        return true;
    }
    if (!turn_agent_serves(agent, &err)) {
        turn_trace_add(&turn->trace, name, "agent.disabled", "%s", err.text);
        return false;
    }
    turn_record_stage(turn, name);
    turn_trace_add(&turn->trace, name, "start", "plugin %s %s", agent->manifest->id,
                   agent->manifest->version);
    status = run(turn, agent,
                 pipeline->timeout_ms && pipeline->timeout_ms < turn->engine->total_ms
                     ? pipeline->timeout_ms
                     : turn->engine->total_ms);
    if (turn->state)
        return false;
    if (status >= 0)
        turn_trace_add(&turn->trace, name, "done", NULL);
    turn_record_mark(turn, name, RECORD_END, status, &(const struct buf){0});
    return status >= 0;
}

void turn_observe(struct turn *turn)
{
    const struct turn_pipeline *pipeline = turn_pipeline_find(turn->set, turn->event->kind);
    const json_t *name;
    bool good = true;
    size_t i;

    json_array_foreach (turn->stages, i, name) {
        good &= observe(turn, pipeline, json_string_value(name));
        if (turn->state || co_status() < 0)
            return;
    }
    turn_conclude(turn, good ? "done" : "failed", good ? "observed" : "observer_failed", "%s", "");
}
