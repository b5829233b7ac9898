/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/attached.h"

#include "base/json.h"
#include "base/mem.h"
#include "gateway/sql/attached.h"
#include "store/store.h"

#include <inttypes.h>
#include <string.h>

#define PART (4u << 20) /* bytes of a row */

/* ---- in memory ------------------------------------------------------------------------------- */

struct attached *attached_new(void)
{
    struct attached *attached = mem_zero(1, sizeof(*attached));

    attached->refs = 1;
    return attached;
}

struct attached *attached_ref(struct attached *attached)
{
    if (attached)
        attached->refs++;
    return attached;
}

void attached_unref(struct attached *attached)
{
    if (!attached || --attached->refs)
        return;
    for (size_t i = 0; i < attached->count; i++) {
        struct attached_file *file = &attached->files[i];

        mem_free(file->name);
        mem_free(file->type);
        mem_free(file->alt);
        mem_free(file->data);
    }
    mem_free(attached);
}

static void add(struct attached *attached, const char *name, const char *type, const char *alt,
                size_t size)
{
    struct attached_file *file = &attached->files[attached->count++];

    file->name = mem_strdup(name);
    file->type = mem_strdup(type);
    file->alt = alt ? mem_strdup(alt) : NULL;
    file->size = size;
}

bool attached_is_whole(const struct attached *attached)
{
    for (size_t i = 0; i < attached->count; i++)
        if (!attached->files[i].data)
            return false;
    return true;
}

/* ---- as text --------------------------------------------------------------------------------- */

char *attached_print(const struct attached *attached)
{
    _cleanup_json_ json_t *list = json_array();

    for (size_t i = 0; i < attached->count; i++) {
        const struct attached_file *file = &attached->files[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s*, s:I}", "name", file->name, "type",
                                              file->type, "alt", file->alt, "size",
                                              (json_int_t)file->size));
    }
    return json_print(list);
}

struct attached *attached_parse(const char *text)
{
    _cleanup_json_ json_t *list = NULL;
    struct attached *attached;
    const json_t *item;
    size_t i;

    if (json_parse(text, strlen(text), &list, NULL) < 0 || !json_array_size(list))
        return NULL;
    attached = attached_new();
    json_array_foreach (list, i, item) {
        int64_t size = json_get_int(item, "size", 0);

        if (attached->count < ATTACHED_FILES_MAX && size >= 0 && size <= (int64_t)ATTACHED_FILE_MAX)
            add(attached, json_get_str(item, "name", ""), json_get_str(item, "type", ""),
                json_get_str(item, "alt", NULL), (size_t)size);
    }
    return attached;
}

void attached_put_size(size_t bytes, struct buf *out)
{
    if (bytes < 1000)
        buf_printf(out, "%zu bytes", bytes);
    else if (bytes < 1000000)
        buf_printf(out, "%zu.%zu kB", bytes / 1000, bytes / 100 % 10);
    else
        buf_printf(out, "%zu.%zu MB", bytes / 1000000, bytes / 100000 % 10);
}

void attached_put(const struct attached_file *file, struct buf *out)
{
    buf_printf(out, "[file %s, ", file->name);
    attached_put_size(file->size, out);
    if (file->alt)
        buf_printf(out, ": %s", file->alt);
    buf_putc(out, ']');
}

/* ---- in the store ---------------------------------------------------------------------------- */

void attached_insert(struct store_batch *batch, int64_t turn, int64_t n,
                     const struct attached_file *file)
{
    store_batch_add(batch, STORE_EXPECT(1, SQL_ATTACHED_INSERT, store_int(turn), store_int(n),
                                        store_text(file->name), store_text(file->type),
                                        store_text(file->alt), store_int((int64_t)file->size)));
    for (size_t at = 0; at < file->size; at += PART) {
        size_t len = file->size - at < PART ? file->size - at : PART;

        store_batch_add(batch, STORE_EXPECT(1, SQL_ATTACHED_INSERT_PART, store_int(turn),
                                            store_int(n), store_int((int64_t)(at / PART)),
                                            store_blob(file->data + at, len)));
    }
}

