/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into a host: its clock on the wall is off by what a small file says, named by
 * TROUPE_CLOCK_STEP (struct step, mapped by the test and by every host that it starts). The monotonic
 * clocks stay as they are, as when somebody sets the time.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct step {
    _Atomic int64_t seconds;
};

#define EXPORT __attribute__((visibility("default")))

static struct step *shared;

__attribute__((constructor)) static void open_shared(void)
{
    const char *path = getenv("TROUPE_CLOCK_STEP");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map;

    if (fd < 0)
        return;
    map = mmap(NULL, sizeof(struct step), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    shared = map == MAP_FAILED ? NULL : map;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int result = (int)syscall(SYS_clock_gettime, clock, ret);

    if (result == 0 && shared && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ret->tv_sec += atomic_load(&shared->seconds);
    return result;
}

EXPORT time_t time(time_t *ret)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
