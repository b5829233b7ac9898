/* SPDX-License-Identifier: Apache-2.0
 *
 * The spool: what it took is there after any end of the process, in order and once, and nothing of it when
 * all was taken.
 */
#include "store_fixture.h"

#include "base/clock.h"
#include "store/spool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ROOM  (1u << 20)

struct rig {
    struct place place;
    char path[96];
    struct loop *loop;
    struct store_spool *spool;
    struct error err;
};

static int make_rig(void **state)
{
    struct rig *rig = mem_zero(1, sizeof(*rig));

    place_make(&rig->place);
    snprintf(rig->path, sizeof(rig->path), "%s/spool", rig->place.dir);
    rig->loop = fixture_new(NULL);
    *state = rig;
    return 0;
}

static int remove_rig(void **state)
{
    struct rig *rig = *state;

    store_spool_close(rig->spool);
    fixture_free(rig->loop);
    place_remove(&rig->place);
    mem_free(rig);
    return 0;
}

static troupe_status opened(struct rig *rig, uint64_t max, const char *key, const char *old)
{
    struct store_spool_options options = {
        .path = rig->path, .max_bytes = max, .encrypt_key = key, .encrypt_old_keys = old};

    rig->err.text[0] = '\0';
    return store_spool_open(rig->loop, &options, &rig->spool, &rig->err);
}

static void reopen(struct rig *rig)
{
    store_spool_close(rig->spool);
    rig->spool = NULL;
    if (opened(rig, ROOM, NULL, NULL) < 0)
        fail_msg("%s", rig->err.text);
}

static off_t size_of(const struct rig *rig)
{
    struct stat stat_;

    return stat(rig->path, &stat_) < 0 ? -1 : stat_.st_size;
}

static bool file_has(const struct rig *rig, const char *text)
{
    static char data[ROOM];
    int fd = open(rig->path, O_RDONLY);
    ssize_t len = read(fd, data, sizeof(data));

    close(fd);
    return len > 0 && memmem(data, (size_t)len, text, strlen(text));
}

static void keep(struct rig *rig, const char *text)
{
    if (store_spool_keep(rig->spool, STORE_SPOOL_EVENT, text, strlen(text), 0, &rig->err) < 0)
        fail_msg("%s", rig->err.text);
}

static void keep_numbers(struct rig *rig, unsigned from, unsigned to)
{
    char text[32];

    for (unsigned i = from; i < to; i++) {
        snprintf(text, sizeof(text), "event %u", i);
        keep(rig, text);
    }
}

/* Reads all of it without taking it, and says what there is, between commas. */
static char *contents(struct rig *rig)
{
    struct buf out = BUF_INIT;
    struct spool_portion portion = {.next = 0};

    do {
        if (store_spool_read(rig->spool, portion.next, 0, &portion, &rig->err) < 0)
            fail_msg("%s", rig->err.text);
        for (size_t i = 0; i < portion.count; i++)
            buf_printf(&out, "%s%s", out.len ? "," : "", portion.records[i].data);
        spool_portion_clear(&portion);
    } while (!portion.last);
    return out.len ? buf_take(&out) : mem_strdup("");
}

static void assert_contents(struct rig *rig, const char *expected)
{
    _cleanup_mem_ char *found = contents(rig);

    assert_string_equal(found, expected);
}

