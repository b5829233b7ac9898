/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into a host: from the N-th write, sync or change of size of its database's files on, the next
 * COUNT of them fail with an errno, counted over all its threads from the moment the test arms it. What
 * fails is not done. The test and this library share a small file, named by TROUPE_FAULT_AT (struct
 * fault_at, mapped by both).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fault_at {
    _Atomic uint32_t armed;  /* 1: count from here                  */
    _Atomic uint32_t calls;  /* counted so far                      */
    _Atomic uint32_t at;     /* the first call that fails, from 1   */
    _Atomic uint32_t count;  /* and how many in a row               */
    _Atomic uint32_t code;   /* errno                               */
    _Atomic uint32_t failed; /* so many did                         */
};

#define EXPORT   __attribute__((visibility("default")))
#define DATABASE "/troupe.db" /* and what stands beside it: -wal, -journal */

static struct fault_at *shared;

__attribute__((constructor)) static void open_shared(void)
{
    const char *path = getenv("TROUPE_FAULT_AT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map;

    if (fd < 0)
        return;
    map = mmap(NULL, sizeof(struct fault_at), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    shared = map == MAP_FAILED ? NULL : map;
}

static int is_database(int fd)
{
    char link[64], path[512];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n < 0)
        return 0;
    path[n] = '\0';
    return strstr(path, DATABASE) != NULL;
}

/* The errno that this call fails with; 0: it is made. */
static int fault(int fd)
{
    uint32_t n, at;

    if (!shared || !atomic_load(&shared->armed) || !is_database(fd))
        return 0;
    n = atomic_fetch_add(&shared->calls, 1) + 1;
    at = atomic_load(&shared->at);
    if (n < at || n - at >= atomic_load(&shared->count))
        return 0;
    atomic_fetch_add(&shared->failed, 1);
    return (int)atomic_load(&shared->code);
}

/* The next definition of a function, in the type of ours. */
#define NEXT(name)                                                                                 \
    static __typeof__(name) *next;                                                                 \
    if (!next)                                                                                     \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

#define CALL(name, ...)                                                                            \
    NEXT(name);                                                                                    \
    const int code = fault(fd);                                                                    \
    if (code) {                                                                                    \
        errno = code;                                                                              \
        return -1;                                                                                 \
    }                                                                                              \
    return next(__VA_ARGS__)

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
    CALL(write, fd, data, len);
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    CALL(pwrite, fd, data, len, at);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    CALL(pwrite64, fd, data, len, at);
}

EXPORT int fsync(int fd)
{
    CALL(fsync, fd);
}

EXPORT int fdatasync(int fd)
{
    CALL(fdatasync, fd);
}

EXPORT int ftruncate(int fd, off_t len)
{
    CALL(ftruncate, fd, len);
}

EXPORT int ftruncate64(int fd, off64_t len)
{
    CALL(ftruncate64, fd, len);
}

EXPORT int fallocate(int fd, int mode, off_t at, off_t len)
{
    CALL(fallocate, fd, mode, at, len);
}
