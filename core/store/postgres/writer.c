/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer: one thread, one connection, one transaction for all batches that wait, sent in one
 * piece. It is run without savepoints first; when a batch does not hold, it is run anew with a savepoint
 * for each, so that the culprit is undone alone. The COMMIT is sent once all answers are there.
 *
 * A connection that breaks before COMMIT was sent has undone the transaction, which is run anew on the
 * next one. One that breaks at COMMIT has perhaps not: each transaction leaves a token in a row, and the
 * next connection reads it. By then the old session is over, since the lock of this host's slot is a
 * session's and is free again. With other hosts on the database see hosts.c.
 */
#include "base/clock.h"
#include "base/log.h"
#include "store/group.h"
#include "store/postgres/postgres.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BACKOFF_LEAST_MS = 50,
    BACKOFF_MOST_MS = 1000,
    LOOK_MS = 1000,    /* between two looks at a connection that nobody uses   */
    GRACE_MS = 5000,   /* the server has beyond what a statement may take       */
    DECIDE_MS = 60000, /* to learn what became of a transaction that was cut    */
};

static uint64_t statement_deadline(const struct postgres_writer *writer)
{
    return clock_ms() + writer->server->write_ms + GRACE_MS;
}

/* ---- the connection ------------------------------------------------------------------------- */

static void note_away(struct postgres_writer *writer, const struct error *err)
{
    if (!writer->away_since)
        writer->away_since = clock_ms();
    writer->away = *err;
    atomic_store(&writer->degraded, true);
    writer->backoff_ms = writer->backoff_ms ? writer->backoff_ms * 2 : BACKOFF_LEAST_MS;
    if (writer->backoff_ms > BACKOFF_MOST_MS)
        writer->backoff_ms = BACKOFF_MOST_MS;
}

/* The database is this host's, in its slot. */
static troupe_status enter(struct postgres_writer *writer, int old_pid, uint64_t until,
                           struct error *err)
{
    struct postgres_server *server = writer->server;
    bool entered = false, again = false;
    troupe_status status = postgres_hosts_enter(&writer->conn, old_pid, &entered, err);

    while (status == TROUPE_UNAVAILABLE && !writer->conn.lost && clock_ms() < until) {
        (void)poll(NULL, 0, BACKOFF_LEAST_MS);
        status = postgres_hosts_enter(&writer->conn, old_pid, &entered, err);
    }
    if (status < 0 || !entered || !server->epoch) /* postgres_writer_open takes the slot */
        return status;
    do {
        status = postgres_hosts_again(&writer->conn, server, &again, err);
    } while (status == TROUPE_UNAVAILABLE && !writer->conn.lost && clock_ms() < until &&
             poll(NULL, 0, BACKOFF_LEAST_MS) == 0);
    return status;
}

/* Another host goes on with what this one had: nothing that it does counts any more. */
static void note_taken(struct postgres_writer *writer, const struct error *err)
{
    if (!writer->conn.taken || writer->taken)
        return;
    writer->taken = true;
    atomic_store(&writer->server->owned_until, 0);
    atomic_store(&writer->degraded, true);
    log_error("store", "%s", err->text);
    if (writer->server->on_taken)
        writer->server->on_taken(writer->server->taken_arg);
}

/* One attempt. */
static troupe_status connect_once(struct postgres_writer *writer, uint64_t lock_until,
                                  struct error *err)
{
    struct postgres_connection *conn = &writer->conn;
    int old_pid = conn->pid;
    troupe_status status = postgres_connect(conn, UINT64_MAX, err);

    if (status >= 0)
        status = enter(writer, old_pid, lock_until, err);
    if (status < 0) {
        note_taken(writer, err);
        postgres_disconnect(conn);
        conn->pid = old_pid;
        conn->lost = false;
        note_away(writer, err);
        return postgres_status_is_server(status) ? TROUPE_UNAVAILABLE : status;
    }
    writer->away_since = 0;
    writer->backoff_ms = 0;
    atomic_store(&writer->degraded, false);
    return TROUPE_OK;
}

