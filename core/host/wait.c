/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stage waits long for: a time that is far. See turn/wait.h.
 */
#include "turn/wait.h"

#include "base/clock.h"
#include "host/host_table.h"
#include "turn/engine_private.h"
#include "turn/patience.h"

#define WITHIN_MAX (30 * 24 * 3600 * 1000ll) /* milliseconds of a long sleep */

/* Beyond the time that a stage stays where it is: the due time is stored, and the stage may park. */
static troupe_status sleep_long(struct record_call *call, uint64_t ms)
{
    struct turn *turn = call->frame->turn;
    uint64_t stay = turn->engine->park_ms;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn_wait *wait = call->row ? turn_wait_find(turn, call) : NULL;
    struct error err;
    int64_t due, left;
    troupe_status status = TROUPE_OK;

    if (!wait) {
        due = (int64_t)(ms < (uint64_t)WITHIN_MAX ? ms : (uint64_t)WITHIN_MAX) + clock_wall_ms();
        wait = turn_wait_new(call, due);
        wait->sleeps = true;
        turn_wait_put(wait, call, "sleep", NULL, batch);
        status = turn_record_begun(call, batch, NULL, 0, &err);
        if (status < 0) {
            turn_wait_drop(wait);
            turn_frame_error(call->frame, status, "sleep.storage", "%s", err.text);
            return status;
        }
    }
    left = wait->due_ms - clock_wall_ms();
    if (wait->state == WAIT_OPEN && left > 0 && !call->row)
        status = co_sleep((uint64_t)left < stay ? (uint64_t)left : stay);
    if (status == TROUPE_OK && wait->due_ms > clock_wall_ms())
        status = turn_wait_for(turn, wait);
    return status == TROUPE_OK && wait->state == WAIT_CANCELED ? TROUPE_CANCELED : status;
}

troupe_status host_sleep(troupe_turn *turn, uint64_t ms)
{
    struct turn_frame *frame = turn_frame_of(turn);
    const struct turn *t = frame->turn;
    /* An observer is never put aside. */
    bool kept = !frame->unrecorded && !t->record.off && !(t->event->flags & EVENT_OBSERVED);
    struct record_call call = {0};
    troupe_status status = turn_record_begin(&call, frame, "sleep",
                                             turn_record_hash_int(RECORD_HASH_START, (int64_t)ms));

    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    if (!call.row)
        turn_patience(frame, ms);
    status = kept && ms > frame->turn->engine->park_ms ? sleep_long(&call, ms) : co_sleep(ms);
    return turn_record_note(&call, status, NULL, 0);
}
