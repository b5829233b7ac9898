/* SPDX-License-Identifier: Apache-2.0 */
#include "main/init_files.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void init_files_init(struct init_files *files, const char *path)
{
    const char *slash = strrchr(path, '/');

    *files = (struct init_files){0};
    files->dir = slash == path ? mem_strdup("/")
                 : slash       ? mem_strndup(path, (size_t)(slash - path))
                               : mem_strdup(".");
    files->name = mem_strdup(slash ? slash + 1 : path);
}

char *init_files_path(const struct init_files *files, const char *name)
{
    return mem_printf("%s/%s", files->dir, name);
}

/* The directory and those above it; what cannot be made shows when the stage is. */
static void make_directories(const char *path)
{
    char *part = mem_strdup(path);

    for (char *p = part + 1; *part && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        mkdir(part, 0755);
        *p = '/';
    }
    mkdir(part, 0700);
    mem_free(part);
}

/* Drop-ins that are there already count for what is written, so for what is tried, too. */
static troupe_status link_drop_ins(const struct init_files *files, struct error *err)
{
    _cleanup_mem_ char *path = init_files_path(files, INIT_DROP_INS);
    _cleanup_mem_ char *link = mem_printf("%s/" INIT_DROP_INS, files->stage);
    char *real = realpath(path, NULL);
    troupe_status status = TROUPE_OK;

    if (!real && errno != ENOENT)
        status = error_set(err, TROUPE_IO, "\"%s\" cannot be read: %s", path, strerror(errno));
    else if (real && symlink(real, link) < 0)
        status = error_set(err, TROUPE_IO, "\"%s\" cannot be made: %s", link, strerror(errno));
    free(real); /* libc's */
    return status;
}

troupe_status init_files_open(struct init_files *files, struct error *err)
{
    _cleanup_mem_ char *stage = mem_printf("%s/.troupe-init-XXXXXX", files->dir);

    make_directories(files->dir);
    if (!mkdtemp(stage))
        return error_set(err, errno == EACCES || errno == EROFS ? TROUPE_DENIED : TROUPE_IO,
                         "nothing can be written in \"%s\": %s; name another file with -c",
                         files->dir, strerror(errno));
    files->stage = mem_strdup(stage);
    return link_drop_ins(files, err);
}

static troupe_status write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return TROUPE_IO;
        text += n;
        len -= (size_t)n;
    }
    return fsync(fd) < 0 ? TROUPE_IO : TROUPE_OK;
}

troupe_status init_files_put(struct init_files *files, const char *name, const char *text,
                             size_t len, struct error *err)
{
    _cleanup_mem_ char *path = mem_printf("%s/%s", files->stage, name);
    int fd;
    troupe_status status;

    if (files->count == INIT_FILES_MAX)
        return error_set(err, TROUPE_LIMIT, "too many files");
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    status = fd < 0 ? TROUPE_IO : write_all(fd, text, len);
    if (status < 0)
        error_set(err, status, "\"%s\" cannot be written: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (status == TROUPE_OK)
        files->names[files->count++] = name;
    return status;
}

/* ---- putting them in place ----------------------------------------------------------------- */

/* Whether the file is there, also as a link to nowhere. */
static bool is_there(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

static troupe_status check_places(const struct init_files *files, bool replace, struct error *err)
{
    for (size_t i = 0; i < files->count; i++) {
        _cleanup_mem_ char *path = init_files_path(files, files->names[i]);

        if (is_there(path) && !replace)
            return error_set(
                err, TROUPE_CONFLICT,
                "\"%s\" is there already: move it away, or use --force, which keeps it "
                "as .bak",
                path);
    }
    return TROUPE_OK;
}

/* The old one gets a second name before the new one takes the first: there is one at any time. */
static troupe_status keep_old(const char *path, bool *ret_kept, struct error *err)
{
    _cleanup_mem_ char *bak = mem_printf("%s.bak", path), *aside = mem_printf("%s.bak.new", path);

    *ret_kept = false;
    if (!is_there(path))
        return TROUPE_OK;
    (void)unlink(aside);
    if (link(path, aside) < 0 || rename(aside, bak) < 0) {
        error_set(err, TROUPE_IO, "\"%s\" cannot be kept as .bak: %s", path, strerror(errno));
        (void)unlink(aside);
        return TROUPE_IO;
    }
    /* rename leaves both where they are the same file already. */
    (void)unlink(aside);
    *ret_kept = true;
    return TROUPE_OK;
}

static void put_back(const struct init_files *files, const bool *kept, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        _cleanup_mem_ char *path = init_files_path(files, files->names[i]);
        _cleanup_mem_ char *bak = mem_printf("%s.bak", path);

        if (kept[i])
            (void)rename(bak, path);
        else
            (void)unlink(path);
    }
}

static void sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

troupe_status init_files_commit(struct init_files *files, bool replace, struct error *err)
{
    bool kept[INIT_FILES_MAX] = {false};
    size_t done = 0;
    troupe_status status = check_places(files, replace, err);

    for (; done < files->count && status == TROUPE_OK; done++) {
        _cleanup_mem_ char *from = mem_printf("%s/%s", files->stage, files->names[done]);
        _cleanup_mem_ char *to = init_files_path(files, files->names[done]);

        status = keep_old(to, &kept[done], err);
        if (status == TROUPE_OK && rename(from, to) < 0)
            status =
                error_set(err, TROUPE_IO, "\"%s\" cannot be put in place: %s", to, strerror(errno));
        if (status < 0)
            break;
        files->replaced += kept[done];
    }
    if (status < 0) {
        put_back(files, kept, done);
        files->replaced = 0;
    }
    sync_directory(files->dir);
    return status;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    (void)remove(path);
    return 0;
}

void init_files_drop(struct init_files *files)
{
    if (files->stage)
        (void)nftw(files->stage, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    mem_free(files->stage);
    files->stage = NULL;
    files->count = 0;
}

void init_files_clear(struct init_files *files)
{
    init_files_drop(files);
    mem_free(files->dir);
    mem_free(files->name);
    *files = (struct init_files){0};
}
