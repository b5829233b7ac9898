/* SPDX-License-Identifier: Apache-2.0 */
#include "store/blob.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/sql/blob.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define WRITING_MS   (60 * 60 * 1000)
#define EXPIRE       100                      /* values of a portion  */
#define CLEAR        (4 * STORE_BLOB_AT_ONCE) /* pieces of a portion  */

#define PLACE(place) store_text((place)->ns), store_text((place)->scope)

/* ---- writing ---- */

/* No two hosts give the same, and no restored backup gives one again. */
static int64_t new_body(void)
{
    int64_t body = 0;

    while (body <= 0) {
        if (getrandom(&body, sizeof(body), 0) != sizeof(body))
            continue;
        body &= INT64_MAX;
    }
    return body;
}

troupe_status store_blob_begin(struct store *store, const struct store_blob_place *place,
                               uint64_t size, int64_t *ret_body, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    int64_t body = new_body();
    troupe_status status;

    store_batch_add(batch, STORE_EXPECT(1, SQL_BLOB_BEGIN, PLACE(place), store_int(body),
                                        store_int((int64_t)size),
                                        store_int(clock_wall_ms() + WRITING_MS)));
    status = store_commit(store, batch, 0, err);
    if (status >= 0)
        *ret_body = body;
    return status;
}

troupe_status store_blob_write(struct store *store, const struct store_blob_place *place,
                               int64_t body, int64_t part, const char *data, size_t len,
                               size_t *ret_len, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    size_t done = 0;
    troupe_status status;

    store_batch_add(batch, STORE_EXPECT(1, SQL_BLOB_KEEP, PLACE(place), store_int(body),
                                        store_int(clock_wall_ms() + WRITING_MS)));
    for (unsigned i = 0; i < STORE_BLOB_AT_ONCE && done < len; i++) {
        size_t piece = len - done < STORE_BLOB_PART ? len - done : STORE_BLOB_PART;

        store_batch_add(batch, STORE_EXPECT(1, SQL_BLOB_PART, PLACE(place), store_int(body),
                                            store_int(part + i), store_blob(data + done, piece)));
        done += piece;
    }
    status = store_commit(store, batch, 0, err);
    if (status >= 0)
        *ret_len = done;
    return status;
}

void store_blob_put(struct store_batch *batch, const struct store_blob_place *place,
                    const struct store_blob_head *blob, int64_t before)
{
    store_batch_add(batch, STORE_EXPECT(before ? 1 : 0, SQL_BLOB_LOOSEN, PLACE(place),
                                        store_text(place->key), store_int(before)));
    store_batch_add(batch, STORE_EXPECT(1, SQL_BLOB_PUT, PLACE(place), store_text(place->key),
                                        store_int(blob->body), store_text(blob->type),
                                        store_int((int64_t)blob->size), store_text(blob->sha256),
                                        store_int(clock_wall_ms()), store_int(blob->expires_ms),
                                        store_int(before)));
    store_batch_add(batch, STORE_EXPECT(1, SQL_BLOB_TIE, PLACE(place), store_int(blob->body)));
}

void store_blob_remove(struct store_batch *batch, const struct store_blob_place *place,
                       int64_t body)
{
    store_batch_add(batch, STORE_EXPECT(1, SQL_BLOB_LOOSEN, PLACE(place), store_text(place->key),
                                        store_int(body)));
    store_batch_add(batch, STORE_EXPECT(1, SQL_BLOB_REMOVE, PLACE(place), store_text(place->key),
                                        store_int(body)));
}

/* ---- reading ---- */

void store_blob_of(const struct store_rows *rows, size_t row, struct store_blob_head *ret)
{
    *ret = (struct store_blob_head){.body = store_cell_int(rows, row, 0, 0),
                                    .size = (uint64_t)store_cell_int(rows, row, 2, 0),
                                    .created_ms = store_cell_int(rows, row, 4, 0),
                                    .changed_ms = store_cell_int(rows, row, 5, 0),
                                    .expires_ms = store_cell_int(rows, row, 6, 0)};
    snprintf(ret->type, sizeof(ret->type), "%s", store_cell_text(rows, row, 1, ""));
    snprintf(ret->sha256, sizeof(ret->sha256), "%s", store_cell_text(rows, row, 3, ""));
}

const char *store_blob_key(const struct store_rows *rows, size_t row)
{
    return store_cell_text(rows, row, 7, "");
}

troupe_status store_blob_info(struct store *store, const struct store_blob_place *place,
                              struct store_blob_head *ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        store, STORE_SQL(SQL_BLOB_INFO, PLACE(place), store_text(place->key)), 0, &rows, err);

    if (status < 0)
        return status;
    if (!rows->count)
        return error_set(err, TROUPE_NOT_FOUND, "no blob \"%.80s\"", place->key);
    store_blob_of(rows, 0, ret);
    return TROUPE_OK;
}

bool store_blob_is_live(const struct store_blob_head *blob)
{
    return blob->body && (!blob->expires_ms || blob->expires_ms > clock_wall_ms());
}

