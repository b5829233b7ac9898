/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/config only: ${cmd:COMMAND}. The first step runs the commands and keeps what they
 * wrote in struct config_raw; the second puts it in, as often as it is asked. So a start or reload,
 * which checks several times, asks a secret store once.
 */
#ifndef CONFIG_COMMAND_H
#define CONFIG_COMMAND_H

#include "config/raw.h"

#define CONFIG_MAX_COMMANDS 64    /* different ones over all layers     */
#define CONFIG_COMMAND_MS   10000 /* until one of them is ended         */

/* What one command came to; lives as long as its config_raw. */
struct raw_command {
    char *output;        /* NULL when it failed; wiped with the raw config */
    const char *problem; /* why it failed, a sentence; NULL when it did not */
};

/*
 * Runs `command` by /bin/sh in a process group of its own, with the host's environment and working
 * directory, nothing to read, and its messages thrown away, since they may hold a secret. Succeeds
 * when it ends with status 0 and its output is text of at most CONFIG_MAX_VALUE bytes; the newline
 * at its end is not part of `ret`, which is the caller's to wipe and free. After `timeout_ms`, and
 * when it writes too much, the whole group is killed. TROUPE_CONFIG with a sentence that quotes the
 * command and never what it wrote. Blocks; any thread.
 */
troupe_status config_command_run(const char *command, uint64_t timeout_ms, char **ret,
                                 struct error *err);

/*
 * Runs the commands of all values, the same text once, in the order of the entries; at most
 * CONFIG_COMMAND_MS each and CONFIG_COMMANDS_MS together. Commands of a file that others than its
 * owner can write are refused. Problems are added for each value that needs what failed.
 */
void raw_run_commands(struct config_raw *raw, struct config_problems *problems);
/* What raw_run_commands left for it; NULL when no commands were run. */
const struct raw_command *raw_command(const struct config_raw *raw, const char *command);
/* Wipes and frees the outputs. */
void raw_commands_clear(struct config_raw *raw);

#endif
