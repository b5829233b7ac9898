/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection: its settings and limits, how it is waited for, and what the server's errors mean to
 * us. The password is handed to libpq beside the URL, and neither stands in an error's text.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "store/postgres/postgres.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>

enum {
    CONNECT_MS = 5000,
    LOOK_MS = 100, /* between two looks whether somebody waits still */
    VERSION_LEAST = 150000,
};

void postgres_connection_init(struct postgres_connection *conn,
                              const struct postgres_server *server, bool writer)
{
    *conn = (struct postgres_connection){.server = server, .writer = writer};
    list_init(&conn->recent);
}

void postgres_disconnect(struct postgres_connection *conn)
{
    postgres_statements_clear(conn);
    mem_free(conn->steps);
    conn->steps = NULL;
    conn->step_count = conn->step_cap = 0;
    PQfinish(conn->pg);
    conn->pg = NULL;
    conn->path[0] = '\0';
}

void postgres_connection_clear(struct postgres_connection *conn)
{
    postgres_disconnect(conn);
    seal_free(conn->seal);
    conn->seal = NULL;
}

bool postgres_status_is_server(troupe_status status)
{
    return status == TROUPE_IO || status == TROUPE_UNAVAILABLE;
}

troupe_status postgres_wait(struct postgres_connection *conn, short events, uint64_t deadline)
{
    struct pollfd fd = {.fd = PQsocket(conn->pg), .events = events};

    if (fd.fd < 0)
        return TROUPE_UNAVAILABLE;
    for (;;) {
        uint64_t now = clock_ms();
        int count;

        if (conn->abandoned && atomic_load_explicit(conn->abandoned, memory_order_relaxed))
            return TROUPE_CANCELED;
        if (now >= deadline)
            return TROUPE_DEADLINE;
        count = poll(&fd, 1, deadline - now < LOOK_MS ? (int)(deadline - now) : LOOK_MS);
        if (count > 0)
            return TROUPE_OK;
        if (count < 0 && errno != EINTR)
            return TROUPE_UNAVAILABLE;
    }
}

bool postgres_gone(struct postgres_connection *conn)
{
    return !conn->pg || !PQconsumeInput(conn->pg) || PQstatus(conn->pg) != CONNECTION_OK;
}

/* The first line of what libpq says. */
static int first_line(const char *text)
{
    size_t len = strcspn(text, "\n");

    return len < 300 ? (int)len : 300;
}

troupe_status postgres_lost(struct postgres_connection *conn, struct error *err)
{
    const char *text = conn->pg ? PQerrorMessage(conn->pg) : "";

    conn->lost = true;
    return error_set(err, TROUPE_UNAVAILABLE,
                     "the connection to the database broke (%.*s): see whether its server runs",
                     first_line(text), text);
}

static bool in_class(const char *state, const char *classes)
{
    for (; *classes; classes += 2)
        if (strncmp(state, classes, 2) == 0)
            return true;
    return false;
}

/* By the classes of SQLSTATE, and those single codes that tell more. */
static troupe_status status_of(const char *state)
{
    if (strcmp(state, "57014") == 0)
        return TROUPE_DEADLINE;
    if (strcmp(state, "42501") == 0 || strcmp(state, "25006") == 0)
        return TROUPE_DENIED;
    if (strcmp(state, "TRP01") == 0) /* hosts.sql */
        return TROUPE_CONFLICT;
    if (strcmp(state, "42P05") == 0 || strcmp(state, "26000") == 0 ||
        strcmp(state, "0A000") == 0) /* statements prepared before the schema changed */
        return TROUPE_ARGUMENT;
    if (in_class(state, "23"))
        return TROUPE_CONFLICT;
    if (in_class(state, "54"))
        return TROUPE_LIMIT;
    if (in_class(state, "4053550857"))
        return TROUPE_UNAVAILABLE;
    if (in_class(state, "58XX"))
        return TROUPE_IO;
    return in_class(state, "222142443D3F") ? TROUPE_ARGUMENT : TROUPE_FAILED;
}

