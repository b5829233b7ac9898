/* SPDX-License-Identifier: Apache-2.0
 *
 * What an agent in a process of its own needs of the turn beyond the tables: see plugin/registry.h.
 */
#include "host/host_table.h"

#include "turn/engine_private.h"
#include "turn/span.h"

#include <string.h>

static troupe_status work(troupe_turn *turn, const void *in, uint64_t in_len, void *out,
                          uint64_t out_len,
                          troupe_status (*compute)(void *arg, void *out, uint64_t out_len),
                          void *arg)
{
    struct record_call call = {0};
    int64_t hash = turn_record_hash(RECORD_HASH_START, in, (size_t)in_len);
    troupe_status status = turn_record_begin(&call, turn_frame_of(turn), "work",
                                             turn_record_hash_int(hash, (int64_t)out_len));

    if (status == RECORD_REPLAYED) {
        if (turn_record_status(&call) >= 0 && call.row->result.len == out_len && out_len)
            memcpy(out, call.row->result.data, out_len);
        return turn_record_status(&call);
    }
    if (status < 0)
        return status;
    status = compute(arg, out, out_len);
    /* What died with the process was not done. */
    return status == TROUPE_CRASHED
               ? status
               : turn_record_note(&call, status, out, status < 0 ? 0 : (size_t)out_len);
}

/* Like a turn that waited for somebody and is answered at once: it is forgotten but for its rows, and
 * taken up again. So there is one way of going on after an end, whoever died. */
static bool is_recorded(const struct turn_frame *frame)
{
    return !frame->unrecorded && !frame->turn->record.off && frame->turn->id &&
           !(frame->turn->event->flags & EVENT_OBSERVED);
}

/* Why the turn does not begin again, or TROUPE_OK. */
static troupe_status refuse(const struct turn *turn)
{
    if (turn->parked)
        return TROUPE_PARKED;
    return turn->state || !turn->work || turn->work->why < 0 ? TROUPE_CANCELED : TROUPE_OK;
}

static troupe_status again(troupe_turn *pub, bool blamed)
{
    struct turn_frame *frame = turn_frame_of(pub);
    struct turn *turn = frame->turn;
    troupe_status status;

    if (!is_recorded(frame)) {
        turn_span_crashed(frame);
        return TROUPE_OK;
    }
    if ((status = refuse(turn)) < 0)
        return status;
    if (blamed) {
        turn_engine_blame_turn(turn, frame->agent);
        /* Meanwhile it may have been ended. */
        if ((status = refuse(turn)) < 0)
            return status;
    }
    turn_trace_add(&turn->trace, frame->agent->owner, "agent.crashed",
                   "its process died; the turn begins again from its record");
    turn->parked = turn->answered_meanwhile = true;
    scope_cancel(turn->work, TROUPE_PARKED);
    return TROUPE_PARKED;
}

static void twice(troupe_turn *pub)
{
    const struct turn_frame *frame = turn_frame_of(pub);

    if (is_recorded(frame))
        frame->turn->killed = frame->agent;
}

const struct plugin_elsewhere *host_elsewhere(void)
{
    static const struct plugin_elsewhere elsewhere = {.work = work, .again = again, .twice = twice};

    return &elsewhere;
}
