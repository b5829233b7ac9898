/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cache_away.h"

#include "base/clock.h"
#include "base/mem.h"

#include <fcntl.h>
#include <unistd.h>

static char known; /* the value of every name */

static troupe_status open_memory(struct cache_away *away, struct error *err)
{
    const struct cache_options options = {.max_bytes = away->max_bytes};

    return cache_memory_driver.open(&options, &away->memory, err);
}

troupe_status cache_away_init(struct cache_away *away, const struct cache_options *options,
                              struct error *err)
{
    *away = (struct cache_away){.max_bytes = options->max_bytes};
    if (options->mark) {
        away->mark = mem_strdup(options->mark);
        away->marked = away->all = away->away = access(options->mark, F_OK) == 0;
    }
    return open_memory(away, err);
}

void cache_away_clear(struct cache_away *away)
{
    if (away->memory)
        cache_memory_driver.close(away->memory);
    map_clear(&away->names);
    mem_free(away->mark);
}

void cache_away_begin(struct cache_away *away)
{
    away->away = true;
    away->next_ms = clock_ms() + CACHE_AWAY_MS;
}

void cache_away_end(struct cache_away *away)
{
    away->away = false;
    cache_memory_driver.close(away->memory);
    away->memory = NULL;
    (void)open_memory(away, NULL); /* it cannot fail */
    if (away->marked && unlink(away->mark) == 0)
        away->marked = false;
}

/* What ends before its time is the process: the file needs no sync. Where it cannot be made, a crash at this
 * moment leaves values at the server for as long as they live. */
static void mark(struct cache_away *away)
{
    int fd = away->mark ? open(away->mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    (void)close(fd);
    away->marked = true;
}

void cache_away_changed(struct cache_away *away, const char *name)
{
    if (!away->marked)
        mark(away);
    if (away->all)
        return;
    map_set(&away->names, name, &known);
    if (away->names.count <= CACHE_AWAY_NAMES)
        return;
    map_clear(&away->names);
    away->all = true;
}

const char *cache_away_next(const struct cache_away *away)
{
    return away->names.count ? away->names.entries[away->names.count - 1].key : NULL;
}

void cache_away_done(struct cache_away *away, const char *name)
{
    (void)map_remove(&away->names, name);
}

void cache_away_run(struct cache_away *away, struct cache_call *call)
{
    if (call->kind == CACHE_LOCK || call->kind == CACHE_UNLOCK) {
        call->status = error_set(&call->error, TROUPE_UNAVAILABLE,
                                 "the cache's server is away, and locks are there alone");
        return;
    }
    if (call->kind == CACHE_SET || call->kind == CACHE_REMOVE)
        cache_away_changed(away, call->name);
    (void)cache_memory_driver.run(away->memory, call);
}
