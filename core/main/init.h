/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of `troupe init`, shared by the files that take what is given, do the steps of
 * init_dialog.h, and hold the talk (cmd_init.c).
 */
#ifndef MAIN_INIT_H
#define MAIN_INIT_H

#include "main/init_dialog.h"
#include "main/init_files.h"
#include "main/init_terminal.h"
#include "main/preflight.h"
#include "main/setup.h"

struct init {
    struct options *options;
    struct setup setup;
    struct init_plan plan;
    struct init_dialog dialog;
    struct init_terminal terminal;
    struct init_files files;
    char *path;            /* of the INI file                        */
    struct config *core;   /* how Discord is reached                 */
    struct config *config; /* as it was made and checked             */
    struct discord_preflight bot;
    char *model; /* that was found */
    int code;
};

/* A line for the person; made safe for a terminal. Nothing with --quiet. */
void init_say(const struct init *init, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* An error, and the status that the program will end with unless somebody does better. */
void init_fail(struct init *init, int code, const char *text);
/* Nothing half-written stays, and the shell sees what ended it. Does not return. `init` is a void * for
 * solo.h. */
void init_interrupted(void *init, int signal_number);

/* What the options say, and with --from-env what the environment adds. `set_count` are the --set
 * of the command line. */
troupe_status init_take_given(struct init *init, size_t set_count, struct error *err);
/* Does what the dialog's step wants; errors are printed, and `code` is set by them. */
troupe_status init_step(struct init *init);

#endif
