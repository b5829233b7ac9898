/* SPDX-License-Identifier: Apache-2.0 */
#include "store/reseal.h"

#include "base/mem.h"
#include "loop/co.h"
#include "store/catalog.h"
#include "store/walk.h"

#include <string.h>

enum {
    COLUMNS_MAX = 200,     /* of a table, as the database's own limit */
    BATCH_BYTES = 4 << 20, /* new values that share a batch  */
    WRITE_MS = 10 * 60 * 1000,
};

/* What seal() stands for in the core's statements. */
static const char *const core_columns[] = {
    "call.result",        "event.payload",         "event.sentence",
    "event.trace",        "event_file.data",       "event_file.name",
    "kv.value",           "outbox.body",           "answer_file.alt",
    "answer_file.name",   "answer_file_part.data", "blob_head.sha256",
    "blob_part.data",     "outbox.files",          "outbox.buttons",
    "outbox.file",        "outbox.file_name",      "outbox.source",
    "outbox.thread_name", "scheduled_job.payload", "wait.form",
    "wait.given",
};

struct resealing {
    struct store *store;
    const struct seal_keys *keys;
    struct seal *seal;
    struct store_walk walk;
    bool sealed[COLUMNS_MAX]; /* columns of the table */
    struct buf declared;      /* of the agent: the texts of its schema steps */
    struct store_value params[COLUMNS_MAX + SEAL_IDENTITY_MAX];
    struct store_batch *batch;
    size_t batch_bytes;
    struct store_resealed done;
};

static bool listed(const char *table, const char *column)
{
    for (size_t i = 0; i < sizeof(core_columns) / sizeof(core_columns[0]); i++) {
        size_t len = strlen(table);

        if (!strncmp(core_columns[i], table, len) && core_columns[i][len] == '.' &&
            !strcmp(core_columns[i] + len + 1, column))
            return true;
    }
    return false;
}

/* Whether a step of the agent's schema says so in a line of its own, "-- sealed: TABLE.COLUMN": then also what an
 * older build of it wrote in the clear is meant. */
static bool declares(const struct buf *declared, const char *table, const char *column)
{
    _cleanup_mem_ char *line = mem_printf("\n-- sealed: %s.%s\n", table, column);

    return declared->len && strstr(buf_text(declared), line);
}

static troupe_status load_declared(struct resealing *work, const char *ns, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        work->store,
        STORE_SQL("SELECT sql FROM migration_text WHERE ns = ?1 ORDER BY version", store_text(ns)),
        co_after(WRITE_MS), &rows, err);

    buf_clear(&work->declared);
    for (size_t i = 0; status >= 0 && i < rows->count; i++)
        status = buf_printf(&work->declared, "\n%s\n", store_cell_text(rows, i, 0, ""));
    return status;
}

/* Whether a column of an agent's has something encrypted. */
static troupe_status look(struct resealing *work, size_t column, struct error *err)
{
    const struct store_walk *walk = &work->walk;
    const char *type = store_cell_text(walk->columns, column, STORE_COLUMN_TYPE, "");
    _cleanup_rows_ struct store_rows *rows = NULL;
    _cleanup_buf_ struct buf sql = BUF_INIT;
    const struct store_value magic =
        strcmp(type, "blob") ? store_textn("~seal1:", 7) : store_blob("~seal1:", 7);
    struct store_statement statement;
    troupe_status status;

    buf_puts(&sql, "SELECT 1 FROM ");
    store_walk_name(walk, &sql);
    buf_printf(&sql, " WHERE substr(\"%s\", 1, 7) = ?1 LIMIT 1",
               store_cell_text(walk->columns, column, STORE_COLUMN_NAME, ""));
    statement = store_walk_statement(walk, buf_text(&sql), &magic, 1);
    status = store_query(work->store, &statement, co_after(WRITE_MS), &rows, err);
    if (status >= 0)
        work->sealed[column] = rows->count > 0;
    return status;
}

static troupe_status choose(struct resealing *work, bool *ret_any, struct error *err)
{
    const struct store_rows *columns = work->walk.columns;
    troupe_status status = TROUPE_OK;

    *ret_any = false;
    memset(work->sealed, 0, sizeof(work->sealed));
    for (size_t i = 0; status >= 0 && i < columns->count && i < COLUMNS_MAX; i++) {
        if (!store_column_seals(columns, i) || !work->walk.key_count ||
            work->walk.key_count > SEAL_IDENTITY_MAX)
            continue;
        if (work->walk.ns && declares(&work->declared, work->walk.table,
                                      store_cell_text(columns, i, STORE_COLUMN_NAME, "")))
            work->sealed[i] = true;
        else if (work->walk.ns)
            status = look(work, i, err);
        else
            work->sealed[i] =
                listed(work->walk.table, store_cell_text(columns, i, STORE_COLUMN_NAME, ""));
        *ret_any |= work->sealed[i];
    }
    return status;
}

static troupe_status flush(struct resealing *work, struct error *err)
{
    troupe_status status = TROUPE_OK;

    if (work->batch)
        status = store_commit(work->store, work->batch, co_after(WRITE_MS), err);
    store_batch_free(work->batch);
    work->batch = NULL;
    work->batch_bytes = 0;
    return status;
}

/* The value as it is to be; false: it is so already. */
static troupe_status anew(struct resealing *work, const struct store_rows *page, size_t row,
                          size_t column, struct store_value *ret, bool *ret_changed,
                          struct error *err)
{
    const struct store_walk *walk = &work->walk;
    const struct store_value *old = store_cell(page, row, column);
    _cleanup_mem_ char *name =
        mem_printf("%s.%s", walk->table, store_cell_text(walk->columns, column, 0, ""));
    struct seal_place place = {.ns = walk->ns, .place = name, .identity_count = walk->key_count};
    char id[SEAL_KEY_ID_SIZE];
    bool sealed = seal_is(old, id) && seal_keys_find(work->keys, id);
    struct store_value plain;
    troupe_status status;

