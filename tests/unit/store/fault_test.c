/* SPDX-License-Identifier: Apache-2.0
 *
 * What the disk and the operator may do to the database: each has a clear end, and afterwards the
 * store can still write.
 */
#include "loop/latch.h"
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* ---- at open ---- */

static void expect_refusal(struct fixture *f, const char *path, troupe_status want, int code,
                           const char *says)
{
    const struct store_options options = {.path = path};
    struct store *store = NULL;
    struct error err = {0};
    troupe_status status = store_open(f->loop, &options, &store, &err);

    if (status != want || !strstr(err.text, says))
        fail_msg("\"%s\" gives %s: %s", path, status_name(status), err.text);
    assert_int_equal(store_exit_code(status), code);
    assert_null(store);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void what_is_no_data_base_of_ours_is_refused_with_the_remedy(void **state)
{
    struct fixture *f = *state;
    char path[128];
    sqlite3 *db;

    expect_refusal(f, "/nowhere/at/all.db", TROUPE_NOT_FOUND, 73, "create the directory");
    expect_refusal(f, f->place.dir, TROUPE_NOT_FOUND, 73, "name a regular file");
    expect_refusal(f, "", TROUPE_ARGUMENT, 78, "no path");
    expect_refusal(f, f->place.path, TROUPE_UNAVAILABLE, 75, "another running host");

    snprintf(path, sizeof(path), "%s/text.db", f->place.dir);
    write_file(path, "this is a diary and nothing else, dear reader");
    expect_refusal(f, path, TROUPE_DATA, 65, "is not a database");
    write_file(path, "short");
    expect_refusal(f, path, TROUPE_DATA, 65, "is not a database");
    snprintf(path, sizeof(path), "%s/text.db/data.db", f->place.dir);
    expect_refusal(f, path, TROUPE_NOT_FOUND, 73, "create the directory");

    snprintf(path, sizeof(path), "%s/foreign.db", f->place.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE mail (a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    expect_refusal(f, path, TROUPE_DATA, 65, "another program's");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "INSERT INTO mail VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_damaged_file_is_refused(void **state)
{
    struct fixture *f = *state;
    char junk[4096];
    int fd;

    store_settle(f);
    memset(junk, 0xa5, sizeof(junk));
    fd = open(f->place.path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    /* The first page keeps its header; the schema in it and all other pages are junk. */
    for (off_t at = 100; at < 200000; at += (off_t)sizeof(junk))
        assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
    close(fd);
    expect_refusal(f, f->place.path, TROUPE_DATA, 65, "damaged");
}

/* In a child, since root may write everywhere. */
static int open_as_nobody(const char *path)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct loop *loop = NULL;
        struct store *store = NULL;
        const struct store_options options = {.path = path};
        struct error err = {0};
        troupe_status opened;

        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(99);
        if (loop_new(NULL, &loop, NULL) < 0)
            _exit(98);
        opened = store_open(loop, &options, &store, &err);
        if (opened < 0 && !strstr(err.text, "give this user the right"))
            _exit(97);
        store_close(store);
        _exit(store_exit_code(opened));
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void without_the_right_to_write_there_is_a_sentence_and_no_file(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct stat st;

    snprintf(path, sizeof(path), "%s/new.db", f->place.dir);
    assert_int_equal(chmod(f->place.dir, 0555), 0);
    assert_int_equal(open_as_nobody(path), 77);
    assert_true(stat(path, &st) < 0);
    assert_int_equal(chmod(f->place.dir, 0777), 0);
    assert_int_equal(open_as_nobody(path), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0400), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(open_as_nobody(path), 77);
    assert_int_equal(chmod(f->place.dir, 0700), 0);
}

/* ---- a full disk: SQLite's own bound on the file, and a file layer that refuses ---- */

static troupe_status insert_blob(struct fixture *f, const char *name, size_t size)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *blob = mem_zero(1, size + 1);
    struct latch *latch = latch_new();
    enum latch_state open;
    troupe_status status;

    store_batch_opens(batch, latch);
    store_batch_add(batch, STORE_SQL("INSERT INTO item (name) VALUES (?1)", store_text(name)));
    store_batch_add(batch, STORE_SQL("INSERT INTO item (name) VALUES (?1 || ?2)", store_text(name),
                                     store_blob(blob, size)));
    status = store_commit(f->store, batch, 0, &f->err);
    /* Somebody acts on it before the outcome is known here. */
    open = latch_look(latch);
    latch_unref(latch);
    CHECK(open == (status == TROUPE_OK ? LATCH_OPEN : LATCH_SHUT));
    return status;
}

static troupe_status full_body(void *arg)
{
    struct fixture *f = arg;
    struct store_stats stats;
    char name[32];
    int64_t written = 0;
    troupe_status status = TROUPE_OK;

    for (int i = 0; i < 100 && status == TROUPE_OK; i++) {
        snprintf(name, sizeof(name), "row %d", i);
        status = insert_blob(f, name, 60000);
        written += status == TROUPE_OK ? 2 : 0;
    }
    CHECK_STATUS(status, TROUPE_UNAVAILABLE);
    CHECK(strstr(f->err.text, "free space"));
    store_stats(f->store, &stats);
    CHECK(stats.degraded);
    CHECK(written > 0 && ask_int(f, "SELECT count(*) FROM item") == written);
    {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        store_batch_add(batch, STORE_SQL("DELETE FROM item"));
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    }
    CHECK_STATUS(insert_blob(f, "after", 60000), TROUPE_OK);
    store_stats(f->store, &stats);
    CHECK(!stats.degraded);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 2);
    return TROUPE_OK;
}

static void a_full_data_base_fails_cleanly_and_goes_on_when_there_is_room(void **state)
{
    struct fixture *f = *state;
    const struct store_options options = {.max_bytes = 1500000};

    store_settle(f);
    fixture_open(f, &options);
    run_body(f, full_body);
}

/* A file layer between SQLite and its own: the n-th write or sync from now fails, once or for ever.
 * Process-wide, since SQLite gives a file layer no pointer of ours. */
static _Atomic int64_t fail_in;
static _Atomic int fail_code;
static _Atomic bool fail_for_ever;
static _Atomic uint64_t writes;
static sqlite3_vfs shim;
static sqlite3_io_methods shim_methods;
static const sqlite3_io_methods *real_methods;

struct shim_file {
    sqlite3_file base;
    sqlite3_file real[];
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct shim_file *)file)->real;
}

static int fault(void)
{
    int code = atomic_load(&fail_code);

    if (!code || atomic_fetch_sub(&fail_in, 1) > 1)
        return SQLITE_OK;
    if (!atomic_load(&fail_for_ever))
        atomic_store(&fail_code, 0);
    return code;
}

static void inject(int64_t nth, int code, bool for_ever)
{
    atomic_store(&fail_in, nth);
    atomic_store(&fail_for_ever, for_ever);
    atomic_store(&fail_code, code);
}

static int shim_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
    int code = fault();

    atomic_fetch_add(&writes, 1);
    return code ? code : real_of(file)->pMethods->xWrite(real_of(file), data, n, at);
}

