/* SPDX-License-Identifier: Apache-2.0
 *
 * Reload: the new world is built completely beside the old one and proven, then published at once.
 * Until the last step nothing that serves has changed, so a refusal needs no undoing.
 */
#include "base/log.h"
#include "base/mem.h"
#include "main/host_private.h"

#include <stdio.h>
#include <string.h>

static void report_problems(const struct config_problems *problems, struct buf *report)
{
    for (size_t i = 0; i < problems->count; i++)
        buf_printf(report, "%s%s\n", problems->items[i].warning ? "warning: " : "",
                   problems->items[i].text);
    if (problems->dropped)
        buf_printf(report, "(%zu more)\n", problems->dropped);
}

static void report_change(const struct config_change *change, void *user)
{
    if (change->key && !change->live)
        buf_printf(user, "[%s] %s: the new value waits for a restart\n", change->section,
                   change->key);
}

static void report_agents(const struct plugin_set *set, struct buf *report)
{
    for (size_t i = 0; i < set->agent_count; i++) {
        const struct plugin_agent *agent = set->agents[i];

        if (agent->generation == set->number)
            buf_printf(report, "agent %s: %s %s\n", agent->name, agent->manifest->id,
                       agent->manifest->version);
    }
}

static troupe_status build(struct host *host, struct plugin_set **ret,
                           struct config_problems *problems, struct error *err)
{
    struct plugin_set *old = turn_engine_set(host->engine), *set = NULL;
    struct config_raw *raw = NULL;
    troupe_status status = host_parse(&host->options, host->config_path, &raw, problems);

    if (status == TROUPE_OK) {
        plugin_set_pin(old);
        status = plugin_set_build(host->manager, raw, old, 0, &set, problems);
        if (status == TROUPE_OK) {
            status = host_prepare_set(host, set, problems);
            if (status == TROUPE_OK)
                status = host_migrate_set(host, set, false, problems);
            /* From here to the publication nothing waits. */
            if (status == TROUPE_OK)
                status = plugin_set_take_over(set, old, err);
            if (status < 0)
                plugin_set_unpin(set);
        }
        plugin_set_unpin(old);
    }
    config_raw_free(raw);
    if (status == TROUPE_OK)
        *ret = set;
    return status;
}

static void remember(struct host *host, const char *verdict)
{
    mem_free(host->last_reload);
    host->last_reload = mem_strdup(verdict);
}

troupe_status host_reload(struct host *host, struct buf *ret_report, struct error *err)
{
    struct config_problems problems = {0};
    struct error own = {0};
    struct plugin_set *set = NULL;
    struct config *before;
    troupe_status status;
    char verdict[128];

    if (host->reloading)
        return error_set(err, TROUPE_BUSY, "a reload runs already; try again in a moment");
    host->reloading = true;
    before = config_ref(turn_engine_set(host->engine)->config);
    status = build(host, &set, &problems, &own);
    report_problems(&problems, ret_report);
    if (status == TROUPE_OK) {
        config_diff(before, set->config, report_change, ret_report);
        report_agents(set, ret_report);
        turn_engine_publish(host->engine, set);
        host->reloads++;
        snprintf(verdict, sizeof(verdict), "generation %llu serves",
                 (unsigned long long)set->number);
    } else {
        if (own.status < 0)
            buf_printf(ret_report, "%s\n", own.text);
        host->reloads_refused++;
        snprintf(verdict, sizeof(verdict), "refused, generation %llu serves on",
                 (unsigned long long)turn_engine_set(host->engine)->number);
        error_set(err, status, "reload %s", verdict);
    }
    remember(host, verdict);
    config_unref(before);
    config_problems_clear(&problems);
    host->reloading = false;
    return status;
}
