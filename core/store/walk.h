/* SPDX-License-Identifier: Apache-2.0
 *
 * All rows of a table, as they are stored, in portions of bounded size: for what goes through a whole
 * database that nobody writes to meanwhile. Rows come in the order of the primary key, of a table without
 * one in the database's own.
 */
#ifndef STORE_WALK_H
#define STORE_WALK_H

#include "base/buf.h"
#include "store/store.h"

#include <stdbool.h>

#define STORE_WALK_KEYS 16 /* columns of a primary key */

struct store_walk {
    struct store *store;
    char *ns, *table;            /* ns NULL: the core's */
    struct store_rows *columns;  /* as store_columns gives them */
    size_t key[STORE_WALK_KEYS]; /* places in `columns` */
    size_t key_count;        /* 0: none; a page has the row's own place as its last column then */
    size_t limit;            /* rows of the next portion */
    struct store_rows *page; /* the last one */
    bool over;
};

/* TROUPE_NOT_FOUND where there is no such table. The rest is cleared also then. [waits] */
troupe_status store_walk_begin(struct store_walk *walk, struct store *store, const char *ns,
                               const char *table, struct error *err);
/* The next rows; NULL after the last. They are the walk's until the next call. [waits] */
troupe_status store_walk_next(struct store_walk *walk, const struct store_rows **ret,
                              struct error *err);
void store_walk_clear(struct store_walk *walk);

/* The table as a statement of its namespace names it. */
void store_walk_name(const struct store_walk *walk, struct buf *out);
/* A statement of its namespace. */
struct store_statement store_walk_statement(const struct store_walk *walk, const char *sql,
                                            const struct store_value *params, size_t count);

#define _cleanup_walk_ _cleanup_(store_walk_clear)

#endif
