/* SPDX-License-Identifier: Apache-2.0
 *
 * What was deleted leaves the disk. secure_delete overwrites each row that goes, but not copies of it
 * that a page kept from a time when its rows lay elsewhere; writing the file anew is what takes those.
 * A large file is not written anew: nothing could be committed meanwhile. Its log is cut in any case.
 */
#include "base/clock.h"
#include "store/sqlite/sqlite.h"

enum {
    FORGET_LIMIT_MS = 60000,
    FORGET_WAIT_MS = 500, /* for readers, which hold the end of the log */
};

static troupe_status file_bytes(struct sqlite_connection *conn, int64_t *ret, struct error *err)
{
    int64_t pages = 0, size = 0;
    troupe_status status = sqlite_exec_int(conn, "PRAGMA page_count", 0, &pages, err);

    if (status >= 0)
        status = sqlite_exec_int(conn, "PRAGMA page_size", 4096, &size, err);
    *ret = pages * size;
    return status;
}

/* Its copy is in a file of no name, not in memory. That counts as attached, of which there are none
 * otherwise. */
static troupe_status write_anew(struct sqlite_connection *conn, struct error *err)
{
    int attached = sqlite3_limit(conn->db, SQLITE_LIMIT_ATTACHED, 1);
    troupe_status status = sqlite_exec(conn, "PRAGMA temp_store = FILE", err);

    if (status >= 0)
        status = sqlite_exec(conn, "VACUUM", err);
    (void)sqlite_exec(conn, "PRAGMA temp_store = MEMORY", NULL);
    sqlite3_limit(conn->db, SQLITE_LIMIT_ATTACHED, attached);
    return status;
}

static troupe_status cut_log(struct sqlite_connection *conn, uint32_t busy_ms, struct error *err)
{
    int code;

    sqlite3_busy_timeout(conn->db, FORGET_WAIT_MS);
    code = sqlite3_wal_checkpoint_v2(conn->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(conn->db, (int)busy_ms);
    if (code == SQLITE_OK)
        return TROUPE_OK;
    return code == SQLITE_BUSY
               ? error_set(err, TROUPE_BUSY, "somebody reads what the log holds: try again later")
               : sqlite_failed(conn, code, err);
}

troupe_status sqlite_forget(struct sqlite_connection *conn, uint32_t busy_ms, struct error *err)
{
    int64_t bytes = 0;
    troupe_status status;

    conn->stop_at = clock_ms() + FORGET_LIMIT_MS;
    status = file_bytes(conn, &bytes, err);
    if (status >= 0 && bytes <= (int64_t)STORE_FORGET_BYTES)
        status = write_anew(conn, err);
    if (status >= 0)
        status = cut_log(conn, busy_ms, err);
    conn->stop_at = 0;
    return status;
}