/* Attempts until `until`, with pauses that grow. */
static bool connected(struct postgres_writer *writer, uint64_t until, struct error *err)
{
    while (!writer->conn.pg || writer->conn.lost) {
        if (writer->taken) {
            error_set(err, TROUPE_CONFLICT, "another host has taken over from this one");
            return false;
        }
        if (connect_once(writer, clock_ms() + BACKOFF_MOST_MS, err) >= 0)
            return true;
        if (clock_ms() >= until)
            return false;
        (void)poll(NULL, 0, (int)writer->backoff_ms);
    }
    return true;
}

/* The lease is renewed, and others' leases are looked at. */
static void look_at_hosts(struct postgres_writer *writer)
{
    struct error err;

    if (!writer->conn.pg || writer->conn.lost || writer->taken ||
        !postgres_hosts_due(writer->server))
        return;
    if (postgres_hosts_look(&writer->conn, writer->server, &err) >= 0)
        return;
    note_taken(writer, &err);
    if (writer->conn.lost)
        note_away(writer, &err);
}

/* ---- transactions --------------------------------------------------------------------------- */

static troupe_status send_batch(struct postgres_writer *writer, struct store_batch *batch,
                                uint64_t deadline, struct error *err)
{
    struct postgres_connection *conn = &writer->conn;
    troupe_status status = TROUPE_OK;
    char text[160];

    if (batch->lease_epoch) { /* an error is what ends a pipeline: there is none without a row */
        snprintf(text, sizeof(text), "SELECT troupe_sql.lease_holds(%" PRId64 ")",
                 batch->lease_epoch);
        status = postgres_send(conn, text, err);
    }
    for (size_t i = 0; status >= 0 && i < batch->count; i++) {
        status = postgres_send_command(conn, batch, &batch->commands[i], deadline, err);
        if (status < 0 && !conn->lost && batch->count > 1)
            error_prefix(err, "statement %zu of %zu", i + 1, batch->count);
    }
    return status;
}

/* What was sent is answered, also behind a failure. */
static troupe_status finish(struct postgres_writer *writer, troupe_status status, uint64_t deadline,
                            struct error *err)
{
    struct error later;
    troupe_status finished;

    if (writer->conn.lost)
        return TROUPE_UNAVAILABLE;
    finished = postgres_finish(&writer->conn, deadline, status < 0 ? &later : err);
    if (writer->conn.lost) {
        if (status < 0)
            *err = later;
        return TROUPE_UNAVAILABLE;
    }
    return status < 0 ? status : finished;
}

static void control(struct postgres_writer *writer, const char *sql)
{
    struct error err;
    troupe_status status = TROUPE_OK;

    if (!writer->conn.lost)
        status = postgres_send(&writer->conn, sql, &err);
    if (status >= 0 && !writer->conn.lost)
        (void)finish(writer, TROUPE_OK, statement_deadline(writer), &err);
}

enum verdict {
    COMMITTED, /* or nothing was left to commit */
    AGAIN,     /* carefully, without those that failed */
    FAILED,    /* everybody that is left, by the error */
    CONTENDED, /* with another host: undone, and the same again */
    CUT,       /* before COMMIT: undone                */
    CUT_AT_COMMIT
};

/* A lock of another host's that lasts, or a ring of locks, is no failure of the server's. */
static enum verdict failed_by_server(struct postgres_writer *writer)
{
    bool contended = writer->conn.contended;

    writer->conn.contended = false;
    return contended ? CONTENDED : FAILED;
}

