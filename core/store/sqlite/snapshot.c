/* SPDX-License-Identifier: Apache-2.0
 *
 * A copy of the database as it is at one moment, also while a host writes to it: VACUUM INTO reads in one
 * transaction, which holds up nobody, and leaves out what was deleted.
 */
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 10000

static troupe_status copy(sqlite3 *db, const char *to, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, "VACUUM INTO ?1", -1, &stmt, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_bind_text(stmt, 1, to, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    sqlite3_finalize(stmt);
    if (code == SQLITE_DONE)
        return TROUPE_OK;
    return error_set(err, code == SQLITE_BUSY ? TROUPE_UNAVAILABLE : TROUPE_IO,
                     "the database cannot be copied: %s", sqlite3_errmsg(db));
}

troupe_status store_snapshot(const char *path, const char *to, struct error *err)
{
    sqlite3 *db = NULL;
    troupe_status status = store_check(path, err);
    int fd;

    if (status < 0)
        return status;
    fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* for its mode */
    if (fd < 0)
        return error_set(err, errno == EEXIST ? TROUPE_CONFLICT : TROUPE_DENIED,
                         "\"%s\" cannot be made: %s", to, strerror(errno));
    close(fd);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        status = error_set(err, TROUPE_IO, "\"%s\" cannot be opened: %s", path,
                           db ? sqlite3_errmsg(db) : "no memory");
    } else {
        sqlite3_busy_timeout(db, BUSY_MS);
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        status = copy(db, to, err);
    }
    sqlite3_close(db);
    if (status < 0)
        unlink(to);
    return status;
}
