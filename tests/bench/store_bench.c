/* SPDX-License-Identifier: Apache-2.0
 *
 * How many turns a second become durable (synchronous=FULL) when a turn takes four row operations:
 * its event in, its outbox row in, the row of the turn before marked as sent, an old event out.
 * Turns are committed 1, 10 and 100 at a time. The baseline is the same pattern on bare SQLite in
 * one thread without a loop, savepoints, copies or guards; both take turns in the same run and the
 * median of each is printed.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "loop/scope.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SCHEMA_EVENT                                                                               \
    "CREATE TABLE bench_event (id INTEGER PRIMARY KEY, source_id INTEGER UNIQUE, channel "         \
    "INTEGER, "                                                                                    \
    "seq INTEGER, payload TEXT)"
#define SCHEMA_OUTBOX                                                                              \
    "CREATE TABLE bench_outbox (id INTEGER PRIMARY KEY, event_id INTEGER, channel INTEGER, "       \
    "state INTEGER NOT NULL DEFAULT 0, remote_id INTEGER, body TEXT)"
#define INSERT_EVENT                                                                               \
    "INSERT INTO bench_event (id, source_id, channel, seq, payload) "                              \
    "VALUES (?1, ?2, ?3, ?4, ?5)"
#define INSERT_OUTBOX                                                                              \
    "INSERT INTO bench_outbox (id, event_id, channel, body) VALUES (?1, ?2, ?3, ?4)"
#define UPDATE_OUTBOX "UPDATE bench_outbox SET state = 1, remote_id = ?1 WHERE id = ?2"
#define DELETE_EVENT  "DELETE FROM bench_event WHERE id = ?1"

enum { ROUNDS = 5, ROUND_MS = 600, KEEP = 5000, PAYLOAD = 1180, CHANNEL = 700000 };

static const char body[] = "{\"content\":\"an answer of ordinary length, as people get it\","
                           "\"nonce\":\"1200000000004198386\",\"enforce_nonce\":true}";

static int64_t source_id(int64_t turn)
{
    return 1200000000000000000 + turn * 4194307;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "store_bench: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

/* ---- the baseline ---- */

struct bare {
    sqlite3 *db;
    sqlite3_stmt *begin, *insert_event, *insert_outbox, *update_outbox, *delete_event, *commit;
    int64_t turn;
};

static void bare_exec(struct bare *bare, const char *sql)
{
    if (sqlite3_exec(bare->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(bare->db));
}

static sqlite3_stmt *bare_prepare(struct bare *bare, const char *sql)
{
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v3(bare->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(bare->db));
    return stmt;
}

static void bare_step(struct bare *bare, sqlite3_stmt *stmt)
{
    if (sqlite3_step(stmt) != SQLITE_DONE)
        die("step", sqlite3_errmsg(bare->db));
    sqlite3_reset(stmt);
}

static void bare_open(struct bare *bare, const char *path)
{
    if (sqlite3_open(path, &bare->db) != SQLITE_OK)
        die(path, "cannot open");
    bare_exec(bare, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                    "PRAGMA cache_size = -8192;" SCHEMA_EVENT ";" SCHEMA_OUTBOX);
    bare->begin = bare_prepare(bare, "BEGIN IMMEDIATE");
    bare->insert_event = bare_prepare(bare, INSERT_EVENT);
    bare->insert_outbox = bare_prepare(bare, INSERT_OUTBOX);
    bare->update_outbox = bare_prepare(bare, UPDATE_OUTBOX);
    bare->delete_event = bare_prepare(bare, DELETE_EVENT);
    bare->commit = bare_prepare(bare, "COMMIT");
}

static void bare_close(struct bare *bare)
{
    sqlite3_stmt *const all[] = {bare->begin,         bare->insert_event, bare->insert_outbox,
                                 bare->update_outbox, bare->delete_event, bare->commit};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        sqlite3_finalize(all[i]);
    sqlite3_close(bare->db);
}

static void bare_turn(struct bare *bare, const char *payload)
{
    int64_t turn = ++bare->turn;

    sqlite3_bind_int64(bare->insert_event, 1, turn);
    sqlite3_bind_int64(bare->insert_event, 2, source_id(turn));
    sqlite3_bind_int64(bare->insert_event, 3, CHANNEL);
    sqlite3_bind_int64(bare->insert_event, 4, turn);
    sqlite3_bind_text(bare->insert_event, 5, payload, PAYLOAD, SQLITE_STATIC);
    bare_step(bare, bare->insert_event);
    sqlite3_bind_int64(bare->insert_outbox, 1, turn);
    sqlite3_bind_int64(bare->insert_outbox, 2, turn);
    sqlite3_bind_int64(bare->insert_outbox, 3, CHANNEL);
    sqlite3_bind_text(bare->insert_outbox, 4, body, sizeof(body) - 1, SQLITE_STATIC);
    bare_step(bare, bare->insert_outbox);
    sqlite3_bind_int64(bare->update_outbox, 1, turn + 5);
    sqlite3_bind_int64(bare->update_outbox, 2, turn - 1);
    bare_step(bare, bare->update_outbox);
    sqlite3_bind_int64(bare->delete_event, 1, turn - KEEP);
    bare_step(bare, bare->delete_event);
}

static double bare_round(struct bare *bare, const char *payload, int batch)
{
    uint64_t start = clock_ns(), end = start + ROUND_MS * UINT64_C(1000000), now = start;
    int64_t before = bare->turn;

    while (now < end) {
        bare_step(bare, bare->begin);
        for (int i = 0; i < batch; i++)
            bare_turn(bare, payload);
        bare_step(bare, bare->commit);
        now = clock_ns();
    }
    return (double)(bare->turn - before) * 1e9 / (double)(now - start);
}

/* ---- the store ---- */

struct bench {
    struct loop *loop;
    struct store *store;
    const char *payload, *bare_path;
    int64_t turn;
    uint64_t end;
};

static troupe_status turns(void *arg)
{
    struct bench *bench = arg;

    while (clock_ns() < bench->end) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        int64_t turn = ++bench->turn;
        struct error err;
        troupe_status status;

        store_batch_add(batch, STORE_EXPECT(1, INSERT_EVENT, store_int(turn),
                                            store_int(source_id(turn)), store_int(CHANNEL),
                                            store_int(turn), store_textn(bench->payload, PAYLOAD)));
        store_batch_add(batch,
                        STORE_EXPECT(1, INSERT_OUTBOX, store_int(turn), store_int(turn),
                                     store_int(CHANNEL), store_textn(body, sizeof(body) - 1)));
        store_batch_add(batch, STORE_SQL(UPDATE_OUTBOX, store_int(turn + 5), store_int(turn - 1)));
        store_batch_add(batch, STORE_SQL(DELETE_EVENT, store_int(turn - KEEP)));
        status = store_commit(bench->store, batch, 0, &err);
        if (status < 0)
            die("store_commit", err.text);
    }
    return TROUPE_OK;
}

