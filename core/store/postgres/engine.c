/* SPDX-License-Identifier: Apache-2.0
 *
 * The PostgreSQL driver as store.c sees it: open and close in order, requests to their threads.
 */
#include "store/postgres/postgres.h"

#include "base/clock.h"
#include "store/postgres/sql/catalog.h"

#include <stdio.h>

struct store_engine {
    struct postgres_server server;
    struct postgres_writer writer;
    struct store_reading reading;
    struct postgres_reader *readers;
    unsigned reader_count;
};

static void engine_close(struct store_engine *engine)
{
    store_reading_close(&engine->reading);
    for (unsigned i = 0; i < engine->reader_count; i++)
        postgres_reader_stop(&engine->readers[i]);
    postgres_writer_stop(&engine->writer);
    store_reading_clear(&engine->reading);
    mem_free(engine->readers);
    seal_keys_clear(&engine->server.keys);
    mem_free(engine->server.url);
    mem_free(engine->server.name);
    if (engine->server.password)
        explicit_bzero(engine->server.password, strlen(engine->server.password));
    mem_free(engine->server.password);
    mem_free(engine);
}

static troupe_status start(struct store_engine *engine, const struct store_options *options,
                           struct error *err)
{
    troupe_status status = store_url_check(options->url, err);

    if (status >= 0)
        status = seal_keys_parse(options->encrypt_key, options->encrypt_old_keys,
                                 &engine->server.keys, err);
    if (status >= 0)
        status = postgres_writer_open(&engine->writer, err);
    for (unsigned i = 0; status >= 0 && i < options->readers; i++) {
        struct postgres_reader *reader = &engine->readers[engine->reader_count++];

        postgres_connection_init(&reader->conn, &engine->server, false);
        reader->reading = &engine->reading;
        status = seal_new(&engine->server.keys, &reader->conn.seal, err);
        if (status >= 0)
            status = postgres_reader_start(reader, err);
    }
    return status < 0 ? status : postgres_writer_start(&engine->writer, err);
}

static troupe_status engine_open(const struct store_options *options, struct store_engine **ret,
                                 struct error *err)
{
    struct store_engine *engine = mem_zero(1, sizeof(*engine));
    troupe_status status;

    engine->server = (struct postgres_server){
        .url = mem_strdup(options->url),
        .password = options->password && *options->password ? mem_strdup(options->password) : NULL,
        .synchronous = options->synchronous == STORE_FULL,
        .busy_ms = options->busy_ms,
        .write_ms = options->write_ms,
        .away_ms = options->away_ms,
        .on_commit = options->on_commit,
        .on_taken = options->on_taken,
        .taken_arg = options->taken_arg,
        .name = mem_strdup(options->name ? options->name : ""),
        .lease_ms = options->lease_ms,
        .alone = options->alone,
        .unfinished = options->unfinished,
        .as_is = options->as_is,
        .core_version = options->core_version,
    };
    engine->readers = mem_zero(options->readers, sizeof(*engine->readers));
    engine->writer.server = &engine->server;
    store_reading_init(&engine->reading);
    queue_init(&engine->writer.queue, 0); /* bounded by store.c */
    status = start(engine, options, err);
    if (status < 0) {
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
    ret->degraded = atomic_load(&engine->writer.degraded);
    ret->away_ms = engine->server.away_ms;
}

static int64_t engine_host(const struct store_engine *engine)
{
    return engine->server.slot;
}

static bool engine_holds(const struct store_engine *engine)
{
    return clock_ms() < atomic_load_explicit(&engine->server.owned_until, memory_order_relaxed);
}

static void group(const char *ns, char ret[STORE_GROUP_SIZE])
{
    char schema[POSTGRES_NAME_SIZE] = "troupe";

    if (ns)
        postgres_schema(ns, schema);
    snprintf(ret, STORE_GROUP_SIZE, "%s", schema);
}

const struct store_driver store_postgres_driver = {
    .name = "postgresql",
    .open = engine_open,
    .submit = engine_submit,
    .close = engine_close,
    .stats = engine_stats,
    .host = engine_host,
    .holds = engine_holds,
    .group = group,
    .tables_sql = SQL_CATALOG_TABLES,
    .columns_sql = SQL_CATALOG_COLUMNS,
    .row_place = "CAST(ctid AS TEXT) AS row_place",
    .row_after = "ctid > CAST(?1 AS tid)",
    .row_order = "ctid",
    .number_sql = SQL_CATALOG_NUMBER,
};
