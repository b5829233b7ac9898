/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection: its settings and limits, and what SQLite's result codes mean to us.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "store/sqlite/sqlite.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    CHECK_EVERY = 1000,  /* steps of SQLite's machine between two looks at the time */
    CELL_MAX = 16 << 20, /* bytes of one text or blob */
    /* What a statement needs while it runs comes from slots of its connection. */
    LOOKASIDE_SIZE = 2048,
    LOOKASIDE_COUNT = 96,
};

/* Of a new file. Half of SQLite's own: a turn touches some nine pages and changes little of each, and
 * what a commit checks and writes is whole pages. */
#define NEW_PAGE_SIZE "PRAGMA page_size = 2048"

const struct store_dialect sqlite_dialect = {.placeholder = '?', .joint = "__"};
const struct store_dialect sqlite_sealing = {.placeholder = '?', .joint = "__", .seals = true};

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
                         "no room for the database: free space on its disk, or raise "
                         "its size limit");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, status, "another process holds the database: end it and try again");
    case SQLITE_INTERRUPT: return error_set(err, status, "the statement ran too long");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(err, status, "the database is damaged (%s): put a backup in its place",
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
    sqlite3_db_config(db, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_SIZE, LOOKASIDE_COUNT);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
}

/* SQL's this_host(): of several hosts on one database, which. A file has one. */
static void this_host(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    sqlite3_result_int(context, 0);
}

/* And host_ours(): whether what host has is this one's to answer for. */
static void host_ours(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    sqlite3_result_int(context, 1);
}

static troupe_status add_functions(struct sqlite_connection *conn, struct error *err)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int code = sqlite3_create_function_v2(conn->db, "this_host", 0, flags, NULL, this_host, NULL,
                                          NULL, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_create_function_v2(conn->db, "host_ours", 1, flags, NULL, host_ours, NULL,
                                          NULL, NULL);
    return code == SQLITE_OK ? TROUPE_OK : sqlite_failed(conn, code, err);
}

/* The file's header tells whose it is: an empty file is ours to take, another program's is not. */
static troupe_status take_file(struct sqlite_connection *conn, const char *path, struct error *err)
{
    int64_t id = 0, tables = 0;
    char text[64];
    troupe_status status =
        sqlite_exec_int(conn, "SELECT count(*) FROM sqlite_master", 0, &tables, err);

    if (status >= 0)
        status = sqlite_exec_int(conn, "PRAGMA application_id", 0, &id, err);
    if (status < 0 || id == SQLITE_APPLICATION_ID)
        return status;
    if (tables > 0)
        return error_set(err, TROUPE_DATA,
                         "\"%s\" is another program's database: choose another path", path);
    snprintf(text, sizeof(text), "PRAGMA application_id = %d", SQLITE_APPLICATION_ID);
    return sqlite_exec(conn, text, err);
}

static int is_wal(void *arg, int columns, char **values, char **names)
{
    (void)names;
    *(bool *)arg = columns == 1 && values[0] && strcmp(values[0], "wal") == 0;
    return 0;
}

/* SQLite stays silent, and in another mode, where the file system cannot share memory. */
static troupe_status use_log(struct sqlite_connection *conn, struct error *err)
{
    bool wal = false;
    int code = sqlite3_exec(conn->db, "PRAGMA journal_mode = WAL", is_wal, &wal, NULL);

    if (code != SQLITE_OK)
        return sqlite_failed(conn, code, err);
    return wal ? TROUPE_OK
               : error_set(err, TROUPE_NOT_FOUND,
                           "its file system cannot hold a write-ahead log: choose a local disk");
}

static troupe_status set_up_writer(struct sqlite_connection *conn,
                                   const struct store_options *options, struct error *err)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    int64_t page_size = 0, pages = 0;
    troupe_status status = sqlite_exec(conn, NEW_PAGE_SIZE, err);

    if (status >= 0)
        status = take_file(conn, options->path, err);
    if (status >= 0)
        status = use_log(conn, err);
    if (status >= 0)
        status = sqlite_exec_int(conn, "PRAGMA page_size", 4096, &page_size, err);
    if (status < 0)
        return status;
    buf_printf(&text,
               "PRAGMA synchronous = %s; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -4096; "
               "PRAGMA secure_delete = 1;",
               options->synchronous == STORE_NORMAL ? "NORMAL" : "FULL");
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
                          : error_set(err, TROUPE_NOMEM, "no memory to open the database");
        sqlite_connection_close(conn);
        return status;
    }
    sqlite3_extended_result_codes(conn->db, 1);
    sqlite3_busy_timeout(conn->db, (int)options->busy_ms);
    limit(conn->db);
    sqlite3_set_authorizer(conn->db, sqlite_guard_authorize, &conn->guard);
    sqlite3_progress_handler(conn->db, CHECK_EVERY, progress, conn);
    status = add_functions(conn, err);
    if (status >= 0)
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

void sqlite_connection_close(struct sqlite_connection *conn)
{
    sqlite_statements_clear(conn);
    sqlite3_close(conn->db);
    conn->db = NULL;
    seal_free(conn->seal);
    conn->seal = NULL;
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
