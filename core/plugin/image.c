/* SPDX-License-Identifier: Apache-2.0
 *
 * Copying, mapping and letting go of plugin files. What the dynamic linker does to names and
 * inodes, and why each step is as it is, was measured: glibc takes a name it knows for the old
 * object even when the file is another, returns success from dlclose for what stays mapped, and a
 * file truncated under a mapping is a SIGBUS. So: sealed copies, fresh names, and a look whether the
 * object is really gone.
 */
#include "plugin/image.h"

#include "base/buf.h"
#include "base/mem.h"
#include "loop/sanitize.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_CHUNK ((size_t)256 << 10)
/* Leak reports and stacks of a sanitizer need the code to be there at the end. */
#if defined(LOOP_ASAN) || defined(LOOP_TSAN)
#define ALWAYS_PARK true
#else
#define ALWAYS_PARK false
#endif

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
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

/* ---- the copy ------------------------------------------------------------------------------ */

static troupe_status open_source(const char *path, int *ret_fd, struct stat *ret_stat,
                                 struct error *err)
{
    /* Not blocking: a FIFO in its place must not hold up the loop. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *bad = NULL;

    if (fd < 0)
        return error_set(err, errno == ENOENT ? TROUPE_NOT_FOUND : TROUPE_IO,
                         "plugin file \"%s\" cannot be opened: %s", path, strerror(errno));
    if (fstat(fd, ret_stat) < 0)
        bad = "cannot be examined";
    else if (S_ISDIR(ret_stat->st_mode))
        bad = "is a directory; give the .so itself";
    else if (!S_ISREG(ret_stat->st_mode))
        bad = "is no regular file; give the .so itself";
    else if (ret_stat->st_mode & S_IWOTH)
        bad = "can be written by every user of this machine; run chmod o-w on it";
    else if (ret_stat->st_size == 0)
        bad = "is empty; copy it again";
    else if ((uint64_t)ret_stat->st_size > PLUGIN_MAX_FILE)
        bad = "is larger than 64 MB; strip it";
    if (bad) {
        close(fd);
        return error_set(err, TROUPE_DATA, "plugin file \"%s\" %s", path, bad);
    }
    *ret_fd = fd;
    return TROUPE_OK;
}

static int new_memfd(void)
{
    int fd = memfd_create("troupe-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

    /* Before 6.3 the flag is unknown and every memfd may be executed. */
    return fd < 0 && errno == EINVAL
               ? memfd_create("troupe-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING)
               : fd;
}

/* Copies at most `size` bytes; returns how many there were, -1 with errno on failure. */
static ssize_t copy_bytes(int from, int to, size_t size)
{
    _cleanup_mem_ char *chunk = mem_alloc(COPY_CHUNK);
    size_t done = 0;

    while (done < size) {
        ssize_t n = read(from, chunk, size - done < COPY_CHUNK ? size - done : COPY_CHUNK);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        for (ssize_t at = 0; at < n;) {
            ssize_t w = write(to, chunk + at, (size_t)(n - at));

            if (w < 0 && errno != EINTR)
                return -1;
            at += w > 0 ? w : 0;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* A sealed copy of the file, which nobody else can reach or change. */
static troupe_status copy_file(const char *path, int *ret_fd, size_t *ret_size, struct error *err)
{
    struct stat before, after;
    troupe_status status;
    int source = -1, copy;
    ssize_t size;

    if ((status = open_source(path, &source, &before, err)) < 0)
        return status;
    copy = new_memfd();
    size = copy < 0 ? -1 : copy_bytes(source, copy, (size_t)before.st_size + 1);
    if (size < 0 || fstat(source, &after) < 0 ||
        fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        status = error_set(err, TROUPE_IO, "plugin file \"%s\" cannot be copied into memory: %s",
                           path, strerror(errno));
    else if (size != before.st_size || after.st_size != before.st_size ||
             after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
             after.st_mtim.tv_nsec != before.st_mtim.tv_nsec)
        status =
            error_set(err, TROUPE_BUSY,
                      "plugin file \"%s\" changed while it was read; try again, and replace it "
                      "with mv or install rather than cp",
                      path);
    close(source);
    if (status < 0) {
        if (copy >= 0)
            close(copy);
        return status;
    }
    *ret_fd = copy;
    *ret_size = (size_t)size;
    return TROUPE_OK;
}

/* FNV-1a with 128 bits: tells builds apart in traces and rows. Nothing is trusted by it. */
static void hash_bytes(const unsigned char *data, size_t size, char out[PLUGIN_BUILD_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned __int128 hash =
        ((unsigned __int128)0x6c62272e07bb0142ULL << 64) | 0x62b821756295c58dULL;

    for (size_t i = 0; i < size; i++) {
        hash ^= data[i];
        hash = (hash << 88) + hash * 0x13b;
    }
    for (int i = PLUGIN_BUILD_ID_LEN - 1; i >= 0; i--, hash >>= 4)
        out[i] = digits[(unsigned)hash & 15];
    out[PLUGIN_BUILD_ID_LEN] = '\0';
}

/* An image of these very bytes that is in memory already. */
static struct plugin_image *find_same(const struct plugin_images *images, const void *data,
                                      size_t size, const char *build_id)
{
    list_for_each (link, &images->all) {
        struct plugin_image *image = container_of(link, struct plugin_image, link);
        void *other;
        bool same;

        if (image->size != size || strcmp(image->build_id, build_id) != 0)
            continue;
        other = mmap(NULL, size, PROT_READ, MAP_PRIVATE, image->fd, 0);
        if (other == MAP_FAILED)
            continue;
        same = !memcmp(other, data, size);
        munmap(other, size);
        if (same)
            return image;
    }
    return NULL;
}

struct plugin_image *plugin_image_ref(struct plugin_image *image)
{
    if (image->refs++ == 0 && image->handle) {
        image->images->parked--;
        image->images->loaded++;
    }
    return image;
}

/* Looks at a sealed copy; `ret` is an image made of it, or one that was there. Takes `fd`. */
static troupe_status image_of(struct plugin_images *images, const char *path, int fd, size_t size,
                              const void *data, struct plugin_image **ret, struct error *err)
{
    char build_id[PLUGIN_BUILD_ID_LEN + 1];
    struct plugin_note note = {0};
    struct plugin_image *image;
    troupe_status status = plugin_note_read(data, size, path, &note, err);

    if (status == TROUPE_OK) {
        hash_bytes(data, size, build_id);
        if ((image = find_same(images, data, size, build_id))) {
            close(fd);
            mem_free(image->path);
            image->path = mem_strdup(path);
            *ret = plugin_image_ref(image);
            return TROUPE_OK;
        }
        if (plugin_images_parked(images, note.id) >= PLUGIN_MAX_PARKED)
            status = error_set(err, TROUPE_LIMIT,
                               "plugin \"%s\" was replaced %d times and cannot be unloaded (%s); "
                               "restart the host to load this build",
                               note.id, PLUGIN_MAX_PARKED,
                               *note.why_pinned ? note.why_pinned : "a sanitizer is built in");
    }
    if (status < 0) {
        close(fd);
        return status;
    }
    image = mem_zero(1, sizeof(*image));
    image->images = images;
    image->refs = 1;
    image->path = mem_strdup(path);
    memcpy(image->build_id, build_id, sizeof(build_id));
    image->note = note;
    image->fd = fd;
    image->size = size;
    list_append(&images->all, &image->link);
    *ret = image;
    return TROUPE_OK;
}

troupe_status plugin_image_open(struct plugin_images *images, const char *path,
                                struct plugin_image **ret, struct error *err)
{
    troupe_status status;
    size_t size;
    void *data;
    int fd;

    if ((status = copy_file(path, &fd, &size, err)) < 0)
        return status;
    data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        status = error_set(err, TROUPE_NOMEM, "plugin file \"%s\" cannot be mapped: %s", path,
                           strerror(errno));
        close(fd);
        return status;
    }
    status = image_of(images, path, fd, size, data, ret, err);
    munmap(data, size);
    return status;
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

troupe_status plugin_image_map(int fd, const char *id, void **ret_handle,
                               const troupe_plugin **ret_table, char **ret_name, struct error *err)
{
    _cleanup_mem_ char *path = unique_name(fd);
    const troupe_plugin *(*entry)(void);
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
    entry = (const troupe_plugin *(*)(void))(uintptr_t)dlsym(handle, TROUPE_ENTRY_SYMBOL);
    if (!entry) {
        dlclose(handle);
        return error_set(err, TROUPE_DATA,
                         "plugin \"%s\" does not export %s; build it with TROUPE_PLUGIN()", id,
                         TROUPE_ENTRY_SYMBOL);
    }
    *ret_table = entry();
    *ret_handle = handle;
    if (ret_name) {
        *ret_name = path;
        path = NULL;
    }
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

    if (image->manifest)
        return TROUPE_OK;
    if (!image->handle) {
        status = plugin_image_map(image->fd, image->note.id, &image->handle, &image->table,
                                  &image->name, err);
        if (status < 0)
            return status;
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
