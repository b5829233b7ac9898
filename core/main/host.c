/* SPDX-License-Identifier: Apache-2.0 */
#include "main/host.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/host_table.h"
#include "loop/op.h"
#include "main/boot.h"
#include "main/host_private.h"
#include "main/pages.h"
#include "main/storage.h"
#include "store/migrate.h"
#include "turn/budget_tell.h"
#include "turn/erase.h"
#include "turn/pipeline.h"
#include "turn/slash.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* ---- sets ----------------------------------------------------------------------------------- */

static void agent_problem(struct plugin_agent *agent, struct config_problems *problems,
                          const char *text)
{
    unsigned line = 0;
    const char *file = agent->section ? config_section_origin(agent->section, &line) : NULL;

    config_problem(problems, line ? file : NULL, line, "[agent %s]: %s", agent->name, text);
}

struct store_migration *host_steps(const struct plugin_agent *agent)
{
    size_t count = agent->manifest->migration_count;
    struct store_migration *steps = mem_zero(count + 1, sizeof(*steps));

    for (size_t i = 0; i < count; i++) {
        const troupe_migration *step = &agent->manifest->migrations[i];

        steps[i] = (struct store_migration){step->version, step->name, step->sql, step->back};
    }
    return steps;
}

troupe_status host_migrate_set(struct host *host, struct plugin_set *set, bool check,
                               struct config_problems *problems)
{
    size_t before = problems->errors;

    for (size_t i = 0; i < set->agent_count; i++) {
        struct plugin_agent *agent = set->agents[i];
        size_t count = agent->manifest->migration_count;
        struct store_migration *steps;
        uint64_t deadline = co_after(HOST_STEP_MS);
        struct error err;
        troupe_status status;

        if (agent->generation != set->number)
            continue; /* carried over */
        steps = host_steps(agent);
        status = !count ? TROUPE_OK
                 : check
                     ? store_migrate_check(host->store, agent->name, steps, count, deadline, &err)
                     : store_migrate(host->store, agent->name, steps, count, deadline, &err);
        mem_free(steps);
        if (status >= 0 && !check)
            status = turn_erase_declare(host->store, agent, deadline, &err);
        if (status < 0)
            agent_problem(agent, problems, err.text);
    }
    return problems->errors > before ? TROUPE_CONFIG : TROUPE_OK;
}

troupe_status host_prepare_set(struct host *host, struct plugin_set *set,
                               struct config_problems *problems)
{
    troupe_status status = turn_pipelines_compile(set, problems);

    if (status == TROUPE_OK)
        status = pages_check(set->config, problems);
    if (status == TROUPE_OK)
        status = storage_check(set->config, problems);
    return status < 0 ? status : host_migrate_set(host, set, true, problems);
}

/* ---- start ---------------------------------------------------------------------------------- */

/* The directory and those above it, each for the owner alone. What cannot be made shows below. */
static void make_directories(const char *path)
{
    char *part = mem_strdup(path);

    for (char *p = part + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        mkdir(part, 0700);
        *p = '/';
    }
    mkdir(part, 0700);
    mem_free(part);
}

static troupe_status make_data_dir(const char *path, struct error *err)
{
    make_directories(path);
    if (access(path, W_OK | X_OK) == 0)
        return TROUPE_OK;
    return error_set(
        err, errno == ENOENT || errno == ENOTDIR ? TROUPE_NOT_FOUND : TROUPE_DENIED,
        "data directory \"%s\" cannot be written: %s; change its owner or mode, or set "
        "data in [troupe] or --data to another one",
        path, strerror(errno));
}

/* On the store's thread: what this process does still, another host does as well. */
static void taken(void *arg)
{
    (void)arg;
    log_error("store",
              "the process ends here: it comes back as another host when it is started again");
    _exit(EX_TEMPFAIL);
}