#define TEST(name)                                                                                 \
    static troupe_status name##_main(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        struct rig *rig = *state;                                                                  \
                                                                                                   \
        assert_status(fixture_run(rig->loop, name##_main, rig), TROUPE_OK);                        \
    }                                                                                              \
    static troupe_status name##_main(void *arg)

TEST(what_was_kept_is_there_in_order_after_a_start)
{
    struct rig *rig = arg;

    reopen(rig);
    assert_true(store_spool_is_empty(rig->spool));
    assert_int_equal(size_of(rig), -1); /* there is no file before it is needed */
    keep_numbers(rig, 0, 3);
    assert_false(store_spool_is_empty(rig->spool));
    reopen(rig);
    assert_false(store_spool_is_empty(rig->spool));
    assert_contents(rig, "event 0,event 1,event 2");
    keep(rig, "event 3");
    assert_contents(rig, "event 0,event 1,event 2,event 3");
    return TROUPE_OK;
}

TEST(only_its_owner_may_read_it)
{
    struct rig *rig = arg;
    struct stat stat_;

    reopen(rig);
    keep(rig, "a secret");
    assert_int_equal(stat(rig->path, &stat_), 0);
    assert_int_equal(stat_.st_mode & 0777, 0600);
    return TROUPE_OK;
}

TEST(portions_are_bounded_and_follow_each_other)
{
    struct rig *rig = arg;
    struct spool_portion portion;
    unsigned seen = 0;

    reopen(rig);
    keep_numbers(rig, 0, 250);
    for (uint64_t from = 0;; from = portion.next) {
        assert_status(store_spool_read(rig->spool, from, 0, &portion, &rig->err), TROUPE_OK);
        assert_true(portion.count <= SPOOL_PORTION_RECORDS);
        for (size_t i = 0; i < portion.count; i++) {
            unsigned number;

            assert_int_equal(sscanf(portion.records[i].data, "event %u", &number), 1);
            assert_int_equal(number, seen);
            assert_int_equal(portion.records[i].number, ++seen);
        }
        spool_portion_clear(&portion);
        if (portion.last)
            break;
    }
    assert_int_equal(seen, 250);
    return TROUPE_OK;
}

TEST(what_was_taken_is_not_read_again)
{
    struct rig *rig = arg;
    struct spool_portion portion;

    reopen(rig);
    keep_numbers(rig, 0, 150);
    assert_status(store_spool_read(rig->spool, 0, 0, &portion, &rig->err), TROUPE_OK);
    assert_int_equal(portion.count, 100);
    spool_portion_clear(&portion);
    assert_status(store_spool_take(rig->spool, portion.next, 0, &rig->err), TROUPE_OK);
    keep(rig, "another");
    reopen(rig);
    assert_status(store_spool_read(rig->spool, 0, 0, &portion, &rig->err), TROUPE_OK);
    assert_int_equal(portion.count, 51);
    assert_string_equal(portion.records[0].data, "event 100");
    assert_string_equal(portion.records[50].data, "another");
    spool_portion_clear(&portion);
    return TROUPE_OK;
}

TEST(nothing_is_left_when_all_was_taken)
{
    struct rig *rig = arg;
    struct spool_portion portion;

    reopen(rig);
    keep_numbers(rig, 0, 3);
    assert_status(store_spool_read(rig->spool, 0, 0, &portion, &rig->err), TROUPE_OK);
    assert_true(portion.last);
    spool_portion_clear(&portion);
    assert_status(store_spool_take(rig->spool, portion.next, 0, &rig->err), TROUPE_OK);
    assert_true(store_spool_is_empty(rig->spool));
    assert_int_equal(size_of(rig), -1);
    keep(rig, "a new beginning");
    assert_contents(rig, "a new beginning");
    return TROUPE_OK;
}

/* The file as if power had gone at each byte of the last write. */
TEST(a_torn_end_is_cut_off)
{
    struct rig *rig = arg;
    off_t whole, two;

    reopen(rig);
    keep_numbers(rig, 0, 2);
    two = size_of(rig);
    keep(rig, "event 2");
    whole = size_of(rig);
    for (off_t size = whole - 1; size >= two; size--) {
        store_spool_close(rig->spool);
        rig->spool = NULL;
        assert_int_equal(truncate(rig->path, size), 0);
        reopen(rig);
        assert_contents(rig, "event 0,event 1");
        assert_int_equal(size_of(rig), two);
        if (size == two)
            break;
        keep(rig, "event 2");
        assert_contents(rig, "event 0,event 1,event 2");
    }
    for (off_t size = two - 1; size >= 0; size--) {
        int fd;
        char garbage[64] = "....................";

        store_spool_close(rig->spool);
        rig->spool = NULL;
        assert_int_equal(truncate(rig->path, size), 0);
        if (size >= SPOOL_HEAD_SIZE) { /* blocks that were never written */
            fd = open(rig->path, O_WRONLY | O_APPEND);
            assert_int_equal(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
            close(fd);
        }
        reopen(rig);
        if (size < SPOOL_HEAD_SIZE + SPOOL_RECORD_SIZE + 7)
            assert_int_equal(size_of(rig), -1);
        else
            assert_contents(rig, "event 0");
        if (size_of(rig) < 0)
            keep(rig, "event 0");
    }
    return TROUPE_OK;
}

TEST(a_damaged_record_costs_no_other)
{
    struct rig *rig = arg;
    int fd;

    reopen(rig);
    keep_numbers(rig, 0, 3);
    fd = open(rig->path, O_WRONLY);
    assert_int_equal(pwrite(fd, "E", 1, SPOOL_HEAD_SIZE + 2 * SPOOL_RECORD_SIZE + 7), 1);
    close(fd);
    reopen(rig);
    assert_contents(rig, "event 0,event 2");
    return TROUPE_OK;
}

TEST(a_full_one_refuses_and_keeps_what_it_has)
{
    struct rig *rig = arg;
    struct store_spool_stats stats;
    char text[1000];

    memset(text, 'x', sizeof(text));
    assert_status(opened(rig, 4096, NULL, NULL), TROUPE_OK);
    keep(rig, "first");
    for (int i = 0; i < 3; i++)
        assert_status(
            store_spool_keep(rig->spool, STORE_SPOOL_EVENT, text, sizeof(text), 0, &rig->err),
            i < 3 ? TROUPE_OK : TROUPE_LIMIT);
    assert_status(store_spool_keep(rig->spool, STORE_SPOOL_EVENT, text, sizeof(text), 0, &rig->err),
                  TROUPE_LIMIT);
    assert_non_null(strstr(rig->err.text, "spool_max"));
    store_spool_stats(rig->spool, &stats);
    assert_int_equal(stats.put, 4);
    assert_int_equal(stats.refused, 1);
    assert_true(stats.bytes <= 4096 && stats.since_ms > 0);
    keep(rig, "last");
    return TROUPE_OK;
}

TEST(without_room_nothing_is_written_and_what_was_there_is_still_taken)
{
    struct rig *rig = arg;

    reopen(rig);
    keep(rig, "of before");
    store_spool_close(rig->spool);
    assert_status(opened(rig, 0, NULL, NULL), TROUPE_OK);
    assert_status(store_spool_keep(rig->spool, STORE_SPOOL_EVENT, "x", 1, 0, &rig->err),
                  TROUPE_LIMIT);
    assert_contents(rig, "of before");
    return TROUPE_OK;
}

/* A write that the disk does not take leaves nothing of it, and the next one stands where it would have. */
TEST(a_failing_disk_leaves_no_half_record)
{
    struct rig *rig = arg;
    const struct rlimit small = {200, RLIM_INFINITY}, large = {RLIM_INFINITY, RLIM_INFINITY};
    char text[400];

    memset(text, 'x', sizeof(text));
    signal(SIGXFSZ, SIG_IGN);
    reopen(rig);
    keep(rig, "event 0");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_true(store_spool_keep(rig->spool, STORE_SPOOL_EVENT, text, sizeof(text), 0, &rig->err) <
                0);
    assert_non_null(strstr(rig->err.text, "cannot be written"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &large), 0);
    assert_contents(rig, "event 0");
    keep(rig, "event 1");
    reopen(rig);
    assert_contents(rig, "event 0,event 1");
    return TROUPE_OK;
}

/* ---- encrypted -------------------------------------------------------------------------------- */

TEST(with_a_key_nobody_reads_it_without_that)
{
    struct rig *rig = arg;

    assert_status(opened(rig, ROOM, KEY_A, NULL), TROUPE_OK);
    keep(rig, "a secret of a member");
    assert_false(file_has(rig, "secret"));
    assert_contents(rig, "a secret of a member");
    store_spool_close(rig->spool);
    rig->spool = NULL;
    assert_status(opened(rig, ROOM, NULL, NULL), TROUPE_ARGUMENT);
    assert_non_null(strstr(rig->err.text, "encrypt_old_keys"));
    assert_null(strstr(rig->err.text, KEY_A));
    assert_status(opened(rig, ROOM, KEY_B, NULL), TROUPE_ARGUMENT);
    assert_status(opened(rig, ROOM, KEY_B, KEY_A), TROUPE_OK);
    keep(rig, "another");
    assert_contents(rig, "a secret of a member,another");
    return TROUPE_OK;
}

TEST(a_sealed_record_at_another_place_is_not_read)
{
    struct rig *rig = arg;
    char first[200], second[200];
    size_t size;
    int fd;

    assert_status(opened(rig, ROOM, KEY_A, NULL), TROUPE_OK);
    keep(rig, "pay 1");
    keep(rig, "pay 2");
    size = (size_t)(size_of(rig) - SPOOL_HEAD_SIZE) / 2;
    assert_true(size <= sizeof(first));
    fd = open(rig->path, O_RDWR);
    assert_int_equal(pread(fd, first, size, SPOOL_HEAD_SIZE), size);
    assert_int_equal(pread(fd, second, size, (off_t)(SPOOL_HEAD_SIZE + size)), size);
    /* Its content in the other's record, whose sum is right. */
    struct buf out = BUF_INIT;
    const struct spool_record forged = {.kind = STORE_SPOOL_EVENT,
                                        .flags = SPOOL_SEALED,
                                        .number = 2,
                                        .data = first + SPOOL_RECORD_SIZE,
                                        .len = size - SPOOL_RECORD_SIZE};
    spool_put(&out, &forged);
    assert_int_equal(pwrite(fd, out.data, out.len, (off_t)(SPOOL_HEAD_SIZE + size)), out.len);
    buf_clear(&out);
    close(fd);
    assert_contents(rig, "pay 1");
    return TROUPE_OK;
}

/* ---- who has it ------------------------------------------------------------------------------- */

TEST(a_second_process_is_refused)
{
    struct rig *rig = arg;
    struct store_spool *other = NULL;
    struct store_spool_options options = {.path = rig->path, .max_bytes = ROOM};

    reopen(rig);
    keep(rig, "mine");
    assert_status(store_spool_open(rig->loop, &options, &other, &rig->err), TROUPE_UNAVAILABLE);
    assert_non_null(strstr(rig->err.text, "another process"));
    assert_contents(rig, "mine");
    return TROUPE_OK;
}

TEST(a_file_of_somebody_else_is_left_alone)
{
    struct rig *rig = arg;
    int fd = open(rig->path, O_WRONLY | O_CREAT, 0600);

    assert_int_equal(write(fd, "Dear diary, today I", 19), 19);
    close(fd);
    assert_status(opened(rig, ROOM, NULL, NULL), TROUPE_DATA);
    assert_int_equal(size_of(rig), 19);
    return TROUPE_OK;
}

/* ---- kill -9 ---------------------------------------------------------------------------------- */

static int kill_at, changes, acknowledged;

static void maybe_die(void)
{
    if (++changes == kill_at)
        _exit(0);
}

static troupe_status write_and_take(void *arg)
{
    struct rig *rig = arg;
    struct spool_portion portion;

    keep(rig, "event 0");
    dprintf(acknowledged, "0");
    keep(rig, "event 1");
    dprintf(acknowledged, "1");
    assert_status(store_spool_read(rig->spool, 0, 0, &portion, &rig->err), TROUPE_OK);
    spool_portion_clear(&portion);
    keep(rig, "event 2");
    dprintf(acknowledged, "2");
    dprintf(acknowledged, "t");
    assert_status(store_spool_take(rig->spool, portion.next, 0, &rig->err), TROUPE_OK);
    dprintf(acknowledged, "T");
    assert_status(store_spool_read(rig->spool, 0, 0, &portion, &rig->err), TROUPE_OK);
    assert_int_equal(portion.count, 1);
    spool_portion_clear(&portion);
    dprintf(acknowledged, "x");
    assert_status(store_spool_take(rig->spool, portion.next, 0, &rig->err), TROUPE_OK);
    dprintf(acknowledged, "X");
    return TROUPE_OK;
}

/* Of a child that ended at the n-th change of the disk. False: it came through. */
static bool die_at(struct rig *rig, int n, char ret_said[16])
{
    int ends[2], code = -1;
    ssize_t len;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        struct store_spool_options options = {
            .path = rig->path, .max_bytes = ROOM, .on_write = maybe_die};

        close(ends[0]);
        kill_at = n;
        acknowledged = ends[1];
        rig->loop = fixture_new(NULL);
        if (store_spool_open(rig->loop, &options, &rig->spool, &rig->err) < 0)
            _exit(2);
        fixture_run(rig->loop, write_and_take, rig);
        _exit(1);
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, &code, 0), child);
    len = read(ends[0], ret_said, 15);
    ret_said[len > 0 ? len : 0] = '\0';
    close(ends[0]);
    assert_true(WIFEXITED(code) && WEXITSTATUS(code) <= 1);
    return WEXITSTATUS(code) == 0;
}

