/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/sanitize.h"
#include "plugin_fixture.h"

#include <sys/time.h>

static struct plugin_registry registry;

static struct plugin_image *open_image(struct plugin_images *images, const char *path)
{
    struct plugin_image *image = NULL;
    struct error err = {0};

    if (plugin_image_open(images, path, &image, &err) < 0)
        fail_msg("%s", err.text);
    return image;
}

static struct plugin_image *load_image(struct plugin_images *images, const char *path)
{
    struct plugin_image *image = open_image(images, path);
    struct error err = {0};

    if (plugin_image_load(image, &registry, &err) < 0)
        fail_msg("%s", err.text);
    return image;
}

/* What `version` of the dice answers: the code that really runs. */
static void assert_runs(struct plugin_image *image, const char *version)
{
    struct fake_turn fake;
    const struct plugin_function *function = plugin_manifest_function(image->manifest, "version");

    fake_turn_init(&fake, NULL);
    assert_non_null(function);
    assert_status(plugin_function_invoke(function, &fake.turn, NULL, NULL, NULL), TROUPE_OK);
    assert_string_equal(fake.reply, version);
}

static void maps_a_copy_and_finds_the_declaration(void **state)
{
    struct plugin_images images;
    _cleanup_mem_ char *path = plugin_path("dice1");
    struct plugin_image *image;

    (void)state;
    plugin_images_init(&images);
    image = load_image(&images, path);
    assert_string_equal(image->manifest->id, "org.example.dice");
    assert_int_equal(image->manifest->function_count, 2);
    assert_int_equal(strlen(image->build_id), PLUGIN_BUILD_ID_LEN);
    assert_runs(image, "1.0.0");
    assert_int_equal(images.loaded, 1);
    plugin_image_unref(image);
    assert_int_equal(images.loaded, 0);
    plugin_images_clear(&images);
}

static void the_same_bytes_are_one_image(void **state)
{
    struct plugin_images images;
    _cleanup_mem_ char *path = plugin_path("dice1");
    struct scratch scratch;
    _cleanup_mem_ char *elsewhere = NULL;
    struct plugin_image *first, *second, *third;

    (void)state;
    scratch_make(&scratch);
    elsewhere = mem_printf("%s/other.so", scratch.dir);
    copy_plugin("dice1", elsewhere);
    plugin_images_init(&images);
    first = load_image(&images, path);
    second = open_image(&images, path);
    third = open_image(&images, elsewhere);
    assert_ptr_equal(first, second);
    assert_ptr_equal(first, third);
    assert_int_equal(first->refs, 3);
    plugin_image_unref(first);
    plugin_image_unref(second);
    plugin_image_unref(third);
    plugin_images_clear(&images);
    scratch_remove(&scratch);
}

/* Both builds are mapped at once and each runs its own code and data, however the file changed. */
static void replace_and_check(void (*replace)(const char *name, const char *path), bool same_mtime)
{
    struct plugin_images images;
    struct scratch scratch;
    _cleanup_mem_ char *path = NULL;
    struct plugin_image *old, *new;
    struct timeval stamp[2] = {{1700000000, 0}, {1700000000, 0}};

    scratch_make(&scratch);
    path = mem_printf("%s/dice.so", scratch.dir);
    plugin_images_init(&images);
    copy_plugin("dice1", path);
    if (same_mtime)
        assert_int_equal(utimes(path, stamp), 0);
    old = load_image(&images, path);
    replace("dice2", path);
    if (same_mtime)
        assert_int_equal(utimes(path, stamp), 0);
    assert_runs(old, "1.0.0");
    new = load_image(&images, path);
    assert_ptr_not_equal(old, new);
    assert_string_not_equal(old->build_id, new->build_id);
    assert_runs(new, "2.0.0");
    assert_runs(old, "1.0.0");
    /* The file may go or be cut while its code runs. */
    assert_int_equal(truncate(path, 0), 0);
    assert_runs(new, "2.0.0");
    assert_int_equal(unlink(path), 0);
    assert_runs(new, "2.0.0");
    plugin_image_unref(old);
    assert_runs(new, "2.0.0");
    plugin_image_unref(new);
    plugin_images_clear(&images);
    scratch_remove(&scratch);
}

static void replaced_by_rename(void **state)
{
    (void)state;
    replace_and_check(rename_plugin, false);
}

