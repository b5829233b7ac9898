/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.trace/1": what agents say took its time; turn/span.h keeps it.
 */
#include "host/host_table.h"

#include "turn/span.h"

static troupe_status begin(troupe_turn *turn, const char *name, troupe_span *ret)
{
    return turn_span_begin(turn_frame_of(turn), name, ret);
}

static troupe_status set(troupe_turn *turn, troupe_span span, const char *key,
                         const troupe_value *value)
{
    return turn_span_set(turn_frame_of(turn), span, key, value);
}

static troupe_status end(troupe_turn *turn, troupe_span span, troupe_status outcome)
{
    return turn_span_end(turn_frame_of(turn), span, outcome);
}

const troupe_trace_v1 *host_trace_table(void)
{
    static const troupe_trace_v1 table = {
        .size = sizeof(table), .begin = begin, .set = set, .end = end};

    return &table;
}
