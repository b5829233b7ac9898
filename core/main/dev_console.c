/* SPDX-License-Identifier: Apache-2.0
 *
 * The person's chat (ops/chat.h) has a thread and believes that it talks to one host. Between the two is
 * this relay: it joins each host anew, hides that one has gone, and puts what `dev` says into the
 * stream, so that it appears above the line that is being typed.
 */
#include "base/json.h"
#include "base/mem.h"
#include "gateway/console/filter.h"
#include "main/dev.h"
#include "ops/chat.h"
#include "ops/socket.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS    5000 /* for room in a socket: whoever reads it hangs then */
#define LINE_BYTES ((size_t)4 << 20)

struct dev_console {
    pthread_t thread;
    int person, other; /* the relay's end and the chat's */
    int host;          /* -1: none is there */
    bool greeted;      /* the chat has its answer to "chat" */
    bool left;
    struct buf in, out; /* half lines of the person's and of the host's */
    struct ops_chat_options options;
    char *history;
    struct error err;
};

static void *sit(void *arg)
{
    struct dev_console *console = arg;

    (void)ops_chat_run(console->other, &console->options, &console->err);
    return NULL; /* it has closed its end, which the relay sees */
}

static bool send_all(int fd, const char *text, size_t len)
{
    while (len) {
        struct pollfd wanted = {.fd = fd, .events = POLLOUT};
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno != EAGAIN || poll(&wanted, 1, WAIT_MS) <= 0))
            return false;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static bool send_object(int fd, json_t *object)
{
    _cleanup_mem_ char *text = json_print(object);
    _cleanup_buf_ struct buf line = BUF_INIT;

    json_decref(object);
    buf_printf(&line, "%s\n", text ? text : "{}");
    return send_all(fd, buf_text(&line), line.len);
}

bool dev_console_show(struct dev_console *console, const char *text, size_t len)
{
    /* Before its first answer the chat takes nothing else. */
    return console->greeted && !console->left &&
           send_object(console->person, json_pack("{s:s%}", "text", text, len)) &&
           send_object(console->person, json_pack("{s:s}", "event", "settled"));
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static void take_signals(struct dev *dev, bool interrupts)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    if (interrupts)
        sigaddset(&set, SIGINT);
    (void)signalfd(dev->signals, &set, 0);
}

static void begin(struct dev *dev)
{
    struct dev_console *console = mem_zero(1, sizeof(*console));
    int pair[2];

    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    console->host = -1;
    console->in.max = console->out.max = LINE_BYTES;
    console->history = mem_printf("%s/console_history", dev->data);
    console->options = (struct ops_chat_options){.in = STDIN_FILENO,
                                                 .out = STDOUT_FILENO,
                                                 .terminal = true,
                                                 .history_path = console->history};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
        console->person = pair[0];
        console->other = pair[1];
        take_signals(dev, false); /* Ctrl-C is the chat's from here on */
        if (pthread_create(&console->thread, NULL, sit, console) == 0) {
            dev->console = console;
            return;
        }
        take_signals(dev, true);
        (void)close(pair[0]);
        (void)close(pair[1]);
    }
    mem_free(console->history);
    mem_free(console);
    dev_say(dev, "dev: no chat can be opened here; use troupe chat --socket %s", dev->socket);
}

void dev_console_join(struct dev *dev)
{
    struct dev_console *console;
    struct error err;

    if (!dev->console && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        begin(dev);
    console = dev->console;
    if (!console || console->host >= 0)
        return;
    if (ops_socket_connect(dev->socket, &console->host, &err) < 0) {
        console->host = -1;
        dev_say(dev, "dev: the chat cannot be joined: %s", err.text);
        return;
    }
    buf_reset(&console->out);
    dev->answered = false;
    /* The first host is greeted by the chat itself. */
    if (console->greeted)
        (void)send_object(console->host, json_pack("{s:s}", "cmd", "chat"));
}

void dev_console_leave_host(struct dev *dev)
{
    struct dev_console *console = dev->console;

    if (!console || console->host < 0)
        return;
    (void)close(console->host);
    console->host = -1;
    /* What was asked is answered no more. */
    if (console->greeted)
        (void)send_object(console->person, json_pack("{s:s}", "event", "settled"));
}

void dev_console_close(struct dev *dev)
{
    struct dev_console *console = dev->console;

    if (!console)
        return;
    dev->console = NULL;
    (void)shutdown(console->person, SHUT_RDWR); /* the chat ends by that */
    (void)pthread_join(console->thread, NULL);
    (void)close(console->person);
    if (console->host >= 0)
        (void)close(console->host);
    take_signals(dev, true);
    buf_clear(&console->in);
    buf_clear(&console->out);
    mem_free(console->history);
    mem_free(console);
}

/* ---- the relay ------------------------------------------------------------------------------- */

/* What has come, into `lines`; false: that side has gone. */
static bool receive(int fd, struct buf *lines)
{
    char chunk[4096];
    ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    return n > 0 && buf_append(lines, chunk, (size_t)n) == TROUPE_OK;
}

/* The length of the whole lines at the beginning. */
static size_t whole_lines(const struct buf *lines)
{
    const char *end = lines->len ? memrchr(lines->data, '\n', lines->len) : NULL;

    return end ? (size_t)(end - lines->data) + 1 : 0;
}

static void pass_to_host(struct dev *dev, struct dev_console *console)
{
    static const char nobody[] = "no host runs: save a build that holds\n";
    size_t len = whole_lines(&console->in);

    if (!len)
        return;
    if (console->host >= 0)
        (void)send_all(console->host, console->in.data, len);
    else
        (void)dev_console_show(console, nobody, sizeof(nobody) - 1);
    (void)dev;
    buf_shift(&console->in, len);
}

static void pass_to_person(struct dev_console *console, bool *answered)
{
    size_t len = whole_lines(&console->out), first = 0;

    if (!len)
        return;
    /* The answer to a "chat" that the chat did not send. */
    if (!*answered && console->greeted)
        first =
            (size_t)((const char *)memchr(console->out.data, '\n', len) - console->out.data) + 1;
    *answered = console->greeted = true;
    (void)send_all(console->person, console->out.data + first, len - first);
    buf_shift(&console->out, len);
}

size_t dev_console_poll(struct dev_console *console, struct pollfd wanted[2])
{
    wanted[0] = (struct pollfd){.fd = console->person, .events = POLLIN};
    wanted[1] = (struct pollfd){.fd = console->host, .events = POLLIN};
    return 2;
}

bool dev_console_serve(struct dev *dev, const struct pollfd wanted[2])
{
    struct dev_console *console = dev->console;

    if (wanted[0].revents) {
        if (!receive(console->person, &console->in)) {
            console->left = true;
            return false;
        }
        pass_to_host(dev, console);
    }
    if (wanted[1].revents && console->host == wanted[1].fd) {
        if (receive(console->host, &console->out))
            pass_to_person(console, &dev->answered);
        else
            dev_console_leave_host(dev);
    }
    return true;
}
