/* SPDX-License-Identifier: Apache-2.0
 *
 * store_kill [full|normal]: a child writes turns through the store and is killed with SIGKILL at a
 * random moment, 200 times under load and 50 times while it opens the database again. After each
 * the parent looks at the file with bare SQLite. Lost: a turn that was acknowledged and is not
 * there. Doubled: a turn that is there twice, or with another number of outbox rows than one. A
 * child first repeats what its predecessor had not seen acknowledged, as a host repeats events.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "loop/scope.h"
#include "store/store.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRITERS = 8, ROUNDS = 200, COMPOUND = 50, LOAD_MS = 150, OPEN_MS = 15, START_MS = 20000 };

struct shared {
    _Atomic int64_t acknowledged[WRITERS]; /* turns 1 … this of each writer are owed */
    _Atomic int64_t total;
};

struct run {
    char dir[64];
    char *path;
    struct shared *shared;
    enum store_synchronous synchronous;
    uint64_t random;
    int64_t lost, doubled, damaged;
    struct store *store; /* the child's */
};

struct writer {
    struct run *run;
    int id;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "store_kill: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

/* ---- the child ---- */

static troupe_status write_turn(struct run *run, int id, int64_t number, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    char source_id[48];
    size_t event;

    snprintf(source_id, sizeof(source_id), "%d/%lld", id, (long long)number);
    event = store_batch_add(
        batch, STORE_EXPECT(1,
                            "INSERT INTO event (source, source_id, kind, payload, created_ms) "
                            "VALUES ('kill', ?1, 'message', '{}', ?2)",
                            store_text(source_id), store_int(number)));
    store_batch_add(batch, STORE_EXPECT(1,
                                        "INSERT INTO outbox (id, gateway, turn_id, kind, channel, "
                                        "body, created_ms) VALUES (?1, 'kill', ?1, 'reply', ?2, "
                                        "'answer', ?3)",
                                        store_rowid_of(event), store_int(id), store_int(number)));
    store_batch_add(batch, STORE_EXPECT(1,
                                        "UPDATE event SET state = 'done', finished_ms = ?2 "
                                        "WHERE source = 'kill' AND source_id = ?1",
                                        store_text(source_id), store_int(number)));
    return store_commit(run->store, batch, 0, err);
}

static troupe_status write_for_ever(void *arg)
{
    struct writer *writer = arg;
    struct shared *shared = writer->run->shared;

    for (int64_t number = atomic_load(&shared->acknowledged[writer->id]) + 1;; number++) {
        struct error err = {0};
        troupe_status status = write_turn(writer->run, writer->id, number, &err);

        /* A turn that the last child wrote and did not live to see acknowledged. */
        if (status < 0 && status != TROUPE_CONFLICT) {
            fprintf(stderr, "store_kill: store_commit: %s\n", err.text);
            return status;
        }
        atomic_store(&shared->acknowledged[writer->id], number);
        atomic_fetch_add(&shared->total, 1);
    }
}

static void ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

static void run_child(struct run *run)
{
    const struct store_options options = {.path = run->path, .synchronous = run->synchronous};
    const struct co_owner owner = {"long:writer", 0};
    struct writer writers[WRITERS];
    struct loop *loop;
    struct error err = {0};
    struct scope root;

    if (loop_new(NULL, &loop, &err) < 0 || store_open(loop, &options, &run->store, &err) < 0)
        die("open", err.text);
    scope_open_root(loop, &root, 0, ended);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){run, i};
        if (co_spawn(&root, &owner, write_for_ever, &writers[i]) < 0)
            die("co_spawn", "failed");
    }
    loop_run(loop);
    _exit(EXIT_FAILURE);
}

/* ---- the parent ---- */

static uint64_t next_random(struct run *run, uint64_t below)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return run->random % below;
}

static void pause_us(uint64_t us)
{
    const struct timespec pause = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};

    nanosleep(&pause, NULL);
}