/* All batches in one piece. AGAIN: one of them is wrong. */
static enum verdict run_together(struct postgres_writer *writer, struct store_group *group,
                                 size_t left, struct error *err)
{
    uint64_t deadline = statement_deadline(writer) + left * 10;
    struct store_request *only = NULL;
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; status >= 0 && i < group->count; i++) {
        if (group->requests[i]->status < 0)
            continue;
        only = group->requests[i];
        status = send_batch(writer, only->batch, deadline, err);
    }
    status = finish(writer, status, deadline, err);
    if (writer->conn.lost)
        return CUT;
    if (status >= 0)
        return COMMITTED;
    control(writer, "ROLLBACK");
    if (postgres_status_is_server(status))
        return failed_by_server(writer);
    if (left > 1 || !only)
        return AGAIN;
    only->status = status;
    only->error = *err;
    store_outcome_reset(only->batch);
    return COMMITTED;
}

/* Each batch by itself, so that it can be undone alone. */
static enum verdict run_apart(struct postgres_writer *writer, struct store_group *group,
                              struct error *err)
{
    for (size_t i = 0; i < group->count; i++) {
        struct store_request *request = group->requests[i];
        uint64_t deadline = statement_deadline(writer);
        troupe_status status;

        if (request->status < 0)
            continue;
        status = postgres_send(&writer->conn, "SAVEPOINT batch", err);
        if (status >= 0)
            status = send_batch(writer, request->batch, deadline, err);
        status = finish(writer, status, deadline, err);
        if (writer->conn.lost)
            return CUT;
        if (postgres_status_is_server(status)) {
            control(writer, "ROLLBACK");
            return failed_by_server(writer);
        }
        if (status < 0) {
            request->status = status;
            request->error = *err;
            store_outcome_reset(request->batch);
        }
        control(writer, status < 0 ? "ROLLBACK TO batch" : "RELEASE batch");
        writer->conn.path[0] = '\0';
        if (writer->conn.lost)
            return CUT;
    }
    return COMMITTED;
}

/* The token goes into its row, and the transaction to the disk. */
static enum verdict commit(struct postgres_writer *writer, struct error *err)
{
    uint64_t deadline = statement_deadline(writer), since = clock_ms();
    char text[POSTGRES_HOLD_SIZE];
    troupe_status status;

    writer->token++;
    postgres_hosts_hold(writer->server, writer->token, text, sizeof(text));
    status = postgres_send(&writer->conn, text, err);
    status = finish(writer, status, deadline, err);
    if (writer->conn.lost)
        return CUT;
    if (status < 0) {
        control(writer, "ROLLBACK");
        note_taken(writer, err);
        return failed_by_server(writer);
    }
    if (writer->server->on_commit)
        writer->server->on_commit();
    status = postgres_send(&writer->conn, "COMMIT", err);
    status = finish(writer, status, deadline, err);
    if (writer->server->on_commit)
        writer->server->on_commit();
    if (writer->conn.lost)
        return CUT_AT_COMMIT;
    if (status < 0)
        return failed_by_server(writer);
    postgres_hosts_held(writer->server, since);
    return COMMITTED;
}

/* The transaction once through. */
static enum verdict run_through(struct postgres_writer *writer, struct store_group *group,
                                bool careful, struct error *err)
{
    size_t left = store_group_left(group);
    enum verdict verdict;

    if (left == 0)
        return COMMITTED;
    if (postgres_pipeline_begin(&writer->conn, err) < 0)
        return CUT;
    if (postgres_send(&writer->conn, "BEGIN", err) < 0)
        return CUT;
    verdict = careful ? run_apart(writer, group, err) : run_together(writer, group, left, err);
    if (verdict == COMMITTED && store_group_left(group) > 0)
        verdict = commit(writer, err);
    else if (verdict == COMMITTED && careful)
        control(writer, "ROLLBACK");
    if (!writer->conn.lost)
        postgres_pipeline_end(&writer->conn);
    snprintf(writer->conn.path, sizeof(writer->conn.path), "troupe"); /* SET LOCAL is over */
    return verdict;
}

/* Everybody in these lists. */
static void refuse_all(struct queue_item *item, const struct error *err)
{
    while (item) {
        struct queue_item *next_item = item->next;
        struct store_request *request = container_of(item, struct store_request, link);

        while (request) {
            struct store_request *next = request->next;

            request->status = TROUPE_CANCELED;
            if (store_request_take(request)) {
                request->status = err->status;
                request->error = *err;
            }
            request->done(request);
            request = next;
        }
        item = next_item;
    }
}

