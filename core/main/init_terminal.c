/* SPDX-License-Identifier: Apache-2.0 */
#include "main/init_terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

troupe_status init_terminal_open(struct init_terminal *terminal, int in, int out, struct error *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    *terminal = (struct init_terminal){.in = in, .out = out, .terminal = isatty(in) == 1};
    terminal->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (terminal->signals < 0)
        return error_set(err, TROUPE_IO, "signals cannot be read: %s", strerror(errno));
    return TROUPE_OK;
}

void init_terminal_close(struct init_terminal *terminal)
{
    if (terminal->signals >= 0)
        close(terminal->signals);
    terminal->signals = -1;
}

int init_terminal_signal(struct init_terminal *terminal)
{
    struct signalfd_siginfo info;

    if (read(terminal->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        terminal->signaled = (int)info.ssi_signo;
    return terminal->signaled;
}

/* One byte: the next readers want what comes behind the line. */
static troupe_status read_byte(struct init_terminal *terminal, char *ret, struct error *err)
{
    struct pollfd wanted[2] = {{.fd = terminal->signals, .events = POLLIN},
                               {.fd = terminal->in, .events = POLLIN}};
    ssize_t n;

    for (;;) {
        if (poll(wanted, 2, -1) < 0 && errno != EINTR)
            return error_set(err, TROUPE_IO, "the input cannot be waited for: %s", strerror(errno));
        if (wanted[0].revents && init_terminal_signal(terminal))
            return error_set(err, TROUPE_CANCELED, "interrupted");
        if (!wanted[1].revents)
            continue;
        n = read(terminal->in, ret, 1);
        if (n == 1)
            return TROUPE_OK;
        if (n == 0 || errno == EIO) /* a terminal that is gone */
            return TROUPE_END;
        if (errno != EINTR && errno != EAGAIN)
            return error_set(err, TROUPE_IO, "the input cannot be read: %s", strerror(errno));
    }
}

static troupe_status read_line(struct init_terminal *terminal, char ret[INIT_LINE_MAX],
                               struct error *err)
{
    size_t len = 0;
    char c = 0;
    troupe_status status;

    while ((status = read_byte(terminal, &c, err)) == TROUPE_OK && c != '\n') {
        if (c == '\0' || len == INIT_LINE_MAX - 1)
            return error_set(err, TROUPE_LIMIT, "the answer is longer than %d bytes, or no text",
                             INIT_LINE_MAX - 1);
        ret[len++] = c;
    }
    ret[len] = '\0';
    return status == TROUPE_END && len ? TROUPE_OK : status;
}

troupe_status init_terminal_ask(struct init_terminal *terminal, const char *question, bool secret,
                                char ret[INIT_LINE_MAX], struct error *err)
{
    struct termios before, silent;
    bool hidden = false;
    troupe_status status;

    if (terminal->terminal) {
        if (secret && tcgetattr(terminal->in, &before) == 0) {
            silent = before;
            silent.c_lflag &= (tcflag_t)~ECHO;
            silent.c_cc[VSUSP] = _POSIX_VDISABLE; /* the shell would be left without an echo */
            silent.c_cc[VQUIT] = _POSIX_VDISABLE;
            hidden = tcsetattr(terminal->in, TCSANOW, &silent) == 0;
        }
        /* What was typed before a question is shown answers none: a line that is pasted with CRLF has
         * two ends, and the second one would take the default. */
        (void)tcflush(terminal->in, TCIFLUSH);
        if (secret && !hidden)
            return error_set(err, TROUPE_IO,
                             "the terminal goes on showing what is typed: use --token-file and "
                             "--key-file");
        (void)dprintf(terminal->out, "%s", question);
    }
    status = read_line(terminal, ret, err);
    if (hidden) {
        (void)tcsetattr(terminal->in, TCSANOW, &before);
        (void)dprintf(terminal->out, "\n");
    } else if (terminal->terminal && status < 0) {
        (void)dprintf(terminal->out, "\n");
    }
    return status;
}
