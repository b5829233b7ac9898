/* SPDX-License-Identifier: Apache-2.0
 *
 * Each allocation in turn fails while blobs are put, replaced and removed, and while the spool takes and gives:
 * what was said to be there is there afterwards, whole, and nothing is half.
 */
#include "store_fixture.h"

#include "store/blob.h"
#include "store/spool.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>

#define FAILURES_MAX 20000 /* a child that never comes through is a bug of the test */
#define GAVE_UP      9     /* a child's end where a failure was told, and it went no further */

/* What a child tells until it dies. */
struct told {
    atomic_int done; /* steps that were acknowledged */
};

struct child {
    struct place place;
    struct told *told;
    int64_t n; /* the allocation that fails; names what it works at, too */
    struct loop *loop;
    struct store *store;
    struct store_spool *spool;
    char path[128];
    struct error err;
};

/* ---- children ------------------------------------------------------------------------------- */

/* Runs it in a process of its own; how that ended. */
static int end_of(struct child *child, void (*run)(struct child *child))
{
    pid_t pid;
    int status;

    atomic_store(&child->told->done, 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(null, STDERR_FILENO); /* where it says each time that memory is gone */
        child->loop = fixture_new(NULL);
        run(child);
        _exit(EX_SOFTWARE); /* which `run` does not come to */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Lets the first allocation fail, then the second and so on, until nothing fails any more. The number of the last
 * child; `dones` has what each had done. */
static int64_t fail_all(struct child *child, void (*run)(struct child *child), int *dones)
{
    int64_t deaths = 0;
    int end = -1;

    for (child->n = 1; end != 0; child->n++) {
        if (child->n > FAILURES_MAX)
            fail_msg("%d allocations failed, and there are more", FAILURES_MAX);
        end = end_of(child, run);
        if (end != 0 && end != GAVE_UP && end != EX_OSERR)
            fail_msg("allocation %lld: the child ended with %d", (long long)child->n, end);
        deaths += end == EX_OSERR;
        dones[child->n] = atomic_load(&child->told->done);
    }
    assert_true(deaths > 0);
    print_message("# %lld allocations failed, %lld times it was the end\n",
                  (long long)(child->n - 2), (long long)deaths);
    return child->n - 1;
}

static int make(void **state)
{
    struct child *child = mem_zero(1, sizeof(*child));

    place_make(&child->place);
    child->told =
        mmap(NULL, sizeof(*child->told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(child->told, MAP_FAILED);
    *state = child;
    return 0;
}

static int unmake(void **state)
{
    struct child *child = *state;

    munmap(child->told, sizeof(*child->told));
    place_remove(&child->place);
    mem_free(child);
    return 0;
}

/* Goes on with the next step where the last one went well. */
static void step(struct child *child, troupe_status status)
{
    if (status < 0)
        _exit(GAVE_UP);
    atomic_fetch_add(&child->told->done, 1);
}

/* ---- blobs ---------------------------------------------------------------------------------- */

/* What a key leads to after each step; 0: nothing. */
static const size_t sizes[] = {0, 150000, 90000, 0, 40000};
enum { STEPS = sizeof(sizes) / sizeof(sizes[0]) - 1 };

static char byte_at(size_t size, size_t i)
{
    return (char)(i * 31 + i / 251 + size);
}

static struct store_blob_place place_of(int64_t n, char key[32])
{
    snprintf(key, 32, "key %lld", (long long)n);
    return (struct store_blob_place){"echo", "s", key};
}

static troupe_status put(struct child *child, const struct store_blob_place *place, size_t size,
                         int64_t before)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct store_blob_head blob = {.size = size, .type = "image/png"};
    _cleanup_mem_ char *data = mem_alloc(size);
    size_t at = 0, written = 0;
    troupe_status status;

    for (size_t i = 0; i < size; i++)
        data[i] = byte_at(size, i);
    memset(blob.sha256, 'f', STORE_BLOB_HASH);
    status = store_blob_begin(child->store, place, size, &blob.body, &child->err);
    for (int64_t part = 0; status >= 0 && at < size; part += STORE_BLOB_AT_ONCE, at += written)
        status = store_blob_write(child->store, place, blob.body, part, data + at, size - at,
                                  &written, &child->err);
    if (status < 0)
        return status;
    store_blob_put(batch, place, &blob, before);
    return store_commit(child->store, batch, 0, &child->err);
}

static troupe_status take_out(struct child *child, const struct store_blob_place *place,
                              int64_t body)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_blob_remove(batch, place, body);
    return store_commit(child->store, batch, 0, &child->err);
}

static troupe_status keep_blobs(void *arg)
{
    struct child *child = arg;
    char key[32];
    const struct store_blob_place place = place_of(child->n, key);

    mem_fail_at(child->n);
    for (int i = 1; i <= STEPS; i++) {
        struct store_blob_head before = {0};
        troupe_status status = store_blob_info(child->store, &place, &before, &child->err);

        if (status < 0 && status != TROUPE_NOT_FOUND)
            _exit(GAVE_UP);
        step(child, sizes[i] ? put(child, &place, sizes[i], before.body)
                             : take_out(child, &place, before.body));
        if (before.body)
            (void)store_blob_clear(child->store, &place, before.body, &child->err);
    }
    _exit(0);
}

static void open_store(struct child *child)
{
    const struct store_options options = {.path = child->place.path};

    if (store_open(child->loop, &options, &child->store, &child->err) < 0)
        fail_msg("store_open: %s", child->err.text);
}

static void blob_child(struct child *child)
{
    open_store(child);
    (void)fixture_run(child->loop, keep_blobs, child);
}

/* Whether the key leads to all of a blob of so many bytes, or with 0 nowhere. */
static bool leads_to(struct child *child, const struct store_blob_place *place, size_t size)
{
    _cleanup_mem_ char *data = mem_alloc(size);
    struct store_blob_head blob;
    size_t at = 0, got = 1;
    troupe_status status = store_blob_info(child->store, place, &blob, &child->err);

    if (status == TROUPE_NOT_FOUND || status < 0 || !size)
        return status == TROUPE_NOT_FOUND && !size;
    for (; blob.size == size && at < size && got > 0; at += got)
        if (store_blob_read(child->store, place, &blob, at, data + at, size - at, &got,
                            &child->err) < 0)
            return false;
    for (size_t i = 0; i < at; i++)
        if (data[i] != byte_at(size, i))
            return false;
    return at == size;
}

struct kept {
    struct child *child;
    const int *dones;
    int64_t count;
};

static troupe_status look_at_blobs(void *arg)
{
    static const char half[] =
        "SELECT count(*) FROM blob_part AS p WHERE NOT EXISTS (SELECT 1 FROM blob_head AS h "
        "WHERE h.ns = p.ns AND h.scope = p.scope AND h.body = p.body) AND NOT EXISTS (SELECT 1 "
        "FROM blob_loose AS l WHERE l.ns = p.ns AND l.scope = p.scope AND l.body = p.body)";
    struct kept *kept = arg;
    struct store_rows *rows = NULL;
    char key[32];

    for (int64_t n = 1; n <= kept->count; n++) {
        const struct store_blob_place place = place_of(n, key);
        const int done = kept->dones[n];

        if (!leads_to(kept->child, &place, sizes[done]) &&
            (done == STEPS || !leads_to(kept->child, &place, sizes[done + 1])))
            fail_msg("allocation %lld: after step %d there is something else", (long long)n, done);
    }
    assert_status(store_query(kept->child->store, STORE_SQL(half), 0, &rows, NULL), TROUPE_OK);
    assert_int_equal(store_cell_int(rows, 0, 0, -1), 0); /* nothing that nobody would clear */
    store_rows_free(rows);
    return TROUPE_OK;
}

static void a_blob_is_whole_or_not_there_whichever_allocation_fails(void **state)
{
    static int dones[FAILURES_MAX + 1];
    struct child *child = *state;
    struct kept kept = {child, dones, fail_all(child, blob_child, dones)};

    assert_int_equal(dones[kept.count], STEPS);
    child->loop = fixture_new(NULL);
    open_store(child);
    assert_status(fixture_run(child->loop, look_at_blobs, &kept), TROUPE_OK);
    store_close(child->store);
    fixture_free(child->loop);
}

/* ---- the spool ------------------------------------------------------------------------------ */

/* What is in it after each step. The third takes what is there. */
static const char *const contents[] = {"first", "first,second", "", "third"};
enum { SPOOL_STEPS = sizeof(contents) / sizeof(contents[0]) - 1 };

static troupe_status open_spool(struct child *child)
{
    const struct store_spool_options options = {.path = child->path, .max_bytes = 1u << 20};

    snprintf(child->path, sizeof(child->path), "%s/spool%lld", child->place.dir,
             (long long)child->n);
    return store_spool_open(child->loop, &options, &child->spool, &child->err);
}

static troupe_status keep_text(struct child *child, const char *text)
{
    return store_spool_keep(child->spool, STORE_SPOOL_EVENT, text, strlen(text), 0, &child->err);
}

static troupe_status take_all(struct child *child)
{
    struct spool_portion portion;
    troupe_status status = store_spool_read(child->spool, 0, 0, &portion, &child->err);

    if (status >= 0)
        status = store_spool_take(child->spool, portion.next, 0, &child->err);
    return status;
}

static troupe_status keep_first(void *arg)
{
    return keep_text(arg, contents[0]);
}

static troupe_status keep_more(void *arg)
{
    struct child *child = arg;

    step(child, keep_text(child, "second"));
    step(child, take_all(child));
    step(child, keep_text(child, "third"));
    _exit(0);
}

static void spool_child(struct child *child)
{
    if (open_spool(child) < 0 || fixture_run(child->loop, keep_first, child) < 0)
        _exit(EX_SOFTWARE);
    store_spool_close(child->spool);
    mem_fail_at(child->n); /* also while it is read through */
    if (open_spool(child) < 0)
        _exit(GAVE_UP);
    (void)fixture_run(child->loop, keep_more, child);
}

static troupe_status look_at_spool(void *arg)
{
    struct kept *kept = arg;
    struct child *child = kept->child;
    const int done = kept->dones[child->n];
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct spool_portion portion;

    assert_status(store_spool_read(child->spool, 0, 0, &portion, &child->err), TROUPE_OK);
    for (size_t i = 0; i < portion.count; i++)
        buf_printf(&out, "%s%s", out.len ? "," : "", portion.records[i].data);
    assert_true(portion.last);
    spool_portion_clear(&portion);
    if (strcmp(buf_text(&out), contents[done]) &&
        (done == SPOOL_STEPS || strcmp(buf_text(&out), contents[done + 1])))
        fail_msg("allocation %lld: after step %d there is \"%s\"", (long long)child->n, done,
                 buf_text(&out));
    return TROUPE_OK;
}

static void the_spool_has_what_it_took_whichever_allocation_fails(void **state)
{
    static int dones[FAILURES_MAX + 1];
    struct child *child = *state;
    struct kept kept = {child, dones, fail_all(child, spool_child, dones)};

    assert_int_equal(dones[kept.count], SPOOL_STEPS);
    child->loop = fixture_new(NULL);
    for (child->n = 1; child->n <= kept.count; child->n++) {
        if (open_spool(child) < 0)
            fail_msg("allocation %lld: %s", (long long)child->n, child->err.text);
        assert_status(fixture_run(child->loop, look_at_spool, &kept), TROUPE_OK);
        store_spool_close(child->spool);
    }
    fixture_free(child->loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_blob_is_whole_or_not_there_whichever_allocation_fails,
                                        make, unmake),
        cmocka_unit_test_setup_teardown(the_spool_has_what_it_took_whichever_allocation_fails, make,
                                        unmake),
    };

    return cmocka_run_group_tests_name("store/memory", tests, NULL, NULL);
}
