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
    int in, out;              /* descriptors                                        */
    bool terminal;            /* edit lines; else plain text line by line           */
    const char *history_path; /* NULL: none is kept                                 */
    const char *member;       /* who types at first, for the prompt; NULL: "you"    */
};

/* Talks over `fd` (a connection on which "chat" was not sent yet) until the input ends or the host
 * does; closes `fd`. TROUPE_OK: the person ended it, every answer was shown; TROUPE_UNAVAILABLE:
 * the host went away. */
troupe_status ops_chat_run(int fd, const struct ops_chat_options *options, struct error *err);

#endif
