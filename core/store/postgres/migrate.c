/* SPDX-License-Identifier: Apache-2.0
 *
 * Schema steps in PostgreSQL: the check of what ran before, then the missing steps in one transaction;
 * or the last ones back.
 * And the way that what was deleted leaves the server's files.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/embed.h"
#include "store/postgres/postgres.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

EMBED_TEXT(store_postgres_base, "store/postgres/sql/base.sql");
EMBED_TEXT(store_postgres_numbers, "store/postgres/sql/numbers.sql");

enum { READERS_MS = 2000, READERS_LOOKS = 40 };

struct migration {
    struct postgres_connection *conn;
    const char *ns; /* NULL: the core */
    const struct store_migration *steps;
    size_t count;
    uint64_t deadline;
    struct error *err;
};

static const char *shown(const struct migration *m)
{
    return m->ns ? m->ns : "core";
}

static troupe_status exec(const struct migration *m, const char *sql)
{
    return postgres_exec(m->conn, sql, m->deadline, NULL, m->err);
}

/* 'text', with its quotes. */
static void put_literal(const struct migration *m, struct buf *out, const char *text)
{
    char *literal = PQescapeLiteral(m->conn->pg, text, strlen(text));

    (void)buf_puts(out, literal ? literal : "NULL");
    PQfreemem(literal);
}

static troupe_status check_applied(const struct migration *m, size_t *ret_applied)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    _cleanup_rows_ struct store_rows *rows = store_rows_new(2);
    PGresult *result = NULL;
    troupe_status status;

    buf_puts(&text, "SELECT version, checksum FROM troupe.migration WHERE ns = ");
    put_literal(m, &text, shown(m));
    buf_puts(&text, " ORDER BY version");
    status = postgres_exec(m->conn, buf_text(&text), m->deadline, &result, m->err);
    for (int i = 0; status >= 0 && i < PQntuples(result); i++) {
        status = store_rows_put(rows, store_int(strtoll(PQgetvalue(result, i, 0), NULL, 10)));
        if (status >= 0)
            status = store_rows_put(rows, store_text(PQgetvalue(result, i, 1)));
    }
    PQclear(result);
    return status < 0
               ? status
               : store_migrations_applied(m->ns, m->steps, m->count, rows, ret_applied, m->err);
}

/* The server's own mistakes are the step's, not the caller's. */
static troupe_status step_failed(const struct migration *m, const struct store_migration *step,
                                 troupe_status status, const struct error *cause)
{
    if (status == TROUPE_ARGUMENT || status == TROUPE_CONFLICT || status == TROUPE_FAILED ||
        status == TROUPE_LIMIT)
        status = TROUPE_DATA;
    return error_set(m->err, status, "\"%s\": migration %" PRId64 " (%s) %s", shown(m),
                     step->version, step->name, cause->text);
}

/* `sql_text` is the step's own, or its way back. */
static troupe_status run_text(const struct migration *m, const struct store_migration *step,
                              const char *sql_text)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    char schema[POSTGRES_NAME_SIZE] = "troupe";
    struct store_sql sql;
    struct error cause;
    troupe_status status =
        store_rewrite(&postgres_dialect, sql_text, m->ns, STORE_SQL_SCRIPT, &sql, &cause);

    if (status < 0)
        return error_set(m->err, status == TROUPE_DENIED ? status : TROUPE_DATA,
                         "\"%s\": migration %" PRId64 " (%s) %s", shown(m), step->version,
                         step->name, cause.text);
    if (m->ns)
        postgres_schema(m->ns, schema);
    if (m->ns)
        buf_printf(&text, "CREATE SCHEMA IF NOT EXISTS \"%s\"; ", schema);
    buf_printf(&text, "SET LOCAL search_path = \"%s\", troupe_sql", schema);
    status = postgres_exec(m->conn, buf_text(&text), m->deadline, NULL, &cause);
    if (status >= 0)
        status = postgres_exec(m->conn, sql.text, m->deadline, NULL, &cause);
    store_sql_clear(&sql);
    return status < 0 ? step_failed(m, step, status, &cause) : TROUPE_OK;
}

