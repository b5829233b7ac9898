/* SPDX-License-Identifier: Apache-2.0
 *
 * The result of a query: a table of typed cells, copied whole, so that nothing of the database is
 * held while a coroutine looks at it. Bounded by STORE_ROWS_MAX and STORE_BYTES_MAX; a result above
 * either is refused with TROUPE_LIMIT, never cut. One thread at a time.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "base/arena.h"
#include "base/mem.h"
#include "store/value.h"

#include <troupe/status.h>

#define STORE_ROWS_MAX  10000
#define STORE_BYTES_MAX (8u << 20)

struct store_rows {
    size_t count;   /* rows */
    size_t columns; /* cells of a row */
    const char **names;
    /* The rest is the store's. */
    struct store_value *cells;
    size_t cell_used, cell_cap;
    struct arena arena;
};

void store_rows_free(struct store_rows *rows); /* NULL is fine */

/* The cell, or a SQL NULL where `row` or `column` is outside. Texts end with a NUL. */
const struct store_value *store_cell(const struct store_rows *rows, size_t row, size_t column);
/* With a conversion: NULL, or a type that does not fit, gives `fallback`. */
int64_t store_cell_int(const struct store_rows *rows, size_t row, size_t column, int64_t fallback);
double store_cell_double(const struct store_rows *rows, size_t row, size_t column, double fallback);
/* Text or blob; borrowed from `rows`. */
const char *store_cell_text(const struct store_rows *rows, size_t row, size_t column,
                            const char *fallback);

/* For drivers: a new result and its cells in order. TROUPE_LIMIT at either bound. */
struct store_rows *store_rows_new(size_t columns);
void store_rows_name(struct store_rows *rows, size_t column, const char *name);
troupe_status store_rows_put(struct store_rows *rows, struct store_value value);

static inline void store_rows_cleanup(struct store_rows **rows)
{
    store_rows_free(*rows);
}
#define _cleanup_rows_ _cleanup_(store_rows_cleanup)

#endif
