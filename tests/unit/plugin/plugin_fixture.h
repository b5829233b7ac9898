/* SPDX-License-Identifier: Apache-2.0
 *
 * What the plugin tests share: paths of the test plugins, files in a directory of their own, a turn
 * that keeps what was replied, and a loop that runs one coroutine.
 */
#ifndef TESTS_PLUGIN_FIXTURE_H
#define TESTS_PLUGIN_FIXTURE_H

#include "../loop/loop_fixture.h"

#include "base/buf.h"
#include "base/mem.h"
#include "plugin/set.h"

#include <troupe/turn.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define assert_sentence(err, want) assert_string_equal((err).text, (want))

/* ---- files --------------------------------------------------------------------------------- */

/* A directory of the test's own, removed with what is in it. */
struct scratch {
    char dir[64];
};

static inline void scratch_make(struct scratch *scratch)
{
    snprintf(scratch->dir, sizeof(scratch->dir), "/tmp/troupe-test-XXXXXX");
    assert_non_null(mkdtemp(scratch->dir));
}

static inline void scratch_remove(struct scratch *scratch)
{
    DIR *dir = opendir(scratch->dir);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(scratch->dir);
}

static inline const char *build_dir(void)
{
    const char *dir = getenv("TROUPE_BUILDDIR");

    return dir ? dir : ".";
}

/* Path of a test plugin; the caller's. */
static inline char *plugin_path(const char *name)
{
    return mem_printf("%s/tests/plugins/.libs/%s.so", build_dir(), name);
}

static inline char *runner_path(void)
{
    return mem_printf("%s/troupe-runner", build_dir());
}

static inline void *read_whole(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    void *data;

    if (!file)
        fail_msg("cannot open %s", path);
    assert_int_equal(fstat(fileno(file), &info), 0);
    data = mem_alloc((size_t)info.st_size + 1);
    assert_int_equal(fread(data, 1, (size_t)info.st_size, file), info.st_size);
    fclose(file);
    *ret_size = (size_t)info.st_size;
    return data;
}

static inline void write_whole(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Puts a test plugin at `path`, writing into the file that is there. */
static inline void copy_plugin(const char *name, const char *path)
{
    _cleanup_mem_ char *from = plugin_path(name);
    size_t size;
    _cleanup_mem_ void *data = read_whole(from, &size);

    write_whole(path, data, size);
}

/* The same by a new file that takes the name. */
static inline void rename_plugin(const char *name, const char *path)
{
    _cleanup_mem_ char *next = mem_printf("%s.next", path);

    copy_plugin(name, next);
    assert_int_equal(rename(next, path), 0);
}

static inline size_t count_dir(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static inline size_t open_files(void)
{
    return count_dir("/proc/self/fd");
}

/* ---- a turn -------------------------------------------------------------------------------- */

struct fake_turn {
    troupe_turn turn; /* first */
    troupe_turn_table table;
    troupe_host *host;
    void *state;
    char reply[512];
};

static inline struct fake_turn *fake_of(troupe_turn *turn)
{
    return (struct fake_turn *)(void *)turn;
}

static inline troupe_status fake_reply(troupe_turn *turn, const char *text, uint64_t len)
{
    snprintf(fake_of(turn)->reply, sizeof(fake_of(turn)->reply), "%.*s", (int)len, text);
    return TROUPE_OK;
}

static inline troupe_host *fake_host(troupe_turn *turn)
{
    return fake_of(turn)->host;
}

static inline void *fake_state(troupe_turn *turn)
{
    return fake_of(turn)->state;
}

static inline void fake_turn_init(struct fake_turn *fake, struct plugin_agent *agent)
{
    *fake = (struct fake_turn){.table = {.size = sizeof(troupe_turn_table),
                                         .host = fake_host,
                                         .state = fake_state,
                                         .reply = fake_reply},
                               .host = agent ? &agent->host : NULL,
                               .state = agent ? agent->state : NULL};
    fake->turn.api = &fake->table;
}

#endif
