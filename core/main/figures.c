/* SPDX-License-Identifier: Apache-2.0 */
#include "main/figures.h"

#include "config.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/discord/figures.h"
#include "loop/watchdog.h"
#include "main/agent_figures.h"
#include "main/figure_table.h"
#include "main/host_private.h"
#include "ops/turn_log.h"
#include "store/index.h"
#include "turn/budget.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SAMPLES   60 /* of requests, for api_calls_per_hour */
#define MINUTE_MS UINT64_C(60000)

struct figures {
    struct host *host;
    struct metrics *metrics;
    struct agent_figures agents;
    struct ops_member_key key;
    struct {
        uint64_t at_ms, requests;
    } samples[SAMPLES]; /* a ring, at least a minute apart */
    size_t sample_count;
};

troupe_status figures_open(struct host *host, struct figures **ret, struct error *err)
{
    struct figures *figures = mem_zero(1, sizeof(*figures));
    troupe_status status = ops_member_key(host->store, co_after(HOST_STEP_MS), &figures->key, err);

    if (status < 0) {
        mem_free(figures);
        return status;
    }
    figures->host = host;
    figures->metrics = metrics_new(figure_table, FIGURES);
    *ret = figures;
    return TROUPE_OK;
}

void figures_free(struct figures *figures)
{
    if (!figures)
        return;
    metrics_free(figures->metrics);
    agent_figures_clear(&figures->agents);
    ops_member_key_clear(&figures->key);
    mem_free(figures);
}

json_t *figures_agents(const struct figures *figures)
{
    return agent_figures_json(&figures->agents);
}

void figures_take(struct figures *figures, const struct plugin_set *set)
{
    agent_figures_take(&figures->agents, set);
}

void figures_measured(void *figures, const struct plugin_agent *agent, size_t index,
                      const char *const *labels, double value)
{
    agent_figures_note(&((struct figures *)figures)->agents, agent, index, labels, value);
}

/* ---- a turn's end ---------------------------------------------------------------------------- */

/* A code as the SDK describes them; what is none may be anything that a plugin made up. */
static const char *code_of(const char *text)
{
    size_t len = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-") : 0;

    return len && len < METRIC_LABEL_MAX && !text[len] ? text : "other";
}

static const char *name_of(const char *text)
{
    return text && *text && text_is_utf8(text, strlen(text)) ? text : "other";
}

void figures_turn(void *arg, const struct turn_figures *turn)
{
    struct figures *figures = arg;
    struct metrics *metrics = figures->metrics;
    const char *what = name_of(turn->what);

    ops_turn_log(turn, &figures->key);
    metrics_add(metrics, TURNS, (const char *const[]){turn->state, code_of(turn->reason)}, 1);
    if (turn->agent)
        metrics_add(metrics, AGENT_TURNS, (const char *const[]){turn->agent, turn->state}, 1);
    metrics_observe(metrics, TOTAL_MS, NULL, (double)turn->total_ms);
    metrics_observe(metrics, WORK_MS, NULL, (double)turn->work_ms);
    if (turn->first_text_ms >= 0)
        metrics_observe(metrics, FIRST_TEXT_MS, NULL, (double)turn->first_text_ms);
    if (!*turn->what)
        return;
    metrics_observe(metrics, UNITS_PER_REQUEST, NULL, (double)(turn->units_in + turn->units_out));
    metrics_add(metrics, UNITS, (const char *const[]){what, "in"}, (double)turn->units_in);
    metrics_add(metrics, UNITS, (const char *const[]){what, "out"}, (double)turn->units_out);
    metrics_add(metrics, COST, (const char *const[]){what}, (double)turn->cost_micros);
}

/* ---- what is read for each print ------------------------------------------------------------- */

static void put(struct figures *figures, size_t family, double value)
{
    metrics_set(figures->metrics, family, NULL, value);
}

static void put_of(struct figures *figures, size_t family, const char *label, double value)
{
    metrics_add(figures->metrics, family, (const char *const[]){label}, value);
}

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (file && fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file)
        (void)fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void read_process(struct figures *figures)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    struct rusage usage;

    metrics_set(figures->metrics, INFO, (const char *const[]){PACKAGE_VERSION}, 1);
    put(figures, RESIDENT, resident_bytes());
    put(figures, STARTED, (double)figures->host->started_wall_ms / 1000);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        put(figures, CPU,
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    for (int level = LOG_ERROR; level <= LOG_DEBUG; level++)
        put_of(figures, LOG_LINES, levels[level], (double)log_count((enum log_level)level));
}

