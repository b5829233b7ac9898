/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs beside the chat's thread: between fork and exec only what a signal handler may do.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "main/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void become(const char *const argv[], int out, pid_t parent)
{
    sigset_t none;
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    (void)dup2(in, 0);
    (void)dup2(out, 1);
    (void)dup2(out, 2);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

bool dev_child_start(struct dev_child *child, const char *const argv[], size_t max)
{
    const pid_t parent = getpid();
    int ends[2];
    pid_t pid;

    buf_clear(&child->text);
    child->text.max = max;
    child->cut = false;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return false;
    /* Programs expect outputs that wait. */
    (void)fcntl(ends[1], F_SETFL, 0);
    pid = fork();
    if (pid == 0)
        become(argv, ends[1], parent);
    (void)close(ends[1]);
    child->pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (child->pidfd < 0) {
        (void)close(ends[0]);
        if (pid > 0) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, NULL, 0);
        }
        return false;
    }
    (void)setpgid(pid, pid); /* both do, so that it holds for both at once */
    child->pid = pid;
    child->out = ends[0];
    return true;
}

void dev_child_read(struct dev_child *child)
{
    char chunk[4096];
    ssize_t n;

    while (child->out >= 0 && (n = read(child->out, chunk, sizeof(chunk))) != 0) {
        size_t room = child->text.max - child->text.len;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return;
        if ((size_t)n > room) {
            child->cut = true;
            n = (ssize_t)room;
        }
        (void)buf_append(&child->text, chunk, (size_t)n);
        if (child->cut && !room)
            return; /* the rest is read, and left out, the next time */
    }
    if (child->out >= 0)
        (void)close(child->out);
    child->out = -1;
}

static void forget(struct dev_child *child)
{
    if (child->out >= 0)
        (void)close(child->out);
    (void)close(child->pidfd);
    child->pid = 0;
    child->out = child->pidfd = -1;
}

int dev_child_reap(struct dev_child *child)
{
    int status = 0;

    dev_child_read(child);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    /* What it left in its group would outlive us. */
    (void)kill(-child->pid, SIGKILL);
    forget(child);
    return status;
}

void dev_child_kill(struct dev_child *child)
{
    if (child->pid <= 0)
        return;
    (void)kill(-child->pid, SIGKILL);
    (void)dev_child_reap(child);
}

bool dev_child_wait(struct dev_child *child, uint64_t within_ms, int *ret_status)
{
    const uint64_t late_ms = clock_ms() + within_ms;
    bool ended = false;

    while (!ended && clock_ms() < late_ms) {
        struct pollfd wanted[2] = {{.fd = child->pidfd, .events = POLLIN},
                                   {.fd = child->out, .events = POLLIN}};

        (void)poll(wanted, 2, (int)(late_ms - clock_ms()));
        if (wanted[1].revents)
            dev_child_read(child);
        ended = wanted[0].revents != 0;
    }
    if (!ended)
        (void)kill(-child->pid, SIGKILL);
    *ret_status = dev_child_reap(child);
    return ended;
}
