/* SPDX-License-Identifier: Apache-2.0
 *
 * What every server of this folder is as a program: it ends by SIGTERM, SIGINT or with who started it,
 * and tells where it listens.
 */
#ifndef FAKE_PROGRAM_H
#define FAKE_PROGRAM_H

#include <stdbool.h>
#include <uv.h>

struct fake_program {
    uv_signal_t sigterm, sigint;
    uv_pipe_t parent;
    char drain[256];
};

/* Stops the loop when the program shall end; with `parent` also when standard input is closed. */
void fake_program_watch(struct fake_program *program, uv_loop_t *loop, bool parent);

/* Prints the port, and writes it into the file where one is named; false: it cannot be written. */
bool fake_program_listens(const char *name, const char *port_file, int port);

#endif