static troupe_status run_step(const struct migration *m, const struct store_migration *step)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    char checksum[STORE_CHECKSUM_SIZE];
    troupe_status status = run_text(m, step, step->sql);

    if (status < 0)
        return status;
    store_checksum(step->sql, checksum);
    buf_puts(&text, "INSERT INTO troupe.migration (ns, version, name, checksum, applied_ms) "
                    "VALUES (");
    put_literal(m, &text, shown(m));
    buf_printf(&text, ", %" PRId64 ", ", step->version);
    put_literal(m, &text, step->name);
    buf_printf(&text, ", '%s', %" PRId64 ")", checksum, clock_wall_ms());
    return exec(m, buf_text(&text));
}

/* Others would go on by an older schema of the core. */
static troupe_status check_alone(const struct migration *m)
{
    PGresult *result = NULL;
    troupe_status status =
        postgres_exec(m->conn,
                      "SELECT 1 FROM troupe.host WHERE held AND until > clock_timestamp() AND "
                      "slot <> troupe.this_host()",
                      m->deadline, &result, m->err);
    int others = status < 0 ? 0 : PQntuples(result);

    PQclear(result);
    return others ? error_set(m->err, TROUPE_UNAVAILABLE,
                              "the tables are to change that %d other hosts work with: end "
                              "them, then start all on one build",
                              others)
                  : status;
}

static troupe_status count_of(const struct migration *m, const char *sql, int64_t *ret)
{
    PGresult *result = NULL;
    troupe_status status = postgres_exec(m->conn, sql, m->deadline, &result, m->err);

    if (status >= 0)
        *ret = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return status;
}

static troupe_status core_version(const struct migration *m, int64_t *ret)
{
    return count_of(m, "SELECT count(*) FROM troupe.migration WHERE ns = 'core'", ret);
}

static troupe_status forget_notes(const struct migration *m, int64_t to_version)
{
    static const char *const tables[] = {"migration", "migration_text"};
    int64_t core = 0;
    troupe_status status = core_version(m, &core);
    bool texts = (m->ns ? core : to_version) >= STORE_CORE_KEEPS;

    for (size_t i = 0; status >= 0 && i < (texts ? 2u : 1u); i++) {
        _cleanup_buf_ struct buf text = BUF_INIT;

        buf_printf(&text, "DELETE FROM troupe.%s WHERE ns = ", tables[i]);
        put_literal(m, &text, shown(m));
        buf_printf(&text, " AND version > %" PRId64, to_version);
        status = exec(m, buf_text(&text));
    }
    return status;
}

static troupe_status check_keys(const struct migration *m, size_t applied, int64_t to_version)
{
    int64_t keys = 0;
    troupe_status status = m->ns || applied < STORE_CORE_KEEPS || to_version >= STORE_CORE_KEEPS
                               ? TROUPE_OK
                               : count_of(m, "SELECT count(*) FROM troupe.seal_key", &keys);

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
    if (status >= 0 && !m->ns)
        status = check_alone(m);
    for (size_t i = applied; status >= 0 && i > (size_t)to_version; i--) {
        status = run_text(m, &m->steps[i - 1], m->steps[i - 1].back);
        if (status >= 0)
            status = exec(m, store_postgres_numbers);
    }
    return status < 0 ? status : forget_notes(m, to_version);
}

static troupe_status run_missing(const struct migration *m, size_t *ret_ran)
{
    size_t applied = 0;
    troupe_status status = check_applied(m, &applied);

    if (status >= 0 && !m->ns && applied && applied < m->count)
        status = check_alone(m);
    for (size_t i = applied; status >= 0 && i < m->count; i++)
        status = run_step(m, &m->steps[i]);
    *ret_ran = m->count - applied;
    return status;
}

static troupe_status begin(const struct migration *m)
{
    troupe_status status = store_migrations_valid(m->ns, m->steps, m->count, m->err);

    return status < 0 ? status
                      : exec(m, "BEGIN; SET LOCAL statement_timeout = 60000; "
                                "SELECT pg_advisory_xact_lock(1953656933, 255)");
}