static void what_was_said_to_be_kept_survives_every_end(void **state)
{
    struct rig *rig = *state;
    char said[16];
    int ends = 0;

    fixture_free(rig->loop); /* each child has its own */
    for (int n = 1; die_at(rig, n, said); n++, ends++) {
        struct spool_content content;
        struct spool_file file;
        struct spool_portion portion;
        const char *begun = strchr(said, 't');

        assert_status(
            spool_file_open(&file, rig->path, &(struct seal_keys){0}, &content, &rig->err),
            TROUPE_OK);
        assert_status(spool_file_read(&file, 0, &portion, &rig->err), TROUPE_OK);
        assert_int_equal(portion.count, content.count);
        for (const char *c = said; *c >= '0' && *c <= '2'; c++) {
            bool found = false, gone = (*c < '2' && begun) || strchr(said, 'x');
            char text[16];

            snprintf(text, sizeof(text), "event %c", *c);
            for (size_t i = 0; i < portion.count; i++)
                found |= !strcmp(portion.records[i].data, text);
            assert_true(found || gone);
            assert_false(found && *c < '2' && strchr(said, 'T'));
        }
        for (size_t i = 1; i < portion.count; i++)
            assert_true(strcmp(portion.records[i - 1].data, portion.records[i].data) < 0);
        spool_portion_clear(&portion);
        spool_file_close(&file);
        (void)unlink(rig->path);
    }
    assert_string_equal(said, "012tTxX");
    assert_true(ends > 12);
    rig->loop = fixture_new(NULL);
    assert_int_equal(size_of(rig), -1);
}

