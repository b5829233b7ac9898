/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer: one thread, one connection, one transaction for all batches that wait. It is run
 * without savepoints first, since nearly every batch holds and a savepoint costs as much as a row. When
 * a batch does not hold, the transaction is run anew with a savepoint for each, so that the culprit
 * is undone alone. SQLite ends the whole transaction on some errors of a single statement (an
 * interrupt, OR ROLLBACK); then the batches of the others are run anew without it. What the disk
 * refuses fails everybody.
 */
#include "base/clock.h"
#include "base/log.h"
#include "store/group.h"
#include "store/sqlite/sqlite.h"

#include <sysexits.h>
#include <unistd.h>

enum {
    CHECKPOINT_IDLE = 250,  /* pages in the log after which an idle writer checkpoints */
    CHECKPOINT_BUSY = 1000, /* and a busy one; see the measured stalls */
    LOG_TRUNCATE = 4000,    /* pages above which the log's file is cut back when idle */
    MIGRATE_LIMIT_MS = 60000,
};

static troupe_status check_lease(struct sqlite_connection *conn, int64_t epoch, struct error *err)
{
    struct store_value value = store_int(epoch);
    static const char key[] = "\nSELECT 1 FROM lease WHERE name = 'host' AND epoch = ?1";
    struct store_command command = {
        .key = key,
        .key_len = sizeof(key) - 1,
        .sql = key + 1,
        .expect = 1,
        .params = &value,
        .param_count = 1,
    };
    troupe_status status = sqlite_run(conn, NULL, &command, true, err);

    store_command_reset(&command);
    if (status == TROUPE_CONFLICT)
        error_set(err, status, "this host's lease is over: another host writes now");
    return status;
}

static troupe_status run_batch(struct sqlite_writer *writer, struct store_batch *batch,
                               struct error *err)
{
    struct sqlite_connection *conn = &writer->conn;
    troupe_status status = TROUPE_OK;

    conn->stop_at = clock_ms() + writer->write_ms;
    if (batch->lease_epoch)
        status = check_lease(conn, batch->lease_epoch, err);
    for (size_t i = 0; status >= 0 && i < batch->count; i++) {
        status = sqlite_run(conn, batch, &batch->commands[i], false, err);
        if (status < 0 && batch->count > 1)
            error_prefix(err, "statement %zu of %zu", i + 1, batch->count);
    }
    conn->stop_at = 0;
    return status;
}

/* A statement of transaction control, by the same cache as all others. */
static troupe_status control(struct sqlite_connection *conn, const char *key, struct error *err)
{
    struct store_command command = {
        .key = key,
        .key_len = strlen(key),
        .sql = key + 1,
        .expect = STORE_ANY,
    };

    return sqlite_run(conn, NULL, &command, false, err);
}

static bool transaction_lost(const struct sqlite_connection *conn)
{
    return sqlite3_get_autocommit(conn->db) != 0;
}

static void roll_back(struct sqlite_connection *conn)
{
    if (!transaction_lost(conn))
        (void)control(conn, "\nROLLBACK", NULL);
}

/* One batch inside the transaction. False: the transaction is to be run anew; a culprit that is
 * known has its status. */
static bool run_one(struct sqlite_writer *writer, struct store_request *request, bool alone,
                    bool careful)
{
    struct sqlite_connection *conn = &writer->conn;
    bool savepoint = careful && !alone;
    troupe_status status = TROUPE_OK;

    if (savepoint)
        status = control(conn, "\nSAVEPOINT batch", &request->error);
    if (status >= 0)
        status = run_batch(writer, request->batch, &request->error);
    if (status >= 0 && savepoint)
        status = control(conn, "\nRELEASE batch", &request->error);
    request->status = status < 0 ? status : TROUPE_OK;
    if (status >= 0)
        return true;
    store_outcome_reset(request->batch);
    if (transaction_lost(conn))
        return false;
    if (!alone && !careful && !sqlite_status_is_disk(status)) {
        request->status = TROUPE_OK; /* judged again when it can be undone alone */
        roll_back(conn);
        return false;
    }
    if (!savepoint || sqlite_status_is_disk(status) ||
        control(conn, "\nROLLBACK TO batch", NULL) < 0 ||
        control(conn, "\nRELEASE batch", NULL) < 0) {
        roll_back(conn);
        return false;
    }
    return true;
}

void sqlite_writer_durable(void *arg)
{
    struct sqlite_writer *writer = arg;

    if (!writer->group)
        return; /* a migration, a checkpoint */
    writer->confirmed = true;
    store_group_open(writer->group);
}

/* The transaction ends; false: it is not durable. */
static bool commit(struct sqlite_writer *writer, struct store_group *group, struct error *err)
{
    troupe_status status;

    writer->group = group;
    writer->confirmed = false;
    status = control(&writer->conn, "\nCOMMIT", err);
    writer->group = NULL;
    if (status < 0 && writer->confirmed) {
        log_error("store",
                  "%s, behind what the disk has confirmed: the process ends, start it again",
                  err->text);
        _exit(EX_OSERR);
    }
    return status >= 0;
}

