/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages that address nobody, on their way to the observers that want to see them
 * ("seen:message"): a turn without a row and without admission, kept in memory until its observers
 * have returned. Bounded; what is above the bound is dropped and counted. The other kind, which is
 * owed, has ordinary turns: owed.c. Loop thread.
 */
#ifndef TURN_SEEN_H
#define TURN_SEEN_H

#include "base/list.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

/* What tells people about losses, at most once a minute. */
struct turn_loss {
    uint64_t told_ms, told; /* loop clock; up to which count */
};

struct turn_seen_pool {
    struct list_link running; /* oldest first                           */
    struct list_link idle;    /* to be used again                       */
    size_t count;             /* running                                */
    struct loop_timer overdue;
    bool timed;
    struct turn_loss dropped, failed, lost; /* seen, an observer's, owed */
    uint64_t failures;
};

void turn_seen_init(struct engine *engine);
/* Ends what runs; soon. */
void turn_seen_cancel(struct engine *engine);
/* Ends what runs on messages that the member wrote until then, by the platform's clock; true where something
 * does. */
bool turn_seen_end(struct engine *engine, const char *member, int64_t until_ms);
/* Nothing runs any more. `closed` is called with the timer, later. */
void turn_seen_clear(struct engine *engine, void (*closed)(struct loop_timer *timer));

/* Whether a loss is to be told now, and how many there were since the last time. */
bool turn_loss_tell(struct turn_loss *loss, struct engine *engine, uint64_t count,
                    uint64_t *ret_new);

#endif