troupe_status postgres_failed(struct postgres_connection *conn, const PGresult *result,
                              struct error *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    troupe_status status;

    if (!state || PQstatus(conn->pg) != CONNECTION_OK || strncmp(state, "57P", 3) == 0 ||
        strncmp(state, "08", 2) == 0)
        return postgres_lost(conn, err);
    status = status_of(state);
    conn->contended |= strncmp(state, "40", 2) == 0 || strcmp(state, "55P03") == 0;
    conn->taken |= strcmp(state, "TRP01") == 0;
    text = text ? text : "no message";
    if (status == TROUPE_DEADLINE)
        return error_set(err, status, "the statement ran too long");
    if (strcmp(state, "53100") == 0)
        return error_set(err, status, "no room for the database: free space on its server's disk");
    if (status == TROUPE_IO)
        return error_set(err, status, "the database's server failed (%.*s): see its log",
                         first_line(text), text);
    return error_set(err, status, "%.*s", first_line(text), text);
}

/* ---- connecting ----------------------------------------------------------------------------- */

/* What libpq says of a connection that did not come about. A server that is on its way up or down says
 * so by a state, which libpq keeps to itself: everything but a refusal may pass. */
static troupe_status connect_failed(struct postgres_connection *conn, struct error *err)
{
    static const struct {
        const char *part;
        troupe_status status;
    } known[] = {
        {"password", TROUPE_DENIED},
        {"authentication", TROUPE_DENIED},
        {"no pg_hba.conf", TROUPE_DENIED},
        {"does not exist", TROUPE_NOT_FOUND},
        {"certificate", TROUPE_DENIED},
        {"permission denied", TROUPE_DENIED},
        {"invalid connection", TROUPE_ARGUMENT},
        {"invalid sslmode", TROUPE_ARGUMENT},
    };
    const char *text = PQerrorMessage(conn->pg);
    troupe_status status = TROUPE_UNAVAILABLE;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && status == TROUPE_UNAVAILABLE; i++)
        if (strstr(text, known[i].part) && !strstr(text, "No such file"))
            status = known[i].status;
    return error_set(err, status, "no connection to the database (%.*s): see url in [store]",
                     first_line(text), text);
}

static troupe_status poll_connection(struct postgres_connection *conn, uint64_t deadline,
                                     struct error *err)
{
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;

    if (PQstatus(conn->pg) == CONNECTION_BAD)
        return connect_failed(conn, err);
    while (next != PGRES_POLLING_OK) {
        troupe_status status =
            postgres_wait(conn, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);

        if (status == TROUPE_CANCELED)
            return error_set(err, status, "nobody waits for the database any more");
        if (status < 0)
            return error_set(err, TROUPE_UNAVAILABLE,
                             "the database's server does not answer: see whether it runs");
        next = PQconnectPoll(conn->pg);
        if (next == PGRES_POLLING_FAILED)
            return connect_failed(conn, err);
    }
    return TROUPE_OK;
}

static troupe_status settle(struct postgres_connection *conn, uint64_t deadline, struct error *err)
{
    const struct postgres_server *server = conn->server;
    const char *encoding = PQparameterStatus(conn->pg, "server_encoding");
    _cleanup_buf_ struct buf text = BUF_INIT;

    if (PQserverVersion(conn->pg) < VERSION_LEAST)
        return error_set(err, TROUPE_VERSION,
                         "the database's server is older than PostgreSQL 15: use a newer one");
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return error_set(err, TROUPE_DATA,
                         "the database's encoding is not UTF-8: make one with ENCODING 'UTF8'");
    /* What is read is planned for whose it is: the plan for a member of average size reads all of one's ten
     * thousand rows where it wants twenty by their keys. A transaction waits for its host but once: one that stands
     * still in the middle is that of a host that was stopped, and the rows that it holds are to be free before
     * another host's statement has waited too long. */
    buf_printf(&text,
               "SET standard_conforming_strings = on; SET jit = off; SET timezone = 'UTC'; "
               "SET client_min_messages = error; SET client_connection_check_interval = 1000; "
               "SET statement_timeout = %" PRIu32 "; "
               "SET lock_timeout = %" PRIu32 "; SET idle_in_transaction_session_timeout = %" PRIu32
               "; "
               "SET search_path = troupe, troupe_sql; SET synchronous_commit = %s; "
               "SET default_transaction_read_only = %s; SET plan_cache_mode = %s; "
               "SET troupe.host = '%" PRId64 "'",
               conn->writer ? server->write_ms : 60000, server->busy_ms, server->write_ms / 2,
               server->synchronous ? "on" : "off", conn->writer ? "off" : "on",
               conn->writer ? "auto" : "force_custom_plan", server->slot);
    return postgres_exec(conn, buf_text(&text), deadline, NULL, err);
}

