/* SPDX-License-Identifier: Apache-2.0
 *
 * Every way out of tests/lib/escape.c: from outside, to know that it is one, then from a child that
 * confined itself as a trial does, with Landlock and with seccomp alone.
 */
#include "plugin_fixture.h"

#include "confined.h"

#include <errno.h>

static struct confined run(unsigned mode, const char *const *files, size_t count,
                           const struct escape *escape)
{
    struct confined ret = confined_run(mode, files, count, escape);

    if (!ret.ran)
        fail_msg("\"%s\" was not tried: %s", escape->name, ret.text);
    return ret;
}

static void every_way_out_is_one_outside(void **state)
{
    size_t open = 0, closed_here = 0;

    (void)state;
    assert_true(escape_count >= 60);
    for (size_t i = 0; i < escape_count; i++) {
        struct confined report = run(CONFINED_NOT, NULL, 0, &escapes[i]);
        bool denied = escape_denied(report.outcome);

        if (denied && (escapes[i].flags & ESCAPE_ALWAYS))
            fail_msg("\"%s\" is refused outside too: %s", escapes[i].name,
                     strerror(report.outcome));
        open += !denied;
        closed_here += denied;
    }
    print_message("%zu ways are open here outside, %zu are not\n", open, closed_here);
}

static void deny_all(unsigned mode)
{
    for (size_t i = 0; i < escape_count; i++) {
        struct confined report = run(mode, NULL, 0, &escapes[i]);

        if (!escape_denied(report.outcome))
            fail_msg("\"%s\" is not denied: %s", escapes[i].name,
                     report.outcome ? strerror(report.outcome) : "it worked");
    }
}

static void each_is_denied_with_landlock(void **state)
{
    (void)state;
    if (plugin_landlock_abi() == 0)
        skip();
    deny_all(0);
}

static void each_is_denied_by_seccomp_alone(void **state)
{
    (void)state;
    deny_all(PLUGIN_SANDBOX_NO_LANDLOCK);
}

/* ---- what is allowed, and how far ----------------------------------------------------------- */

static char named[256];

static int open_for(const char *path, int flags)
{
    int fd = open(path, flags);

    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int read_named(void)
{
    return open_for(named, O_RDONLY);
}

static int write_named(void)
{
    return open_for(named, O_WRONLY);
}

static int read_other(void)
{
    return open_for("/etc/passwd", O_RDONLY);
}

static int read_missing(void)
{
    return open_for("/tmp/troupe-escape.none/none", O_RDONLY);
}

static int ordinary_work(void)
{
    void *block = mem_alloc(8 << 20);
    struct timespec now;

    memset(block, 1, 8 << 20);
    mem_free(block);
    return clock_gettime(CLOCK_MONOTONIC, &now) == 0 && raise(0) == 0 && getpid() > 0 ? 0 : EPERM;
}

static void computing_goes_on(void **state)
{
    static const struct escape work = {"work", ordinary_work, 0};

    (void)state;
    assert_int_equal(run(0, NULL, 0, &work).outcome, 0);
    assert_int_equal(run(PLUGIN_SANDBOX_NO_LANDLOCK, NULL, 0, &work).outcome, 0);
}

static void a_file_that_the_config_names_is_read_and_no_other(void **state)
{
    static const struct escape read_it = {"read", read_named, 0},
                               write_it = {"write", write_named, 0},
                               other = {"other", read_other, 0};
    struct scratch scratch;
    const char *files[] = {named, "/tmp/troupe-escape.none"};

    (void)state;
    scratch_make(&scratch);
    snprintf(named, sizeof(named), "%s/named", scratch.dir);
    write_whole(named, "x", 1);
    for (unsigned mode = 0; mode < 2; mode++) {
        assert_int_equal(run(mode, files, 2, &read_it).outcome, 0);
        assert_true(escape_denied(run(mode, files, 2, &write_it).outcome));
        assert_true(escape_denied(run(mode, NULL, 0, &read_it).outcome));
    }
    if (plugin_landlock_abi())
        assert_true(escape_denied(run(0, files, 2, &other).outcome));
    scratch_remove(&scratch);
}

/* A plugin that has a default for it tells the two apart. */
static void a_named_file_that_is_missing_is_missing(void **state)
{
    static const struct escape missing = {"missing", read_missing, 0};
    const char *files[] = {"/tmp/troupe-escape.none"};

    (void)state;
    assert_int_equal(run(0, files, 1, &missing).outcome, ENOENT);
    assert_int_equal(run(PLUGIN_SANDBOX_NO_LANDLOCK, files, 1, &missing).outcome, ENOENT);
}

/* While libraries are mapped: what would do harm is denied already. */
static void the_first_filter_leaves_reading_only(void **state)
{
    static const char *const reading[] = {"read ",
                                          "hold ",
                                          "look ",
                                          "find ",
                                          "open a descriptor again",
                                          "memory to run",
                                          "run what was written",
                                          "change the filter"};

    (void)state;
    for (unsigned mode = CONFINED_FIRST; mode < CONFINED_FIRST + 2; mode++)
        for (size_t i = 0; i < escape_count; i++) {
            bool may = false;

            for (size_t k = 0; k < sizeof(reading) / sizeof(reading[0]); k++)
                may |= !strncmp(escapes[i].name, reading[k], strlen(reading[k]));
            if (may && !(escapes[i].flags & ESCAPE_FATAL))
                continue;
            if (!escape_denied(run(mode, NULL, 0, &escapes[i]).outcome))
                fail_msg("\"%s\" is not denied by the first filter", escapes[i].name);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_out_is_one_outside),
        cmocka_unit_test(each_is_denied_with_landlock),
        cmocka_unit_test(each_is_denied_by_seccomp_alone),
        cmocka_unit_test(computing_goes_on),
        cmocka_unit_test(a_file_that_the_config_names_is_read_and_no_other),
        cmocka_unit_test(a_named_file_that_is_missing_is_missing),
        cmocka_unit_test(the_first_filter_leaves_reading_only),
    };

    return cmocka_run_group_tests_name("plugin/sandbox", tests, NULL, NULL);
}
