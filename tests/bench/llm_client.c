/* SPDX-License-Identifier: Apache-2.0 */
#include "llm_client.h"

#include "llm_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 4096, ANSWER = 32768, EVENTS = 256, PROMPT = 4096 };
#define LATE_NS 10000000000u

struct call {
    int fd; /* -1: no connection; it is kept from call to call */
    char *answer;
    size_t len;
    uint64_t begun, first;
    int busy;
};

struct client {
    int port, epoll;
    char request[LLM_BODY_SIZE + 512];
    size_t request_len, open;
    struct call calls[CALLS];
    struct llm_figures *figures;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- figures --------------------------------------------------------------------------------- */

void llm_figures_init(struct llm_figures *figures, size_t count)
{
    memset(figures, 0, sizeof(*figures));
    figures->before = calloc(count, sizeof(uint64_t));
    figures->first = calloc(count, sizeof(uint64_t));
    figures->added = calloc(count, sizeof(uint64_t));
    if (!figures->before || !figures->first || !figures->added)
        abort();
}

void llm_figures_clear(struct llm_figures *figures)
{
    free(figures->before);
    free(figures->first);
    free(figures->added);
}

void llm_figures_note(struct llm_figures *figures, uint64_t before, uint64_t first, uint64_t after)
{
    figures->before[figures->count] = before;
    figures->first[figures->count] = first;
    figures->added[figures->count++] = before + after;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

double llm_figures_part(uint64_t *values, size_t count, double share)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), by_value);
    return (double)values[(size_t)((double)(count - 1) * share)] / 1e3;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void drop(struct client *client, struct call *call)
{
    if (call->fd >= 0)
        close(call->fd);
    call->fd = -1;
    if (call->busy) {
        client->figures->failed++;
        client->open--;
    }
    call->busy = 0;
}

static void open_call(struct client *client, struct call *call)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)client->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = call};
    const int one = 1;

    call->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (call->fd < 0 || connect(call->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        epoll_ctl(client->epoll, EPOLL_CTL_ADD, call->fd, &event) < 0) {
        drop(client, call);
        return;
    }
    setsockopt(call->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void begin(struct client *client)
{
    struct call *call = NULL;

    for (size_t i = 0; i < CALLS && !call; i++)
        if (!client->calls[i].busy)
            call = &client->calls[i];
    if (!call) { /* more than anybody would wait for */
        client->figures->failed++;
        return;
    }
    if (!call->answer && !(call->answer = malloc(ANSWER)))
        abort();
    call->busy = 1;
    call->len = 0;
    call->first = 0;
    call->begun = now_ns();
    if (++client->open > client->figures->most)
        client->figures->most = client->open;
    if (call->fd < 0)
        open_call(client, call);
    if (call->fd >= 0 &&
        write(call->fd, client->request, client->request_len) != (ssize_t)client->request_len)
        drop(client, call);
}

static void receive(struct client *client, struct call *call)
{
    ssize_t n = read(call->fd, call->answer + call->len, ANSWER - call->len);
    uint64_t arrived, first, last;

    if (n <= 0 || !call->busy) {
        drop(client, call);
        return;
    }
    call->len += (size_t)n;
    if (!call->first && llm_stamp_first(call->answer, call->len, &arrived, &first))
        call->first = now_ns();
    if (call->len < 5 || memcmp(call->answer + call->len - 5, "0\r\n\r\n", 5) != 0)
        return;
    if (llm_stamp_first(call->answer, call->len, &arrived, &first) &&
        llm_stamp_last(call->answer, call->len, &arrived, &last)) {
        llm_figures_note(client->figures, arrived - call->begun, call->first - first,
                         now_ns() - last);
        client->open--;
        call->busy = 0;
        return;
    }
    drop(client, call);
}

size_t llm_client_body(char ret[LLM_BODY_SIZE])
{
    static const char head[] = "{\"model\":\"bench\",\"stream\":true,\"max_tokens\":100,"
                               "\"stream_options\":{\"include_usage\":true},\"messages\":"
                               "[{\"role\":\"user\",\"content\":\"";
    size_t len = strlen(head);

    memcpy(ret, head, len);
    for (size_t i = 0; i < PROMPT; i++)
        ret[len++] = i % 6 == 5 ? ' ' : (char)('a' + i % 26);
    memcpy(ret + len, "\"}]}", 4);
    return len + 4;
}

static void write_request(struct client *client, const char *headers)
{
    static char body[LLM_BODY_SIZE];
    size_t len = llm_client_body(body);
    int head = snprintf(client->request, sizeof(client->request),
                        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
                        len, headers);

    memcpy(client->request + head, body, len);
    client->request_len = (size_t)head + len;
}

void llm_client_run(int port, const char *headers, unsigned rate, size_t count,
                    struct llm_figures *figures)
{
    struct client *client = calloc(1, sizeof(*client));
    struct epoll_event events[EVENTS];
    uint64_t begun = now_ns();
    size_t asked = 0;

    if (!client)
        abort();
    client->port = port;
    client->figures = figures;
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < CALLS; i++)
        client->calls[i].fd = -1;
    write_request(client, headers);
    while ((asked < count || client->open > 0) &&
           now_ns() - begun < (uint64_t)count * 1000000000u / rate + LATE_NS) {
        size_t due = (size_t)((now_ns() - begun) * rate / 1000000000u);
        int n;

        for (; asked < count && asked < due; asked++)
            begin(client);
        n = epoll_wait(client->epoll, events, EVENTS, 1);
        for (int i = 0; i < n; i++)
            receive(client, events[i].data.ptr);
    }
    for (size_t i = 0; i < CALLS; i++) {
        drop(client, &client->calls[i]);
        free(client->calls[i].answer);
    }
    close(client->epoll);
    free(client);
}
