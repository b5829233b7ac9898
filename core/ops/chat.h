/* SPDX-License-Identifier: Apache-2.0
 *
 * The person's side of a chat over the control protocol: a terminal with line editing, or a pipe.
 * It blocks, so it runs on a thread of its own or in a process without a loop: a terminal that is
 * stopped, or a reader of the pipe that is slow, never holds up the host.
 *
 * Terminal: history in a file, the prompt is put back under text that comes meanwhile; Ctrl-C
 * cancels the running answer, a second one or Ctrl-D ends. Pipe: the next line goes out when the
 * one before is answered; no prompts; at its end the last answer is waited for.
 */
#ifndef OPS_CHAT_H
#define OPS_CHAT_H

#include "base/error.h"

#include <stdbool.h>

struct ops_chat_options {
    int in, out;              /* descriptors; with `terminal` standard input and output    */
    bool terminal;            /* edit lines; else plain text line by line                  */
    bool ends_by_signal;      /* take TERM, HUP and INT, too (blocked by the caller): there */
                              /* is no loop beside it that does                            */
    const char *history_path; /* NULL: none is kept                                        */
};

/* Talks over `fd` (a connection on which "chat" was not sent yet) until the input ends or the host
 * does; closes `fd`. The caller has blocked INT and WINCH.
 *   TROUPE_OK           the person ended it; of a pipe every line was answered
 *   TROUPE_UNAVAILABLE  the host went away
 *   TROUPE_CANCELED     ended by a signal
 *   TROUPE_IO           the output is gone */
troupe_status ops_chat_run(int fd, const struct ops_chat_options *options, struct error *err);

#endif