/* For how long whoever waits for a server that is away does so. */
static uint64_t patience_ms(struct postgres_writer *writer)
{
    uint64_t patience = writer->server->away_ms;

    return queue_closed(&writer->queue) && patience > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : patience;
}

/* Whether the transaction that was cut is there. Only its own batches wait so long; nothing that came behind them
 * is begun meanwhile, so it can be told that the server is away, as it is told elsewhere. */
static enum verdict decide(struct postgres_writer *writer, struct error *err)
{
    uint64_t since = clock_ms();
    PGresult *result = NULL;
    enum verdict verdict = CUT_AT_COMMIT;

    while (!connected(writer, clock_ms(), err)) {
        uint64_t now = clock_ms();

        if (writer->taken || now >= since + DECIDE_MS ||
            (queue_closed(&writer->queue) && now >= since + patience_ms(writer)))
            return CUT_AT_COMMIT;
        if (now >= since + patience_ms(writer))
            refuse_all(queue_take_all(&writer->queue, 0), err);
        (void)poll(NULL, 0, (int)writer->backoff_ms);
    }
    if (postgres_exec(&writer->conn,
                      "SELECT token FROM troupe.host WHERE slot = troupe.this_host()",
                      statement_deadline(writer), &result, err) >= 0 &&
        PQntuples(result) == 1)
        verdict = strtoull(PQgetvalue(result, 0, 0), NULL, 10) == writer->token ? COMMITTED : CUT;
    PQclear(result);
    return verdict;
}