static troupe_status open_parts(struct host *host, const struct config *config, struct error *err,
                                int *ret_exit)
{
    _cleanup_mem_ char *name = NULL;
    struct store_options store_options;
    struct plugin_manager_options manager_options = {.package_dir = host->options.package_dir,
                                                     .runner = host->options.runner,
                                                     .switched_off = host_report_agent,
                                                     .switched_off_arg = host};
    const struct config_section *http = config_section(config, "http", NULL);
    const struct http_client_options http_options = {.ca_file = config_str(http, "ca_file"),
                                                     .proxy = config_str(http, "proxy"),
                                                     .max_transfers =
                                                         (size_t)config_int(http, "max_requests"),
                                                     .local_only = config_bool(http, "local_only")};
    troupe_status status = make_data_dir(host->data_dir, err);

    if (status == TROUPE_OK)
        status = storage_options(config, &store_options, err);
    if (status == TROUPE_OK && store_options.url) {
        status = host_name(host->data_dir, &name, err);
        store_options.name = name;
        store_options.on_taken = taken;
    }
    if (status == TROUPE_OK) {
        _cleanup_mem_ char *mark = mem_printf("%s/cache.stale", host->data_dir);

        status = storage_cache(config, host->loop, mark, &host->cache, err);
    }
    if (status == TROUPE_OK)
        status = store_open(host->loop, &store_options, &host->store, err);
    if (status == TROUPE_OK)
        status = host_spool_open(host, config, err);
    if (status < 0) {
        *ret_exit = store_exit_code(status);
        return status;
    }
    *ret_exit = EX_UNAVAILABLE;
    status = http_client_new(host->loop, &http_options, &host->http, err);
    if (status == TROUPE_OK)
        status = pool_new(host->loop, 0, HOST_WORK_QUEUE, &host->pool, err);
    if (status < 0)
        return status;
    manager_options.pool = host->pool;
    host->manager = plugin_manager_new(host->loop, &manager_options);
    host_register(&host->manager->registry);
    return TROUPE_OK;
}

static void take_in(void *arg, struct event *event)
{
    turn_engine_submit(((struct host *)arg)->engine, event);
}

static void revise(void *arg, struct event *event)
{
    turn_engine_revise(((struct host *)arg)->engine, event);
}

static bool setting(void *arg, const struct event *event, const char *key, bool otherwise)
{
    return turn_engine_setting(((struct host *)arg)->engine, event, "discord", key, otherwise) != 0;
}

static void unsaid(void *arg, const struct event *event, const char *why)
{
    turn_engine_note(((struct host *)arg)->engine, event, "undelivered", why);
}

static void retract(void *arg, const char *source, const char *source_id)
{
    turn_engine_retract(((struct host *)arg)->engine, source, source_id);
}

static bool show(void *arg, const struct gateway_seen *message)
{
    return turn_engine_seen(((struct host *)arg)->engine, message);
}

/* Without a token there is none. What Discord or the network do never fails a start. */
/* Beside the start: a host with much to take up is ready all the same. */
static troupe_status recover_discord(void *arg)
{
    struct host *host = arg;
    struct error err;

    if (turn_engine_recover(host->engine, discord_gateway(host->discord), &err) < 0 &&
        co_status() == TROUPE_OK)
        log_warn("discord", "what a restart cut is not taken up: %s", err.text);
    return TROUPE_OK;
}

static troupe_status start_discord(struct host *host, struct error *err)
{
    const struct config *config = host_config(host);
    const struct config_section *http = config_section(config, "http", NULL);
    const struct discord_options options = {
        .loop = host->loop,
        .store = host->store,
        .rows = host->outbox,
        .http = host->http,
        .section = config_section(config, "discord", NULL),
        .ca_file = config_str(http, "ca_file"),
        .proxy = config_str(http, "proxy"),
        .submit = take_in,
        .seen = show,
        .revise = revise,
        .retract = retract,
        .setting = setting,
        .unsaid = unsaid,
        .spool = host->spool,
        .arg = host,
    };
    static const struct co_owner owner = {"core:recover", 0};
    troupe_status status;

    if (host->options.console_only || !discord_wanted(options.section))
        return TROUPE_OK;
    host->discord = discord_new(&options);
    discord_set_commands(host->discord, turn_slash_commands(turn_engine_set(host->engine)));
    status = discord_start(host->discord, err);
    if (status == TROUPE_OK)
        status = co_spawn(&host->scope, &owner, recover_discord, host);
    return status;
}