static void read_engine(struct figures *figures)
{
    struct host *host = figures->host;
    struct engine_stats stats;

    turn_engine_stats(host->engine, &stats);
    put(figures, EVENTS, (double)stats.events);
    put(figures, DUPLICATES, (double)stats.duplicates);
    put(figures, RUNNING, (double)stats.running);
    put(figures, QUEUED, (double)stats.queued);
    put(figures, CONCURRENT, (double)stats.concurrent_max);
    put(figures, DRAINING, stats.draining);
    put(figures, GENERATION, stats.generation);
    if (stats.cap_micros != TURN_BUDGET_NO_CAP)
        put(figures, BUDGET_CAP, (double)stats.cap_micros);
    put_of(figures, RELOADS, "done", (double)host->reloads);
    put_of(figures, RELOADS, "refused", (double)host->reloads_refused);
}

static void read_loop(struct figures *figures)
{
    struct loop *loop = figures->host->loop;
    struct loop_stats stats;

    loop_stats(loop, &stats);
    put(figures, COROUTINES, (double)stats.coroutines);
    put(figures, COROUTINES_MAX, (double)stats.coroutines_max);
    put(figures, SWITCHES, (double)stats.switches);
    put(figures, LONGEST_SLICE, (double)stats.longest_slice_us / 1e6);
    put(figures, SLOW_SLICES, (double)watchdog_warnings(loop));
}

static void read_store(struct figures *figures)
{
    struct store_index_stats index;
    struct store_spool_stats spool;
    struct engine_stats engine;
    struct store_stats stats;

    store_index_stats(figures->host->store, &index);
    put(figures, STORE_INDEX_BYTES, (double)index.bytes);
    put(figures, STORE_INDEX_LOADS, (double)index.loads);
    store_stats(figures->host->store, &stats);
    put(figures, STORE_BATCHES, (double)stats.batches);
    put(figures, STORE_TRANSACTIONS, (double)stats.transactions);
    put(figures, STORE_FAILED, (double)stats.failed);
    put(figures, STORE_QUERIES, (double)stats.queries);
    put(figures, STORE_CHECKPOINTS, (double)stats.checkpoints);
    put_of(figures, STORE_QUEUED, "batches", (double)stats.batches_queued);
    put_of(figures, STORE_QUEUED, "queries", (double)stats.queries_queued);
    put(figures, STORE_LOG_PAGES, (double)stats.log_pages);
    put(figures, STORE_DEGRADED, stats.degraded);
    if (!figures->host->spool)
        return;
    store_spool_stats(figures->host->spool, &spool);
    turn_engine_stats(figures->host->engine, &engine);
    put(figures, SPOOL_EVENTS, (double)engine.spooled);
    put(figures, SPOOL_BYTES, (double)spool.bytes);
    put(figures, SPOOL_LOST, (double)engine.spool_lost);
}

/* Requests since an hour ago, or since the oldest sample within it. */
static uint64_t last_hour(struct figures *figures, uint64_t requests)
{
    uint64_t now = clock_ms(), before = 0;
    size_t count = figures->sample_count, kept = count < SAMPLES ? count : SAMPLES;

    if (!count || now - figures->samples[(count - 1) % SAMPLES].at_ms >= MINUTE_MS) {
        figures->samples[count % SAMPLES].at_ms = now;
        figures->samples[count % SAMPLES].requests = requests;
        figures->sample_count++;
    }
    if (now - figures->host->started_ms < SAMPLES * MINUTE_MS)
        return requests;
    for (size_t i = 1; i <= kept; i++) { /* from the newest back */
        size_t at = (count - i) % SAMPLES;

        before = figures->samples[at].requests;
        if (now - figures->samples[at].at_ms >= SAMPLES * MINUTE_MS)
            break;
    }
    return kept ? requests - before : 0;
}

static void read_http(struct figures *figures)
{
    struct http_client_stats stats;

    http_client_stats(figures->host->http, &stats);
    put(figures, HTTP_REQUESTS, (double)stats.requests);
    put(figures, HTTP_PER_HOUR, (double)last_hour(figures, stats.requests));
    put(figures, HTTP_CONNECTIONS, (double)stats.connections);
    put(figures, HTTP_DENIED, (double)stats.denied);
    put(figures, HTTP_ACTIVE, (double)stats.active);
}

