/* SPDX-License-Identifier: Apache-2.0 */
#include "store/transfer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/co.h"
#include "store/catalog.h"
#include "store/driver.h"
#include "store/walk.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

enum {
    WRITE_MS = 10 * 60 * 1000,
    BATCH_ROWS = 200,
    BATCH_BYTES = 4 << 20,
};

/* Of the rows of a table, in whatever order. */
struct sum {
    uint64_t rows, low, high;
};

struct transfer {
    struct store *from, *to;
    void (*told)(void *arg, const char *ns, const char *table, uint64_t rows);
    void *arg;
    EVP_MD_CTX *digest;
    struct store_transferred done;
};

/* ---- checksums ------------------------------------------------------------------------------- */

static void add_part(EVP_MD_CTX *digest, char kind, const void *data, size_t len)
{
    uint64_t size = len;

    EVP_DigestUpdate(digest, &kind, 1);
    EVP_DigestUpdate(digest, &size, sizeof(size));
    EVP_DigestUpdate(digest, data, len);
}

/* One database has a whole number where the other has 2.0, and a text where the other has bytes. */
static void add_cell(EVP_MD_CTX *digest, const struct store_value *cell)
{
    double real = cell->type == STORE_INT ? (double)cell->integer : cell->real;
    int64_t integer = cell->integer;

    switch (cell->type) {
    case STORE_TEXT:
    case STORE_BLOB: add_part(digest, 's', cell->data ? cell->data : "", cell->len); return;
    case STORE_DOUBLE:
        if (real < -9e15 || real > 9e15 || real != (double)(int64_t)real) {
            add_part(digest, 'r', &real, sizeof(real));
            return;
        }
        integer = (int64_t)real;
        break;
    case STORE_INT: break;
    case STORE_NULL:
    case STORE_ROWID: add_part(digest, 'n', "", 0); return;
    }
    add_part(digest, 'i', &integer, sizeof(integer));
}

static troupe_status add_row(struct transfer *work, const struct store_rows *page, size_t row,
                             size_t columns, struct sum *sum, struct error *err)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    uint64_t low, high;

    if (EVP_DigestInit_ex(work->digest, EVP_sha256(), NULL) != 1)
        return error_set(err, TROUPE_FAILED, "libcrypto has no SHA-256");
    for (size_t i = 0; i < columns; i++)
        add_cell(work->digest, store_cell(page, row, i));
    if (EVP_DigestFinal_ex(work->digest, hash, NULL) != 1)
        return error_set(err, TROUPE_FAILED, "libcrypto has no SHA-256");
    memcpy(&low, hash, sizeof(low));
    memcpy(&high, hash + sizeof(low), sizeof(high));
    sum->rows++;
    sum->low += low;
    sum->high += high + (sum->low < low);
    return TROUPE_OK;
}

/* ---- statements ------------------------------------------------------------------------------ */

static troupe_status write_one(struct store *store, const struct store_statement *statement,
                               struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, statement);
    return store_commit(store, batch, co_after(WRITE_MS), err);
}

static troupe_status count_rows(struct store *store, const char *ns, const char *table,
                                int64_t *ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    _cleanup_mem_ char *sql = ns ? mem_printf("SELECT count(*) FROM {%s}", table)
                                 : mem_printf("SELECT count(*) FROM \"%s\"", table);
    const struct store_statement statement = {.sql = sql, .ns = ns, .expect = STORE_ANY};
    troupe_status status = store_query(store, &statement, co_after(WRITE_MS), &rows, err);

    if (status >= 0)
        *ret = store_cell_int(rows, 0, 0, 0);
    return status;
}

/* Each database has its own, or makes it. */
static bool is_own(const char *ns, const char *table)
{
    return !ns && !strcmp(table, "migration");
}

/* ---- the target ------------------------------------------------------------------------------ */

static troupe_status is_marked(struct store *store, bool *ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        store, STORE_SQL("SELECT 1 FROM seal_key WHERE id = ?1", store_text(SEAL_UNFINISHED)), 0,
        &rows, err);

    if (status >= 0)
        *ret = rows->count > 0;
    return status;
}