    *ret_changed = false;
    if ((old->type != STORE_TEXT && old->type != STORE_BLOB) || !old->len ||
        (sealed && work->keys->writes && !strcmp(id, work->keys->keys[0].id)) ||
        (!sealed && !work->keys->writes))
        return TROUPE_OK;
    if (!walk->ns && !strcmp(name, "event.payload") && old->len == 2) /* "{}": it is swept */
        return TROUPE_OK;
    for (size_t i = 0; i < walk->key_count; i++)
        place.identity[i] = *store_cell(page, row, walk->key[i]);
    status = seal_open(work->seal, &place, old, &plain, err);
    if (status >= 0)
        status = seal_value(work->seal, &place, &plain, ret, err);
    *ret_changed = status >= 0;
    return status;
}

static troupe_status reseal_row(struct resealing *work, const struct store_rows *page, size_t row,
                                struct error *err)
{
    const struct store_walk *walk = &work->walk;
    struct store_value *params = work->params;
    _cleanup_buf_ struct buf sql = BUF_INIT;
    size_t count = 0, bytes = 0;
    struct store_statement statement;

    buf_puts(&sql, "UPDATE ");
    store_walk_name(walk, &sql);
    for (size_t i = 0; i < walk->columns->count && i < COLUMNS_MAX; i++) {
        bool changed = false;
        troupe_status status =
            work->sealed[i] ? anew(work, page, row, i, &params[count], &changed, err) : TROUPE_OK;

        if (status < 0)
            return status;
        if (!changed)
            continue;
        buf_printf(&sql, "%s \"%s\" = ?%zu", count ? "," : " SET",
                   store_cell_text(walk->columns, i, STORE_COLUMN_NAME, ""), count + 1);
        bytes += params[count++].len;
    }
    if (!count)
        return TROUPE_OK;
    work->done.values += count;
    for (size_t i = 0; i < walk->key_count; i++) {
        buf_printf(&sql, "%s \"%s\" = ?%zu", i ? " AND" : " WHERE",
                   store_cell_text(walk->columns, walk->key[i], STORE_COLUMN_NAME, ""), count + 1);
        params[count++] = *store_cell(page, row, walk->key[i]);
    }
    if (!work->batch)
        work->batch = store_batch_new();
    statement = store_walk_statement(walk, buf_text(&sql), params, count);
    statement.expect = 1;
    store_batch_add(work->batch, &statement); /* copies */
    seal_reset(work->seal);
    work->batch_bytes += bytes;
    return work->batch_bytes > BATCH_BYTES || store_batch_count(work->batch) >= 200
               ? flush(work, err)
               : TROUPE_OK;
}

static troupe_status reseal_rows(struct resealing *work, struct error *err)
{
    const struct store_rows *page = NULL;
    troupe_status status;

    do {
        status = store_walk_next(&work->walk, &page, err);
        for (size_t row = 0; status >= 0 && page && row < page->count; row++) {
            work->done.rows++;
            status = reseal_row(work, page, row, err);
        }
    } while (status >= 0 && page);
    return status < 0 ? status : flush(work, err);
}

static troupe_status reseal_namespace(struct resealing *work, const char *ns, struct error *err)
{
    _cleanup_rows_ struct store_rows *tables = NULL;
    troupe_status status = store_tables(work->store, ns, 0, &tables, err);

    if (status >= 0 && ns)
        status = load_declared(work, ns, err);
    for (size_t i = 0; status >= 0 && i < tables->count; i++) {
        bool any = false;

        status =
            store_walk_begin(&work->walk, work->store, ns, store_cell_text(tables, i, 0, ""), err);
        if (status >= 0)
            status = choose(work, &any, err);
        if (status >= 0 && any)
            status = reseal_rows(work, err);
        store_walk_clear(&work->walk);
    }
    return status;
}

static troupe_status reseal_all(struct resealing *work, struct error *err)
{
    _cleanup_rows_ struct store_rows *namespaces = NULL;
    troupe_status status = reseal_namespace(work, NULL, err);

    if (status >= 0)
        status = store_namespaces(work->store, 0, &namespaces, err);
    for (size_t i = 0; status >= 0 && i < namespaces->count; i++)
        status = reseal_namespace(work, store_cell_text(namespaces, i, 0, ""), err);
    return status;
}

/* No other key is needed any more, and what was in the clear is gone from the files. */
static troupe_status finish(struct resealing *work, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status;

    store_batch_add(batch, STORE_SQL("DELETE FROM seal_key WHERE id <> ?1",
                                     store_text(work->keys->writes ? work->keys->keys[0].id : "")));
    status = store_commit(work->store, batch, co_after(WRITE_MS), err);
    return status < 0 ? status : store_forget(work->store, co_after(WRITE_MS), err);
}

troupe_status store_reseal(struct store *store, const struct seal_keys *keys,
                           struct store_resealed *ret, struct error *err)
{
    struct resealing *work;
    troupe_status status;

    if (!keys->count) {
        *ret = (struct store_resealed){0};
        return TROUPE_OK;
    }
    work = mem_zero(1, sizeof(*work)); /* not on a coroutine's stack */
    work->store = store;
    work->keys = keys;
    status = seal_new(keys, &work->seal, err);
    if (status >= 0)
        status = reseal_all(work, err);
    if (status >= 0)
        status = finish(work, err);
    if (status >= 0)
        *ret = work->done;
    store_batch_free(work->batch);
    store_walk_clear(&work->walk);
    buf_clear(&work->declared);
    seal_free(work->seal);
    mem_free(work);
    return status;
}
