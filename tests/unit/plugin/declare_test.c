/* SPDX-License-Identifier: Apache-2.0
 *
 * A declaration that was told is the one that was made: whatever the host shows of a plugin, it shows
 * the same of one that it has never mapped.
 */
#include "plugin_fixture.h"

#include "base/json.h"
#include "plugin/declare.h"
#include "plugin/guest.h"
#include "plugin/present.h"

/* What this host has, and the runner too. */
static void offer(struct plugin_registry *registry)
{
    static const char *const ids[] = {"troupe.kv/1", "troupe.sql/1", "troupe.http/1"};

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        plugin_registry_add(registry, &(struct plugin_extension){ids[i], guest_extension(ids[i])},
                            1);
}

/* All that is shown of it, as one text. */
static void show(const struct plugin_manifest *manifest, struct buf *out)
{
    json_t *parts[] = {plugin_present_head(manifest), plugin_present_config(manifest),
                       plugin_present_functions(manifest)};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        _cleanup_mem_ char *text = json_print(parts[i]);

        buf_printf(out, "%s\n", text ? text : "?");
        json_decref(parts[i]);
    }
    plugin_present_sample(manifest, "/x.so", out);
    plugin_present_man(manifest, out);
    for (size_t i = 0; i < manifest->migration_count; i++)
        buf_printf(out, "%u %s %s %s\n", manifest->migrations[i].version,
                   manifest->migrations[i].name, manifest->migrations[i].sql,
                   manifest->migrations[i].back ? manifest->migrations[i].back : "none");
    buf_printf(out, "%u %u %u %u %d%d%d%d\n", manifest->state_version, manifest->state_oldest,
               manifest->state_flags, manifest->events, manifest->stage != NULL,
               manifest->observe != NULL, manifest->job != NULL, manifest->state != NULL);
}

static void same(const char *name)
{
    _cleanup_mem_ char *path = plugin_path(name);
    _cleanup_buf_ struct buf bytes = BUF_INIT, made = BUF_INIT, told = BUF_INIT;
    struct plugin_registry registry = {.count = 0};
    struct plugin_declared *declared = NULL;
    struct plugin_image *image = NULL;
    struct plugin_images images;
    struct error err = {0};

    offer(&registry);
    plugin_images_init(&images);
    if (plugin_image_open(&images, path, &image, &err) < 0 ||
        plugin_image_load(image, &registry, &err) < 0)
        fail_msg("%s", err.text);
    plugin_declare_pack(image->table, &bytes);
    if (plugin_declare_read(&bytes, &image->note, &registry, &declared, &err) < 0)
        fail_msg("%s", err.text);
    show(image->manifest, &made);
    show(declared->manifest, &told);
    assert_string_equal(buf_text(&told), buf_text(&made));
    for (size_t i = 0; i < declared->manifest->function_count; i++)
        assert_non_null(declared->manifest->functions[i].forward);
    plugin_declared_free(declared);
    plugin_image_unref(image);
    plugin_images_clear(&images);
}

static void what_was_told_is_what_was_declared(void **state)
{
    (void)state;
    same("described");
    same("dice1");
    same("counter2");
    same("service");
    same("watch_owed");
}

static void what_was_cut_is_refused(void **state)
{
    _cleanup_mem_ char *path = plugin_path("described");
    _cleanup_buf_ struct buf bytes = BUF_INIT;
    struct plugin_registry registry = {.count = 0};
    struct plugin_image *image = NULL;
    struct plugin_images images;
    struct error err = {0};

    (void)state;
    offer(&registry);
    plugin_images_init(&images);
    if (plugin_image_open(&images, path, &image, &err) < 0 ||
        plugin_image_load(image, &registry, &err) < 0)
        fail_msg("%s", err.text);
    plugin_declare_pack(image->table, &bytes);
    for (size_t len = 0; len < bytes.len; len += 7) {
        struct plugin_declared *declared = NULL;
        struct buf part = BUF_INIT;

        buf_append(&part, bytes.data, len);
        assert_int_equal(plugin_declare_read(&part, &image->note, &registry, &declared, &err),
                         TROUPE_DATA);
        assert_null(declared);
    }
    plugin_image_unref(image);
    plugin_images_clear(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_is_what_was_declared),
        cmocka_unit_test(what_was_cut_is_refused),
    };

    return cmocka_run_group_tests_name("plugin/declare", tests, NULL, NULL);
}