static troupe_status is_empty(struct store *store, struct error *err)
{
    _cleanup_rows_ struct store_rows *tables = NULL, *namespaces = NULL;
    troupe_status status = store_tables(store, NULL, 0, &tables, err);

    if (status >= 0)
        status = store_namespaces(store, 0, &namespaces, err);
    if (status >= 0 && namespaces->count)
        return error_set(err, TROUPE_CONFLICT,
                         "the target has tables of \"%s\": take a new database",
                         store_cell_text(namespaces, 0, 0, ""));
    for (size_t i = 0; status >= 0 && i < tables->count; i++) {
        const char *table = store_cell_text(tables, i, 0, "");
        int64_t count = 0;

        if (is_own(NULL, table) || !strcmp(table, "seal_key"))
            continue;
        status = count_rows(store, NULL, table, &count, err);
        if (status >= 0 && count)
            return error_set(err, TROUPE_CONFLICT,
                             "the target has %" PRId64 " rows in \"%s\": take a new database",
                             count, table);
    }
    return status;
}

static troupe_status mark(struct store *store, struct error *err)
{
    bool marked = false;
    troupe_status status = is_marked(store, &marked, err);

    if (status < 0 || marked)
        return status; /* of a transfer that was cut */
    status = is_empty(store, err);
    if (status < 0)
        return status;
    return write_one(store,
                     STORE_SQL("INSERT INTO seal_key (id, created_ms) VALUES (?1, ?2)",
                               store_text(SEAL_UNFINISHED), store_int(clock_wall_ms())),
                     err);
}

