/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_fixture.h"

#include <sys/stat.h>

enum { DIM = 5 };

static const float values[4][DIM] = {
    {1, 2, 3, 4, 5}, {5, -4, 3, 2, 1}, {-1, 1, -1, 1, 7}, {3, 1, 4, 1, -5}};

static void put_nth(struct vectors *v, int i)
{
    char key[16];

    snprintf(key, sizeof(key), "canary-%d", i);
    put(v, "scope-canary", key, values[i], DIM);
}

static bool holds(const struct buf *bytes, const void *what, size_t len)
{
    return memmem(bytes->data, bytes->len, what, len) != NULL;
}

/* The floats as the file has them. */
static void stored(int i, float *out)
{
    assert_true(vector_normalise(values[i], DIM, out));
}

static void expect_trace(const char *path, int i, bool there)
{
    _cleanup_buf_ struct buf bytes = BUF_INIT;
    float floats[DIM];
    char key[16];

    snprintf(key, sizeof(key), "canary-%d", i);
    stored(i, floats);
    read_path(path, &bytes);
    assert_int_equal(holds(&bytes, floats, sizeof(floats)), there);
    assert_int_equal(holds(&bytes, floats, 2 * sizeof(float)), there);
    assert_int_equal(holds(&bytes, key, strlen(key)), there);
}

static void a_file_that_was_cut_anywhere_opens_with_what_is_whole(void **state)
{
    struct vectors *v = *state;
    _cleanup_buf_ struct buf whole = BUF_INIT;
    size_t ends[4];
    struct vector_stats stats;

    vector_stats(v->index, &stats);
    ends[0] = stats.file.bytes;
    for (int i = 0; i < 3; i++) {
        put_nth(v, i);
        vector_stats(v->index, &stats);
        ends[i + 1] = stats.file.bytes;
    }
    read_path(v->path, &whole);
    assert_int_equal(whole.len, ends[3]);
    for (size_t cut = 0; cut < whole.len; cut++) {
        size_t want = 0;

        vector_close(v->index);
        write_path(v->path, whole.data, cut);
        v->index = NULL;
        vectors_open(v);
        while (want < 3 && ends[want + 1] <= cut)
            want++;
        vector_stats(v->index, &stats);
        assert_int_equal(stats.vectors, want);
        assert_int_equal(stats.file.bytes, ends[want]);
        assert_int_equal(stats.file.dropped, cut < ends[0] ? 0 : cut - ends[want]);
        for (int i = 0; i < (int)want; i++)
            assert_int_equal(nearest(v, "scope-canary", values[i], DIM)[7], '0' + i);
    }
    put_nth(v, 3);
    vectors_reopen(v);
    assert_int_equal(nearest(v, "scope-canary", values[3], DIM)[7], '3');
}

static void a_flipped_bit_loses_its_vector_and_no_other(void **state)
{
    struct vectors *v = *state;
    _cleanup_buf_ struct buf whole = BUF_INIT;
    float floats[DIM];
    char *at;
    struct vector_stats stats;

    for (int i = 0; i < 3; i++)
        put_nth(v, i);
    stored(1, floats);
    read_path(v->path, &whole);
    at = memmem(whole.data, whole.len, floats, sizeof(floats));
    assert_non_null(at);
    at[sizeof(floats) - 1] ^= 1;
    vector_close(v->index);
    write_path(v->path, whole.data, whole.len);
    v->index = NULL;
    vectors_open(v);
    vector_stats(v->index, &stats);
    assert_int_equal(stats.vectors, 2);
    assert_int_equal(stats.file.damaged, 1);
    assert_string_equal(nearest(v, "scope-canary", values[2], DIM), "canary-2");
    expect_trace(v->path, 1, false);
}

static void what_is_removed_leaves_no_byte_in_the_file(void **state)
{
    struct vectors *v = *state;

    for (int i = 0; i < 4; i++)
        put_nth(v, i);
    expect_trace(v->path, 1, true);
    assert_int_equal(vector_remove(v->index, "scope-canary", "canary-1", &v->err), TROUPE_OK);
    expect_trace(v->path, 1, false);
    expect_trace(v->path, 2, true);
    /* What a new vector takes the place of goes, too. */
    put(v, "scope-canary", "canary-2", values[1], DIM);
    assert_int_equal(vector_remove(v->index, "scope-canary", "canary-2", &v->err), TROUPE_OK);
    expect_trace(v->path, 1, false);
    expect_trace(v->path, 2, false);
    assert_int_equal(vector_remove_scope(v->index, "scope-canary", &v->err), TROUPE_OK);
    for (int i = 0; i < 4; i++)
        expect_trace(v->path, i, false);
}

