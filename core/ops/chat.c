/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/chat.h"

#include "base/mem.h"
#include "base/text.h"
#include "gateway/console/terminal.h"
#include "gateway/event.h"
#include "ops/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define START_MS 10000

/* A longer line is cut here, which is still too long for the host: it will say so. */
#define LINE_MAX_BYTES (EVENT_CONTENT_MAX + 8)

static const char not_utf8[] =
    "that is no UTF-8 text; set the terminal to UTF-8, or convert the input\n";

struct chat {
    const struct ops_chat_options *options;
    struct ops_client client;
    struct console_terminal *terminal; /* NULL: a pipe */
    int signals;
    struct buf input;   /* of the pipe                                        */
    bool discarding;    /* the rest of a line that was too long               */
    bool input_over;    /* nothing more to read                               */
    bool awaiting;      /* a line was sent and not everything is answered yet */
    bool stop_sent;     /* Ctrl-C was pressed for what is running             */
    bool leaving_armed; /* Ctrl-C was pressed while nothing ran               */
    bool ended;
    troupe_status status;
    struct error *err;
};

static void end(struct chat *chat, troupe_status status)
{
    chat->ended = true;
    chat->status = status;
}

/* ---- out ------------------------------------------------------------------------------------- */

static void show(struct chat *chat, const char *text, size_t len)
{
    if (chat->terminal) {
        console_terminal_show(chat->terminal, text, len);
        return;
    }
    while (len) {
        ssize_t n = write(chat->options->out, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            end(chat, error_set(chat->err, TROUPE_IO, "the output cannot be written: %s",
                                strerror(errno)));
            return;
        }
        text += n;
        len -= (size_t)n;
    }
}

static void send_object(struct chat *chat, json_t *object)
{
    troupe_status status = ops_client_send(&chat->client, object, chat->err);

    json_decref(object);
    if (status < 0)
        end(chat, status);
}

static void send_line(struct chat *chat, const char *line, size_t len)
{
    if (len > LINE_MAX_BYTES)
        len = text_utf8_cut(line, len, LINE_MAX_BYTES);
    if (!text_is_utf8(line, len) || memchr(line, 0, len)) {
        show(chat, not_utf8, sizeof(not_utf8) - 1);
        return;
    }
    chat->awaiting = true;
    chat->stop_sent = chat->leaving_armed = false;
    send_object(chat, json_pack("{s:s%}", "line", line, len));
}

/* ---- what the host says ---------------------------------------------------------------------- */

static void settled(struct chat *chat)
{
    chat->awaiting = chat->stop_sent = false;
    if (chat->terminal)
        console_terminal_settle(chat->terminal);
}

static void handle_object(struct chat *chat, const json_t *object)
{
    const json_t *text = json_object_get(object, "text");
    const char *event = json_get_str(object, "event", "");

    if (json_is_string(text))
        show(chat, json_string_value(text), json_string_length(text));
    else if (!strcmp(event, "settled"))
        settled(chat);
    else if (!strcmp(event, "member") && chat->terminal)
        console_terminal_prompt(chat->terminal, json_get_str(object, "name", "you"));
    else if (!strcmp(event, "quit"))
        end(chat, TROUPE_OK);
    else if (json_is_false(json_object_get(object, "ok")))
        end(chat, error_set(chat->err, TROUPE_FAILED, "%s",
                            json_get_str(object, "error", "the host refused a line")));
}

static bool line_is_there(const struct chat *chat)
{
    return chat->client.in.len && memchr(chat->client.in.data, '\n', chat->client.in.len);
}

/* The next line of the host's; the caller knows that there is one or the beginning of one. */
static void receive(struct chat *chat)
{
    json_t *object = NULL;
    troupe_status status = ops_client_receive(&chat->client, START_MS, &object, chat->err);

    if (status == TROUPE_END)
        end(chat, error_set(chat->err, TROUPE_UNAVAILABLE, "the host has stopped"));
    else if (status < 0)
        end(chat, status);
    else
        handle_object(chat, object);
    json_decref(object);
}

/* ---- what the person does -------------------------------------------------------------------- */

static void read_terminal(struct chat *chat)
{
    const char *line = NULL;

    switch (console_terminal_read(chat->terminal, &line)) {
    case CONSOLE_INPUT_LINE: send_line(chat, line, strlen(line)); break;
    case CONSOLE_INPUT_END: end(chat, TROUPE_OK); break;
    case CONSOLE_INPUT_NONE: chat->leaving_armed = false; break;
    }
}

