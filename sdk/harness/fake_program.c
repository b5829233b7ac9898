/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_program.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fake_program *program = handle->data;

    (void)suggested;
    *buf = uv_buf_init(program->drain, sizeof(program->drain));
}

static void on_parent(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    if (n < 0)
        uv_stop(stream->loop);
}

void fake_program_watch(struct fake_program *program, uv_loop_t *loop, bool parent)
{
    uv_signal_init(loop, &program->sigterm);
    uv_signal_start(&program->sigterm, on_signal, SIGTERM);
    uv_signal_init(loop, &program->sigint);
    uv_signal_start(&program->sigint, on_signal, SIGINT);
    if (!parent)
        return;
    uv_pipe_init(loop, &program->parent, 0);
    program->parent.data = program;
    if (uv_pipe_open(&program->parent, STDIN_FILENO) == 0)
        uv_read_start((uv_stream_t *)&program->parent, on_alloc, on_parent);
}

/* Written aside and renamed, so that who waits for the file never reads half a number. */
static bool write_port(const char *path, int port)
{
    char aside[4096];
    FILE *file;

    if (snprintf(aside, sizeof(aside), "%s.new", path) >= (int)sizeof(aside))
        return false;
    file = fopen(aside, "we");
    if (!file)
        return false;
    fprintf(file, "%d\n", port);
    return fclose(file) == 0 && rename(aside, path) == 0;
}

bool fake_program_listens(const char *name, const char *port_file, int port)
{
    if (port_file && !write_port(port_file, port)) {
        fprintf(stderr, "%s: cannot write \"%s\"\n", name, port_file);
        return false;
    }
    printf("listening 127.0.0.1:%d\n", port);
    fflush(stdout);
    return true;
}