static void a_compaction_overwrites_the_file_it_replaces(void **state)
{
    struct vectors *v = *state;
    _cleanup_buf_ struct buf old = BUF_INIT;
    int fd;

    for (int i = 0; i < 3; i++)
        put_nth(v, i);
    assert_int_equal(vector_remove(v->index, "scope-canary", "canary-1", &v->err), TROUPE_OK);
    fd = open(v->path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(vector_compact(v->index, &v->err), TROUPE_OK);
    read_all(fd, &old);
    close(fd);
    assert_true(old.len > 0);
    for (size_t i = 0; i < old.len; i++)
        assert_int_equal(old.data[i], 0);
    expect_trace(v->path, 0, true);
    expect_trace(v->path, 1, false);
}

static void an_erasure_that_was_cut_is_finished_by_the_next_open(void **state)
{
    static const uint32_t live = 0x4556494c, erased = 0x53415245;
    struct vectors *v = *state;
    _cleanup_buf_ struct buf whole = BUF_INIT;
    char *at;

    put_nth(v, 0);
    read_path(v->path, &whole);
    at = memmem(whole.data, whole.len, &live, sizeof(live));
    assert_non_null(at);
    memcpy(at, &erased, sizeof(erased));
    vector_close(v->index);
    write_path(v->path, whole.data, whole.len);
    v->index = NULL;
    expect_trace(v->path, 0, true);
    vectors_open(v);
    assert_int_equal(count_of(v), 0);
    expect_trace(v->path, 0, false);
}

/* A crash came between the new vector's append and the erasure of the one before. */
static void of_two_records_of_a_key_the_later_one_stands(void **state)
{
    struct vectors *v = *state;
    _cleanup_buf_ struct buf before = BUF_INIT, after = BUF_INIT;
    float floats[DIM];

    put_nth(v, 0);
    read_path(v->path, &before);
    put(v, "scope-canary", "canary-0", values[1], DIM);
    read_path(v->path, &after);
    memcpy(after.data, before.data, before.len); /* as if it had not been erased */
    vector_close(v->index);
    write_path(v->path, after.data, after.len);
    v->index = NULL;
    vectors_open(v);
    assert_int_equal(count_of(v), 1);
    assert_string_equal(nearest(v, "scope-canary", values[1], DIM), "canary-0");
    buf_reset(&after);
    read_path(v->path, &after);
    stored(0, floats);
    assert_false(holds(&after, floats, sizeof(floats)));
}

static void a_file_of_something_else_is_refused_and_left_alone(void **state)
{
    static const char other[] =
        "[core]\nstate = /var/lib/troupe\n# and so on, and so on, and so on\n";
    static const char *const texts[] = {"x", other};
    struct vectors *v = *state;
    struct vector_index *index = NULL;

    vector_close(v->index);
    v->index = NULL;
    for (size_t i = 0; i < 2; i++) {
        _cleanup_buf_ struct buf bytes = BUF_INIT;

        write_path(v->path, texts[i], strlen(texts[i]));
        assert_int_equal(vector_open(&v->options, &index, &v->err), TROUPE_DATA);
        assert_null(index);
        assert_non_null(strstr(v->err.text, "move it away"));
        read_path(v->path, &bytes);
        assert_string_equal(buf_text(&bytes), texts[i]);
    }
}

static void one_process_has_the_file_and_nobody_else_reads_it(void **state)
{
    struct vectors *v = *state;
    struct vector_index *second = NULL;
    struct stat st;

    assert_int_equal(vector_open(&v->options, &second, &v->err), TROUPE_UNAVAILABLE);
    assert_null(second);
    assert_int_equal(stat(v->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(vector_compact(v->index, &v->err), TROUPE_OK);
    assert_int_equal(vector_open(&v->options, &second, &v->err), TROUPE_UNAVAILABLE);
    assert_int_equal(stat(v->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_path_that_cannot_be_says_what_to_do(void **state)
{
    struct vectors *v = *state;
    struct vector_options options = {.path = "/tmp/troupe-no-such-directory/vectors"};
    struct vector_index *index = NULL;

    assert_int_equal(vector_open(&options, &index, &v->err), TROUPE_NOT_FOUND);
    assert_non_null(strstr(v->err.text, "create its directory"));
    assert_null(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_that_was_cut_anywhere_opens_with_what_is_whole,
                                        vectors_setup, vectors_teardown),
        cmocka_unit_test_setup_teardown(a_flipped_bit_loses_its_vector_and_no_other, vectors_setup,
                                        vectors_teardown),
        cmocka_unit_test_setup_teardown(what_is_removed_leaves_no_byte_in_the_file, vectors_setup,
                                        vectors_teardown),
        cmocka_unit_test_setup_teardown(a_compaction_overwrites_the_file_it_replaces, vectors_setup,
                                        vectors_teardown),
        cmocka_unit_test_setup_teardown(an_erasure_that_was_cut_is_finished_by_the_next_open,
                                        vectors_setup, vectors_teardown),
        cmocka_unit_test_setup_teardown(of_two_records_of_a_key_the_later_one_stands, vectors_setup,
                                        vectors_teardown),
        cmocka_unit_test_setup_teardown(a_file_of_something_else_is_refused_and_left_alone,
                                        vectors_setup, vectors_teardown),
        cmocka_unit_test_setup_teardown(one_process_has_the_file_and_nobody_else_reads_it,
                                        vectors_setup, vectors_teardown),
        cmocka_unit_test_setup_teardown(a_path_that_cannot_be_says_what_to_do, vectors_setup,
                                        vectors_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
