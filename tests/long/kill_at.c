/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into a host: ends it by SIGKILL at the N-th write, sync or send, counted over all its
 * threads from the moment the test arms it. The test and this library share a small file, named by
 * TROUPE_KILL_AT (struct kill_at, mapped by both); N 0 only counts.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct kill_at {
    _Atomic uint32_t armed; /* 1: count from here                                     */
    _Atomic uint32_t calls; /* counted so far                                         */
    uint32_t at;            /* the call that it dies at; 0: none                      */
    uint32_t after;         /* 1: the call is made first, 0: it is not made any more  */
};

#define EXPORT __attribute__((visibility("default")))

static struct kill_at *shared;

__attribute__((constructor)) static void open_shared(void)
{
    const char *path = getenv("TROUPE_KILL_AT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map;

    if (fd < 0)
        return;
    map = mmap(NULL, sizeof(struct kill_at), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    shared = map == MAP_FAILED ? NULL : map;
}

/* Whether this call is the one; dies at once where it is not to be made. */
static int counts(void)
{
    uint32_t n;

    if (!shared || !atomic_load(&shared->armed))
        return 0;
    n = atomic_fetch_add(&shared->calls, 1) + 1;
    if (n != shared->at)
        return 0;
    if (!shared->after)
        kill(getpid(), SIGKILL);
    return 1;
}

static void died(int hit)
{
    if (hit)
        kill(getpid(), SIGKILL);
}

/* The next definition of a function, in the type of ours. */
#define NEXT(name)                                                                                 \
    static __typeof__(name) *next;                                                                 \
    if (!next)                                                                                     \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

#define CALL(name, ...)                                                                            \
    NEXT(name);                                                                                    \
    const int hit = counts();                                                                      \
    const __typeof__(name(__VA_ARGS__)) result = next(__VA_ARGS__);                                \
    died(hit);                                                                                     \
    return result

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

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    CALL(writev, fd, parts, count);
}

EXPORT int fsync(int fd)
{
    CALL(fsync, fd);
}

EXPORT int fdatasync(int fd)
{
    CALL(fdatasync, fd);
}

EXPORT ssize_t send(int fd, const void *data, size_t len, int flags)
{
    CALL(send, fd, data, len, flags);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len)
{
    CALL(sendto, fd, data, len, flags, to, to_len);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    CALL(sendmsg, fd, message, flags);
}
