/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that appear together or not at all, and a look at a database.
 */
#include "tap.h"

#include "base/error.h"
#include "base/mem.h"
#include "main/init_files.h"
#include "store/store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    struct init_files files;
    char dir[64];
};

static int setup(void **state)
{
    static struct place place;
    _cleanup_mem_ char *path = NULL;

    place = (struct place){.dir = "/tmp/troupe-init-XXXXXX"};
    assert_non_null(mkdtemp(place.dir));
    path = mem_printf("%s/conf/a.ini", place.dir);
    init_files_init(&place.files, path);
    *state = &place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    struct init_files rest = {.stage = mem_strdup(place->dir)};

    init_files_clear(&place->files);
    init_files_drop(&rest);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void holds(struct place *place, const char *name, const char *text)
{
    _cleanup_mem_ char *path = init_files_path(&place->files, name);
    char got[64] = "";
    FILE *file = fopen(path, "re");

    assert_non_null(file);
    (void)fgets(got, sizeof(got), file);
    (void)fclose(file);
    assert_string_equal(got, text);
}

static size_t count_files(const char *dir)
{
    DIR *stream = opendir(dir);
    size_t count = 0;

    assert_non_null(stream);
    while (readdir(stream))
        count++;
    closedir(stream);
    return count - 2;
}

static void stage_two(struct place *place)
{
    assert_status(init_files_open(&place->files, NULL), TROUPE_OK);
    assert_status(init_files_put(&place->files, "key", "secret", 6, NULL), TROUPE_OK);
    assert_status(init_files_put(&place->files, place->files.name, "ini", 3, NULL), TROUPE_OK);
}

static void nothing_is_in_its_place_before_all_of_it_is(void **state)
{
    struct place *place = *state;

    stage_two(place);
    assert_int_equal(count_files(place->files.dir), 1); /* the stage */
    init_files_drop(&place->files);
    assert_int_equal(count_files(place->files.dir), 0);
    stage_two(place);
    assert_status(init_files_commit(&place->files, false, NULL), TROUPE_OK);
    init_files_drop(&place->files);
    assert_int_equal(count_files(place->files.dir), 2);
    holds(place, "key", "secret");
    holds(place, "a.ini", "ini");
}

static void drop_ins_are_there_while_it_is_tried_and_stay(void **state)
{
    struct place *place = *state;
    _cleanup_mem_ char *drop_in = init_files_path(&place->files, INIT_DROP_INS "/b.ini");
    _cleanup_mem_ char *dir = init_files_path(&place->files, INIT_DROP_INS), *seen = NULL;

    mkdir(place->files.dir, 0700);
    mkdir(dir, 0700);
    write_file(drop_in, "more");
    stage_two(place);
    seen = mem_printf("%s/" INIT_DROP_INS "/b.ini", place->files.stage);
    assert_int_equal(access(seen, R_OK), 0);
    assert_status(init_files_commit(&place->files, false, NULL), TROUPE_OK);
    init_files_drop(&place->files);
    holds(place, INIT_DROP_INS "/b.ini", "more");
    assert_int_equal(count_files(place->files.dir), 3);
}

static void files_and_a_new_directory_are_the_owners_alone(void **state)
{
    struct place *place = *state;
    _cleanup_mem_ char *path = init_files_path(&place->files, "key");
    mode_t mask = umask(0);
    struct stat info;

    stage_two(place);
    assert_status(init_files_commit(&place->files, false, NULL), TROUPE_OK);
    umask(mask);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(stat(place->files.dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void what_is_there_is_kept_or_not_touched(void **state)
{
    struct place *place = *state;
    _cleanup_mem_ char *path = init_files_path(&place->files, "a.ini");
    struct error err;

    mkdir(place->files.dir, 0700);
    write_file(path, "old");
    stage_two(place);
    assert_status(init_files_commit(&place->files, false, &err), TROUPE_CONFLICT);
    assert_non_null(strstr(err.text, "--force"));
    holds(place, "a.ini", "old");
    assert_int_equal(count_files(place->files.dir), 2); /* it, and the stage */
    assert_status(init_files_commit(&place->files, true, &err), TROUPE_OK);
    assert_int_equal(place->files.replaced, 1);
    holds(place, "a.ini", "ini");
    holds(place, "a.ini.bak", "old");
    init_files_drop(&place->files);
    stage_two(place);
    assert_status(init_files_commit(&place->files, true, &err), TROUPE_OK);
    holds(place, "a.ini.bak", "ini"); /* one generation */
    holds(place, "key.bak", "secret");
}

static void a_failure_in_the_middle_puts_back_what_was_there(void **state)
{
    struct place *place = *state;
    _cleanup_mem_ char *key = init_files_path(&place->files, "key");
    _cleanup_mem_ char *ini = init_files_path(&place->files, "a.ini");
    struct error err;

    mkdir(place->files.dir, 0700);
    write_file(key, "old key");
    mkdir(ini, 0700); /* a directory is in the way: it cannot be linked to a second name */
    stage_two(place);
    assert_status(init_files_commit(&place->files, true, &err), TROUPE_IO);
    holds(place, "key", "old key");
    assert_int_equal(place->files.replaced, 0);
}

static void a_database_is_told_whole_missing_damaged_or_foreign(void **state)
{
    struct place *place = *state;
    _cleanup_mem_ char *path = mem_printf("%s/x.db", place->dir);
    struct store_options options = {.path = path};
    struct store *store = NULL;
    struct loop *loop = NULL;
    struct error err;

    assert_status(store_check(path, &err), TROUPE_NOT_FOUND);
    assert_status(loop_new(NULL, &loop, &err), TROUPE_OK);
    assert_status(store_open(loop, &options, &store, &err), TROUPE_OK);
    store_close(store);
    loop_free(loop);
    assert_status(store_check(path, &err), TROUPE_OK);
    write_file(path, "this is no database, though it is long enough to be taken for one: "
                     "this is no database, though it is long enough to be taken for one");
    assert_status(store_check(path, &err), TROUPE_DATA);
    assert_non_null(strstr(err.text, "backup"));
    unlink(path);
    write_file(path, "");
    assert_status(store_check(path, &err), TROUPE_DATA);
}

#define PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE(nothing_is_in_its_place_before_all_of_it_is),
        PLACE(drop_ins_are_there_while_it_is_tried_and_stay),
        PLACE(files_and_a_new_directory_are_the_owners_alone),
        PLACE(what_is_there_is_kept_or_not_touched),
        PLACE(a_failure_in_the_middle_puts_back_what_was_there),
        PLACE(a_database_is_told_whole_missing_damaged_or_foreign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
