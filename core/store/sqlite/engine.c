/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQLite driver as store.c sees it: open and close in order, requests to their threads.
 */
#include "store/sqlite/sql/catalog.h"
#include "store/sqlite/sqlite.h"

#include <stdio.h>
#include <unistd.h>

struct store_engine {
    int lock;
    struct sqlite_log_vfs *log_vfs; /* NULL: the writer goes without */
    struct sqlite_writer writer;
    struct store_reading reading;
    struct sqlite_reader *readers;
    unsigned reader_count;
};

static void engine_close(struct store_engine *engine)
{
    store_reading_close(&engine->reading);
    for (unsigned i = 0; i < engine->reader_count; i++)
        sqlite_reader_stop(&engine->readers[i]);
    sqlite_writer_stop(&engine->writer); /* last: its checkpoint takes the whole log */
    sqlite_log_vfs_free(engine->log_vfs);
    store_reading_clear(&engine->reading);
    mem_free(engine->readers);
    if (engine->lock >= 0)
        close(engine->lock);
    mem_free(engine);
}

static troupe_status start_readers(struct store_engine *engine, const struct store_options *options,
                                   const struct seal_keys *keys, struct error *err)
{
    for (unsigned i = 0; i < options->readers; i++) {
        struct sqlite_reader *reader = &engine->readers[i];
        troupe_status status = sqlite_connection_open(options, false, &reader->conn, err);

        if (status < 0)
            return status;
        engine->reader_count++; /* from here on engine_close closes it */
        status = seal_new(keys, &reader->conn.seal, err);
        if (status < 0)
            return status;
        reader->reading = &engine->reading;
        status = sqlite_reader_start(reader, err);
        if (status < 0)
            return status;
    }
    return TROUPE_OK;
}

static troupe_status start(struct store_engine *engine, const struct store_options *options,
                           const struct seal_keys *keys, struct error *err)
{
    struct sqlite_writer *writer = &engine->writer;
    struct store_options own = *options;
    const struct store_migration *steps;
    size_t count;
    int64_t version = STORE_CORE_KEEPS;
    troupe_status status = TROUPE_OK;

    if (options->synchronous == STORE_FULL) {
        status = sqlite_log_vfs_new(options->vfs, &engine->log_vfs, err);
        own.vfs = status < 0 ? NULL : sqlite_log_vfs_name(engine->log_vfs);
    }
    if (status >= 0)
        status = sqlite_connection_open(&own, true, &writer->conn, err);
    if (status < 0)
        return status;
    writer->write_ms = options->write_ms;
    writer->busy_ms = options->busy_ms;
    writer->on_commit = options->on_commit;
    if (engine->log_vfs)
        sqlite_log_vfs_durable(engine->log_vfs, sqlite_writer_durable, writer);
    steps = store_core_migrations(&count);
    if (options->core_version && options->core_version < count)
        version = (int64_t)(count = options->core_version);
    status = options->as_is ? sqlite_look(&writer->conn, &version, err)
                            : sqlite_migrate(&writer->conn, NULL, steps, count, false, err);
    if (status < 0)
        return sqlite_open_status(&writer->conn, status);
    if (version >= STORE_CORE_KEEPS)
        status = sqlite_keys_take(&writer->conn, keys, options->unfinished, err);
    if (status >= 0)
        status = seal_new(keys, &writer->conn.seal, err);
    if (status >= 0)
        status = start_readers(engine, options, keys, err);
    return status < 0 ? status : sqlite_writer_start(writer, err);
}

static troupe_status engine_open(const struct store_options *options, struct store_engine **ret,
                                 struct error *err)
{
    struct store_engine *engine;
    struct seal_keys keys = {.count = 0};
    troupe_status status;
    int lock = -1;

    /* SQLite's count of its own memory costs a lock for each allocation. Refused once it is in use. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    status = seal_keys_parse(options->encrypt_key, options->encrypt_old_keys, &keys, err);
    if (status >= 0)
        status = sqlite_file_prepare(options->path, &lock, err);
    if (status < 0) {
        seal_keys_clear(&keys);
        return status;
    }
    engine = mem_zero(1, sizeof(*engine));
    engine->lock = lock;
    engine->readers = mem_zero(options->readers, sizeof(*engine->readers));
    store_reading_init(&engine->reading);
    queue_init(&engine->writer.queue, 0); /* bounded by store.c */
    status = start(engine, options, &keys, err);
    seal_keys_clear(&keys);
    if (status < 0) {
        error_prefix(err, "%s", options->path);
        engine_close(engine);
        return status;
    }
    *ret = engine;
    return TROUPE_OK;
}

static void engine_submit(struct store_engine *engine, struct store_request *chain)
{
    if (chain->kind == STORE_REQUEST_QUERY)
        store_reading_push(&engine->reading, chain);
    else
        (void)queue_push(&engine->writer.queue, &chain->link, NULL); /* no bound, not closed */
}

static void engine_stats(const struct store_engine *engine, struct store_stats *ret)
{
    ret->transactions = atomic_load(&engine->writer.transactions);
    ret->checkpoints = atomic_load(&engine->writer.checkpoints);
    ret->log_pages = atomic_load(&engine->writer.log_pages);
    ret->degraded = atomic_load(&engine->writer.degraded);
}

static void group(const char *ns, char ret[STORE_GROUP_SIZE])
{
    snprintf(ret, STORE_GROUP_SIZE, "%s%s", ns ? ns : "", ns ? sqlite_dialect.joint : "");
}

const struct store_driver store_sqlite_driver = {
    .name = "sqlite",
    .open = engine_open,
    .submit = engine_submit,
    .close = engine_close,
    .stats = engine_stats,
    .group = group,
    .tables_sql = SQL_CATALOG_TABLES,
    .columns_sql = SQL_CATALOG_COLUMNS,
    .row_place = "rowid",
    .row_after = "rowid > ?1",
    .row_order = "rowid",
};
