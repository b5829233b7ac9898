/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers: each a thread with a connection that cannot write.
 */
#include "store/sqlite/sqlite.h"

static void *run(void *arg)
{
    struct sqlite_reader *reader = arg;
    struct sqlite_connection *conn = &reader->conn;
    struct store_request *request;

    while ((request = store_reading_take(reader->reading))) {
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
    troupe_status status = store_thread_start(&reader->thread, run, reader, "store-read", err);

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