static troupe_status start_engine(struct host *host, struct plugin_set *set, struct error *err)
{
    struct engine_options options = {
        .loop = host->loop,
        .store = host->store,
        .cache = host->cache,
        .http = host->http,
        .pool = host->pool,
        .turn_table = host_turn_table(),
        .ended = figures_turn,
        .measured = figures_measured,
        .switched_off = host_report_agent,
        .switched_off_arg = host,
        .report = host_report,
        .report_arg = host,
        .spool = host->spool,
        .spooled = host_spool_add,
    };
    static const struct co_owner owner = {"core:housekeeping", 0}, neighbours = {"core:hosts", 0};
    /* What a crash left is booked before anybody serves, and told when somebody does. */
    struct turn_budget_late late = {0};
    const struct turn_budget_watcher watcher = {&late.limits, turn_budget_tell_later, &late};
    troupe_status status = host_spool_take_up(host, set, err);

    turn_budget_limits_read(set->config, &late.limits);
    if (status == TROUPE_OK)
        status = turn_budget_close(host->store, -1, co_after(HOST_STEP_MS), &watcher, err);

    if (status == TROUPE_OK)
        status = figures_open(host, &host->figures, err);
    options.ended_arg = host->figures;
    if (status == TROUPE_OK)
        status = outbox_open(host->loop, host->store, &host->outbox, err);
    if (status == TROUPE_OK)
        status = turn_engine_new(&options, &host->engine, err);
    if (status == TROUPE_OK) {
        turn_engine_publish(host->engine, set);
        figures_take(host->figures, set);
        host->console = console_new(&(struct console_options){host->outbox, take_in, host});
        (void)co_spawn(&host->scope, &owner, host_housekeeping, host);
        (void)co_spawn(&host->scope, &owner, host_watch_cache, host);
        status = sched_new(&(struct sched_options){.loop = host->loop,
                                                   .store = host->store,
                                                   .engine = host->engine},
                           &host->sched, err);
    }
    if (status == TROUPE_OK) {
        status = start_discord(host, err);
        turn_budget_tell_late(host->engine, &late);
        sched_wake(host->sched);
        (void)co_spawn(&host->scope, &neighbours, host_neighbours, host);
    }
    if (status == TROUPE_OK)
        status = pages_open(host, &host->pages, err);
    if (status == TROUPE_OK && !host->options.one_call)
        host_at_start(host);
    return status;
}

troupe_status host_start(struct loop *loop, struct host_boot *boot, struct host **ret,
                         struct config_problems *problems, struct error *err, int *ret_exit)
{
    struct host *host = mem_zero(1, sizeof(*host));
    struct plugin_set *set = NULL;
    troupe_status status;

    host->loop = loop;
    host->options = boot->options;
    host->config_path = boot->path ? mem_strdup(boot->path) : NULL;
    host->data_dir = mem_strdup(config_str(config_section(boot->config, "troupe", NULL), "data"));
    host->started_ms = clock_ms();
    host->started_wall_ms = clock_wall_ms();
    host->last_reload = mem_strdup("");
    scope_open_root(loop, &host->scope, 0, NULL);
    *ret = host; /* also on failure: host_free gives back what was opened */
    status = open_parts(host, boot->config, err, ret_exit);
    if (status == TROUPE_OK) {
        *ret_exit = EX_CONFIG;
        status = plugin_set_build(host->manager, boot->raw, NULL, 0, &set, problems);
    }
    host_boot_free(boot);
    if (status < 0)
        return status;
    status = host_prepare_set(host, set, problems);
    if (status == TROUPE_OK)
        status = host_migrate_set(host, set, false, problems);
    if (status < 0) {
        plugin_set_unpin(set);
        return status;
    }
    *ret_exit = EX_UNAVAILABLE;
    status = start_engine(host, set, err);
    if (status < 0 && !host->engine)
        plugin_set_unpin(set);
    return status;
}

