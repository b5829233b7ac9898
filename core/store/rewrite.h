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

/* A word of a text, and where it stands. */
struct store_word {
    const char *text;
    size_t len;
    bool quoted;        /* in double quotes, which `text` is without                             */
    const char *before; /* the word before it in the same statement, "" where there is none      */
    size_t before_len;
    const char *first; /* the first one of its statement                                        */
    size_t first_len;
    size_t index;     /* the n-th word of its statement, from 0                                  */
    const char *rest; /* the text behind it, and behind its quotes                               */
    const char *ns;   /* NULL: the core's                                                        */
    bool migration;
};

struct buf;

struct store_dialect {
    char placeholder;  /* '?' for ?1, '$' for $1                                                 */
    const char *joint; /* between namespace and table inside double quotes: "__"; NULL: tables stand
                        * alone, the database knows the namespace otherwise                      */
    size_t name_max;   /* bytes of a table's name; 0: STORE_NAME_MAX */
    bool seals;        /* seal() and unseal() do what seal.h says; else they are nothing at all   */
    /* Comments go, strings and names are in plain quotes with nothing before them: for a database
     * that reads more into these than SQLite. */
    bool strict;
    /* May refuse a word, or write another into `out`, which is left alone for what stays as it is.
     * NULL: every word stays. */
    troupe_status (*word)(const struct store_word *word, struct buf *out, struct error *err);
};

/* Where one value comes from. */
struct store_source {
    size_t position; /* the caller's positional value, from 1; 0: by name                        */
    char *name;
    char *literal; /* neither: this text                                                         */
};

/* What seal() says of a parameter; see seal.h. */
struct store_sealing {
    char *place;
    struct store_source *identity;
    size_t identity_count;
};

/* What the n-th placeholder of the result stands for. */
struct store_slot {
    size_t position; /* the caller's positional value, from 1; 0: by name                        */
    char *name;
    struct store_sealing *sealing; /* NULL: as it is */
};

struct store_sql {
    char *text;
    struct store_slot *slots;
    size_t slot_count;
    size_t positions; /* positional values it takes */
    bool unseals;     /* its rows are to be opened  */
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
