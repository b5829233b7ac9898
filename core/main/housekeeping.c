/* SPDX-License-Identifier: Apache-2.0
 *
 * What a running host does beside its turns: large indexes are read ahead at the start, and rows whose time is over
 * go, a portion at a time. A cache's server is looked at where nobody else asks it.
 */
#include "base/clock.h"
#include "base/log.h"
#include "main/host_private.h"
#include "store/blob.h"
#include "store/cache.h"
#include "store/index.h"
#include "store/kv.h"
#include "turn/audit.h"
#include "turn/retain.h"
#include "turn/sweep.h"

#define EVERY_MS   (10 * 60 * 1000)
#define BETWEEN_MS 100 /* between two portions, so that turns come first */
#define KV_PORTION 500
#define LOOK_MS    1000

static troupe_status sweep(struct host *host, bool *ret_more, struct error *err)
{
    const struct config_section *section = config_section(host_config(host), "store", NULL);
    uint64_t deadline = co_after(HOST_STEP_MS);
    size_t removed = 0;
    bool jobs = false, audit = false, blobs = false;
    troupe_status status = turn_sweep(host->store, clock_wall_ms(),
                                      config_ms(section, "keep_traces"), deadline, ret_more, err);

    if (status == TROUPE_OK)
        status = sched_sweep(host->store, clock_wall_ms() - config_ms(section, "keep_traces"),
                             deadline, &jobs, err);
    if (status == TROUPE_OK)
        status = store_kv_sweep(host->store, KV_PORTION, deadline, &removed, err);
    if (status == TROUPE_OK)
        status = store_blob_sweep(host->store, deadline, &blobs, err);
    if (status == TROUPE_OK)
        status = turn_audit_sweep(host->store, clock_wall_ms() - config_ms(section, "keep_audit"),
                                  deadline, &audit, err);
    if (status == TROUPE_OK)
        status = turn_retain(host->engine, clock_wall_ms(), ret_more);
    *ret_more |= jobs || audit || blobs || removed == KV_PORTION;
    return status;
}

static bool is_served(void *arg, const char *ns)
{
    const struct host *host = arg;

    return plugin_set_agent(turn_engine_set(host->engine), ns) != NULL;
}

/* Nobody waits for it, so that nobody waits later. */
static void warm(struct host *host)
{
    size_t count = 0;
    struct error err;

    if (store_index_warm(host->store, is_served, host, &count, &err) < 0) {
        if (co_status() == TROUPE_OK)
            log_warn("housekeeping", "what is searched most is not read ahead: %s", err.text);
    } else if (count) {
        log_info("housekeeping", "%zu large scopes are ready to be searched", count);
    }
}

troupe_status host_housekeeping(void *arg)
{
    struct host *host = arg;

    warm(host);
    while (co_sleep(EVERY_MS) == TROUPE_OK) {
        bool more = true;

        while (more) {
            struct error err;

            more = false;
            if (sweep(host, &more, &err) < 0 && co_status() == TROUPE_OK)
                log_warn("housekeeping", "put off: %s", err.text);
            if (co_sleep(BETWEEN_MS) < 0)
                return TROUPE_OK;
        }
    }
    return TROUPE_OK;
}

troupe_status host_watch_cache(void *arg)
{
    struct host *host = arg;

    while (cache_is_shared(host->cache) && co_sleep(LOOK_MS) == TROUPE_OK)
        cache_look(host->cache);
    return TROUPE_OK;
}