static troupe_status end(const struct migration *m, troupe_status status, bool keep, bool changed)
{
    struct postgres_connection *conn = m->conn;

    if (status >= 0)
        status = exec(m, keep ? "COMMIT" : "ROLLBACK");
    if (status >= 0 && keep && changed)
        atomic_fetch_add(&((struct postgres_server *)(uintptr_t)conn->server)->schema, 1);
    if (status < 0 && !conn->lost && PQtransactionStatus(conn->pg) != PQTRANS_IDLE)
        (void)postgres_exec(conn, "ROLLBACK", m->deadline, NULL, NULL);
    return status;
}

troupe_status postgres_migrate(struct postgres_connection *conn, const char *ns,
                               const struct store_migration *steps, size_t count, bool check_only,
                               uint64_t deadline, struct error *err)
{
    struct migration m = {conn, ns, steps, count, deadline, err};
    troupe_status status = begin(&m);
    size_t ran = 0;

    if (status < 0)
        return status;
    status = run_missing(&m, &ran);
    return end(&m, status, !check_only, ran > 0);
}

troupe_status postgres_migrate_back(struct postgres_connection *conn, const char *ns,
                                    const struct store_migration *steps, size_t count,
                                    int64_t to_version, uint64_t deadline, struct error *err)
{
    struct migration m = {conn, ns, steps, count, deadline, err};
    troupe_status status = begin(&m);

    return status < 0 ? status : end(&m, run_back(&m, to_version), true, true);
}

static troupe_status look(struct postgres_connection *conn, uint64_t deadline, int64_t *ret_version,
                          struct error *err)
{
    struct migration m = {.conn = conn, .deadline = deadline, .err = err};
    size_t applied = 0;
    troupe_status status = core_version(&m, ret_version);

    if (status < 0)
        return status;
    if (!*ret_version)
        return store_migrations_none(err);
    m.steps = store_core_migrations(&m.count);
    return check_applied(&m, &applied);
}

troupe_status postgres_set_up(struct postgres_connection *conn, struct postgres_server *server,
                              uint64_t slot_until, uint64_t deadline, struct error *err)
{
    const struct store_migration *steps;
    size_t count;
    int64_t version = STORE_CORE_KEEPS;
    troupe_status status = postgres_exec(conn, store_postgres_base, deadline, NULL, err);

    if (status < 0) {
        error_prefix(err, "the schemas of the host cannot be made");
        return status;
    }
    status = postgres_hosts_start(conn, server, slot_until, err);
    if (status < 0)
        return status;
    steps = store_core_migrations(&count);
    if (server->core_version && server->core_version < count)
        version = (int64_t)(count = server->core_version);
    status = server->as_is ? look(conn, deadline, &version, err)
                           : postgres_migrate(conn, NULL, steps, count, false, deadline, err);
    return status < 0 || version < STORE_CORE_KEEPS ? status
                                                    : postgres_keys_take(conn, deadline, err);
}

/* A vacuum leaves rows that somebody's snapshot still sees, and writes them anew: so nobody's is older than what
 * was deleted, when it begins. Autovacuum's own hold nothing back. */
static troupe_status wait_for_readers(struct postgres_connection *conn, uint64_t deadline,
                                      struct error *err)
{
    PGresult *result = NULL;
    char text[500];
    bool seen = true;
    troupe_status status =
        postgres_exec(conn, "SELECT pg_current_xact_id()::xid::text", deadline, &result, err);

    if (status < 0)
        return status;
    snprintf(text, sizeof(text),
             "SELECT 1 FROM pg_stat_activity WHERE (datname = current_database() OR backend_type = "
             "'walsender') AND pid <> pg_backend_pid() AND age(backend_xmin) >= age('%.20s'::xid) "
             "AND (query NOT LIKE 'autovacuum: VACUUM %%' OR query LIKE "
             "'autovacuum: VACUUM ANALYZE %%') LIMIT 1",
             PQgetvalue(result, 0, 0));
    PQclear(result);
    for (int i = 0; seen && status >= 0 && i < READERS_LOOKS; i++) {
        result = NULL;
        if (i > 0)
            (void)poll(NULL, 0, READERS_MS / READERS_LOOKS);
        status = postgres_exec(conn, text, deadline, &result, err);
        seen = status >= 0 && PQntuples(result) > 0;
        PQclear(result);
    }
    return seen ? error_set(err, TROUPE_BUSY, "somebody reads what is to go: try again later")
                : status;
}

