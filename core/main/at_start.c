/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions that are declared TROUPE_AT_START: called one after the other, as from the shell, when a
 * generation has begun to serve. It serves meanwhile; what they do is never waited for.
 */
#include "main/host_private.h"

#include "base/log.h"
#include "base/mem.h"
#include "plugin/set.h"
#include "turn/engine.h"

#define CALL_MS (10 * 60 * 1000)

/* The agent's own switch: a key of the function's name. */
static bool is_off(struct plugin_agent *agent, const struct plugin_function *function)
{
    _cleanup_mem_ char *key = mem_strdup(function->name);
    troupe_value value;

    for (char *at = key; *at; at++)
        if (*at == '-' || *at == '.')
            *at = '_';
    return troupe_config(&agent->host, key, &value) == TROUPE_OK &&
           (value.type == TROUPE_TYPE_INT || value.type == TROUPE_TYPE_BOOL) && value.u.i == 0;
}

static void call(struct host *host, const char *name)
{
    _cleanup_mem_ char *text = NULL, *json = NULL;
    struct error err;
    troupe_status status =
        turn_engine_call(host->engine, name, "{}", co_after(CALL_MS), &text, &json, &err);

    if (status >= 0)
        log_info("host", "\"%s\" was called at the start: %.200s", name,
                 json   ? json
                 : text ? text
                        : "done");
    else if (status != TROUPE_CANCELED && status != TROUPE_BUSY)
        log_warn("host", "\"%s\" was called at the start and failed: %s", name, err.text);
}

/* Until another generation is published, which begins anew. [waits] */
static void call_all(struct host *host, const struct plugin_set *set)
{
    struct engine_stats stats;

    for (size_t i = 0; i < set->agent_count; i++)
        for (size_t n = 0; n < set->agents[i]->manifest->function_count; n++) {
            const struct plugin_function *function = &set->agents[i]->manifest->functions[n];
            _cleanup_mem_ char *name = NULL;

            if (!(function->flags & TROUPE_AT_START) || is_off(set->agents[i], function))
                continue;
            name = mem_printf("%s.%s", set->agents[i]->name, function->name);
            call(host, name);
            turn_engine_stats(host->engine, &stats);
            if (host->at_start_again || stats.draining)
                return;
        }
}

static troupe_status at_start_main(void *arg)
{
    struct host *host = arg;

    do {
        host->at_start_again = false;
        call_all(host, turn_engine_set(host->engine));
    } while (host->at_start_again);
    host->at_start_runs = false;
    return TROUPE_OK;
}

void host_at_start(struct host *host)
{
    static const struct co_owner owner = {"core:at start", 0};

    host->at_start_again = host->at_start_runs;
    if (host->at_start_runs)
        return;
    host->at_start_runs = true;
    if (co_spawn(&host->scope, &owner, at_start_main, host) < 0)
        host->at_start_runs = false;
}
