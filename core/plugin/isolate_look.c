/* SPDX-License-Identifier: Apache-2.0
 *
 * What an isolated agent's process takes, for people.
 */
#include "plugin/isolate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_text(pid_t pid, const char *file, char *ret, size_t size)
{
    char path[64];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, ret, size - 1);
    close(fd);
    if (n <= 0)
        return false;
    ret[n] = '\0';
    return true;
}

static uint64_t memory_of(pid_t pid)
{
    unsigned long long kb = 0, size, resident;
    const char *line;
    char text[2048];

    if (read_text(pid, "smaps_rollup", text, sizeof(text)) && (line = strstr(text, "\nPss:")) &&
        sscanf(line, "\nPss: %llu", &kb) == 1)
        return kb * 1024;
    /* Of another user's process, or one that may not be looked at. */
    if (read_text(pid, "statm", text, sizeof(text)) &&
        sscanf(text, "%llu %llu", &size, &resident) == 2)
        return resident * (uint64_t)sysconf(_SC_PAGESIZE);
    return 0;
}

static uint64_t cpu_of(pid_t pid)
{
    unsigned long long user, system;
    const char *rest;
    char text[1024];

    /* Behind the name, which may hold anything. */
    if (!read_text(pid, "stat", text, sizeof(text)) || !(rest = strrchr(text, ')')) ||
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) !=
            2)
        return 0;
    return (user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

void plugin_isolate_look(const struct plugin_isolate *isolate, struct plugin_isolate_info *ret)
{
    static const char *const names[] = {
        [ISOLATE_STARTING] = "starting", [ISOLATE_READY] = "ready", [ISOLATE_WAITING] = "crashed",
        [ISOLATE_OFF] = "off",           [ISOLATE_FAILED] = "off",  [ISOLATE_CLOSING] = "ending",
        [ISOLATE_ENDED] = "ended"};

    *ret = (struct plugin_isolate_info){.state = names[isolate->state],
                                        .crashes = isolate->crashes,
                                        .running = isolate->call_count};
    if (!isolate->child || isolate->child->over)
        return;
    ret->pid = isolate->child->pid;
    ret->pss = memory_of(ret->pid);
    ret->cpu_ms = cpu_of(ret->pid);
}