troupe_status postgres_connect(struct postgres_connection *conn, uint64_t deadline,
                               struct error *err)
{
    /* Later ones win over the URL's, but for the password, which the URL has not. */
    const char *const keys[] = {"dbname",
                                "client_encoding",
                                "application_name",
                                "keepalives_idle",
                                "tcp_user_timeout",
                                conn->server->password ? "password" : NULL,
                                NULL};
    const char *const values[] = {conn->server->url,      "UTF8", "troupe", "10", "15000",
                                  conn->server->password, NULL};
    uint64_t soonest = clock_ms() + CONNECT_MS;
    troupe_status status;

    postgres_disconnect(conn);
    conn->lost = conn->contended = false;
    if (deadline > soonest)
        deadline = soonest;
    conn->pg = PQconnectStartParams(keys, values, 1);
    if (!conn->pg)
        return error_set(err, TROUPE_NOMEM, "no memory for a connection to the database");
    status = poll_connection(conn, deadline, err);
    if (status >= 0 && PQsetnonblocking(conn->pg, 1) != 0)
        status = postgres_lost(conn, err);
    if (status >= 0)
        status = settle(conn, deadline, err);
    if (status < 0) {
        postgres_disconnect(conn);
        return status;
    }
    conn->pid = PQbackendPID(conn->pg);
    conn->schema = atomic_load(&conn->server->schema);
    snprintf(conn->path, sizeof(conn->path), "troupe");
    return TROUPE_OK;
}

/* ---- text without parameters ---------------------------------------------------------------- */

static troupe_status flush(struct postgres_connection *conn, uint64_t deadline, struct error *err)
{
    int left;

    while ((left = PQflush(conn->pg)) > 0) {
        troupe_status status = postgres_wait(conn, POLLOUT | POLLIN, deadline);

        if (status < 0 || !PQconsumeInput(conn->pg))
            return postgres_lost(conn, err);
    }
    return left < 0 ? postgres_lost(conn, err) : TROUPE_OK;
}

troupe_status postgres_exec(struct postgres_connection *conn, const char *sql, uint64_t deadline,
                            PGresult **ret, struct error *err)
{
    PGresult *kept = NULL, *result;
    troupe_status status;

    if (!PQsendQuery(conn->pg, sql))
        return postgres_lost(conn, err);
    status = flush(conn, deadline, err);
    if (status < 0)
        return status;
    for (;;) {
        while (PQisBusy(conn->pg)) {
            if (postgres_wait(conn, POLLIN, deadline) < 0 || !PQconsumeInput(conn->pg)) {
                PQclear(kept);
                return postgres_lost(conn, err);
            }
        }
        result = PQgetResult(conn->pg);
        if (!result)
            break;
        if (status >= 0 && PQresultStatus(result) != PGRES_COMMAND_OK &&
            PQresultStatus(result) != PGRES_TUPLES_OK)
            status = postgres_failed(conn, result, err);
        PQclear(kept);
        kept = result;
    }
    if (status >= 0 && ret)
        *ret = kept;
    else
        PQclear(kept);
    return status;
}
