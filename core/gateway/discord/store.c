/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/store.h"

#include "base/clock.h"
#include "gateway/discord/sql/discord.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

/* ---- sessions --------------------------------------------------------------------------------- */

/* False where it does not fit: then it was not written by this program. */
static bool copy_text(char *ret, size_t size, const char *text)
{
    size_t len = strlen(text);

    if (len >= size)
        return false;
    memcpy(ret, text, len + 1);
    return true;
}

troupe_status discord_store_load(struct store *store, const char *name, struct discord_resume *ret,
                                 struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct discord_resume resume = {.seq = -1};
    troupe_status status;

    status = store_query(store, STORE_SQL(SQL_DISCORD_LOAD, store_text(name)), 0, &rows, err);
    if (status < 0)
        return status;
    if (!copy_text(resume.session_id, sizeof(resume.session_id), store_cell_text(rows, 0, 0, "")) ||
        !copy_text(resume.url, sizeof(resume.url), store_cell_text(rows, 0, 1, "")))
        resume = (struct discord_resume){.seq = -1};
    if (resume.session_id[0])
        resume.seq = store_cell_int(rows, 0, 2, -1);
    *ret = resume;
    return TROUPE_OK;
}

troupe_status discord_store_session(struct store *store, const char *name,
                                    const struct discord_resume *resume, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_EXPECT(1, SQL_DISCORD_SESSION, store_text(name),
                                        store_text(resume->session_id), store_text(resume->url),
                                        store_int(resume->seq), store_int(clock_wall_ms())));
    return store_commit(store, batch, 0, err);
}

void discord_store_seq(struct store_batch *batch, const char *name, const char *session_id,
                       int64_t seq)
{
    store_batch_add(batch, STORE_SQL(SQL_DISCORD_SEQ, store_text(name), store_text(session_id),
                                     store_int(seq), store_int(clock_wall_ms())));
}

/* ---- identifies ------------------------------------------------------------------------------- */

/* Why none may leave now, from what is stored. [waits] */
static troupe_status explain(struct store *store, const char *account, int64_t now,
                             uint64_t *ret_wait_ms, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    int64_t newest, oldest, wait;
    troupe_status status;

    status = store_query(store,
                         STORE_SQL(SQL_DISCORD_IDENTIFY_NEWEST, store_text(account),
                                   store_int(DISCORD_IDENTIFIES_MAX - 1)),
                         0, &rows, err);
    if (status < 0)
        return status;
    newest = store_cell_int(rows, 0, 0, 0);
    oldest = store_cell_int(rows, 0, 1, 0);
    if (oldest > now - DAY_MS) {
        wait = oldest < now ? oldest + DAY_MS - now : DAY_MS; /* or it is from a clock ahead */
        *ret_wait_ms = (uint64_t)wait;
        return error_set(
            err, TROUPE_LIMIT,
            "the bot has begun %d sessions within 24 hours, and Discord resets the "
            "token at 1,000; the next may begin in %d minutes: look in the log for why "
            "sessions are lost",
            DISCORD_IDENTIFIES_MAX, (int)(wait / 60000) + 1);
    }
    wait = newest + DISCORD_IDENTIFY_APART_MS - now;
    if (wait < 1 || wait > DISCORD_IDENTIFY_APART_MS)
        wait = DISCORD_IDENTIFY_APART_MS;
    *ret_wait_ms = (uint64_t)wait;
    return error_set(err, TROUPE_BUSY, "another session of the bot began less than 5 s ago");
}

troupe_status discord_store_identify(struct store *store, const char *account,
                                     uint64_t *ret_wait_ms, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    int64_t now = clock_wall_ms();
    troupe_status status;

    store_batch_add(batch, STORE_SQL(SQL_DISCORD_IDENTIFY_SWEEP, store_int(now - DAY_MS)));
    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_DISCORD_IDENTIFY, store_text(account), store_int(now),
                                 store_int(DISCORD_IDENTIFIES_MAX), store_int(now - DAY_MS),
                                 store_int(now - DISCORD_IDENTIFY_APART_MS + 1),
                                 store_int(now + DISCORD_IDENTIFY_APART_MS)));
    status = store_commit(store, batch, 0, err);
    return status == TROUPE_CONFLICT ? explain(store, account, now, ret_wait_ms, err) : status;
}

troupe_status discord_store_identifies(struct store *store, const char *account, unsigned *ret,
                                       struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status;

    status = store_query(store,
                         STORE_SQL(SQL_DISCORD_IDENTIFY_COUNT, store_text(account),
                                   store_int(clock_wall_ms() - DAY_MS)),
                         0, &rows, err);
    if (status < 0)
        return status;
    *ret = (unsigned)store_cell_int(rows, 0, 0, 0);
    return TROUPE_OK;
}
