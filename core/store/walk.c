/* SPDX-License-Identifier: Apache-2.0 */
#include "store/walk.h"

#include "base/mem.h"
#include "loop/co.h"
#include "store/catalog.h"
#include "store/driver.h"

#include <string.h>

enum {
    PORTION = 200,             /* rows */
    QUERY_MS = 10 * 60 * 1000, /* a portion may take so long */
};

troupe_status store_walk_begin(struct store_walk *walk, struct store *store, const char *ns,
                               const char *table, struct error *err)
{
    troupe_status status;

    *walk = (struct store_walk){.store = store,
                                .ns = ns ? mem_strdup(ns) : NULL,
                                .table = mem_strdup(table),
                                .limit = PORTION};
    status = store_columns(store, ns, table, 0, &walk->columns, err);
    if (status >= 0 && !walk->columns->count)
        status = error_set(err, TROUPE_NOT_FOUND, "there is no table \"%s\" of \"%s\"", table,
                           ns ? ns : "core");
    for (size_t i = 0; status >= 0 && i < walk->columns->count; i++) {
        int64_t place = store_cell_int(walk->columns, i, STORE_COLUMN_KEY, 0);

        if (place > STORE_WALK_KEYS)
            status =
                error_set(err, TROUPE_LIMIT, "the key of table \"%s\" has too many columns", table);
        else if (place > 0)
            walk->key[place - 1] = i;
        if (place > (int64_t)walk->key_count)
            walk->key_count = (size_t)place;
    }
    return status;
}

void store_walk_clear(struct store_walk *walk)
{
    store_rows_free(walk->columns);
    store_rows_free(walk->page);
    mem_free(walk->ns);
    mem_free(walk->table);
    *walk = (struct store_walk){0};
}

void store_walk_name(const struct store_walk *walk, struct buf *out)
{
    if (walk->ns)
        buf_printf(out, "{%s}", walk->table);
    else
        buf_printf(out, "\"%s\"", walk->table);
}

struct store_statement store_walk_statement(const struct store_walk *walk, const char *sql,
                                            const struct store_value *params, size_t count)
{
    return (struct store_statement){
        .sql = sql, .ns = walk->ns, .expect = STORE_ANY, .params = params, .param_count = count};
}

static void put_key(const struct store_walk *walk, struct buf *out)
{
    for (size_t i = 0; i < walk->key_count; i++)
        buf_printf(out, "%s\"%s\"", i ? ", " : "",
                   store_cell_text(walk->columns, walk->key[i], STORE_COLUMN_NAME, ""));
}

/* With what the last page ended with as parameters. */
static size_t compose(const struct store_walk *walk, struct buf *out, struct store_value *params)
{
    const struct store_driver *driver = store_driver_of(walk->store);
    const struct store_rows *page = walk->page;
    size_t count = 0;

    buf_puts(out, "SELECT ");
    for (size_t i = 0; i < walk->columns->count; i++)
        buf_printf(out, "%s\"%s\"", i ? ", " : "",
                   store_cell_text(walk->columns, i, STORE_COLUMN_NAME, ""));
    if (!walk->key_count)
        buf_printf(out, ", %s", driver->row_place);
    buf_puts(out, " FROM ");
    store_walk_name(walk, out);
    if (page && walk->key_count) {
        buf_puts(out, " WHERE (");
        put_key(walk, out);
        buf_puts(out, ") > (");
        for (; count < walk->key_count; count++) {
            buf_printf(out, "%s?%zu", count ? ", " : "", count + 1);
            params[count] = *store_cell(page, page->count - 1, walk->key[count]);
        }
        buf_puts(out, ")");
    } else if (page) {
        buf_printf(out, " WHERE %s", driver->row_after);
        params[count++] = *store_cell(page, page->count - 1, page->columns - 1);
    }
    buf_puts(out, " ORDER BY ");
    if (walk->key_count)
        put_key(walk, out);
    else
        buf_puts(out, driver->row_order);
    buf_printf(out, " LIMIT %zu", walk->limit);
    return count;
}

troupe_status store_walk_next(struct store_walk *walk, const struct store_rows **ret,
                              struct error *err)
{
    *ret = NULL;
    while (!walk->over) {
        _cleanup_buf_ struct buf sql = BUF_INIT;
        struct store_value params[STORE_WALK_KEYS];
        size_t count = compose(walk, &sql, params), limit = walk->limit;
        const struct store_statement statement =
            store_walk_statement(walk, buf_text(&sql), params, count);
        struct store_rows *rows = NULL;
        troupe_status status = store_query(walk->store, &statement, co_after(QUERY_MS), &rows, err);

        if (status == TROUPE_LIMIT && walk->limit > 1) { /* large rows: fewer at a time */
            walk->limit = walk->limit > 8 ? walk->limit / 8 : 1;
            continue;
        }
        if (status < 0) {
            error_prefix(err, "table \"%s\" of \"%s\"", walk->table, walk->ns ? walk->ns : "core");
            return status;
        }
        walk->over = rows->count < limit;
        if (!rows->count) {
            store_rows_free(rows);
            return TROUPE_OK;
        }
        store_rows_free(walk->page);
        walk->page = rows;
        *ret = rows;
        return TROUPE_OK;
    }
    return TROUPE_OK;
}
