/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rows.h"

static const struct store_value null_cell = {.type = STORE_NULL};

struct store_rows *store_rows_new(size_t columns)
{
    struct store_rows *rows = mem_zero(1, sizeof(*rows));

    rows->columns = columns;
    rows->names = mem_zero(columns ? columns : 1, sizeof(*rows->names));
    return rows;
}

void store_rows_free(struct store_rows *rows)
{
    if (!rows)
        return;
    arena_clear(&rows->arena);
    mem_free(rows->names);
    mem_free(rows->cells);
    mem_free(rows);
}

void store_rows_name(struct store_rows *rows, size_t column, const char *name)
{
    rows->names[column] = arena_strdup(&rows->arena, name);
}

troupe_status store_rows_put(struct store_rows *rows, struct store_value value)
{
    size_t used = rows->cell_used;

    if (used / rows->columns >= STORE_ROWS_MAX)
        return TROUPE_LIMIT;
    if (value.len > STORE_BYTES_MAX || rows->arena.used + value.len > STORE_BYTES_MAX ||
        (used + 1) * sizeof(value) > STORE_BYTES_MAX)
        return TROUPE_LIMIT;
    if (value.type == STORE_TEXT || value.type == STORE_BLOB)
        value.data = arena_strndup(&rows->arena, value.data ? value.data : "", value.len);
    if (used == rows->cell_cap) {
        rows->cell_cap = used ? used * 2 : rows->columns * 4;
        rows->cells = mem_resize(rows->cells, rows->cell_cap, sizeof(*rows->cells));
    }
    rows->cells[rows->cell_used++] = value;
    rows->count = rows->cell_used / rows->columns;
    return TROUPE_OK;
}

const struct store_value *store_cell(const struct store_rows *rows, size_t row, size_t column)
{
    if (!rows || row >= rows->count || column >= rows->columns)
        return &null_cell;
    return &rows->cells[row * rows->columns + column];
}

int64_t store_cell_int(const struct store_rows *rows, size_t row, size_t column, int64_t fallback)
{
    const struct store_value *cell = store_cell(rows, row, column);

    return cell->type == STORE_INT ? cell->integer : fallback;
}

double store_cell_double(const struct store_rows *rows, size_t row, size_t column, double fallback)
{
    const struct store_value *cell = store_cell(rows, row, column);

    if (cell->type == STORE_INT)
        return (double)cell->integer;
    return cell->type == STORE_DOUBLE ? cell->real : fallback;
}

const char *store_cell_text(const struct store_rows *rows, size_t row, size_t column,
                            const char *fallback)
{
    const struct store_value *cell = store_cell(rows, row, column);

    return cell->type == STORE_TEXT || cell->type == STORE_BLOB ? cell->data : fallback;
}
