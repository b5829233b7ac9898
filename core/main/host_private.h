/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's parts, shared by the files that start, reload and describe it.
 */
#ifndef MAIN_HOST_PRIVATE_H
#define MAIN_HOST_PRIVATE_H

#include "gateway/console/console.h"
#include "gateway/discord/discord.h"
#include "gateway/outbox.h"
#include "loop/pool.h"
#include "loop/scope.h"
#include "main/figures.h"
#include "main/host.h"
#include "net/http.h"
#include "ops/http.h"
#include "plugin/set.h"
#include "sched/sched.h"
#include "store/migrate.h"
#include "store/spool.h"
#include "store/store.h"
#include "turn/engine.h"

#define HOST_WORK_QUEUE 1000  /* jobs that wait for a thread of the pool */
#define HOST_STEP_MS    30000 /* for each storage step of a start or reload */

struct host {
    struct loop *loop;
    struct host_options options;
    char *config_path; /* what is read again on reload; NULL: defaults only */
    char *data_dir;
    struct store *store;
    struct store_spool *spool; /* NULL: the store is a file, and none was left */
    struct http_client *http;
    struct pool *pool;
    struct cache *cache;
    struct plugin_manager *manager;
    struct outbox *outbox;
    struct console *console;
    struct discord *discord; /* NULL: no token */
    struct engine *engine;
    struct sched *sched;
    struct figures *figures;
    struct ops_http *pages; /* NULL: [ops] says nothing */
    struct scope scope;     /* housekeeping */
    uint64_t started_ms;
    int64_t started_wall_ms;
    /* Reload. */
    bool reloading;
    uint64_t reloads, reloads_refused;
    char *last_reload; /* its verdict in one line */
    bool at_start_runs, at_start_again;
};

/* A generation has begun to serve: calls what its agents declare for that, beside everything else. */
void host_at_start(struct host *host);
/* Tells the owner, where a channel is set for that (`host`). */
void host_report(void *host, enum turn_report kind, const char *text);
/* The same, that an agent was switched off. */
void host_report_agent(void *host, const struct plugin_agent *agent);
/* A coroutine of the host's scope that tidies up until it is cancelled. */
troupe_status host_housekeeping(void *host);
troupe_status host_watch_cache(void *host);
/* Beside other hosts on the same database: takes over what one that is gone has left, until it is
 * cancelled. */
troupe_status host_neighbours(void *host);
/* spool.c: what waits while the database's server is away, opened; what an earlier process left in it becomes
 * rows before anything is taken up. [waits] */
troupe_status host_spool_open(struct host *host, const struct config *config, struct error *err);
troupe_status host_spool_take_up(struct host *host, const struct plugin_set *set,
                                 struct error *err);
/* For engine_options.spooled. */
void host_spool_add(void *host, struct store_batch *batch, const struct spool_record *record);
/* For `troupe status`; NULL where there is none. */
json_t *host_spool_status(const struct host *host, const struct engine_stats *engine);
/* The name by which the store knows this host again, kept in its data directory; mem_free. */
troupe_status host_name(const char *data_dir, char **ret, struct error *err);
/* Pipelines, namespaces and migrations of a set that was just built; `check` proves and changes
 * nothing. Problems name file and line. [waits] */
troupe_status host_prepare_set(struct host *host, struct plugin_set *set,
                               struct config_problems *problems);
/* An agent's schema steps, as many as its manifest has; mem_free. They point into the manifest. */
struct store_migration *host_steps(const struct plugin_agent *agent);
troupe_status host_migrate_set(struct host *host, struct plugin_set *set, bool check,
                               struct config_problems *problems);
/* Reads the layers as the host was told to. */
troupe_status host_parse(const struct host_options *options, const char *path,
                         struct config_raw **ret, struct config_problems *problems);

#endif
