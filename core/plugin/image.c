/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapping and letting go of plugin files. What the dynamic linker does to names and
 * inodes, and why each step is as it is, was measured: glibc takes a name it knows for the old
 * object even when the file is another, returns success from dlclose for what stays mapped, and a
 * file truncated under a mapping is a SIGBUS. So: sealed copies, fresh names, and a look whether the
 * object is really gone.
 */
#include "plugin/image.h"

#include "base/buf.h"
#include "base/mem.h"
#include "loop/sanitize.h"
#include "plugin/declare.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

/* Leak reports and stacks of a sanitizer need the code to be there at the end. */
#if defined(LOOP_ASAN) || defined(LOOP_TSAN)
#define ALWAYS_PARK true
#else
#define ALWAYS_PARK false
#endif

void plugin_images_init(struct plugin_images *images)
{
    *images = (struct plugin_images){0};
    list_init(&images->all);
}

static void image_free(struct plugin_image *image)
{
    list_remove(&image->link);
    plugin_manifest_free(image->manifest);
    plugin_declared_free(image->declared);
    if (image->fd >= 0)
        close(image->fd);
    mem_free(image->path);
    mem_free(image->name);
    mem_free(image);
}

void plugin_images_clear(struct plugin_images *images)
{
    list_for_each_safe (link, &images->all) {
        image_free(container_of(link, struct plugin_image, link));
    }
}

size_t plugin_images_parked(const struct plugin_images *images, const char *id)
{
    size_t count = 0;

    list_for_each (link, &images->all) {
        const struct plugin_image *image = container_of(link, struct plugin_image, link);

        count += image->refs == 0 && !strcmp(image->note.id, id);
    }
    return count;
}

struct plugin_image *plugin_image_ref(struct plugin_image *image)
{
    if (image->refs++ == 0 && image->handle) {
        image->images->parked--;
        image->images->loaded++;
    }
    return image;
}

/* ---- mapping ------------------------------------------------------------------------------- */

/*
 * A spelling of the descriptor's path that no image ever had: numbers of descriptors come back, and
 * glibc goes by the name. The counter's bits are written as "./" and "/". The process id instead of
 * "self" lets a debugger find the file.
 */
static char *unique_name(int fd)
{
    /* Global because the linker's list of names is: it belongs to the process, not to a manager. */
    static _Atomic uint64_t used;
    _cleanup_buf_ struct buf name = BUF_INIT;

    buf_printf(&name, "/proc/%ld/fd/", (long)getpid());
    for (uint64_t bits = ++used; bits; bits >>= 1)
        buf_puts(&name, bits & 1 ? "./" : "/");
    buf_printf(&name, "%d", fd);
    return buf_take(&name);
}

troupe_status plugin_image_map(int fd, const char *id, void **ret_handle, char **ret_name,
                               struct error *err)
{
    _cleanup_mem_ char *path = unique_name(fd);
    const char *why;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!handle) {
        why = dlerror();
        if (why && !strncmp(why, path, strlen(path)))
            why = strstr(why, ": ") ? strstr(why, ": ") + 2 : why;
        return error_set(err, TROUPE_DATA,
                         "plugin \"%s\" cannot be loaded: %s; install what it needs or a build for "
                         "this system",
                         id, why ? why : "the dynamic linker does not say why");
    }
    *ret_handle = handle;
    if (ret_name) {
        *ret_name = path;
        path = NULL;
    }
    return TROUPE_OK;
}

troupe_status plugin_image_enter(void *handle, const char *id, const troupe_plugin **ret,
                                 struct error *err)
{
    const troupe_plugin *(*entry)(void) =
        (const troupe_plugin *(*)(void))(uintptr_t)dlsym(handle, TROUPE_ENTRY_SYMBOL);

    if (!entry)
        return error_set(err, TROUPE_DATA,
                         "plugin \"%s\" does not export %s; build it with TROUPE_PLUGIN()", id,
                         TROUPE_ENTRY_SYMBOL);
    *ret = entry();
    return TROUPE_OK;
}

/* Unmaps; false when the object stayed, which dlclose does not tell. Then `handle` holds it. */
static bool unmap(struct plugin_image *image)
{
    dlclose(image->handle);
    image->handle = dlopen(image->name, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
    return !image->handle;
}

troupe_status plugin_image_load(struct plugin_image *image, const struct plugin_registry *registry,
                                struct error *err)
{
    troupe_status status;
    char *name = NULL;
    void *handle;

    if (image->manifest)
        return TROUPE_OK;
    if (!image->handle) {
        status = plugin_image_map(image->fd, image->note.id, &handle, &name, err);
        if (status < 0)
            return status;
        status = plugin_image_enter(handle, image->note.id, &image->table, err);
        if (status < 0) {
            dlclose(handle);
            mem_free(name);
            return status;
        }
        image->handle = handle;
        image->name = name;
        image->images->loaded++;
    }
    /* On failure the caller's reference is what unmaps it. */
    return plugin_manifest_read(image->table, &image->note, registry, &image->manifest, err);
}

void plugin_image_unref(struct plugin_image *image)
{
    if (!image || --image->refs > 0)
        return;
    if (!image->handle) {
        image_free(image);
        return;
    }
    image->images->loaded--;
    if (ALWAYS_PARK || image->note.pins_itself || !unmap(image)) {
        image->images->parked++;
        return;
    }
    image_free(image);
}
