/* SPDX-License-Identifier: Apache-2.0
 *
 * A terminal with line editing (libedit) that text may arrive on while somebody types: the prompt
 * and what was typed move below it. Every call may block on the terminal, so it belongs to a thread
 * without a loop; one terminal a process, because libedit has one standard input.
 */
#ifndef GATEWAY_CONSOLE_TERMINAL_H
#define GATEWAY_CONSOLE_TERMINAL_H

#include "base/error.h"

#include <stddef.h>

#define CONSOLE_HISTORY_LINES 1000

struct console_terminal;

enum console_input {
    CONSOLE_INPUT_NONE, /* keys, but no line yet                  */
    CONSOLE_INPUT_LINE, /* a line is there                        */
    CONSOLE_INPUT_END,  /* Ctrl-D on an empty line, or hung up    */
};

/* Works on standard input and output, with the prompt "NAME> ". `history_path` NULL: no history is kept; else it is read now
 * and written, with mode 0600, when the terminal is closed. The program
 * has called setlocale(LC_CTYPE): libedit reads characters by it. */
troupe_status console_terminal_open(const char *name, const char *history_path,
                                    struct console_terminal **ret, struct error *err);
void console_terminal_close(struct console_terminal *terminal); /* NULL is fine */
/* "NAME> " from now on. */
void console_terminal_prompt(struct console_terminal *terminal, const char *name);
/* Standard input is readable. A line's text, without its end, is valid until the next call. */
enum console_input console_terminal_read(struct console_terminal *terminal, const char **ret_line);
/* Shows text that is safe to print (console/filter.h). */
void console_terminal_show(struct console_terminal *terminal, const char *text, size_t len);
/* The text so far is whole: a part of a line that was held back is shown, the prompt is put back. */
void console_terminal_settle(struct console_terminal *terminal);
/* Forgets what was typed. */
void console_terminal_forget(struct console_terminal *terminal);
void console_terminal_resized(struct console_terminal *terminal);

#endif