/* The steps of an agent, as the source ran them. */
static troupe_status make_namespace(struct transfer *work, const char *ns, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct store_migration *steps;
    troupe_status status = store_query(
        work->from,
        STORE_SQL(
            "SELECT m.version, m.name, t.sql FROM migration AS m LEFT JOIN migration_text AS t "
            "ON t.ns = m.ns AND t.version = m.version WHERE m.ns = ?1 ORDER BY m.version",
            store_text(ns)),
        0, &rows, err);

    if (status < 0)
        return status;
    steps = mem_zero(rows->count + 1, sizeof(*steps));
    for (size_t i = 0; status >= 0 && i < rows->count; i++) {
        steps[i] =
            (struct store_migration){store_cell_int(rows, i, 0, 0), store_cell_text(rows, i, 1, ""),
                                     store_cell_text(rows, i, 2, NULL), NULL};
        if (!steps[i].sql)
            status = error_set(err, TROUPE_NOT_FOUND,
                               "how the tables of agent \"%s\" are made is not known: run the host "
                               "once on the source with this build and that agent, and stop it",
                               ns);
    }
    if (status >= 0)
        status = store_migrate(work->to, ns, steps, rows->count, co_after(WRITE_MS), err);
    mem_free(steps);
    return status;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A text where the target has bytes, and the other way, is the same. */
static troupe_status fit(struct store_value *value, const char *type, struct error *err)
{
    if (value->type == STORE_TEXT && !strcmp(type, "blob"))
        value->type = STORE_BLOB;
    if (value->type != STORE_BLOB || strcmp(type, "text") != 0)
        return TROUPE_OK;
    if (!text_is_utf8(value->data, value->len))
        return error_set(err, TROUPE_DATA, "a text column has bytes that are no text");
    value->type = STORE_TEXT;
    return TROUPE_OK;
}

static void compose_insert(const struct store_walk *walk, struct buf *out)
{
    buf_puts(out, "INSERT INTO ");
    store_walk_name(walk, out);
    for (size_t i = 0; i < walk->columns->count; i++)
        buf_printf(out, "%s\"%s\"", i ? ", " : " (",
                   store_cell_text(walk->columns, i, STORE_COLUMN_NAME, ""));
    for (size_t i = 0; i < walk->columns->count; i++)
        buf_printf(out, "%s?%zu", i ? ", " : ") VALUES (", i + 1);
    buf_puts(out, ")");
}

static troupe_status send_batch(struct transfer *work, struct store_batch **batch,
                                struct error *err)
{
    troupe_status status = store_batch_count(*batch)
                               ? store_commit(work->to, *batch, co_after(WRITE_MS), err)
                               : TROUPE_OK;

    store_batch_free(*batch);
    *batch = store_batch_new();
    return status;
}

static troupe_status copy_rows(struct transfer *work, struct store_walk *walk,
                               const struct store_rows *types, struct sum *sum, struct error *err)
{
    size_t columns = walk->columns->count, bytes = 0;
    struct store_value *values = mem_zero(columns, sizeof(*values));
    struct store_batch *batch = store_batch_new();
    _cleanup_buf_ struct buf sql = BUF_INIT;
    const struct store_rows *page = NULL;
    troupe_status status;

    compose_insert(walk, &sql);
    do {
        status = store_walk_next(walk, &page, err);
        for (size_t row = 0; status >= 0 && page && row < page->count; row++) {
            struct store_statement statement =
                store_walk_statement(walk, buf_text(&sql), values, columns);

            for (size_t i = 0; status >= 0 && i < columns; i++) {
                values[i] = *store_cell(page, row, i);
                bytes += values[i].len;
                status = fit(&values[i], store_cell_text(types, i, STORE_COLUMN_TYPE, ""), err);
            }
            if (status >= 0)
                status = add_row(work, page, row, columns, sum, err);
            statement.expect = 1;
            if (status >= 0)
                store_batch_add(batch, &statement);
            if (status >= 0 && (store_batch_count(batch) >= BATCH_ROWS || bytes > BATCH_BYTES)) {
                status = send_batch(work, &batch, err);
                bytes = 0;
            }
        }
    } while (status >= 0 && page);
    if (status >= 0)
        status = send_batch(work, &batch, err);
    store_batch_free(batch);
    mem_free(values);
    return status;
}

static troupe_status read_back(struct transfer *work, const char *ns, const char *table,
                               struct sum *sum, struct error *err)
{
    _cleanup_walk_ struct store_walk walk = {0};
    const struct store_rows *page = NULL;
    troupe_status status = store_walk_begin(&walk, work->to, ns, table, err);

    while (status >= 0) {
        status = store_walk_next(&walk, &page, err);
        if (status < 0 || !page)
            break;
        for (size_t row = 0; status >= 0 && row < page->count; row++)
            status = add_row(work, page, row, walk.columns->count, sum, err);
    }
    return status;
}

/* The next number that the target makes is behind those that came. */
static troupe_status set_number(struct transfer *work, const struct store_walk *walk,
                                struct error *err)
{
    const struct store_driver *driver = store_driver_of(work->to);
    _cleanup_rows_ struct store_rows *rows = NULL;
    _cleanup_buf_ struct buf sql = BUF_INIT;
    struct store_statement statement;
    char group[STORE_GROUP_SIZE];
    const char *column;
    troupe_status status;

    if (!driver->number_sql || walk->key_count != 1 ||
        strcmp(store_cell_text(walk->columns, walk->key[0], STORE_COLUMN_TYPE, ""), "integer") != 0)
        return TROUPE_OK;
    column = store_cell_text(walk->columns, walk->key[0], STORE_COLUMN_NAME, "");
    buf_printf(&sql, "SELECT max(\"%s\") FROM ", column);
    store_walk_name(walk, &sql);
    statement = store_walk_statement(walk, buf_text(&sql), NULL, 0);
    status = store_query(work->to, &statement, co_after(WRITE_MS), &rows, err);
    if (status < 0 || store_cell_int(rows, 0, 0, 0) < 1)
        return status;
    driver->group(walk->ns, group);
    return write_one(work->to,
                     STORE_SQL(driver->number_sql, store_text(group), store_text(walk->table),
                               store_text(column), store_int(store_cell_int(rows, 0, 0, 0))),
                     err);
}

static troupe_status clear_table(struct transfer *work, const struct store_walk *walk,
                                 struct error *err)
{
    _cleanup_buf_ struct buf sql = BUF_INIT;
    const struct store_value mark_id = store_text(SEAL_UNFINISHED);
    bool marks = !walk->ns && !strcmp(walk->table, "seal_key");
    struct store_statement statement;

    buf_puts(&sql, "DELETE FROM ");
    store_walk_name(walk, &sql);
    buf_puts(&sql, marks ? " WHERE id <> ?1" : "");
    statement = store_walk_statement(walk, buf_text(&sql), &mark_id, marks ? 1 : 0);
    return write_one(work->to, &statement, err);
}

static troupe_status transfer_table(struct transfer *work, const char *ns, const char *table,
                                    struct error *err)
{
    _cleanup_walk_ struct store_walk walk = {0};
    _cleanup_rows_ struct store_rows *types = NULL;
    struct sum sent = {0}, arrived = {0};
    bool marks = !ns && !strcmp(table, "seal_key");
    troupe_status status = store_walk_begin(&walk, work->from, ns, table, err);

    if (status >= 0)
        status = store_columns(work->to, ns, table, 0, &types, err);
    if (status >= 0 && types->count != walk.columns->count)
        status = error_set(err, TROUPE_VERSION, "the target's table has other columns");
    if (status >= 0)
        status = clear_table(work, &walk, err);
    if (status >= 0)
        status = copy_rows(work, &walk, types, &sent, err);
    if (status >= 0)
        status = read_back(work, ns, table, &arrived, err);
    if (status >= 0 && arrived.rows != sent.rows + (marks ? 1 : 0))
        status = error_set(err, TROUPE_DATA, "%" PRIu64 " rows were sent and %" PRIu64 " arrived",
                           sent.rows, arrived.rows);
    if (status >= 0 && !marks && (arrived.low != sent.low || arrived.high != sent.high))
        status = error_set(err, TROUPE_DATA, "the checksum of what arrived is another one");
    if (status >= 0)
        status = set_number(work, &walk, err);
    if (status < 0) {
        error_prefix(err, "table \"%s\" of \"%s\"", table, ns ? ns : "core");
        return status;
    }
    work->done.tables++;
    work->done.rows += sent.rows;
    if (work->told)
        work->told(work->arg, ns, table, sent.rows);
    return TROUPE_OK;
}

static troupe_status transfer_namespace(struct transfer *work, const char *ns, struct error *err)
{
    _cleanup_rows_ struct store_rows *tables = NULL;
    troupe_status status = ns ? make_namespace(work, ns, err) : TROUPE_OK;

    if (status >= 0)
        status = store_tables(work->from, ns, 0, &tables, err);
    for (size_t i = 0; status >= 0 && i < tables->count; i++) {
        const char *table = store_cell_text(tables, i, 0, "");

        if (!is_own(ns, table))
            status = transfer_table(work, ns, table, err);
    }
    return status;
}

static troupe_status transfer_all(struct transfer *work, struct error *err)
{
    _cleanup_rows_ struct store_rows *namespaces = NULL;
    bool cut = false;
    troupe_status status = is_marked(work->from, &cut, err);

    if (status >= 0 && cut)
        return error_set(err, TROUPE_CONFLICT,
                         "the source is itself the target of a transfer that was cut");
    if (status >= 0)
        status = mark(work->to, err);
    if (status >= 0)
        status = store_namespaces(work->from, 0, &namespaces, err);
    for (size_t i = 0; status >= 0 && i < namespaces->count; i++)
        status = transfer_namespace(work, store_cell_text(namespaces, i, 0, ""), err);
    if (status >= 0) /* last: what store_migrate remembered for itself goes with it */
        status = transfer_namespace(work, NULL, err);
    return status < 0 ? status
                      : write_one(work->to,
                                  STORE_SQL("DELETE FROM seal_key WHERE id = ?1",
                                            store_text(SEAL_UNFINISHED)),
                                  err);
}

troupe_status store_transfer(struct store *from, struct store *to,
                             void (*told)(void *arg, const char *ns, const char *table,
                                          uint64_t rows),
                             void *arg, struct store_transferred *ret, struct error *err)
{
    struct transfer work = {
        .from = from, .to = to, .told = told, .arg = arg, .digest = EVP_MD_CTX_new()};
    troupe_status status = work.digest ? transfer_all(&work, err)
                                       : error_set(err, TROUPE_FAILED, "libcrypto has no SHA-256");

    EVP_MD_CTX_free(work.digest);
    if (status >= 0)
        *ret = work.done;
    return status;
}
