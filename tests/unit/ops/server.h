/* SPDX-License-Identifier: Apache-2.0
 *
 * A control socket on a thread and loop of its own, with commands and an engine of the tests', so
 * that a test can be the blocking client. Its engine answers "echo: TEXT" in pieces; "wait" is
 * answered only when its channel is stopped; "quiet" gets a notice.
 */
#ifndef TESTS_OPS_SERVER_H
#define TESTS_OPS_SERVER_H

#include "ops/control.h"

#include <pthread.h>
#include <semaphore.h>

struct server {
    char directory[64];
    char path[96];
    pthread_t thread;
    sem_t started;
    struct loop *loop;
    struct store *store; /* of a chat */
    struct outbox *outbox;
    struct console *console;
    struct ops_control *control;
    struct op *end;
    troupe_status status; /* of the start */
    struct error error;
    struct scope *turns;
    struct list_link *asked;
    int64_t turn_number;
    /* Written on the server's thread, read when it is joined. */
    unsigned cancelled, finished, attached;
    size_t sessions; /* that were left when all connections were gone */
};

/* `chat`: with console sessions. Starts in a new directory, or in `directory`. */
void server_start(struct server *server, const char *directory, bool chat);
/* Ends it; false when connections were left. */
void server_stop(struct server *server);
/* Removes the directory. */
void server_clean(struct server *server);

#endif