/* Each table by itself: none of this may stand in a transaction. */
static troupe_status vacuum(struct postgres_connection *conn, const char *how,
                            const PGresult *tables, uint64_t deadline, struct error *err)
{
    troupe_status status = TROUPE_OK;

    for (int i = 0; status >= 0 && i < PQntuples(tables); i++) {
        _cleanup_mem_ char *text = mem_printf("%s %s", how, PQgetvalue(tables, i, 0));

        status = postgres_exec(conn, text, deadline, NULL, err);
    }
    return status;
}

/* Statistics hold samples of values. Those of a table that is empty now are not made anew, but go with a column
 * that changes its type, be it to the same. What went is overwritten last; who does not own the database is
 * only warned of that by the server. */
static troupe_status forget_samples(struct postgres_connection *conn, uint64_t deadline,
                                    struct error *err)
{
    PGresult *columns = NULL;
    troupe_status status = postgres_exec(
        conn,
        "SELECT format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE %s%s', n.nspname, c.relname, "
        "a.attname, "
        "format_type(a.atttypid, a.atttypmod), CASE WHEN a.attcollation = 0 THEN '' ELSE "
        "' COLLATE ' || a.attcollation::regcollation::text END) "
        "FROM pg_stats AS s JOIN pg_namespace AS n ON n.nspname = s.schemaname "
        "JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.tablename "
        "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = s.attname "
        "WHERE c.relkind = 'r' AND c.reltuples = 0 AND a.atttypid IN ('text'::regtype, "
        "'bytea'::regtype) "
        "AND (n.nspname = 'troupe' OR n.nspname LIKE 'troupe:%') ORDER BY 1",
        deadline, &columns, err);

    for (int i = 0; status >= 0 && i < PQntuples(columns); i++)
        status = postgres_exec(conn, PQgetvalue(columns, i, 0), deadline, NULL, err);
    PQclear(columns);
    if (status >= 0)
        status = wait_for_readers(conn, deadline, err);
    if (status >= 0)
        status = postgres_exec(conn, "VACUUM (FULL) pg_catalog.pg_statistic", deadline, NULL, err);
    return status;
}

troupe_status postgres_forget(struct postgres_connection *conn, uint64_t deadline,
                              struct error *err)
{
    PGresult *tables = NULL;
    int64_t bytes = 0;
    char text[64];
    troupe_status status =
        postgres_exec(conn, "SET statement_timeout = 60000", deadline, NULL, err);

    if (status >= 0)
        status = postgres_exec(
            conn,
            "SELECT format('%I.%I', n.nspname, c.relname), pg_total_relation_size(c.oid) "
            "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND (n.nspname = 'troupe' OR n.nspname LIKE 'troupe:%') "
            "ORDER BY 1",
            deadline, &tables, err);
    for (int i = 0; status >= 0 && i < PQntuples(tables); i++)
        bytes += strtoll(PQgetvalue(tables, i, 1), NULL, 10);
    if (status >= 0)
        status = wait_for_readers(conn, deadline, err);
    if (status >= 0)
        status = vacuum(conn,
                        bytes <= (int64_t)STORE_FORGET_BYTES ? "VACUUM (FULL, ANALYZE)"
                                                             : "VACUUM (ANALYZE)",
                        tables, deadline, err);
    if (status >= 0)
        status = forget_samples(conn, deadline, err);
    PQclear(tables);
    if (conn->lost)
        return status;
    snprintf(text, sizeof(text), "SET statement_timeout = %" PRIu32, conn->server->write_ms);
    (void)postgres_exec(conn, text, deadline, NULL, NULL);
    return status == TROUPE_UNAVAILABLE
               ? error_set(err, TROUPE_BUSY, "somebody reads what is to go: try again later")
               : status;
}
