/* SPDX-License-Identifier: Apache-2.0
 *
 * A look at a database that no host has open.
 */
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 2000

/* "ok", or the first of what is wrong. */
static int take_verdict(void *arg, int columns, char **values, char **names)
{
    char *verdict = arg;

    (void)names;
    if (!*verdict && columns == 1 && values[0])
        snprintf(verdict, 200, "%s", values[0]);
    return 0;
}

static troupe_status check(sqlite3 *db, const char *path, struct error *err)
{
    char verdict[200] = "", id[200] = "";
    int code = sqlite3_exec(db, "PRAGMA application_id", take_verdict, id, NULL);

    if (code == SQLITE_OK && strtoll(id, NULL, 10) != SQLITE_APPLICATION_ID)
        return error_set(err, TROUPE_DATA,
                         "\"%s\" is another program's database: choose another path", path);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "PRAGMA quick_check(1)", take_verdict, verdict, NULL);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        return error_set(err, TROUPE_UNAVAILABLE, "another process holds \"%s\"", path);
    if (code != SQLITE_OK)
        return error_set(err, TROUPE_DATA, "\"%s\" cannot be read (%s): put a backup in its place",
                         path, sqlite3_errmsg(db));
    if (strcmp(verdict, "ok") != 0)
        return error_set(err, TROUPE_DATA, "\"%s\" is damaged (%s): put a backup in its place",
                         path, verdict);
    return TROUPE_OK;
}

troupe_status store_check(const char *path, struct error *err)
{
    sqlite3 *db = NULL;
    troupe_status status;

    if (access(path, F_OK) < 0 && errno == ENOENT)
        return error_set(err, TROUPE_NOT_FOUND, "\"%s\" is not there yet", path);
    if (access(path, R_OK | W_OK) < 0)
        return error_set(err, TROUPE_DENIED, "\"%s\": %s; change its owner or mode", path,
                         strerror(errno));
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        status = error_set(err, TROUPE_IO, "\"%s\" cannot be opened: %s", path,
                           db ? sqlite3_errmsg(db) : "no memory");
    } else {
        sqlite3_busy_timeout(db, BUSY_MS);
        /* The log of a host that was killed is left to its next start. */
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        status = check(db, path, err);
    }
    sqlite3_close(db);
    return status;
}