static void run_group(struct postgres_writer *writer, struct store_group *group)
{
    uint64_t until = clock_ms() + writer->server->away_ms;
    struct error err = {0};
    enum verdict verdict = AGAIN;
    bool careful = false;

    for (; verdict == AGAIN || verdict == CUT || verdict == CONTENDED;
         careful = careful || verdict == AGAIN) {
        if (!connected(writer, until, &err)) {
            verdict = FAILED;
            break;
        }
        verdict = run_through(writer, group, careful, &err);
        if (verdict == CUT || verdict == CUT_AT_COMMIT) /* told until the next connection */
            note_away(writer, &err);
        if (verdict == CUT_AT_COMMIT)
            verdict = decide(writer, &err);
        if (verdict == CONTENDED) { /* perhaps with one that died */
            look_at_hosts(writer);
            verdict = clock_ms() < until ? verdict : FAILED;
        }
        if (verdict == AGAIN || verdict == CUT || verdict == CONTENDED)
            store_group_reset(group);
    }
    if (verdict == CUT_AT_COMMIT)
        store_group_fail(group,
                         error_set(&err, TROUPE_MAYBE_DONE,
                                   "the connection to the database broke at the end, and it is not "
                                   "known whether it was written"),
                         &err);
    else if (verdict == FAILED)
        store_group_fail(group, err.status, &err);
    if (verdict == FAILED && postgres_status_is_server(err.status))
        atomic_store(&writer->degraded, true);
    if (verdict == COMMITTED && group->count) {
        atomic_store(&writer->degraded, false);
        atomic_fetch_add(&writer->transactions, 1);
    }
    store_group_done(group);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void run_other(struct postgres_writer *writer, struct store_request *request)
{
    struct postgres_connection *conn = &writer->conn;

    conn->abandoned = request->kind == STORE_REQUEST_MIGRATE ? &request->abandoned : NULL;
    if (!connected(writer, clock_ms() + writer->server->away_ms, &request->error))
        request->status = request->error.status;
    else if (request->kind == STORE_REQUEST_MIGRATE && request->migrate.back)
        request->status = postgres_migrate_back(
            conn, request->migrate.ns, request->migrate.steps, request->migrate.step_count,
            request->migrate.to_version, clock_ms() + DECIDE_MS, &request->error);
    else if (request->kind == STORE_REQUEST_MIGRATE)
        request->status = postgres_migrate(conn, request->migrate.ns, request->migrate.steps,
                                           request->migrate.step_count, request->migrate.check_only,
                                           clock_ms() + DECIDE_MS, &request->error);
    else
        request->status = postgres_forget(conn, clock_ms() + DECIDE_MS, &request->error);
    conn->abandoned = NULL;
    if (conn->lost)
        note_away(writer, &request->error);
    request->done(request);
}

/* While the server is away nothing is taken, so that who waits can leave. Then everybody is told. */
static bool server_is_there(struct postgres_writer *writer, struct error *err)
{
    uint64_t since = writer->away_since ? writer->away_since : clock_ms();

    if (postgres_gone(&writer->conn))
        writer->conn.lost = true;
    return connected(writer, since + patience_ms(writer), err);
}

static void run_all(struct postgres_writer *writer, struct queue_item *item,
                    struct store_group *group)
{
    struct error err = {0};

    if (!server_is_there(writer, &err)) {
        refuse_all(item, &err);
        return;
    }
    while (item) {
        struct queue_item *next_item = item->next;
        struct store_request *request = container_of(item, struct store_request, link);

        while (request) {
            struct store_request *next = request->next;

            if (!store_request_take(request)) {
                request->status = TROUPE_CANCELED;
                request->done(request);
            } else if (request->kind != STORE_REQUEST_COMMIT) {
                run_group(writer, group);
                run_other(writer, request);
            } else {
                request->status = TROUPE_OK;
                group->requests[group->count++] = request;
                if (group->count == STORE_GROUP_MAX)
                    run_group(writer, group);
            }
            request = next;
        }
        item = next_item;
    }
    if (group->count)
        run_group(writer, group);
}

static void *run(void *arg)
{
    struct postgres_writer *writer = arg;
    struct store_group *group = mem_zero(1, sizeof(*group));
    struct error err;

    for (;;) {
        bool away = !writer->conn.pg || writer->conn.lost;
        uint32_t look = writer->server->lease_ms / 5;
        struct queue_item *items = queue_take_all(&writer->queue, away ? writer->backoff_ms + 1
                                                                  : look < LOOK_MS ? look
                                                                                   : LOOK_MS);

        look_at_hosts(writer);
        if (items)
            run_all(writer, items, group);
        else if (queue_closed(&writer->queue))
            break;
        else if (away && !writer->taken)
            (void)connect_once(writer, clock_ms(), &err);
        else if (postgres_gone(&writer->conn)) {
            postgres_lost(&writer->conn, &err);
            note_away(writer, &err);
        }
    }
    mem_free(group);
    return NULL;
}

troupe_status postgres_writer_open(struct postgres_writer *writer, struct error *err)
{
    struct postgres_connection *conn = &writer->conn;
    uint64_t until = clock_ms() + writer->server->busy_ms;
    troupe_status status;

    postgres_connection_init(conn, writer->server, true);
    do {
        status = connect_once(writer, until, err);
    } while (status == TROUPE_UNAVAILABLE && clock_ms() < until && poll(NULL, 0, 100) == 0);
    if (status >= 0)
        status = postgres_set_up(conn, writer->server, until, clock_ms() + DECIDE_MS, err);
    if (status >= 0)
        status = seal_new(&writer->server->keys, &conn->seal, err);
    writer->token = writer->server->token;
    return status;
}

troupe_status postgres_writer_start(struct postgres_writer *writer, struct error *err)
{
    troupe_status status = store_thread_start(&writer->thread, run, writer, "store-write", err);

    writer->running = status >= 0;
    return status;
}

void postgres_writer_stop(struct postgres_writer *writer)
{
    queue_close(&writer->queue);
    if (writer->running)
        pthread_join(writer->thread, NULL);
    writer->running = false;
    if (!writer->taken)
        postgres_hosts_leave(&writer->conn, writer->server);
    postgres_connection_clear(&writer->conn);
    queue_clear(&writer->queue);
}
