/* SPDX-License-Identifier: Apache-2.0
 *
 * Schema steps in SQLite: the check of what ran before, then the missing steps in one transaction; or the
 * last ones back.
 */
#include "base/clock.h"
#include "store/sqlite/sqlite.h"

#include <inttypes.h>

struct migration {
    struct sqlite_connection *conn;
    const char *ns; /* NULL: the core */
    const struct store_migration *steps;
    size_t count;
    struct error *err;
};

static const char *shown(const struct migration *m)
{
    return m->ns ? m->ns : "core";
}

static troupe_status run_command(struct sqlite_connection *conn, const char *key,
                                 const struct store_value *params, size_t count,
                                 struct store_rows **ret, struct error *err)
{
    struct store_command command = {
        .key = key,
        .key_len = strlen(key),
        .sql = key + 1,
        .expect = STORE_ANY,
        .params = params,
        .param_count = count,
    };
    troupe_status status = sqlite_run(conn, NULL, &command, false, err);

    if (status >= 0 && ret) {
        *ret = command.rows;
        command.rows = NULL;
    }
    store_command_reset(&command);
    return status;
}

static troupe_status check_applied(const struct migration *m, size_t *ret_applied)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct store_value ns = store_text(shown(m));
    troupe_status status = run_command(
        m->conn, "\nSELECT version, checksum FROM migration WHERE ns = ?1 ORDER BY version", &ns, 1,
        &rows, m->err);

    return status < 0
               ? status
               : store_migrations_applied(m->ns, m->steps, m->count, rows, ret_applied, m->err);
}

static size_t line_at(const char *text, const char *place)
{
    size_t line = 1;

    for (; text < place; text++)
        line += *text == '\n';
    return line;
}

/* A message of the database's, with the place; its own mistakes are the step's, not the caller's. */
static troupe_status step_failed(const struct migration *m, const struct store_migration *step,
                                 size_t line, int code)
{
    struct error cause;
    troupe_status status = sqlite_failed(m->conn, code, &cause);

    if (status == TROUPE_ARGUMENT || status == TROUPE_CONFLICT || status == TROUPE_FAILED ||
        status == TROUPE_LIMIT)
        status = TROUPE_DATA;
    return error_set(m->err, status, "\"%s\": migration %" PRId64 " (%s) line %zu: %s", shown(m),
                     step->version, step->name, line, cause.text);
}

static troupe_status run_statements(const struct migration *m, const struct store_migration *step,
                                    const char *text)
{
    const char *at = store_sql_skip(text);

    while (*at) {
        sqlite3_stmt *stmt = NULL;
        const char *tail = at;
        int code = sqlite3_prepare_v2(m->conn->db, at, -1, &stmt, &tail);

        if (code == SQLITE_OK) {
            while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
                continue;
            sqlite3_finalize(stmt); /* gives the code of the step again */
        }
        if (code != SQLITE_OK && code != SQLITE_DONE)
            return step_failed(m, step, line_at(text, at), code);
        at = store_sql_skip(tail);
    }
    return TROUPE_OK;
}

/* How many tables and indexes are not the namespace's. */
static troupe_status count_others(const struct migration *m, int64_t *ret)
{
    _cleanup_mem_ char *prefix = mem_printf("%s%s", m->ns, sqlite_dialect.joint);
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct store_value value = store_text(prefix);
    troupe_status status = run_command(m->conn,
                                       "\nSELECT count(*) FROM sqlite_master "
                                       "WHERE lower(substr(tbl_name, 1, length(?1))) <> ?1",
                                       &value, 1, &rows, m->err);

    if (status >= 0)
        *ret = store_cell_int(rows, 0, 0, 0);
    return status;
}

/* The authorizer is not asked about the new name of ALTER TABLE … RENAME TO: a table that left the
 * namespace is found by its being somebody else's now. */
static troupe_status run_guarded(const struct migration *m, const struct store_migration *step,
                                 const char *text)
{
    int64_t before = 0, after = 0;
    troupe_status status = count_others(m, &before);

    if (status < 0)
        return status;
    sqlite_guard_set(&m->conn->guard, m->ns, true);
    status = run_statements(m, step, text);
    sqlite_guard_set(&m->conn->guard, NULL, false);
    if (status >= 0)
        status = count_others(m, &after);
    if (status >= 0 && before != after)
        return error_set(m->err, TROUPE_DENIED,
                         "\"%s\": migration %" PRId64 " (%s) renames a table out of its "
                         "namespace: name it {name}",
                         shown(m), step->version, step->name);
    return status;
}

/* `text` is the step's own, or its way back. */
static troupe_status run_text(const struct migration *m, const struct store_migration *step,
                              const char *text)
{
    struct store_sql sql;
    struct error cause;
    troupe_status status =
        store_rewrite(&sqlite_dialect, text, m->ns, STORE_SQL_SCRIPT, &sql, &cause);

    if (status < 0)
        return error_set(m->err, status == TROUPE_DENIED ? status : TROUPE_DATA,
                         "\"%s\": migration %" PRId64 " (%s) %s", shown(m), step->version,
                         step->name, cause.text);
    status = m->ns ? run_guarded(m, step, sql.text) : run_statements(m, step, sql.text);
    store_sql_clear(&sql);
    return status;
}