static void replaced_in_place(void **state)
{
    (void)state;
    replace_and_check(copy_plugin, false);
}

static void replaced_with_the_same_time(void **state)
{
    (void)state;
    replace_and_check(rename_plugin, true);
    replace_and_check(copy_plugin, true);
}

/* Names of the linker come back with descriptors; contents must not. */
static void takes_no_old_code_for_a_used_descriptor(void **state)
{
    struct plugin_images images;
    _cleanup_mem_ char *one = plugin_path("dice1"), *two = plugin_path("dice2"),
                       *pinned = plugin_path("dice_pinned");

    (void)state;
    plugin_images_init(&images);
    for (int i = 0; i < 20; i++) {
        struct plugin_image *image = load_image(&images, i % 3 == 0   ? one
                                                         : i % 3 == 1 ? two
                                                                      : pinned);

        assert_runs(image, i % 3 == 0 ? "1.0.0" : i % 3 == 1 ? "2.0.0" : "3.0.0");
        plugin_image_unref(image);
    }
    plugin_images_clear(&images);
}

static void parks_what_cannot_be_unloaded_and_takes_it_up_again(void **state)
{
    struct plugin_images images;
    _cleanup_mem_ char *path = plugin_path("dice_pinned");
    struct plugin_image *first;

    (void)state;
    plugin_images_init(&images);
    first = load_image(&images, path);
    plugin_image_unref(first);
    assert_int_equal(images.parked, 1);
    assert_int_equal(plugin_images_parked(&images, "org.example.dice"), 1);
    assert_ptr_equal(load_image(&images, path), first);
    assert_int_equal(images.parked, 0);
    plugin_image_unref(first);
    assert_int_equal(images.parked, 1);
    plugin_images_clear(&images);
}

/* Bytes behind the last section make another build of the same code. */
static void refuses_the_build_after_too_many_parked(void **state)
{
    struct plugin_images images;
    struct scratch scratch;
    _cleanup_mem_ char *path = NULL, *from = plugin_path("dice_pinned");
    size_t size;
    _cleanup_mem_ char *data = read_whole(from, &size);
    struct plugin_image *image;
    struct error err = {0};

    (void)state;
    data = mem_resize(data, size + PLUGIN_MAX_PARKED + 1, 1);
    memset(data + size, 0, PLUGIN_MAX_PARKED + 1);
    scratch_make(&scratch);
    path = mem_printf("%s/dice.so", scratch.dir);
    plugin_images_init(&images);
    for (size_t i = 0; i < PLUGIN_MAX_PARKED; i++) {
        write_whole(path, data, size + i);
        plugin_image_unref(load_image(&images, path));
    }
    assert_int_equal(images.parked, PLUGIN_MAX_PARKED);
    write_whole(path, data, size + PLUGIN_MAX_PARKED);
    assert_status(plugin_image_open(&images, path, &image, &err), TROUPE_LIMIT);
    assert_sentence(err, "plugin \"org.example.dice\" was replaced 32 times and cannot be unloaded "
                         "(it is marked NODELETE); restart the host to load this build");
    /* One that is still there is no new one. */
    write_whole(path, data, size + 3);
    image = open_image(&images, path);
    plugin_image_unref(image);
    plugin_images_clear(&images);
    scratch_remove(&scratch);
}

static void refuse(struct plugin_images *images, const char *path, troupe_status want,
                   const char *format)
{
    _cleanup_mem_ char *sentence = mem_printf("plugin file \"%s\" %s", path, format);
    struct plugin_image *image = NULL;
    struct error err = {0};

    assert_status(plugin_image_open(images, path, &image, &err), want);
    assert_sentence(err, sentence);
    assert_null(image);
}

