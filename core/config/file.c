/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/text.h"
#include "config/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The home as the environment says, else as the password file does; the caller's. */
static char *home_dir(void)
{
    const char *home = getenv("HOME");
    struct passwd entry, *found = NULL;
    _cleanup_mem_ char *space = NULL;
    const size_t size = 16384;

    if (home && *home == '/')
        return mem_strdup(home);
    space = mem_alloc(size);
    if (getpwuid_r(getuid(), &entry, space, size, &found) || !found || !found->pw_dir)
        return mem_strdup("/");
    return mem_strdup(found->pw_dir);
}

char *config_resolve_path(const char *dir, const char *path)
{
    _cleanup_mem_ char *here = NULL;

    if (*path == '/')
        return mem_strdup(path);
    if (!strcmp(path, "~") || text_starts(path, "~/")) {
        _cleanup_mem_ char *home = home_dir();

        return mem_printf("%s%s", home, path + 1);
    }
    if (text_starts(path, "./"))
        path += 2;
    if (dir && *dir == '/')
        return mem_printf("%s/%s", strcmp(dir, "/") ? dir : "", path);
    /* The working directory may change later (a service starts in "/"), so it is fixed here. */
    here = realpath(dir ? dir : ".", NULL);
    return mem_printf("%s/%s", here && strcmp(here, "/") ? here : "", path);
}

static char *path_at_home(void)
{
    const char *base = getenv("XDG_CONFIG_HOME");

    return base && *base == '/' ? mem_printf("%s/troupe/troupe.ini", base)
                                : config_resolve_path(NULL, "~/.config/troupe/troupe.ini");
}

troupe_status config_default_path(char **ret_path, struct error *err)
{
    char *path = mem_strdup(TROUPE_CONFIG_DIR "/troupe.ini");

    if (access(path, F_OK) == 0) {
        *ret_path = path;
        return TROUPE_OK;
    }
    mem_free(path);
    path = path_at_home();
    if (access(path, F_OK) == 0) {
        *ret_path = path;
        return TROUPE_OK;
    }
    error_set(
        err, TROUPE_NOT_FOUND,
        "no configuration: neither \"%s\" nor \"%s\" exists; troupe init writes one, -c names "
        "one",
        TROUPE_CONFIG_DIR "/troupe.ini", path);
    mem_free(path);
    return TROUPE_NOT_FOUND;
}

char *config_new_path(void)
{
    char *path;

    if (config_default_path(&path, NULL) == TROUPE_OK)
        return path;
    return access(TROUPE_CONFIG_DIR, W_OK | X_OK) == 0 ? mem_strdup(TROUPE_CONFIG_DIR "/troupe.ini")
                                                       : path_at_home();
}

troupe_status config_read_file(const char *path, size_t max, struct buf *out, struct stat *ret_stat,
                               struct error *err)
{
    troupe_status status = TROUPE_OK;
    struct stat info;
    /* O_NONBLOCK: opening a pipe that nobody writes to must not hang a reload. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return error_set(err, TROUPE_IO, "cannot open \"%s\": %s", path, strerror(errno));
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        status = error_set(err, TROUPE_IO, "\"%s\" is not a regular file", path);
        goto out;
    }
    for (;;) {
        char chunk[4096];
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            status = error_set(err, TROUPE_IO, "cannot read \"%s\": %s", path, strerror(errno));
            break;
        }
        if (n == 0)
            break;
        if (out->len + (size_t)n > max) {
            status = error_set(err, TROUPE_LIMIT, "\"%s\" is larger than %zu bytes", path, max);
            break;
        }
        buf_append(out, chunk, (size_t)n);
        explicit_bzero(chunk, (size_t)n);
    }
    if (status == TROUPE_OK && ret_stat)
        *ret_stat = info;
out:
    close(fd);
    return status;
}
