/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers: each a thread with a connection that cannot write. A question that a broken connection cut
 * is asked again on the next one, as long as somebody waits for it.
 */
#include "base/clock.h"
#include "store/postgres/postgres.h"

#include <poll.h>

enum {
    ANSWER_MS = 65000, /* longer than the server lets a statement run */
    PAUSE_MS = 100,
};

static troupe_status ask(struct postgres_connection *conn, struct store_command *command,
                         struct error *err)
{
    uint64_t deadline = clock_ms() + ANSWER_MS;
    troupe_status status = postgres_pipeline_begin(conn, err), finished;
    struct error last;

    if (status < 0)
        return status;
    status = postgres_send_command(conn, NULL, command, deadline, err);
    if (!conn->lost) {
        finished = postgres_finish(conn, deadline, status < 0 ? &last : err);
        status = status < 0 ? status : finished;
    }
    if (!conn->lost)
        postgres_pipeline_end(conn);
    return status;
}

static bool is_abandoned(const struct store_request *request)
{
    return atomic_load_explicit(&request->abandoned, memory_order_relaxed);
}

/* A server that is away is waited for. */
static troupe_status connected(struct postgres_connection *conn,
                               const struct store_request *request, uint64_t until,
                               struct error *err)
{
    troupe_status status = TROUPE_OK;

    while (!conn->pg && !is_abandoned(request)) {
        status = postgres_connect(conn, until, err);
        if (status != TROUPE_UNAVAILABLE || clock_ms() >= until)
            break;
        (void)poll(NULL, 0, PAUSE_MS);
    }
    return conn->pg ? TROUPE_OK : status;
}

/* A server that finds its client gone ends what it does for it, soon. */
static void answer(struct postgres_connection *conn, struct store_request *request)
{
    uint64_t until = clock_ms() + conn->server->away_ms;

    conn->abandoned = &request->abandoned;
    for (int tries = 0;; tries++) {
        request->status = connected(conn, request, until, &request->error);
        if (request->status >= 0)
            request->status = ask(conn, &request->query, &request->error);
        if (!conn->lost)
            break;
        store_command_reset(&request->query);
        postgres_disconnect(conn);
        conn->lost = false;
        if (is_abandoned(request) || clock_ms() >= until)
            break;
        if (tries > 0)
            (void)poll(NULL, 0, PAUSE_MS);
    }
    conn->abandoned = NULL;
}

static void *run(void *arg)
{
    struct postgres_reader *reader = arg;
    struct store_request *request;

    while ((request = store_reading_take(reader->reading))) {
        if (store_request_take(request))
            answer(&reader->conn, request);
        else
            request->status = TROUPE_CANCELED;
        request->done(request);
    }
    return NULL;
}

troupe_status postgres_reader_start(struct postgres_reader *reader, struct error *err)
{
    troupe_status status = store_thread_start(&reader->thread, run, reader, "store-read", err);

    reader->running = status >= 0;
    return status;
}

void postgres_reader_stop(struct postgres_reader *reader)
{
    if (reader->running)
        pthread_join(reader->thread, NULL);
    reader->running = false;
    postgres_connection_clear(&reader->conn);
}
