/* SPDX-License-Identifier: Apache-2.0
 *
 * A real database in a directory of its own, a loop, and a coroutine that a test's body runs in.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "../loop/loop_fixture.h"

#include "base/mem.h"
#include "store/kv.h"
#include "store/migrate.h"
#include "store/store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct place {
    char dir[64];
    char path[96];
};

struct fixture {
    struct place place;
    struct loop *loop;
    struct store *store;
    struct error err;
    char name[16], url[160]; /* of a database on a server; "": the file */
};

static inline void place_make(struct place *place)
{
    snprintf(place->dir, sizeof(place->dir), "/tmp/troupe-store-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    snprintf(place->path, sizeof(place->path), "%s/data.db", place->dir);
}

static inline void place_remove(struct place *place)
{
    DIR *dir = opendir(place->dir);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(place->dir);
}

static inline void fixture_open(struct fixture *f, const struct store_options *options)
{
    struct store_options chosen = options ? *options : (struct store_options){0};

    chosen.path = f->place.path;
    f->err.text[0] = '\0';
    if (store_open(f->loop, &chosen, &f->store, &f->err) != TROUPE_OK)
        fail_msg("store_open: %s", f->err.text);
}

/* A table `item (id, name unique, n)` of the core, for tests to write in. */
static inline troupe_status make_items(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(
        batch,
        STORE_SQL("CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, "
                  "n INTEGER NOT NULL DEFAULT 0)"));
    return store_commit(f->store, batch, 0, &f->err);
}

static inline int store_setup(void **state)
{
    struct fixture *f = mem_zero(1, sizeof(*f));

    place_make(&f->place);
    f->loop = fixture_new(NULL);
    fixture_open(f, NULL);
    assert_status(fixture_run(f->loop, make_items, f), TROUPE_OK);
    *state = f;
    return 0;
}

/* A place only: for tests that fork, since a loop does not survive it. */
static inline int place_setup(void **state)
{
    struct fixture *f = mem_zero(1, sizeof(*f));

    place_make(&f->place);
    *state = f;
    return 0;
}

static inline int place_teardown(void **state)
{
    struct fixture *f = *state;

    place_remove(&f->place);
    mem_free(f);
    return 0;
}

/* Lets outcomes that nobody waits for arrive. */
static inline void store_settle(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    for (int i = 0; i < 3; i++)
        loop_step(f->loop, 0);
}

static inline int store_teardown(void **state)
{
    struct fixture *f = *state;

    store_settle(f);
    fixture_free(f->loop);
    place_remove(&f->place);
    mem_free(f);
    return 0;
}

/* `body` in a coroutine, its asserts told to cmocka from the loop's own stack. */
static inline void run_body(struct fixture *f, co_fn body)
{
    assert_status(fixture_run(f->loop, body, f), TROUPE_OK);
}

/* In a coroutine a failed check ends the body with its place; cmocka must not jump between stacks. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__, #condition);                      \
            return TROUPE_FAILED;                                                                  \
        }                                                                                          \
    } while (0)
#define CHECK_STATUS(got, want)                                                                    \
    do {                                                                                           \
        troupe_status got_ = (got);                                                                \
        if (got_ != (want)) {                                                                      \
            fprintf(stderr, "# %s:%d: %s is %s, expected %s (%s)\n", __FILE__, __LINE__, #got,     \
                    status_name(got_), status_name(want), f->err.text);                            \
            return TROUPE_FAILED;                                                                  \
        }                                                                                          \
    } while (0)

/* The one number a query gives, or -1. [waits] */
static inline int64_t ask_int(struct fixture *f, const char *sql)
{
    _cleanup_rows_ struct store_rows *rows = NULL;

    if (store_query(f->store, STORE_SQL(sql), 0, &rows, &f->err) != TROUPE_OK)
        return -1;
    return store_cell_int(rows, 0, 0, -1);
}

#endif
