/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/socket.h"

#include "base/mem.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PEER_GROUPS_MAX 256

static troupe_status make_address(const char *path, struct sockaddr_un *address, struct error *err)
{
    size_t len = strlen(path);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!len || len >= sizeof(address->sun_path))
        return error_set(err, TROUPE_ARGUMENT,
                         "control socket \"%s\": a socket's path has 1 to %zu bytes; set "
                         "control_socket in [troupe] to a shorter one",
                         path, sizeof(address->sun_path) - 1);
    memcpy(address->sun_path, path, len);
    return TROUPE_OK;
}

static troupe_status errno_error(const char *path, const char *what, struct error *err)
{
    int code = errno;
    troupe_status status = TROUPE_IO;

    if (code == EACCES || code == EPERM || code == EROFS)
        status = TROUPE_DENIED;
    else if (code == ENOENT || code == ENOTDIR)
        status = TROUPE_NOT_FOUND;
    return error_set(err, status,
                     "control socket \"%s\" cannot be %s: %s; set control_socket in [troupe] to a "
                     "place that this user may write",
                     path, what, strerror(code));
}

static troupe_status make_directories(const char *path, struct error *err)
{
    _cleanup_mem_ char *copy = mem_strdup(path);

    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, 0700) < 0 && errno != EEXIST && errno != EISDIR) {
            struct stat info;

            /* A directory above that is not ours to make, but there, is fine. */
            if (stat(copy, &info) < 0)
                return errno_error(path, "made", err);
        }
        *slash = '/';
    }
    return TROUPE_OK;
}

/* The file is there: whose is it? TROUPE_OK when it was left over and is removed now. */
static troupe_status remove_stale(const char *path, const struct sockaddr_un *address,
                                  struct error *err)
{
    struct stat info;
    int fd, rc;

    if (lstat(path, &info) < 0)
        return errno == ENOENT ? TROUPE_OK : errno_error(path, "looked at", err);
    if (!S_ISSOCK(info.st_mode))
        return error_set(err, TROUPE_CONFLICT,
                         "control socket \"%s\": another file is there; move it away, or set "
                         "control_socket in [troupe]",
                         path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno_error(path, "tried", err);
    rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    if (rc < 0)
        rc = errno;
    close(fd);
    if (rc != ECONNREFUSED)
        return error_set(err, TROUPE_UNAVAILABLE,
                         "another host answers on \"%s\"; stop it with \"troupe stop\", or give "
                         "this one another data directory",
                         path);
    if (unlink(path) < 0 && errno != ENOENT)
        return errno_error(path, "replaced", err);
    return TROUPE_OK;
}

troupe_status ops_socket_bind(const char *path, gid_t group, int *ret_fd, struct error *err)
{
    struct sockaddr_un address;
    troupe_status status = make_address(path, &address, err);
    int fd;

    if (status == TROUPE_OK)
        status = make_directories(path, err);
    if (status == TROUPE_OK)
        status = remove_stale(path, &address, err);
    if (status < 0)
        return status;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno_error(path, "made", err);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        status = errno_error(path, "bound", err);
        close(fd);
        return status;
    }
    /* Nobody can connect before listen(2), so this is in time. */
    if ((group != OPS_NO_GROUP && chown(path, (uid_t)-1, group) < 0) ||
        chmod(path, group == OPS_NO_GROUP ? 0600 : 0660) < 0) {
        status = errno_error(path, "protected", err);
        (void)unlink(path);
        close(fd);
        return status;
    }
    *ret_fd = fd;
    return TROUPE_OK;
}

troupe_status ops_socket_connect(const char *path, int *ret_fd, struct error *err)
{
    struct sockaddr_un address;
    troupe_status status = make_address(path, &address, err);
    int fd;

    if (status < 0)
        return status;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, TROUPE_IO, "no socket can be made: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        if (errno == EACCES || errno == EPERM)
            status = error_set(err, TROUPE_DENIED,
                               "the host on \"%s\" belongs to somebody else; run this as its user "
                               "or as root",
                               path);
        else
            status = error_set(err, TROUPE_UNAVAILABLE,
                               "no host is running on \"%s\"; start one with \"troupe run\"", path);
        close(fd);
        return status;
    }
    *ret_fd = fd;
    return TROUPE_OK;
}

static bool peer_in_group(int fd, gid_t primary, gid_t group)
{
    gid_t groups[PEER_GROUPS_MAX];
    socklen_t len = sizeof(groups);

    if (primary == group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
        return false;
    for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

bool ops_socket_peer_allowed(int fd, gid_t group, pid_t *ret_pid, uid_t *ret_uid)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return false;
    *ret_pid = peer.pid;
    *ret_uid = peer.uid;
    return peer.uid == 0 || peer.uid == geteuid() ||
           (group != OPS_NO_GROUP && peer_in_group(fd, peer.gid, group));
}
