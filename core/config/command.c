/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one command and reading what it writes, with a deadline.
 */
#include "config/command.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM        (CONFIG_MAX_VALUE + 3) /* a whole value, "\r\n", and one byte that is too many */
#define POLL_MS     20 /* between looks where the kernel has no pidfd          */
#define SHOWN_BYTES 60 /* of a command in a message                            */

struct child {
    pid_t pid;
    int pidfd;  /* becomes readable when the shell ends; -1 where there is none */
    int output; /* the pipe's reading end                                       */
    bool ended; /* the shell; it stays a zombie until it is reaped              */
    char *text; /* ROOM bytes, never moved: no copy is left behind unwiped      */
    size_t len;
};

/* The command as a message shows it: short, on one line. */
static const char *shown(const char *command, char out[SHOWN_BYTES + 8])
{
    size_t len = strlen(command), cut = text_utf8_cut(command, len, SHOWN_BYTES);

    for (size_t i = 0; i < cut; i++)
        out[i] = (unsigned char)command[i] < 0x20 || command[i] == 0x7f ? ' ' : command[i];
    memcpy(out + cut, cut < len ? "…" : "", cut < len ? sizeof("…") : 1);
    return out;
}

/* ---- starting ------------------------------------------------------------------------------ */

/* Zero, or an errno. */
static int spawn_shell(const char *command, int output, pid_t *ret_pid)
{
    char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)command,
                    NULL};
    posix_spawn_file_actions_t actions;
    int code;

    posix_spawn_file_actions_init(&actions);
    /* The pipe first: where the host has no standard files, it may be number 0 or 2. */
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    code = child_spawn("/bin/sh", &actions, argv, environ, ret_pid);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static troupe_status start(const char *command, struct child *child, struct error *err)
{
    int ends[2], code = 0;

    if (pipe2(ends, O_CLOEXEC) < 0)
        code = errno;
    if (!code) {
        code = spawn_shell(command, ends[1], &child->pid);
        close(ends[1]);
        if (code)
            close(ends[0]);
    }
    if (code)
        return error_set(err, TROUPE_CONFIG, "commands cannot be started: %s", strerror(code));
    child->output = ends[0];
    child->pidfd = child_pidfd(child->pid);
    child->text = mem_alloc(ROOM);
    child->len = 0;
    return TROUPE_OK;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Reads what is there; at the end of the output, closes it. False when it is too much. */
static bool read_output(struct child *child)
{
    ssize_t n = read(child->output, child->text + child->len, ROOM - child->len);

    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0) {
        close(child->output);
        child->output = -1;
        return true;
    }
    child->len += (size_t)n;
    return child->len < ROOM;
}

/*
 * Until the shell has ended and nobody can write any more: like $(…) of a shell, it also waits for
 * what the command left in the background with the pipe in its hands.
 */
static troupe_status collect(struct child *child, const char *command, uint64_t timeout_ms,
                             struct error *err)
{
    const uint64_t deadline = clock_ms() + timeout_ms;
    char name[SHOWN_BYTES + 8];

    while (!child->ended || child->output >= 0) {
        struct pollfd fds[2] = {{.fd = child->output, .events = POLLIN},
                                {.fd = child->ended ? -1 : child->pidfd, .events = POLLIN}};
        uint64_t now = clock_ms(), left = deadline > now ? deadline - now : 0;

        if (!left)
            return error_set(err, TROUPE_CONFIG,
                             "command \"%s\" did not end within %g s; see that it works without a "
                             "terminal and asks for nothing",
                             shown(command, name), (double)timeout_ms / 1000);
        if (!child->ended && child->pidfd < 0 && left > POLL_MS)
            left = POLL_MS;
        if (poll(fds, 2, (int)left) > 0 && fds[0].revents && !read_output(child))
            return error_set(err, TROUPE_CONFIG, "command \"%s\" writes more than %d bytes",
                             shown(command, name), CONFIG_MAX_VALUE);
        if (!child->ended)
            child->ended = child_has_ended(child->pid);
    }
    return TROUPE_OK;
}

/* Reaps the shell. Until then its number is nobody else's, so the group can be killed by it. */
static int finish(struct child *child, bool kill_group)
{
    int status = child_reap(child->pid, kill_group);

    if (child->output >= 0)
        close(child->output);
    if (child->pidfd >= 0)
        close(child->pidfd);
    return status;
}

/* ---- judging ------------------------------------------------------------------------------- */

static troupe_status judge(struct child *child, const char *command, int status, struct error *err)
{
    char name[SHOWN_BYTES + 8];

    if (WIFSIGNALED(status))
        return error_set(err, TROUPE_CONFIG,
                         "command \"%s\" was ended by signal %s; run it by hand to see why",
                         shown(command, name), sigabbrev_np(WTERMSIG(status)));
    if (WEXITSTATUS(status))
        return error_set(err, TROUPE_CONFIG,
                         "command \"%s\" ended with status %d; run it by hand to see why",
                         shown(command, name), WEXITSTATUS(status));
    if (memchr(child->text, '\0', child->len))
        return error_set(err, TROUPE_CONFIG, "command \"%s\" writes no text: it has a NUL byte",
                         shown(command, name));
    if (child->len && child->text[child->len - 1] == '\n')
        child->len--;
    if (child->len && child->text[child->len - 1] == '\r')
        child->len--;
    if (child->len > CONFIG_MAX_VALUE)
        return error_set(err, TROUPE_CONFIG, "command \"%s\" writes more than %d bytes",
                         shown(command, name), CONFIG_MAX_VALUE);
    child->text[child->len] = '\0';
    return TROUPE_OK;
}

troupe_status config_command_run(const char *command, uint64_t timeout_ms, char **ret,
                                 struct error *err)
{
    struct child child;
    troupe_status status;
    int wait_status;

    memset(&child, 0, sizeof(child));
    if ((status = start(command, &child, err)) < 0)
        return status;
    status = collect(&child, command, timeout_ms, err);
    wait_status = finish(&child, status < 0);
    if (status == TROUPE_OK)
        status = judge(&child, command, wait_status, err);
    if (status == TROUPE_OK)
        *ret = mem_strdup(child.text);
    explicit_bzero(child.text, ROOM);
    mem_free(child.text);
    return status;
}
