/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables, columns, indexes and constraints of a database as it lists them itself, for comparing two.
 */
#ifndef TESTS_STORE_SCHEMA_LIST_H
#define TESTS_STORE_SCHEMA_LIST_H

#include "store_fixture.h"

#include "base/buf.h"

#include <ctype.h>

/* What differs between two ways to the same table is no part of it: comments, white space, quotes. */
static inline void schema_put(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (text[0] == '-' && text[1] == '-')
            text = strchrnul(text, '\n');
        if (!*text)
            break;
        if (*text != '"' && !isspace((unsigned char)*text))
            buf_printf(out, "%c", *text);
    }
    buf_puts(out, "|");
}

/* Each query gives rows of texts, each row becomes a line. NULL: a query failed. [waits] */
static inline char *schema_list(struct fixture *f)
{
    static const char *const sqlite[] = {
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master "
        "WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name",
        "SELECT m.name, CAST(c.cid AS TEXT), c.name, c.type, CAST(c.\"notnull\" AS TEXT), "
        "coalesce(c.dflt_value, ''), CAST(c.pk AS TEXT) FROM sqlite_master AS m, "
        "pragma_table_xinfo(m.name) AS c WHERE m.type = 'table' ORDER BY m.name, c.cid",
        "SELECT m.name, i.name, CAST(i.\"unique\" AS TEXT), i.origin, CAST(i.partial AS TEXT), "
        "CAST(c.seqno AS TEXT), coalesce(c.name, '') FROM sqlite_master AS m, "
        "pragma_index_list(m.name) AS i, pragma_index_xinfo(i.name) AS c WHERE m.type = 'table' "
        "ORDER BY m.name, i.name, c.seqno",
    };
    static const char *const postgresql[] = {
        "SELECT CAST(table_schema AS TEXT), CAST(table_name AS TEXT), CAST(column_name AS TEXT), "
        "CAST(row_number() OVER (PARTITION BY table_schema, table_name ORDER BY ordinal_position) "
        "AS TEXT), CAST(data_type AS TEXT), coalesce(CAST(collation_name AS TEXT), ''), "
        "CAST(is_nullable AS TEXT), coalesce(CAST(column_default AS TEXT), ''), "
        "CAST(is_identity AS TEXT) FROM information_schema.columns "
        "WHERE table_schema <> 'pg_catalog' AND table_schema <> 'information_schema' "
        "ORDER BY 1, 2, 4",
        "SELECT CAST(schemaname AS TEXT), CAST(indexname AS TEXT), indexdef FROM pg_indexes "
        "WHERE schemaname <> 'pg_catalog' ORDER BY 1, 2",
        "SELECT CAST(conrelid AS regclass)::text, CAST(conname AS TEXT), "
        "pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0 AND "
        "connamespace <> CAST('pg_catalog' AS regnamespace) AND "
        "connamespace <> CAST('information_schema' AS regnamespace) ORDER BY 1, 2",
        "SELECT CAST(schemaname AS TEXT), CAST(sequencename AS TEXT), CAST(data_type AS TEXT) "
        "FROM pg_sequences ORDER BY 1, 2",
    };
    bool server = f->url[0];
    const char *const *queries = server ? postgresql : sqlite;
    size_t count =
        server ? sizeof(postgresql) / sizeof(postgresql[0]) : sizeof(sqlite) / sizeof(sqlite[0]);
    struct buf out = BUF_INIT;

    for (size_t i = 0; i < count; i++) {
        _cleanup_rows_ struct store_rows *rows = NULL;

        if (store_query(f->store, STORE_SQL(queries[i]), 0, &rows, &f->err) < 0) {
            fprintf(stderr, "# %s: %s\n", queries[i], f->err.text);
            buf_clear(&out);
            return NULL;
        }
        for (size_t row = 0; row < rows->count; row++) {
            for (size_t k = 0; k < rows->columns; k++)
                schema_put(&out, store_cell_text(rows, row, k, "?"));
            buf_puts(&out, "\n");
        }
    }
    return buf_take(&out);
}

/* Says where they differ. */
static inline bool schema_same(const char *one, const char *other)
{
    const char *begin_one = one, *begin_other = other;

    if (!one || !other)
        return false;
    for (const char *a = one, *b = other; *a == *b; a++, b++) {
        if (!*a)
            return true;
        if (*a == '\n') {
            begin_one = a + 1;
            begin_other = b + 1;
        }
    }
    fprintf(stderr, "# %.*s\n# and %.*s\n", (int)strcspn(begin_one, "\n"), begin_one,
            (int)strcspn(begin_other, "\n"), begin_other);
    return false;
}

#endif
