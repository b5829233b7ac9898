/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads whose messages are for the bot: those that it opened, and those that it was asked in. The
 * newest DISCORD_THREADS_MAX are known, through restarts, too: a resumed session does not tell them
 * again, and the GUILDS intent, which would, is not asked for.
 */
#include "gateway/discord/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/sql/discord.h"

#include <string.h>

#define DISCORD_THREADS_MAX 4096

static void told(void *arg, struct store_batch *batch, troupe_status status,
                 const struct error *err)
{
    struct discord *discord = arg;

    (void)batch;
    discord->writes--;
    if (status < 0)
        log_warn("discord", "a thread is not known any more after a restart: %s", err->text);
}

/* In memory; the oldest goes. False: it was there. */
static bool remember(struct discord *discord, uint64_t thread)
{
    uint64_t *place;

    if (!thread || map_getn(&discord->threads, (const char *)&thread, sizeof(thread)))
        return false;
    if (!discord->thread_ring)
        discord->thread_ring = mem_zero(DISCORD_THREADS_MAX, sizeof(*discord->thread_ring));
    place = &discord->thread_ring[discord->thread_next];
    if (*place)
        map_removen(&discord->threads, (const char *)place, sizeof(*place));
    *place = thread;
    discord->thread_next = (discord->thread_next + 1) % DISCORD_THREADS_MAX;
    map_setn(&discord->threads, (const char *)&thread, sizeof(thread), discord);
    return true;
}

void discord_threads_add(struct discord *discord, uint64_t thread)
{
    struct store_batch *batch;
    struct error err;

    if (!remember(discord, thread))
        return;
    batch = store_batch_new();
    store_batch_add(batch, STORE_SQL(SQL_DISCORD_THREAD, store_text(discord->gateway.name),
                                     store_int((int64_t)thread), store_int(clock_wall_ms())));
    discord->writes++;
    if (store_submit(discord->store, batch, told, discord, &err) < 0)
        told(discord, NULL, err.status, &err);
    store_batch_free(batch);
}

void discord_threads_load(struct discord *discord)
{
    const struct store_value name = store_text(discord->gateway.name);
    const struct store_value max = store_int(DISCORD_THREADS_MAX);
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct error err;

    store_batch_add(batch, STORE_SQL(SQL_DISCORD_THREAD_SWEEP, name, max));
    if (store_commit(discord->store, batch, 0, &err) < 0 ||
        store_query(discord->store, STORE_SQL(SQL_DISCORD_THREADS, name, max), 0, &rows, &err) <
            0) {
        log_warn("discord", "the bot's threads could not be read: %s", err.text);
        return;
    }
    for (size_t i = rows->count; i-- > 0;)
        (void)remember(discord, (uint64_t)store_cell_int(rows, i, 0, 0));
}

void discord_threads_configure(struct discord *discord, const struct config_section *section)
{
    const struct config_list *places = config_list(section, "auto_thread_in");

    mem_free(discord->thread_places);
    discord->thread_places = mem_zero(places->count + 1, sizeof(*discord->thread_places));
    for (size_t i = 0; i < places->count; i++)
        discord->thread_places[i] = event_id_number(places->items[i]);
    discord->threading = (struct discord_threading){
        .places = discord->thread_places,
        .place_count = places->count,
        .prefix = discord->prefix,
        .off = !config_bool(section, "auto_thread"),
        .setting = discord->options.setting,
        .arg = discord->options.arg,
    };
    discord->rules.threading = &discord->threading;
}

void discord_threads_clear(struct discord *discord)
{
    map_clear(&discord->threads);
    mem_free(discord->thread_ring);
    mem_free(discord->thread_places);
}
