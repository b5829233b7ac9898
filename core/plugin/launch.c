/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/launch.h"

#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIRST_FD 3

int plugin_launch_file(const char *text)
{
    size_t len = strlen(text);
    int fd = memfd_create("troupe-trial", MFD_CLOEXEC);

    for (size_t at = 0; fd >= 0 && at < len;) {
        ssize_t n = write(fd, text + at, len - at);

        if (n < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return fd;
}

static int spawn_runner(const char *runner, const int *fds, size_t count, pid_t *ret_pid)
{
    char *argv[] = {(char *)(uintptr_t) "troupe-runner", NULL};
    char *envp[] = {(char *)(uintptr_t)PLUGIN_LAUNCH_VARIABLE, NULL};
    posix_spawn_file_actions_t actions;
    int code;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    for (size_t i = 0; i < count; i++)
        posix_spawn_file_actions_adddup2(&actions, fds[i], FIRST_FD + (int)i);
    posix_spawn_file_actions_addclosefrom_np(&actions, FIRST_FD + (int)count);
    code = child_spawn(runner, &actions, argv, envp, ret_pid);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int plugin_launch(const char *runner, const int *fds, size_t count, pid_t *ret_pid)
{
    int moved[PLUGIN_LAUNCH_FDS], code = 0;

    /* First above those that the runner wants, so that no dup2 closes another. */
    for (size_t i = 0; i < count; i++) {
        moved[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
        if (moved[i] < 0 && !code)
            code = fds[i] < 0 ? EMFILE : errno;
    }
    if (!code)
        code = spawn_runner(runner, moved, count, ret_pid);
    /* The child has copies of these. */
    for (size_t i = 0; i < count; i++) {
        if (moved[i] >= 0)
            close(moved[i]);
        if (fds[i] >= 0)
            close(fds[i]);
    }
    return code;
}
