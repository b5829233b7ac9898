/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/exclusive.h"

#include "base/clock.h"
#include "base/log.h"
#include "loop/op.h"
#include "loop/scope.h"
#include "plugin/set.h"

#include <string.h>

/* ---- entering -------------------------------------------------------------------------------- */

/* Somebody who is held; on his stack. */
struct waiter {
    struct list_link link;
    struct op *op; /* NULL: he was let go */
};

static troupe_status wait_in(struct plugin_agent *agent)
{
    struct op *op = op_new(loop_current(), NULL);
    struct waiter waiter = {.op = op};
    troupe_status status;

    list_init(&waiter.link);
    list_append(&agent->held_list, &waiter.link);
    agent->held_count++;
    status = op_wait(op, 0, NULL);
    if (waiter.op) { /* it gave up */
        list_remove(&waiter.link);
        agent->held_count--;
        op_complete(waiter.op, TROUPE_OK, NULL);
    }
    op_drop(op);
    return status;
}

troupe_status plugin_agent_enter(struct plugin_agent **ret_agent, bool within)
{
    struct plugin_agent *agent = *ret_agent;
    troupe_status status = TROUPE_OK;

    while (status == TROUPE_OK && (agent->successor || (agent->held && !within))) {
        if (agent->successor) {
            agent = agent->successor;
            continue;
        }
        if (agent->held_count >= agent->held_max)
            return TROUPE_BUSY;
        status = wait_in(agent); /* the caller's own set keeps it, and what follows it */
    }
    if (status < 0)
        return status;
    agent->inside++;
    *ret_agent = agent;
    return TROUPE_OK;
}

void plugin_agent_leave(struct plugin_agent *agent)
{
    struct op *drained = agent->drained;

    if (--agent->inside || !drained)
        return;
    agent->drained = NULL;
    op_complete(drained, TROUPE_OK, NULL);
}

static bool is_same_real(double a, double b)
{
    return !(a < b) && !(a > b);
}

static bool is_same_param(const struct plugin_param *a, const struct plugin_param *b)
{
    bool same = a->type == b->type && a->split == b->split && a->min == b->min &&
                a->max == b->max && a->choice_count == b->choice_count &&
                is_same_real(a->min_f, b->min_f) && is_same_real(a->max_f, b->max_f);

    for (size_t i = 0; same && i < a->choice_count; i++)
        same = a->choices[i].len == b->choices[i].len &&
               !memcmp(a->choices[i].ptr, b->choices[i].ptr, (size_t)a->choices[i].len);
    return same;
}

const struct plugin_function *plugin_agent_same_function(const struct plugin_agent *agent,
                                                         const struct plugin_function *function)
{
    const struct plugin_function *other = plugin_manifest_function(agent->manifest, function->name);
    bool same = other && other->param_count == function->param_count;

    for (size_t i = 0; same && i < function->param_count; i++)
        same = is_same_param(&other->params[i], &function->params[i]);
    return same ? other : NULL;
}

/* ---- holding --------------------------------------------------------------------------------- */

/* The one whose state `agent` takes over exclusively; NULL: there is none. */
static struct plugin_agent *old_of(const struct plugin_set *previous,
                                   const struct plugin_agent *agent)
{
    struct plugin_agent *old = plugin_set_agent(previous, agent->name);

    if (!old || old == agent || !old->manifest->state || !agent->manifest->state ||
        strcmp(old->manifest->id, agent->manifest->id) != 0)
        return NULL;
    return (old->manifest->state_flags | agent->manifest->state_flags) & TROUPE_STATE_EXCLUSIVE
               ? old
               : NULL;
}

/* The first that somebody is inside of still; NULL: nobody is anywhere. */
static struct plugin_agent *busy_of(const struct plugin_set *set, const struct plugin_set *previous)
{
    for (size_t i = 0; i < set->agent_count; i++) {
        struct plugin_agent *old = old_of(previous, set->agents[i]);

        if (old && old->inside)
            return old;
    }
    return NULL;
}

troupe_status plugin_set_hold(struct plugin_set *set, struct plugin_set *previous,
                              struct error *err)
{
    const uint64_t ms = set->manager->exclusive_ms, until = co_after(ms);
    struct plugin_agent *busy;

    for (size_t i = 0; i < set->agent_count; i++) {
        struct plugin_agent *old = old_of(previous, set->agents[i]);

        if (!old)
            continue;
        old->held = true;
        old->held_max = set->manager->exclusive_held;
        old->held_since_ms = clock_ms();
    }
    /* All at the same moment: who is inside of one may be on his way into another. */
    while ((busy = busy_of(set, previous))) {
        struct op *op = busy->drained = op_new(loop_current(), NULL);
        troupe_status status = op_wait(op, until, NULL);

        if (busy->drained) { /* it came to nothing */
            busy->drained = NULL;
            op_complete(op, TROUPE_OK, NULL);
        }
        op_drop(op);
        if (status == TROUPE_DEADLINE && co_status() == TROUPE_OK)
            return error_set(err, TROUPE_BUSY,
                             "agent \"%s\": %zu calls did not end within %llu ms, and its state is "
                             "handed over exclusively; try again when less is going on",
                             busy->name, busy->inside, (unsigned long long)ms);
        if (status < 0)
            return error_set(err, status, "the reload was given up");
    }
    return TROUPE_OK;
}

static void let_go(struct plugin_agent *old)
{
    struct list_link *link;

    old->held = false;
    while ((link = list_pop(&old->held_list))) {
        struct waiter *waiter = container_of(link, struct waiter, link);
        struct op *op = waiter->op;

        old->held_count--;
        waiter->op = NULL;
        op_complete(op, TROUPE_OK, NULL);
    }
}

void plugin_set_release(struct plugin_set *set, struct plugin_set *previous, bool handed_over)
{
    for (size_t i = 0; i < set->agent_count; i++) {
        struct plugin_agent *agent = set->agents[i], *old = old_of(previous, agent);

        if (!old || !old->held)
            continue;
        agent->pause_ms = clock_ms() - old->held_since_ms;
        agent->held_before = true;
        if (handed_over) {
            old->successor = plugin_agent_ref(agent);
            log_info(agent->owner, "took over its state exclusively; calls were held for %llu ms",
                     (unsigned long long)agent->pause_ms);
        }
        let_go(old);
    }
}
