/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/signals.h"

#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct ops_signals {
    uv_poll_t poll;
    int fd;
    void (*taken)(void *arg, int signal_number);
    void *arg;
};

void ops_signals_block(void)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGUSR1, SIG_IGN);
    (void)signal(SIGUSR2, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGWINCH);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void ops_signals_die(int signal_number)
{
    sigset_t set;

    (void)signal(signal_number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    (void)raise(signal_number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    _exit(128 + signal_number);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct ops_signals *signals = poll->data;
    struct signalfd_siginfo info;

    (void)events;
    if (status < 0)
        return;
    while (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        signals->taken(signals->arg, (int)info.ssi_signo);
}

troupe_status ops_signals_open(struct loop *loop, bool interrupts,
                               void (*taken)(void *arg, int signal_number), void *arg,
                               struct ops_signals **ret, struct error *err)
{
    struct ops_signals *signals;
    sigset_t set;
    int fd, rc;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    if (interrupts)
        sigaddset(&set, SIGINT);
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return error_set(err, TROUPE_IO, "signals cannot be read: %s", strerror(errno));
    signals = mem_zero(1, sizeof(*signals));
    signals->fd = fd;
    signals->taken = taken;
    signals->arg = arg;
    signals->poll.data = signals;
    rc = uv_poll_init(loop_uv(loop), &signals->poll, fd);
    if (rc < 0) {
        close(fd);
        mem_free(signals);
        return error_set(err, TROUPE_IO, "signals cannot be polled: %s", uv_strerror(rc));
    }
    uv_poll_start(&signals->poll, UV_READABLE, readable);
    *ret = signals;
    return TROUPE_OK;
}

static void closed(uv_handle_t *handle)
{
    struct ops_signals *signals = handle->data;

    close(signals->fd);
    mem_free(signals);
}

void ops_signals_close(struct ops_signals *signals)
{
    if (signals)
        uv_close((uv_handle_t *)&signals->poll, closed);
}
