/* SPDX-License-Identifier: Apache-2.0
 *
 * What this run of a turn has reserved and not closed: memory beside the ledger (budget.h), so that what is
 * known here need not be asked there. One that is only said has no row yet: it is written when its
 * request opens, together with the request's mark. Its number is then not the row's: it follows from
 * where in the stage it was said, so that a stage that runs again says the same one. What an earlier
 * run reserved is not here. Private to core/turn and core/host; loop thread.
 */
#ifndef TURN_RESERVATION_H
#define TURN_RESERVATION_H

#include "base/list.h"
#include "turn/budget.h"

#include <stdbool.h>
#include <stdint.h>

struct turn;
struct turn_frame;

#define TURN_SAID_MAX 64 /* of a turn that wait for their request */

enum turn_reservation_state {
    RESERVATION_SAID,       /* nothing is written of it                    */
    RESERVATION_RESERVED,   /* in the ledger                               */
    RESERVATION_DISPATCHED, /* likewise, or on its way there               */
    RESERVATION_RETURNED    /* said, refused or given back: nothing is left */
};

struct turn_reservation {
    struct list_link link; /* in turn->reservations           */
    int64_t number;        /* what its agent calls it         */
    int64_t id;            /* of its row; 0: it has none      */
    int64_t reserved_ms;   /* when its row was written        */
    uint64_t worst;        /* UINT64_MAX: no price is known   */
    enum turn_reservation_state state;
    char *agent, *what;
};

/* `number` 0: one that is only said, of this frame. */
struct turn_reservation *turn_reservation_new(struct turn_frame *frame, uint64_t worst,
                                              const char *what, int64_t number);
/* NULL: this run knows nothing of it. */
struct turn_reservation *turn_reservation_find(const struct turn *turn, int64_t number);
void turn_reservation_free(struct turn_reservation *reservation);
void turn_reservations_clear(struct turn *turn);
/* Whether so many are said that another one is refused. */
bool turn_reservations_full(const struct turn *turn);
/* Whether the number is of one that was only said, in this run or an earlier one that was recorded. */
bool turn_reservation_is_said(int64_t number);
/* What an agent of the turn wants to spend, as the ledger has it; borrows all of it. */
struct turn_budget_request turn_reservation_wish(const struct turn *turn, const char *agent,
                                                 uint64_t worst, const char *what);
/* The same of one that is said; borrows from the turn and the reservation. */
struct turn_budget_request turn_reservation_request(const struct turn *turn,
                                                    const struct turn_reservation *reservation);

#endif
