/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/sql.h - "troupe.sql/1": the agent's own tables. Capability "sql".
 *
 * Tables are written `{history}` and the host puts them into the agent's namespace; nothing else can
 * be reached. `:account`, `:guild`, `:channel` and `:member` are bound by the host from the turn (NULL
 * where the turn has none) and cannot be bound by the plugin; other parameters are ?1, ?2 … in order.
 * One statement a text, without PRAGMA, ATTACH and transaction control. A statement that the database
 * refuses is TROUPE_ARGUMENT with its words in troupe_error.
 *
 * A text that members wrote should not stand in the clear where the owner has the database encrypted.
 * `seal(?2, 'note.words', :member, ?1)` around a parameter writes it encrypted, and
 * `unseal(words, 'note.words', member, n)` in the list of a SELECT or RETURNING reads it; both do nothing
 * where nothing is encrypted. Second comes 'table.column' without braces, then the row's identity: the
 * columns of the table's primary key in their order, as parameters or literals for seal(), as columns for
 * unseal(). What is sealed cannot be compared, searched, cut or measured by SQL. A host of an
 * older build refuses both. `troupe reseal` knows what else is meant to be sealed, as what an older build of
 * the agent wrote, by lines of their own in the texts of its schema steps: `-- sealed: note.words`.
 *
 *     troupe_value limit = troupe_sql_int(10);
 *     troupe_rows *rows;
 *     troupe_status status = troupe_sql(turn)->query(
 *         turn, "SELECT word FROM {history} WHERE member = :member LIMIT ?1", &limit, 1, &rows);
 *
 *     for (uint64_t i = 0; status == TROUPE_OK && i < troupe_sql(turn)->row_count(rows); i++)
 *         use(troupe_sql(turn)->cell(rows, i, 0)->u.s);
 */
#ifndef TROUPE_SQL_H
#define TROUPE_SQL_H

#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_SQL "troupe.sql/1"

/* What a query found; the host's, until the stage or function returns. */
typedef struct troupe_rows troupe_rows;

#define TROUPE_ROWS_ANY (-1) /* no guard on the number of changed rows */

/* One write. */
typedef struct troupe_statement {
    const char *sql;
    troupe_array params; /* troupe_value */
    int64_t expect;      /* exactly so many rows must change, else nothing does: TROUPE_CONFLICT */
} troupe_statement;

typedef struct troupe_sql_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Reads: at most 10,000 rows and 8 MB, TROUPE_LIMIT above. Noted. [turn, waits] */
    troupe_status (*query)(troupe_turn *turn, const char *sql, const troupe_value *params,
                           uint32_t count, troupe_rows **ret);
    /* Writes all of them or none, at most 64. Stored. [turn, waits] */
    troupe_status (*commit)(troupe_turn *turn, const troupe_statement *statements, uint32_t count);
    /* How many rows and columns there are. Rows live until the stage or function returns. [turn] */
    uint64_t (*row_count)(const troupe_rows *rows);
    /* As row_count. [turn] */
    uint32_t (*column_count)(const troupe_rows *rows);
    /* TROUPE_TYPE_NULL, INT, FLOAT, STRING or BLOB; NULL for a cell that is not there. [turn] */
    const troupe_value *(*cell)(const troupe_rows *rows, uint64_t row, uint32_t column);
} troupe_sql_v1;

/* The table; NULL where this host has none. Not recorded. [turn] */
static inline const troupe_sql_v1 *troupe_sql(troupe_turn *turn)
{
    return (const troupe_sql_v1 *)troupe_get_extension(turn, TROUPE_SQL);
}

/* A value for a parameter: troupe_sql_int, troupe_sql_str (whose bytes are borrowed), troupe_sql_null. [any] */
static inline troupe_value troupe_sql_int(int64_t i)
{
    troupe_value value = {TROUPE_TYPE_INT, 0, {0}};

    value.u.i = i;
    return value;
}

static inline troupe_value troupe_sql_str(troupe_str s)
{
    troupe_value value = {TROUPE_TYPE_STRING, 0, {0}};

    value.u.s = s;
    return value;
}

static inline troupe_value troupe_sql_null(void)
{
    troupe_value value = {TROUPE_TYPE_NULL, 0, {0}};

    return value;
}

#endif
