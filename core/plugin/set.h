/* SPDX-License-Identifier: Apache-2.0
 *
 * A set is one immutable generation of the host: the config and all agents that it names. A turn
 * pins the set it began with; a reload builds the next one beside it and the wiring publishes that
 * at once. Nothing of a set that failed to build stays.
 *
 *     plugin_set_build      -> everything is proven, loaded, created; the old set serves on
 *     (migrations, pipelines: the layers above)
 *     plugin_set_take_over  -> state moves; without a wait between, publish and unpin the old one
 *
 * Loop thread only.
 */
#ifndef PLUGIN_SET_H
#define PLUGIN_SET_H

#include "base/map.h"
#include "loop/loop.h"
#include "plugin/agent.h"
#include "plugin/trial.h"

/* ---- the manager: what outlives a set ------------------------------------------------------ */

struct plugin_manager_options {
    const char *package_dir; /* of the host's package; NULL: TROUPE_PLUGIN_DIR of this build    */
    const char *runner;      /* NULL: plugin_runner_find decides                                */
    uint64_t trial_ms;       /* 0: PLUGIN_TRIAL_MS                                              */
    struct pool *pool;       /* where files are read and trials run; ends before the manager.   */
                             /* NULL: threads of its own, from the first build on                */
    /* An agent in a process of its own crashed too often and is off; NULL: nobody is told. Loop. */
    void (*switched_off)(void *arg, const struct plugin_agent *agent);
    void *switched_off_arg;
    bool any_location; /* tests: every plugin counts as the package's                     */
    unsigned sandbox;  /* tests: PLUGIN_SANDBOX_… of trials                               */
    bool isolated;     /* tests: a section that says nothing means isolation = process    */
};

struct plugin_manager {
    struct loop *loop;
    struct plugin_registry registry; /* filled by core/host before the first build */
    struct plugin_images images;
    struct list_link sets; /* alive, oldest first */
    size_t set_count;
    uint64_t built; /* number of the last set */
    char *package_dir;
    char *runner; /* NULL until it is needed */
    uint64_t trial_ms;
    void (*switched_off)(void *arg, const struct plugin_agent *agent);
    void *switched_off_arg;
    bool any_location, isolated;
    unsigned sandbox;
    bool landlock_missed;         /* it was warned of */
    struct pool *pool, *own_pool; /* the second one is ours to end */
    struct plugin_trials trials;  /* what has passed already */
    struct list_link isolates;    /* agents in processes of their own, until these have ended */
    struct list_link dying;       /* sets whose last pin went, until the loop frees them */
    struct loop_task reaper;
    bool reaping;
    uint64_t exclusive_ms; /* EXCLUSIVE_DRAIN_MS; tests set another one, as of the next */
    size_t exclusive_held; /* EXCLUSIVE_HELD_MAX */
};

/* Generations that live at a time: each but the newest has turns that began with it. */
#define PLUGIN_MAX_SETS 64

/* Strings of `options` (may be NULL) are copied. */
struct plugin_manager *plugin_manager_new(struct loop *loop,
                                          const struct plugin_manager_options *options);
/* Waits until no set and no process of an agent is left. Outside coroutines, after the last pin of
 * every set went; the pool is there still. */
void plugin_manager_settle(struct plugin_manager *manager);
/* The same, and the rest. NULL is fine. */
void plugin_manager_free(struct plugin_manager *manager);

/* ---- a set --------------------------------------------------------------------------------- */

/* A function of an agent, as it is found by name. */
struct plugin_target {
    struct plugin_agent *agent;
    const struct plugin_function *function;
    char *qualified;                      /* "dice.roll", "llm.llm.chat"                     */
    char tool_name[PLUGIN_TOOL_NAME + 1]; /* unique in the set; what models call it          */
    bool ambiguous;                       /* another agent has the same plain name           */
};

struct plugin_set {
    struct list_link link; /* in manager->sets or ->dying */
    struct plugin_manager *manager;
    uint64_t number; /* 1, 2, … */
    size_t pins;
    struct config *config;
    struct plugin_agent **agents; /* enabled ones in the order of their sections */
    size_t *order;                /* indexes of agents as they are made; they go in reverse */
    size_t agent_count;
    struct plugin_target *targets; /* all functions of all agents, agent by agent */
    size_t target_count;
    /* For the layer above: its compiled pipelines. Freed before the agents go. */
    void *extra;
    void (*free_extra)(void *extra);

