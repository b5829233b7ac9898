/* SPDX-License-Identifier: Apache-2.0
 *
 * Pipelines as the config names them, compiled against the agents of one set: which stages an event
 * passes in which order, who works there, on what conditions, and who steps in on failure. Immutable
 * apart from the balance counters; lives in plugin_set->extra.
 */
#ifndef TURN_PIPELINE_H
#define TURN_PIPELINE_H

#include "config/config.h"
#include "gateway/event.h"
#include "plugin/set.h"

#define TURN_MESSAGE  "message"   /* the pipeline of members' messages           */
#define TURN_OBSERVER "observer " /* and the agent: its place in the turn's record */

enum turn_balance { TURN_FIRST, TURN_ROUND_ROBIN, TURN_RANDOM, TURN_LEAST_BUSY };

struct turn_stage {
    const char *name;
    struct plugin_agent **agents; /* equal ones, at least one      */
    size_t agent_count;
    struct plugin_agent **fallback;
    size_t fallback_count;
    enum turn_balance balance;
    const struct config_list *guilds, *channels, *roles, *accounts; /* empty or NULL: any */
    double percent;
    uint64_t timeout_ms; /* 0: none of its own */
    unsigned next;       /* round robin */
};

struct turn_pipeline {
    const char *name;
    struct turn_stage *stages;
    size_t stage_count;
    struct plugin_agent **observers; /* beside the stages, in memory */
    size_t observer_count;
    struct plugin_agent **seen; /* of these, who wants what addresses nobody, too */
    size_t seen_count;
    struct plugin_agent **owed; /* observers with turns of their own: owed.h */
    size_t owed_count;
    uint64_t timeout_ms; /* 0: [admission] total */
    char *stage_names;   /* JSON list, for the turn's row */
    json_t *stage_list;  /* the same as a value         */
    char *owed_names;    /* the same two for the turns of `owed` */
    json_t *owed_list;
};

/* Compiles every [pipeline …] of the set and hangs them on it. Problems name file and line. */
troupe_status turn_pipelines_compile(struct plugin_set *set, struct config_problems *problems);
/* The pipeline for events of this kind, or NULL. */
struct turn_pipeline *turn_pipeline_find(const struct plugin_set *set, const char *kind);
/* Its `seen` and `owed` for messages that address nobody; NULL where nobody wants any. */
const struct turn_pipeline *turn_pipeline_watched(const struct plugin_set *set);
/* Whether the stage is for this event; false with the reason code of the gate that is closed. */
bool turn_stage_applies(const struct turn_stage *stage, const struct event *event,
                        const char **ret_code);
/* The agent whose turn it is. */
struct plugin_agent *turn_stage_choose(struct turn_stage *stage);

#endif
