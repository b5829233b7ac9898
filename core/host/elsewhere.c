/* SPDX-License-Identifier: Apache-2.0
 *
 * What an agent in a process of its own needs of the turn beyond the tables: see plugin/registry.h.
 */
#include "host/host_table.h"

#include "turn/engine_private.h"

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
static troupe_status again(troupe_turn *pub)
{
    const struct turn_frame *frame = turn_frame_of(pub);
    struct turn *turn = frame->turn;

    if (frame->unrecorded || turn->record.off || !turn->id || (turn->event->flags & EVENT_OBSERVED))
        return TROUPE_OK;
    if (turn->parked)
        return TROUPE_PARKED;
    if (turn->state || !turn->work || turn->work->why < 0)
        return TROUPE_CANCELED;
    turn_trace_add(&turn->trace, frame->agent->owner, "agent.crashed",
                   "its process died; the turn begins again from its record");
    turn->parked = turn->answered_meanwhile = true;
    scope_cancel(turn->work, TROUPE_PARKED);
    return TROUPE_PARKED;
}

const struct plugin_elsewhere *host_elsewhere(void)
{
    static const struct plugin_elsewhere elsewhere = {.work = work, .again = again};

    return &elsewhere;
}
