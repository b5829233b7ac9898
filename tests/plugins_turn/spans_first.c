/* SPDX-License-Identifier: Apache-2.0
 *
 * A stage that has a span and lets the next one answer.
 */
#include <troupe/troupe.h>

static troupe_status stage(troupe_turn *turn)
{
    troupe_span span = troupe_span_begin(turn, "first");

    return troupe_span_end(turn, span, TROUPE_NEXT);
}

TROUPE_PLUGIN("org.example.spans-first", "1.0.0", "Comes first", .stage = stage);
