/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection: its settings, its cache of compiled statements, one statement's run.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "store/sqlite/sqlite.h"

#include <inttypes.h>

enum {
    CACHED_MAX = 256,        /* compiled statements a connection keeps */
    CACHED_BYTES = 4u << 20, /* and what they may take, by SQLite's own count */
    CHECK_EVERY = 1000,      /* steps of SQLite's machine between two looks at the time */
    CELL_MAX = 16u << 20,    /* bytes of one text or blob */
};

const struct store_dialect sqlite_dialect = {.placeholder = '?', .joint = "__"};

troupe_status sqlite_status(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return TROUPE_OK;
    case SQLITE_CONSTRAINT: return TROUPE_CONFLICT;
    case SQLITE_ERROR:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH: return TROUPE_ARGUMENT;
    case SQLITE_AUTH: return TROUPE_DENIED;
    case SQLITE_TOOBIG: return TROUPE_LIMIT;
    case SQLITE_NOMEM: return TROUPE_NOMEM;
    case SQLITE_INTERRUPT: return TROUPE_DEADLINE;
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN: return TROUPE_UNAVAILABLE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_IOERR: return TROUPE_IO;
    default: return TROUPE_FAILED;
    }
}

bool sqlite_status_is_disk(troupe_status status)
{
    return status == TROUPE_IO || status == TROUPE_UNAVAILABLE;
}

troupe_status sqlite_failed(struct sqlite_connection *conn, int code, struct error *err)
{
    troupe_status status = sqlite_status(code);

    if (conn->guard.reason[0]) {
        error_set(err, TROUPE_DENIED, "%s", conn->guard.reason);
        conn->guard.reason[0] = '\0';
        return TROUPE_DENIED;
    }
    switch (code & 0xff) {
    case SQLITE_FULL:
        return error_set(err, status,
                         "no room for the data base: free space on its disk, or raise "
                         "its size limit");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, status, "another process holds the data base: end it and try again");
    case SQLITE_INTERRUPT: return error_set(err, status, "the statement ran too long");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(err, status, "the data base is damaged (%s): put a backup in its place",
                         sqlite3_errmsg(conn->db));
    case SQLITE_IOERR:
        return error_set(err, status, "the disk failed (%s, system error %d): see the kernel's log",
                         sqlite3_errstr(sqlite3_extended_errcode(conn->db)),
                         sqlite3_system_errno(conn->db));
    default: return error_set(err, status, "%s", sqlite3_errmsg(conn->db));
    }
}

troupe_status sqlite_open_status(const struct sqlite_connection *conn, troupe_status status)
{
    int code = sqlite3_errcode(conn->db) & 0xff;

    if (status == TROUPE_IO && (code == SQLITE_CORRUPT || code == SQLITE_NOTADB))
        return TROUPE_DATA;
    return status == TROUPE_UNAVAILABLE && code == SQLITE_FULL ? TROUPE_IO : status;
}

/* Called by SQLite every CHECK_EVERY steps of a running statement. */
static int progress(void *arg)
{
    struct sqlite_connection *conn = arg;

    if (conn->abandoned && atomic_load_explicit(conn->abandoned, memory_order_relaxed))
        return 1;
    return conn->stop_at && clock_ms() >= conn->stop_at;
}

static void limit(sqlite3 *db)
{
    static const int limits[][2] = {
        {SQLITE_LIMIT_LENGTH, CELL_MAX},
        {SQLITE_LIMIT_SQL_LENGTH, STORE_SQL_MAX},
        {SQLITE_LIMIT_COLUMN, 200},
        {SQLITE_LIMIT_EXPR_DEPTH, 200},
        {SQLITE_LIMIT_COMPOUND_SELECT, 100},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
        {SQLITE_LIMIT_VARIABLE_NUMBER, STORE_PARAMETERS_MAX},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 10},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        sqlite3_limit(db, limits[i][0], limits[i][1]);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
}

/* The file's header tells whose it is: an empty file is ours to take, another program's is not. */
static troupe_status check_owner(struct sqlite_connection *conn, const char *path,
                                 struct error *err)
{
    int64_t id = 0, tables = 0;
    troupe_status status =
        sqlite_exec_int(conn, "SELECT count(*) FROM sqlite_master", 0, &tables, err);

    if (status >= 0)
        status = sqlite_exec_int(conn, "PRAGMA application_id", 0, &id, err);
    if (status < 0)
        return status;
    if (tables > 0 && id != SQLITE_APPLICATION_ID)
        return error_set(err, TROUPE_DATA,
                         "\"%s\" is another program's data base: choose another path", path);
    return TROUPE_OK;
}

static troupe_status set_up_writer(struct sqlite_connection *conn,
                                   const struct store_options *options, struct error *err)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    int64_t page_size = 0, pages = 0;
    troupe_status status = check_owner(conn, options->path, err);

    if (status >= 0)
        status = sqlite_exec(conn, "PRAGMA journal_mode = WAL", err);
    if (status >= 0)
        status = sqlite_exec_int(conn, "PRAGMA page_size", 4096, &page_size, err);
    if (status < 0)
        return status;
    buf_printf(&text,
               "PRAGMA application_id = %d; PRAGMA synchronous = %s; PRAGMA wal_autocheckpoint = 0;"
               "PRAGMA cache_size = -8192;",
               SQLITE_APPLICATION_ID, options->synchronous == STORE_NORMAL ? "NORMAL" : "FULL");
    if (options->max_bytes && page_size > 0) {
        pages = (int64_t)(options->max_bytes / (uint64_t)page_size);
        buf_printf(&text, "PRAGMA max_page_count = %" PRId64 ";", pages > 0 ? pages : 1);
    }
    return sqlite_exec(conn, buf_text(&text), err);
}

