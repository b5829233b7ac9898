/* SPDX-License-Identifier: Apache-2.0
 *
 * A server thread that gives every request one ready answer over kept connections, as cheaply as it
 * can, and the CPU of everything but it.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <pthread.h>
#include <stddef.h>

struct bench_server {
    int fd, port;
    pthread_t thread;
    const char *answer; /* head and body; it stays with the caller */
    size_t answer_len;
};

/* On a free port of 127.0.0.1 until the process ends; which a failure does at once. */
void bench_server_start(struct bench_server *server, const char *answer);

/* Of the process without the server's thread, in us. */
double bench_server_cpu_us(const struct bench_server *server);

#endif
