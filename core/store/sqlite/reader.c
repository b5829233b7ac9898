/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers: each a thread with a connection that cannot write. They share one line of waiting
 * queries, so that a slow query holds up one reader and nobody else.
 */
#include "store/sqlite/sqlite.h"

void sqlite_reading_init(struct sqlite_reading *reading)
{
    pthread_mutex_init(&reading->lock, NULL);
    pthread_cond_init(&reading->wake, NULL);
    reading->first = NULL;
    reading->last = &reading->first;
    reading->closed = false;
}

void sqlite_reading_clear(struct sqlite_reading *reading)
{
    pthread_cond_destroy(&reading->wake);
    pthread_mutex_destroy(&reading->lock);
}

void sqlite_reading_push(struct sqlite_reading *reading, struct store_request *request)
{
    pthread_mutex_lock(&reading->lock);
    request->next = NULL;
    *reading->last = request;
    reading->last = &request->next;
    pthread_cond_signal(&reading->wake);
    pthread_mutex_unlock(&reading->lock);
}

void sqlite_reading_close(struct sqlite_reading *reading)
{
    pthread_mutex_lock(&reading->lock);
    reading->closed = true;
    pthread_cond_broadcast(&reading->wake);
    pthread_mutex_unlock(&reading->lock);
}

/* NULL: closed, and nothing is left. */
static struct store_request *take(struct sqlite_reading *reading)
{
    struct store_request *request;

    pthread_mutex_lock(&reading->lock);
    while (!reading->first && !reading->closed)
        pthread_cond_wait(&reading->wake, &reading->lock);
    request = reading->first;
    if (request) {
        reading->first = request->next;
        if (!reading->first)
            reading->last = &reading->first;
    }
    pthread_mutex_unlock(&reading->lock);
    return request;
}

static void *run(void *arg)
{
    struct sqlite_reader *reader = arg;
    struct sqlite_connection *conn = &reader->conn;
    struct store_request *request;

    while ((request = take(reader->reading))) {
        if (store_request_take(request)) {
            conn->abandoned = &request->abandoned;
            request->status = sqlite_run(conn, NULL, &request->query, true, &request->error);
            conn->abandoned = NULL;
        } else {
            request->status = TROUPE_CANCELED;
        }
        request->done(request);
    }
    return NULL;
}

troupe_status sqlite_reader_start(struct sqlite_reader *reader, struct error *err)
{
    troupe_status status = sqlite_thread_start(&reader->thread, run, reader, "store-read", err);

    reader->running = status >= 0;
    return status;
}

void sqlite_reader_stop(struct sqlite_reader *reader)
{
    if (reader->running)
        pthread_join(reader->thread, NULL);
    reader->running = false;
    sqlite_connection_close(&reader->conn);
}