troupe_status host_look(struct loop *loop, struct host_boot *boot, struct config_problems *problems,
                        troupe_status (*look)(void *arg, struct plugin_set *set,
                                              struct config_problems *problems),
                        void *arg)
{
    struct plugin_manager_options options = {.package_dir = boot->options.package_dir,
                                             .runner = boot->options.runner};
    struct plugin_manager *manager = plugin_manager_new(loop, &options);
    struct plugin_set *set = NULL;
    troupe_status status;

    host_register(&manager->registry);
    status = plugin_set_build(manager, boot->raw, NULL, PLUGIN_BUILD_CHECK, &set, problems);
    host_boot_free(boot);
    if (status == TROUPE_OK) {
        status = look(arg, set, problems);
        plugin_set_unpin(set);
    }
    /* Sets are freed by a task of the loop, which cannot turn below this coroutine. */
    while ((manager->set_count || manager->reaping) && co_sleep(1) == TROUPE_OK)
        continue;
    co_on_loop_stack((void (*)(void *))plugin_manager_free, manager);
    return status;
}

static troupe_status check_set(void *arg, struct plugin_set *set, struct config_problems *problems)
{
    struct config **ret_config = arg;
    troupe_status status = turn_pipelines_compile(set, problems);

    if (status == TROUPE_OK)
        status = pages_check(set->config, problems);
    if (status == TROUPE_OK)
        status = storage_check(set->config, problems);
    if (ret_config && status == TROUPE_OK)
        *ret_config = config_ref(set->config);
    return status;
}

troupe_status host_check(struct loop *loop, struct host_boot *boot,
                         struct config_problems *problems, struct config **ret_config)
{
    return host_look(loop, boot, problems, check_set, ret_config);
}

/* ---- stop ----------------------------------------------------------------------------------- */

static void drained(void *op)
{
    op_complete(op, TROUPE_OK, NULL);
}

void host_stop(struct host *host, uint64_t grace_ms)
{
    uint64_t end = co_after(grace_ms);

    if (host->discord)
        discord_quiet(host->discord);
    if (host->sched)
        sched_close(host->sched);
    if (host->engine) {
        struct op *idle = op_new(host->loop, NULL);

        turn_engine_drain(host->engine, grace_ms, drained, idle);
        op_wait(idle, 0, NULL);
        op_drop(idle);
        turn_engine_close(host->engine);
    }
    if (host->discord) /* the turns have ended; their answers go out still */
        discord_stop(host->discord, end);
    ops_http_stop(host->pages);
    host->pages = NULL;
    scope_cancel(&host->scope, TROUPE_CANCELED);
}

void host_free(struct host *host)
{
    if (!host)
        return;
    sched_free(host->sched);
    turn_engine_free(host->engine);
    figures_free(host->figures);
    while (host->manager && host->manager->set_count)
        loop_step(host->loop, 10);
    /* Processes of agents go with the thread that started them: these end first, then the pool. */
    if (host->manager)
        plugin_manager_settle(host->manager);
    pool_free(host->pool);
    plugin_manager_free(host->manager);
    discord_free(host->discord);
    loop_step(host->loop, 0);
    http_client_free(host->http);
    console_free(host->console);
    outbox_close(host->outbox);
    store_spool_close(host->spool);
    store_close(host->store);
    cache_free(host->cache);
    loop_step(host->loop, 0); /* the outcomes of marks that were on their way */
    mem_free(host->config_path);
    mem_free(host->data_dir);
    mem_free(host->last_reload);
    mem_free(host);
}

/* ---- parts ------------------------------------------------------------------- */

struct loop *host_loop(struct host *host)
{
    return host->loop;
}

struct engine *host_engine(struct host *host)
{
    return host->engine;
}

struct sched *host_sched(struct host *host)
{
    return host->sched;
}

struct console *host_console(struct host *host)
{
    return host->console;
}

const struct config *host_config(struct host *host)
{
    return turn_engine_set(host->engine)->config;
}

const char *host_data_dir(struct host *host)
{
    return host->data_dir;
}
