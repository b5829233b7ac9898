/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request that spends a reservation leaves in the store before its first byte leaves, and what
 * becomes of that: its mark and its money are one commit. The request is made meanwhile and waits
 * behind a latch that this commit opens. Loop thread, on the frame's coroutine.
 */
#ifndef HOST_PAID_H
#define HOST_PAID_H

#include "host/host_table.h"
#include "turn/budget_refusal.h"

struct latch;

/* One on its way; zeroed it is empty. */
struct host_paid {
    int64_t number;            /* the plugin's                                         */
    int64_t spent;             /* the ledger's, that it really spends                   */
    struct latch *latch;       /* the request leaves behind it; NULL: at once           */
    struct record_ahead *mark; /* NULL: it is durable                                   */
    bool said;                 /* written with the mark                                 */
    bool held;                 /* it failed while the latch was shut: nothing has left  */
};

/* Writes the mark, or what another attempt needs where a crash cut the request. Below 0 nothing may be
 * sent, and that is noted. Whatever comes of the request, host_paid_marked follows. [waits] */
troupe_status host_paid_begin(struct record_call *call, int64_t reservation, struct host_paid *ret);
/* After the request was opened, or had `failed`: below 0 the mark was not written and nothing has left, which
 * is noted, and the frame's last error; TROUPE_BUDGET where a cap was in the way. [waits] */
troupe_status host_paid_marked(struct record_call *call, struct host_paid *paid, bool failed);
/* It failed with `failure` before a byte left: the reservation may be used again; one that was written
 * with the mark is given back. Returns `failure`. [waits] */
troupe_status host_paid_take_back(struct record_call *call, const struct host_paid *paid,
                                  troupe_status failure);
/* Tells that a reservation was not made, with its sentence, and notes it. `status` is what the commit said, or
 * turn_budget_check, which has filled `obstacle`. Returns what was noted. [waits] */
troupe_status host_paid_refused(struct record_call *call, const struct turn_budget_request *request,
                                troupe_status status, struct turn_budget_obstacle *obstacle,
                                struct error *err);

#endif