/* What the piece should have of bytes. */
static size_t piece_len(const struct store_blob_head *blob, uint64_t part)
{
    uint64_t left = blob->size - part * STORE_BLOB_PART;

    return left < STORE_BLOB_PART ? (size_t)left : STORE_BLOB_PART;
}

troupe_status store_blob_read(struct store *store, const struct store_blob_place *place,
                              const struct store_blob_head *blob, uint64_t offset, char *buf,
                              size_t len, size_t *ret_len, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    uint64_t first = offset / STORE_BLOB_PART, end;
    size_t skip = (size_t)(offset % STORE_BLOB_PART), done = 0;
    troupe_status status;

    *ret_len = 0;
    if (offset >= blob->size || !len)
        return TROUPE_OK;
    if (len > blob->size - offset)
        len = (size_t)(blob->size - offset);
    end = (offset + len + STORE_BLOB_PART - 1) / STORE_BLOB_PART;
    if (end > first + STORE_BLOB_AT_ONCE)
        end = first + STORE_BLOB_AT_ONCE;
    status = store_query(store,
                         STORE_SQL(SQL_BLOB_PARTS, PLACE(place), store_int(blob->body),
                                   store_int((int64_t)first), store_int((int64_t)end)),
                         0, &rows, err);
    if (status < 0)
        return status;
    if (rows->count != end - first)
        return error_set(err, TROUPE_CONFLICT, "blob \"%.80s\" was replaced meanwhile", place->key);
    for (size_t i = 0; i < rows->count && done < len; i++) {
        const struct store_value *data = store_cell(rows, i, 0);
        size_t piece = piece_len(blob, first + i), take;

        if (data->len != piece)
            return error_set(err, TROUPE_DATA,
                             "bytes of blob \"%.80s\" are missing in the data base", place->key);
        take = piece - skip < len - done ? piece - skip : len - done;
        memcpy(buf + done, data->data + skip, take);
        done += take;
        skip = 0;
    }
    *ret_len = done;
    return TROUPE_OK;
}

troupe_status store_blob_list(struct store *store, const struct store_blob_place *place,
                              const char *after, size_t most, struct store_rows **ret,
                              struct error *err)
{
    _cleanup_mem_ char *end = mem_printf("%s\xf4\x8f\xbf\xbf", place->key);

    return store_query(
        store,
        STORE_SQL(
            SQL_BLOB_LIST, PLACE(place), store_text(place->key), store_text(end),
            store_text(after ? after : ""), store_int(clock_wall_ms()),
            store_int(most && most < STORE_BLOB_LIST_MAX ? (int64_t)most : STORE_BLOB_LIST_MAX)),
        0, ret, err);
}

troupe_status store_blob_use(struct store *store, const struct store_blob_place *place,
                             struct store_blob_use *ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        store, STORE_SQL(SQL_BLOB_USE, PLACE(place), store_text(place->key)), 0, &rows, err);

    if (status >= 0)
        *ret = (struct store_blob_use){.count = store_cell_int(rows, 0, 0, 0),
                                       .scope_bytes = (uint64_t)store_cell_int(rows, 0, 1, 0),
                                       .bytes = (uint64_t)store_cell_int(rows, 0, 2, 0)};
    return status;
}

/* ---- clearing ---- */

troupe_status store_blob_sweep(struct store *store, uint64_t deadline, bool *ret_more,
                               struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct store_value now = store_int(clock_wall_ms());
    size_t moved, parts;
    troupe_status status;

    moved = store_batch_add(batch, STORE_SQL(SQL_BLOB_EXPIRE, now, store_int(EXPIRE)));
    store_batch_add(batch, STORE_SQL(SQL_BLOB_EXPIRED, now));
    parts = store_batch_add(batch, STORE_SQL(SQL_BLOB_CLEAR_PARTS, now, store_int(CLEAR)));
    store_batch_add(batch, STORE_SQL(SQL_BLOB_CLEARED, now));
    status = store_commit(store, batch, deadline, err);
    if (status >= 0)
        *ret_more = store_batch_changes(batch, moved) >= EXPIRE ||
                    store_batch_changes(batch, parts) >= (int64_t)CLEAR;
    return status;
}

troupe_status store_blob_clear(struct store *store, const struct store_blob_place *place,
                               int64_t body, struct error *err)
{
    int64_t cleared = CLEAR;
    troupe_status status = TROUPE_OK;

    while (status >= 0 && cleared >= (int64_t)CLEAR) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        store_batch_add(batch, STORE_SQL(SQL_BLOB_CLEAR_PARTS_OF, PLACE(place), store_int(body),
                                         store_int(CLEAR)));
        store_batch_add(batch, STORE_SQL(SQL_BLOB_CLEARED_OF, PLACE(place), store_int(body)));
        status = store_commit(store, batch, 0, err);
        cleared = status < 0 ? 0 : store_batch_changes(batch, 0);
    }
    return status;
}
