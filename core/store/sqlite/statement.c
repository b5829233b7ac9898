/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled statements: a bounded cache of them on each connection, and the run of one.
 */
#include "store/sqlite/sqlite.h"

#include <inttypes.h>

enum {
    CACHED_MAX = 256,       /* compiled statements a connection keeps            */
    CACHED_BYTES = 4 << 20, /* and what they may take, by SQLite's own count     */
};

static void statement_free(void *arg)
{
    struct sqlite_statement *statement = arg;

    sqlite3_finalize(statement->stmt);
    store_sql_clear(&statement->sql);
    mem_free(statement->key);
    mem_free(statement);
}

void sqlite_statements_clear(struct sqlite_connection *conn)
{
    map_clear_with(&conn->statements, statement_free);
}

static void cache_remove(struct sqlite_connection *conn, struct sqlite_statement *statement)
{
    map_remove(&conn->statements, statement->key);
    list_remove(&statement->recent);
    conn->cached_bytes -= statement->size;
    statement_free(statement);
}

/* Puts a compiled statement into the cache, and out of it what was not used for longest. */
static struct sqlite_statement *cache_add(struct sqlite_connection *conn,
                                          const struct store_command *command, sqlite3_stmt *stmt,
                                          const struct store_sql *sql)
{
    struct sqlite_statement *statement = mem_zero(1, sizeof(*statement));

    statement->key = mem_copy(command->key, command->key_len + 1);
    statement->key_len = command->key_len;
    statement->stmt = stmt;
    statement->sql = *sql;
    statement->readonly = sqlite3_stmt_readonly(stmt);
    statement->size =
        2 * command->key_len + (size_t)sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_MEMUSED, 0);
    while (conn->statements.count >= CACHED_MAX ||
           (conn->statements.count && conn->cached_bytes + statement->size > CACHED_BYTES))
        cache_remove(conn, container_of(conn->recent.prev, struct sqlite_statement, recent));
    map_setn(&conn->statements, statement->key, statement->key_len, statement);
    list_prepend(&conn->recent, &statement->recent);
    conn->cached_bytes += statement->size;
    return statement;
}

/* The command's SQL compiled, now or before; NULL with the status otherwise. */
static struct sqlite_statement *prepare(struct sqlite_connection *conn,
                                        const struct store_command *command,
                                        troupe_status *ret_status, struct error *err)
{
    struct sqlite_statement *statement =
        map_getn(&conn->statements, command->key, command->key_len);
    struct store_sql sql;
    sqlite3_stmt *stmt = NULL;
    int code;

    if (statement) {
        list_remove(&statement->recent);
        list_prepend(&conn->recent, &statement->recent);
        return statement;
    }
    *ret_status = store_rewrite(conn->seal ? &sqlite_sealing : &sqlite_dialect, command->sql,
                                command->ns, STORE_SQL_ONE, &sql, err);
    if (*ret_status < 0)
        return NULL;
    code = sqlite3_prepare_v3(conn->db, sql.text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (code != SQLITE_OK) {
        store_sql_clear(&sql);
        *ret_status = sqlite_failed(conn, code, err);
        return NULL;
    }
    return cache_add(conn, command, stmt, &sql);
}

static int bind_value(sqlite3_stmt *stmt, int index, const struct store_value *value,
                      const struct store_batch *batch)
{
    switch (value ? value->type : STORE_NULL) {
    case STORE_INT: return sqlite3_bind_int64(stmt, index, value->integer);
    case STORE_DOUBLE: return sqlite3_bind_double(stmt, index, value->real);
    case STORE_TEXT:
        return sqlite3_bind_text64(stmt, index, value->data, value->len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case STORE_BLOB:
        return sqlite3_bind_blob64(stmt, index, value->data, value->len, SQLITE_STATIC);
    case STORE_ROWID:
        return batch ? sqlite3_bind_int64(stmt, index, batch->commands[value->integer].rowid)
                     : SQLITE_RANGE;
    case STORE_NULL: break;
    }
    return sqlite3_bind_null(stmt, index);
}

static struct store_value cell(sqlite3_stmt *stmt, int column)
{
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER: return store_int(sqlite3_column_int64(stmt, column));
    case SQLITE_FLOAT: return store_double(sqlite3_column_double(stmt, column));
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(stmt, column);

        return store_textn(text, (size_t)sqlite3_column_bytes(stmt, column));
    }
    case SQLITE_BLOB: {
        const void *data = sqlite3_column_blob(stmt, column);

        return store_blob(data, (size_t)sqlite3_column_bytes(stmt, column));
    }
    default: return store_null();
    }
}