troupe_status sqlite_connection_open(const struct store_options *options, bool writer,
                                     struct sqlite_connection *conn, struct error *err)
{
    troupe_status status;
    int code;

    *conn = (struct sqlite_connection){0};
    list_init(&conn->recent);
    code = sqlite3_open_v2(options->path, &conn->db,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                           options->vfs);
    if (code != SQLITE_OK) {
        status = conn->db ? sqlite_failed(conn, code, err)
                          : error_set(err, TROUPE_NOMEM, "no memory to open the data base");
        sqlite_connection_close(conn);
        return status;
    }
    sqlite3_extended_result_codes(conn->db, 1);
    sqlite3_busy_timeout(conn->db, (int)options->busy_ms);
    limit(conn->db);
    sqlite3_set_authorizer(conn->db, sqlite_guard_authorize, &conn->guard);
    sqlite3_progress_handler(conn->db, CHECK_EVERY, progress, conn);
    status = sqlite_exec(conn, "PRAGMA temp_store = MEMORY", err);
    if (status >= 0)
        status = writer
                     ? set_up_writer(conn, options, err)
                     : sqlite_exec(conn, "PRAGMA query_only = 1; PRAGMA cache_size = -2048", err);
    if (status < 0) {
        status = sqlite_open_status(conn, status);
        sqlite_connection_close(conn);
    }
    return status;
}

static void statement_free(void *arg)
{
    struct sqlite_statement *statement = arg;

    sqlite3_finalize(statement->stmt);
    store_sql_clear(&statement->sql);
    mem_free(statement->key);
    mem_free(statement);
}

void sqlite_connection_close(struct sqlite_connection *conn)
{
    map_clear_with(&conn->statements, statement_free);
    sqlite3_close(conn->db);
    conn->db = NULL;
}

troupe_status sqlite_exec(struct sqlite_connection *conn, const char *sql, struct error *err)
{
    int code = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? TROUPE_OK : sqlite_failed(conn, code, err);
}

troupe_status sqlite_exec_int(struct sqlite_connection *conn, const char *sql, int64_t fallback,
                              int64_t *ret, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);
    troupe_status status = TROUPE_OK;

    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    else if (code == SQLITE_DONE)
        *ret = fallback;
    else
        status = sqlite_failed(conn, code, err);
    sqlite3_finalize(stmt);
    return status;
}

static void cache_remove(struct sqlite_connection *conn, struct sqlite_statement *statement)
{
    map_remove(&conn->statements, statement->key);
    list_remove(&statement->recent);
    conn->cached_bytes -= statement->size;
    statement_free(statement);
}

/* Compiles the command's SQL, or finds it compiled. */
static troupe_status prepare(struct sqlite_connection *conn, const struct store_command *command,
                             struct sqlite_statement **ret, struct error *err)
{
    struct sqlite_statement *statement =
        map_getn(&conn->statements, command->key, command->key_len);
    struct store_sql sql;
    sqlite3_stmt *stmt = NULL;
    troupe_status status;
    int code;

    if (statement) {
        list_remove(&statement->recent);
        list_prepend(&conn->recent, &statement->recent);
        *ret = statement;
        return TROUPE_OK;
    }
    status = store_rewrite(&sqlite_dialect, command->sql, command->ns, STORE_SQL_ONE, &sql, err);
    if (status < 0)
        return status;
    code = sqlite3_prepare_v3(conn->db, sql.text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (code != SQLITE_OK) {
        store_sql_clear(&sql);
        return sqlite_failed(conn, code, err);
    }
    statement = mem_zero(1, sizeof(*statement));
    statement->key = mem_copy(command->key, command->key_len + 1);
    statement->key_len = command->key_len;
    statement->stmt = stmt;
    statement->sql = sql;
    statement->readonly = sqlite3_stmt_readonly(stmt);
    statement->size =
        2 * command->key_len + (size_t)sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_MEMUSED, 0);
    while (conn->statements.count >= CACHED_MAX ||
           (conn->statements.count && conn->cached_bytes + statement->size > CACHED_BYTES))
        cache_remove(conn, container_of(conn->recent.prev, struct sqlite_statement, recent));
    map_setn(&conn->statements, statement->key, statement->key_len, statement);
    list_prepend(&conn->recent, &statement->recent);
    conn->cached_bytes += statement->size;
    *ret = statement;
    return TROUPE_OK;
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
        int code =
            bind_value(statement->stmt, (int)i + 1,
                       store_command_value(command, &statement->sql.slots[i], &scratch), batch);

        if (code != SQLITE_OK)
            return sqlite_failed(conn, code, err);
    }
    sqlite3_set_last_insert_rowid(conn->db, 0);
    status = collect(conn, statement->stmt, command, err);
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
    struct sqlite_statement *statement = NULL;
    troupe_status status;

    sqlite_guard_set(&conn->guard, command->ns, false);
    status = prepare(conn, command, &statement, err);
    if (status >= 0)
        status = store_command_check(command, &statement->sql, err);
    if (status >= 0 && must_read && !statement->readonly)
        status = error_set(err, TROUPE_DENIED, "a query may only read: \"%.120s\"", command->sql);
    if (status >= 0) {
        status = run_prepared(conn, batch, statement, command, err);
        sqlite3_reset(statement->stmt);
        sqlite3_clear_bindings(statement->stmt); /* they borrow from the command */
    }
    sqlite_guard_set(&conn->guard, NULL, false);
    return status;
}
