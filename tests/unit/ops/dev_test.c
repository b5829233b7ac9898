/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of `troupe dev` that need no plugin: what two builds declare differently, which files are
 * sources, and programs that end or do not.
 */
#include "tap.h"

#include "base/clock.h"
#include "base/mem.h"
#include "main/dev.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- changes --------------------------------------------------------------------------------- */

#define FUNCTION(name, flags, doc, parameters)                                                     \
    "{\"name\": \"" name "\", \"usage\": \"/" name "\", \"flags\": [" flags                        \
    "], \"schema\": {\"description\": \"" doc "\", \"parameters\": {\"properties\": {" parameters  \
    "}}}}"

static json_t *parse(const char *text)
{
    json_t *tree = json_loads(text, 0, NULL);

    assert_non_null(tree);
    return tree;
}

static char *changes(const char *before, const char *now)
{
    _cleanup_json_ json_t *old = before ? parse(before) : NULL, *new = parse(now);
    _cleanup_buf_ struct buf out = BUF_INIT;

    dev_change_print(old, new, &out);
    return buf_take(&out);
}

static const char first[] =
    "{\"plugin\": {\"version\": \"1.0.0\", \"capabilities\": [\"kv\"], \"events\": [], \"stage\": "
    "false,"
    " \"observer\": true, \"jobs\": false, \"migrations\": 1},"
    " \"config\": {\"properties\": {\"city\": {\"description\": \"Where\"}, \"old\": {}}},"
    " \"functions\": [" FUNCTION("roll", "\"slash\"", "Rolls",
                                 "\"sides\": {\"maximum\": 6}, \"gone\": {}") "]}";

static void a_build_is_no_change_of_itself(void **state)
{
    _cleanup_mem_ char *text = changes(first, first);

    (void)state;
    assert_string_equal(text, "");
}

static void a_first_build_shows_all_it_offers(void **state)
{
    _cleanup_mem_ char *text = changes(NULL, first);

    (void)state;
    assert_string_equal(text, "  + /roll (slash): Rolls\n  + key city: Where\n  + key old: \n"
                              "  + capability kv\n  + observer\n");
}

static void every_kind_of_change_is_named(void **state)
{
    static const char second[] =
        "{\"plugin\": {\"version\": \"1.1.0\", \"capabilities\": [\"sql\"], \"events\": "
        "[\"owed:message\"], \"stage\": true, \"observer\": false, \"jobs\": true, \"migrations\": "
        "3},"
        " \"config\": {\"properties\": {\"city\": {\"description\": \"Where to\"}, \"new\": "
        "{\"description\": \"Fresh\"}}}, \"functions\": [" FUNCTION(
            "roll", "\"slash\", \"tool\"", "Rolls dice",
            "\"sides\": {\"maximum\": 20}, \"count\": {}") "]}";
    _cleanup_mem_ char *text = changes(first, second);

    (void)state;
    assert_string_equal(text,
                        "  ~ /roll; parameters: +count -gone ~sides; slash is now slash tool; "
                        "\"Rolls dice\"\n"
                        "  ~ key city\n  + key new: Fresh\n  - key old\n"
                        "  + capability sql\n  - capability kv\n"
                        "  + event owed:message\n"
                        "  + stage\n  - observer\n  + jobs\n"
                        "  ~ migrations: 3, before 1\n  ~ version 1.1.0, before 1.0.0\n");
}

/* ---- files ----------------------------------------------------------------------------------- */

struct folder {
    char path[64];
    struct dev_watch watch;
};