static int shim_sync(sqlite3_file *file, int flags)
{
    int code = fault();

    if (code)
        return code == SQLITE_FULL ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

#define PASS(ret, name, params, ...)                                                               \
    static ret shim_##name params                                                                  \
    {                                                                                              \
        return real_of(file)->pMethods->name(real_of(file), ##__VA_ARGS__);                        \
    }
PASS(int, xClose, (sqlite3_file * file))
PASS(int, xRead, (sqlite3_file * file, void *data, int n, sqlite3_int64 at), data, n, at)
PASS(int, xTruncate, (sqlite3_file * file, sqlite3_int64 size), size)
PASS(int, xFileSize, (sqlite3_file * file, sqlite3_int64 *ret), ret)
PASS(int, xLock, (sqlite3_file * file, int level), level)
PASS(int, xUnlock, (sqlite3_file * file, int level), level)
PASS(int, xCheckReservedLock, (sqlite3_file * file, int *ret), ret)
PASS(int, xFileControl, (sqlite3_file * file, int op, void *arg), op, arg)
PASS(int, xSectorSize, (sqlite3_file * file))
PASS(int, xDeviceCharacteristics, (sqlite3_file * file))
PASS(int, xShmMap, (sqlite3_file * file, int page, int size, int grow, void volatile **ret), page,
     size, grow, ret)
PASS(int, xShmLock, (sqlite3_file * file, int at, int n, int flags), at, n, flags)
PASS(void, xShmBarrier, (sqlite3_file * file))
PASS(int, xShmUnmap, (sqlite3_file * file, int remove), remove)

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret)
{
    sqlite3_vfs *real = vfs->pAppData;
    int code = real->xOpen(real, name, real_of(file), flags, ret);

    file->pMethods = real_of(file)->pMethods ? &shim_methods : NULL;
    if (real_of(file)->pMethods)
        real_methods = real_of(file)->pMethods;
    return code;
}

static void shim_install(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);

    if (shim.zName)
        return;
    shim = *real;
    shim.zName = "troupe-faults";
    shim.pNext = NULL;
    shim.pAppData = real;
    shim.szOsFile = (int)sizeof(struct shim_file) + real->szOsFile;
    shim.xOpen = shim_open;
    shim_methods = (sqlite3_io_methods){
        .iVersion = 2,
        .xClose = shim_xClose,
        .xRead = shim_xRead,
        .xWrite = shim_write,
        .xTruncate = shim_xTruncate,
        .xSync = shim_sync,
        .xFileSize = shim_xFileSize,
        .xLock = shim_xLock,
        .xUnlock = shim_xUnlock,
        .xCheckReservedLock = shim_xCheckReservedLock,
        .xFileControl = shim_xFileControl,
        .xSectorSize = shim_xSectorSize,
        .xDeviceCharacteristics = shim_xDeviceCharacteristics,
        .xShmMap = shim_xShmMap,
        .xShmLock = shim_xShmLock,
        .xShmBarrier = shim_xShmBarrier,
        .xShmUnmap = shim_xShmUnmap,
    };
    assert_int_equal(sqlite3_vfs_register(&shim, 0), SQLITE_OK);
}

