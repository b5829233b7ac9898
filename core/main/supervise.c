/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread, so fork is harmless here and allows what posix_spawn cannot: the signal that the
 * kernel sends to a child whose parent is gone. The child leads a process group of its own, for
 * Ctrl-C of a terminal reaches the whole foreground group, and with the one that is handed on the
 * host would see two, which means "at once".
 */
#include "main/supervise.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "main/print.h"
#include "ops/notify.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define NOT_STARTED 127 /* of the child whose exec failed */
#define NOTIFY_MAX  4096

struct supervisor {
    char *const *argv;
    char *program;
    sigset_t old_mask;
    int signals;
    int relay; /* where the host's notifications arrive; -1: nobody wants them */
    char *relay_name;
    pid_t child; /* 0: none runs */
    uint64_t started_ms, restart_ms;
    uint64_t delay_ms;
    bool stopping, ended;
    int exit_code;
};

bool supervise_restarts(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return true;
    switch (WEXITSTATUS(wait_status)) {
    case EX_OK:
    case EX_USAGE:
    case EX_DATAERR:
    case EX_NOINPUT:
    case EX_NOPERM:
    case EX_CONFIG:
    case NOT_STARTED: return false;
    default: return true;
    }
}

/* ---- the child ------------------------------------------------------------------------------ */

static _Noreturn void become_host(const struct supervisor *supervisor, pid_t parent)
{
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    /* Between fork and here the parent may have gone without that signal. */
    if (getppid() != parent)
        _exit(EX_TEMPFAIL);
    (void)sigprocmask(SIG_SETMASK, &supervisor->old_mask, NULL);
    if (supervisor->relay_name)
        (void)setenv("NOTIFY_SOCKET", supervisor->relay_name, 1);
    (void)execv(supervisor->program, supervisor->argv);
    log_error("supervise", "\"%s\" cannot be started: %s", supervisor->program, strerror(errno));
    _exit(NOT_STARTED);
}

static void start(struct supervisor *supervisor)
{
    const pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0)
        become_host(supervisor, parent);
    supervisor->started_ms = clock_ms();
    if (pid < 0) {
        log_error("supervise", "no process can be started: %s; raise the limit of processes",
                  strerror(errno));
        supervisor->restart_ms = supervisor->started_ms + SUPERVISE_DELAY_MAX_MS;
        return;
    }
    supervisor->child = pid;
}

static void describe(int wait_status, char *text, size_t size)
{
    if (WIFSIGNALED(wait_status)) {
        const char *name = sigabbrev_np(WTERMSIG(wait_status));

        snprintf(text, size, "was ended by SIG%s", name ? name : "?");
    } else {
        snprintf(text, size, "ended with status %d", WEXITSTATUS(wait_status));
    }
}

static void child_ended(struct supervisor *supervisor, int wait_status)
{
    uint64_t now = clock_ms();
    char how[48];

    describe(wait_status, how, sizeof(how));
    supervisor->child = 0;
    if (supervisor->stopping || !supervise_restarts(wait_status)) {
        supervisor->ended = true;
        supervisor->exit_code =
            WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
        if (supervisor->exit_code)
            log_error("supervise", "the host %s and is not started again", how);
        return;
    }
    if (now - supervisor->started_ms >= SUPERVISE_HEALTHY_MS)
        supervisor->delay_ms = SUPERVISE_DELAY_MS;
    log_error("supervise", "the host %s; it is started again in %g s", how,
              (double)supervisor->delay_ms / 1000);
    (void)ops_notify_status("the host died and is started again");
    supervisor->restart_ms = now + supervisor->delay_ms;
    supervisor->delay_ms *= 2;
    if (supervisor->delay_ms > SUPERVISE_DELAY_MAX_MS)
        supervisor->delay_ms = SUPERVISE_DELAY_MAX_MS;
}

/* As process 1 of a container it inherits others, too. */
static void reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == supervisor->child)
            child_ended(supervisor, status);
}

/* ---- signals -------------------------------------------------------------------------------- */

static void take_signal(struct supervisor *supervisor, int number)
{
    if (number == SIGCHLD) {
        reap(supervisor);
        return;
    }
    if (number == SIGTERM || number == SIGINT)
        supervisor->stopping = true;
    if (supervisor->child)
        (void)kill(supervisor->child, number);
    else if (supervisor->stopping)
        supervisor->ended = true;
    /* A SIGHUP between two hosts: the next one reads the files anyway. */
}

