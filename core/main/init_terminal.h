/* SPDX-License-Identifier: Apache-2.0
 *
 * Where `troupe init` reads its answers: a terminal, whose echo is off for secrets, or a pipe. It
 * reads no byte beyond a line. Signals that ops_signals_block holds back end the wait for a line.
 */
#ifndef MAIN_INIT_TERMINAL_H
#define MAIN_INIT_TERMINAL_H

#include "base/error.h"

#include <stdbool.h>

#define INIT_LINE_MAX 2048

struct init_terminal {
    int in, out;   /* questions go to `out`, where `terminal`            */
    bool terminal; /* somebody sits there                                */
    int signals;   /* a signalfd                                         */
    int signaled;  /* the signal that ended a wait; 0: none              */
};

troupe_status init_terminal_open(struct init_terminal *terminal, int in, int out,
                                 struct error *err);
void init_terminal_close(struct init_terminal *terminal);
/* The next line without its newline, in `ret`, which the caller wipes. TROUPE_END: nothing more
 * comes; TROUPE_CANCELED: a signal came, see `signaled`; TROUPE_LIMIT: the line is too long. */
troupe_status init_terminal_ask(struct init_terminal *terminal, const char *question, bool secret,
                                char ret[INIT_LINE_MAX], struct error *err);
/* A signal that came while nobody waited for a line; 0: none. */
int init_terminal_signal(struct init_terminal *terminal);

#endif
