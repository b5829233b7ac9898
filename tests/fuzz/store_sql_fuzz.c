/* SPDX-License-Identifier: Apache-2.0
 *
 * The scan of a plugin's SQL against SQLite's own tokenizer: whatever text passes the scan as one
 * statement is one statement for SQLite too, with as many parameters as the scan counted, and it
 * names no table outside the namespace that the scan did not put there.
 */
#include "base/mem.h"
#include "store/sqlite/sqlite.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sqlite3 *db;
static struct sqlite_guard guard;

static void set_up(void)
{
    if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
        sqlite3_exec(db,
                     "CREATE TABLE \"echo__a\" (b, c); CREATE TABLE \"other__a\" (b, c);"
                     "CREATE TABLE event (id INTEGER PRIMARY KEY, payload)",
                     NULL, NULL, NULL) != SQLITE_OK)
        abort();
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 200);
    sqlite3_set_authorizer(db, sqlite_guard_authorize, &guard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_mem_ char *text = mem_strndup((const char *)data, size);
    struct store_sql sql;
    sqlite3_stmt *stmt = NULL;
    const char *tail = NULL;

    if (!db)
        set_up();
    if (store_rewrite(&sqlite_dialect, text, "echo", STORE_SQL_ONE, &sql, NULL) < 0)
        return 0;
    sqlite_guard_set(&guard, "echo", false);
    if (sqlite3_prepare_v2(db, sql.text, -1, &stmt, &tail) == SQLITE_OK) {
        if (*store_sql_skip(tail)) /* a second statement came through */
            abort();
        if (stmt && (size_t)sqlite3_bind_parameter_count(stmt) != sql.slot_count)
            abort();
        if (stmt && sqlite3_stmt_isexplain(stmt))
            abort();
    }
    sqlite3_finalize(stmt);
    store_sql_clear(&sql);
    return 0;
}
