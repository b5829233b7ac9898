/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything about a plugin's file that reads, computes or may block, and nothing else, so that a
 * worker does it.
 */
#include "plugin/copy.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_CHUNK ((size_t)256 << 10)

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

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

troupe_status plugin_copy_file(const char *path, int *ret_fd, size_t *ret_size, struct error *err)
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

void plugin_digest(const void *data, size_t size, char ret[PLUGIN_BUILD_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    unsigned __int128 hash =
        ((unsigned __int128)0x6c62272e07bb0142ULL << 64) | 0x62b821756295c58dULL;

    for (size_t i = 0; i < size; i++) {
        hash ^= bytes[i];
        hash = (hash << 88) + hash * 0x13b;
    }
    for (int i = PLUGIN_BUILD_ID_LEN - 1; i >= 0; i--, hash >>= 4)
        ret[i] = digits[(unsigned)hash & 15];
    ret[PLUGIN_BUILD_ID_LEN] = '\0';
}

troupe_status plugin_copy_read(const char *path, struct plugin_copy *ret, struct error *err)
{
    struct plugin_copy copy = {.fd = -1};
    troupe_status status = plugin_copy_file(path, &copy.fd, &copy.size, err);
    void *data;

    if (status < 0)
        return status;
    data = mmap(NULL, copy.size, PROT_READ, MAP_PRIVATE, copy.fd, 0);
    if (data == MAP_FAILED) {
        status = error_set(err, TROUPE_NOMEM, "plugin file \"%s\" cannot be mapped: %s", path,
                           strerror(errno));
    } else {
        status = plugin_note_read(data, copy.size, path, &copy.note, err);
        if (status == TROUPE_OK)
            plugin_digest(data, copy.size, copy.build_id);
        munmap(data, copy.size);
    }
    if (status < 0) {
        plugin_copy_clear(&copy);
        return status;
    }
    *ret = copy;
    return TROUPE_OK;
}

void plugin_copy_clear(struct plugin_copy *copy)
{
    if (copy->fd >= 0)
        close(copy->fd);
    copy->fd = -1;
}

bool plugin_copy_equal(int fd, int other, size_t size)
{
    void *a = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    void *b = mmap(NULL, size, PROT_READ, MAP_PRIVATE, other, 0);
    bool same = a != MAP_FAILED && b != MAP_FAILED && !memcmp(a, b, size);

    if (a != MAP_FAILED)
        munmap(a, size);
    if (b != MAP_FAILED)
        munmap(b, size);
    return same;
}