/* The n-th write or sync fails, for each n until a batch passes untouched; then all from the n-th. */
static troupe_status nth_body(void *arg)
{
    static const int codes[] = {SQLITE_IOERR_WRITE, SQLITE_FULL};
    struct fixture *f = arg;
    char name[64];

    for (int mode = 0; mode < 4; mode++) {
        bool passed = false;

        for (int nth = 1; nth < 200 && !passed; nth++) {
            troupe_status status;
            int64_t rows;

            snprintf(name, sizeof(name), "mode %d nth %d", mode, nth);
            inject(nth, codes[mode % 2], mode >= 2);
            status = insert_blob(f, name, 20000);
            passed = atomic_load(&fail_in) > 0;
            inject(0, 0, false);
            rows = ask_int(f, "SELECT count(*) FROM item");
            CHECK(rows == (status == TROUPE_OK ? 2 : 0));
            if (status != TROUPE_OK)
                CHECK(status == TROUPE_IO || status == TROUPE_UNAVAILABLE);
            /* And it still can. */
            snprintf(name, sizeof(name), "again %d nth %d", mode, nth);
            CHECK_STATUS(insert_blob(f, name, 20000), TROUPE_OK);
            CHECK(ask_int(f, "SELECT count(*) FROM item") == rows + 2);
            {
                _cleanup_batch_ struct store_batch *batch = store_batch_new();
                store_batch_add(batch, STORE_EXPECT(rows + 2, "DELETE FROM item"));
                CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
            }
        }
        CHECK(passed);
    }
    CHECK(ask_int(f, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") ==
          0);
    return TROUPE_OK;
}

/* On a store whose files go through the shim. */
static void run_on_shim(struct fixture *f, co_fn body)
{
    const struct store_options options = {.vfs = "troupe-faults"};

    shim_install();
    inject(0, 0, false);
    store_settle(f);
    fixture_open(f, &options);
    run_body(f, body);
}

static void any_failing_write_or_sync_leaves_all_or_nothing(void **state)
{
    run_on_shim(*state, nth_body);
}

struct one {
    struct fixture *f;
    const char *name;
    troupe_status status;
};

static troupe_status insert_one(void *arg)
{
    struct one *one = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL("INSERT INTO item (name) VALUES (?1)", store_text(one->name)));
    one->status = store_commit(one->f->store, batch, 0, NULL);
    return TROUPE_OK;
}

