/* SPDX-License-Identifier: Apache-2.0
 *
 * Several hosts on one database. Each has a slot: its row holds an epoch and a lease, by the server's
 * clock, and its session an advisory lock. The last statement of every transaction renews the lease and
 * fails where the epoch is another's by now, so a host that was taken for dead commits nothing any more:
 * who takes a slot away waits for the row of a transaction that is about to commit, and sees what it
 * wrote. What else there is to know about one that died is above the store.
 *
 * Programs that need the database for themselves hold one lock alone that all hosts share.
 */
#include "store/postgres/postgres.h"

#include "base/clock.h"
#include "base/embed.h"
#include "base/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

EMBED_TEXT(store_postgres_hosts, "store/postgres/sql/hosts.sql");

enum {
    LOCK_KEY = 0x74727065, /* "trpe", as in the SQL: with a slot, that slot's; alone, everybody's */
    ANSWER_MS = 5000,
    LOOK_MOST_MS = 2000, /* between two looks at the others */
    RETURN_MS = 5000,    /* within which whoever runs connects again to a server that is back */
};

static uint64_t soon(const struct postgres_server *server)
{
    return clock_ms() + server->write_ms + ANSWER_MS;
}

/* One row of texts that are numbers; how many of `ret` are there: 0 where the first is NULL. */
static troupe_status ask(struct postgres_connection *conn, const char *sql, size_t count,
                         int64_t *ret, bool *ret_some, struct error *err)
{
    PGresult *result = NULL;
    troupe_status status = postgres_exec(conn, sql, soon(conn->server), &result, err);

    if (status < 0)
        return status;
    *ret_some = PQntuples(result) == 1 && !PQgetisnull(result, 0, 0);
    for (size_t i = 0; *ret_some && i < count; i++) {
        const char *text = PQgetvalue(result, 0, (int)i);

        ret[i] = *text == 't' ? 1 : *text == 'f' ? 0 : strtoll(text, NULL, 10);
    }
    PQclear(result);
    return TROUPE_OK;
}

/* ---- alone, or one of several ---------------------------------------------------------------- */

troupe_status postgres_hosts_enter(struct postgres_connection *conn, int old_pid, bool *ret_entered,
                                   struct error *err)
{
    bool alone = conn->server->alone, some;
    int64_t taken = 0;
    char text[320];
    troupe_status status;

    /* An old session of ours that the server has not missed yet is ended. */
    snprintf(
        text, sizeof(text),
        "SELECT CASE WHEN pg_try_advisory_lock%s(%d) THEN 1 WHEN EXISTS (SELECT "
        "pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND "
        "objid = %d AND granted AND pid = %d) THEN 0 ELSE 0 END",
        alone ? "" : "_shared", LOCK_KEY, LOCK_KEY, old_pid);
    status = ask(conn, text, 1, &taken, &some, err);
    if (status < 0)
        return status;
    *ret_entered = taken != 0;
    return taken ? TROUPE_OK
           : alone
               ? error_set(err, TROUPE_UNAVAILABLE,
                           "another host writes to the database: end it first, as this needs "
                           "the database for itself")
               : error_set(err, TROUPE_UNAVAILABLE,
                           "another program has the database for itself (troupe migrate, troupe "
                           "reseal, or a host of an older version): wait for its end, or end it");
}

/* ---- the slot -------------------------------------------------------------------------------- */

static void owned(struct postgres_server *server, uint64_t since)
{
    atomic_store(&server->owned_until, since + server->lease_ms);
}

static troupe_status tell_host(struct postgres_connection *conn, struct error *err)
{
    char text[64];

    snprintf(text, sizeof(text), "SET troupe.host = '%" PRId64 "'", conn->server->slot);
    return postgres_exec(conn, text, soon(conn->server), NULL, err);
}

static troupe_status start(struct postgres_connection *conn, struct postgres_server *server,
                           bool patient, bool *ret_taken, struct error *err)
{
    uint64_t since = clock_ms();
    char *name = PQescapeLiteral(conn->pg, server->name, strlen(server->name));
    char text[256];
    int64_t got[3];
    troupe_status status;

    snprintf(text, sizeof(text), "SELECT * FROM troupe.host_start(%s, %" PRIu32 ", %s)",
             name ? name : "''", server->lease_ms, patient ? "true" : "false");
    PQfreemem(name);
    status = ask(conn, text, 3, got, ret_taken, err);
    if (status < 0 || !*ret_taken)
        return status;
    server->slot = got[0];
    server->epoch = got[1];
    server->token = (uint64_t)got[2];
    owned(server, since);
    return TROUPE_OK;
}

