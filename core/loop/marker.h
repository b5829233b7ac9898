/* SPDX-License-Identifier: Apache-2.0
 *
 * Text for the last moments of a process: put together in a fixed buffer and written by plain
 * system calls. Everything here is async-signal-safe.
 *
 * A marker file is one line, "KIND OWNER TURN DETAIL": KIND is "crash" (fault handler) or "hang"
 * (watchdog), OWNER the running owner, "core:loop" where no coroutine ran or "thread:NAME" for
 * another thread than the loop's. The first marker stands: a hang ends in an abort, which must not
 * overwrite its cause. Whoever starts next reads and removes it (marker_read).
 */
#ifndef LOOP_MARKER_H
#define LOOP_MARKER_H

#include "loop/co.h"

#define MARKER_PATH_MAX 512

struct marker_line {
    char text[512];
    size_t len;
};

void marker_text(struct marker_line *line, const char *text);
void marker_decimal(struct marker_line *line, uint64_t value);
void marker_hex(struct marker_line *line, uint64_t value);
/* Writes the line and a newline; `fd` below 0 does nothing. */
void marker_flush(struct marker_line *line, int fd);
/* Makes the marker file; an empty path or an existing file: nothing. */
void marker_write(const char *path, struct marker_line *line);

/* What an earlier process left. */
struct marker {
    char kind[16];    /* "crash" or "hang"                               */
    char owner[80];   /* "plugin:NAME", "core:loop", "thread:NAME" …     */
    uint64_t turn;    /* 0: none                                         */
    char detail[400]; /* for people; "" of a hang                       */
};
/* Reads the marker file. TROUPE_NOT_FOUND: there is none; TROUPE_DATA: what is there is no marker,
 * as when a crash cut it. Not for signal handlers. */
troupe_status marker_read(const char *path, struct marker *ret);

/* Who has the calling thread: the owner of `loop`'s running coroutine where it is the loop's thread.
 * `thread_name` has room for 32 bytes and may become ret->name. */
void marker_owner(const struct loop *loop, char thread_name[32], struct co_owner *ret);

/* An alternate signal stack for the calling thread, the loop's, unless it has one. */
troupe_status marker_signal_stack(struct error *err);

#endif
