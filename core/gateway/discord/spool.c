/* SPDX-License-Identifier: Apache-2.0
 *
 * What the session leaves in the spool (store/spool.h) while the database is away: where it stands, so that a
 * process that starts later goes on with it, and each identify, so that they are counted afterwards. Of the
 * latter there are few at such a time; more than that is a sign of something else.
 */
#include "gateway/discord/internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/sql/discord.h"
#include "gateway/discord/store.h"

#include <string.h>

#define STEP_TICKS     10 /* between two that only tell a higher number */
#define IDENTIFIES_MAX 20 /* of one process, without the database       */

bool discord_spool_needed(const struct discord *discord)
{
    struct store_stats stats;

    if (!discord->options.spool || !store_is_shared(discord->store))
        return false;
    store_stats(discord->store, &stats);
    return stats.degraded;
}

void discord_spool_session(struct discord *discord)
{
    const struct discord_resume *resume = &discord->resume;
    _cleanup_json_ json_t *record = json_pack(
        "{s:s, s:s, s:s, s:I}", "name", discord->gateway.name, "session", resume->session_id, "url",
        resume->url, "seq", (json_int_t)discord_seq_safe(&discord->seq, 0));
    _cleanup_mem_ char *text = json_print(record);
    struct error err;

    discord->spool.ticks = 0;
    if (store_spool_put(discord->options.spool, STORE_SPOOL_SESSION, text, strlen(text), NULL, NULL,
                        &err) < 0)
        log_debug("discord", "where the session stands is not kept: %s", err.text);
}

/* Without events in it there is nothing that a number would stand behind. */
void discord_spool_tick(struct discord *discord)
{
    if (!discord_spool_needed(discord) || store_spool_is_empty(discord->options.spool) ||
        !*discord->resume.session_id || ++discord->spool.ticks < STEP_TICKS)
        return;
    discord_spool_session(discord);
}

troupe_status discord_spool_identify(struct discord *discord, uint64_t *ret_wait_ms,
                                     struct error *err)
{
    uint64_t now = clock_ms(), last = discord->spool.identified_ms;
    _cleanup_json_ json_t *record = NULL;
    _cleanup_mem_ char *text = NULL;
    troupe_status status;

    if (last && now < last + DISCORD_IDENTIFY_APART_MS) {
        *ret_wait_ms = last + DISCORD_IDENTIFY_APART_MS - now;
        return error_set(err, TROUPE_BUSY, "another session of the bot began less than 5 s ago");
    }
    if (discord->spool.identifies >= IDENTIFIES_MAX)
        return error_set(
            err, TROUPE_UNAVAILABLE,
            "%d sessions have begun while the database is away; the next one waits for it",
            IDENTIFIES_MAX);
    record =
        json_pack("{s:s, s:I}", "account", discord->application, "at", (json_int_t)clock_wall_ms());
    text = json_print(record);
    status =
        store_spool_keep(discord->options.spool, STORE_SPOOL_IDENTIFY, text, strlen(text), 0, err);
    if (status < 0)
        return status;
    discord->spool.identifies++;
    discord->spool.identified_ms = now;
    return TROUPE_OK;
}

/* ---- afterwards ------------------------------------------------------------------------------- */

void discord_spool_add(struct store_batch *batch, const struct spool_record *record, bool starting)
{
    _cleanup_json_ json_t *tree = NULL;

    if (json_parse(record->data, record->len, &tree, NULL) < 0) {
        log_error("discord", "record %llu of the spool cannot be read and is lost",
                  (unsigned long long)record->number);
    } else if (record->kind == STORE_SPOOL_IDENTIFY) {
        store_batch_add(batch, STORE_SQL(SQL_DISCORD_IDENTIFIED,
                                         store_text(json_get_str(tree, "account", "")),
                                         store_int(json_get_int(tree, "at", 0))));
    } else if (record->kind == STORE_SPOOL_SESSION && starting) {
        store_batch_add(
            batch, STORE_SQL(SQL_DISCORD_SPOOLED, store_text(json_get_str(tree, "name", "")),
                             store_text(json_get_str(tree, "session", "")),
                             store_text(json_get_str(tree, "url", "")),
                             store_int(json_get_int(tree, "seq", -1)), store_int(record->time_ms)));
    }
}
