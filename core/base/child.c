/* SPDX-License-Identifier: Apache-2.0 */
#include "base/child.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int child_spawn(const char *path, const posix_spawn_file_actions_t *actions, char *const argv[],
                char *const envp[], pid_t *ret_pid)
{
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int code;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    code = posix_spawn(ret_pid, path, actions, &attributes, argv, envp);
    posix_spawnattr_destroy(&attributes);
    return code;
}

int child_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool child_has_ended(pid_t pid)
{
    siginfo_t info = {0};
    int code;

    do
        code = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    while (code < 0 && errno == EINTR);
    /* ECHILD: somebody ignores SIGCHLD and the kernel has reaped it. */
    return code < 0 || info.si_pid != 0;
}

int child_reap(pid_t pid, bool kill_group)
{
    int status = 0;
    pid_t got;

    if (kill_group) {
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL); /* it may have moved to another group */
    }
    do
        got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    return status;
}