static double store_round(struct bench *bench, int batch)
{
    const struct co_owner owner = {"bench:turn", 0};
    uint64_t start = clock_ns();
    int64_t before = bench->turn;
    {
        SCOPE(scope, 0);

        bench->end = start + ROUND_MS * UINT64_C(1000000);
        for (int i = 0; i < batch; i++)
            if (co_spawn(&scope, &owner, turns, bench) < 0)
                die("co_spawn", "failed");
        scope_close(&scope);
    }
    return (double)(bench->turn - before) * 1e9 / (double)(clock_ns() - start);
}

static troupe_status make_tables(struct bench *bench)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL(SCHEMA_EVENT));
    store_batch_add(batch, STORE_SQL(SCHEMA_OUTBOX));
    return store_commit(bench->store, batch, 0, NULL);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static troupe_status run(void *arg)
{
    static const int batches[] = {1, 10, 100};
    struct bench *bench = arg;
    struct bare bare = {0};

    if (make_tables(bench) < 0)
        die("tables", "failed");
    bare_open(&bare, bench->bare_path);
    for (size_t b = 0; b < sizeof(batches) / sizeof(batches[0]); b++) {
        double value[ROUNDS], baseline[ROUNDS];

        for (int i = 0; i < ROUNDS; i++) {
            baseline[i] = bare_round(&bare, bench->payload, batches[b]);
            value[i] = store_round(bench, batches[b]);
        }
        qsort(value, ROUNDS, sizeof(value[0]), by_size);
        qsort(baseline, ROUNDS, sizeof(baseline[0]), by_size);
        printf("bench store_commit_%d %.0f turns/s baseline %.0f ratio %.2f\n", batches[b],
               value[ROUNDS / 2], baseline[ROUNDS / 2], value[ROUNDS / 2] / baseline[ROUNDS / 2]);
        fflush(stdout);
    }
    bare_close(&bare);
    return TROUPE_OK;
}

static void ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

static void remove_all(const char *dir)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "store.db.lock",
                                        "bare.db",  "bare.db-wal",  "bare.db-shm"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        _cleanup_mem_ char *path = mem_printf("%s/%s", dir, names[i]);

        (void)unlink(path);
    }
    (void)rmdir(dir);
}

int main(void)
{
    const struct co_owner owner = {"bench", 0};
    const char *tmp = getenv("TMPDIR");
    _cleanup_mem_ char *dir = mem_printf("%s/troupe-bench-XXXXXX", tmp ? tmp : "/tmp");
    _cleanup_mem_ char *payload = mem_zero(1, PAYLOAD + 1);
    _cleanup_mem_ char *path = NULL, *bare_path = NULL;
    struct store_options options = {0};
    struct bench bench = {0};
    struct error err = {0};
    struct scope root;

    if (!mkdtemp(dir))
        die(dir, "cannot be made");
    path = mem_printf("%s/store.db", dir);
    bare_path = mem_printf("%s/bare.db", dir);
    memset(payload, 'x', PAYLOAD);
    options.path = path;
    bench.payload = payload;
    bench.bare_path = bare_path;
    if (loop_new(NULL, &bench.loop, &err) < 0 ||
        store_open(bench.loop, &options, &bench.store, &err) < 0)
        die("open", err.text);
    scope_open_root(bench.loop, &root, 0, ended);
    if (co_spawn(&root, &owner, run, &bench) < 0)
        die("co_spawn", "failed");
    loop_run(bench.loop);
    (void)scope_close(&root);
    store_close(bench.store);
    loop_free(bench.loop);
    remove_all(dir);
    return EXIT_SUCCESS;
}