static int64_t ask(sqlite3 *db, const char *sql, int64_t first)
{
    sqlite3_stmt *stmt;
    int64_t value;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(db));
    sqlite3_bind_int64(stmt, 1, first);
    if (sqlite3_step(stmt) != SQLITE_ROW)
        die(sql, sqlite3_errmsg(db));
    value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static void check(struct run *run, int round)
{
    int64_t there = 0, owed = 0, extra;
    sqlite3 *db;

    if (sqlite3_open(run->path, &db) != SQLITE_OK)
        die(run->path, sqlite3_errmsg(db));
    if (ask(db, "SELECT count(*) FROM sqlite_master WHERE name = 'event' AND ?1 = ?1", 0) == 1) {
        for (int i = 0; i < WRITERS; i++) {
            int64_t acknowledged = atomic_load(&run->shared->acknowledged[i]);
            int64_t found = ask(db,
                                "SELECT count(*) FROM event WHERE source = 'kill' AND "
                                "source_id LIKE ?1 || '/%'",
                                i);

            owed += acknowledged;
            there += found;
            /* Numbers are unique and without a gap, so counts tell all. */
            if (found < acknowledged) {
                run->lost += acknowledged - found;
                printf("round %d: writer %d: %lld acknowledged, %lld there\n", round, i,
                       (long long)acknowledged, (long long)found);
            }
            if (found > acknowledged + 1) {
                run->doubled += found - acknowledged - 1;
                printf("round %d: writer %d: %lld acknowledged, one may be under way, %lld there\n",
                       round, i, (long long)acknowledged, (long long)found);
            }
        }
        extra = ask(db,
                    "SELECT count(*) FROM event AS e WHERE state <> 'done' OR ?1 <> (SELECT "
                    "count(*) FROM outbox AS o WHERE o.turn_id = e.id)",
                    1);
        extra += llabs(ask(db, "SELECT count(*) - ?1 FROM outbox", there));
        run->doubled += extra;
        if (extra)
            printf("round %d: %lld turns half written or doubled\n", round, (long long)extra);
    } else if (atomic_load(&run->shared->total) > 0) {
        die("check", "the schema is gone");
    }
    if (ask(db,
            "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok' AND "
            "?1 = ?1",
            0) > 0) {
        run->damaged++;
        printf("round %d: the integrity check fails\n", round);
    }
    if (round % 20 == 0)
        printf("round %d: %lld turns owed, %lld there\n", round, (long long)owed, (long long)there);
    fflush(stdout);
    sqlite3_close(db);
}

static void run_round(struct run *run, int round, bool compound)
{
    int64_t before = atomic_load(&run->shared->total);
    uint64_t give_up = clock_ms() + START_MS;
    pid_t pid = fork();
    int status;

    if (pid == 0)
        run_child(run);
    if (pid < 0)
        die("fork", "failed");
    while (!compound && atomic_load(&run->shared->total) == before) {
        if (waitpid(pid, &status, WNOHANG) == pid || clock_ms() > give_up)
            die("the child", "wrote nothing");
        pause_us(200);
    }
    pause_us(next_random(run, (compound ? OPEN_MS : LOAD_MS) * UINT64_C(1000)));
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status))
        die("the child", "ended by itself");
    if (!compound)
        check(run, round);
}

static void remove_all(struct run *run)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        _cleanup_mem_ char *path = mem_printf("%s%s", run->path, ends[i]);

        (void)unlink(path);
    }
    (void)rmdir(run->dir);
}

int main(int argc, char **argv)
{
    const char *seed = getenv("TROUPE_SEED");
    struct run run = {.dir = "/tmp/troupe-kill-XXXXXX"};

    if (argc > 1 && strcmp(argv[1], "normal") == 0)
        run.synchronous = STORE_NORMAL;
    else if (argc > 1 && strcmp(argv[1], "full") != 0)
        die(argv[1], "unknown variant: use full or normal");
    run.random = seed ? strtoull(seed, NULL, 10) : clock_ns();
    run.random = run.random ? run.random : 1;
    printf("long store_kill seed %llu\n", (unsigned long long)run.random);
    fflush(stdout);
    if (!mkdtemp(run.dir))
        die(run.dir, "cannot be made");
    run.path = mem_printf("%s/data.db", run.dir);
    run.shared =
        mmap(NULL, sizeof(*run.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run.shared == MAP_FAILED)
        die("mmap", "failed");
    for (int round = 1; round <= ROUNDS; round++) {
        if (round % (ROUNDS / COMPOUND) == 0) /* killed again in the recovery from the last kill */
            run_round(&run, round, true);
        run_round(&run, round, false);
    }
    printf("long store_kill runs %d lost %lld doubled %lld\n", ROUNDS + COMPOUND,
           (long long)run.lost, (long long)run.doubled);
    if (run.lost || run.doubled || run.damaged) {
        printf("expected 0 lost, 0 doubled, 0 damaged, saw %lld, %lld, %lld: see %s\n",
               (long long)run.lost, (long long)run.doubled, (long long)run.damaged, run.dir);
        return EXIT_FAILURE;
    }
    remove_all(&run);
    munmap(run.shared, sizeof(*run.shared));
    mem_free(run.path);
    return EXIT_SUCCESS;
}