/* ---- the sum ---------------------------------------------------------------------------------- */

/* RFC 3720, B.4. */
static void the_sum_is_castagnolis(void **state)
{
    char bytes[32];

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(spool_crc(0, bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(spool_crc(0, bytes, sizeof(bytes)), 0x62a8ab43);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    assert_int_equal(spool_crc(0, bytes, sizeof(bytes)), 0x46dd794e);
    assert_int_equal(spool_crc(spool_crc(0, bytes, 5), bytes + 5, sizeof(bytes) - 5), 0x46dd794e);
}

#define RUN(name) cmocka_unit_test_setup_teardown(name, make_rig, remove_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(what_was_kept_is_there_in_order_after_a_start),
        RUN(only_its_owner_may_read_it),
        RUN(portions_are_bounded_and_follow_each_other),
        RUN(what_was_taken_is_not_read_again),
        RUN(nothing_is_left_when_all_was_taken),
        RUN(a_torn_end_is_cut_off),
        RUN(a_damaged_record_costs_no_other),
        RUN(a_full_one_refuses_and_keeps_what_it_has),
        RUN(without_room_nothing_is_written_and_what_was_there_is_still_taken),
        RUN(a_failing_disk_leaves_no_half_record),
        RUN(with_a_key_nobody_reads_it_without_that),
        RUN(a_sealed_record_at_another_place_is_not_read),
        RUN(a_second_process_is_refused),
        RUN(a_file_of_somebody_else_is_left_alone),
        RUN(what_was_said_to_be_kept_survives_every_end),
        RUN(the_sum_is_castagnolis),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
