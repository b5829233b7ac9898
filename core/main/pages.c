/* SPDX-License-Identifier: Apache-2.0 */
#include "main/pages.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/figures.h"
#include "main/figures.h"
#include "main/host_private.h"
#include "ops/http.h"
#include "ops/metrics.h"
#include "store/kv.h"

#include <string.h>

#define PROBE_MS 1000

static troupe_status address_of(const struct config *config, struct ops_http_address *ret,
                                struct error *err)
{
    const struct config_section *ops = config_section(config, "ops", NULL);

    return ops_http_parse(config_str(ops, "listen"), config_bool(ops, "allow_remote"), ret, err);
}

static bool is_wanted(const struct config *config)
{
    const struct config_section *ops = config_section(config, "ops", NULL);

    return config_str(ops, "listen") && *config_str(ops, "listen");
}

troupe_status pages_check(const struct config *config, struct config_problems *problems)
{
    struct ops_http_address address;
    struct error err;
    unsigned line = 0;
    const char *file;

    if (!is_wanted(config) || address_of(config, &address, &err) == TROUPE_OK)
        return TROUPE_OK;
    file = config_section_origin(config_section(config, "ops", NULL), &line);
    return config_problem(problems, line ? file : NULL, line, "key \"listen\" in [ops]: %s",
                          err.text);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void put_json(struct ops_http_reply *reply, json_t *tree)
{
    _cleanup_mem_ char *text = json_print(tree);

    buf_puts(&reply->body, text ? text : "{}");
    buf_putc(&reply->body, '\n');
    json_decref(tree);
}

static void metrics_page(void *arg, struct ops_http_reply *reply)
{
    struct host *host = arg;

    reply->type = METRICS_TYPE;
    figures_print(host->figures, &reply->body);
    if (reply->body.data)
        log_mask_apply(reply->body.data);
}

/* That this runs is the answer: where the loop does not turn, the server says so by itself. */
static void health_page(void *arg, struct ops_http_reply *reply)
{
    struct host *host = arg;

    put_json(reply, json_pack("{s:s, s:I}", "status", "ok", "uptime_ms",
                              (json_int_t)(clock_ms() - host->started_ms)));
}

/* The last transaction failed on the disk: whether one would now. */
static bool can_write(struct host *host, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct store_stats stats;

    store_stats(host->store, &stats);
    if (!stats.degraded)
        return true;
    batch = store_batch_new();
    store_kv_put(batch, "core", "", "ready.probe", "", 0, 1);
    return store_commit(host->store, batch, co_after(PROBE_MS), err) == TROUPE_OK;
}

static void add_reason(json_t *reasons, const char *what, const char *why)
{
    _cleanup_mem_ char *reason = mem_printf("%s: %s", what, why);

    log_mask_apply(reason);
    json_array_append_new(reasons, json_string(reason));
}

static void ready_page(void *arg, struct ops_http_reply *reply)
{
    struct host *host = arg;
    struct discord_figures discord = {.ready = true};
    struct engine_stats engine;
    json_t *reasons = json_array();
    struct error err = {0};
    bool ready;

    if (!can_write(host, &err))
        add_reason(reasons, "the storage takes no writes", err.text);
    turn_engine_stats(host->engine, &engine);
    if (engine.draining)
        add_reason(reasons, "it takes no new messages", "it is drained or being stopped");
    if (host->discord)
        discord_figures(host->discord, &discord);
    if (!discord.ready)
        add_reason(reasons, "Discord is not there",
                   *discord.why ? discord.why : "it is being connected");
    ready = json_array_size(reasons) == 0;
    reply->code = ready ? 200 : 503;
    put_json(reply,
             json_pack("{s:s, s:o}", "status", ready ? "ready" : "not ready", "reasons", reasons));
}

troupe_status pages_open(struct host *host, struct ops_http **ret, struct error *err)
{
    static const struct ops_http_page pages[] = {
        {"/metrics", metrics_page}, {"/health", health_page}, {"/ready", ready_page}};
    const struct config *config = host_config(host);
    struct ops_http_address address;
    struct ops_http *http = NULL;
    troupe_status status;

    *ret = NULL;
    if (host->options.console_only || !is_wanted(config))
        return TROUPE_OK;
    status = address_of(config, &address, err);
    if (status == TROUPE_OK)
        status = ops_http_start(host->loop, &address, pages, sizeof(pages) / sizeof(pages[0]), host,
                                &http, err);
    if (status < 0)
        return status;
    log_info("ops", "metrics, health and ready at %s port %u", address.host, ops_http_port(http));
    *ret = http;
    return TROUPE_OK;
}
