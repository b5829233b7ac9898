/* SPDX-License-Identifier: Apache-2.0
 *
 * The project's folder and those below it, by inotify. What compilers and editors leave is no change;
 * what is missed because too much happened at once is one.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "main/dev.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define DIRS_MAX                                                                                   \
    (sizeof(((struct dev_watch *)NULL)->dirs) / sizeof(((struct dev_watch *)NULL)->dirs[0]))
#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF |       \
     IN_MOVE_SELF)

/* Vim asks by a file 4913 whether it may write. */
static bool is_source(const char *name)
{
    static const char *const endings[] = {".so", ".o", ".d", ".a", "~", ".tmp", ".swp", ".log"};
    size_t len = strlen(name);

    if (*name == '.' || *name == '#' || strcmp(name, "4913") == 0)
        return false;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t ending = strlen(endings[i]);

        if (len > ending && strcmp(name + len - ending, endings[i]) == 0)
            return false;
    }
    return true;
}

static bool add_dir(struct dev_watch *watch, const char *path)
{
    const struct dirent *entry;
    int wd = inotify_add_watch(watch->fd, path, EVENTS | IN_ONLYDIR);
    size_t at = watch->dir_count;
    DIR *dir;

    if (wd < 0)
        return false;
    for (size_t i = watch->dir_count; i-- > 0;) {
        if (watch->dirs[i].wd == wd)
            return true;
        if (watch->dirs[i].wd < 0)
            at = i; /* of a folder that is gone */
    }
    if (at == DIRS_MAX)
        return true; /* what lies deeper is not seen */
    mem_free(watch->dirs[at].path);
    watch->dirs[at].wd = wd;
    watch->dirs[at].path = mem_strdup(path);
    watch->dir_count += at == watch->dir_count;
    dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        if (entry->d_type == DT_DIR && *entry->d_name != '.') {
            _cleanup_mem_ char *below = mem_printf("%s/%s", path, entry->d_name);

            (void)add_dir(watch, below);
        }
    }
    if (dir)
        (void)closedir(dir);
    return true;
}

troupe_status dev_watch_open(struct dev_watch *watch, const char *dir, struct error *err)
{
    *watch = (struct dev_watch){.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    if (watch->fd < 0 || !add_dir(watch, dir))
        return error_set(err, TROUPE_IO,
                         "\"%s\" cannot be watched: %s; see the sysctls fs.inotify.max_user_*", dir,
                         strerror(errno));
    return TROUPE_OK;
}

void dev_watch_close(struct dev_watch *watch)
{
    for (size_t i = 0; i < watch->dir_count; i++)
        mem_free(watch->dirs[i].path);
    if (watch->fd >= 0)
        (void)close(watch->fd);
    *watch = (struct dev_watch){.fd = -1};
}

static void take(struct dev_watch *watch, const struct inotify_event *event)
{
    const char *name = event->len ? event->name : "";
    size_t at = 0;
    bool changed = false;

    while (at < watch->dir_count && watch->dirs[at].wd != event->wd)
        at++;
    if (event->mask & IN_Q_OVERFLOW) {
        changed = true;
    } else if (at == watch->dir_count) {
        return;
    } else if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) {
        if (at == 0)
            watch->gone = true;
        else
            watch->dirs[at].wd = -1;
        changed = true;
    } else if (event->mask & IN_ISDIR) {
        if (*name != '.' && event->mask & (IN_CREATE | IN_MOVED_TO)) {
            _cleanup_mem_ char *path = mem_printf("%s/%s", watch->dirs[at].path, name);

            changed = add_dir(watch, path);
        }
    } else if (!(event->mask & IN_CREATE)) {
        changed = is_source(name);
    }
    if (changed) {
        watch->last_ms = clock_ms();
        if (!watch->first_ms)
            watch->first_ms = watch->last_ms;
    }
}

void dev_watch_read(struct dev_watch *watch)
{
    _Alignas(struct inotify_event) char events[4096];
    ssize_t n;

    while ((n = read(watch->fd, events, sizeof(events))) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(events + at);

            take(watch, event);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
}

int dev_watch_due(const struct dev_watch *watch)
{
    uint64_t now = clock_ms(), due;

    if (!watch->first_ms)
        return -1;
    due = watch->last_ms + DEV_DEBOUNCE_MS;
    if (due > watch->first_ms + DEV_PATIENCE_MS)
        due = watch->first_ms + DEV_PATIENCE_MS;
    return due > now ? (int)(due - now) : 0;
}

void dev_watch_forget(struct dev_watch *watch)
{
    watch->first_ms = watch->last_ms = 0;
}