/* The transaction once through. False: to be run anew, carefully, without those that failed. */
static bool run_through(struct sqlite_writer *writer, struct store_group *group, bool careful)
{
    struct sqlite_connection *conn = &writer->conn;
    struct error err;
    size_t left = store_group_left(group);
    troupe_status status;
    bool durable;

    if (left == 0)
        return true;
    status = control(conn, "\nBEGIN IMMEDIATE", &err);
    if (status < 0) {
        atomic_store(&writer->degraded, true);
        store_group_fail(group, status, &err);
        return true;
    }
    for (size_t i = 0, alone = left == 1; i < group->count; i++) {
        struct store_request *request = group->requests[i];

        if (request->status < 0 || run_one(writer, request, alone, careful))
            continue;
        if (sqlite_status_is_disk(request->status)) {
            atomic_store(&writer->degraded, true);
            store_group_fail(group, request->status, &request->error);
            return true;
        }
        return false;
    }
    if (writer->on_commit)
        writer->on_commit();
    durable = commit(writer, group, &err);
    if (writer->on_commit)
        writer->on_commit();
    if (durable) {
        atomic_store(&writer->degraded, false);
        atomic_fetch_add(&writer->transactions, 1);
    } else {
        roll_back(conn);
        atomic_store(&writer->degraded, true);
        store_group_fail(group, err.status, &err);
    }
    return true;
}

static void run_group(struct sqlite_writer *writer, struct store_group *group)
{
    for (bool careful = false; !run_through(writer, group, careful); careful = true)
        store_group_reset(group);
    store_group_done(group);
}

static void run_migration(struct sqlite_writer *writer, struct store_request *request)
{
    struct sqlite_connection *conn = &writer->conn;

    conn->stop_at = clock_ms() + MIGRATE_LIMIT_MS;
    conn->abandoned = &request->abandoned;
    if (request->migrate.back)
        request->status = sqlite_migrate_back(conn, request->migrate.ns, request->migrate.steps,
                                              request->migrate.step_count,
                                              request->migrate.to_version, &request->error);
    else
        request->status = sqlite_migrate(conn, request->migrate.ns, request->migrate.steps,
                                         request->migrate.step_count, request->migrate.check_only,
                                         &request->error);
    conn->abandoned = NULL;
    conn->stop_at = 0;
    request->done(request);
}

static void run_forget(struct sqlite_writer *writer, struct store_request *request)
{
    request->status = sqlite_forget(&writer->conn, writer->busy_ms, &request->error);
    if (request->status >= 0) {
        atomic_store(&writer->log_pages, 0);
        writer->checkpoint_due = false;
    }
    request->done(request);
}

/* Requests in order: neighbouring commits as one group, a migration by itself. */
static void run_all(struct sqlite_writer *writer, struct queue_item *item,
                    struct store_group *group)
{
    while (item) {
        struct queue_item *next_item = item->next;
        struct store_request *request = container_of(item, struct store_request, link);

        while (request) {
            struct store_request *next = request->next;

            if (!store_request_take(request)) {
                request->status = TROUPE_CANCELED;
                request->done(request);
            } else if (request->kind == STORE_REQUEST_MIGRATE) {
                run_group(writer, group);
                run_migration(writer, request);
            } else if (request->kind == STORE_REQUEST_FORGET) {
                run_group(writer, group);
                run_forget(writer, request);
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
    run_group(writer, group);
}

static int log_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct sqlite_writer *writer = arg;

    (void)db;
    (void)name;
    atomic_store(&writer->log_pages, (size_t)pages);
    writer->checkpoint_due = pages >= CHECKPOINT_IDLE;
    return SQLITE_OK;
}

/* Always after the outcomes were handed on: nobody waits for a checkpoint but the next batch. It
 * never waits for readers; what they still need is taken the next time. */
static void checkpoint(struct sqlite_writer *writer, bool idle)
{
    sqlite3 *db = writer->conn.db;
    int pages = 0, done = 0, code;

    writer->checkpoint_due = false;
    code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
    if (code != SQLITE_OK)
        return;
    atomic_fetch_add(&writer->checkpoints, 1);
    writer->checkpoint_due = !idle && pages > LOG_TRUNCATE; /* the file is cut when it is quiet */
    if (idle && pages > LOG_TRUNCATE && pages == done) {
        sqlite3_busy_timeout(db, 0);
        (void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        sqlite3_busy_timeout(db, (int)writer->busy_ms);
    }
}

static void *run(void *arg)
{
    struct sqlite_writer *writer = arg;
    struct store_group *group = mem_zero(1, sizeof(*group));

    for (;;) {
        struct queue_item *items =
            queue_take_all(&writer->queue, writer->checkpoint_due ? 0 : UINT64_MAX);

        if (items) {
            run_all(writer, items, group);
            if (writer->checkpoint_due && atomic_load(&writer->log_pages) >= CHECKPOINT_BUSY)
                checkpoint(writer, false);
        } else if (writer->checkpoint_due) {
            checkpoint(writer, true);
        } else {
            break; /* closed, and nothing left */
        }
    }
    mem_free(group);
    return NULL;
}

troupe_status sqlite_writer_start(struct sqlite_writer *writer, struct error *err)
{
    troupe_status status;

    sqlite3_wal_hook(writer->conn.db, log_grew, writer);
    status = store_thread_start(&writer->thread, run, writer, "store-write", err);
    writer->running = status >= 0;
    return status;
}

void sqlite_writer_stop(struct sqlite_writer *writer)
{
    queue_close(&writer->queue);
    if (writer->running)
        pthread_join(writer->thread, NULL);
    writer->running = false;
    sqlite_connection_close(&writer->conn);
    queue_clear(&writer->queue);
}
