/* SPDX-License-Identifier: Apache-2.0
 *
 * Reload: the new world is built completely beside the old one and proven, then published at once.
 * Until the last step nothing that serves has changed, so a refusal needs no undoing.
 */
#include "base/log.h"
#include "base/mem.h"
#include "loop/pool.h"
#include "main/host_private.h"
#include "plugin/exclusive.h"
#include "turn/slash.h"

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

        if (agent->generation != set->number)
            continue;
        buf_printf(report, "agent %s: %s %s", agent->name, agent->manifest->id,
                   agent->manifest->version);
        if (agent->held_before)
            buf_printf(report, ", calls were held for %llu ms",
                       (unsigned long long)agent->pause_ms);
        buf_putc(report, '\n');
    }
}

/* Reading the layers runs the commands of ${cmd:}, which may take seconds: a worker does it. The
 * host outlives the pool, so its options and path are borrowed; the results are the job's. */
struct parse_job {
    const struct host *host;
    struct config_raw *raw;
    struct config_problems problems;
};

static troupe_status parse_main(void *arg)
{
    struct parse_job *job = arg;

    return host_parse(&job->host->options, job->host->config_path, &job->raw, &job->problems);
}

static void parse_free(void *arg)
{
    struct parse_job *job = arg;

    config_raw_free(job->raw);
    config_problems_clear(&job->problems);
    mem_free(job);
}

/* host_parse beside the loop; `problems` is empty. What is no problem of the configuration is told
 * by `err`. [waits] */
static troupe_status parse(struct host *host, struct config_raw **ret,
                           struct config_problems *problems, struct error *err)
{
    struct parse_job *job = mem_zero(1, sizeof(*job));
    troupe_status status;

    job->host = host;
    status = pool_run(host->pool, parse_main, job, parse_free,
                      co_after(CONFIG_COMMANDS_MS + HOST_STEP_MS));
    if (status != TROUPE_OK && status != TROUPE_CONFIG)
        return error_set(err, status, "the configuration was not read: %s; try again in a moment",
                         status == TROUPE_BUSY       ? "all workers are busy"
                         : status == TROUPE_DEADLINE ? "it took too long"
                                                     : "the host stops");
    /* Until the next wait the job is there, also after its end. */
    *ret = job->raw;
    *problems = job->problems;
    job->raw = NULL;
    memset(&job->problems, 0, sizeof(job->problems));
    return status;
}

static troupe_status build(struct host *host, struct plugin_set **ret,
                           struct config_problems *problems, struct error *err)
{
    struct plugin_set *old, *set = NULL;
    struct config_raw *raw = NULL;
    troupe_status status = parse(host, &raw, problems, err);

    if (status == TROUPE_OK) {
        old = plugin_set_pin(turn_engine_set(host->engine));
        status = plugin_set_build(host->manager, raw, old, 0, &set, problems);
        if (status == TROUPE_OK) {
            status = host_prepare_set(host, set, problems);
            if (status == TROUPE_OK)
                status = host_migrate_set(host, set, false, problems);
            if (status == TROUPE_OK)
                status = plugin_set_hold(set, old, err);
            if (status == TROUPE_OK)
                status = plugin_set_hand_over(set, old, err);
            /* From here to the publication nothing waits. */
            if (status == TROUPE_OK)
                status = plugin_set_take_over(set, old, err);
            plugin_set_release(set, old, status == TROUPE_OK);
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
        figures_take(host->figures, set);
        if (host->discord) {
            discord_configure(host->discord, config_section(set->config, "discord", NULL));
            discord_set_commands(host->discord, turn_slash_commands(set));
        }
        host_at_start(host);
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
