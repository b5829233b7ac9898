/* SPDX-License-Identifier: Apache-2.0
 *
 * A host beside others on the same database: its name, and its look at what they leave behind.
 */
#include "main/host_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    NAME_BYTES = 16,
    LOOK_MS = 1000,
    JOBS_MS = 15000, /* between two looks for jobs that another host has planned */
};

/* ---- the name -------------------------------------------------------------------------------- */

static troupe_status name_failed(const char *path, struct error *err)
{
    return error_set(err, errno == EACCES || errno == EPERM ? TROUPE_DENIED : TROUPE_IO,
                     "the host's name cannot be kept in \"%s\": %s", path, strerror(errno));
}

/* Made aside and linked, so that there is never half of it. */
static troupe_status make_name(const char *path, struct error *err)
{
    _cleanup_mem_ char *aside = mem_printf("%s.new", path);
    char name[2 * NAME_BYTES + 1] = "";
    unsigned char bytes[NAME_BYTES];
    bool good;
    int fd;

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return name_failed(path, err);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        name[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        name[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return name_failed(path, err);
    good = write(fd, name, 2 * NAME_BYTES) == 2 * NAME_BYTES && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (!good || rename(aside, path) < 0)
        return name_failed(path, err);
    return TROUPE_OK;
}

troupe_status host_name(const char *data_dir, char **ret, struct error *err)
{
    _cleanup_mem_ char *path = mem_printf("%s/host", data_dir);
    char name[2 * NAME_BYTES + 1] = "";
    troupe_status status = TROUPE_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        status = make_name(path, err);
        fd = status < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    }
    if (status < 0)
        return status;
    if (fd < 0)
        return name_failed(path, err);
    if (read(fd, name, sizeof(name) - 1) != 2 * NAME_BYTES)
        status =
            error_set(err, TROUPE_DATA, "\"%s\" is not what a host wrote there: remove it", path);
    (void)close(fd);
    if (status == TROUPE_OK)
        *ret = mem_strdup(name);
    return status;
}

/* ---- the others ------------------------------------------------------------------------------ */

static troupe_status deliver(void *arg, struct error *err)
{
    struct host *host = arg;

    return host->discord ? discord_adopt(host->discord, err) : TROUPE_OK;
}

static troupe_status look(struct host *host, struct error *err)
{
    bool left = false;
    troupe_status status = turn_engine_refresh(host->engine, err);

    if (status == TROUPE_OK)
        status = turn_engine_left_behind(host->engine, &left, err);
    if (status < 0 || !left)
        return status;
    status = turn_engine_adopt(host->engine, deliver, host, err);
    sched_wake(host->sched);
    return status;
}

troupe_status host_neighbours(void *arg)
{
    struct host *host = arg;
    uint64_t jobs = clock_ms();
    bool failed = false;

    if (!store_is_shared(host->store))
        return TROUPE_OK;
    while (co_sleep(LOOK_MS) == TROUPE_OK) {
        struct error err;

        if (look(host, &err) < 0) {
            if (!failed && co_status() == TROUPE_OK)
                log_warn("hosts", "what other hosts left is not looked at: %s", err.text);
            failed = true;
            continue;
        }
        failed = false;
        if (clock_ms() - jobs >= JOBS_MS) {
            jobs = clock_ms();
            sched_wake(host->sched);
        }
    }
    return TROUPE_OK;
}
