/* SPDX-License-Identifier: Apache-2.0
 *
 * The Unix socket under the control protocol: binding it safely, and who may talk. Any thread.
 */
#ifndef OPS_SOCKET_H
#define OPS_SOCKET_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define OPS_NO_GROUP ((gid_t)-1)

/* A bound socket that does not listen yet, mode 0600, or 0660 with `group`. Directories above it
 * that are missing are made with mode 0700. A file left by a dead host is replaced.
 *   TROUPE_UNAVAILABLE  somebody answers there        TROUPE_CONFLICT  the file is no socket
 *   TROUPE_ARGUMENT     the path is too long           TROUPE_DENIED    no permission
 *   TROUPE_NOT_FOUND    it cannot be made there        TROUPE_IO        the rest */
troupe_status ops_socket_bind(const char *path, gid_t group, int *ret_fd, struct error *err);
/* A connected, blocking socket. TROUPE_UNAVAILABLE: nobody answers there. */
troupe_status ops_socket_connect(const char *path, int *ret_fd, struct error *err);
/* Whether the peer is root, this process's user or in `group`; fills what is known of it. */
bool ops_socket_peer_allowed(int fd, gid_t group, pid_t *ret_pid, uid_t *ret_uid);

#endif
