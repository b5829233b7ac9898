/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that says of each of its calls whether an earlier run had made it: 1, else 0.
 */
#include <troupe/troupe.h>

#define AGENT TROUPE_SCOPE_AGENT

TROUPE_FUNCTION(part, "Calls once", 0)
static troupe_status part(troupe_turn *turn)
{
    (void)troupe_now(turn);
    return troupe_reply(turn, "%d", troupe_replayed(turn));
}

/* A random number, a value, a function and what that saw, a child's call, and one that no run made before. */
struct seen {
    int32_t random, put, call, within, child, last;
};

static troupe_status child(troupe_turn *turn, void *arg)
{
    struct seen *seen = arg;

    (void)troupe_now(turn);
    seen->child = troupe_replayed(turn);
    return TROUPE_OK;
}

static troupe_status stage(troupe_turn *turn)
{
    static const troupe_str yes = {"yes", 3}, none = {"", 0};
    struct seen seen;
    troupe_task *task;
    troupe_str said;
    troupe_status status;

    (void)troupe_random(turn, 1000);
    seen.random = troupe_replayed(turn);
    status = troupe_call(turn, "part", none, &said);
    if (status < 0)
        return status;
    seen.call = troupe_replayed(turn);
    seen.within = said.ptr[0] - '0';
    status = troupe_spawn(turn, child, &seen, &task);
    if (status >= 0)
        status = troupe_join(turn, task);
    if (status >= 0)
        status = troupe_kv_put(turn, AGENT, "here", yes, 0);
    if (status < 0)
        return status;
    seen.put = troupe_replayed(turn);
    do {
        status = troupe_kv_get(turn, AGENT, "go", &said);
        seen.last = troupe_replayed(turn);
    } while (status == TROUPE_NOT_FOUND && troupe_sleep(turn, 2) == TROUPE_OK);
    if (status < 0)
        return status;
    return troupe_reply(turn, "random %d, call %d of %d, child %d, put %d, last %d", seen.random,
                        seen.call, seen.within, seen.child, seen.put, seen.last);
}

TROUPE_PLUGIN("org.troupe.test.twice", "1.0.0", "Says what was replayed", .capabilities = "kv",
              .stage = stage, .functions = TROUPE_LIST(part));