static void refuses_files_that_are_none(void **state)
{
    struct plugin_images images;
    struct scratch scratch;
    _cleanup_mem_ char *path = NULL;

    (void)state;
    plugin_images_init(&images);
    scratch_make(&scratch);
    path = mem_printf("%s/dice.so", scratch.dir);
    refuse(&images, path, TROUPE_NOT_FOUND, "cannot be opened: No such file or directory");
    refuse(&images, scratch.dir, TROUPE_DATA, "is a directory; give the .so itself");
    assert_int_equal(mkfifo(path, 0600), 0);
    refuse(&images, path, TROUPE_DATA, "is no regular file; give the .so itself");
    unlink(path);
    write_whole(path, "", 0);
    refuse(&images, path, TROUPE_DATA, "is empty; copy it again");
    copy_plugin("dice1", path);
    assert_int_equal(chmod(path, 0666), 0);
    refuse(&images, path, TROUPE_DATA,
           "can be written by every user of this machine; run chmod o-w on it");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, (off_t)PLUGIN_MAX_FILE + 1), 0);
    refuse(&images, path, TROUPE_DATA, "is larger than 64 MB; strip it");
    assert_true(list_empty(&images.all));
    scratch_remove(&scratch);
}

/* Cut at every 512 bytes it is refused, and this process lives to say so. */
static void refuses_truncated_files(void **state)
{
    struct plugin_images images;
    struct scratch scratch;
    _cleanup_mem_ char *path = NULL, *from = plugin_path("dice1");
    size_t size, before;
    _cleanup_mem_ char *data = read_whole(from, &size);

    (void)state;
    plugin_images_init(&images);
    scratch_make(&scratch);
    path = mem_printf("%s/dice.so", scratch.dir);
    before = open_files();
    for (size_t cut = 512; cut < size; cut += 512) {
        struct plugin_image *image;
        struct error err = {0};

        write_whole(path, data, cut);
        assert_status(plugin_image_open(&images, path, &image, &err), TROUPE_DATA);
        assert_non_null(strstr(err.text, "is damaged or was not copied completely"));
    }
    assert_int_equal(open_files(), before);
    assert_true(list_empty(&images.all));
    scratch_remove(&scratch);
}

#if !defined(LOOP_ASAN) && !defined(LOOP_TSAN)
static size_t count_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    size_t lines = 0;
    int c;

    assert_non_null(maps);
    while ((c = fgetc(maps)) != EOF)
        lines += c == '\n';
    fclose(maps);
    return lines;
}

static void unloading_leaves_nothing(void **state)
{
    struct plugin_images images;
    _cleanup_mem_ char *one = plugin_path("dice1"), *two = plugin_path("dice2");
    size_t files = 0, maps = 0;

    (void)state;
    plugin_images_init(&images);
    for (int i = 0; i < 200; i++) {
        plugin_image_unref(load_image(&images, i % 2 ? one : two));
        assert_int_equal(images.parked, 0);
        if (i == 10) {
            files = open_files();
            maps = count_maps();
        }
    }
    assert_int_equal(open_files(), files);
    assert_int_equal(count_maps(), maps);
    assert_true(list_empty(&images.all));
}
#endif

static void a_bad_declaration_is_refused_and_unloaded(void **state)
{
    struct plugin_images images;
    _cleanup_mem_ char *path = plugin_path("bad");
    struct plugin_image *image;
    struct error err = {0};

    (void)state;
    plugin_images_init(&images);
    image = open_image(&images, path);
    for (int i = 0; i < 2; i++) {
        assert_status(plugin_image_load(image, &registry, &err), TROUPE_DATA);
        assert_sentence(err,
                        "plugin \"org.example.bad\": function \"lift\": parameter \"weight\": its "
                        "default is not a whole number from 1 to 10; correct the declaration "
                        "and build it again");
    }
    plugin_image_unref(image);
    plugin_images_clear(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_a_copy_and_finds_the_declaration),
        cmocka_unit_test(the_same_bytes_are_one_image),
        cmocka_unit_test(replaced_by_rename),
        cmocka_unit_test(replaced_in_place),
        cmocka_unit_test(replaced_with_the_same_time),
        cmocka_unit_test(takes_no_old_code_for_a_used_descriptor),
        cmocka_unit_test(parks_what_cannot_be_unloaded_and_takes_it_up_again),
        cmocka_unit_test(refuses_the_build_after_too_many_parked),
        cmocka_unit_test(refuses_files_that_are_none),
        cmocka_unit_test(refuses_truncated_files),
#if !defined(LOOP_ASAN) && !defined(LOOP_TSAN)
        cmocka_unit_test(unloading_leaves_nothing),
#endif
        cmocka_unit_test(a_bad_declaration_is_refused_and_unloaded),
    };

    return cmocka_run_group_tests_name("plugin/image", tests, NULL, NULL);
}
