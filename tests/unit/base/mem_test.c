/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory: checked sizes, the way out when there is none, buffers, arenas.
 */
#include "tap.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static void sizes_are_checked(void **state)
{
    size_t size = 42;

    (void)state;
    assert_false(size_add(SIZE_MAX, 1, &size));
    assert_false(size_mul(SIZE_MAX / 2 + 1, 2, &size));
    assert_int_equal(size, 42);
    assert_true(size_add(SIZE_MAX - 1, 1, &size));
    assert_true(size == SIZE_MAX);
    assert_true(size_mul(0, SIZE_MAX, &size));
    assert_int_equal(size, 0);
}

/* Runs `act` in a child with stderr closed and returns its exit status. */
static int exit_of(void (*act)(void))
{
    int status = -1;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        close(STDERR_FILENO);
        act();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void resize_too_far(void)
{
    mem_free(mem_resize(NULL, SIZE_MAX / 4, 8));
}

static void fail_second(void)
{
    mem_fail_at(2);
    mem_free(mem_alloc(1));
    mem_free(mem_strdup("x"));
}

static void fail_zeroed(void)
{
    mem_fail_at(1);
    mem_free(mem_zero(1, 1));
}

static void no_memory_ends_the_process_with_its_code(void **state)
{
    (void)state;
    assert_int_equal(exit_of(resize_too_far), EX_OSERR);
    assert_int_equal(exit_of(fail_second), EX_OSERR);
    assert_int_equal(exit_of(fail_zeroed), EX_OSERR);
}

static void mem_try_may_fail(void **state)
{
    void *block;

    (void)state;
    mem_fail_at(1);
    assert_null(mem_try(16));
    block = mem_try(16); /* only the n-th one */
    assert_non_null(block);
    mem_free(block);
    mem_fail_at(1);
    mem_fail_at(0);
    block = mem_try(0);
    assert_non_null(block);
    mem_free(block);
}

static void copies_are_terminated(void **state)
{
    char *text;

    (void)state;
    text = mem_strdup(NULL);
    assert_string_equal(text, "");
    mem_free(text);
    text = mem_strndup("abcdef", 3);
    assert_string_equal(text, "abc");
    mem_free(text);
    text = mem_printf("%s-%d", "x", 7);
    assert_string_equal(text, "x-7");
    mem_free(text);
    mem_free(NULL);
}

static void buffers_grow_shift_and_are_handed_over(void **state)
{
    struct buf buf = BUF_INIT;
    char *text;

    (void)state;
    assert_string_equal(buf_text(&buf), "");
    for (int i = 0; i < 1000; i++)
        assert_status(buf_printf(&buf, "%03d,", i), TROUPE_OK);
    assert_int_equal(buf.len, 4000);
    assert_memory_equal(buf.data + 3996, "999,", 5);
    buf_shift(&buf, 3992);
    assert_string_equal(buf_text(&buf), "998,999,");
    buf_shift(&buf, 100);
    assert_int_equal(buf.len, 0);
    assert_status(buf_append(&buf, "a\0b", 3), TROUPE_OK);
    assert_memory_equal(buf.data, "a\0b", 4);
    buf_reset(&buf);
    assert_string_equal(buf_text(&buf), "");
    assert_status(buf_puts(&buf, "mine"), TROUPE_OK);
    text = buf_take(&buf);
    assert_string_equal(text, "mine");
    mem_free(text);
    text = buf_take(&buf);
    assert_string_equal(text, "");
    mem_free(text);
    buf_clear(&buf);
}

static void numbers_are_put_as_printf_writes_them(void **state)
{
    static const int64_t numbers[] = {0, 7, -1, 10, 4711, -4711, INT64_MAX, INT64_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        _cleanup_buf_ struct buf put = BUF_INIT, printed = BUF_INIT;

        assert_status(buf_put_int(&put, numbers[i]), TROUPE_OK);
        assert_status(buf_put_uint(&put, (uint64_t)numbers[i]), TROUPE_OK);
        assert_status(buf_printf(&printed, "%" PRId64 "%" PRIu64, numbers[i], (uint64_t)numbers[i]),
                      TROUPE_OK);
        assert_string_equal(buf_text(&put), buf_text(&printed));
    }
}

static void a_bounded_buffer_takes_all_or_nothing(void **state)
{
    struct buf buf = {.max = 8};

    (void)state;
    assert_status(buf_puts(&buf, "12345678"), TROUPE_OK);
    assert_status(buf_putc(&buf, '9'), TROUPE_LIMIT);
    assert_string_equal(buf_text(&buf), "12345678");
    buf_reset(&buf);
    assert_status(buf_printf(&buf, "%d", 123456789), TROUPE_LIMIT);
    assert_string_equal(buf_text(&buf), "");
    assert_status(buf_append(&buf, "x", SIZE_MAX), TROUPE_LIMIT);
    assert_int_equal(buf.len, 0);
    buf_clear(&buf);
}

static void arenas_are_aligned_zeroed_and_counted(void **state)
{
    struct arena arena = {0};
    unsigned char *big;
    size_t used = 0;

    (void)state;
    for (size_t size = 0; size < 300; size++) {
        unsigned char *place = arena_alloc(&arena, size);

        assert_int_equal((uintptr_t)place % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(place[i], 0);
        memset(place, 0xff, size);
        used += (size + 15) / 16 * 16;
        assert_int_equal(arena.used, used);
    }
    big = arena_alloc(&arena, 100000); /* larger than a block */
    assert_int_equal(big[99999], 0);
    assert_string_equal(arena_strdup(&arena, NULL), "");
    assert_string_equal(arena_strndup(&arena, "abcdef", 2), "ab");
    assert_string_equal(arena_printf(&arena, "%s %d", "n", 5), "n 5");
    arena_clear(&arena);
    assert_int_equal(arena.used, 0);
    assert_string_equal(arena_strdup(&arena, "again"), "again");
    arena_clear(&arena);
}

static void errors_are_filled_once_and_never_overrun(void **state)
{
    struct error err = {0};
    char long_text[ERROR_TEXT_MAX * 2];

    (void)state;
    assert_status(error_set(NULL, TROUPE_IO, "nobody listens"), TROUPE_IO);
    assert_status(error_set(&err, TROUPE_DATA, "bad \"%s\"", "x"), TROUPE_DATA);
    error_prefix(&err, "file %d", 7);
    assert_string_equal(err.text, "file 7: bad \"x\"");
    assert_status(err.status, TROUPE_DATA);
    error_prefix(NULL, "nobody");
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    error_prefix(&err, "%s", long_text); /* does not fit: the text stays */
    assert_string_equal(err.text, "file 7: bad \"x\"");
    error_set(&err, TROUPE_IO, "%s", long_text);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    error_prefix(&err, "a");
    assert_int_equal(strncmp(err.text, "a: xxx", 6), 0);
    assert_true(strlen(err.text) < ERROR_TEXT_MAX);
}

static void every_status_has_a_name(void **state)
{
    (void)state;
    for (troupe_status status = TROUPE_CONFIG; status <= TROUPE_DROP; status++)
        assert_string_not_equal(status_name(status), "unknown");
    assert_string_equal(status_name(TROUPE_CONFIG), "config");
    assert_string_equal(status_name(TROUPE_END), "end");
    assert_string_equal(status_name(-1000), "unknown");
    assert_string_equal(status_name(1000), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(no_memory_ends_the_process_with_its_code),
        cmocka_unit_test(mem_try_may_fail),
        cmocka_unit_test(copies_are_terminated),
        cmocka_unit_test(buffers_grow_shift_and_are_handed_over),
        cmocka_unit_test(numbers_are_put_as_printf_writes_them),
        cmocka_unit_test(a_bounded_buffer_takes_all_or_nothing),
        cmocka_unit_test(arenas_are_aligned_zeroed_and_counted),
        cmocka_unit_test(errors_are_filled_once_and_never_overrun),
        cmocka_unit_test(every_status_has_a_name),
    };

    return cmocka_run_group_tests_name("base/mem", tests, NULL, NULL);
}
