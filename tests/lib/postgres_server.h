/* SPDX-License-Identifier: Apache-2.0
 *
 * A PostgreSQL server of a test's own: in a temporary directory, on a Unix socket there, without fsync,
 * as a user who is not root; gone when the test is. And a relay in front of it, which can lose what goes
 * one way and then cut the connection, as a network does.
 */
#ifndef TESTS_POSTGRES_SERVER_H
#define TESTS_POSTGRES_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

struct postgres_server_of_test {
    pid_t pid;
    char dir[64]; /* of its socket */
};

/* False where there is no PostgreSQL on this machine. Otherwise it takes connections when this
 * returns, or the running test fails. */
bool postgres_server_start(struct postgres_server_of_test *server);
/* It is killed, and started again on the same data. */
void postgres_server_kill(struct postgres_server_of_test *server);
void postgres_server_again(struct postgres_server_of_test *server);
/* Stops and goes on. */
void postgres_server_pause(const struct postgres_server_of_test *server, bool pause);
void postgres_server_stop(struct postgres_server_of_test *server);
/* A new database; its URL by that socket directory (NULL: the server's own). */
void postgres_server_database(const struct postgres_server_of_test *server, const char *name,
                              const char *dir, char url[160]);

enum relay_loss {
    RELAY_NOTHING,
    RELAY_NEXT_QUESTION, /* what the client sends next does not arrive, and the connection is cut */
    RELAY_NEXT_ANSWER    /* what the server says next is not told, and the connection is cut      */
};

struct relay {
    char dir[64];
    char target[96];
    int listener, stop[2];
    pthread_t thread;
    _Atomic int loss;  /* enum relay_loss */
    _Atomic int count; /* connections that were cut */
    _Atomic bool away; /* new connections get nowhere */
};

void relay_start(struct relay *relay, const struct postgres_server_of_test *server);
void relay_stop(struct relay *relay);

#endif