static void interrupt(struct chat *chat)
{
    static const char hint[] = "(Ctrl-C again or Ctrl-D to leave)\n";

    if (chat->awaiting && !chat->stop_sent) {
        chat->stop_sent = true;
        send_object(chat, json_pack("{s:b}", "stop", 1));
    } else if (chat->awaiting || chat->leaving_armed) {
        end(chat, TROUPE_OK);
    } else {
        chat->leaving_armed = true;
        console_terminal_forget(chat->terminal);
        show(chat, hint, sizeof(hint) - 1);
    }
}

static void read_signal(struct chat *chat)
{
    struct signalfd_siginfo info;

    if (read(chat->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo == SIGWINCH)
        console_terminal_resized(chat->terminal);
    else if (info.ssi_signo == SIGINT)
        interrupt(chat);
    else
        end(chat, error_set(chat->err, TROUPE_CANCELED, "ended by a signal"));
}

static void read_pipe(struct chat *chat)
{
    char chunk[4096];
    ssize_t n = read(chat->options->in, chunk, sizeof(chunk));

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        chat->input_over = true;
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (chat->discarding && chunk[i] != '\n')
            continue;
        chat->discarding = false;
        buf_putc(&chat->input, chunk[i]);
    }
}

/* Sends the next line of the pipe when the one before is answered; ends when there is none. */
static void advance_pipe(struct chat *chat)
{
    while (!chat->awaiting && !chat->ended) {
        const char *text = buf_text(&chat->input);
        const char *newline = memchr(text, '\n', chat->input.len);
        size_t len = newline ? (size_t)(newline - text) : chat->input.len;

        if (!newline && !chat->input_over)
            return;
        if (!chat->input.len) {
            end(chat, TROUPE_OK);
            return;
        }
        send_line(chat, text, len && text[len - 1] == '\r' ? len - 1 : len);
        buf_shift(&chat->input, newline ? len + 1 : len);
    }
}

static bool wants_pipe(struct chat *chat)
{
    const char *newline = chat->input.len ? memrchr(chat->input.data, '\n', chat->input.len) : NULL;
    size_t start = newline ? (size_t)(newline - chat->input.data) + 1 : 0;

    if (chat->input_over)
        return false;
    /* The last line there is too long already: the rest of it is not kept. */
    if (chat->input.len - start > LINE_MAX_BYTES)
        chat->discarding = true;
    return !newline;
}

/* ---- the round ------------------------------------------------------------------------------- */

static void wait_once(struct chat *chat)
{
    struct pollfd wanted[3] = {
        {.fd = chat->client.fd, .events = POLLIN},
        {.fd = -1, .events = POLLIN},
        {.fd = chat->signals, .events = POLLIN},
    };

    if (line_is_there(chat)) {
        receive(chat);
        return;
    }
    if (chat->terminal || wants_pipe(chat))
        wanted[1].fd = chat->options->in;
    if (poll(wanted, 3, -1) < 0) {
        if (errno != EINTR)
            end(chat, error_set(chat->err, TROUPE_IO, "waiting failed: %s", strerror(errno)));
        return;
    }
    if (wanted[0].revents)
        receive(chat);
    if (!chat->ended && wanted[2].revents)
        read_signal(chat);
    if (!chat->ended && wanted[1].revents) {
        if (chat->terminal)
            read_terminal(chat);
        else
            read_pipe(chat);
    }
}

static troupe_status open_signals(struct chat *chat, struct error *err)
{
    sigset_t set;

    sigemptyset(&set);
    if (chat->options->terminal) {
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGWINCH);
    }
    if (chat->options->ends_by_signal) {
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGHUP);
    }
    chat->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (chat->signals < 0)
        return error_set(err, TROUPE_IO, "signals cannot be read: %s", strerror(errno));
    return TROUPE_OK;
}

static troupe_status begin(struct chat *chat, struct error *err)
{
    _cleanup_json_ json_t *result = NULL;
    troupe_status status;
    int code;

    status = ops_client_call(&chat->client, json_pack("{s:s}", "cmd", "chat"), START_MS, &result,
                             &code, err);
    if (status == TROUPE_OK)
        status = open_signals(chat, err);
    if (status == TROUPE_OK && chat->options->terminal)
        status = console_terminal_open(json_get_str(result, "member", "you"),
                                       chat->options->history_path, &chat->terminal, err);
    return status;
}

troupe_status ops_chat_run(int fd, const struct ops_chat_options *options, struct error *err)
{
    struct chat chat = {.options = options, .signals = -1, .err = err};
    troupe_status status;

    chat.client.fd = fd;
    status = begin(&chat, err);
    if (status < 0)
        end(&chat, status);
    while (!chat.ended) {
        if (!chat.terminal)
            advance_pipe(&chat);
        if (!chat.ended)
            wait_once(&chat);
    }
    console_terminal_close(chat.terminal);
    if (chat.signals >= 0)
        close(chat.signals);
    ops_client_close(&chat.client);
    buf_clear(&chat.input);
    return chat.status;
}
