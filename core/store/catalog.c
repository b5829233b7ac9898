/* SPDX-License-Identifier: Apache-2.0 */
#include "store/catalog.h"

#include "base/buf.h"
#include "store/driver.h"

#include <string.h>

troupe_status store_namespaces(struct store *store, uint64_t deadline, struct store_rows **ret,
                               struct error *err)
{
    return store_query(store,
                       STORE_SQL("SELECT DISTINCT ns FROM migration WHERE ns <> ?1 ORDER BY ns",
                                 store_text("core")),
                       deadline, ret, err);
}

troupe_status store_tables(struct store *store, const char *ns, uint64_t deadline,
                           struct store_rows **ret, struct error *err)
{
    const struct store_driver *driver = store_driver_of(store);
    char group[STORE_GROUP_SIZE];

    driver->group(ns, group);
    return store_query(store, STORE_SQL(driver->tables_sql, store_text(group)), deadline, ret, err);
}

troupe_status store_columns(struct store *store, const char *ns, const char *table,
                            uint64_t deadline, struct store_rows **ret, struct error *err)
{
    const struct store_driver *driver = store_driver_of(store);
    char group[STORE_GROUP_SIZE];

    driver->group(ns, group);
    return store_query(store, STORE_SQL(driver->columns_sql, store_text(group), store_text(table)),
                       deadline, ret, err);
}

bool store_column_seals(const struct store_rows *columns, size_t column)
{
    const char *type = store_cell_text(columns, column, STORE_COLUMN_TYPE, "");

    return !store_cell_int(columns, column, STORE_COLUMN_KEY, 0) &&
           (!strcmp(type, "text") || !strcmp(type, "blob"));
}

void store_columns_unsealed(const char *table, const struct store_rows *columns, struct buf *out)
{
    _cleanup_buf_ struct buf key = BUF_INIT;
    int64_t keys = 0;

    for (int64_t place = 1; place <= (int64_t)columns->count; place++)
        for (size_t i = 0; i < columns->count; i++)
            if (store_cell_int(columns, i, STORE_COLUMN_KEY, 0) == place) {
                buf_printf(&key, ", \"%s\"", store_cell_text(columns, i, STORE_COLUMN_NAME, ""));
                keys++;
            }
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = store_cell_text(columns, i, STORE_COLUMN_NAME, "");

        buf_puts(out, i ? ", " : "");
        if (keys && keys <= SEAL_IDENTITY_MAX && store_column_seals(columns, i) &&
            strlen(table) + 1 + strlen(name) <= SEAL_PLACE_MAX)
            buf_printf(out, "unseal(\"%s\", '%s.%s'%s)", name, table, name, buf_text(&key));
        else
            buf_printf(out, "\"%s\"", name);
    }
}
