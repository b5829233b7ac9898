/* SPDX-License-Identifier: Apache-2.0 */
#include "llm_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PEERS = 8192, REQUEST = 16384, EVENTS = 256 };

#define HEAD                                                                                       \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNK(part)                                                                                \
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\","  \
    "\"choices\":[{\"index\":0,\"delta\":{" part

struct peer {
    int fd;
    char *request; /* REQUEST bytes */
    size_t len;
    unsigned sent; /* deltas */
    uint64_t arrived;
};

struct due {
    uint64_t at_ns;
    struct peer *peer;
};

struct serving {
    unsigned deltas;
    uint64_t gap_ns;
    int epoll, listener;
    struct peer peers[PEERS];
    struct due queue[PEERS]; /* a ring: each waits equally long, so what came first is due first */
    size_t first, waiting;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "llm_server: %s\n", what);
    exit(EXIT_FAILURE);
}

static void forget(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
    peer->len = 0;
}

static void wait_turn(struct serving *s, struct peer *peer)
{
    s->queue[(s->first + s->waiting++) % PEERS] = (struct due){now_ns() + s->gap_ns, peer};
}

/* One delta, the last one with all that ends an answer. */
static void send_delta(struct serving *s, struct peer *peer)
{
    static char body[2048], out[4096];
    int len, n = 0;

    if (peer->fd < 0)
        return;
    peer->sent++;
    len =
        snprintf(body, sizeof(body),
                 CHUNK("\"content\":\"#%" PRIu64 ":%" PRIu64 "# \"},\"finish_reason\":null}]}\n\n"),
                 peer->arrived, now_ns());
    if (peer->sent == s->deltas)
        len += snprintf(body + len, sizeof(body) - (size_t)len,
                        CHUNK("},\"finish_reason\":\"stop\"}]}\n\n")
                            CHUNK("}}],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":%u,"
                                  "\"total_tokens\":%u}}\n\n") "data: [DONE]\n\n",
                        s->deltas, 1000 + s->deltas);
    n = snprintf(out, sizeof(out), "%s%x\r\n%s\r\n%s", peer->sent == 1 ? HEAD : "", (unsigned)len,
                 body, peer->sent == s->deltas ? "0\r\n\r\n" : "");
    if (write(peer->fd, out, (size_t)n) != n)
        forget(peer);
    else if (peer->sent < s->deltas)
        wait_turn(s, peer);
}

/* How long the request is that has come whole; 0: not yet. */
static size_t whole(const struct peer *peer)
{
    const char *end = memmem(peer->request, peer->len, "\r\n\r\n", 4), *at;
    size_t body = 0;

    if (!end)
        return 0;
    for (at = peer->request; at && at < end; at = memchr(at, '\n', (size_t)(end - at))) {
        at += *at == '\n';
        if (strncasecmp(at, "content-length:", 15) == 0)
            body = strtoul(at + 15, NULL, 10);
    }
    body += (size_t)(end - peer->request) + 4;
    return peer->len >= body ? body : 0;
}

static void receive(struct serving *s, struct peer *peer)
{
    ssize_t n = read(peer->fd, peer->request + peer->len, REQUEST - 1 - peer->len);
    size_t used;

    if (n <= 0) {
        forget(peer);
        return;
    }
    peer->len += (size_t)n;
    peer->request[peer->len] = '\0';
    used = whole(peer);
    if (used == 0)
        return;
    peer->len = 0; /* nobody sends the next one before the answer */
    peer->arrived = now_ns();
    peer->sent = 0;
    send_delta(s, peer);
}

static void take_peer(struct serving *s)
{
    const int one = 1;
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    for (size_t i = 0; fd >= 0 && i < PEERS; i++) {
        struct peer *peer = &s->peers[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};

        if (peer->fd >= 0)
            continue;
        peer->fd = fd;
        if (!peer->request)
            peer->request = malloc(REQUEST);
        if (!peer->request || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
            die("no memory");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        return;
    }
    if (fd >= 0)
        close(fd);
}

static _Noreturn void serve(struct serving *s)
{
    struct epoll_event events[EVENTS], listening = {.events = EPOLLIN};

    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &listening) < 0)
        die("no epoll");
    for (size_t i = 0; i < PEERS; i++)
        s->peers[i].fd = -1;
    for (;;) {
        uint64_t now = now_ns();
        int n, wait = -1;

        while (s->waiting > 0 && s->queue[s->first].at_ns <= now) {
            struct peer *peer = s->queue[s->first].peer;

            s->first = (s->first + 1) % PEERS;
            s->waiting--;
            send_delta(s, peer);
        }
        if (s->waiting > 0)
            wait = (int)((s->queue[s->first].at_ns - now) / 1000000) + 1;
        n = epoll_wait(s->epoll, events, EVENTS, wait);
        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                take_peer(s);
            else if (((struct peer *)events[i].data.ptr)->fd >= 0)
                receive(s, events[i].data.ptr);
        }
    }
}

void llm_server_start(struct llm_server *server, unsigned deltas, unsigned gap_ms)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct serving *s = calloc(1, sizeof(*s));
    socklen_t len = sizeof(address);

    if (!s)
        die("no memory");
    s->deltas = deltas;
    s->gap_ns = (uint64_t)gap_ms * 1000000;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(s->listener, (struct sockaddr *)&address, len) < 0 || listen(s->listener, 1024) < 0 ||
        getsockname(s->listener, (struct sockaddr *)&address, &len) < 0)
        die("no port");
    server->port = ntohs(address.sin_port);
    server->pid = fork();
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "bench-server"); /* for who looks with perf */
        signal(SIGPIPE, SIG_IGN);
        serve(s);
    }
    close(s->listener);
    free(s);
    if (server->pid < 0)
        die("no process");
}

void llm_server_stop(struct llm_server *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
}

/* ---- stamps ---------------------------------------------------------------------------------- */

static int read_stamp(const char *at, const char *end, uint64_t *ret_arrived, uint64_t *ret_sent)
{
    char text[64], *rest;
    size_t len = (size_t)(end - at) < sizeof(text) - 1 ? (size_t)(end - at) : sizeof(text) - 1;

    memcpy(text, at, len);
    text[len] = '\0';
    *ret_arrived = strtoull(text, &rest, 10);
    if (*rest != ':')
        return 0;
    *ret_sent = strtoull(rest + 1, &rest, 10);
    return *rest == '#';
}

int llm_stamp_first(const char *text, size_t len, uint64_t *ret_arrived, uint64_t *ret_sent)
{
    const char *at = memchr(text, '#', len);

    return at && read_stamp(at + 1, text + len, ret_arrived, ret_sent);
}

int llm_stamp_last(const char *text, size_t len, uint64_t *ret_arrived, uint64_t *ret_sent)
{
    const char *end = memrchr(text, '#', len), *at;

    at = end ? memrchr(text, '#', (size_t)(end - text)) : NULL;
    return at && read_stamp(at + 1, end + 1, ret_arrived, ret_sent);
}