static troupe_status run_step(const struct migration *m, const struct store_migration *step)
{
    troupe_status status = run_text(m, step, step->sql);
    char checksum[STORE_CHECKSUM_SIZE];
    struct store_value params[5];

    if (status < 0)
        return status;
    store_checksum(step->sql, checksum);
    params[0] = store_text(shown(m));
    params[1] = store_int(step->version);
    params[2] = store_text(step->name);
    params[3] = store_text(checksum);
    params[4] = store_int(clock_wall_ms());
    return run_command(m->conn,
                       "\nINSERT INTO migration (ns, version, name, checksum, applied_ms) "
                       "VALUES (?1, ?2, ?3, ?4, ?5)",
                       params, 5, NULL, m->err);
}

static troupe_status run_missing(const struct migration *m)
{
    size_t applied = 0;
    troupe_status status = sqlite_exec(m->conn,
                                       "CREATE TABLE IF NOT EXISTS migration ("
                                       "ns TEXT NOT NULL, version INTEGER NOT NULL, "
                                       "name TEXT NOT NULL, checksum TEXT NOT NULL, "
                                       "applied_ms INTEGER NOT NULL, PRIMARY KEY (ns, version))",
                                       m->err);

    if (status >= 0)
        status = check_applied(m, &applied);
    for (size_t i = applied; status >= 0 && i < m->count; i++)
        status = run_step(m, &m->steps[i]);
    return status;
}

/* How many steps of the core ran; 0 in an empty database. */
static troupe_status core_version(struct sqlite_connection *conn, int64_t *ret, struct error *err)
{
    int64_t tables = 0;
    troupe_status status = sqlite_exec_int(
        conn, "SELECT count(*) FROM sqlite_master WHERE name = 'migration'", 0, &tables, err);

    *ret = 0;
    return status < 0 || !tables
               ? status
               : sqlite_exec_int(conn, "SELECT count(*) FROM migration WHERE ns = 'core'", 0, ret,
                                 err);
}

static troupe_status forget_notes(const struct migration *m, int64_t to_version)
{
    const struct store_value params[] = {store_text(shown(m)), store_int(to_version)};
    int64_t core = 0;
    troupe_status status = run_command(
        m->conn, "\nDELETE FROM migration WHERE ns = ?1 AND version > ?2", params, 2, NULL, m->err);

    if (status >= 0)
        status = core_version(m->conn, &core, m->err);
    return status < 0 || core < STORE_CORE_KEEPS
               ? status
               : run_command(m->conn, "\nDELETE FROM migration_text WHERE ns = ?1 AND version > ?2",
                             params, 2, NULL, m->err);
}

static troupe_status check_keys(const struct migration *m, size_t applied, int64_t to_version)
{
    int64_t keys = 0;
    troupe_status status =
        m->ns || applied < STORE_CORE_KEEPS || to_version >= STORE_CORE_KEEPS
            ? TROUPE_OK
            : sqlite_exec_int(m->conn, "SELECT count(*) FROM seal_key", 0, &keys, m->err);

    return status < 0 || !keys ? status : store_migrations_encrypted(m->err);
}

static troupe_status run_back(const struct migration *m, int64_t to_version)
{
    size_t applied = 0;
    troupe_status status = check_applied(m, &applied);

    if (status >= 0)
        status = store_migrations_back(m->ns, m->steps, applied, to_version, m->err);
    if (status >= 0)
        status = check_keys(m, applied, to_version);
    for (size_t i = applied; status >= 0 && i > (size_t)to_version; i--)
        status = run_text(m, &m->steps[i - 1], m->steps[i - 1].back);
    return status < 0 ? status : forget_notes(m, to_version);
}

static troupe_status end(struct sqlite_connection *conn, troupe_status status, bool keep,
                         struct error *err)
{
    if (status >= 0)
        status = sqlite_exec(conn, keep ? "COMMIT" : "ROLLBACK", err);
    if (!sqlite3_get_autocommit(conn->db))
        (void)sqlite_exec(conn, "ROLLBACK", NULL);
    return status;
}

troupe_status sqlite_migrate_back(struct sqlite_connection *conn, const char *ns,
                                  const struct store_migration *steps, size_t count,
                                  int64_t to_version, struct error *err)
{
    struct migration m = {.conn = conn, .ns = ns, .steps = steps, .count = count, .err = err};
    troupe_status status = store_migrations_valid(ns, steps, count, err);

    if (status >= 0)
        status = sqlite_exec(conn, "BEGIN IMMEDIATE", err);
    if (status < 0)
        return status;
    return end(conn, run_back(&m, to_version), true, err);
}

troupe_status sqlite_look(struct sqlite_connection *conn, int64_t *ret_version, struct error *err)
{
    const struct store_migration *steps;
    struct migration m = {.conn = conn, .err = err};
    size_t applied = 0;
    troupe_status status = core_version(conn, ret_version, err);

    if (status < 0)
        return status;
    if (!*ret_version)
        return store_migrations_none(err);
    steps = store_core_migrations(&m.count);
    m.steps = steps;
    return check_applied(&m, &applied);
}

troupe_status sqlite_migrate(struct sqlite_connection *conn, const char *ns,
                             const struct store_migration *steps, size_t count, bool check_only,
                             struct error *err)
{
    struct migration m = {.conn = conn, .ns = ns, .steps = steps, .count = count, .err = err};
    troupe_status status = store_migrations_valid(ns, steps, count, err);

    if (status >= 0)
        status = sqlite_exec(conn, "BEGIN IMMEDIATE", err);
    if (status < 0)
        return status;
    return end(conn, run_missing(&m), !check_only, err);
}
