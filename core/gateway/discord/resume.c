/* SPDX-License-Identifier: Apache-2.0
 *
 * What the next process resumes from: the session, and the number up to which everything has been
 * taken. The number goes with the engine's batches, and with a batch of its own where nothing else
 * was to be stored for a second.
 */
#include "gateway/discord/internal.h"

#include "base/log.h"
#include "gateway/discord/store.h"

#include <string.h>

#define AGAIN_MS 1000 /* where a session could not be stored */

void discord_taken(struct gateway *gateway, int64_t seq, struct store_batch *batch)
{
    struct discord *discord = (struct discord *)gateway;
    int64_t safe = discord_seq_safe(&discord->seq, seq);

    if (*discord->resume.session_id && safe > 0)
        discord_store_seq(batch, discord->gateway.name, discord->resume.session_id, safe);
}

void discord_stored(struct gateway *gateway, int64_t seq)
{
    struct discord *discord = (struct discord *)gateway;

    discord_seq_done(&discord->seq, seq);
    discord_press_taken(discord, seq);
}

static void seq_told(void *arg, struct store_batch *batch, troupe_status status,
                     const struct error *err)
{
    struct discord *discord = arg;

    (void)batch;
    (void)err;
    discord->writes--;
    discord->seq_writing = false;
    if (status < 0)
        discord->resume.seq = -1; /* the next tick tries again */
}

void discord_store_newest(struct discord *discord)
{
    int64_t safe = discord_seq_safe(&discord->seq, 0);
    struct store_batch *batch;

    if (discord->seq_writing || !*discord->resume.session_id || safe <= discord->resume.seq)
        return;
    batch = store_batch_new();
    discord_store_seq(batch, discord->gateway.name, discord->resume.session_id, safe);
    if (store_submit(discord->store, batch, seq_told, discord, NULL) == TROUPE_OK) {
        discord->resume.seq = safe;
        discord->seq_writing = true;
        discord->writes++;
    }
    store_batch_free(batch);
}

static troupe_status store_session(void *arg)
{
    struct discord *discord = arg;

    while (discord->session_stale) {
        struct discord_resume resume = discord->resume;
        struct error err;

        discord->session_stale = false;
        resume.seq = discord_seq_safe(&discord->seq, 0);
        if (discord_store_session(discord->store, discord->gateway.name, &resume, &err) >= 0)
            continue;
        log_warn("discord", "the session could not be stored: %s", err.text);
        discord->session_stale = true;
        if (co_sleep(AGAIN_MS) < 0)
            break;
    }
    discord->session_writing = false;
    return TROUPE_OK;
}

void discord_session_changed(void *arg, const struct discord_resume *resume)
{
    static const struct co_owner owner = {"core:discord", 0};
    struct discord *discord = arg;

    if (strcmp(discord->resume.session_id, resume->session_id) != 0)
        discord_seq_session(&discord->seq, resume->seq);
    discord->resume = *resume;
    discord->session_stale = true;
    if (*resume->session_id && discord_spool_needed(discord)) /* what it brings may come next */
        discord_spool_session(discord);
    if (discord->session_writing)
        return;
    discord->session_writing =
        co_spawn(&discord->scope, &owner, store_session, discord) == TROUPE_OK;
    if (!discord->session_writing)
        log_warn("discord", "the session could not be stored: no coroutine is free");
}
