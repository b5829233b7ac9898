/* SPDX-License-Identifier: Apache-2.0
 *
 * The same tests over each database: a file and a server that the program starts itself, plain and encrypted.
 * A program that includes it uses each_setup, or each_open with options of its own, and teardown, by EACH of
 * server_fixture.h.
 */
#ifndef TESTS_EACH_FIXTURE_H
#define TESTS_EACH_FIXTURE_H

#include "server_fixture.h"
#include "store_fixture.h"

static int databases;

static char sqlite[] = "sqlite", postgresql[] = "postgresql";
static char sqlite_sealed[] = "sqlite, encrypted", postgresql_sealed[] = "postgresql, encrypted";

static inline int each_open(void **state, struct store_options options)
{
    const char *backend = *state;
    const bool on_server = backend == postgresql || backend == postgresql_sealed;
    struct fixture *f;

    if (on_server && !have_server) {
        *state = NULL;
        return 0;
    }
    f = mem_zero(1, sizeof(*f));
    place_make(&f->place);
    f->loop = fixture_new(NULL);
    if (backend == sqlite_sealed || backend == postgresql_sealed)
        options.encrypt_key = "6b65796b65796b65796b65796b65796b65796b65796b65796b65796b65796b65";
    if (on_server) {
        snprintf(f->name, sizeof(f->name), "test%d", ++databases);
        postgres_server_database(&server, f->name, NULL, f->url);
        options.url = f->url;
    }
    fixture_open(f, &options);
    *state = f;
    return 0;
}

static inline int each_setup(void **state)
{
    return each_open(state, (struct store_options){.write_ms = 1000});
}

static inline int teardown(void **state)
{
    return *state ? store_teardown(state) : 0;
}

static inline struct fixture *fixture_of(void **state)
{
    if (!*state)
        skip(); /* no PostgreSQL on this machine */
    return *state;
}

static inline troupe_status write_one(struct fixture *f, const struct store_statement *statement)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, statement);
    return store_commit(f->store, batch, 0, &f->err);
}

#endif
