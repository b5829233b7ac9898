/* SPDX-License-Identifier: Apache-2.0
 *
 * What `troupe status`, `plugins` and `functions` show, as JSON.
 */
#include "config.h"

#include "base/buf.h"
#include "base/clock.h"
#include "main/figures.h"
#include "main/host_private.h"
#include "plugin/isolate.h"
#include "store/cache.h"
#include "turn/core_commands.h"

#include <string.h>
#include <unistd.h>

json_t *host_status(struct host *host)
{
    struct engine_stats engine;
    struct loop_stats loop;
    struct store_stats store;
    struct cache_stats cache;
    struct http_client_stats http;
    const struct plugin_set *set = turn_engine_set(host->engine);
    json_t *status;

    turn_engine_stats(host->engine, &engine);
    loop_stats(host->loop, &loop);
    store_stats(host->store, &store);
    cache_stats(host->cache, &cache);
    http_client_stats(host->http, &http);
    status = json_pack(
        "{s:s, s:I, s:I, s:I, s:b, s:s, s:I, s:I, s:s}", "version", PACKAGE_VERSION, "pid",
        (json_int_t)getpid(), "uptime_ms", (json_int_t)(clock_ms() - host->started_ms),
        "generation", (json_int_t)engine.generation, "degraded", store.degraded, "config",
        host->config_path ? host->config_path : "", "reloads", (json_int_t)host->reloads,
        "reloads_refused", (json_int_t)host->reloads_refused, "last_reload", host->last_reload);
    json_object_set_new(status, "turns",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "running",
                                  (json_int_t)engine.running, "queued", (json_int_t)engine.queued,
                                  "concurrent_max", (json_int_t)engine.concurrent_max, "events",
                                  (json_int_t)engine.events, "answered",
                                  (json_int_t)engine.answered, "refused",
                                  (json_int_t)engine.refused, "failed", (json_int_t)engine.failed,
                                  "duplicates", (json_int_t)engine.duplicates));
    json_object_set_new(
        status, "observers",
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "seen", (json_int_t)engine.seen,
                  "seen_running", (json_int_t)engine.seen_running, "seen_dropped",
                  (json_int_t)engine.seen_dropped, "owed", (json_int_t)engine.observed,
                  "owed_running", (json_int_t)engine.observed_running, "owed_queued",
                  (json_int_t)engine.observed_queued, "owed_lost",
                  (json_int_t)engine.observed_lost));
    json_object_set_new(status, "loop",
                        json_pack("{s:I, s:I, s:I, s:I}", "coroutines", (json_int_t)loop.coroutines,
                                  "coroutines_max", (json_int_t)loop.coroutines_max, "switches",
                                  (json_int_t)loop.switches, "longest_slice_us",
                                  (json_int_t)loop.longest_slice_us));
    json_object_set_new(status, "store",
                        json_pack("{s:I, s:I, s:I, s:I}", "batches", (json_int_t)store.batches,
                                  "transactions", (json_int_t)store.transactions, "failed",
                                  (json_int_t)store.failed, "queued",
                                  (json_int_t)store.batches_queued));
    if (host->spool)
        json_object_set_new(status, "spool", host_spool_status(host, &engine));
    if (store_is_shared(host->store)) {
        json_t *shared = json_pack("{s:I, s:b}", "slot", (json_int_t)store_host(host->store),
                                   "holds", store_holds(host->store));

        json_object_set_new(status, "host", shared);
    }
    json_object_set_new(status, "cache",
                        json_pack("{s:b, s:I, s:I, s:I, s:I}", "degraded", cache.degraded, "hits",
                                  (json_int_t)cache.hits, "misses", (json_int_t)cache.misses,
                                  "failed", (json_int_t)cache.failed, "entries",
                                  (json_int_t)cache.entries));
    json_object_set_new(status, "http",
                        json_pack("{s:I, s:I, s:I}", "requests", (json_int_t)http.requests,
                                  "connections", (json_int_t)http.connections, "denied",
                                  (json_int_t)http.denied));
    json_object_set_new(status, "settings",
                        json_pack("{s:I, s:I, s:s}", "rows", (json_int_t)engine.settings, "ignored",
                                  (json_int_t)engine.settings_ignored, "ignored_names",
                                  engine.settings_ignored_names));
    json_object_set_new(status, "counted", figures_agents(host->figures));
    if (host->discord)
        json_object_set_new(status, "discord", discord_status(host->discord));
    if (host->pages)
        json_object_set_new(status, "ops_port", json_integer(ops_http_port(host->pages)));
    json_object_set_new(status, "generations",
                        json_pack("{s:I, s:I}", "alive", (json_int_t)host->manager->set_count,
                                  "parked", (json_int_t)host->manager->images.parked));
    json_object_set_new(status, "agents", json_integer((json_int_t)set->agent_count));
    json_object_set_new(status, "budget_daily_micros", json_integer(engine.cap_micros));
    return status;
}