/* An agent may be there in several builds: the newest, and those that old turns still need. */
static void add_agent(const struct plugin_info *info, void *figures)
{
    put_of(figures, AGENT_CALLS, info->agent, (double)info->calls);
    put_of(figures, AGENT_FAILURES, info->agent, (double)info->failures);
    put_of(figures, AGENT_MEMORY, info->agent, (double)info->memory);
    put_of(figures, AGENT_OFF, info->agent, *info->why_disabled ? 1 : 0);
}

static void read_rest(struct figures *figures, const struct discord_rest_stats *rest)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    static const char *const scopes[] = {"unknown", "user", "global", "shared"};

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        put_of(figures, REST_REQUESTS, classes[i], (double)rest->answers[i]);
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
        put_of(figures, REST_LIMITED, scopes[i], (double)rest->limited_by[i]);
    put(figures, REST_RETRIED, (double)rest->retried);
    put(figures, REST_COALESCED, (double)rest->coalesced);
    put(figures, REST_INVALID, (double)rest->invalid);
    put_of(figures, REST_WAITING, "waiting", (double)rest->waiting);
    put_of(figures, REST_WAITING, "in_flight", (double)rest->in_flight);
    put(figures, REST_STOPPED, rest->stopped);
}

static void read_discord(struct figures *figures)
{
    struct discord_figures discord;
    const struct discord_session_stats *session = &discord.session;
    const struct discord_outbox_stats *outbox = &discord.outbox;

    discord_figures(figures->host->discord, &discord);
    put(figures, DISCORD_IS_READY, discord.ready);
    put(figures, DISCORD_GUILDS, (double)discord.guilds);
    put_of(figures, DISCORD_MESSAGES, "addressed", (double)discord.addressed);
    put_of(figures, DISCORD_MESSAGES, "seen", (double)discord.seen);
    put_of(figures, DISCORD_MESSAGES, "ignored", (double)discord.ignored);
    put(figures, DISCORD_EVENTS, (double)session->events);
    put(figures, DISCORD_BYTES, (double)session->bytes);
    put(figures, DISCORD_CONNECTS, (double)session->connects);
    put(figures, DISCORD_RESUMES, (double)session->resumes);
    put(figures, DISCORD_IDENTIFIES, (double)session->identifies);
    put(figures, DISCORD_ZOMBIES, (double)session->zombies);
    put(figures, DISCORD_LATENCY, (double)session->latency_ms / 1000);
    read_rest(figures, &discord.rest);
    put_of(figures, OUTBOX_WAITING, "waiting", (double)outbox->waiting);
    put_of(figures, OUTBOX_WAITING, "reconciling", (double)outbox->reconciling);
    put_of(figures, OUTBOX_RESULTS, "created", (double)outbox->created);
    put_of(figures, OUTBOX_RESULTS, "edited", (double)outbox->edited);
    put_of(figures, OUTBOX_RESULTS, "found", (double)outbox->reconciled_found);
    put_of(figures, OUTBOX_RESULTS, "repeated", (double)outbox->reconciled_repeated);
    put_of(figures, OUTBOX_RESULTS, "unknown", (double)outbox->unknown);
    put_of(figures, OUTBOX_RESULTS, "failed", (double)outbox->failed);
}

/* Without the store there is no telling; the other figures come all the same. */
static void read_budget(struct figures *figures, const struct store_rows *rows)
{
    static const char *const states[] = {"reserved", "settled", "unknown"};

    for (size_t row = 0; rows && row < rows->count; row++)
        for (size_t i = 0; i < 3; i++)
            metrics_add(
                figures->metrics, BUDGET_TODAY,
                (const char *const[]){name_of(store_cell_text(rows, row, 0, "")), states[i]},
                (double)store_cell_int(rows, row, 1 + i, 0));
}

void figures_print(struct figures *figures, struct buf *out)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct host *host = figures->host;

    (void)turn_budget_by_what(host->store, co_after(FIGURES_STORE_MS), &rows, NULL);
    /* Nothing waits from here on: two prints at a time do not mix. */
    for (size_t i = READ_FROM_HERE; i < FIGURES; i++)
        metrics_reset(figures->metrics, i);
    read_process(figures);
    read_engine(figures);
    read_budget(figures, rows);
    read_loop(figures);
    read_store(figures);
    read_http(figures);
    plugin_manager_list(host->manager, add_agent, figures);
    if (host->discord)
        read_discord(figures);
    metrics_print(figures->metrics, out);
    agent_figures_print(&figures->agents, out);
}