static troupe_status everybody_body(void *arg)
{
    struct fixture *f = arg;
    const struct co_owner owner = {"test:writer", 0};
    struct one ones[3] = {{f, "a", 0}, {f, "b", 0}, {f, "c", 0}};

    inject(1, SQLITE_IOERR_WRITE, true);
    {
        SCOPE(scope, 0);
        for (int i = 0; i < 3; i++)
            CHECK_STATUS(co_spawn(&scope, &owner, insert_one, &ones[i]), TROUPE_OK);
        CHECK_STATUS(scope_close(&scope), TROUPE_OK);
    }
    inject(0, 0, false);
    for (int i = 0; i < 3; i++)
        CHECK(ones[i].status == TROUPE_IO);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 0);
    return TROUPE_OK;
}

static void what_the_disk_refuses_fails_every_batch_of_the_transaction(void **state)
{
    run_on_shim(*state, everybody_body);
}

static troupe_status again_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL("INSERT INTO item (name) VALUES ('once')"));
    inject(1, SQLITE_IOERR_WRITE, false);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_IO);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_ARGUMENT);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 0);
    CHECK(store_batch_again(batch));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK(store_batch_changes(batch, 0) == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM item") == 1);
    return TROUPE_OK;
}

static void what_failed_on_the_disk_is_committed_again_whole(void **state)
{
    run_on_shim(*state, again_body);
}

static troupe_status gathered_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_mem_ char *text = mem_alloc(1 << 20);

    CHECK(ask_int(f, "SELECT count(*) FROM item") == 0);
    for (int i = 0; i < 3; i++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        uint64_t before = atomic_load(&writes);

        store_batch_add(batch, STORE_SQL("INSERT INTO item (name) VALUES (?1)", store_int(i)));
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
        /* The first begins the log anew, whose head is synced by itself. */
        CHECK(i == 0 || atomic_load(&writes) == before + 1);
    }
    /* More than is gathered, and than the page cache holds: pages are read back from the log. */
    memset(text, 'x', (1 << 20) - 1);
    text[(1 << 20) - 1] = '\0';
    {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        for (int i = 0; i < 8; i++)
            store_batch_add(batch, STORE_SQL("INSERT INTO item (name) VALUES (?1 || ?2)",
                                             store_text(text), store_int(i)));
        store_batch_add(batch, STORE_EXPECT(8, "UPDATE item SET n = length(name) WHERE "
                                               "length(name) > 1000"));
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    }
    CHECK(ask_int(f, "SELECT count(*) FROM item WHERE n = 1048576") == 8);
    CHECK(ask_int(f, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") ==
          0);
    return TROUPE_OK;
}

static void a_short_transaction_is_one_write_and_a_large_one_is_whole(void **state)
{
    run_on_shim(*state, gathered_body);
}

/* ---- kill -9 ---- */

enum { WRITERS = 8, ROUNDS = 20 };

struct shared {
    _Atomic int64_t acknowledged[WRITERS]; /* the highest number that was acknowledged */
    _Atomic int64_t total;
};

struct child {
    struct fixture *f;
    struct shared *shared;
    int id;
    int64_t next;
};