troupe_status postgres_hosts_start(struct postgres_connection *conn, struct postgres_server *server,
                                   uint64_t until, struct error *err)
{
    troupe_status status = postgres_exec(conn, store_postgres_hosts, soon(server), NULL, err);
    bool taken = false;

    while (status >= 0 && !taken) {
        bool patient = clock_ms() < until;

        status = start(conn, server, patient, &taken, err);
        if (status >= 0 && !taken && !patient)
            return error_set(
                err, TROUPE_UNAVAILABLE,
                "%d hosts have the database already: end one, or give this one its own",
                STORE_HOSTS_MAX);
        if (status >= 0 && !taken)
            (void)poll(NULL, 0, 20);
    }
    return status < 0 ? status : tell_host(conn, err);
}

troupe_status postgres_hosts_again(struct postgres_connection *conn, struct postgres_server *server,
                                   bool *ret_again, struct error *err)
{
    uint64_t since = clock_ms();
    char text[128];
    int64_t got = 0;
    bool some = false;
    troupe_status status;

    snprintf(text, sizeof(text), "SELECT troupe.host_again(%" PRId64 ", %" PRId64 ", %" PRIu32 ")",
             server->slot, server->epoch, server->lease_ms);
    status = ask(conn, text, 1, &got, &some, err);
    *ret_again = status >= 0 && got;
    if (!*ret_again)
        return status < 0
                   ? status
                   : error_set(err, TROUPE_UNAVAILABLE,
                               "the database's server has not ended this host's last session");
    owned(server, since);
    server->patient_until = since + server->lease_ms + RETURN_MS;
    return tell_host(conn, err);
}

void postgres_hosts_hold(const struct postgres_server *server, uint64_t token, char *ret,
                         size_t size)
{
    snprintf(ret, size,
             "SELECT troupe.host_holds(%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRIu32 ")",
             server->slot, server->epoch, (int64_t)token, server->lease_ms);
}

void postgres_hosts_held(struct postgres_server *server, uint64_t since)
{
    owned(server, since);
}

bool postgres_hosts_due(const struct postgres_server *server)
{
    uint64_t each =
        server->lease_ms / 5 < LOOK_MOST_MS ? server->lease_ms / 5 : (uint64_t)LOOK_MOST_MS;

    return !server->alone && clock_ms() - server->looked >= each;
}

troupe_status postgres_hosts_look(struct postgres_connection *conn, struct postgres_server *server,
                                  struct error *err)
{
    uint64_t since = clock_ms();
    char text[128];
    int64_t dead = 0;
    bool some, patient = since < server->patient_until;
    troupe_status status;

    server->looked = since;
    if (patient)
        snprintf(text, sizeof(text),
                 "SELECT troupe.host_holds(%" PRId64 ", %" PRId64 ", NULL, %" PRIu32 ")",
                 server->slot, server->epoch, server->lease_ms);
    else
        snprintf(text, sizeof(text),
                 "SELECT troupe.host_look(%" PRId64 ", %" PRId64 ", %" PRIu32 ")", server->slot,
                 server->epoch, server->lease_ms);
    status = ask(conn, text, 1, &dead, &some, err);
    if (status < 0)
        return status;
    owned(server, since);
    if (dead && !patient)
        log_warn("store",
                 "hosts on the database that were silent for longer than their lease: %" PRId64,
                 dead);
    return TROUPE_OK;
}

void postgres_hosts_leave(struct postgres_connection *conn, const struct postgres_server *server)
{
    char text[128];

    if (!conn->pg || conn->lost || !server->epoch)
        return;
    snprintf(text, sizeof(text),
             "UPDATE troupe.host SET held = false WHERE slot = %" PRId64 " AND epoch = %" PRId64,
             server->slot, server->epoch);
    (void)postgres_exec(conn, text, clock_ms() + 1000, NULL, NULL);
}
