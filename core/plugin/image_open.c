/* SPDX-License-Identifier: Apache-2.0
 *
 * The way from a file to an image. A file of its own: the runner gets copies that are made, and is
 * spared what reads files.
 */
#include "plugin/image.h"

#include "base/mem.h"

#include <string.h>

struct plugin_image *plugin_images_find(const struct plugin_images *images,
                                        const struct plugin_copy *copy)
{
    list_for_each (link, &images->all) {
        struct plugin_image *image = container_of(link, struct plugin_image, link);

        if (image->size == copy->size && !strcmp(image->build_id, copy->build_id))
            return image;
    }
    return NULL;
}

troupe_status plugin_image_take(struct plugin_images *images, const char *path,
                                struct plugin_copy *copy, struct plugin_image *same,
                                struct plugin_image **ret, struct error *err)
{
    struct plugin_image *image;

    if (same) {
        plugin_copy_clear(copy);
        mem_free(same->path);
        same->path = mem_strdup(path);
        *ret = plugin_image_ref(same);
        return TROUPE_OK;
    }
    if (plugin_images_parked(images, copy->note.id) >= PLUGIN_MAX_PARKED)
        return error_set(err, TROUPE_LIMIT,
                         "plugin \"%s\" was replaced %d times and cannot be unloaded (%s); "
                         "restart the host to load this build",
                         copy->note.id, PLUGIN_MAX_PARKED,
                         *copy->note.why_pinned ? copy->note.why_pinned
                                                : "a sanitizer is built in");
    image = mem_zero(1, sizeof(*image));
    image->images = images;
    image->refs = 1;
    image->path = mem_strdup(path);
    memcpy(image->build_id, copy->build_id, sizeof(image->build_id));
    image->note = copy->note;
    image->fd = copy->fd;
    image->size = copy->size;
    copy->fd = -1;
    list_append(&images->all, &image->link);
    *ret = image;
    return TROUPE_OK;
}

troupe_status plugin_image_open(struct plugin_images *images, const char *path,
                                struct plugin_image **ret, struct error *err)
{
    struct plugin_copy copy;
    struct plugin_image *same;
    troupe_status status = plugin_copy_read(path, &copy, err);

    if (status < 0)
        return status;
    same = plugin_images_find(images, &copy);
    if (same && !plugin_copy_equal(copy.fd, same->fd, copy.size))
        same = NULL;
    status = plugin_image_take(images, path, &copy, same, ret, err);
    plugin_copy_clear(&copy);
    return status;
}
