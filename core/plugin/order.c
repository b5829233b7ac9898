/* SPDX-License-Identifier: Apache-2.0
 *
 * The order in which agents are made: whom an agent may call is there before it. What it needs is
 * what its plugin declares, "call:NAME"; who that is are the agents of the set with a function NAME
 * or, for "AGENT.NAME", that agent. "try:NAME" is the same where somebody is there, and nobody is missed
 * where not. Several providers of a service are all needed, since any of
 * them may be asked.
 */
#include "plugin/order.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

enum mark { UNSEEN, OPEN, DONE };

struct walk {
    const struct plugin_order_agent *agents;
    size_t count;
    enum mark *marks;
    size_t *path; /* open ones, each needs the next */
    size_t depth;
    size_t *order;
    size_t ordered;
    struct config_problems *problems;
};

static bool provides(const struct plugin_order_agent *agent, const char *name)
{
    size_t len = strlen(agent->name);

    if (plugin_manifest_function(agent->manifest, name))
        return true;
    return text_starts(name, agent->name) && name[len] == '.' &&
           plugin_manifest_function(agent->manifest, name + len + 1);
}

/* The name behind "call:" or "try:" of the i-th capability; NULL when it is another one. */
static const char *called(const struct plugin_order_agent *agent, size_t i, bool *ret_tries)
{
    static const char call[] = "call:", attempt[] = "try:";
    const char *capability = agent->manifest->capabilities[i];

    *ret_tries = text_starts(capability, attempt);
    if (*ret_tries)
        return capability + strlen(attempt);
    return text_starts(capability, call) ? capability + strlen(call) : NULL;
}

static bool needs(const struct plugin_order_agent *agent, const struct plugin_order_agent *other)
{
    for (size_t i = 0; i < agent->manifest->capability_count; i++) {
        bool tries;
        const char *name = called(agent, i, &tries);

        /* What it has itself it need not wait for, whoever else has it. */
        if (name && !provides(agent, name) && provides(other, name))
            return true;
    }
    return false;
}

/* `path` from `first` on, and back to it. */
static void report_cycle(const struct walk *walk, size_t first)
{
    _cleanup_buf_ struct buf names = BUF_INIT;
    size_t begin = first, length = walk->depth - first;
    const struct plugin_order_agent *agent;

    /* Begins with the agent that stands first in the configuration, wherever the walk met it. */
    for (size_t i = first; i < walk->depth; i++)
        if (walk->path[i] < walk->path[begin])
            begin = i;
    agent = &walk->agents[walk->path[begin]];
    for (size_t i = 0; i <= length; i++)
        buf_printf(&names, "%s\"%s\"", i ? " needs " : "",
                   walk->agents[walk->path[first + (begin - first + i) % length]].name);
    config_problem(walk->problems, agent->file, agent->line,
                   "the agents need each other in a circle: %s; disable one of them, or use a "
                   "plugin for it that does not call back",
                   buf_text(&names));
}

/*
 * Depth first, so that what an agent needs is ordered before it and else the sections' order stays.
 * As deep as a chain of agents is long; the recursion is on the heap, in walk->path, with `next` as
 * the place in each row.
 */
static void visit(struct walk *walk, size_t root, size_t *next)
{
    if (walk->marks[root] != UNSEEN)
        return;
    walk->path[0] = root;
    walk->depth = 1;
    walk->marks[root] = OPEN;
    next[root] = 0;
    while (walk->depth) {
        size_t at = walk->path[walk->depth - 1], other = next[at]++;

        if (other == walk->count) {
            walk->marks[at] = DONE;
            walk->order[walk->ordered++] = at;
            walk->depth--;
            continue;
        }
        if (other == at || walk->marks[other] == DONE ||
            !needs(&walk->agents[at], &walk->agents[other]))
            continue;
        if (walk->marks[other] == UNSEEN) {
            walk->marks[other] = OPEN;
            next[other] = 0;
            walk->path[walk->depth++] = other;
            continue;
        }
        for (size_t i = 0; i < walk->depth; i++)
            if (walk->path[i] == other)
                report_cycle(walk, i);
    }
}

/* What nobody provides. The host works without: a call is answered by TROUPE_NOT_FOUND. */
static void warn_of_missing(const struct plugin_order_agent *agents, size_t count,
                            struct config_problems *problems)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < agents[i].manifest->capability_count; k++) {
            bool tries;
            const char *name = called(&agents[i], k, &tries);
            bool found = !name || tries;

            for (size_t other = 0; !found && other < count; other++)
                found = provides(&agents[other], name);
            if (!found)
                config_warning(problems, agents[i].file, agents[i].line,
                               "agent \"%s\" calls \"%s\", which no enabled agent provides; add "
                               "one, or its calls will fail",
                               agents[i].name, name);
        }
    }
}

troupe_status plugin_order(const struct plugin_order_agent *agents, size_t count, size_t *ret_order,
                           struct config_problems *problems)
{
    const size_t before = problems->errors;
    _cleanup_mem_ enum mark *marks = mem_zero(count + 1, sizeof(*marks));
    _cleanup_mem_ size_t *path = mem_zero(count + 1, sizeof(*path));
    _cleanup_mem_ size_t *next = mem_zero(count + 1, sizeof(*next));
    _cleanup_mem_ size_t *order = mem_zero(count + 1, sizeof(*order));
    struct walk walk = {.agents = agents,
                        .count = count,
                        .marks = marks,
                        .path = path,
                        .order = order,
                        .problems = problems};

    for (size_t i = 0; i < count; i++)
        visit(&walk, i, next);
    warn_of_missing(agents, count, problems);
    if (problems->errors != before)
        return TROUPE_CONFIG;
    memcpy(ret_order, order, count * sizeof(*order));
    return TROUPE_OK;
}
