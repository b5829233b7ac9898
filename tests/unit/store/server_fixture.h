/* SPDX-License-Identifier: Apache-2.0
 *
 * The PostgreSQL server of a group of tests, where one can be started, and a test in each database: what a
 * file names sqlite, postgresql and the like is the state that its setup sees first.
 */
#ifndef SERVER_FIXTURE_H
#define SERVER_FIXTURE_H

#include "postgres_server.h"

static struct postgres_server_of_test server;
static bool have_server;

static inline int start_server(void **state)
{
    (void)state;
    have_server = postgres_server_start(&server);
    return 0;
}

static inline int stop_server(void **state)
{
    (void)state;
    if (have_server)
        postgres_server_stop(&server);
    return 0;
}

#define BOTH(test)                                                                                 \
    {#test, test, setup, teardown, sqlite},                                                        \
    {                                                                                              \
#test "_in_postgresql", test, setup, teardown, postgresql                                  \
    }

#define EACH(test)                                                                                 \
    BOTH(test), {#test "_encrypted", test, setup, teardown, sqlite_sealed},                        \
    {                                                                                              \
#test "_encrypted_in_postgresql", test, setup, teardown, postgresql_sealed                 \
    }

#endif