    struct map by_name;    /* plain, qualified -> struct plugin_target            */
    struct map by_tool;    /* tool_name -> struct plugin_target                   */
    struct map by_service; /* dotted name -> struct plugin_service                */
    struct map by_agent;   /* name -> struct plugin_agent                         */
};

/* The providers of one service, in the order they are asked: priority, then section. */
struct plugin_service {
    size_t count;
    const struct plugin_target **providers;
};

/* Flags of plugin_set_build. */
#define PLUGIN_BUILD_CHECK 0x1u /* `troupe check`: everything but create in this process */

/*
 * Builds the next set from `raw`, whose plugins are found, copied, checked and tried. Agents of
 * `previous` (may be NULL) whose plugin's bytes and section are the same are carried over with
 * their state. Every problem goes to `problems` with file and line where it has one; on failure
 * nothing is left and `previous` is as it was. On success the set has one pin, the caller's.
 * Agents are made behind those whose functions they declare to call (plugin/order.h).
 * With PLUGIN_BUILD_CHECK the set is built for looking at only: its new agents are not created.
 * TROUPE_CONFIG, or TROUPE_CANCELED and TROUPE_DEADLINE of the caller's scope. [waits]
 */
troupe_status plugin_set_build(struct plugin_manager *manager, const struct config_raw *raw,
                               struct plugin_set *previous, unsigned flags, struct plugin_set **ret,
                               struct config_problems *problems);
/*
 * Moves the state of agents that both sets name and that were not carried over. Last before
 * publishing and without a wait between, so that nothing is lost. On failure neither set has
 * changed for its turns; unpin `set`.
 */
troupe_status plugin_set_take_over(struct plugin_set *set, struct plugin_set *previous,
                                   struct error *err);
/* The part of it for agents in processes of their own, just before: what these do in between is not
 * handed over. [waits] */
troupe_status plugin_set_hand_over(struct plugin_set *set, struct plugin_set *previous,
                                   struct error *err);
struct plugin_set *plugin_set_pin(struct plugin_set *set);
/* At the last one the set goes: on the loop's own stack, soon, never inside the caller. NULL is
 * fine. */
void plugin_set_unpin(struct plugin_set *set);

/* NULL when there is no such agent. */
struct plugin_agent *plugin_set_agent(const struct plugin_set *set, const char *name);
/*
 * A function as people write it: "roll", "dice.roll", or a service's name, whose first provider is
 * meant. TROUPE_NOT_FOUND with the nearest name; TROUPE_CONFLICT for a plain name of several agents,
 * with the names to use instead.
 */
troupe_status plugin_set_find(const struct plugin_set *set, const char *name,
                              const struct plugin_target **ret, struct error *err);
/* By the name a model was given; NULL when there is none. */
const struct plugin_target *plugin_set_tool(const struct plugin_set *set, const char *tool_name);
/* Providers of a service; NULL when nobody provides it. */
const struct plugin_service *plugin_set_service(const struct plugin_set *set, const char *name);

/* ---- for `troupe plugins` ------------------------------------------------------------------ */

struct plugin_info {
    const char *agent, *id, *version, *build_id, *path;
    uint64_t set;        /* the newest set that holds it                   */
    uint64_t generation; /* the set that created it                        */
    size_t pins;         /* of all sets that hold it                       */
    uint64_t memory, memory_peak, blocks;
    uint64_t calls, failures;
    size_t parked;                        /* builds of its plugin id kept in memory     */
    const char *why_pinned;               /* "" when it can be unloaded                  */
    const char *why_disabled;             /* "" when it serves                           */
    const struct plugin_isolate *isolate; /* NULL: it runs in this process    */
};
/* Every agent alive, newest set first, once each. */
void plugin_manager_list(const struct plugin_manager *manager,
                         void (*report)(const struct plugin_info *info, void *user), void *user);

#endif
