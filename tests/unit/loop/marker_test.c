/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "base/error.h"
#include "loop/marker.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/troupe-marker-XXXXXX";

static void put(const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

static void what_was_written_is_read(void **state)
{
    struct marker_line line = {.len = 0};
    struct marker marker;

    (void)state;
    (void)unlink(path);
    marker_text(&line, "crash plugin:dice ");
    marker_decimal(&line, 18446744073709551615u);
    marker_text(&line, " SIGSEGV at 0x40\n in dice.so");
    marker_write(path, &line);
    assert_status(marker_read(path, &marker), TROUPE_OK);
    assert_string_equal(marker.kind, "crash");
    assert_string_equal(marker.owner, "plugin:dice");
    assert_true(marker.turn == UINT64_MAX);
    assert_string_equal(marker.detail, "SIGSEGV at 0x40? in dice.so");
}

static void a_hang_has_no_detail(void **state)
{
    struct marker marker;

    (void)state;
    put("hang core:loop 0\n", 17);
    assert_status(marker_read(path, &marker), TROUPE_OK);
    assert_string_equal(marker.kind, "hang");
    assert_string_equal(marker.owner, "core:loop");
    assert_true(marker.turn == 0);
    assert_string_equal(marker.detail, "");
}

static void no_file_is_no_marker(void **state)
{
    struct marker marker = {.turn = 7};

    (void)state;
    (void)unlink(path);
    assert_status(marker_read(path, &marker), TROUPE_NOT_FOUND);
    assert_true(marker.turn == 7);
}

#define TOO_LONG                                                                                   \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"

static void what_is_not_whole_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        "crash",
        "crash plugin:dice",
        "crash plugin:dice \n",
        "crash plugin:dice x1",
        "crash plugin:dice -1",
        "crash plugin:dice 12x more",
        "boom plugin:dice 12 more",
        "crash  plugin:dice 12",
        "crash plugin:" TOO_LONG " 1",
        "crash plugin:dice 0123456789012345678901234567890",
    };
    struct marker marker;
    char long_one[2000];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put(texts[i], strlen(texts[i]));
        if (marker_read(path, &marker) != TROUPE_DATA)
            fail_msg("\"%s\" was taken", texts[i]);
    }
    put("crash a\0b 1", 11);
    assert_status(marker_read(path, &marker), TROUPE_DATA);
    /* A detail of any length is cut. */
    memset(long_one, 'x', sizeof(long_one));
    snprintf(long_one, sizeof(long_one), "%s", "hang a 1 ");
    long_one[strlen(long_one)] = 'x';
    put(long_one, sizeof(long_one));
    assert_status(marker_read(path, &marker), TROUPE_OK);
    assert_int_equal(strlen(marker.detail), sizeof(marker.detail) - 1);
}

/* Somebody else's file must not be read through it. */
static void a_link_is_not_followed(void **state)
{
    struct marker marker;

    (void)state;
    (void)unlink(path);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_status(marker_read(path, &marker), TROUPE_DATA);
}

static int make_place(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    close(fd);
    return fd < 0;
}

static int remove_place(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read), cmocka_unit_test(a_hang_has_no_detail),
        cmocka_unit_test(no_file_is_no_marker),     cmocka_unit_test(what_is_not_whole_is_refused),
        cmocka_unit_test(a_link_is_not_followed),
    };

    return cmocka_run_group_tests_name("loop/marker", tests, make_place, remove_place);
}
