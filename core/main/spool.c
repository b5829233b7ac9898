/* SPDX-License-Identifier: Apache-2.0
 *
 * The spool of a host: it stands beside the store, and what different parts put into it is handed back to them.
 */
#include "main/host_private.h"

#include "main/storage.h"
#include "turn/spool.h"

#include <unistd.h>

troupe_status host_spool_open(struct host *host, const struct config *config, struct error *err)
{
    struct store_spool_options options;

    storage_spool(config, &options);
    /* A database that moved into a file may have left one behind. */
    if (!store_is_shared(host->store) && access(options.path, F_OK) < 0)
        return TROUPE_OK;
    return store_spool_open(host->loop, &options, &host->spool, err);
}

static void add_left(void *arg, struct store_batch *batch, const struct spool_record *record)
{
    (void)arg;
    discord_spool_add(batch, record, true);
}

troupe_status host_spool_take_up(struct host *host, const struct plugin_set *set, struct error *err)
{
    return host->spool ? turn_spool_take_up(host->store, host->spool, set, add_left, NULL, err)
                       : TROUPE_OK;
}

void host_spool_add(void *host, struct store_batch *batch, const struct spool_record *record)
{
    (void)host;
    discord_spool_add(batch, record, false);
}

json_t *host_spool_status(const struct host *host, const struct engine_stats *engine)
{
    struct store_spool_stats stats;

    if (!host->spool)
        return NULL;
    store_spool_stats(host->spool, &stats);
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "events", (json_int_t)engine->spooled, "bytes",
                     (json_int_t)stats.bytes, "max_bytes", (json_int_t)stats.max_bytes, "since_ms",
                     (json_int_t)stats.since_ms, "lost", (json_int_t)engine->spool_lost);
}
