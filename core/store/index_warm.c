/* SPDX-License-Identifier: Apache-2.0
 *
 * What a first search would wait for, read before anybody searches.
 */
#include "store/index.h"

#include "store/sql/index.h"

#include <string.h>

enum { ENTRY_BYTES = 1200 /* of a vector of 384 values, or of a text, at most about */ };

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* One whose entries are of no form is left. */
static troupe_status warm(struct store *store, const char *ns, const char *scope, bool *ret_warm,
                          struct error *err)
{
    const struct store_index_form *form = &store_index_texts;
    _cleanup_rows_ struct store_rows *rows = NULL;
    size_t variant = 0;
    void *index = NULL;
    troupe_status status = TROUPE_OK;

    if (begins(scope, "vectors/")) {
        const struct store_value *value;

        form = &store_index_vectors;
        status = store_kv_list(store, ns, scope, "", NULL, 1, 0, &rows, err);
        value = status == TROUPE_OK && rows->count ? store_cell(rows, 0, 1) : NULL;
        variant = value && value->data ? value->len / sizeof(float) : 0;
    }
    if (status < 0 || (form == &store_index_vectors ? !variant : !begins(scope, "texts/")))
        return status;
    status = store_index_use(store, form, variant, ns, scope, 0, &index, err);
    *ret_warm = index != NULL;
    return status == TROUPE_LIMIT ? TROUPE_OK : status;
}

troupe_status store_index_warm(struct store *store, bool (*wanted)(void *arg, const char *ns),
                               void *arg, size_t *ret_count, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    size_t count = 0;
    troupe_status status = store_query(
        store,
        STORE_SQL(SQL_INDEX_LARGE, store_int(INDEX_WARM_LEAST), store_int(INDEX_WARM_SCOPES)), 0,
        &rows, err);

    for (size_t i = 0; status == TROUPE_OK && i < rows->count; i++) {
        const char *ns = store_cell_text(rows, i, 0, "");
        uint64_t bytes = (uint64_t)store_cell_int(rows, i, 2, 0) * ENTRY_BYTES;
        struct store_index_stats stats;
        bool is_warm = false;

        store_index_stats(store, &stats);
        if (stats.bytes + bytes > stats.max_bytes / 2 || !wanted(arg, ns))
            continue;
        status = warm(store, ns, store_cell_text(rows, i, 1, ""), &is_warm, err);
        count += is_warm;
    }
    if (status == TROUPE_OK)
        *ret_count = count;
    return status;
}
