/* SPDX-License-Identifier: Apache-2.0
 *
 * Admission: which waiting event may start its turn now. At most `concurrent` turns run at a time;
 * a member's events in a channel run in the order they came, one after the other; lanes (member and
 * channel) take turns, so that a flood of one member holds nobody else up. Bounded: `queue_max`
 * waiting in all, `lane_max` for one lane. Pure bookkeeping on the loop thread, no waiting.
 * Rule: docs/architecture.md, "A turn".
 */
#ifndef TURN_ADMISSION_H
#define TURN_ADMISSION_H

#include "base/list.h"
#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>

struct turn_lane;

/* Embedded in whatever waits. */
struct turn_ticket {
    struct list_link link; /* in the lane's queue */
    struct turn_lane *lane;
    bool running, restored;
};

enum turn_refusal {
    TURN_ADMITTED,      /* it waits or may start at once      */
    TURN_REFUSED_QUEUE, /* the host has too many waiting      */
    TURN_REFUSED_LANE,  /* this member has too many waiting   */
    TURN_REFUSED_DRAIN, /* the host is stopping               */
};

struct turn_admission {
    size_t concurrent, queue_max, lane_max; /* may change at any time */
    size_t running, queued, running_peak;
    unsigned holds;
    bool draining;
    struct map lanes;
    struct list_link ready; /* lanes with something to start, in turn */
};

void turn_admission_init(struct turn_admission *admission);
void turn_admission_clear(struct turn_admission *admission); /* nothing waits or runs */
/* Puts the ticket at the end of its lane. */
enum turn_refusal turn_admission_add(struct turn_admission *admission, struct turn_ticket *ticket,
                                     const char *channel, const char *member);
/* The same for what was admitted before a restart: no bound refuses it, and it goes before what was not. */
void turn_admission_restore(struct turn_admission *admission, struct turn_ticket *ticket,
                            const char *channel, const char *member);
/* The next ticket that may start, now marked as running, or NULL. Call until NULL after each change. */
struct turn_ticket *turn_admission_next(struct turn_admission *admission);
/* While what was admitted before a restart is still being restored, nothing else starts, so that a new
 * question does not overtake its member's earlier one. Holds are counted. */
void turn_admission_hold(struct turn_admission *admission);
void turn_admission_release(struct turn_admission *admission);
/* A ticket has ended, running or still waiting. */
void turn_admission_remove(struct turn_admission *admission, struct turn_ticket *ticket);

#endif
