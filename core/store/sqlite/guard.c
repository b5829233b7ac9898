/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite's authorizer as the second wall around a plugin's SQL: whatever the text says, a statement
 * that touches anything but the namespace's own tables is not compiled. It stays in force while the
 * statement runs, because SQLite compiles anew after a change of the schema.
 */
#include "store/sqlite/sqlite.h"

#include <stdio.h>
#include <strings.h>

/* Functions that compute from their arguments only. Not here: load_extension, fts3_tokenizer,
 * readfile and whatever else an SQLite was built with. Sorted. */
/* clang-format off */
static const char *const functions[] = {
    "->", "->>", "abs", "avg", "ceil", "ceiling", "char", "coalesce", "concat", "concat_ws",
    "count", "cume_dist", "current_date", "current_time", "current_timestamp", "date", "datetime",
    "dense_rank", "exp", "first_value", "floor", "format", "glob", "group_concat", "hex", "ifnull",
    "iif", "instr", "json", "json_array", "json_array_length", "json_extract", "json_group_array",
    "json_group_object", "json_insert", "json_object", "json_patch", "json_quote", "json_remove",
    "json_replace", "json_set", "json_type", "json_valid", "julianday", "lag", "last_value", "lead",
    "length", "like", "likelihood", "likely", "ln", "log", "log10", "log2", "lower", "ltrim", "max",
    "min", "mod", "nth_value", "ntile", "nullif", "octet_length", "percent_rank", "pow", "power",
    "printf", "quote", "random", "rank", "replace", "round", "row_number", "rtrim", "sign", "sqrt",
    "strftime", "string_agg", "substr", "substring", "sum", "time", "total", "trim", "trunc",
    "typeof", "unhex", "unicode", "unixepoch", "unlikely", "upper",
};
/* clang-format on */

static bool known_function(const char *name)
{
    size_t low = 0, high = sizeof(functions) / sizeof(functions[0]);

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcasecmp(name, functions[middle]);

        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* "NS__…": namespaces hold no "__" and end in no "_", so no name belongs to two of them. */
static bool own(const struct sqlite_guard *guard, const char *name)
{
    size_t len = strlen(guard->ns);

    return name && strncasecmp(name, guard->ns, len) == 0 && strncmp(name + len, "__", 2) == 0;
}

/* The catalogue, which CREATE, ALTER and DROP read and write on their way, with functions of their
 * own. A statement that names it itself did not come through the scan of its text. */
static bool catalogue(const struct sqlite_guard *guard, int action, const char *name)
{
    if (!guard->migrating || !name)
        return false;
    if (action == SQLITE_FUNCTION)
        return strncmp(name, "sqlite_rename_", 14) == 0 || strcmp(name, "sqlite_drop_column") == 0;
    return (action == SQLITE_READ || action == SQLITE_INSERT || action == SQLITE_UPDATE ||
            action == SQLITE_DELETE) &&
           (strcmp(name, "sqlite_master") == 0 || strcmp(name, "sqlite_temp_master") == 0 ||
            strcmp(name, "sqlite_sequence") == 0);
}

static int deny(struct sqlite_guard *guard, const char *what, const char *name)
{
    if (!guard->reason[0])
        snprintf(guard->reason, sizeof(guard->reason),
                 "%s \"%.80s\" is outside of namespace \"%s\": name your own tables {name}", what,
                 name ? name : "", guard->ns);
    return SQLITE_DENY;
}

static int forbid(struct sqlite_guard *guard, const char *what)
{
    if (!guard->reason[0])
        snprintf(guard->reason, sizeof(guard->reason), "a plugin's SQL may not use %s", what);
    return SQLITE_DENY;
}

int sqlite_guard_authorize(void *arg, int action, const char *first, const char *second,
                           const char *database, const char *trigger)
{
    struct sqlite_guard *guard = arg;

    (void)trigger;
    if (!guard->ns)
        return SQLITE_OK;
    if (catalogue(guard, action, action == SQLITE_FUNCTION ? second : first))
        return SQLITE_OK;
    /* For ALTER TABLE the database is the first name, and a column may stand in its place. */
    if (action != SQLITE_ALTER_TABLE && database && strcmp(database, "main") != 0)
        return forbid(guard, "another database or temporary tables");
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE: return SQLITE_OK;
    case SQLITE_READ:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE: return own(guard, first) ? SQLITE_OK : deny(guard, "table", first);
    case SQLITE_FUNCTION:
        return known_function(second) ? SQLITE_OK : forbid(guard, "this function");
    case SQLITE_CREATE_TABLE:
    case SQLITE_DROP_TABLE:
        if (!guard->migrating)
            return forbid(guard, "CREATE, ALTER or DROP outside of migrations");
        return own(guard, first) ? SQLITE_OK : deny(guard, "table", first);
    case SQLITE_ALTER_TABLE: /* database, table */
        if (!guard->migrating)
            return forbid(guard, "CREATE, ALTER or DROP outside of migrations");
        if (strcmp(first, "main") != 0)
            return forbid(guard, "another database or temporary tables");
        return own(guard, second) ? SQLITE_OK : deny(guard, "table", second);
    case SQLITE_CREATE_INDEX:
    case SQLITE_DROP_INDEX: /* index, table */
        if (!guard->migrating)
            return forbid(guard, "CREATE, ALTER or DROP outside of migrations");
        /* A table's own constraints make indexes named by SQLite. */
        if (!own(guard, second))
            return deny(guard, "table", second);
        if (own(guard, first) || strncmp(first, "sqlite_autoindex_", 17) == 0)
            return SQLITE_OK;
        return deny(guard, "index", first);
    case SQLITE_REINDEX: /* what CREATE INDEX does to fill it */
        if (guard->migrating && own(guard, first))
            return SQLITE_OK;
        return forbid(guard, "REINDEX");
    case SQLITE_PRAGMA: return forbid(guard, "PRAGMA");
    case SQLITE_ATTACH:
    case SQLITE_DETACH: return forbid(guard, "ATTACH or DETACH");
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT: return forbid(guard, "BEGIN, COMMIT, ROLLBACK or SAVEPOINT");
    default: return forbid(guard, "views, triggers, virtual or temporary tables, ANALYZE");
    }
}