static troupe_status write_for_ever(void *arg)
{
    struct child *child = arg;

    for (int64_t n = child->next;; n++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        struct error err = {0};
        char name[48];

        snprintf(name, sizeof(name), "%d/%lld", child->id, (long long)n);
        store_batch_add(batch, STORE_SQL("INSERT INTO item (name, n) VALUES (?1, ?2)",
                                         store_text(name), store_int(child->id)));
        store_batch_add(
            batch, STORE_EXPECT(1, "UPDATE item SET id = id WHERE name = ?1", store_text(name)));
        if (store_commit(child->f->store, batch, 0, &err) != TROUPE_OK)
            return TROUPE_FAILED;
        atomic_store(&child->shared->acknowledged[child->id], n);
        atomic_fetch_add(&child->shared->total, 1);
    }
}

static troupe_status child_body(void *arg)
{
    struct child *children = arg;
    const struct co_owner owner = {"test:child", 0};
    SCOPE(scope, 0);

    for (int i = 0; i < WRITERS; i++)
        if (co_spawn(&scope, &owner, write_for_ever, &children[i]) < 0)
            return TROUPE_FAILED;
    return scope_close(&scope);
}

static void run_child(struct fixture *f, struct shared *shared)
{
    struct child children[WRITERS];

    f->loop = fixture_new(NULL);
    fixture_open(f, NULL);
    for (int i = 0; i < WRITERS; i++)
        /* A row may be there that was not acknowledged: the next number is behind it. */
        children[i] = (struct child){f, shared, i, atomic_load(&shared->acknowledged[i]) + 2};
    if (fixture_run(f->loop, make_items, f) == TROUPE_OK)
        (void)fixture_run(f->loop, child_body, children);
    _exit(1);
}

static void check_rows(const char *path, struct shared *shared)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
    sqlite3_finalize(stmt);
    for (int i = 0; i < WRITERS; i++) {
        char name[48];

        snprintf(name, sizeof(name), "%d/%lld", i,
                 (long long)atomic_load(&shared->acknowledged[i]));
        assert_int_equal(
            sqlite3_prepare_v2(db, "SELECT count(*) FROM item WHERE name = ?1", -1, &stmt, NULL),
            SQLITE_OK);
        sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        if (atomic_load(&shared->acknowledged[i]) && sqlite3_column_int64(stmt, 0) != 1)
            fail_msg("acknowledged row %s is lost", name);
        sqlite3_finalize(stmt);
    }
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM item", -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_true(sqlite3_column_int64(stmt, 0) >= atomic_load(&shared->total));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    struct fixture *f = *state;
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(shared, MAP_FAILED);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t goal = atomic_load(&shared->total) + 20 + 37 * (round % 5);
        pid_t pid = fork();
        int status;

        if (pid == 0)
            run_child(f, shared);
        assert_true(pid > 0);
        while (atomic_load(&shared->total) < goal && waitpid(pid, &status, WNOHANG) == 0) {
            const struct timespec pause = {0, 500000};

            nanosleep(&pause, NULL);
        }
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        assert_true(atomic_load(&shared->total) >= goal);
        check_rows(f->place.path, shared);
    }
    munmap(shared, sizeof(*shared));
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
#define FORK_TEST(name)  cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_is_no_data_base_of_ours_is_refused_with_the_remedy),
        STORE_TEST(a_damaged_file_is_refused),
        FORK_TEST(without_the_right_to_write_there_is_a_sentence_and_no_file),
        STORE_TEST(a_full_data_base_fails_cleanly_and_goes_on_when_there_is_room),
        STORE_TEST(any_failing_write_or_sync_leaves_all_or_nothing),
        STORE_TEST(what_the_disk_refuses_fails_every_batch_of_the_transaction),
        STORE_TEST(what_failed_on_the_disk_is_committed_again_whole),
        STORE_TEST(a_short_transaction_is_one_write_and_a_large_one_is_whole),
        FORK_TEST(what_was_acknowledged_survives_kill_9),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