void attached_delete(struct store_batch *batch, int64_t turn)
{
    store_batch_add(batch, STORE_SQL(SQL_ATTACHED_DELETE, store_int(turn)));
    store_batch_add(batch, STORE_SQL(SQL_ATTACHED_DELETE_PARTS, store_int(turn)));
}

void attached_sweep(struct store_batch *batch, int64_t before_ms)
{
    store_batch_add(batch, STORE_SQL(SQL_ATTACHED_SWEEP, store_int(before_ms)));
    store_batch_add(batch, STORE_SQL(SQL_ATTACHED_SWEEP_PARTS));
}

/* What the rows of the list say; `numbers` has where their bytes are. */
static struct attached *take_list(const struct store_rows *rows, int64_t *numbers)
{
    struct attached *attached = rows->count ? attached_new() : NULL;

    for (size_t i = 0; i < rows->count && i < ATTACHED_FILES_MAX; i++) {
        int64_t size = store_cell_int(rows, i, 4, 0);

        if (size < 0 || size > (int64_t)ATTACHED_FILE_MAX)
            continue;
        numbers[attached->count] = store_cell_int(rows, i, 0, 0);
        add(attached, store_cell_text(rows, i, 1, ""), store_cell_text(rows, i, 2, ""),
            store_cell_text(rows, i, 3, NULL), (size_t)size);
    }
    return attached;
}

troupe_status attached_list(struct store *store, int64_t turn, uint64_t deadline,
                            struct attached **ret, int64_t *ret_next, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    int64_t numbers[ATTACHED_FILES_MAX] = {0};
    troupe_status status =
        store_query(store, STORE_SQL(SQL_ATTACHED_LIST, store_int(turn)), deadline, &rows, err);

    if (status < 0)
        return status;
    if (ret_next)
        *ret_next = rows->count ? store_cell_int(rows, rows->count - 1, 0, 0) + 1 : 0;
    *ret = take_list(rows, numbers);
    return TROUPE_OK;
}

static troupe_status read_data(struct store *store, int64_t turn, int64_t n, uint64_t deadline,
                               struct attached_file *file, struct error *err)
{
    file->data = mem_zero(1, file->size + 1);
    for (size_t at = 0; at < file->size; at += PART) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        size_t len = file->size - at < PART ? file->size - at : PART;
        const struct store_value *data;
        troupe_status status = store_query(store,
                                           STORE_SQL(SQL_ATTACHED_PART, store_int(turn),
                                                     store_int(n), store_int((int64_t)(at / PART))),
                                           deadline, &rows, err);

        if (status < 0)
            return status;
        data = store_cell(rows, 0, 0);
        if (data->len != len)
            return error_set(err, TROUPE_DATA, "bytes of \"%s\" are missing in the data base",
                             file->name);
        memcpy(file->data + at, data->data, len);
    }
    return TROUPE_OK;
}

troupe_status attached_read(struct store *store, int64_t turn, uint64_t deadline,
                            struct attached **ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    int64_t numbers[ATTACHED_FILES_MAX] = {0};
    struct attached *attached;
    troupe_status status =
        store_query(store, STORE_SQL(SQL_ATTACHED_LIST, store_int(turn)), deadline, &rows, err);

    if (status < 0)
        return status;
    attached = take_list(rows, numbers);
    for (size_t i = 0; attached && i < attached->count && status == TROUPE_OK; i++)
        status = read_data(store, turn, numbers[i], deadline, &attached->files[i], err);
    if (status < 0)
        attached_unref(attached);
    else
        *ret = attached;
    return status;
}

troupe_status attached_total(struct store *store, uint64_t deadline, int64_t *ret,
                             struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(store, STORE_SQL(SQL_ATTACHED_TOTAL), deadline, &rows, err);

    if (status >= 0)
        *ret = store_cell_int(rows, 0, 0, 0);
    return status;
}
