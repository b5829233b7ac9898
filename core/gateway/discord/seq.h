/* SPDX-License-Identifier: Apache-2.0
 *
 * Up to which sequence number everything has been taken: what a later process may resume from. An
 * event that was handed on holds the number back until it is stored, or was refused with a
 * sentence; so a crash at any point lets Discord send again what is not stored yet.
 *
 * Numbers of different sessions are kept apart: an event carries a mark, which is its number with
 * the count of sessions above it, and marks only grow. Pure; bounded by what the session lets be
 * open, which is bounded by the engine's intake.
 */
#ifndef GATEWAY_DISCORD_SEQ_H
#define GATEWAY_DISCORD_SEQ_H

#include <stddef.h>
#include <stdint.h>

/* A zeroed struct has taken nothing. */
struct discord_seq {
    int64_t *open; /* marks of events that the engine has, ascending */
    size_t count, cap;
    int64_t sessions;
    int64_t newest; /* mark of the newest event of this session, or of what was stored of it */
};

void discord_seq_clear(struct discord_seq *seq);
/* Another session begins, or the stored one goes on, at `newest` (-1: nothing was taken). What is
 * open of the old one holds nothing back any more. */
void discord_seq_session(struct discord_seq *seq, int64_t newest);
/* An event came, and is taken. Its mark. */
int64_t discord_seq_event(struct discord_seq *seq, int64_t number);
/* That event is under way from now on: call it before the next event. */
void discord_seq_begin(struct discord_seq *seq, int64_t mark);
/* Nothing up to `mark` is under way any more. */
void discord_seq_done(struct discord_seq *seq, int64_t mark);
/* The number to resume from; -1: none. `mark` > 0: as if all up to it were done. */
int64_t discord_seq_safe(const struct discord_seq *seq, int64_t mark);

#endif