static void read_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;

    while (read(supervisor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        take_signal(supervisor, (int)info.ssi_signo);
}

static troupe_status open_signals(struct supervisor *supervisor, struct error *err)
{
    static const int numbers[] = {SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGCHLD};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaddset(&set, numbers[i]);
    (void)sigprocmask(SIG_BLOCK, &set, &supervisor->old_mask);
    supervisor->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return supervisor->signals < 0
               ? error_set(err, TROUPE_IO, "signals cannot be read: %s", strerror(errno))
               : TROUPE_OK;
}

/* ---- notifications -------------------------------------------------------------------------- */

/* An address that the kernel chooses, in the abstract namespace. */
static troupe_status open_relay(struct supervisor *supervisor, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(address);
    const int on = 1;
    const char *wanted = getenv("NOTIFY_SOCKET");
    int fd;

    if (!wanted || !*wanted)
        return TROUPE_OK;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 ||
        bind(fd, (const struct sockaddr *)&address,
             (socklen_t)offsetof(struct sockaddr_un, sun_path)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
        error_set(err, TROUPE_IO, "the socket for notifications cannot be made: %s",
                  strerror(errno));
        if (fd >= 0)
            close(fd);
        return TROUPE_IO;
    }
    supervisor->relay = fd;
    supervisor->relay_name = mem_printf(
        "@%.*s", (int)(len - offsetof(struct sockaddr_un, sun_path) - 1), address.sun_path + 1);
    return TROUPE_OK;
}

/* Everybody may write to an abstract address; the kernel tells who did. */
static bool is_from(struct msghdr *message, pid_t pid)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        struct ucred who;

        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS)
            continue;
        memcpy(&who, CMSG_DATA(part), sizeof(who));
        return pid && who.pid == pid;
    }
    return false;
}

static void relay_notifications(struct supervisor *supervisor)
{
    char text[NOTIFY_MAX + 1];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;

    for (;;) {
        struct iovec part = {text, NOTIFY_MAX};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};
        ssize_t n = recvmsg(supervisor->relay, &message, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return;
        text[n] = '\0';
        if (is_from(&message, supervisor->child))
            (void)ops_notify(text);
    }
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int wait_ms(const struct supervisor *supervisor)
{
    uint64_t now = clock_ms();

    if (supervisor->child)
        return -1;
    return supervisor->restart_ms > now ? (int)(supervisor->restart_ms - now) : 0;
}

static void serve(struct supervisor *supervisor)
{
    start(supervisor);
    while (!supervisor->ended) {
        struct pollfd fds[] = {{.fd = supervisor->relay, .events = POLLIN},
                               {.fd = supervisor->signals, .events = POLLIN}};

        if (poll(fds, 2, wait_ms(supervisor)) > 0) {
            /* What the host said before it died comes first. */
            if (fds[0].revents)
                relay_notifications(supervisor);
            if (fds[1].revents)
                read_signals(supervisor);
        }
        if (!supervisor->child && !supervisor->ended && wait_ms(supervisor) == 0)
            start(supervisor);
    }
}

/* The file as it is found now: after an upgrade the next host is the new one. */
static char *own_program(void)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    return len > 0 ? mem_strndup(path, (size_t)len) : NULL;
}

int supervise_run(char *const argv[])
{
    struct supervisor supervisor = {
        .argv = argv, .signals = -1, .relay = -1, .delay_ms = SUPERVISE_DELAY_MS};
    struct error err = {0};

    log_setup(LOG_INFO, getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO) ? LOG_SYSTEMD : LOG_TEXT,
              STDERR_FILENO);
    supervisor.program = own_program();
    if (!supervisor.program)
        error_set(&err, TROUPE_IO, "this program's file is not known; mount /proc");
    else if (open_signals(&supervisor, &err) == TROUPE_OK &&
             open_relay(&supervisor, &err) == TROUPE_OK)
        serve(&supervisor);
    if (*err.text) {
        print_failure(err.text);
        supervisor.exit_code = EX_OSERR;
    }
    if (supervisor.signals >= 0)
        close(supervisor.signals);
    if (supervisor.relay >= 0)
        close(supervisor.relay);
    mem_free(supervisor.program);
    mem_free(supervisor.relay_name);
    return supervisor.exit_code;
}