static void open_folder(struct folder *folder)
{
    struct error err;

    snprintf(folder->path, sizeof(folder->path), "/tmp/troupe-dev-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    if (dev_watch_open(&folder->watch, folder->path, &err) < 0)
        fail_msg("%s", err.text);
}

static void save(const struct folder *folder, const char *name)
{
    _cleanup_mem_ char *path = mem_printf("%s/%s", folder->path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    close(fd);
}

/* Whether the watch took what was saved for a change; it is forgotten then. */
static bool sees(struct folder *folder, const char *name)
{
    bool seen;

    save(folder, name);
    dev_watch_read(&folder->watch);
    seen = dev_watch_due(&folder->watch) >= 0;
    dev_watch_forget(&folder->watch);
    return seen;
}

static void close_folder(struct folder *folder)
{
    _cleanup_mem_ char *command = mem_printf("rm -r %s", folder->path);

    dev_watch_close(&folder->watch);
    assert_int_equal(system(command), 0);
}

static void what_compilers_and_editors_leave_is_no_change(void **state)
{
    static const char *const others[] = {"a.o",  "a.so",  "a.d",  ".a.c.swp",
                                         "a.c~", "#a.c#", "4913", "a.log"};
    static const char *const sources[] = {"a.c", "Makefile", "a.sql", "x.test", "so", "word.hpp"};
    struct folder folder;

    (void)state;
    open_folder(&folder);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (sees(&folder, others[i]))
            fail_msg("%s was taken for a source", others[i]);
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        if (!sees(&folder, sources[i]))
            fail_msg("%s was not taken for a source", sources[i]);
    close_folder(&folder);
}

static void folders_that_come_later_are_watched_and_one_that_goes_is_told(void **state)
{
    _cleanup_mem_ char *below = NULL;
    struct folder folder;

    (void)state;
    open_folder(&folder);
    below = mem_printf("%s/parts", folder.path);
    for (int round = 0; round < 200; round++) { /* more often than there are places */
        assert_int_equal(mkdir(below, 0700), 0);
        dev_watch_read(&folder.watch);
        dev_watch_forget(&folder.watch);
        assert_true(sees(&folder, "parts/a.h"));
        {
            _cleanup_mem_ char *file = mem_printf("%s/a.h", below);

            assert_int_equal(unlink(file), 0);
        }
        assert_int_equal(rmdir(below), 0);
        dev_watch_read(&folder.watch);
    }
    assert_false(folder.watch.gone);
    assert_int_equal(rmdir(folder.path), 0);
    dev_watch_read(&folder.watch);
    assert_true(folder.watch.gone);
    dev_watch_close(&folder.watch);
}

/* ---- programs -------------------------------------------------------------------------------- */

static void a_program_gives_its_beginning_and_its_status(void **state)
{
    const char *const argv[] = {"sh", "-c",
                                "echo one; yes two | head -n 100000; echo end >&2; exit 3", NULL};
    struct dev_child child = {0};
    int status;

    (void)state;
    assert_true(dev_child_start(&child, argv, 1000));
    assert_true(dev_child_wait(&child, 60000, &status));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_true(child.cut);
    assert_int_equal(child.text.len, 1000);
    assert_memory_equal(child.text.data, "one\ntwo\n", 8);
    buf_clear(&child.text);
}

static void a_program_is_ended_with_all_that_it_began(void **state)
{
    /* The one in the background holds the pipe open: its end is the pipe's end. */
    const char *const argv[] = {"sh", "-c", "sleep 600 & echo $!; wait", NULL};
    struct dev_child child = {0};
    int status, below;

    (void)state;
    assert_true(dev_child_start(&child, argv, 1000));
    while (!child.text.len || !strchr(child.text.data, '\n')) {
        struct pollfd wanted = {.fd = child.out, .events = POLLIN};

        assert_int_equal(poll(&wanted, 1, 60000), 1);
        dev_child_read(&child);
    }
    below = atoi(child.text.data);
    assert_int_equal(kill(below, 0), 0);
    assert_false(dev_child_wait(&child, 1, &status));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(child.pid, 0);
    for (int tries = 0; kill(below, 0) == 0 && tries < 6000; tries++) {
        char path[64], line[256] = "";
        FILE *file;

        /* Whoever adopts it may leave it as a zombie. */
        snprintf(path, sizeof(path), "/proc/%d/stat", below);
        file = fopen(path, "re");
        if (!file || !fgets(line, sizeof(line), file) || strstr(line, ") Z ")) {
            if (file)
                fclose(file);
            break;
        }
        fclose(file);
        (void)poll(NULL, 0, 10);
        assert_true(tries < 5999);
    }
    buf_clear(&child.text);
}

static void what_is_no_program_ends_with_127(void **state)
{
    const char *const argv[] = {"/nowhere/at/all", NULL};
    struct dev_child child = {0};
    int status;

    (void)state;
    assert_true(dev_child_start(&child, argv, 1000));
    assert_true(dev_child_wait(&child, 60000, &status));
    assert_int_equal(WEXITSTATUS(status), 127);
    buf_clear(&child.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_build_is_no_change_of_itself),
        cmocka_unit_test(a_first_build_shows_all_it_offers),
        cmocka_unit_test(every_kind_of_change_is_named),
        cmocka_unit_test(what_compilers_and_editors_leave_is_no_change),
        cmocka_unit_test(folders_that_come_later_are_watched_and_one_that_goes_is_told),
        cmocka_unit_test(a_program_gives_its_beginning_and_its_status),
        cmocka_unit_test(a_program_is_ended_with_all_that_it_began),
        cmocka_unit_test(what_is_no_program_ends_with_127),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