/* Steps to the end and copies the rows. */
static troupe_status collect(struct sqlite_connection *conn, sqlite3_stmt *stmt,
                             struct store_command *command, struct error *err)
{
    int columns = sqlite3_column_count(stmt), code;

    if (columns > 0 && !command->rows) {
        command->rows = store_rows_new((size_t)columns);
        for (int i = 0; i < columns; i++)
            store_rows_name(command->rows, (size_t)i, sqlite3_column_name(stmt, i));
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
        for (int i = 0; i < columns; i++)
            if (store_rows_put(command->rows, cell(stmt, i)) < 0)
                return error_set(err, TROUPE_LIMIT,
                                 "the result is larger than %d rows or %u bytes: ask for less",
                                 STORE_ROWS_MAX, STORE_BYTES_MAX);
    return code == SQLITE_DONE ? TROUPE_OK : sqlite_failed(conn, code, err);
}

static troupe_status run_prepared(struct sqlite_connection *conn, const struct store_batch *batch,
                                  struct sqlite_statement *statement, struct store_command *command,
                                  struct error *err)
{
    int before = sqlite3_total_changes(conn->db);
    struct store_value scratch;
    troupe_status status;

    for (size_t i = 0; i < statement->sql.slot_count; i++) {
        const struct store_slot *slot = &statement->sql.slots[i];
        const struct store_value *value = &scratch;
        int code;

        if (slot->sealing) {
            status = store_command_seal(command, slot, batch, conn->seal, &scratch, err);
            if (status < 0)
                return status;
        } else {
            value = store_command_value(command, slot, &scratch);
        }
        code = bind_value(statement->stmt, (int)i + 1, value, batch);
        if (code != SQLITE_OK)
            return sqlite_failed(conn, code, err);
    }
    sqlite3_set_last_insert_rowid(conn->db, 0);
    status = collect(conn, statement->stmt, command, err);
    if (status >= 0 && statement->sql.unseals && command->rows)
        status = seal_open_rows(conn->seal, command->ns, command->rows, err);
    if (status < 0)
        return status;
    if (statement->readonly) /* a guard may read, too */
        command->changes = command->rows ? (int64_t)command->rows->count : 0;
    else if (sqlite3_total_changes(conn->db) != before) /* CREATE leaves the last count standing */
        command->changes = sqlite3_changes(conn->db);
    command->rowid = sqlite3_last_insert_rowid(conn->db);
    if (command->expect != STORE_ANY && command->changes != command->expect)
        return error_set(err, TROUPE_CONFLICT,
                         "%" PRId64 " rows where %" PRId64 " were expected by \"%.120s\"",
                         command->changes, command->expect, command->sql);
    return TROUPE_OK;
}

troupe_status sqlite_run(struct sqlite_connection *conn, const struct store_batch *batch,
                         struct store_command *command, bool must_read, struct error *err)
{
    struct sqlite_statement *statement;
    troupe_status status = TROUPE_OK;

    sqlite_guard_set(&conn->guard, command->ns, false);
    statement = prepare(conn, command, &status, err);
    if (statement) {
        status = store_command_check(command, &statement->sql, err);
        if (status >= 0 && must_read && !statement->readonly)
            status =
                error_set(err, TROUPE_DENIED, "a query may only read: \"%.120s\"", command->sql);
        if (status >= 0) {
            status = run_prepared(conn, batch, statement, command, err);
            sqlite3_reset(statement->stmt);
            sqlite3_clear_bindings(statement->stmt); /* they borrow from the command */
            if (conn->seal)
                seal_reset(conn->seal); /* and from it */
        }
    }
    sqlite_guard_set(&conn->guard, NULL, false);
    return status;
}
