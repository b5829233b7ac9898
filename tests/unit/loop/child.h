/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a function in a forked child that is expected to die, and keeps what it wrote to stderr. A
 * child that does not end within a minute is killed, so a broken test fails and does not hang.
 */
#ifndef TESTS_LOOP_CHILD_H
#define TESTS_LOOP_CHILD_H

#include "tap.h"

#include "base/buf.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    int status; /* of waitpid */
    struct buf text;
    const char *output;
};

static inline void child_run(struct child *child, void (*run)(void))
{
    char chunk[4096];
    int ends[2];
    ssize_t n = -1;
    pid_t pid;

    *child = (struct child){0};
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit no_core = {0, 0};

        setrlimit(RLIMIT_CORE, &no_core);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        run();
        _exit(0);
    }
    close(ends[1]);
    while (poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 60000) > 0 &&
           (n = read(ends[0], chunk, sizeof(chunk))) > 0)
        buf_append(&child->text, chunk, (size_t)n);
    close(ends[0]);
    if (n != 0)
        kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &child->status, 0), pid);
    child->output = buf_text(&child->text);
}

static inline void child_clear(struct child *child)
{
    buf_clear(&child->text);
}

#endif
