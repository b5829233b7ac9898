/* SPDX-License-Identifier: Apache-2.0
 *
 * What is looked at before SQLite opens the file: SQLite says "unable to open database file" to
 * everything, and an operator deserves the reason and the remedy.
 */
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *remedy_of(int code)
{
    switch (code) {
    case EACCES:
    case EPERM: return "give this user the right to write there";
    case EROFS: return "the file system is read-only: choose another path";
    case ENOSPC:
    case EDQUOT: return "the disk is full: free space";
    case ENOENT:
    case ENOTDIR: return "create the directory or choose another path";
    case EISDIR: return "name a regular file";
    default: return "see the system's error";
    }
}

static troupe_status status_of(int code)
{
    switch (code) {
    case EACCES:
    case EPERM: return TROUPE_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EIO: return TROUPE_IO;
    default: return TROUPE_NOT_FOUND;
    }
}

static troupe_status refused(int code, const char *what, const char *path, struct error *err)
{
    char reason[128];

    return error_set(err, status_of(code), "cannot %s \"%s\" (%s): %s", what, path,
                     strerror_r(code, reason, sizeof(reason)), remedy_of(code));
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return mem_strdup(".");
    return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static troupe_status check_directory(const char *directory, struct error *err)
{
    struct stat st;

    if (stat(directory, &st) < 0)
        return refused(errno, "use the directory", directory, err);
    if (!S_ISDIR(st.st_mode))
        return refused(ENOTDIR, "use the directory", directory, err);
    /* The write-ahead log and its index are created beside the database. */
    if (access(directory, W_OK | X_OK) < 0)
        return refused(errno, "write in the directory", directory, err);
    return TROUPE_OK;
}

/* One host at a time: a second one would answer everything twice. The kernel gives the lock back
 * when the process ends, however it ends. */
static troupe_status take_lock(const char *path, int *ret_lock, struct error *err)
{
    _cleanup_mem_ char *name = mem_printf("%s.lock", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return refused(errno, "open", name, err);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int code = errno;

        close(fd);
        if (code == EWOULDBLOCK)
            return error_set(err, TROUPE_UNAVAILABLE,
                             "\"%s\" is in use by another running host: stop it first, or give "
                             "this one a path of its own",
                             path);
        return refused(code, "lock", name, err);
    }
    *ret_lock = fd;
    return TROUPE_OK;
}

static troupe_status check_file(const char *path, struct error *err)
{
    static const char magic[16] = "SQLite format 3";
    char head[sizeof(magic)];
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat st;
    ssize_t n = 0;
    int code = 0;

    if (fd < 0)
        return refused(errno, "open", path, err);
    if (fstat(fd, &st) < 0 || (st.st_size > 0 && (n = pread(fd, head, sizeof(head), 0)) < 0))
        code = errno;
    close(fd);
    if (code)
        return refused(code, "read", path, err);
    if (st.st_size > 0 && ((size_t)n < sizeof(head) || memcmp(head, magic, sizeof(magic)) != 0))
        return error_set(err, TROUPE_DATA,
                         "\"%s\" is not a database: move it away or choose another path", path);
    return TROUPE_OK;
}

troupe_status sqlite_file_prepare(const char *path, int *ret_lock, struct error *err)
{
    _cleanup_mem_ char *directory = directory_of(path);
    troupe_status status = check_directory(directory, err);
    struct stat st;
    int lock = -1;

    if (status < 0)
        return status;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return refused(EISDIR, "use", path, err);
    status = take_lock(path, &lock, err);
    if (status < 0)
        return status;
    /* Only under the lock: closing a descriptor would drop the file locks of an SQLite that has
     * the same file open in this process. */
    status = check_file(path, err);
    if (status < 0) {
        close(lock);
        return status;
    }
    *ret_lock = lock;
    return TROUPE_OK;
}
