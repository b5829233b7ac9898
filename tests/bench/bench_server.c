/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 64 };

static void die(const char *what)
{
    fprintf(stderr, "bench_server: %s\n", what);
    exit(EXIT_FAILURE);
}

static void answer(const struct bench_server *server, struct pollfd *client)
{
    char request[4096];
    ssize_t n = read(client->fd, request, sizeof(request)); /* one request is one segment here */

    if (n > 0 && write(client->fd, server->answer, server->answer_len) > 0)
        return;
    close(client->fd);
    client->fd = -1;
}

static void *serve(void *arg)
{
    struct bench_server *server = arg;
    struct pollfd fds[CONNECTIONS + 1];

    for (size_t i = 0; i <= CONNECTIONS; i++)
        fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    fds[CONNECTIONS].fd = server->fd;
    while (poll(fds, CONNECTIONS + 1, -1) >= 0) {
        for (size_t i = 0; i < CONNECTIONS; i++) {
            if (fds[i].fd >= 0 && fds[i].revents)
                answer(server, &fds[i]);
        }
        for (size_t i = 0; fds[CONNECTIONS].revents && i < CONNECTIONS; i++) {
            if (fds[i].fd < 0) {
                fds[i].fd = accept(server->fd, NULL, NULL);
                break;
            }
        }
    }
    return NULL;
}

void bench_server_start(struct bench_server *server, const char *answer_text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    server->answer = answer_text;
    server->answer_len = strlen(answer_text);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->fd, (struct sockaddr *)&address, len) < 0 || listen(server->fd, 64) < 0 ||
        getsockname(server->fd, (struct sockaddr *)&address, &len) < 0 ||
        pthread_create(&server->thread, NULL, serve, server) != 0)
        die("no server");
    server->port = ntohs(address.sin_port);
}

double bench_server_cpu_us(const struct bench_server *server)
{
    struct timespec all, theirs;
    clockid_t clock;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all) < 0 ||
        pthread_getcpuclockid(server->thread, &clock) != 0 || clock_gettime(clock, &theirs) < 0)
        die("no clock");
    return (double)(all.tv_sec - theirs.tv_sec) * 1e6 +
           (double)(all.tv_nsec - theirs.tv_nsec) / 1e3;
}
