/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OPEN_MAX_LINES 48 /* unanswered on one connection; the console refuses more than 64 */

struct message {
    uint64_t due_ns;
    uint32_t latency_us;
    uint16_t answers;
    uint8_t phase;
};

struct chat {
    int fd;
    struct buf in;
    uint64_t open;
};

struct load {
    pthread_t thread;
    unsigned count, members, rate;
    struct chat *chats;
    struct message *messages; /* of the thread until it has ended */
    size_t message_count, message_room;
    _Atomic unsigned phase, broken;
    _Atomic uint64_t answered;
    _Atomic bool stop;
    uint64_t wait_ms;
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(70);
}

static void send_text(struct chat *chat, const char *text)
{
    size_t len = strlen(text);

    for (size_t at = 0; chat->fd >= 0 && at < len;) {
        ssize_t n = send(chat->fd, text + at, len - at, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR)
            return; /* reading finds out */
        at += n > 0 ? (size_t)n : 0;
    }
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        die(path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        die(path);
    return fd;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void take_answer(struct load *load, struct chat *chat, size_t number, uint64_t now)
{
    struct message *message;

    if (number >= load->message_count)
        return;
    message = &load->messages[number];
    if (message->answers++ == 0) {
        message->latency_us = (uint32_t)((now - message->due_ns) / 1000);
        chat->open -= chat->open > 0;
        load->answered++;
    }
}

/* Numbers stand in the text as "#123;". */
static void take_lines(struct load *load, struct chat *chat, uint64_t now)
{
    const char *text = buf_text(&chat->in);
    const char *last = memrchr(text, '\n', chat->in.len), *at = text;
    size_t used;

    if (!last)
        return;
    while ((at = memchr(at, '#', (size_t)(last - at)))) {
        char *end;
        size_t number = strtoul(++at, &end, 10);

        if (end > at && *end == ';')
            take_answer(load, chat, number, now);
    }
    used = (size_t)(last - text) + 1;
    buf_shift(&chat->in, used);
}

static void read_chat(struct load *load, struct chat *chat)
{
    char chunk[4096];
    ssize_t n = recv(chat->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close(chat->fd);
        chat->fd = -1;
        load->broken++;
        return;
    }
    buf_append(&chat->in, chunk, (size_t)n);
    take_lines(load, chat, clock_ns());
}

static void send_message(struct load *load, uint64_t due_ns)
{
    size_t number = load->message_count;
    struct chat *chat = &load->chats[number % load->count];
    char line[128];

    if (number == load->message_room) {
        load->message_room = load->message_room ? load->message_room * 2 : 4096;
        load->messages = mem_resize(load->messages, load->message_room, sizeof(*load->messages));
    }
    load->messages[number] = (struct message){.due_ns = due_ns, .phase = (uint8_t)load->phase};
    load->message_count++;
    if (load->members > 1) {
        snprintf(line, sizeof(line), "{\"line\": \"/as m%zu\"}\n",
                 number % ((size_t)load->count * load->members));
        send_text(chat, line);
    }
    snprintf(line, sizeof(line), "{\"line\": \"#%zu;\"}\n", number);
    send_text(chat, line);
    chat->open++;
}

static bool is_settled(const struct load *load)
{
    for (unsigned i = 0; i < load->count; i++)
        if (load->chats[i].open && load->chats[i].fd >= 0)
            return false;
    return true;
}

static void *run(void *arg)
{
    struct load *load = arg;
    struct pollfd *fds = mem_zero(load->count, sizeof(*fds));
    const uint64_t step = 1000000000ull / load->rate;
    uint64_t due = clock_ns() + step, until = 0;

    for (;;) {
        uint64_t now = clock_ns();
        struct timespec wait = {0, 0};

        if (load->stop && !until)
            until = now + load->wait_ms * 1000000;
        if (until && (is_settled(load) || now > until))
            break;
        while (!until && due <= now) {
            if (load->chats[load->message_count % load->count].open >= OPEN_MAX_LINES)
                break; /* what is due stays due */
            send_message(load, due);
            due += step;
        }
        for (unsigned i = 0; i < load->count; i++)
            fds[i] = (struct pollfd){.fd = load->chats[i].fd, .events = POLLIN};
        if (until)
            wait.tv_nsec = 10000000;
        else if (due > now)
            wait.tv_nsec = (long)(due - now);
        else
            wait.tv_nsec = (long)step;
        if (ppoll(fds, load->count, &wait, NULL) <= 0)
            continue;
        for (unsigned i = 0; i < load->count; i++)
            if (fds[i].revents)
                read_chat(load, &load->chats[i]);
    }
    mem_free(fds);
    return NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

struct load *load_start(const char *socket, unsigned connections, unsigned members, unsigned rate)
{
    struct load *load = mem_zero(1, sizeof(*load));

    load->count = connections;
    load->members = members;
    load->rate = rate;
    load->chats = mem_zero(connections, sizeof(*load->chats));
    for (unsigned i = 0; i < connections; i++) {
        load->chats[i].fd = connect_to(socket);
        send_text(&load->chats[i], "{\"cmd\": \"chat\"}\n");
    }
    if ((errno = pthread_create(&load->thread, NULL, run, load)) != 0)
        die("thread");
    return load;
}

void load_phase(struct load *load, unsigned phase)
{
    load->phase = phase;
}

uint64_t load_answered(const struct load *load)
{
    return load->answered;
}

void load_stop(struct load *load, uint64_t wait_ms)
{
    load->wait_ms = wait_ms;
    load->stop = true;
    pthread_join(load->thread, NULL);
}

static int by_value(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

void load_figures(const struct load *load, unsigned phase, struct load_figures *ret)
{
    uint32_t *sorted = mem_zero(load->message_count + 1, sizeof(*sorted));
    size_t count = 0;

    *ret = (struct load_figures){0};
    for (size_t i = 0; i < load->message_count; i++) {
        const struct message *message = &load->messages[i];

        if (message->phase != phase)
            continue;
        ret->messages++;
        ret->lost += message->answers == 0;
        ret->doubled += message->answers > 1;
        if (message->answers)
            sorted[count++] = message->latency_us;
    }
    qsort(sorted, count, sizeof(*sorted), by_value);
    if (count) {
        ret->p50_us = sorted[count / 2];
        ret->p99_us = sorted[count - 1 - count / 100];
        ret->max_us = sorted[count - 1];
    }
    mem_free(sorted);
}

unsigned load_broken(const struct load *load)
{
    return load->broken;
}

void load_free(struct load *load)
{
    if (!load)
        return;
    for (unsigned i = 0; i < load->count; i++) {
        if (load->chats[i].fd >= 0)
            close(load->chats[i].fd);
        buf_clear(&load->chats[i].in);
    }
    mem_free(load->chats);
    mem_free(load->messages);
    mem_free(load);
}
