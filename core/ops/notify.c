/* SPDX-License-Identifier: Apache-2.0
 *
 * The protocol of sd_notify(3) is a datagram to the socket that NOTIFY_SOCKET names; libsystemd
 * would be a dependency for these few lines.
 */
#include "ops/notify.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

troupe_status ops_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    ssize_t sent;
    int fd;

    if (!len)
        return TROUPE_OK;
    if ((*path != '/' && *path != '@') || len >= sizeof(address.sun_path))
        return TROUPE_ARGUMENT;
    memcpy(address.sun_path, path, len);
    if (*path == '@')
        address.sun_path[0] = 0; /* abstract */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return TROUPE_IO;
    do
        sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                      (const struct sockaddr *)&address,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    while (sent < 0 && errno == EINTR);
    close(fd);
    return sent < 0 ? TROUPE_IO : TROUPE_OK;
}

/* A status is one line: what follows a newline would be read as another field. */
static troupe_status notify_with(const char *field, const char *status)
{
    _cleanup_mem_ char *state =
        mem_printf("%s%s%s", field, status ? "\nSTATUS=" : "", status ? status : "");

    for (char *p = state + strlen(field) + 1; status && *p; p++) {
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    }
    return ops_notify(state);
}

troupe_status ops_notify_ready(const char *status)
{
    return notify_with("READY=1", status);
}

troupe_status ops_notify_reloading(void)
{
    _cleanup_mem_ char *state =
        mem_printf("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_ns() / 1000);

    return ops_notify(state);
}

troupe_status ops_notify_stopping(const char *status)
{
    return notify_with("STOPPING=1", status);
}

troupe_status ops_notify_status(const char *status)
{
    _cleanup_mem_ char *line = mem_printf("STATUS=%s", status);

    for (char *p = line; *p; p++) {
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    }
    return ops_notify(line);
}

/* sd_watchdog_enabled(3); with --supervise the one that systemd means is our parent, who hands on
 * what we say. */
uint64_t ops_notify_watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    long long who = pid ? strtoll(pid, NULL, 10) : 0;
    unsigned long long interval = usec ? strtoull(usec, NULL, 10) : 0;

    if (interval == 0 || interval == ULLONG_MAX)
        return 0;
    if (pid && who != getpid() && who != getppid())
        return 0;
    interval /= 3000; /* a third: two may come late */
    return interval ? interval : 1;
}

troupe_status ops_notify_watchdog(void)
{
    return ops_notify("WATCHDOG=1");
}