/* Where its code runs; the process that has it, and what that takes. */
static void add_isolation(json_t *plugin, const struct plugin_isolate *isolate)
{
    struct plugin_isolate_info info;

    json_object_set_new(plugin, "isolation", json_string(isolate ? "process" : "inprocess"));
    if (!isolate)
        return;
    plugin_isolate_look(isolate, &info);
    json_object_set_new(plugin, "state", json_string(info.state));
    json_object_set_new(plugin, "pid", json_integer(info.pid));
    json_object_set_new(plugin, "pss", json_integer((json_int_t)info.pss));
    json_object_set_new(plugin, "cpu_ms", json_integer((json_int_t)info.cpu_ms));
    json_object_set_new(plugin, "crashes", json_integer((json_int_t)info.crashes));
    json_object_set_new(plugin, "running", json_integer((json_int_t)info.running));
}

static void add_plugin(const struct plugin_info *info, void *user)
{
    json_t *plugin = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "agent",
        info->agent, "id", info->id, "version", info->version, "build", info->build_id, "path",
        info->path, "generation", (json_int_t)info->generation, "set", (json_int_t)info->set,
        "pins", (json_int_t)info->pins, "memory", (json_int_t)info->memory, "memory_peak",
        (json_int_t)info->memory_peak, "calls", (json_int_t)info->calls, "failures",
        (json_int_t)info->failures, "parked", (json_int_t)info->parked, "kept_because",
        info->why_pinned, "off_because", info->why_disabled);

    add_isolation(plugin, info->isolate);
    json_array_append_new(user, plugin);
}

json_t *host_plugins(struct host *host)
{
    json_t *list = json_array();

    plugin_manager_list(host->manager, add_plugin, list);
    return list;
}

/* They are shown as those of an agent without a name: commands, no tools. */
static void add_core_commands(json_t *list)
{
    size_t count;
    const struct turn_core_command *commands = turn_core_commands(&count);

    for (size_t i = 0; i < count; i++) {
        json_t *function = plugin_function_schema(&commands[i].function, NULL);

        json_object_set_new(function, "function", json_string(commands[i].function.name));
        json_object_set_new(function, "agent", json_string(""));
        json_object_set_new(function, "usage", json_string(commands[i].function.usage));
        json_object_set_new(function, "slash", json_true());
        json_object_set_new(function, "menu", json_null());
        json_object_set_new(function, "tool", json_false());
        json_array_append_new(list, function);
    }
}

/* Names of its parameters that are files. */
static json_t *files_of(const struct plugin_function *function)
{
    json_t *list = json_array();

    for (size_t i = 0; i < function->param_count; i++)
        if (function->params[i].type == TROUPE_TYPE_ATTACHMENT)
            json_array_append_new(list, json_string(function->params[i].name));
    return list;
}

json_t *host_functions(struct host *host)
{
    const struct plugin_set *set = turn_engine_set(host->engine);
    json_t *list = json_array();

    for (size_t i = 0; i < set->target_count; i++) {
        const struct plugin_target *target = &set->targets[i];
        json_t *function = plugin_function_schema(target->function, target->tool_name);

        json_object_set_new(function, "function", json_string(target->qualified));
        json_object_set_new(function, "agent", json_string(target->agent->name));
        json_object_set_new(function, "files", files_of(target->function));
        json_object_set_new(function, "usage", json_string(target->function->usage));
        json_object_set_new(function, "slash",
                            json_boolean(target->function->flags & TROUPE_SLASH));
        json_object_set_new(function, "tool", json_boolean(target->function->flags & TROUPE_TOOL));
        json_object_set_new(function, "menu",
                            target->function->menu ? json_string(target->function->menu)
                                                   : json_null());
        json_array_append_new(list, function);
    }
    add_core_commands(list);
    return list;
}
