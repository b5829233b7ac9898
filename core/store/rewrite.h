/* SPDX-License-Identifier: Apache-2.0
 *
 * From the SQL that a caller wrote to the SQL that a database takes: parameters are numbered in
 * one way, `{table}` becomes the table of a namespace. The text is scanned token by token, so what
 * stands in strings, comments and quoted identifiers is left alone. This is also the first of two
 * walls around a plugin's SQL; the second is the database's own authorizer or role.
 */
#ifndef STORE_REWRITE_H
#define STORE_REWRITE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define STORE_SQL_MAX        (1u << 20) /* bytes of one text, before and after  */
#define STORE_PARAMETERS_MAX 999
#define STORE_NAME_MAX       64 /* bytes of a namespace, a table, a parameter   */

struct store_dialect {
    char placeholder;  /* '?' for ?1, '$' for $1                                                 */
    const char *joint; /* between namespace and table inside double quotes: "__" or "\".\""       */
};

/* What the n-th placeholder of the result stands for. */
struct store_slot {
    size_t position; /* the caller's positional value, from 1; 0: by name                        */
    char *name;
};

struct store_sql {
    char *text;
    struct store_slot *slots;
    size_t slot_count;
    size_t positions; /* positional values it takes */
};

enum store_sql_kind {
    STORE_SQL_ONE,   /* one statement; in a namespace SELECT, INSERT, UPDATE, DELETE only         */
    STORE_SQL_SCRIPT /* a migration: many statements, no parameters; CREATE, ALTER, DROP, too     */
};

/* `ns` NULL: the core's text, in which `{` is refused and any statement may stand. TROUPE_ARGUMENT
 * for text that cannot be scanned, TROUPE_DENIED for what a namespace may not do, TROUPE_LIMIT for
 * the bounds. Lines are kept. Any thread. */
troupe_status store_rewrite(const struct store_dialect *dialect, const char *sql, const char *ns,
                            enum store_sql_kind kind, struct store_sql *ret, struct error *err);
void store_sql_clear(struct store_sql *sql);
/* Skips white space, comments and semicolons; the end of the text when nothing else is left. */
const char *store_sql_skip(const char *sql);
/* Whether `name` is one of the parameters that only the host binds. */
bool store_name_reserved(const char *name);

#endif
