/* SPDX-License-Identifier: Apache-2.0 */
#include "confined.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child found, in memory that both see. */
struct shared {
    troupe_status status;
    int outcome;
    bool done;
    char text[ERROR_TEXT_MAX];
};

static void confine(unsigned mode, const char *const *files, size_t count, struct shared *shared)
{
    const unsigned flags = mode & PLUGIN_SANDBOX_NO_LANDLOCK;
    struct error err = {0};

    if (mode & CONFINED_NOT)
        return;
    shared->status = plugin_sandbox_limits(0, 3, &err);
    if (shared->status == TROUPE_OK)
        shared->status = plugin_sandbox_first(flags, files, count, &err);
    if (shared->status == TROUPE_OK && !(mode & CONFINED_FIRST))
        shared->status = plugin_sandbox_second(flags, files, count, &err);
    if (shared->status < 0)
        snprintf(shared->text, sizeof(shared->text), "%s", err.text);
}

static _Noreturn void be_child(unsigned mode, const char *const *files, size_t count,
                               const struct escape *escape, struct shared *shared)
{
    /* As the runner has it: a device, no terminal and no socket. */
    int null = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    if (null > 0)
        dup2(null, 0);
    confine(mode, files, count, shared);
    if (shared->status == TROUPE_OK) {
        shared->outcome = escape->run();
        shared->done = true;
    }
    _exit(0);
}

struct confined confined_run(unsigned mode, const char *const *files, size_t count,
                             const struct escape *escape)
{
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct confined ret = {0};
    int status = 0;
    pid_t pid;

    if (shared == MAP_FAILED) {
        snprintf(ret.text, sizeof(ret.text), "no memory");
        return ret;
    }
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        be_child(mode, files, count, escape, shared);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        snprintf(ret.text, sizeof(ret.text), "%s", strerror(errno));
    } else if (shared->done) {
        ret.ran = true;
        ret.outcome = shared->outcome;
    } else if (shared->status == TROUPE_OK && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS &&
               (escape->flags & ESCAPE_FATAL)) {
        /* Only what may end it is taken for an answer. */
        ret.ran = ret.killed = true;
        ret.outcome = EPERM;
    } else {
        snprintf(ret.text, sizeof(ret.text), "%s (wait status %#x)", shared->text,
                 (unsigned)status);
    }
    munmap(shared, sizeof(*shared));
    return ret;
}
